// SPDX-License-Identifier: BSD-2-Clause
/*
 * Operations on the maps of verdicts and of ALLOWed flows. The daemon calls them as the only
 * writer while it runs, else the command under the lock file; each is made of system calls
 * and may run in any thread.
 */
#include "common/pins.h"

#include <errno.h>
#include <string.h>

#include <bpf/bpf.h>

#include "common/batch.h"
#include "common/known.h"
#include "common/names.h"
#include "common/net.h"

uint32_t mqg_generation(const struct mqg_pins *pins)
{
	struct mqgate_control control;

	return bpf_map_lookup_elem(pins->control, &(__u32){ 0 }, &control) ? 0 :
									      control.generation;
}

uint32_t mqg_verdict_set(const struct mqgate_verdict *verdict)
{
	return verdict->generation & MQGATE_GENERATION_SINGLE ? 0 : verdict->generation;
}

void mqg_verdict_resolve(struct mqgate_verdict *verdict, uint32_t generation, uint64_t now)
{
	uint32_t set = verdict->generation & ~MQGATE_GENERATION_SINGLE;
	bool single = verdict->generation & MQGATE_GENERATION_SINGLE;

	if (!set || (single && (!verdict->expires || verdict->expires > now)))
		return;
	/* Over, with nothing of the loaded set below it: an expired verdict like any other. */
	if (single && set < generation)
		return;
	if (set < generation) {
		verdict->action = MQGATE_ACTION_NONE;
		return;
	}
	if (!single && set == generation)
		return;
	verdict->action = verdict->before;
	verdict->expires = verdict->before_expires;
	verdict->rate = verdict->before_rate;
	if (single) {
		verdict->generation = set;
		verdict->origin = MQGATE_ORIGIN_OPERATOR;
		verdict->reason = MQGATE_REASON_OPERATOR;
		verdict->strikes = 0;
	}
}

/* What the loaded set says below @old, goes below the single verdict that takes its place. */
static void keep_below(const struct mqgate_verdict *old, struct mqgate_verdict *new,
		       uint32_t generation, uint64_t now)
{
	uint32_t set = old->generation & ~MQGATE_GENERATION_SINGLE;

	new->hits = old->hits;
	if (new->generation || !set || set < generation)
		return;
	new->generation = set | MQGATE_GENERATION_SINGLE;
	if (old->generation & MQGATE_GENERATION_SINGLE) {
		new->before = old->before;
		new->before_expires = old->before_expires;
		new->before_rate = old->before_rate;
	} else {
		new->before = old->action;
		new->before_expires = old->expires;
		new->before_rate = old->rate;
	}
	if (new->before == MQGATE_ACTION_NONE ||
	    (new->before_expires && new->before_expires <= now)) {
		new->generation = new->before_rate = 0;
		new->before = MQGATE_ACTION_NONE;
		new->before_expires = 0;
	}
}

int mqg_verdict_write(const struct mqg_pins *pins, int fd, const void *key,
		      const struct mqgate_verdict *verdict)
{
	struct mqgate_verdict old, new = *verdict;

	if (!bpf_map_lookup_elem(fd, key, &old))
		keep_below(&old, &new, mqg_generation(pins), mqg_boottime_ns());
	return bpf_map_update_elem(fd, key, &new, BPF_ANY);
}

int mqg_verdict_erase(const struct mqg_pins *pins, int fd, const void *key)
{
	struct mqgate_verdict verdict;
	uint64_t now = mqg_boottime_ns();
	int err = bpf_map_lookup_elem(fd, key, &verdict);

	if (err)
		return err;
	if (verdict.generation & MQGATE_GENERATION_SINGLE) {
		verdict.expires = now;
		mqg_verdict_resolve(&verdict, mqg_generation(pins), now);
		if (mqg_verdict_set(&verdict) && mqg_verdict_live(&verdict, now)) {
			verdict.before = MQGATE_ACTION_NONE;
			verdict.before_expires = 0;
			verdict.before_rate = 0;
			err = bpf_map_update_elem(fd, key, &verdict, BPF_EXIST);
			return err ? err : 1;
		}
	}
	return bpf_map_delete_elem(fd, key);
}

int mqg_verdict_put(const struct mqg_pins *pins, const struct mqgate_source_key *key,
		    const struct mqgate_verdict *verdict)
{
	return mqg_verdict_write(pins, pins->sources, key, verdict);
}

int mqg_verdict_get(const struct mqg_pins *pins, const struct mqgate_source_key *key,
		    struct mqgate_verdict *verdict)
{
	int err = bpf_map_lookup_elem(pins->sources, key, verdict);

	if (!err && verdict->generation)
		mqg_verdict_resolve(verdict, mqg_generation(pins), mqg_boottime_ns());
	return err;
}

int mqg_verdict_remove(const struct mqg_pins *pins, const struct mqgate_source_key *key)
{
	return mqg_verdict_erase(pins, pins->sources, key);
}

bool mqg_verdict_live(const struct mqgate_verdict *verdict, uint64_t now)
{
	return verdict->action != MQGATE_ACTION_NONE &&
	       (!verdict->expires || verdict->expires > now);
}

struct verdict_walk {
	mqg_verdict_fn	fn;
	void		*arg;
	uint32_t	generation;
	uint64_t	now;
};

static int each_verdict(const void *keys, const void *values, uint32_t count, void *arg)
{
	const struct mqgate_source_key *key = keys;
	const struct mqgate_verdict *verdict = values;
	const struct verdict_walk *walk = arg;

	for (uint32_t i = 0; i < count; i++) {
		struct mqgate_verdict now = verdict[i];
		int answer;

		mqg_verdict_resolve(&now, walk->generation, walk->now);
		answer = walk->fn(&key[i], &now, walk->arg);
		if (answer)
			return answer;
	}
	return 0;
}

int mqg_verdict_each(const struct mqg_pins *pins, mqg_verdict_fn fn, void *arg)
{
	struct verdict_walk walk = { fn, arg, mqg_generation(pins), mqg_boottime_ns() };

	return mqg_batch_each(pins->sources, each_verdict, &walk);
}

struct allow_walk {
	mqg_allow_fn	fn;
	void		*arg;
};

static int each_allow(const void *keys, const void *values, uint32_t count, void *arg)
{
	const struct mqgate_flow_key *key = keys;
	const struct mqgate_allow *allow = values;
	const struct allow_walk *walk = arg;

	for (uint32_t i = 0; i < count; i++) {
		int answer = walk->fn(&key[i], &allow[i], walk->arg);

		if (answer)
			return answer;
	}
	return 0;
}

int mqg_allow_each(const struct mqg_pins *pins, mqg_allow_fn fn, void *arg)
{
	struct allow_walk walk = { fn, arg };

	return mqg_batch_each(pins->allow, each_allow, &walk);
}

struct removal {
	const struct mqg_pins	*pins;
	const struct mqg_net	*net;
	int			removed;
};

static int remove_if_from(const struct mqgate_flow_key *key, const struct mqgate_allow *allow,
			  void *arg)
{
	struct removal *r = arg;

	(void)allow;
	if (!mqg_net_covers(r->net, key->saddr))
		return 0;
	/* Whoever removed it first, it is gone. */
	if (!mqg_allow_remove(r->pins, key))
		r->removed++;
	return 0;
}

int mqg_allow_remove_net(const struct mqg_pins *pins, const struct mqg_net *net)
{
	struct removal r = { pins, net, 0 };
	int err = mqg_allow_each(pins, remove_if_from, &r);

	return err ? err : r.removed;
}

int mqg_allow_put(const struct mqg_pins *pins, const struct mqgate_flow_key *key,
		  const struct mqgate_allow *allow)
{
	return mqg_known_update(pins, pins->allow, key, allow, BPF_ANY);
}

int mqg_allow_remove(const struct mqg_pins *pins, const struct mqgate_flow_key *key)
{
	return bpf_map_delete_elem(pins->allow, key);
}

int mqg_flow_refuse(const struct mqg_pins *pins, const struct mqgate_flow_key *key,
		    enum mqgate_reason reason, uint64_t now)
{
	const struct mqgate_flow flow = {
		.since = now,
		.state = MQGATE_FLOW_REFUSED,
		.reason = reason,
	};

	return mqg_known_update(pins, pins->flows, key, &flow, BPF_ANY);
}
