/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A queue of records of any length between two threads: one puts, one takes. No lock and no system
 * call; what does not fit is the putter's to drop. A record is written where it is read, and lies
 * in one piece.
 */
#ifndef MQG_TAP_RING_H
#define MQG_TAP_RING_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

struct mqg_ring {
	uint8_t			*data;
	size_t			size;		/* a power of two */
	_Alignas(64) _Atomic size_t put;	/* bytes ever; the putter's */
	_Alignas(64) _Atomic size_t taken;	/* the taker's */
};

/* @least: bytes; rounded up. 0 or -ENOMEM. */
int mqg_ring_init(struct mqg_ring *ring, size_t least);
void mqg_ring_exit(struct mqg_ring *ring);

/* Room for a record of @len bytes, aligned to eight; NULL: it does not fit now. */
void *mqg_ring_reserve(struct mqg_ring *ring, size_t len);
/* Hands the record over that was reserved last. */
void mqg_ring_commit(struct mqg_ring *ring, size_t len);

/* The oldest record and its length; NULL: there is none. */
const void *mqg_ring_peek(struct mqg_ring *ring, size_t *len);
/* Gives its room back. */
void mqg_ring_release(struct mqg_ring *ring);

#endif
