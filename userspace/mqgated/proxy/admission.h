/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Who may begin a TLS handshake, and when: after its ClientHello was read and before OpenSSL
 * knows of the client. A source over its own budget is refused; where all together are at theirs, a
 * client waits, those of known sources in front, a bounded time and a bounded number of them.
 *
 * It belongs to a worker and is touched by its thread only; what the workers share is the budget
 * (budget.h) and the numbers marked so.
 */
#ifndef MQG_ADMISSION_H
#define MQG_ADMISSION_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "proxy/budget.h"
#include "proxy/list.h"
#include "proxy/timer.h"

struct mqg_session;
struct mqg_worker;

/* How often those who wait are looked after. */
#define MQG_ADMISSION_TICK_MS	10

/* One for all workers, as old as the proxy. */
struct mqg_door {
	struct mqg_budget	*budget;
	uint32_t		workers;
	_Atomic uint32_t	waiting[2];	/* strangers, known */
	_Atomic uint64_t	begun, waited, refused_source, refused_rate, cut;
};

/* A worker's side of it. */
struct mqg_admission {
	struct mqg_door		*door;
	struct mqg_list		waiting[2];	/* strangers, known; who came first is first */
	struct mqg_list		running;	/* strangers; who began first is first */
	uint32_t		n_waiting[2], n_running;	/* the latter: known ones, too */
	struct mqg_timer	tick;
	struct mqg_timer_class	every;
};

/* A session's. */
struct mqg_admitted {
	struct mqg_list		link;		/* in waiting[] or running */
	uint64_t		since;		/* waits or runs, CLOCK_MONOTONIC ns */
	bool			waits, runs;
	bool			known;		/* its source was, when it came */
	bool			counted;	/* its source has it in its bucket */
	bool			vouches;	/* its source is known for it */
};

/* Return: 0 or -ENOMEM. */
int mqg_door_init(struct mqg_door *door, uint32_t workers);
void mqg_door_exit(struct mqg_door *door);
void mqg_admission_init(struct mqg_worker *worker, struct mqg_door *door);

/**
 * mqg_admission_ask() - may it begin its handshake?
 *
 * Return: MQGATE_REASON_NONE: at once; MQGATE_REASON_PASS_SUSPECT: it waits, mqg_hello_admitted()
 * or a refusal follows; else why it is refused.
 */
enum mqgate_reason mqg_admission_ask(struct mqg_session *session);
/*
 * The same before it exists: has this source begun so many that not even its ClientHello has to be
 * read? Counted then. @known: out
 */
bool mqg_admission_spent(struct mqg_worker *worker, const uint8_t addr[16], bool *known);
/* An SSL is made for it: counted. */
void mqg_admission_begun(struct mqg_session *session);
/* It does not wait or shake hands any more, for whatever cause. Harmless where it did neither. */
void mqg_admission_leave(struct mqg_session *session);

/* Its session was authenticated; and is over. */
void mqg_admission_vouch(struct mqg_session *session);
void mqg_admission_over(struct mqg_session *session);

#endif
