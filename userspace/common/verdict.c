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
#include "common/names.h"
#include "common/net.h"

int mqg_verdict_put(const struct mqg_pins *pins, const struct mqgate_source_key *key,
		    const struct mqgate_verdict *verdict)
{
	struct mqgate_verdict old, new = *verdict;

	if (!bpf_map_lookup_elem(pins->sources, key, &old))
		new.hits = old.hits;
	return bpf_map_update_elem(pins->sources, key, &new, BPF_ANY);
}

uint32_t mqg_generation(const struct mqg_pins *pins)
{
	struct mqgate_control control;

	return bpf_map_lookup_elem(pins->control, &(__u32){ 0 }, &control) ? 0 :
									      control.generation;
}

void mqg_verdict_resolve(struct mqgate_verdict *verdict, uint32_t generation)
{
	if (!verdict->generation || verdict->generation == generation)
		return;
	if (verdict->generation < generation) {
		verdict->action = MQGATE_ACTION_NONE;
		return;
	}
	verdict->action = verdict->before;
	verdict->expires = verdict->before_expires;
	verdict->rate = verdict->before_rate;
}

int mqg_verdict_get(const struct mqg_pins *pins, const struct mqgate_source_key *key,
		    struct mqgate_verdict *verdict)
{
	int err = bpf_map_lookup_elem(pins->sources, key, verdict);

	if (!err && verdict->generation)
		mqg_verdict_resolve(verdict, mqg_generation(pins));
	return err;
}

int mqg_verdict_remove(const struct mqg_pins *pins, const struct mqgate_source_key *key)
{
	return bpf_map_delete_elem(pins->sources, key);
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
};

static int each_verdict(const void *keys, const void *values, uint32_t count, void *arg)
{
	const struct mqgate_source_key *key = keys;
	const struct mqgate_verdict *verdict = values;
	const struct verdict_walk *walk = arg;

	for (uint32_t i = 0; i < count; i++) {
		struct mqgate_verdict now = verdict[i];
		int answer;

		mqg_verdict_resolve(&now, walk->generation);
		answer = walk->fn(&key[i], &now, walk->arg);
		if (answer)
			return answer;
	}
	return 0;
}

int mqg_verdict_each(const struct mqg_pins *pins, mqg_verdict_fn fn, void *arg)
{
	struct verdict_walk walk = { fn, arg, mqg_generation(pins) };

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
	return bpf_map_update_elem(pins->allow, key, allow, BPF_ANY);
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

	return bpf_map_update_elem(pins->flows, key, &flow, BPF_ANY);
}
