/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Device data for analysis: chosen messages, or what is known of them, leave as JSON lines or MQTT
 * messages. A worker copies what a tap wants into a queue of its own (ring.h) and goes on; what
 * finds the queue full is dropped and counted. One thread makes lines of it (line.h) and writes
 * them (sink.h), so that a slow or absent endpoint holds nobody up.
 *
 * Made and ended by the main thread; each worker calls mqg_taps_note() with its own number.
 */
#ifndef MQG_TAP_H
#define MQG_TAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/config.h"

struct mqg_taps;

/* A PUBLISH that was let through. Texts may be NULL. */
struct mqg_tapped {
	const char	*listener, *identity, *client_id;
	const uint8_t	*topic, *payload;
	size_t		topic_len;
	size_t		payload_here;	/* bytes at @payload, ... */
	size_t		payload_len;	/* ... of so many */
	uint8_t		qos;
	bool		retain, dup;
	bool		up;		/* from a client */
};

/* @config stays as long. *@taps is NULL where none are configured. 0 or -ENOMEM. */
int mqg_taps_alloc(const struct mqg_config *config, size_t workers, struct mqg_taps **taps);
/* Starts the thread that writes. 0 or -errno. */
int mqg_taps_start(struct mqg_taps *taps);
/* Nobody notes any more. What waits is written, for a bounded time. */
void mqg_taps_stop(struct mqg_taps *taps);
/* Counts of taps of the same name go on where @before, that has been stopped, left off. */
void mqg_taps_inherit(struct mqg_taps *taps, const struct mqg_taps *before);
void mqg_taps_free(struct mqg_taps *taps);

/* On the thread of @worker. NULL is nothing. */
void mqg_taps_note(struct mqg_taps *taps, size_t worker, const struct mqg_tapped *message);

/**
 * struct mqg_tap_counts - of one tap
 * @sent:    messages that were handed to the endpoint
 * @full:    that found the queue full
 * @limited: beyond its rate
 * @lost:    that the endpoint did not take before it went away
 * @up:      the endpoint was reached
 */
struct mqg_tap_counts {
	uint64_t	sent, full, limited, lost;
	bool		up;
};
/* @i: its place in the configuration. */
void mqg_taps_counts(const struct mqg_taps *taps, size_t i, struct mqg_tap_counts *counts);

#endif
