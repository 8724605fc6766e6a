/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A connection around kmod/stream.c: what passes it goes over a network that may lose it, to a
 * receiver that reassembles as TCP does (RFC 9293, 3.10.7.4) by bytes and flags, not by lists.
 * Used by stream_test.c and fuzz_stream.c; one thread.
 */
#ifndef MODEL_H
#define MODEL_H

#include <stdbool.h>
#include <stdint.h>

#include "stream.h"

#define MODEL_BYTES	8192U

/* Of two copies of a byte behind a gap, which one a receiver keeps: both kinds exist. */
enum model_policy {
	MODEL_FIRST_WINS,
	MODEL_LAST_WINS,
};

struct model {
	struct mqg_side		side;
	enum model_policy	policy;
	uint32_t		start;		/* sequence number of byte 0 */
	uint32_t		limit;		/* memory of the stream */
	uint32_t		window;		/* of the receiver */

	uint8_t			read[MODEL_BYTES];	/* what the follower delivered */
	uint32_t		read_len;

	uint8_t			got[MODEL_BYTES];	/* what the receiver has */
	bool			have[MODEL_BYTES + 1];
	uint32_t		next;		/* the receiver's next byte */
	uint32_t		fin;		/* where it saw a FIN */
	bool			fin_seen;
	bool			closed;

	unsigned int		lies;		/* segments answered LIE */
	unsigned int		dropped;	/* answered LATER */
};

/* A segment: @at counts from byte 0. */
struct model_segment {
	uint32_t	at;
	uint32_t	length;
	const uint8_t	*bytes;
	bool		fin;
	bool		lost;		/* behind the follower */
};

extern long model_allocated;		/* bytes that the follower holds, of all models */
extern unsigned int model_fail_every;	/* this many allocations, then one fails; 0: none does */

void model_begin(struct model *m, uint32_t start, uint32_t limit, uint32_t window, uint8_t flags,
		 enum model_policy policy);
void model_end(struct model *m);

/* Return: enum mqg_stream_status */
int model_send(struct model *m, const struct model_segment *segment);
void model_ack(struct model *m);

/* A complaint, or NULL while the follower and the receiver agree. */
const char *model_agrees(const struct model *m);

#endif
