/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The operator's verdicts and what the judge tells about itself. Main thread (control socket,
 * metrics); everything that workers share is touched with the lock held.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/names.h"
#include "judge/state.h"

/* Marks the live flows of a source, so that no refresh brings their ALLOW back, or frees them. */
static void withhold(struct mqg_judge *judge, const struct mqgate_source_key *key, bool on,
		     uint64_t now)
{
	for (size_t i = 0; i < mqg_flows_slots(judge->flows); i++) {
		struct mqg_live_flow *flow = mqg_flows_slot(judge->flows, i);

		if (!flow || !mqg_source_covers(key, flow->key.saddr) || flow->withheld == on)
			continue;
		flow->withheld = on;
		if (!on)
			mqg_judge_allow_write(judge, flow, now);
	}
}

int mqg_judge_verdict_add(struct mqg_judge *judge, const struct mqgate_source_key *key,
			  enum mqgate_action action, uint64_t ns, struct mqg_verdict_done *done)
{
	uint64_t now = judge->clock();
	const struct mqgate_verdict verdict = {
		.expires = ns ? now + ns : 0,
		.since = now,
		.action = action,
		.origin = MQGATE_ORIGIN_OPERATOR,
		.reason = MQGATE_REASON_OPERATOR,
	};
	struct mqgate_verdict before;
	int err = -ENOENT;

	memset(done, 0, sizeof(*done));
	pthread_mutex_lock(&judge->lock);
	if (judge->have_pins) {
		done->replaced = !mqg_verdict_get(&judge->pins, key, &before);
		err = mqg_judge_verdict_write(judge, key, &verdict);
	}
	if (!err)
		withhold(judge, key, action == MQGATE_ACTION_DROP, now);
	pthread_mutex_unlock(&judge->lock);
	if (err || action != MQGATE_ACTION_DROP)
		return err;
	/* From here on nobody writes ALLOW for the source: the walk needs no lock. */
	done->allow_removed = mqg_allow_remove_source(&judge->pins, key);
	return done->allow_removed < 0 ? done->allow_removed : 0;
}

/* The configured allow list is the file's word, and only a changed file takes it back. */
static bool is_configured(const struct mqg_judge *judge, const struct mqg_found *found)
{
	return found->verdict.action == MQGATE_ACTION_PASS &&
	       found->verdict.origin == MQGATE_ORIGIN_OPERATOR &&
	       found->verdict.reason == MQGATE_REASON_NONE &&
	       mqg_judge_allow_listed(judge, &found->key);
}

/* With the lock held. */
static int remove_one(struct mqg_judge *judge, const struct mqg_found *found, uint64_t now)
{
	struct mqgate_source_key scored;
	int err = mqg_verdict_remove(&judge->pins, &found->key);

	if (err)
		return err;
	mqg_source_scored(found->key.addr, &scored);
	mqg_score_forget(judge->score, &scored);
	if (found->verdict.action == MQGATE_ACTION_DROP &&
	    found->verdict.origin == MQGATE_ORIGIN_OPERATOR)
		withhold(judge, &found->key, false, now);
	return 0;
}

int mqg_judge_verdict_del(struct mqg_judge *judge, const struct mqgate_source_key *key)
{
	struct mqg_found found = { .key = *key };
	uint64_t now = judge->clock();
	int err = -ENOENT;

	pthread_mutex_lock(&judge->lock);
	if (judge->have_pins)
		err = mqg_verdict_get(&judge->pins, key, &found.verdict);
	if (!err && is_configured(judge, &found))
		err = -EBUSY;
	if (!err)
		err = remove_one(judge, &found, now);
	pthread_mutex_unlock(&judge->lock);
	if (!err && mqg_judge_allow_listed(judge, key))
		err = mqg_judge_allow_list_write(judge, &judge->pins, now);
	return err;
}

struct flushing {
	const struct mqg_judge	*judge;
	int			origin;
};

static bool to_flush(const struct mqg_found *found, const void *arg)
{
	const struct flushing *f = arg;

	return (f->origin < 0 || (int)found->verdict.origin == f->origin) &&
	       !is_configured(f->judge, found);
}

int mqg_judge_verdict_flush(struct mqg_judge *judge, int origin)
{
	const struct flushing f = { .judge = judge, .origin = origin };
	uint64_t now = judge->clock();
	struct mqg_found_list list;
	int err, removed = 0;

	if (!judge->have_pins)
		return -ENOENT;
	err = mqg_found_collect(&judge->pins, to_flush, &f, &list);
	for (size_t i = 0; !err && i < list.n; i++) {
		pthread_mutex_lock(&judge->lock);
		err = remove_one(judge, &list.items[i], now);
		pthread_mutex_unlock(&judge->lock);
		removed += !err;
		if (err == -ENOENT)
			err = 0;
	}
	free(list.items);
	if (!err)
		err = mqg_judge_allow_list_write(judge, &judge->pins, now);
	return err ? err : removed;
}

void mqg_judge_counts_read(struct mqg_judge *judge, struct mqg_judge_counts *counts)
{
	pthread_mutex_lock(&judge->lock);
	*counts = judge->counts;
	counts->sources = mqg_score_count(judge->score);
	counts->flows = mqg_flows_count(judge->flows);
	pthread_mutex_unlock(&judge->lock);
}

uint64_t mqg_judge_refused_read(struct mqg_judge *judge, uint32_t service, uint32_t reason)
{
	uint64_t n;

	if (service >= MQGATE_SERVICES || reason >= MQGATE_REASON_MAX)
		return 0;
	pthread_mutex_lock(&judge->lock);
	n = judge->refused[service][reason];
	pthread_mutex_unlock(&judge->lock);
	return n;
}

void mqg_judge_why(struct mqg_judge *judge, const struct mqgate_source_key *key,
		   struct mqg_score_view *view, struct mqgate_verdict *verdict)
{
	struct mqgate_source_key scored;
	uint64_t now = judge->clock();

	mqg_source_scored(key->addr, &scored);
	memset(verdict, 0, sizeof(*verdict));
	pthread_mutex_lock(&judge->lock);
	mqg_score_lookup(judge->score, &scored, now, view);
	if (judge->have_pins && (mqg_verdict_get(&judge->pins, key, verdict) ||
				 !mqg_verdict_live(verdict, now)) &&
	    (mqg_verdict_get(&judge->pins, &scored, verdict) || !mqg_verdict_live(verdict, now)))
		memset(verdict, 0, sizeof(*verdict));
	pthread_mutex_unlock(&judge->lock);
}

int mqg_judge_refusal_each(struct mqg_judge *judge, mqg_refusal_fn fn, void *arg)
{
	struct mqg_refusals *copy = malloc(sizeof(*copy));
	int answer = 0;

	if (!copy)
		return -ENOMEM;
	/* Whoever is told takes his time; workers do not wait for it. */
	pthread_mutex_lock(&judge->lock);
	*copy = *judge->refusals;
	pthread_mutex_unlock(&judge->lock);
	for (size_t i = 0; !answer && i < mqg_refusals_count(copy); i++)
		answer = fn(mqg_refusals_back(copy, i), arg);
	free(copy);
	return answer;
}
