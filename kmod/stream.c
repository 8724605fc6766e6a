// SPDX-License-Identifier: GPL-2.0-only
/*
 * The TCP follower; see stream.h for its rules, who calls it and which lock guards it.
 */
#include "stream.h"

#ifdef __KERNEL__
#include <linux/minmax.h>
#include <linux/string.h>
#else
#include <string.h>
#endif
#include <linux/mqgate.h>

/* The window of a SYN or SYN-ACK is not scaled (RFC 7323, 2.2). */
#define FIRST_WINDOW	65535U

/* The largest window there is, RFC 7323, 2.3: numbers further off belong to nothing. */
#define NEAR		(1U << 30)

static __u32 later(__u32 a, __u32 b)
{
	return mqg_seq_before(a, b) ? b : a;
}

static __u32 earlier(__u32 a, __u32 b)
{
	return mqg_seq_before(a, b) ? a : b;
}

static __u32 end_of(const struct mqg_chunk *chunk)
{
	return chunk->seq + chunk->length;
}

static __u32 size_of(const struct mqg_chunk *chunk)
{
	return sizeof(*chunk) + chunk->capacity;
}

static void drop(const struct mqg_side *side, struct mqg_chunk *chunk)
{
	mqg_stream_free(chunk, size_of(chunk), side->share);
}

/* Kept bytes are a ring, so that one pointer finds both ends. */
static struct mqg_chunk *first_of(const struct mqg_side *side)
{
	return side->last ? side->last->next : NULL;
}

static struct mqg_chunk *next_of(const struct mqg_side *side, const struct mqg_chunk *chunk)
{
	return chunk == side->last ? NULL : chunk->next;
}

static void drop_first(struct mqg_side *side)
{
	struct mqg_chunk *chunk = first_of(side);

	side->held -= size_of(chunk);
	if (chunk == side->last)
		side->last = NULL;
	else
		side->last->next = chunk->next;
	drop(side, chunk);
}

/* Forgets what lies before @seq. */
static void trim(struct mqg_side *side, __u32 seq)
{
	struct mqg_chunk *chunk;

	while ((chunk = first_of(side)) && !mqg_seq_before(seq, end_of(chunk)))
		drop_first(side);
}

/* The last chunk that begins at or before @seq, or NULL. */
static struct mqg_chunk *find(const struct mqg_side *side, __u32 seq)
{
	struct mqg_chunk *chunk, *found = NULL;

	if (side->last && !mqg_seq_before(seq, side->last->seq))
		return side->last;
	for (chunk = first_of(side); chunk && !mqg_seq_before(seq, chunk->seq);
	     chunk = next_of(side, chunk))
		found = chunk;
	return found;
}

static bool same(const struct mqg_offer *offer, __u32 seq, const __u8 *data, __u32 length)
{
	__u8 buffer[MQG_PAYLOAD_BUFFER];
	const void *bytes;
	__u32 n;

	while (length) {
		n = length;
		bytes = mqg_payload_at(offer->payload, seq - offer->seq, &n, buffer);
		if (!bytes || memcmp(bytes, data, n))
			return false;
		seq += n;
		data += n;
		length -= n;
	}
	return true;
}

static bool copy(const struct mqg_offer *offer, __u32 seq, __u8 *to, __u32 length)
{
	__u8 buffer[MQG_PAYLOAD_BUFFER];
	const void *bytes;
	__u32 n;

	while (length) {
		n = length;
		bytes = mqg_payload_at(offer->payload, seq - offer->seq, &n, buffer);
		if (!bytes)
			return false;
		memcpy(to, bytes, n);
		seq += n;
		to += n;
		length -= n;
	}
	return true;
}

/* Are the kept bytes between @from and @end those of the segment? */
static bool agrees(const struct mqg_side *side, const struct mqg_offer *offer, __u32 from,
		   __u32 end)
{
	const struct mqg_chunk *chunk = find(side, from);
	__u32 lo, hi;

	for (chunk = chunk ? chunk : first_of(side); chunk; chunk = next_of(side, chunk)) {
		if (!mqg_seq_before(chunk->seq, end))
			break;
		lo = later(from, chunk->seq);
		hi = earlier(end, end_of(chunk));
		if (mqg_seq_before(lo, hi) &&
		    !same(offer, lo, chunk->data + (lo - chunk->seq), hi - lo))
			return false;
	}
	return true;
}

/* What is to be added to the kept bytes, until all of it is there. */
struct addition {
	struct mqg_chunk	*first;
	struct mqg_chunk	*last;
	__u32			held;
	__u16			grown;		/* in the room of side->last */
};

static void abandon(const struct mqg_side *side, struct addition *add)
{
	struct mqg_chunk *chunk;

	while ((chunk = add->first)) {
		add->first = chunk->next;
		drop(side, chunk);
	}
}

/* Return: whether there was memory for @length bytes at @seq. */
static bool prepare(const struct mqg_side *side, const struct mqg_offer *offer,
		    struct addition *add, __u32 seq, __u32 length)
{
	__u32 limit = mqg_seq_before(side->next, seq) ? offer->limit / 2 : offer->limit;
	struct mqg_chunk *chunk = side->last;
	__u32 n;

	if (chunk && !add->first && seq == end_of(chunk)) {
		n = chunk->capacity - chunk->length;
		n = n < length ? n : length;
		if (!copy(offer, seq, chunk->data + chunk->length, n))
			return false;
		add->grown = n;
		seq += n;
		length -= n;
	}
	for (; length; length -= n, seq += n) {
		__u32 capacity = length < MQG_CHUNK_ROOM ? MQG_CHUNK_ROOM : length;

		if (capacity > MQG_CHUNK_MAX)
			capacity = MQG_CHUNK_MAX;
		n = capacity < length ? capacity : length;
		add->held += sizeof(*chunk) + capacity;
		if (add->held > limit || side->held > limit - add->held)
			return false;
		chunk = mqg_stream_alloc(sizeof(*chunk) + capacity, side->share);
		if (!chunk)
			return false;
		*chunk = (struct mqg_chunk) {
			.seq		= seq,
			.length		= n,
			.capacity	= capacity,
		};
		if (add->last)
			add->last->next = chunk;
		else
			add->first = chunk;
		add->last = chunk;
		if (!copy(offer, seq, chunk->data, n))
			return false;
	}
	return true;
}

static void commit(struct mqg_side *side, const struct addition *add)
{
	struct mqg_chunk *chunk = add->first, *before, *next;

	if (add->grown)
		side->last->length += add->grown;
	side->held += add->held;
	for (; chunk; chunk = next) {
		next = chunk->next;
		before = find(side, chunk->seq);
		if (!side->last) {
			chunk->next = chunk;
			side->last = chunk;
			continue;
		}
		/* Before the first one is behind the last. */
		chunk->next = before ? before->next : side->last->next;
		if (before)
			before->next = chunk;
		else
			side->last->next = chunk;
		if (before == side->last)
			side->last = chunk;
	}
}

/* Keeps what is not kept yet between @from and @end. Return: whether there was memory. */
static bool keep(struct mqg_side *side, const struct mqg_offer *offer, __u32 from, __u32 end)
{
	const struct mqg_chunk *chunk = find(side, from);
	struct addition add = { 0 };
	__u32 gap;

	for (chunk = chunk ? chunk : first_of(side); mqg_seq_before(from, end);
	     chunk = chunk ? next_of(side, chunk) : NULL) {
		gap = chunk ? earlier(end, chunk->seq) : end;
		if (mqg_seq_before(from, gap) && !prepare(side, offer, &add, from, gap - from)) {
			abandon(side, &add);
			return false;
		}
		if (chunk)
			from = later(from, end_of(chunk));
		else
			from = end;
	}
	commit(side, &add);
	return true;
}

/* Moves @side->next over what is in a row now. Return: where it began in the kept bytes. */
static struct mqg_chunk *advance(struct mqg_side *side)
{
	struct mqg_chunk *chunk = find(side, side->next), *at = NULL;

	for (; chunk && !mqg_seq_before(side->next, chunk->seq); chunk = next_of(side, chunk)) {
		if (!mqg_seq_before(side->next, end_of(chunk)))
			continue;
		if (!at)
			at = chunk;
		side->next = end_of(chunk);
	}
	return at;
}

/**
 * mqg_stream_begin - follow a direction
 * @side: to fill in
 * @next: sequence number of its next byte
 * @wscale: window scale of what this side announces
 * @flags: MQG_SIDE_COMPARE, MQG_SIDE_LOOSE, MQG_SIDE_NO_EDGE or 0
 */
void mqg_stream_begin(struct mqg_side *side, __u32 next, __u8 wscale, __u8 flags)
{
	*side = (struct mqg_side) {
		.next	= next,
		.una	= next,
		.edge	= next + FIRST_WINDOW,
		.wscale	= wscale < 14 ? wscale : 14,
		.flags	= flags,
	};
}

/**
 * mqg_stream_end - give all memory of a direction back
 * @side: begun before
 */
void mqg_stream_end(struct mqg_side *side)
{
	while (side->last)
		drop_first(side);
}

/**
 * mqg_stream_loosen - from now on follow numbers only
 * @side: begun before
 */
void mqg_stream_loosen(struct mqg_side *side)
{
	mqg_stream_end(side);
	side->flags |= MQG_SIDE_LOOSE;
}

static struct mqg_taken answer(__u8 status, __u8 reason)
{
	return (struct mqg_taken) { .status = status, .reason = reason };
}

/* A FIN stays where it is, and nothing lies behind it. */
static bool fin_holds(const struct mqg_side *side, const struct mqg_offer *offer)
{
	__u32 end = offer->seq + offer->length;
	__u32 top = side->last ? later(side->next, end_of(side->last)) : side->next;

	if (side->flags & MQG_SIDE_FIN)
		return offer->fin ? end == side->fin : !mqg_seq_before(side->fin, end);
	return !offer->fin || !mqg_seq_before(end, top);
}

/* A closed window is probed with one byte, RFC 9293, 3.8.6.1. */
static bool beyond_window(const struct mqg_side *side, const struct mqg_offer *offer)
{
	if (side->flags & MQG_SIDE_NO_EDGE || mqg_seq_before(offer->seq, side->edge))
		return false;
	return offer->seq != side->edge || offer->length > 1;
}

static struct mqg_taken take_loosely(struct mqg_side *side, const struct mqg_offer *offer)
{
	__u32 end = offer->seq + offer->length;

	side->next = later(side->next, end);
	if (offer->fin) {
		side->flags |= MQG_SIDE_FIN;
		side->fin = end;
	}
	return (struct mqg_taken) { .status = MQG_STREAM_TAKEN, .seq = side->next };
}

/**
 * mqg_stream_take - a segment of this direction
 * @side: begun before
 * @offer: the segment
 *
 * When the answer is not TAKEN nothing has changed. Otherwise the bytes from @seq of the
 * answer up to @side->next are in order now; read them with mqg_stream_read(), then call
 * mqg_stream_done().
 *
 * Return: see struct mqg_taken.
 */
struct mqg_taken mqg_stream_take(struct mqg_side *side, const struct mqg_offer *offer)
{
	struct mqg_taken taken = { .status = MQG_STREAM_TAKEN, .seq = side->next };
	__u32 end = offer->seq + offer->length, from = later(offer->seq, side->una);

	if (side->flags & MQG_SIDE_LOOSE)
		return take_loosely(side, offer);
	if (!offer->length && !offer->fin)
		return taken;
	if (offer->length >= NEAR || end - side->una + NEAR >= 2 * NEAR)
		return answer(MQG_STREAM_LATER, MQGATE_REASON_STREAM_WINDOW);
	if (mqg_seq_before(end, side->una) ||
	    (end == side->una && !(offer->fin && end == side->next)))
		return taken;
	if (beyond_window(side, offer))
		return answer(MQG_STREAM_LATER, MQGATE_REASON_STREAM_WINDOW);
	if (!fin_holds(side, offer))
		return answer(MQG_STREAM_LIE, MQGATE_REASON_STREAM_FIN);
	if (!agrees(side, offer, from, end))
		return answer(MQG_STREAM_LIE, MQGATE_REASON_STREAM_OVERLAP);

	from = later(from, side->next);
	if (!(side->flags & MQG_SIDE_COMPARE) && !side->last && from == side->next) {
		side->next = later(side->next, end);
	} else {
		if (!keep(side, offer, from, end))
			return answer(MQG_STREAM_LATER, MQGATE_REASON_STREAM_MEMORY);
		taken.at = advance(side);
	}
	if (offer->fin) {
		side->flags |= MQG_SIDE_FIN;
		side->fin = end;
	}
	return taken;
}

/**
 * mqg_stream_read - some of the bytes that are newly in order
 * @side: as mqg_stream_take() left it
 * @offer: the segment
 * @taken: the answer to it; moves on
 * @data: out: where they are
 * @buffer: may be used for them
 *
 * Return: how many; 0 when there are no more.
 */
__u32 mqg_stream_read(const struct mqg_side *side, const struct mqg_offer *offer,
		      struct mqg_taken *taken, const __u8 **data,
		      __u8 buffer[MQG_PAYLOAD_BUFFER])
{
	__u32 n = side->next - taken->seq, at;

	if (!n)
		return 0;
	if (taken->at) {
		at = taken->seq - taken->at->seq;
		*data = taken->at->data + at;
		n = taken->at->length - at;
		taken->at = next_of(side, taken->at);
	} else {
		*data = mqg_payload_at(offer->payload, taken->seq - offer->seq, &n, buffer);
		if (!*data)
			return 0;
	}
	taken->seq += n;
	return n;
}

/**
 * mqg_stream_done - what was in order has been read
 * @side: as mqg_stream_take() left it
 */
void mqg_stream_done(struct mqg_side *side)
{
	if (!(side->flags & MQG_SIDE_COMPARE))
		trim(side, side->next);
}

/**
 * mqg_stream_ack - the other side acknowledges
 * @side: the direction that is acknowledged
 * @ack: acknowledgement number
 * @window: what is announced with it, scaled
 *
 * Return: MQGATE_REASON_NONE, or why it cannot be.
 */
__u8 mqg_stream_ack(struct mqg_side *side, __u32 ack, __u32 window)
{
	__u32 top = side->next + mqg_stream_finished(side);

	if (mqg_seq_before(ack, side->una))
		return MQGATE_REASON_NONE;
	if (mqg_seq_before(top, ack)) {
		if (!(side->flags & MQG_SIDE_LOOSE))
			return MQGATE_REASON_STREAM_UNSEEN;
		side->next = ack;
	}
	side->una = ack;
	side->edge = later(side->edge, ack + window);
	if (side->flags & MQG_SIDE_FIN && ack == side->fin + 1)
		side->flags |= MQG_SIDE_FIN_ACKED;
	trim(side, ack);
	return MQGATE_REASON_NONE;
}

/**
 * mqg_stream_reset - a RST of this direction; RFC 5961, 3.2 and RFC 9293, 3.10.7.1
 * @side: the direction that sends it
 * @seq: its sequence number
 *
 * The receiver expects a byte that lies between what it has acknowledged and what has passed
 * here: only where the two are the same it is known which.
 *
 * Return: enum mqg_stream_reset.
 */
enum mqg_stream_reset mqg_stream_reset(const struct mqg_side *side, __u32 seq)
{
	__u32 top = side->next + mqg_stream_finished(side);

	if (mqg_seq_before(seq, side->una) || mqg_seq_before(top, seq))
		return MQG_RESET_INVALID;
	return side->una == top ? MQG_RESET_CERTAIN : MQG_RESET_MAYBE;
}
