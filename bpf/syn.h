/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * SYNs that no verdict speaks against: the budget of their source, the rate of all SYNs to their
 * service, and what is done in a flood. Owns mqgate_syn, whose buckets are shared by all CPUs:
 * a CPU takes batches from them by compare and exchange and keeps them in its scratch. `since`,
 * `busy`, `floods` and `answer` are written without atomics: whoever is last is right.
 *
 * In a flood sources are not accounted any more: forged ones would turn the map of budgets. A
 * source that has a bucket is held to it all the same, where no cookie is answered.
 */
#ifndef MQG_BPF_SYN_H
#define MQG_BPF_SYN_H

#include "cookie.h"
#include "flow.h"
#include "verdict.h"

#define MQG_BATCH	64

/* How often `busy` is written: every CPU reads the line that it lies in for every SYN. */
#define MQG_BUSY_NS	(10 * MQG_MS_NS)

/*
 * One token of a bucket of @rate a second, and so many at once. Where another CPU takes from it in
 * the same moment, one SYN more is within. Return: false where it is empty.
 */
static __always_inline bool take(__u64 *bucket, __u32 *tokens, __u32 rate, __u64 now)
{
	__u32 batch = rate >> 8 > MQG_BATCH ? MQG_BATCH : rate >> 8;
	__u64 old = *(volatile __u64 *)bucket, step = MQG_SECOND_NS / rate;
	__u64 tat = old < now ? now : old;

	if (!batch)
		batch = 1;
	/* More than a batch leaves is of a rate that holds no longer. */
	if (*tokens && *tokens < batch) {
		--*tokens;
		return true;
	}
	if (tat - now > (rate - batch) * step)
		return false;
	if (__sync_val_compare_and_swap(bucket, old, tat + batch * step) == old)
		*tokens = batch - 1;
	return true;
}

/* See struct mqgate_syn. */
static __always_inline bool flooded(const struct mqgate_syn *syn, const struct mqgate_service *svc,
				    __u64 now)
{
	__u64 busy = *(volatile __u64 *)&syn->busy;

	return busy && (busy > now ||
			now - busy < or_default(svc->syn_calm_ms, MQGATE_DEFAULT_SYN_CALM_MS) *
				     MQG_MS_NS);
}

static __always_inline struct mqgate_syn *syn_of(const struct packet *p)
{
	__u32 number = p->service;

	return bpf_map_lookup_elem(&mqgate_syn, &number);
}

/* Return: the reason for which the budget of its source drops a SYN, or 0. */
static __always_inline __u32 source_judge(struct packet *p, const struct mqgate_service *svc,
					  bool account)
{
	__u32 rate = or_default(svc->syn_source, MQGATE_DEFAULT_SYN_SOURCE);
	struct scratch *s = scratch_get();

	if (!s || rate == MQGATE_SYN_UNLIMITED)
		return 0;
	__builtin_memcpy(s->bucket.addr, p->flow.saddr, sizeof(s->bucket.addr));
	if (!p->v4)
		__builtin_memset(s->bucket.addr + 8, 0, 8);
	s->bucket.length = p->v4 ? MQG_WHOLE : MQG_WHOLE / 2;
	s->bucket.service = p->service;
	s->bucket.kind = MQGATE_BUDGET_SYN;
	if (!account && !bpf_map_lookup_elem(&mqgate_budgets, &s->bucket))
		return 0;
	return mqg_budget_take(rate, 0, p->now) ? 0 : MQGATE_REASON_SYN_SOURCE;
}

/**
 * mqg_syn_judge() - budgets and cookies
 * @ctx:    frame; becomes the answer where that is MQGATE_REASON_SYN_COOKIE and no mode observe
 * @p:      its segment, a SYN
 * @svc:    its service
 * @passed: its source is PASSed: it has no budget of its own (but all of them have the rate)
 *
 * Return: the reason, or 0 where nothing speaks against it.
 */
MQG_BORDER int mqg_syn_judge(struct xdp_md *ctx, struct packet *p, struct mqgate_service *svc,
			     __u32 passed)
{
	struct scratch *s = scratch_get();
	__u32 rate, answer, reason;
	struct tokens *tokens;
	struct mqgate_syn *syn;
	bool cookies;

	if (!p || !svc || !s)
		return 0;
	syn = syn_of(p);
	if (!syn)
		return 0;
	tokens = &s->tokens[p->service & (MQGATE_SERVICES - 1)];
	rate = or_default(svc->syn_rate, MQGATE_DEFAULT_SYN_RATE);
	cookies = svc->flags & MQGATE_SVC_F_COOKIES;
	if (!flooded(syn, svc, p->now)) {
		reason = passed ? 0 : source_judge(p, svc, true);
		if (reason || rate == MQGATE_SYN_UNLIMITED ||
		    take(&syn->tat, &tokens->rate, rate, p->now))
			return reason;
		syn->since = p->now;
		syn->busy = p->now;
		syn->floods++;
	} else {
		reason = passed || cookies ? 0 : source_judge(p, svc, false);
		if (reason)
			return reason;
		if (!take(&syn->calm_tat, &tokens->calm, rate / 2 ? rate / 2 : 1, p->now) &&
		    p->now - syn->busy > MQG_BUSY_NS)
			syn->busy = p->now;
	}
	answer = MQGATE_SYN_OFF;
	if (cookies)
		answer = mqg_cookie_answer(ctx, p, svc->mode != MQGATE_MODE_OBSERVE);
	if (syn->answer != answer)
		syn->answer = answer;
	if (answer == MQGATE_SYN_COOKIES)
		return MQGATE_REASON_SYN_COOKIE;
	return take(&syn->tat, &tokens->rate, rate, p->now) ? 0 : MQGATE_REASON_SYN_RATE;
}

/*
 * In a flood of SYNs comes one of ACKs: each would cost the stack a look-up and a reset. Return:
 * the reason for a segment without payload, or 0 where this is not for here to say.
 */
static __always_inline __u32 ack_judge(struct xdp_md *ctx, struct packet *p,
				       const struct mqgate_service *svc)
{
	struct mqgate_syn *syn;
	__u32 reason;

	if (!(svc->flags & MQGATE_SVC_F_COOKIES))
		return 0;
	syn = syn_of(p);
	if (!syn || !flooded(syn, svc, p->now))
		return 0;
	reason = mqg_cookie_check(ctx, p);
	/* Its SYN was answered without a look at the flow, and this is proof of it. */
	if (reason == MQGATE_REASON_PASS_COOKIE)
		flow_reopen(p);
	return reason;
}

#endif
