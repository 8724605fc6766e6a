/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a daemon that has just found the pinned maps does with what an earlier one left there. The
 * sockets of that one are gone, so its ALLOW entries are, but for flows that the module vouches
 * for; its bans stay as they are and are learnt; what its configuration said and this one does not
 * is taken back. Main thread; the lock is taken only around the tables, never around a walk over a
 * map.
 *
 * How an entry tells where it comes from: the configured allow list writes PASS, origin operator,
 * reason none; the operator's word over the socket or from the command has reason operator.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/names.h"
#include "common/state.h"
#include "judge/services.h"
#include "judge/sizes.h"
#include "judge/state.h"
#include "system/log.h"

struct collecting {
	mqg_found_fn		want;
	const void		*arg;
	struct mqg_found_list	*list;
};

static int collect(const struct mqg_net *net, const struct mqgate_verdict *verdict, void *arg)
{
	struct collecting *c = arg;
	struct mqg_found found = { .net = *net, .verdict = *verdict };

	if (c->want && !c->want(&found, c->arg))
		return 0;
	if (c->list->n == c->list->room) {
		size_t room = c->list->room ? c->list->room * 2 : 256;
		struct mqg_found *items = reallocarray(c->list->items, room, sizeof(*items));

		if (!items)
			return -ENOMEM;
		c->list->items = items;
		c->list->room = room;
	}
	c->list->items[c->list->n++] = found;
	return 0;
}

int mqg_found_collect(const struct mqg_pins *pins, mqg_found_fn want, const void *arg,
		      struct mqg_found_list *list)
{
	struct collecting c = { .want = want, .arg = arg, .list = list };

	memset(list, 0, sizeof(*list));
	return mqg_net_each(pins, collect, &c);
}

struct flow_list {
	struct mqgate_flow_key	*keys;
	size_t			n, room;
};

static int add_key(struct flow_list *list, const struct mqgate_flow_key *key)
{
	if (list->n == list->room) {
		size_t room = list->room ? list->room * 2 : 256;
		struct mqgate_flow_key *keys = reallocarray(list->keys, room, sizeof(*keys));

		if (!keys)
			return -ENOMEM;
		list->keys = keys;
		list->room = room;
	}
	list->keys[list->n++] = *key;
	return 0;
}

static int compare_keys(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct mqgate_flow_key));
}

/* Flows that have a socket of this daemon, or the module's word. */
static int collect_live(struct mqg_judge *judge, struct flow_list *list)
{
	int err = 0;

	pthread_mutex_lock(&judge->lock);
	for (size_t i = 0; !err && i < mqg_flows_slots(judge->flows); i++) {
		const struct mqg_live_flow *flow = mqg_flows_slot(judge->flows, i);

		if (flow && !flow->withheld && !flow->refused)
			err = add_key(list, &flow->key);
	}
	pthread_mutex_unlock(&judge->lock);
	if (list->n)
		qsort(list->keys, list->n, sizeof(*list->keys), compare_keys);
	return err;
}

struct sorting {
	struct flow_list	live, dead;
};

static int collect_dead(const struct mqgate_flow_key *key, const struct mqgate_allow *allow,
			void *arg)
{
	struct sorting *s = arg;

	(void)allow;
	if (s->live.n && bsearch(key, s->live.keys, s->live.n, sizeof(*key), compare_keys))
		return 0;
	return add_key(&s->dead, key);
}

/* The sockets that ALLOW entries of an earlier daemon belonged to are gone. */
static int drop_flows(struct mqg_judge *judge, const struct mqg_pins *pins, size_t *removed)
{
	struct sorting s = { 0 };
	int err = collect_live(judge, &s.live);

	if (!err)
		err = mqg_allow_each(pins, collect_dead, &s);
	for (size_t i = 0; !err && i < s.dead.n; i++) {
		err = mqg_allow_remove(pins, &s.dead.keys[i]);
		*removed += !err;
		if (err == -ENOENT)
			err = 0;
	}
	free(s.live.keys);
	free(s.dead.keys);
	return err;
}

int mqg_judge_allow_list_write(struct mqg_judge *judge, const struct mqg_pins *pins, uint64_t now)
{
	char text[MQG_ADDR_STRLEN];
	int err = 0;

	for (size_t i = 0; !err && i < judge->config->n_allow; i++) {
		const struct mqgate_source_key *key = &judge->config->allow[i];
		const struct mqgate_verdict pass = {
			.since = now,
			.action = MQGATE_ACTION_PASS,
			.origin = MQGATE_ORIGIN_OPERATOR,
		};
		struct mqgate_verdict found;

		if (!mqg_verdict_get(pins, key, &found) && mqg_verdict_live(&found, now) &&
		    mqg_action_refuses(found.action) && found.origin != MQGATE_ORIGIN_DAEMON) {
			mqg_log(MQG_LOG_WARNING, MQG_LOG_PINS,
				"%s is on the configured allow list, but an operator's ban of it "
				"is in force and stays; take it back with: mqgate verdict del %s",
				mqg_source_format(key, text), mqg_source_format(key, text));
			continue;
		}
		err = mqg_verdict_put(pins, key, &pass);
	}
	return err;
}

/* What is learnt, or taken back: a loaded set may be a million others. */
static bool to_learn(const struct mqg_found *found, const void *arg)
{
	struct mqgate_source_key key;

	(void)arg;
	return mqg_net_source(&found->net, &key) && !mqg_verdict_set(&found->verdict) &&
	       (found->verdict.origin == MQGATE_ORIGIN_DAEMON ||
		found->verdict.reason == MQGATE_REASON_NONE);
}

static int learn(struct mqg_judge *judge, const struct mqg_pins *pins,
		 const struct mqg_found_list *list, uint64_t now, size_t *bans)
{
	int err = 0;

	for (size_t i = 0; !err && i < list->n; i++) {
		const struct mqg_found *f = &list->items[i];
		struct mqgate_source_key key;
		bool listed;

		/* Scores and the configured allow list are of sources alone. */
		if (!mqg_net_source(&f->net, &key))
			continue;
		listed = mqg_judge_allow_listed(judge, &key);

		if (f->verdict.action == MQGATE_ACTION_DROP &&
		    f->verdict.origin == MQGATE_ORIGIN_DAEMON && !listed) {
			pthread_mutex_lock(&judge->lock);
			mqg_score_adopt(judge->score, &key, &f->verdict, now);
			pthread_mutex_unlock(&judge->lock);
			*bans += mqg_verdict_live(&f->verdict, now);
		} else if (f->verdict.action == MQGATE_ACTION_PASS &&
			   f->verdict.origin == MQGATE_ORIGIN_OPERATOR &&
			   f->verdict.reason == MQGATE_REASON_NONE && !listed) {
			err = mqg_verdict_remove(pins, &key);
			if (err == -ENOENT || err > 0)
				err = 0;
		}
	}
	return err;
}

int mqg_judge_adopt(struct mqg_judge *judge, const struct mqg_pins *pins, uint64_t now)
{
	struct mqg_found_list list;
	size_t flows = 0, bans = 0;
	char why[700];
	int err, restored;

	mqg_judge_sizes_tell(judge->config, pins);
	err = drop_flows(judge, pins, &flows);
	if (err)
		return err;
	restored = mqg_state_restore(pins, why, sizeof(why));
	if (restored < 0)
		mqg_log(MQG_LOG_ERR, MQG_LOG_PINS, "%s", why);
	else if (restored)
		mqg_log(MQG_LOG_NOTICE, MQG_LOG_PINS,
			"%d verdicts of the operator restored from the state directory", restored);
	err = mqg_found_collect(pins, to_learn, NULL, &list);
	if (!err)
		err = learn(judge, pins, &list, now, &bans);
	free(list.items);
	if (!err)
		err = mqg_judge_allow_list_write(judge, pins, now);
	if (!err)
		err = mqg_services_write(judge->config, pins, now + LEASE_FOR);
	if (!err)
		mqg_log(MQG_LOG_NOTICE, MQG_LOG_PINS,
			"maps adopted from %s: %zu bans kept, %zu dead flows removed",
			pins->dir, bans, flows);
	return err;
}
