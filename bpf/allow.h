/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * ALLOW of authenticated flows, within a packet budget. Reads mqgate_allow; writes `tat` and
 * `packets` of the entry, without atomics: one flow arrives on one CPU.
 */
#ifndef MQG_BPF_ALLOW_H
#define MQG_BPF_ALLOW_H

#include "service.h"

/* A tick is no longer (HZ = 100). */
#define MQG_TICK_NS	(10 * MQG_MS_NS)

/*
 * The time of the last tick: unlike the clock it does not wait for what is
 * being loaded (a data packet of a busy fleet: 255 ns with the clock, 215 with this).
 */
static __always_inline __u64 tick(const struct packet *p)
{
	struct scratch *s;
	__u64 now;

	if (p->now)
		return p->now;
	s = scratch_get();
	if (!s)
		return 0;
	now = bpf_ktime_get_coarse_ns();
	/* Suspending the host moves the two apart. */
	if (now >= s->ahead_until) {
		s->ahead = bpf_ktime_get_boot_ns() - bpf_ktime_get_ns();
		s->ahead_until = now + MQG_SECOND_NS;
	}
	return now + s->ahead;
}

/*
 * Generic cell rate algorithm, virtual scheduling (ITU-T I.371, A.1): a packet conforms when
 * it is not earlier than the theoretical arrival time less the tolerance of the burst.
 */
static __always_inline bool within_budget(__u64 now, const struct mqgate_service *svc,
					  struct mqgate_allow *allow)
{
	__u64 step = MQG_SECOND_NS / or_default(svc->allow_pps, MQGATE_DEFAULT_ALLOW_PPS);
	__u64 burst = or_default(svc->allow_burst, MQGATE_DEFAULT_ALLOW_BURST);
	__u64 tat = allow->tat;

	if (tat < now)
		tat = now;
	else if (tat - now > (burst - 1) * step)
		return false;
	allow->tat = tat + step;
	return true;
}

/*
 * @allow: the entry of the flow, or NULL. The clock decides where the tick says that a packet comes
 * too early, or is not sure whether the entry has expired. Return: MQGATE_REASON_PASS_ALLOW,
 * _ALLOW_BUDGET, or 0 where the flow is not ALLOWed.
 */
static __always_inline __u32 allow_check(struct packet *p, const struct mqgate_service *svc,
					 struct mqgate_allow *allow)
{
	__u64 now;

	if (!allow)
		return 0;
	now = tick(p);
	if (!now) {
		stamp(p);
		now = p->now;
	}
	if (allow->expires && now + MQG_TICK_NS >= allow->expires) {
		stamp(p);
		if (p->now >= allow->expires)
			return 0;
	}
	if (!within_budget(now, svc, allow)) {
		stamp(p);
		if (now == p->now || !within_budget(p->now, svc, allow))
			return MQGATE_REASON_ALLOW_BUDGET;
	}
	allow->packets++;
	return MQGATE_REASON_PASS_ALLOW;
}

#endif
