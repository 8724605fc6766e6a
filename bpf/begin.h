/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What one source, and all of them together, may begin: budgets of good first payloads, and over
 * UDP of datagrams. Called by settle() and datagram_judge(), behind everything that costs less.
 * The buckets are in mqgate_budgets, which is an LRU: what is forgotten begins with a full one.
 *
 * Over TCP a drop here delays and does not refuse: nothing is remembered of the flow, the client's
 * TCP sends the first payload again, and that one meets a bucket that has filled meanwhile.
 */
#ifndef MQG_BPF_BEGIN_H
#define MQG_BPF_BEGIN_H

#include "verdict.h"

/* The bucket of @svc for all sources, into the scratch. */
static __always_inline void bucket_of_service(struct scratch *s, const struct packet *p, __u32 kind)
{
	__builtin_memset(s->bucket.addr, 0, sizeof(s->bucket.addr));
	s->bucket.length = 0;
	s->bucket.service = p->service;
	s->bucket.kind = kind;
}

/* That of one source: its address, or the /64 that it is in. */
static __always_inline void bucket_of_source(struct scratch *s, const struct packet *p, __u32 kind)
{
	__builtin_memcpy(s->bucket.addr, p->flow.saddr, sizeof(s->bucket.addr));
	s->bucket.length = MQG_WHOLE;
	if (!p->v4) {
		__builtin_memset(s->bucket.addr + 8, 0, 8);
		s->bucket.length = 64;
	}
	s->bucket.service = p->service;
	s->bucket.kind = kind;
}

/**
 * mqg_begin_judge() - may this source begin one thing more with this service?
 * @p:   a good first payload, or a datagram
 * @svc: its service
 *
 * While the service as a whole is over its budget no source is looked up: distinct addresses must
 * not turn the LRU. What one source has too many of costs the others none of the service's tokens.
 * Return: MQGATE_REASON_SOURCE_BUDGET, _SERVICE_BUDGET, or 0 with the tokens taken.
 */
MQG_BORDER int mqg_begin_judge(struct packet *p, struct mqgate_service *svc)
{
	struct scratch *s = scratch_get();
	struct mqgate_budget *all;

	if (!p || !svc || !s)
		return 0;
	if (svc->service_rate) {
		bucket_of_service(s, p, MQGATE_BUDGET_SERVICE);
		all = bpf_map_lookup_elem(&mqgate_budgets, &s->bucket);
		if (all && budget_spent(all, svc->service_rate, svc->service_burst, p->now)) {
			all->dropped++;
			return MQGATE_REASON_SERVICE_BUDGET;
		}
	}
	if (svc->source_rate) {
		bucket_of_source(s, p, MQGATE_BUDGET_FIRST);
		if (!mqg_budget_take(svc->source_rate, svc->source_burst, p->now))
			return MQGATE_REASON_SOURCE_BUDGET;
	}
	if (svc->service_rate) {
		bucket_of_service(s, p, MQGATE_BUDGET_SERVICE);
		mqg_budget_take(svc->service_rate, svc->service_burst, p->now);
	}
	return 0;
}

/* The same, where mostly nobody has set a budget. */
static __always_inline __u32 begins(struct packet *p, struct mqgate_service *svc)
{
	__u32 reason;

	if (!svc->source_rate && !svc->service_rate)
		return 0;
	reason = mqg_begin_judge(p, svc);
	if (reason)
		p->judged = false;
	return reason;
}

#endif
