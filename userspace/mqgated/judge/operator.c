/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The operator's verdicts and what the judge tells about itself. Main thread (control socket,
 * metrics); everything that workers share is touched with the lock held.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/names.h"
#include "common/state.h"
#include "judge/state.h"

void mqg_judge_withhold(struct mqg_judge *judge, struct mqg_live_flow *flow, uint64_t now)
{
	bool on = mqg_judge_operator_bans(judge, flow->key.saddr, now);

	if (flow->withheld == on)
		return;
	flow->withheld = on;
	if (!on)
		mqg_judge_allow_write(judge, flow, now);
}

/* Of the live flows of a network whose verdict has changed. */
static void withhold(struct mqg_judge *judge, const struct mqg_net *net, uint64_t now)
{
	for (size_t i = 0; i < mqg_flows_slots(judge->flows); i++) {
		struct mqg_live_flow *flow = mqg_flows_slot(judge->flows, i);

		if (flow && mqg_net_covers(net, flow->key.saddr))
			mqg_judge_withhold(judge, flow, now);
	}
}

int mqg_judge_verdict_add(struct mqg_judge *judge, const struct mqg_word *word,
			  struct mqg_verdict_done *done)
{
	uint64_t now = judge->clock();
	const struct mqgate_verdict verdict = {
		.expires = word->ns ? now + word->ns : 0,
		.since = now,
		.action = word->action,
		.rate = word->rate,
		.origin = MQGATE_ORIGIN_OPERATOR,
		.reason = MQGATE_REASON_OPERATOR,
	};
	struct mqgate_verdict before;
	int err = -ENOENT;

	memset(done, 0, sizeof(*done));
	pthread_mutex_lock(&judge->lock);
	if (judge->have_pins) {
		done->replaced = !mqg_net_get(&judge->pins, &word->net, &before) &&
				 before.action != MQGATE_ACTION_NONE;
		err = mqg_judge_verdict_write(judge, &word->net, &verdict);
	}
	if (!err)
		withhold(judge, &word->net, now);
	pthread_mutex_unlock(&judge->lock);
	if (err)
		return err;
	mqg_state_change(&judge->pins, &word->net, &verdict, word->text, done->unsaved,
			 sizeof(done->unsaved));
	if (!mqg_action_refuses(word->action))
		return 0;
	/* From here on nobody writes ALLOW for the banned: the walk needs no lock. */
	done->allow_removed = mqg_allow_remove_net(&judge->pins, &word->net);
	return done->allow_removed < 0 ? done->allow_removed : 0;
}

/* The configured allow list is the file's word, and only a changed file takes it back. */
static bool is_configured(const struct mqg_judge *judge, const struct mqg_found *found)
{
	struct mqgate_source_key key;

	return mqg_net_source(&found->net, &key) && found->verdict.action == MQGATE_ACTION_PASS &&
	       found->verdict.origin == MQGATE_ORIGIN_OPERATOR &&
	       found->verdict.reason == MQGATE_REASON_NONE && mqg_judge_allow_listed(judge, &key);
}

/* With the lock held. Return: as of mqg_net_remove(). */
static int remove_one(struct mqg_judge *judge, const struct mqg_found *found, uint64_t now)
{
	struct mqgate_source_key key, scored;
	int err = mqg_net_remove(&judge->pins, &found->net);

	if (err < 0)
		return err;
	if (mqg_net_source(&found->net, &key)) {
		mqg_source_scored(key.addr, &scored);
		mqg_score_forget(judge->score, &scored);
	}
	if (mqg_action_refuses(found->verdict.action) &&
	    found->verdict.origin == MQGATE_ORIGIN_OPERATOR)
		withhold(judge, &found->net, now);
	return err;
}

int mqg_judge_verdict_del(struct mqg_judge *judge, const struct mqg_net *net,
			  struct mqg_verdict_done *done)
{
	struct mqg_found found = { .net = *net };
	struct mqgate_source_key key;
	uint64_t now = judge->clock();
	int err = -ENOENT;

	memset(done, 0, sizeof(*done));
	pthread_mutex_lock(&judge->lock);
	if (judge->have_pins)
		err = mqg_net_get(&judge->pins, net, &found.verdict);
	if (!err && is_configured(judge, &found))
		err = -EBUSY;
	if (!err && mqg_verdict_set(&found.verdict))
		err = -EROFS;
	if (!err)
		err = remove_one(judge, &found, now);
	pthread_mutex_unlock(&judge->lock);
	if (err < 0)
		return err;
	done->uncovered = err;
	mqg_state_change(&judge->pins, net, NULL, NULL, done->unsaved, sizeof(done->unsaved));
	if (mqg_net_source(net, &key) && mqg_judge_allow_listed(judge, &key))
		return mqg_judge_allow_list_write(judge, &judge->pins, now);
	return 0;
}

struct flushing {
	const struct mqg_judge	*judge;
	enum mqg_whose		whose;
};

/* The loaded set goes as a whole. */
static bool to_flush(const struct mqg_found *found, const void *arg)
{
	const struct flushing *f = arg;
	enum mqgate_origin origin = found->verdict.origin;

	if (mqg_verdict_set(&found->verdict) || is_configured(f->judge, found))
		return false;
	return f->whose == MQG_EVERYBODYS ||
	       (f->whose == MQG_OPERATORS && origin == MQGATE_ORIGIN_OPERATOR) ||
	       (f->whose == MQG_DAEMONS && origin == MQGATE_ORIGIN_DAEMON);
}

static int flush_singles(struct mqg_judge *judge, enum mqg_whose whose, uint64_t now)
{
	const struct flushing f = { .judge = judge, .whose = whose };
	struct mqg_found_list list;
	int err, removed = 0;

	err = mqg_found_collect(&judge->pins, to_flush, &f, &list);
	for (size_t i = 0; !err && i < list.n; i++) {
		pthread_mutex_lock(&judge->lock);
		err = remove_one(judge, &list.items[i], now);
		pthread_mutex_unlock(&judge->lock);
		removed += err >= 0;
		if (err == -ENOENT || err > 0)
			err = 0;
	}
	free(list.items);
	return err ? err : removed;
}

int mqg_judge_verdict_flush(struct mqg_judge *judge, enum mqg_whose whose,
			    struct mqg_verdict_done *done)
{
	uint64_t now = judge->clock();
	int removed = 0, err = 0;

	memset(done, 0, sizeof(*done));
	if (!judge->have_pins)
		return -ENOENT;
	if (whose != MQG_LOADED)
		removed = flush_singles(judge, whose, now);
	if (removed < 0)
		return removed;
	if (whose == MQG_OPERATORS || whose == MQG_EVERYBODYS)
		mqg_state_change(&judge->pins, NULL, NULL, NULL, done->unsaved,
				 sizeof(done->unsaved));
	if (whose != MQG_DAEMONS)
		err = mqg_bulk_empty(judge, done->unsaved, sizeof(done->unsaved));
	if (!err)
		err = mqg_net_reindex(&judge->pins);
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

struct decider {
	struct mqg_net		*net;
	struct mqgate_verdict	*verdict;
};

static int take_decider(const struct mqg_net *net, const struct mqgate_verdict *verdict, void *arg)
{
	const struct decider *d = arg;

	*d->net = *net;
	*d->verdict = *verdict;
	return 1;
}

void mqg_judge_why(struct mqg_judge *judge, const struct mqgate_source_key *key,
		   struct mqg_score_view *view, struct mqg_net *net,
		   struct mqgate_verdict *verdict)
{
	struct decider decider = { net, verdict };
	struct mqgate_source_key scored;
	uint64_t now = judge->clock();

	mqg_source_scored(key->addr, &scored);
	memset(verdict, 0, sizeof(*verdict));
	pthread_mutex_lock(&judge->lock);
	mqg_score_lookup(judge->score, &scored, now, view);
	if (judge->have_pins)
		mqg_net_match(&judge->pins, key->addr, now, take_decider, &decider);
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
