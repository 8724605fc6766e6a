/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Deliveries that a client has no room for yet. A broker may have no more messages of QoS 1 and 2
 * under way to a client than its Receive Maximum (MQTT 5, 3.3.4 and 4.9). One that has (mosquitto
 * 2.0.11, where the client takes more than one and is slow) is not cut off from its clients: what
 * is too much waits here, in its order, until one of the others was acknowledged. All other packets
 * pass. Part of a session's ledger, see ledger.h.
 */
#ifndef MQG_MESSAGE_BACKLOG_H
#define MQG_MESSAGE_BACKLOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Bytes from which on the broker is not read from. Where nothing waits for the client, as with QoS
 * 2 between PUBREC and PUBREL, that could go on for ever: there what is more than this goes out,
 * and the client is the judge of its broker.
 */
#define MQG_BACKLOG_MAX		(64U << 10)

/* A PUBLISH with its topic and without an alias, as far as it has come; or more of its payload. */
struct mqg_delayed {
	struct mqg_delayed	*next;
	uint32_t	len;
	bool		begins;
	uint8_t		data[];
};

struct mqg_backlog {
	struct mqg_delayed	*first, *last;
	uint32_t	n;		/* messages */
	size_t		bytes;
};

/* Forgets all. */
void mqg_backlog_exit(struct mqg_backlog *backlog);

#endif
