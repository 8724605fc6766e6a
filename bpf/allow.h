/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * ALLOW of authenticated flows, within a packet budget. Reads mqgate_allow; writes `tat` and
 * `packets` of the entry, without atomics: one flow arrives on one CPU.
 */
#ifndef MQG_BPF_ALLOW_H
#define MQG_BPF_ALLOW_H

#include "service.h"

/*
 * Generic cell rate algorithm, virtual scheduling (ITU-T I.371, A.1): a packet conforms when
 * it is not earlier than the theoretical arrival time less the tolerance of the burst.
 */
static __always_inline bool within_budget(const struct packet *p, const struct mqgate_service *svc,
					  struct mqgate_allow *allow)
{
	__u64 step = MQG_SECOND_NS / or_default(svc->allow_pps, MQGATE_DEFAULT_ALLOW_PPS);
	__u64 burst = or_default(svc->allow_burst, MQGATE_DEFAULT_ALLOW_BURST);
	__u64 tat = allow->tat;

	if (tat < p->now)
		tat = p->now;
	else if (tat - p->now > (burst - 1) * step)
		return false;
	allow->tat = tat + step;
	return true;
}

/*
 * @allow: the entry of the flow, or NULL. Only where there is one is the time asked for.
 * Return: MQGATE_REASON_PASS_ALLOW, _ALLOW_BUDGET, or 0 where the flow is not ALLOWed.
 */
static __always_inline __u32 allow_check(struct packet *p, const struct mqgate_service *svc,
					 struct mqgate_allow *allow)
{
	if (!allow)
		return 0;
	stamp(p);
	if (allow->expires && p->now >= allow->expires)
		return 0;
	if (!within_budget(p, svc, allow))
		return MQGATE_REASON_ALLOW_BUDGET;
	allow->packets++;
	return MQGATE_REASON_PASS_ALLOW;
}

#endif
