/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Tickets of live flows: an array of slots, so that they can be walked in pieces, and a hash that
 * counts them by source. Owned by the judge, which calls every function with its lock held.
 */
#include "judge/flows.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/names.h"

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

struct slot {
	struct mqg_live_flow	flow;
	uint32_t		generation;	/* of the ticket; odd while the slot is taken */
	uint32_t		next_free;	/* slot + 1, 0 = none */
};

struct source {
	struct mqgate_source_key	key;
	size_t				flows;
	UT_hash_handle			hh;
};

struct mqg_flows {
	struct slot	*slots;
	uint32_t	n, room, free;		/* free: slot + 1, 0 = none */
	size_t		taken;
	struct source	*sources;
};

struct mqg_flows *mqg_flows_alloc(void)
{
	return calloc(1, sizeof(struct mqg_flows));
}

void mqg_flows_free(struct mqg_flows *flows)
{
	struct source *source, *next;

	if (!flows)
		return;
	HASH_ITER(hh, flows->sources, source, next) {
		HASH_DEL(flows->sources, source);
		free(source);
	}
	free(flows->slots);
	free(flows);
}

static struct source *find(const struct mqg_flows *flows, const struct mqgate_source_key *key)
{
	struct source *source;

	HASH_FIND(hh, flows->sources, key, sizeof(*key), source);
	return source;
}

static struct source *count_up(struct mqg_flows *flows, const struct mqgate_flow_key *flow)
{
	struct mqgate_source_key key;
	struct source *source;

	mqg_source_scored(flow->saddr, &key);
	source = find(flows, &key);
	if (!source) {
		source = calloc(1, sizeof(*source));
		if (!source)
			return NULL;
		source->key = key;
		HASH_ADD(hh, flows->sources, key, sizeof(source->key), source);
		if (!source->hh.tbl) {
			free(source);
			return NULL;
		}
	}
	source->flows++;
	return source;
}

static void count_down(struct mqg_flows *flows, const struct mqgate_flow_key *flow)
{
	struct mqgate_source_key key;
	struct source *source;

	mqg_source_scored(flow->saddr, &key);
	source = find(flows, &key);
	if (source && !--source->flows) {
		HASH_DEL(flows->sources, source);
		free(source);
	}
}

static int take_slot(struct mqg_flows *flows, uint32_t *slot)
{
	if (flows->free) {
		*slot = flows->free - 1;
		flows->free = flows->slots[*slot].next_free;
		return 0;
	}
	if (flows->n == flows->room) {
		uint32_t room = flows->room ? flows->room * 2 : 64;
		struct slot *slots = reallocarray(flows->slots, room, sizeof(*slots));

		if (!slots)
			return -ENOMEM;
		flows->slots = slots;
		flows->room = room;
	}
	*slot = flows->n++;
	memset(&flows->slots[*slot], 0, sizeof(flows->slots[*slot]));
	return 0;
}

static void give_slot(struct mqg_flows *flows, uint32_t slot)
{
	flows->slots[slot].next_free = flows->free;
	flows->free = slot + 1;
}

int mqg_flows_add(struct mqg_flows *flows, const struct mqg_live_flow *flow, uint64_t *ticket)
{
	uint32_t slot;
	int err;

	err = take_slot(flows, &slot);
	if (err)
		return err;
	if (!count_up(flows, &flow->key)) {
		give_slot(flows, slot);
		return -ENOMEM;
	}
	flows->slots[slot].flow = *flow;
	flows->slots[slot].generation++;
	flows->taken++;
	*ticket = (uint64_t)flows->slots[slot].generation << 32 | (slot + 1);
	return 0;
}

static struct mqg_live_flow *get(struct mqg_flows *flows, uint64_t ticket)
{
	uint32_t slot = (uint32_t)ticket - 1;

	if (!(uint32_t)ticket || slot >= flows->n || flows->slots[slot].generation != ticket >> 32)
		return NULL;
	return mqg_flows_slot(flows, slot);
}

void mqg_flows_refuse(struct mqg_flows *flows, uint64_t ticket)
{
	struct mqg_live_flow *flow = get(flows, ticket);

	if (!flow || flow->refused)
		return;
	flow->refused = true;
	count_down(flows, &flow->key);
}

int mqg_flows_end(struct mqg_flows *flows, uint64_t ticket, struct mqg_live_flow *out)
{
	struct mqg_live_flow *flow = get(flows, ticket);

	if (!flow)
		return -ENOENT;
	mqg_flows_refuse(flows, ticket);
	flow->ended = true;
	*out = *flow;
	return 0;
}

int mqg_flows_remove(struct mqg_flows *flows, uint64_t ticket, struct mqg_live_flow *flow)
{
	uint32_t slot = (uint32_t)ticket - 1;

	if (!get(flows, ticket))
		return -ENOENT;
	*flow = flows->slots[slot].flow;
	flows->slots[slot].generation++;
	flows->taken--;
	if (!flow->refused)
		count_down(flows, &flow->key);
	give_slot(flows, slot);
	return 0;
}

size_t mqg_flows_of(const struct mqg_flows *flows, const struct mqgate_source_key *scored)
{
	const struct source *source = find(flows, scored);

	return source ? source->flows : 0;
}

size_t mqg_flows_count(const struct mqg_flows *flows)
{
	return flows->taken;
}

size_t mqg_flows_slots(const struct mqg_flows *flows)
{
	return flows->n;
}

struct mqg_live_flow *mqg_flows_slot(struct mqg_flows *flows, size_t slot)
{
	return flows->slots[slot].generation & 1 ? &flows->slots[slot].flow : NULL;
}
