/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The judge from the inside, for the files of this folder. Everything below `lock` is guarded by
 * it, but `pins` is replaced by the main thread alone, which may therefore read it without.
 */
#ifndef MQG_JUDGE_STATE_H
#define MQG_JUDGE_STATE_H

#include <pthread.h>

#include "common/batch.h"
#include "common/net.h"
#include "common/pins.h"
#include "judge/flows.h"
#include "judge/judge.h"
#include "judge/manage.h"
#include "judge/refusals.h"
#include "judge/score.h"

#define NS_PER_S	1000000000ULL
#define ALLOW_FOR	(120 * NS_PER_S)	/* life of an ALLOW entry without a refresh */
#define ALLOW_REFRESH	(30 * NS_PER_S)
#define LEASE_FOR	(5 * NS_PER_S)
#define REAP_EVERY	(10 * NS_PER_S)

/* Of fill.c; zero where no map is being walked. */
struct mqg_fill {
	struct mqg_walk		walk;
	bool			walking;
	size_t			map, n;
	uint64_t		next;
};

struct mqg_judge {
	const struct mqg_config		*config;
	uint64_t			(*clock)(void);

	pthread_mutex_t			lock;
	struct mqg_pins			pins;
	bool				have_pins;
	bool			retired;	/* main thread */
	struct mqg_score		*score;
	struct mqg_flows		*flows;
	struct mqg_refusals		*refusals;
	struct mqg_judge_counts		counts;
	uint64_t			refused[MQGATE_SERVICES][MQGATE_REASON_MAX];

	/* Set before there are workers. */
	mqg_flow_fn			flow_fn;
	void				*flow_arg;

	/* The main thread's own. */
	struct mqgate_source_key	*allow;		/* the configured allow list, sorted */
	char				pins_error[512];
	uint64_t			pins_inode;	/* of the pinned sources map */
	uint64_t			next_reap, next_refresh;
	uint64_t			flood[MQGATE_SERVICES];	/* since when it is in the log */
	struct mqg_bulk			*bulk;
	struct mqg_fill			fill;
	int				events_lock;	/* held while the daemon reads, -1 = not */
	bool				events_said;	/* why they cannot be read is in the log */
	struct ring_buffer		*ring;
	unsigned int			ring_generation;
	mqg_event_fn			event_fn;
	void				*event_arg;
};

/* ---- judge.c: with the lock held ------------------------------------------------------ */

bool mqg_judge_allow_listed(const struct mqg_judge *judge, const struct mqgate_source_key *key);

/* One piece of evidence against @addr; bans its source where that is due. */
void mqg_judge_evidence(struct mqg_judge *judge, const uint8_t addr[16], uint32_t reason,
			uint64_t now);

/*
 * Writes or refreshes the ALLOW entry of a live flow. Return: 0, -EPERM where the module refused
 * it, another -errno.
 */
int mqg_judge_allow_write(struct mqg_judge *judge, const struct mqg_live_flow *flow, uint64_t now);

/* Writes a verdict; counts and logs a full map. Return: 0 or -errno. */
int mqg_judge_verdict_write(struct mqg_judge *judge, const struct mqg_net *net,
			    const struct mqgate_verdict *verdict);

/* True when the verdict that decides over @addr now is DROP or RESET, and not one by score. */
bool mqg_judge_operator_bans(struct mqg_judge *judge, const uint8_t addr[16], uint64_t now);

/* ---- operator.c: with the lock held ---------------------------------------------------- */

/* Marks a live flow whose verdict may have changed, so that no refresh brings back its ALLOW. */
void mqg_judge_withhold(struct mqg_judge *judge, struct mqg_live_flow *flow, uint64_t now);

/* ---- bulk.c: main thread, without the lock ------------------------------------------------ */

/* Return: -ENOMEM, -errno of the timer. */
int mqg_bulk_setup(struct mqg_judge *judge);
void mqg_bulk_teardown(struct mqg_judge *judge);
/* Before the maps go. */
void mqg_bulk_stop(struct mqg_judge *judge);
/* What is over is removed, unless something is being done. */
void mqg_bulk_reap(struct mqg_judge *judge);
/* The loaded set gives way to an empty one; returns when it holds no longer. */
int mqg_bulk_empty(struct mqg_judge *judge, char *unsaved, size_t size);
/* Maps that never had a set get the one of the state directory. */
void mqg_bulk_restore(struct mqg_judge *judge);

/* ---- adopt.c: main thread, without the lock --------------------------------------------- */

/*
 * Reads maps that have just been opened and are not yet judge->pins: dead flows go, bans are
 * learnt, services and the configured allow list are written. Return: 0 or -errno.
 */
int mqg_judge_adopt(struct mqg_judge *judge, const struct mqg_pins *pins, uint64_t now);

/* Writes the configured allow list; an operator's ban stays. Return: 0 or -errno. */
int mqg_judge_allow_list_write(struct mqg_judge *judge, const struct mqg_pins *pins, uint64_t now);

/* Verdicts with their keys, collected while walking, so that they can be changed afterwards. */
struct mqg_found {
	struct mqg_net			net;
	struct mqgate_verdict		verdict;
};

struct mqg_found_list {
	struct mqg_found	*items;
	size_t			n, room;
};

typedef bool (*mqg_found_fn)(const struct mqg_found *found, const void *arg);
/* Collects what @want says yes to; NULL = everything. The list is freed by the caller. */
int mqg_found_collect(const struct mqg_pins *pins, mqg_found_fn want, const void *arg,
		      struct mqg_found_list *list);

/* ---- syn.c: main thread, without the lock ------------------------------------------------ */

/* Logs where a SYN flood has begun or ended. */
void mqg_judge_floods_watch(struct mqg_judge *judge, uint64_t now);

/* ---- fill.c: main thread, without the lock ------------------------------------------------ */

/* Counts on, a batch at most; to be called in each tick while maps are open. */
void mqg_judge_fill_step(struct mqg_judge *judge, uint64_t now);
/* Before the maps go. */
void mqg_judge_fill_stop(struct mqg_judge *judge);

/* ---- events.c: main thread, without the lock --------------------------------------------- */

/* Opens the ring buffer unless it is open. Its one reader may be `mqgate events` for a while. */
void mqg_judge_events_open(struct mqg_judge *judge);
void mqg_judge_events_close(struct mqg_judge *judge);

#endif
