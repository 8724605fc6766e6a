/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What XDP itself knows of a flow: the states SUSPECT, SEEN and REFUSED in mqgate_flows. The
 * map is an LRU: what it forgets, the socket or leniency replaces. An entry that cannot be
 * made is no reason to drop. Entries are changed in place without a lock; packets of a flow
 * come on one CPU, and a lost update costs one segment of a budget.
 */
#ifndef MQG_BPF_FLOW_H
#define MQG_BPF_FLOW_H

#include "first.h"
#include "known.h"
#include "reset.h"
#include "socket.h"

/* A flow that was REFUSED may try again after this time, or after a new SYN. */
#define MQG_REFUSED_NS		(60 * MQG_SECOND_NS)

/* How far behind the first payload a segment still tells that it went by. */
#define MQG_WINDOW		65536

static __always_inline void flow_put(const struct packet *p, __u32 state, __u32 reason, __u32 need)
{
	struct mqgate_flow_key key = p->flow;
	struct mqgate_flow flow = {
		.since = p->now,
		.state = state,
		.reason = reason,
		.first_seq = p->seq,
		.need = need,
	};

	if (state == MQGATE_FLOW_SUSPECT) {
		flow.segments = 1;
		flow.bytes = p->payload_len;
		flow.head_len = p->payload_len < MQW_HEAD_BYTES ? p->payload_len : MQW_HEAD_BYTES;
		__builtin_memcpy(flow.head, p->head.bytes, sizeof(flow.head));
	}
	state = mqg_known_add(&key);
	bpf_map_update_elem(&mqgate_flows, &key, &flow, BPF_ANY);
	if (known_moved(state))
		mqg_known_add(&key);
}

/*
 * A new connection on old ports begins anew. SEEN stays: a SYN can be forged, and on a
 * strict service forgetting a good flow would end it.
 */
static __always_inline void flow_reopen(const struct packet *p)
{
	struct mqgate_flow *flow;

	if (!p->known)
		return;
	flow = bpf_map_lookup_elem(&mqgate_flows, &p->flow);
	if (flow && flow->state != MQGATE_FLOW_SEEN)
		bpf_map_delete_elem(&mqgate_flows, &p->flow);
}

/* What a first payload may cost in all: what was sent again, or twice in an overlap, counts too. */
static __always_inline __u32 most_bytes(const struct mqgate_service *svc,
					const struct mqgate_flow *flow)
{
	__u32 most = MQGATE_DEFAULT_SUSPECT_TIMES * flow->need;

	if (svc->suspect_bytes)
		return svc->suspect_bytes;
	return most > MQGATE_DEFAULT_SUSPECT_BYTES ? most : MQGATE_DEFAULT_SUSPECT_BYTES;
}

static __always_inline bool over_budget(const struct packet *p, const struct mqgate_service *svc,
					const struct mqgate_flow *flow)
{
	__u32 segments = or_default(svc->suspect_segments, MQGATE_DEFAULT_SUSPECT_SEGMENTS);
	__u32 ms = or_default(svc->suspect_ms, MQGATE_DEFAULT_SUSPECT_MS);

	return flow->segments >= segments || p->now - flow->since > ms * MQG_MS_NS ||
	       (__u64)flow->bytes + p->payload_len > most_bytes(svc, flow);
}

/*
 * The packet's length was not in the first segment (clients exist that send byte by byte):
 * adds what this one carries of the head, and judges that again. Bytes already taken stay,
 * whatever a retransmission says. Return: the reason when the head is now malformed, or 0.
 */
static __always_inline __u32 head_learn(struct xdp_md *ctx, const struct packet *p,
					const struct mqgate_service *svc, struct mqgate_flow *flow)
{
	__u32 off = p->seq - flow->first_seq;
	__u32 have = flow->head_len & (MQW_HEAD_BYTES - 1);
	struct scratch *s = scratch_get();
	struct judgement j = {};
	__u32 skip, n;

	if (!s || off > have || p->payload_len <= have - off)
		return 0;
	skip = have - off;
	n = p->payload_len - skip;
	if (n > MQW_HEAD_BYTES - have)
		n = MQW_HEAD_BYTES - have;
	__builtin_memcpy(s->head.bytes, flow->head, MQW_HEAD_BYTES);
	if (bpf_xdp_load_bytes(ctx, p->payload + skip, s->head_bytes + have,
			       ((n - 1) & (MQW_HEAD_BYTES - 1)) + 1))
		return 0;
	if (mqg_head_judge(p->kind, first_max(p, svc), &s->head, have + n, &j) == MQW_MALFORMED)
		return j.reason;
	__builtin_memcpy(flow->head, s->head.bytes, MQW_HEAD_BYTES);
	flow->head_len = have + n;
	flow->need = j.need;
	return 0;
}

static __always_inline void flow_refuse(struct packet *p, const struct mqgate_service *svc,
					struct mqgate_flow *flow, __u32 reason)
{
	if (p->proven && resets(svc))
		p->reset = MQG_RESET_RECEIVER;
	flow->state = MQGATE_FLOW_REFUSED;
	flow->reason = reason;
	flow->since = p->now;
}

/**
 * mqg_suspect_judge() - a further segment of a first payload that was incomplete
 * @ctx:  frame
 * @p:    its segment
 * @svc:  its service
 * @flow: its entry in mqgate_flows, SUSPECT; is brought up to date
 *
 * Return: the reason, or 0 for a retransmission of the beginning, to be judged again in full.
 */
MQG_BORDER int mqg_suspect_judge(struct xdp_md *ctx, struct packet *p,
				 struct mqgate_service *svc, struct mqgate_flow *flow)
{
	__u32 end, reason;

	if (!p || !svc || !flow)
		return MQGATE_REASON_PASS_UNDECIDED;
	if (over_budget(p, svc, flow)) {
		mqg_socket_ask(ctx, p);
		flow_refuse(p, svc, flow, MQGATE_REASON_SUSPECT_BUDGET);
		return MQGATE_REASON_SUSPECT_BUDGET;
	}
	flow->segments++;
	flow->bytes += p->payload_len;
	if (p->seq == flow->first_seq)
		return 0;
	if (!flow->need) {
		reason = head_learn(ctx, p, svc, flow);
		if (reason) {
			mqg_socket_ask(ctx, p);
			if (p->proven)
				flow_refuse(p, svc, flow, reason);
			return reason;
		}
	}
	/*
	 * Sequence numbers wrap: what is negative lies before the first payload. Where the head
	 * went by without telling the length (reordered segments, a record of a few bytes), the
	 * flow has the benefit of the doubt. What is far beyond tells nothing: the receiver does
	 * not take it, and the flow would be rid of its budget.
	 */
	end = flow->first_seq + (flow->need ? flow->need : MQW_HEAD_BYTES);
	if ((__s32)(p->seq + p->payload_len - end) >= 0 && (__s32)(p->seq - end) < MQG_WINDOW)
		flow->state = MQGATE_FLOW_SEEN;
	return MQGATE_REASON_PASS_SUSPECT;
}

#endif
