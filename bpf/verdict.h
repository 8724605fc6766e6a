/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Verdicts on sources: the exact address first, then the /64 of an IPv6 address. Reads
 * mqgate_sources; writes `hits` only, without atomics (it may lose a few).
 */
#ifndef MQG_BPF_VERDICT_H
#define MQG_BPF_VERDICT_H

#include "parse.h"

/* @decides: count a PASS as a hit too; a DROP always is one. */
static __always_inline __u32 verdict_at(const struct packet *p,
					const struct mqgate_source_key *key, bool decides)
{
	struct mqgate_verdict *verdict = bpf_map_lookup_elem(&mqgate_sources, key);
	__u32 action;

	if (!verdict || (verdict->expires && p->now >= verdict->expires))
		return MQGATE_ACTION_NONE;
	action = verdict->action;
	/* LIMIT and RESET are numbers of later budgets: here they decide nothing. */
	if (action != MQGATE_ACTION_DROP && action != MQGATE_ACTION_PASS)
		return MQGATE_ACTION_NONE;
	if (action == MQGATE_ACTION_DROP || decides)
		verdict->hits++;
	return action;
}

/* Return: MQGATE_ACTION_DROP, _PASS or _NONE. */
static __always_inline __u32 verdict_on(const struct packet *p, bool decides)
{
	struct mqgate_source_key key;
	__u32 action;

	__builtin_memcpy(key.addr, p->flow.saddr, sizeof(key.addr));
	action = verdict_at(p, &key, decides);
	if (action != MQGATE_ACTION_NONE || p->v4)
		return action;
	__builtin_memset(key.addr + 8, 0, 8);
	return verdict_at(p, &key, decides);
}

#endif
