// SPDX-License-Identifier: BSD-2-Clause
/*
 * Work on many verdicts at once: lists that are loaded, and the reaping of what is over. It is
 * done between events of the main loop, a slice whenever the timer says so; each step of a slice
 * is made under the judge's lock, so that workers wait for one step at most. Main thread only.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "common/known.h"
#include "common/load.h"
#include "common/names.h"
#include "common/state.h"
#include "judge/state.h"
#include "system/log.h"

#define SLICE_NS	2000000ULL
#define LIST_FOR	(120 * NS_PER_S)	/* how long the lines of a list may take to come */
#define FLOWS_A_STEP	64

struct mqg_bulk {
	int			timer;
	/* The list that is coming. */
	const void		*owner;		/* NULL = none */
	struct mqg_set		coming;
	uint64_t		deadline;
	/* What is being done. */
	struct mqg_load		*load;		/* NULL = nothing */
	bool			loads;		/* a list, else reaping */
	size_t			flow;		/* live flows looked at since the flip */
	/* The filter of known flows, when nothing else is being done. */
	bool			refilling;
	struct mqg_refill	refill;
	uint64_t		settled;	/* bits that were set when it was last made anew */
	/* What came of the last list. */
	struct mqg_list_state	last;
	char			error[700];
};

int mqg_bulk_setup(struct mqg_judge *judge)
{
	judge->bulk = calloc(1, sizeof(*judge->bulk));
	if (!judge->bulk)
		return -ENOMEM;
	judge->bulk->timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	return judge->bulk->timer < 0 ? -errno : 0;
}

void mqg_bulk_teardown(struct mqg_judge *judge)
{
	struct mqg_bulk *bulk = judge->bulk;

	if (!bulk)
		return;
	mqg_load_free(bulk->load);
	mqg_refill_end(&bulk->refill);
	mqg_set_free(&bulk->coming);
	if (bulk->timer >= 0)
		close(bulk->timer);
	free(bulk);
	judge->bulk = NULL;
}

int mqg_judge_work_fd(const struct mqg_judge *judge)
{
	return judge->bulk->timer;
}

static void arm(struct mqg_bulk *bulk, uint64_t ns)
{
	const struct itimerspec spec = { .it_value = { .tv_sec = (time_t)(ns / NS_PER_S),
						       .tv_nsec = (long)(ns % NS_PER_S) } };

	timerfd_settime(bulk->timer, 0, &spec, NULL);
}

static void fail(struct mqg_bulk *bulk, const char *why)
{
	snprintf(bulk->error, sizeof(bulk->error), "%s", why);
	bulk->last.state = MQG_LIST_FAILED;
	bulk->last.error = bulk->error;
}

void mqg_bulk_stop(struct mqg_judge *judge)
{
	struct mqg_bulk *bulk = judge->bulk;

	if (bulk->load && bulk->loads)
		fail(bulk, "the pinned maps were removed or replaced meanwhile");
	mqg_load_free(bulk->load);
	bulk->load = NULL;
	mqg_refill_end(&bulk->refill);
	bulk->refilling = false;
	bulk->settled = 0;
	arm(bulk, 0);
}

/* ---- the filter of known flows -------------------------------------------------------- */

/*
 * An eighth of the bits: one packet in eight of a flood is looked up for nothing. Where so many
 * flows live, making it anew would not help until there are twice as many.
 */
static void refill_if_due(struct mqg_judge *judge)
{
	struct mqg_bulk *bulk = judge->bulk;
	uint64_t set, bits;

	if (!bulk->refilling) {
		mqg_known_fill(&judge->pins, &set, &bits);
		if (set < bits / 8 || set < 2 * bulk->settled)
			return;
		mqg_refill_begin(&bulk->refill, &judge->pins);
		bulk->refilling = true;
	}
	arm(bulk, 1);
}

static void refill_some(struct mqg_judge *judge, uint64_t end)
{
	struct mqg_bulk *bulk = judge->bulk;
	uint64_t bits;
	int more = 1;

	while (more == 1 && mqg_boottime_ns() < end)
		more = mqg_refill_step(&bulk->refill);
	if (more == 1) {
		arm(bulk, 1);
		return;
	}
	mqg_refill_end(&bulk->refill);
	bulk->refilling = false;
	mqg_known_fill(&judge->pins, &bulk->settled, &bits);
	if (more)
		mqg_log(MQG_LOG_ERR, MQG_LOG_MAPS, "%s cannot be made anew: %s; XDP looks up "
			"flows that are gone until it can", MQGATE_MAP_KNOWN, strerror(-more));
}

/* ---- slices --------------------------------------------------------------------------- */

static void finish(struct mqg_judge *judge)
{
	struct mqg_bulk *bulk = judge->bulk;
	struct mqg_load_done done;
	char why[600];
	int err = mqg_load_result(bulk->load, &done, why, sizeof(why));

	mqg_load_free(bulk->load);
	bulk->load = NULL;
	if (err)
		mqg_log(MQG_LOG_ERR, MQG_LOG_MAPS, "%s: %s",
			bulk->loads ? "a list cannot be loaded" : "expired verdicts stay", why);
	if (!err)
		memcpy(judge->counts.entries, done.entries, sizeof(done.entries));
	refill_if_due(judge);
	if (!bulk->loads)
		return;
	if (err) {
		fail(bulk, why);
		return;
	}
	bulk->last.state = MQG_LIST_DONE;
	bulk->last.done = done;
	mqg_log(MQG_LOG_NOTICE, MQG_LOG_ALWAYS,
		"list loaded: %zu sources, %zu IPv4 and %zu IPv6 prefixes; %zu entries removed%s%s",
		done.sources, done.prefix4, done.prefix6, done.reaped,
		done.unsaved[0] ? "; " : "", done.unsaved);
}

/* Live flows of sources that the new set drops; before their ALLOW entries go. True: more to do. */
static bool withhold_some(struct mqg_judge *judge)
{
	struct mqg_bulk *bulk = judge->bulk;
	uint64_t now = judge->clock();
	size_t slots = mqg_flows_slots(judge->flows);

	for (size_t n = 0; n < FLOWS_A_STEP && bulk->flow < slots; n++, bulk->flow++) {
		struct mqg_live_flow *flow = mqg_flows_slot(judge->flows, bulk->flow);

		if (flow)
			mqg_judge_withhold(judge, flow, now);
	}
	return bulk->flow < slots;
}

static uint64_t step(struct mqg_judge *judge)
{
	struct mqg_bulk *bulk = judge->bulk;
	uint64_t wait = 1;

	pthread_mutex_lock(&judge->lock);
	if (!mqg_load_flipped(bulk->load) || !withhold_some(judge))
		wait = mqg_load_step(bulk->load);
	pthread_mutex_unlock(&judge->lock);
	return wait;
}

void mqg_judge_work(struct mqg_judge *judge)
{
	struct mqg_bulk *bulk = judge->bulk;
	uint64_t expirations, end = mqg_boottime_ns() + SLICE_NS, wait = 1;

	if (read(bulk->timer, &expirations, sizeof(expirations)) < 0)
		return;
	if (!bulk->load) {
		if (bulk->refilling)
			refill_some(judge, end);
		return;
	}
	while (wait == 1 && mqg_boottime_ns() < end)
		wait = step(judge);
	if (wait)
		arm(bulk, wait);
	else
		finish(judge);
}

/* Takes the place of reaping, which begins anew at another time. */
static int start(struct mqg_judge *judge, struct mqg_set *set, bool save, char *why, size_t size)
{
	struct mqg_bulk *bulk = judge->bulk;
	int err;

	mqg_load_free(bulk->load);
	bulk->load = NULL;
	pthread_mutex_lock(&judge->lock);
	err = mqg_load_begin(&judge->pins, set, save, judge->clock, &bulk->load, why, size);
	pthread_mutex_unlock(&judge->lock);
	if (err)
		return err;
	bulk->loads = set;
	bulk->flow = 0;
	if (set)
		bulk->last.state = MQG_LIST_LOADING;
	arm(bulk, 1);
	return 0;
}

void mqg_bulk_reap(struct mqg_judge *judge)
{
	struct mqg_bulk *bulk = judge->bulk;
	char why[512];

	if (bulk->owner && judge->clock() > bulk->deadline) {
		bulk->owner = NULL;
		mqg_set_free(&bulk->coming);
		fail(bulk, "the lines of the list took longer than two minutes to come");
	}
	if (!bulk->load && start(judge, NULL, false, why, sizeof(why)))
		mqg_log(MQG_LOG_ERR, MQG_LOG_MAPS, "expired verdicts stay: %s", why);
}

int mqg_bulk_empty(struct mqg_judge *judge, char *unsaved, size_t size)
{
	struct mqg_bulk *bulk = judge->bulk;
	struct mqg_set none = {};
	struct mqg_load_done done;
	char why[600];
	int err;

	if (bulk->load && bulk->loads)
		return -EBUSY;
	if (!mqg_generation(&judge->pins))
		return 0;
	err = start(judge, &none, true, why, sizeof(why));
	/* With nothing to write, the flip is a few steps away. */
	while (!err && !mqg_load_flipped(bulk->load) && step(judge))
		;
	if (err)
		return err;
	mqg_load_result(bulk->load, &done, why, sizeof(why));
	if (done.unsaved[0])
		snprintf(unsaved, size, "%s", done.unsaved);
	arm(bulk, NS_PER_S / 10);
	return 0;
}

void mqg_bulk_restore(struct mqg_judge *judge)
{
	struct mqg_set set;
	char why[700];
	int err;

	if (mqg_generation(&judge->pins))
		return;
	err = mqg_state_read(MQG_STATE_LOADED, &set, why, sizeof(why));
	if (err == -ENOENT)
		return;
	if (!err && set.count)
		err = start(judge, &set, false, why, sizeof(why));
	mqg_set_free(&set);
	if (err)
		mqg_log(MQG_LOG_ERR, MQG_LOG_PINS, "%s", why);
}

/* ---- lists ------------------------------------------------------------------------------ */

static int refuse(char *why, size_t size, int err, const char *text)
{
	snprintf(why, size, "%s", text);
	return err;
}

static int check_owner(const struct mqg_judge *judge, const void *owner, char *why, size_t size)
{
	if (judge->bulk->owner != owner)
		return refuse(why, size, -EINVAL, "no list was begun on this connection, or it "
			      "took too long");
	return 0;
}

int mqg_judge_list_begin(struct mqg_judge *judge, const void *owner, char *why, size_t size)
{
	struct mqg_bulk *bulk = judge->bulk;

	if (!judge->have_pins)
		return refuse(why, size, -ENOENT, "no maps are open");
	if (bulk->owner || (bulk->load && bulk->loads))
		return refuse(why, size, -EBUSY, "another list is being loaded");
	bulk->owner = owner;
	bulk->deadline = judge->clock() + LIST_FOR;
	bulk->last.state = MQG_LIST_NONE;
	return 0;
}

int mqg_judge_list_lines(struct mqg_judge *judge, const void *owner, const char *text, size_t len,
			 char *why, size_t size)
{
	struct mqg_bulk *bulk = judge->bulk;
	int err = check_owner(judge, owner, why, size);

	if (!err)
		err = mqg_set_read(&bulk->coming, text, len, "list", why, size);
	if (err)
		mqg_judge_list_drop(judge, owner);
	return err;
}

int mqg_judge_list_commit(struct mqg_judge *judge, const void *owner, char *why, size_t size)
{
	struct mqg_bulk *bulk = judge->bulk;
	int err = check_owner(judge, owner, why, size);

	if (!err && !judge->have_pins)
		err = refuse(why, size, -ENOENT, "the maps are gone");
	if (!err)
		err = start(judge, &bulk->coming, true, why, size);
	mqg_judge_list_drop(judge, owner);
	return err;
}

void mqg_judge_list_drop(struct mqg_judge *judge, const void *owner)
{
	struct mqg_bulk *bulk = judge->bulk;

	if (bulk->owner != owner)
		return;
	bulk->owner = NULL;
	mqg_set_free(&bulk->coming);
}

void mqg_judge_list_state(const struct mqg_judge *judge, struct mqg_list_state *state)
{
	const struct mqg_bulk *bulk = judge->bulk;

	*state = bulk->last;
	if (state->state == MQG_LIST_LOADING && bulk->load)
		state->what = mqg_load_progress(bulk->load, &state->n, &state->of);
}
