/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One direction of a TCP connection, its bytes in order. Rules:
 *
 *   retransmission  a byte that passed and is not acknowledged yet may come again, but not
 *                   as another one: with MQG_SIDE_COMPARE copies are kept to tell. What is
 *                   acknowledged may be anything: the receiver has it, and ignores it
 *   out of order    passes, and a copy is kept until the gap is filled; nobody reads beyond
 *                   a gap, so the segment that fills it answers for all behind it
 *   memory          bounded by the caller, half of it for what is out of order; a segment
 *                   that does not fit is dropped, and TCP brings it again. A repetition
 *                   needs no memory, so a connection never waits for itself
 *   window          nothing beyond what the receiver announced, but for a probe of one byte
 *
 * Called by session.c under client->lock, and by selftests/stream in user space, which brings
 * its own mqg_payload_at() and mqg_stream_alloc(). Nothing here sleeps or logs.
 */
#ifndef MQG_STREAM_H
#define MQG_STREAM_H

#ifdef __KERNEL__
#include <linux/types.h>
#else
#include <stdbool.h>
#include <stddef.h>
#include <linux/types.h>
#endif

#include "side.h"

struct mqg_payload;

/* Kept bytes. */
struct mqg_chunk {
	struct mqg_chunk	*next;
	__u32			seq;
	__u16			length;
	__u16			capacity;
	__u8			data[];
};

#define MQG_CHUNK_MAX		(4096U - sizeof(struct mqg_chunk))

/* A chunk's room for what follows it: many small segments are not many chunks. */
#define MQG_CHUNK_ROOM		(256U - sizeof(struct mqg_chunk))

#define MQG_PAYLOAD_BUFFER	256U

/**
 * struct mqg_offer - a segment, as a stream sees it
 * @payload: its bytes, by mqg_payload_at()
 * @limit:   memory that this stream may hold, bytes
 * @seq:     of its first byte
 * @length:  bytes of payload
 * @fin:     whether it ends the stream
 */
struct mqg_offer {
	const struct mqg_payload	*payload;
	__u32				limit;
	__u32				seq;
	__u32				length;
	bool				fin;
};

/* What a stream says of a segment. */
enum mqg_stream_status {
	MQG_STREAM_TAKEN,	/* passes; mqg_stream_read() has the bytes that are now in order */
	MQG_STREAM_LATER,	/* does not fit now: drop it, no offence */
	MQG_STREAM_LIE,		/* contradicts what passed before */
};

/* Of a reset. */
enum mqg_stream_reset {
	MQG_RESET_INVALID,	/* the receiver would not accept it */
	MQG_RESET_MAYBE,	/* depends on what has reached the receiver */
	MQG_RESET_CERTAIN,
};

/**
 * struct mqg_taken - answer of mqg_stream_take()
 * @status: enum mqg_stream_status
 * @reason: enum mqgate_reason, unless TAKEN
 * @seq:    of the first byte that is newly in order; mqg_stream_read() moves it
 * @at:     where in the kept bytes; NULL: straight from the segment
 */
struct mqg_taken {
	__u8			status;
	__u8			reason;
	__u32			seq;
	struct mqg_chunk	*at;
};

/* Hooks of the world around. */

/*
 * A place where some of the bytes from @offset on are in a row: at least one of @length, which is
 * cut to how many there are; @buffer may be used for them.
 */
const void *mqg_payload_at(const struct mqg_payload *payload, __u32 offset, __u32 *length,
			   __u8 buffer[MQG_PAYLOAD_BUFFER]);
void *mqg_stream_alloc(size_t size, __u8 share);
void mqg_stream_free(void *memory, size_t size, __u8 share);

/* Sequence numbers, RFC 9293, 3.4 */
static inline bool mqg_seq_before(__u32 a, __u32 b)
{
	return (__s32)(a - b) < 0;
}

void mqg_stream_begin(struct mqg_side *side, __u32 next, __u8 wscale, __u8 flags);
void mqg_stream_end(struct mqg_side *side);
void mqg_stream_loosen(struct mqg_side *side);
struct mqg_taken mqg_stream_take(struct mqg_side *side, const struct mqg_offer *offer);
__u32 mqg_stream_read(const struct mqg_side *side, const struct mqg_offer *offer,
		      struct mqg_taken *taken, const __u8 **data,
		      __u8 buffer[MQG_PAYLOAD_BUFFER]);
void mqg_stream_done(struct mqg_side *side);
__u8 mqg_stream_ack(struct mqg_side *side, __u32 ack, __u32 window);
enum mqg_stream_reset mqg_stream_reset(const struct mqg_side *side, __u32 seq);

/* All bytes up to the FIN are there, and the FIN. */
static inline bool mqg_stream_finished(const struct mqg_side *side)
{
	return side->flags & MQG_SIDE_FIN && side->next == side->fin;
}

#endif /* MQG_STREAM_H */
