/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What is kept of one direction of a connection, inside struct mqg_client: where its bytes
 * stand, and the copies of those that the other side has not acknowledged. Owned by stream.c,
 * which is compiled in user space as well; guarded by client->lock.
 */
#ifndef MQG_SIDE_H
#define MQG_SIDE_H

#include <linux/types.h>

struct mqg_chunk;

/* mqg_side.flags */
#define MQG_SIDE_COMPARE	0x01	/* bytes are kept until acknowledged, and compared */
#define MQG_SIDE_LOOSE		0x02	/* numbers only: nothing is kept, nothing is delivered */
#define MQG_SIDE_FIN		0x04	/* a FIN was seen; @fin is where */
#define MQG_SIDE_FIN_ACKED	0x08	/* and acknowledged */
#define MQG_SIDE_NO_EDGE	0x10	/* window scale unknown: @edge says nothing */
#define MQG_SIDE_RESET		0x20	/* sent a RST that may have been accepted */
#define MQG_SIDE_BEGUN		0x40	/* @next has moved: payload went by in order */
#define MQG_SIDE_RESET_SEEN	0x80	/* sent one that is good, if it has arrived */

/**
 * struct mqg_side - one direction
 * @next:   sequence number of the next byte in order
 * @una:    of the first byte that the other side has not acknowledged
 * @edge:   of the first byte beyond the largest window that the other side announced
 * @fin:    of the FIN
 * @held:   bytes of memory in the kept bytes
 * @wscale: window scale of what this side announces
 * @flags:  MQG_SIDE_*
 * @stage:  plain: enum mqg_stage; TLS: flights of this side that answered one of the other
 *          (both of session.c)
 * @share:  of the memory for kept bytes (pool.h); set by client.c
 * @last:   the last of the kept bytes, which are ordered, without overlap; a ring: behind it is
 *          the first
 */
struct mqg_side {
	__u32			next;
	__u32			una;
	__u32			edge;
	__u32			fin;
	__u32			held;
	__u8			wscale;
	__u8			flags;
	__u8			stage;
	__u8			share;
	struct mqg_chunk	*last;
};

#endif /* MQG_SIDE_H */
