// SPDX-License-Identifier: BSD-2-Clause
/*
 * How many entries the maps of flows and budgets have, for the metrics. A hash tells no count but
 * by a walk over all of it, which takes a tenth of a second and more where it is full: so it is
 * walked a batch a tick, and what is told is what the last walk found. The maps of verdicts are
 * counted by who reaps them (bulk.c). Main thread, without the lock, which is taken for the result.
 */
#include <string.h>

#include "judge/state.h"

#define A_TICK	4096		/* entries; one batch */
#define EVERY	(10 * NS_PER_S)

static int map_at(const struct mqg_pins *pins, size_t map)
{
	const int maps[MQG_FILLS] = { pins->allow, pins->flows, pins->budgets };

	return maps[map];
}

void mqg_judge_fill_stop(struct mqg_judge *judge)
{
	if (judge->fill.walking)
		mqg_walk_end(&judge->fill.walk);
	memset(&judge->fill, 0, sizeof(judge->fill));
}

/* The walk over one map has ended, well or not. */
static void next_map(struct mqg_judge *judge, bool counted, uint64_t now)
{
	struct mqg_fill *fill = &judge->fill;

	mqg_walk_end(&fill->walk);
	fill->walking = false;
	if (counted) {
		pthread_mutex_lock(&judge->lock);
		judge->counts.held[fill->map] = fill->n;
		pthread_mutex_unlock(&judge->lock);
	}
	fill->map = (fill->map + 1) % MQG_FILLS;
	if (!fill->map)
		fill->next = now + EVERY;
}

void mqg_judge_fill_step(struct mqg_judge *judge, uint64_t now)
{
	struct mqg_fill *fill = &judge->fill;
	int left = A_TICK, got;

	while (left > 0 && now >= fill->next) {
		if (!fill->walking) {
			fill->n = 0;
			fill->walking = true;
			if (mqg_walk_begin(&fill->walk, map_at(&judge->pins, fill->map))) {
				next_map(judge, false, now);
				return;
			}
		}
		got = mqg_walk_next(&fill->walk);
		if (got > 0)
			fill->n += (size_t)got;
		else
			next_map(judge, !got, now);
		if (got < 0)
			return;
		left -= got;
	}
}
