/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Verdicts on sources: the exact address first, then the /64 of an IPv6 address, then the
 * longest prefix. The first that holds decides, also where it lets pass. Reads mqgate_sources,
 * the prefixes and mqgate_control; writes `hits`, without atomics (it may lose a few), and the
 * token buckets of LIMIT in mqgate_budgets, likewise: a lost update lets a packet more pass.
 */
#ifndef MQG_BPF_VERDICT_H
#define MQG_BPF_VERDICT_H

#include "parse.h"
#include "prefix.h"

/* What the packet is to a verdict. */
#define MQG_ASK_LIMIT	1	/* LIMIT counts it: SYN, payload, datagram */
#define MQG_ASK_PASS	2	/* a PASS decides it, and has it for a hit */

/* Bits of an exact address, and of a /64 key: it is a source, and no prefix. */
#define MQG_WHOLE	128

/* Besides the actions: a LIMIT that still has tokens. What comes behind it is not asked. */
#define MQG_ACTION_WITHIN	16

static __always_inline struct mqgate_control *control_get(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&mqgate_control, &zero);
}

#define MQG_ACTION_BITS	8

/*
 * What of a verdict of a loaded set, or on one, holds while @generation does: see struct
 * mqgate_verdict. Return: the action, and above MQG_ACTION_BITS the rate.
 */
MQG_BORDER int mqg_verdict_of_set(struct mqgate_verdict *verdict, __u64 now, __u32 generation)
{
	__u64 expires;
	__u32 set, action, rate;
	bool before;

	if (!verdict)
		return MQGATE_ACTION_NONE;
	set = verdict->generation & ~MQGATE_GENERATION_SINGLE;
	expires = verdict->expires;
	action = verdict->action;
	rate = verdict->rate;
	if (set != verdict->generation)
		before = expires && now >= expires;
	else if (set < generation)
		return MQGATE_ACTION_NONE;
	else
		before = set > generation;
	if (before) {
		if (set < generation)
			return MQGATE_ACTION_NONE;
		expires = verdict->before_expires;
		action = verdict->before;
		rate = verdict->before_rate;
	}
	if (expires && now >= expires)
		return MQGATE_ACTION_NONE;
	return rate << MQG_ACTION_BITS | (action & ((1 << MQG_ACTION_BITS) - 1));
}

/* Return: the action of a verdict that holds now, else MQGATE_ACTION_NONE. */
static __always_inline __u32 holds(struct mqgate_verdict *verdict, __u64 now, __u32 generation,
				   __u32 *rate)
{
	__u32 found;

	if (verdict->generation) {
		found = mqg_verdict_of_set(verdict, now, generation);
		*rate = found >> MQG_ACTION_BITS;
		return found & ((1 << MQG_ACTION_BITS) - 1);
	}
	*rate = verdict->rate;
	return verdict->expires && now >= verdict->expires ? MQGATE_ACTION_NONE : verdict->action;
}

/* Has a bucket no token? GCRA (ITU-T I.371, A.1, as in allow.h), @rate not 0. */
static __always_inline bool budget_spent(const struct mqgate_budget *budget, __u32 rate,
					 __u32 burst, __u64 now)
{
	__u64 step = MQG_SECOND_NS / rate;

	if (!burst)
		burst = rate;
	return budget->tat > now && budget->tat - now > (burst - 1) * step;
}

/**
 * mqg_budget_take() - take one token of a bucket
 * @rate:  tokens/s; 0 = MQGATE_DEFAULT_LIMIT_PPS
 * @burst: so many at once; 0 = as many as a second brings
 * @now:   CLOCK_BOOTTIME, ns
 *
 * Whose bucket is in the scratch: the stacks of all callers together are 512 bytes. Where the
 * bucket cannot be made the packet passes. Return: 1 with a token, 0 without.
 */
MQG_BORDER int mqg_budget_take(__u32 rate, __u32 burst, __u64 now)
{
	struct scratch *s = scratch_get();
	struct mqgate_budget *budget;
	__u64 step;

	if (!s)
		return 1;
	if (!rate)
		rate = MQGATE_DEFAULT_LIMIT_PPS;
	step = MQG_SECOND_NS / rate;
	budget = bpf_map_lookup_elem(&mqgate_budgets, &s->bucket);
	if (!budget) {
		struct mqgate_budget fresh = { .tat = now + step, .passed = 1 };

		bpf_map_update_elem(&mqgate_budgets, &s->bucket, &fresh, BPF_ANY);
		return 1;
	}
	if (budget_spent(budget, rate, burst, now)) {
		budget->dropped++;
		return 0;
	}
	if (budget->tat < now)
		budget->tat = now;
	budget->tat += step;
	budget->passed++;
	return 1;
}

/* Whom a verdict is on, as mqgate_budgets has it: @high and @low in network order. */
static __always_inline bool within(__be64 high, __be64 low, __u32 length, __u32 rate, __u64 now)
{
	struct scratch *s = scratch_get();

	if (!s)
		return true;
	__builtin_memcpy(s->bucket.addr, &high, sizeof(high));
	__builtin_memcpy(s->bucket.addr + 8, &low, sizeof(low));
	s->bucket.length = length;
	s->bucket.service = 0;
	s->bucket.kind = length == MQG_WHOLE ? MQGATE_BUDGET_SOURCE : MQGATE_BUDGET_PREFIX;
	return mqg_budget_take(rate, 0, now);
}

/* Return: MQGATE_ACTION_NONE (ask on), _PASS, _LIMIT (over it), _RESET, _DROP, or _WITHIN. */
static __always_inline __u32 apply(struct mqgate_verdict *verdict, __u64 now,
				   __u32 generation, __u32 ask, __be64 high, __be64 low,
				   __u32 length)
{
	__u32 rate, action = holds(verdict, now, generation, &rate);

	if (action == MQGATE_ACTION_LIMIT) {
		if (!(ask & MQG_ASK_LIMIT) || within(high, low, length, rate, now))
			return MQG_ACTION_WITHIN;
	} else if (action == MQGATE_ACTION_PASS) {
		if (!(ask & MQG_ASK_PASS))
			return action;
	} else if (action != MQGATE_ACTION_DROP && action != MQGATE_ACTION_RESET) {
		return MQGATE_ACTION_NONE;
	}
	verdict->hits++;
	return action;
}

static __always_inline __u32 apply_source(const struct packet *p,
					  const struct mqgate_source_key *key,
					  __u32 generation, __u32 ask)
{
	struct mqgate_verdict *verdict = bpf_map_lookup_elem(&mqgate_sources, key);

	__be64 high, low;

	if (!verdict)
		return MQGATE_ACTION_NONE;
	__builtin_memcpy(&high, key->addr, sizeof(high));
	__builtin_memcpy(&low, key->addr + 8, sizeof(low));
	return apply(verdict, p->now, generation, ask, high, low, MQG_WHOLE);
}

/* A search through the lengths that may find something, the longest first. */
struct search {
	__u64			addr;		/* IPv4, or the first half of IPv6; host order */
	__u64			lengths;
	__u64			now;
	__u32			generation;
	__u32			ask;
	__u32			action;		/* out */
};

/*
 * Callbacks of bpf_loop(): the verifier goes through them once, and not 96 times. The longer key
 * is in the scratch: with it on the stack, clang 19 exceeds what Linux 6.1 allows a chain of calls.
 */
static int try_prefix4(__u32 i, void *arg)
{
	struct mqgate_prefix4_key key;
	struct mqgate_verdict *verdict;
	struct search *s = arg;
	__u32 network;

	(void)i;
	if (!s->lengths)
		return 1;
	verdict = prefix4_next(s->addr, &s->lengths, &key);
	if (!verdict)
		return 0;
	__builtin_memcpy(&network, key.addr, sizeof(network));
	s->action = apply(verdict, s->now, s->generation, s->ask, 0,
			  bpf_cpu_to_be64(0xFFFF00000000ULL | bpf_ntohl(network)),
			  96 + key.length);
	return s->action != MQGATE_ACTION_NONE;
}

static int try_prefix6(__u32 i, void *arg)
{
	struct scratch *scratch = scratch_get();
	struct mqgate_verdict *verdict;
	struct search *s = arg;
	__be64 high;

	(void)i;
	if (!scratch || !s->lengths)
		return 1;
	verdict = prefix6_next(s->addr, &s->lengths, &scratch->prefix6);
	if (!verdict)
		return 0;
	__builtin_memcpy(&high, scratch->prefix6.addr, sizeof(high));
	s->action = apply(verdict, s->now, s->generation, s->ask, high, 0,
			  scratch->prefix6.length);
	return s->action != MQGATE_ACTION_NONE;
}

static __always_inline __u32 apply_prefix(const struct packet *p,
					  const struct mqgate_control *control, __u32 generation,
					  __u32 ask)
{
	struct search s = {
		.now = p->now,
		.generation = generation,
		.ask = ask,
		.action = MQGATE_ACTION_NONE,
	};

	if (p->v4) {
		__u32 addr;

		if (!control->bits4)
			return MQGATE_ACTION_NONE;
		__builtin_memcpy(&addr, p->flow.saddr + 12, sizeof(addr));
		s.addr = bpf_ntohl(addr);
		s.lengths = lengths4(control->bits4, s.addr);
		if (s.lengths)
			bpf_loop(MQG_LENGTHS4, try_prefix4, &s, 0);
	} else {
		if (!control->slots6)
			return MQGATE_ACTION_NONE;
		__builtin_memcpy(&s.addr, p->flow.saddr, sizeof(s.addr));
		s.addr = bpf_be64_to_cpu(s.addr);
		s.lengths = lengths6(control, s.addr);
		if (s.lengths)
			bpf_loop(MQG_LENGTHS6, try_prefix6, &s, 0);
	}
	return s.action;
}

/**
 * mqg_verdict_judge() - the verdict on the source of a packet
 * @p:   segment or datagram
 * @ask: MQG_ASK_*, what it is to a verdict
 *
 * Return: MQGATE_ACTION_DROP, _RESET, _LIMIT (and over it), _PASS or _NONE.
 */
MQG_BORDER int mqg_verdict_judge(struct packet *p, __u32 ask)
{
	const struct mqgate_control *control = control_get();
	struct mqgate_source_key key;
	__u32 action, generation;

	if (!p || !control)
		return MQGATE_ACTION_NONE;
	/* Once for a packet: a flip between two look-ups would show it a part of either set. */
	generation = *(const volatile __u32 *)&control->generation;
	__builtin_memcpy(key.addr, p->flow.saddr, sizeof(key.addr));
	action = apply_source(p, &key, generation, ask);
	if (action == MQGATE_ACTION_NONE && !p->v4) {
		__builtin_memset(key.addr + 8, 0, 8);
		action = apply_source(p, &key, generation, ask);
	}
	if (action == MQGATE_ACTION_NONE)
		action = apply_prefix(p, control, generation, ask);
	return action == MQG_ACTION_WITHIN ? MQGATE_ACTION_NONE : action;
}

/* packet.reset: who is owed one */
#define MQG_RESET_RECEIVER	1	/* in order: the socket is to close */
#define MQG_RESET_SENDER	2	/* a refused flow sent on */
#define MQG_RESET_EITHER	3	/* of a RESET source: the one, else the other */

/* Return: the reason for which the source's packet is dropped, or 0. */
static __always_inline __u32 verdict_drops(struct packet *p, __u32 action)
{
	switch (action) {
	case MQGATE_ACTION_DROP:
		return MQGATE_REASON_SOURCE_BANNED;
	case MQGATE_ACTION_LIMIT:
		return MQGATE_REASON_SOURCE_LIMITED;
	case MQGATE_ACTION_RESET:
		p->reset = MQG_RESET_EITHER;
		return MQGATE_REASON_SOURCE_RESET;
	}
	return 0;
}

#endif
