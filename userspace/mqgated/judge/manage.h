/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The main thread's side of the judge: making it, finding the pinned maps, its periodic work, the
 * operator's word, and what it tells about itself. Called by main() and the control socket in the
 * main thread only; judge.h is for the workers.
 */
#ifndef MQG_JUDGE_MANAGE_H
#define MQG_JUDGE_MANAGE_H

#include <stddef.h>

#include "common/load.h"
#include "common/net.h"
#include "common/pins.h"
#include "judge/flows.h"
#include "judge/judge.h"
#include "judge/refusals.h"
#include "judge/score.h"

/**
 * mqg_judge_alloc() - make the judge
 * @config: must outlive it
 * @clock:  boot time in nanoseconds; NULL = mqg_boottime_ns()
 *
 * Return: the judge or NULL when memory is out.
 */
struct mqg_judge *mqg_judge_alloc(const struct mqg_config *config, uint64_t (*clock)(void));
void mqg_judge_free(struct mqg_judge *judge);

/**
 * mqg_judge_configure() - go by another configuration
 * @config: must outlive the judge, or the next call
 *
 * Scores, allow list and services; what the maps hold follows at once where they are open. Bans
 * that are in force stay, with the length that they were given.
 * Return: 0, or -ENOMEM: nothing has changed. What a map refused is logged.
 */
int mqg_judge_configure(struct mqg_judge *judge, const struct mqg_config *config);

/**
 * mqg_judge_pins_check() - find, lose or change the pinned maps
 *
 * Opens them where they have appeared, adopts what they hold, writes services, allow list, bans
 * and live flows; lets them go where they have been removed or replaced.
 * Return: true while maps are open.
 */
bool mqg_judge_pins_check(struct mqg_judge *judge);

/* Periodic work; call it about once a second. */
/* From now on another daemon writes the maps: they are let go of, for good. Main thread. */
void mqg_judge_retire(struct mqg_judge *judge);
void mqg_judge_tick(struct mqg_judge *judge);

/* NULL while maps are open, else why they are not. */
const char *mqg_judge_pins_error(const struct mqg_judge *judge);
/* The open maps, NULL when there are none. Good until the next mqg_judge_pins_check(). */
const struct mqg_pins *mqg_judge_pins(const struct mqg_judge *judge);

/* ---- flows that workers report ---------------------------------------------------------- */

/*
 * Calls @fn whenever mqg_judge_allowed() has given a ticket (@allowed) and before
 * mqg_judge_closed() returns: in the worker's thread, without the lock, in that order for a
 * ticket. Of a flow that mqg_judge_ended() had ended before, @flow says so then. Not for flows
 * that the module vouches for. Set it before there are workers.
 */
typedef void (*mqg_flow_fn)(const struct mqg_live_flow *flow, const struct mqg_said *said,
			    uint64_t ticket, bool allowed, void *arg);
void mqg_judge_flows_watch(struct mqg_judge *judge, mqg_flow_fn fn, void *arg);

/* ---- sampled events of XDP ------------------------------------------------------------- */

typedef void (*mqg_event_fn)(const struct mqgate_event *event, void *arg);

/* Every event is scored and then handed to @fn. */
void mqg_judge_events_watch(struct mqg_judge *judge, mqg_event_fn fn, void *arg);

/* A descriptor to poll, -1 = none; @generation changes whenever it is another one. */
int mqg_judge_events_fd(const struct mqg_judge *judge, unsigned int *generation);
void mqg_judge_events_consume(struct mqg_judge *judge);

/* ---- the operator's word ----------------------------------------------------------------- */

struct mqg_verdict_done {
	bool	replaced;
	bool	uncovered;		/* what the loaded set says of it holds again */
	int	allow_removed;
	char	unsaved[700];		/* why it is lost when the machine restarts, or "" */
};

/* What an operator says of a network. */
struct mqg_word {
	struct mqg_net		net;
	enum mqgate_action	action;		/* DROP, LIMIT or PASS */
	uint32_t		rate;		/* of LIMIT, packets/s; 0 = default */
	uint64_t		ns;		/* how long; 0 = for ever */
	const char		*text;		/* the reason, or NULL */
};

/* Return: 0, -ENOENT without maps, -E2BIG, -errno. */
int mqg_judge_verdict_add(struct mqg_judge *judge, const struct mqg_word *word,
			  struct mqg_verdict_done *done);
/*
 * Removes verdict and score. Return: 0 or -ENOENT (no maps, or no verdict), -EBUSY (of the
 * configuration), -EROFS (of the loaded set), another -errno.
 */
int mqg_judge_verdict_del(struct mqg_judge *judge, const struct mqg_net *net,
			  struct mqg_verdict_done *done);

enum mqg_whose {
	MQG_OPERATORS,		/* single verdicts and the loaded set */
	MQG_DAEMONS, MQG_LOADED, MQG_EVERYBODYS,
};

/* Return: how many single verdicts were removed, or -errno. The loaded set holds no longer. */
int mqg_judge_verdict_flush(struct mqg_judge *judge, enum mqg_whose whose,
			    struct mqg_verdict_done *done);

/* ---- lists ------------------------------------------------------------------------------- */

/*
 * A list comes a piece at a time from one owner, whatever that is, and is loaded between other
 * events: nothing here takes longer than a few milliseconds, but for sorting it at the end.
 * Each returns 0 or -errno with @why filled.
 */
int mqg_judge_list_begin(struct mqg_judge *judge, const void *owner, char *why, size_t size);
int mqg_judge_list_lines(struct mqg_judge *judge, const void *owner, const char *text, size_t len,
			 char *why, size_t size);
int mqg_judge_list_commit(struct mqg_judge *judge, const void *owner, char *why, size_t size);
/* Forgets what an owner that is gone has sent; what is being loaded goes on. */
void mqg_judge_list_drop(struct mqg_judge *judge, const void *owner);

struct mqg_list_state {
	enum { MQG_LIST_NONE, MQG_LIST_LOADING, MQG_LIST_DONE, MQG_LIST_FAILED } state;
	struct mqg_load_done	done;		/* of DONE */
	const char		*what;		/* of LOADING: what is being done, and how much */
	size_t			n, of;
	const char		*error;		/* of FAILED */
};

void mqg_judge_list_state(const struct mqg_judge *judge, struct mqg_list_state *state);

/* A timer to poll: work is due when it can be read; -1 = none. Then mqg_judge_work() is called. */
int mqg_judge_work_fd(const struct mqg_judge *judge);
void mqg_judge_work(struct mqg_judge *judge);

/* ---- what it tells ----------------------------------------------------------------------- */

#define MQG_FILLS	3

struct mqg_judge_counts {
	uint64_t	bans, limits;		/* verdicts written by score: DROP, LIMIT */
	uint64_t	spared;			/* bans not written: allow list or live flow */
	uint64_t	verdicts_full[3];	/* writes that a full map refused: as entries[] */
	uint64_t	allow_full;		/* likewise */
	uint64_t	events, events_proven;
	uint64_t	allowed;		/* flows ever allowed */
	size_t		sources, flows;		/* now */
	/* Entries of maps when they were last counted: */
	size_t		entries[3];		/* sources, prefix4, prefix6; every ten seconds */
	size_t		held[MQG_FILLS];	/* allow, flows, budgets; full ones take minutes */
};

void mqg_judge_counts_read(struct mqg_judge *judge, struct mqg_judge_counts *counts);

/* Refusals of one service for one reason since the start. */
uint64_t mqg_judge_refused_read(struct mqg_judge *judge, uint32_t service, uint32_t reason);

/* What is known of a source. @found: the verdict that decides; its action NONE = none. */
void mqg_judge_why(struct mqg_judge *judge, const struct mqgate_source_key *key,
		   struct mqg_score_view *view, struct mqg_net *net,
		   struct mqgate_verdict *verdict);

/* True when @key is the address itself or the /64 that @addr lies in. Any thread. */
bool mqg_source_covers(const struct mqgate_source_key *key, const uint8_t addr[16]);

typedef int (*mqg_refusal_fn)(const struct mqg_refusal_note *note, void *arg);
/* Latest first; stops at the first non-zero answer and returns it; or -ENOMEM. */
int mqg_judge_refusal_each(struct mqg_judge *judge, mqg_refusal_fn fn, void *arg);

#endif
