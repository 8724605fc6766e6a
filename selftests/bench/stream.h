/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The benchmark of messages: devices with mutual TLS that publish, and the broker's end of their
 * sessions, where the messages come out of a plain TCP connection each. Both are one thread on the
 * first CPU, so that what is measured has the last one for itself. Servers are those of tls.h.
 */
#ifndef MQG_BENCH_STREAM_H
#define MQG_BENCH_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define STREAM_SUBSCRIBERS	1884	/* clear text, of a broker that ends TLS itself */

struct stream_rung {
	const char	*id, *what;
	size_t		payload;	/* bytes of a message */
	uint32_t	batch;		/* messages a record */
};

struct tls_server;
struct stream_load;

/*
 * @devices sessions through @s. Where @broker they end there, and each has a subscriber of its own
 * that gets the messages; else @s dials the broker that this is. The first message of each is
 * compared byte by byte. Exits with a message where it does not come through.
 */
struct stream_load *stream_load_new(const char *dir, const struct tls_server *s, uint32_t devices,
				    bool broker);
void stream_load_free(struct stream_load *load);

/* A record a device is under way, and when it is there the next one leaves. */
void stream_load_run(struct stream_load *load, const struct stream_rung *rung, uint64_t messages);

/* @rate messages a second, evenly, the devices in turn. Return: the 99th percentile, us. */
double stream_load_p99(struct stream_load *load, const struct stream_rung *rung, double rate,
		       uint32_t messages);

/* The relay that does not parse: stream_relay.c. Does not return. */
void stream_relay_run(const char *dir);

#endif
