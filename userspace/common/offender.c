// SPDX-License-Identifier: BSD-2-Clause
/*
 * Reads mqgate_top and puts the CPUs together. Called by `mqgate top`; no state, no lock: XDP
 * goes on writing meanwhile, and an entry that is replaced while it is copied is off once.
 */
#include "common/offender.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/bpf.h>

static int by_address(const void *a, const void *b)
{
	return memcmp(((const struct mqg_offender *)a)->addr,
		      ((const struct mqg_offender *)b)->addr, 16);
}

static void add(struct mqg_offenders *o, const struct mqgate_offender *way)
{
	struct mqg_offender *one = &o->list[o->count++];

	memcpy(one->addr, way->addr, sizeof(one->addr));
	one->packets = way->packets;
	one->spread = way->spread;
	one->since = way->since;
	one->last = way->last;
	one->service = way->service;
	one->reason = way->reason;
	one->votes = way->votes;
	one->proven = way->flags & MQGATE_OFFENDER_F_PROVEN;
}

static void merge(struct mqg_offender *into, const struct mqg_offender *from)
{
	into->packets += from->packets;
	into->spread += from->spread;
	if (from->since < into->since)
		into->since = from->since;
	if (from->last > into->last)
		into->last = from->last;
	if (from->votes > into->votes) {
		into->service = from->service;
		into->reason = from->reason;
		into->votes = from->votes;
	}
	into->proven |= from->proven;
}

static void merge_all(struct mqg_offenders *o)
{
	size_t kept = 0;

	qsort(o->list, o->count, sizeof(*o->list), by_address);
	for (size_t i = 0; i < o->count; i++) {
		if (kept && !by_address(&o->list[kept - 1], &o->list[i]))
			merge(&o->list[kept - 1], &o->list[i]);
		else
			o->list[kept++] = o->list[i];
	}
	o->count = kept;
}

int mqg_offenders_read(const struct mqg_pins *pins, uint64_t now, struct mqg_offenders *o)
{
	size_t most = (size_t)pins->cpus * MQGATE_TOP_SETS * MQGATE_TOP_WAYS;
	struct mqgate_top_set *sets = calloc(pins->cpus, sizeof(*sets));
	int err = 0;

	o->count = 0;
	o->list = calloc(most, sizeof(*o->list));
	if (!o->list || !sets)
		err = -ENOMEM;
	for (__u32 set = 0; !err && set < MQGATE_TOP_SETS; set++) {
		err = bpf_map_lookup_elem(pins->top, &set, sets);
		for (uint32_t i = 0; !err && i < pins->cpus * MQGATE_TOP_WAYS; i++) {
			const struct mqgate_offender *way =
				&sets[i / MQGATE_TOP_WAYS].way[i % MQGATE_TOP_WAYS];

			if (way->strength && way->last + MQGATE_TOP_IDLE > now)
				add(o, way);
		}
	}
	free(sets);
	if (err)
		mqg_offenders_free(o);
	else
		merge_all(o);
	return err;
}

void mqg_offenders_free(struct mqg_offenders *o)
{
	free(o->list);
	o->list = NULL;
	o->count = 0;
}

const struct mqg_offender *mqg_offenders_find(const struct mqg_offenders *o,
					      const uint8_t addr[16])
{
	struct mqg_offender key;

	memcpy(key.addr, addr, sizeof(key.addr));
	return o->count ? bsearch(&key, o->list, o->count, sizeof(*o->list), by_address) : NULL;
}

double mqg_offender_error(uint64_t spread)
{
	return 2 * sqrt((double)spread);
}
