/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A tapped message as it waits in a queue, and as a line of JSON. Lines are made on the thread that
 * writes them; no lock.
 */
#ifndef MQG_TAP_LINE_H
#define MQG_TAP_LINE_H

#include "config/tap.h"

/* Behind it: listener, identity, client identifier, topic, payload. */
struct mqg_tap_record {
	uint64_t	time;		/* CLOCK_REALTIME ns */
	uint32_t	payload_len, payload_here;
	uint16_t	listener_len, identity_len, client_id_len, topic_len;
	uint8_t		qos;
	bool		up, retain, dup;
};

/*
 * An allocated line without its end, NULL where there is no memory. What leaves is what the tap
 * says:
 *
 *  - identities hash or omit: the identity, the client identifier, and every level of the topic
 *    that equals one of the two;
 *  - redact: the values of these keys, wherever in the JSON of a payload. One that is no JSON, or
 *    was cut, does not leave at all.
 */
char *mqg_tap_line(const struct mqg_tap_config *tap, const struct mqg_tap_record *record);

#endif
