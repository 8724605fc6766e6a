/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Who holds a client identifier, and what it means when another connection is accepted with it:
 * a device that reconnects, a takeover, or two that both believe it is theirs. Used by intern.c
 * under its lock, and by selftests/stream in user space; no state of its own.
 */
#ifndef MQG_HOLDER_H
#define MQG_HOLDER_H

#ifndef __KERNEL__
#include <stdbool.h>
#endif
#include <linux/types.h>

/* An identifier that is back within this time where it was taken from has two holders. */
#define MQG_HOLDER_BACK_S	60U

/* What a connection does that was accepted with an identifier. */
enum mqg_hold {
	MQG_HOLD_FRESH,		/* nobody had it */
	MQG_HOLD_RECONNECT,	/* same source, or the old connection was over, late or silent */
	MQG_HOLD_TAKEOVER,	/* another source had it, in a connection that was in order */
	MQG_HOLD_TWO,		/* and had it taken from this one just before */
};

/**
 * struct mqg_holder - of one identifier
 * @source: hash of the address that holds it, or did last; never 0 once it was held
 * @before: of the one before that; 0 none
 * @moved:  second when it went from @before to @source, modulo 2^16
 */
struct mqg_holder {
	__u32	source;
	__u32	before;
	__u16	moved;
};

/**
 * mqg_holder_take - a connection was accepted with this identifier
 * @holder: to change
 * @source: hash of its address, not 0
 * @takes: somebody else had it when the connection asked for it
 * @alive: and that one's connection was in order: not closing, not late, not silent
 * @now: the second it is, modulo 2^16
 */
static inline enum mqg_hold mqg_holder_take(struct mqg_holder *holder, __u32 source, bool takes,
					    bool alive, __u16 now)
{
	bool moves = holder->source && holder->source != source;
	bool back = moves && source == holder->before &&
		    (__u16)(now - holder->moved) <= MQG_HOLDER_BACK_S;

	if (moves) {
		holder->before = holder->source;
		holder->moved = now;
	}
	holder->source = source;
	if (!takes)
		return MQG_HOLD_FRESH;
	if (!moves || !alive)
		return MQG_HOLD_RECONNECT;
	return back ? MQG_HOLD_TWO : MQG_HOLD_TAKEOVER;
}

#endif /* MQG_HOLDER_H */
