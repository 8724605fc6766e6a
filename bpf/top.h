/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Who is dropped most: notes a sample of the drops in mqgate_top, as described there. Called
 * on the way out by conclude(), for drops alone. Everything is of one CPU; no lock.
 */
#ifndef MQG_BPF_TOP_H
#define MQG_BPF_TOP_H

#include "parse.h"

/* Notes of one service and reason are this far apart, roughly: half of it to twice. */
#define MQG_NOTE_NS		(MQG_MS_NS / 8)
/* After so long a drop is noted whatever the gap: a flood has ended. */
#define MQG_NOTE_LATE_NS	(10 * MQG_MS_NS)
#define MQG_NOTE_EVERY_MAX	1024

/* Which drop is noted next is drawn, so that nobody can time himself between two notes. */
static __always_inline void draw_next(struct mqgate_stat *stat, __u64 now)
{
	__u64 took = now - stat->noted;
	__u32 every = stat->every;

	if (took < MQG_NOTE_NS / 2 && every < MQG_NOTE_EVERY_MAX)
		every *= 2;
	else if (took > 2 * MQG_NOTE_NS)
		every /= 2;
	if (!every)
		every = 1;
	stat->every = every;
	stat->until = 1 + bpf_get_prandom_u32() % (2 * every - 1);
	stat->noted = now;
	stat->gap = 0;
}

static __always_inline void gain(struct mqgate_offender *way, const struct packet *p,
				 __u32 reason, __u64 gap)
{
	if (way->reason == reason) {
		way->votes++;
	} else if (way->votes) {
		way->votes--;
	} else {
		way->reason = reason;
		way->votes = 1;
	}
	if (way->strength < MQGATE_TOP_STRENGTH_MAX)
		way->strength++;
	if (p->proven)
		way->flags |= MQGATE_OFFENDER_F_PROVEN;
	way->packets += gap;
	way->spread += gap * (gap - 1);
	way->service = p->service;
	way->last = p->now;
}

/* Somebody else wants the place. Return: true when it is free now. */
static __always_inline bool give_way(struct mqgate_offender *way, __u32 strength)
{
	if (!strength)
		return true;
	if (bpf_get_prandom_u32() & ((1U << (strength >> 3 & 31)) - 1))
		return false;
	way->strength = strength - 1;
	return strength == 1;
}

/**
 * mqg_top_sample() - note a drop
 * @p:      packet
 * @stat:   counter of its service and reason on this CPU
 * @reason: why it is dropped
 *
 * Return: 0.
 */
MQG_BORDER int mqg_top_sample(struct packet *p, struct mqgate_stat *stat, __u32 reason)
{
	struct mqgate_offender *way, *weakest;
	__u32 index, strength, least = ~0U;
	struct mqgate_top_set *set;
	__u64 high, low, gap;

	if (!p || !stat)
		return 0;
	gap = stat->gap;
	draw_next(stat, p->now);
	__builtin_memcpy(&high, p->flow.saddr, sizeof(high));
	__builtin_memcpy(&low, p->flow.saddr + 8, sizeof(low));
	if (!p->v4)
		low = 0;
	index = ((low ^ high * 0xC2B2AE3D27D4EB4FULL) * 0x9E3779B97F4A7C15ULL) >> 56;
	set = bpf_map_lookup_elem(&mqgate_top, &index);
	if (!set)
		return 0;
	weakest = &set->way[0];
	for (int i = 0; i < MQGATE_TOP_WAYS; i++) {
		__u64 way_high, way_low;

		way = &set->way[i];
		__builtin_memcpy(&way_high, way->addr, sizeof(way_high));
		__builtin_memcpy(&way_low, way->addr + 8, sizeof(way_low));
		if (way_high == high && way_low == low) {
			gain(way, p, reason, gap);
			return 0;
		}
		strength = p->now - way->last > MQGATE_TOP_IDLE ? 0 : way->strength;
		if (strength < least) {
			least = strength;
			weakest = way;
		}
	}
	if (!give_way(weakest, least))
		return 0;
	__builtin_memset(weakest, 0, sizeof(*weakest));
	__builtin_memcpy(weakest->addr, &high, sizeof(high));
	__builtin_memcpy(weakest->addr + 8, &low, sizeof(low));
	weakest->since = p->now;
	gain(weakest, p, reason, gap);
	return 0;
}

static __always_inline void top_note(struct packet *p, struct mqgate_stat *stat, __u32 reason)
{
	/* Of most malformed CONNECTs the clock was not read: those wait for their turn. */
	if (++stat->gap < stat->until && (!p->now || p->now - stat->noted < MQG_NOTE_LATE_NS))
		return;
	stamp(p);
	mqg_top_sample(p, stat, reason);
}

#endif
