/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * TCP's acknowledgements of a client that is only listened to. The kernel sends one for every small
 * record that is read off a connection on which nothing goes back, a twelfth of what relaying it
 * costs; for one on which something does it waits for that, 40 ms at most, or for a second record.
 * A client that sends fast is treated like the second kind.
 *
 * Where the 40 ms do pass the kernel goes back to acknowledging at once: a client whose own TCP
 * holds a record until the one before was acknowledged (Nagle) loses them once. How long it takes
 * until that is tried again doubles each time, up to every 65,536 reads; not where the client made
 * a pause of its own, longer than any acknowledgement waits.
 */
#ifndef MQG_DELACK_H
#define MQG_DELACK_H

#include <stdbool.h>
#include <stdint.h>

struct mqg_delack {
	uint64_t	since;		/* CLOCK_MONOTONIC ns: the first of `reads` ... */
	uint64_t	last;		/* ... and the last */
	uint32_t	reads;
	uint32_t	next;		/* look when there are so many; 0 = none so far */
	bool		asked;		/* the kernel, to wait */
	bool		paused;		/* the client, since then */
};

#define MQG_DELACK_PAUSE_NS	250000000ULL

/* Out of the line: see below. */
void mqg_delack_look(struct mqg_delack *delack, int fd, uint64_t now);

/* Something was read off @fd. */
static inline void mqg_delack_count(struct mqg_delack *delack, int fd, uint64_t now)
{
	if (now - delack->last > MQG_DELACK_PAUSE_NS) {
		delack->since = now;
		delack->reads = 0;
		delack->paused = true;
	}
	delack->last = now;
	if (++delack->reads > delack->next)
		mqg_delack_look(delack, fd, now);
}

#endif
