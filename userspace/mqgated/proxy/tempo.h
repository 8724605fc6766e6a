/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How fast a client may send, and for how long it may be silent. Buckets of one client are its
 * session's; those of all clients of a listener, and of the members of a group, are shared by the
 * workers, and charged once a read, by compare and exchange. Called by the stages on the thread of
 * their worker.
 */
#ifndef MQG_TEMPO_H
#define MQG_TEMPO_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "config/limits.h"
#include "proxy/timer.h"

struct mqg_session;
struct mqg_worker;

/* Classes of a worker's timers: the first length, each of the others four times the one before. */
#define MQG_TEMPO_STEPS		12
#define MQG_TEMPO_FIRST_MS	10U

/*
 * Of all clients of a listener, or of the members of a group: when their buckets are full again,
 * CLOCK_MONOTONIC ns, and what fills them.
 */
struct mqg_tempo_all {
	_Atomic uint64_t	messages, bytes;
	_Atomic uint64_t	messages_rate, bytes_rate;	/* rate << 32 | burst */
	_Atomic uint64_t	paused;		/* group: reads after which a member had to wait */
};

struct mqg_tempo {
	struct mqg_timer	timer;
	uint64_t		messages, bytes;	/* as of struct mqg_tempo_all */
	struct mqg_tempo_all	**groups;	/* that it is in, then NULL; NULL = in none */
	uint64_t		until;		/* not read from before; 0 = it may be */
	uint64_t		heard;		/* last; CLOCK_MONOTONIC ns */
};

void mqg_tempo_setup(struct mqg_worker *worker);
/* Main thread. What was owed at another rate is forgotten. */
void mqg_tempo_set(struct mqg_tempo_all *all, const struct mqg_rates *rates);
void mqg_tempo_init(struct mqg_session *session);
/* It was let in: its keep alive begins. */
void mqg_tempo_begin(struct mqg_session *session);
/*
 * It has sent @bytes, in which @messages were published. False: it is over a rate, and its listener
 * ends who is; else it may have to wait, see mqg_tempo_waits().
 */
bool mqg_tempo_charge(struct mqg_session *session, uint64_t messages, uint64_t bytes);
bool mqg_tempo_waits(struct mqg_session *session);
void mqg_tempo_end(struct mqg_session *session);

/*
 * It has another grant, and with it groups; who waited is asked again by what holds now. Return: 0
 * or -ENOMEM.
 */
int mqg_tempo_join(struct mqg_session *session);
void mqg_tempo_leave(struct mqg_session *session);

#endif
