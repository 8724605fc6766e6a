// SPDX-License-Identifier: GPL-2.0-only
/*
 * The XDP program: judges packets to protected ports and leaves everything else alone.
 * Owns the order of the checks, from cheap and decisive to costly; each check is in its own
 * header. Attached by `mqgate attach`, `ip link`, bpftool or xdp-loader. No locks: see maps.h.
 *
 * The program in "xdp" serves drivers with one buffer a frame, its twin in "xdp.frags" those
 * with many (a large MTU); they differ in nothing else.
 */
#include "maps.h"
#include "parse.h"
#include "service.h"
#include "verdict.h"
#include "allow.h"
#include "datagram.h"
#include "socket.h"
#include "first.h"
#include "flow.h"
#include "settle.h"
#include "syn.h"
#include "ask.h"
#include "count.h"

char _license[] SEC("license") = "GPL";

/*
 * For libxdp, whose dispatcher chains programs (xdp-loader): early, and what passes goes on to the
 * next. Others see the section and leave it alone.
 */
#define MQG_RUN_CONFIG(program)			\
	struct {				\
		__uint(priority, 10);		\
		__uint(XDP_PASS, 1);		\
	} _##program SEC(".xdp_run_config")

MQG_RUN_CONFIG(mqgate_xdp);
MQG_RUN_CONFIG(mqgate_xdp_frags);

static __always_inline __u32 syn_judge(struct xdp_md *ctx, struct packet *p,
				       struct mqgate_service *svc)
{
	__u32 action = mqg_verdict_judge(p, MQG_ASK_LIMIT), reason = verdict_drops(p, action);

	if (reason)
		return reason;
	if (daemon_away(p, svc))
		return MQGATE_REASON_DAEMON_AWAY;
	reason = mqg_syn_judge(ctx, p, svc, action == MQGATE_ACTION_PASS);
	if (reason)
		return reason;
	flow_reopen(p);
	return MQGATE_REASON_PASS_CONTROL;
}

static __always_inline void head_load(struct xdp_md *ctx, struct packet *p)
{
	__u32 n = p->payload_len;

	if (n >= MQW_HEAD_BYTES &&
	    pull(ctx, 0, p->payload, &p->head, MQW_HEAD_BYTES))
		return;
	if (n > MQW_HEAD_BYTES)
		n = MQW_HEAD_BYTES;
	bpf_xdp_load_bytes(ctx, p->payload, &p->head, ((n - 1) & (MQW_HEAD_BYTES - 1)) + 1);
}

/* Drops of one kind between two looks at the clock, unless a tick goes by before. */
#define MQG_PULSE	8

/* Is it worth to read the clock, so as to see whether this drop may be sampled? */
static __always_inline bool due(struct scratch *s, const struct packet *p, __u32 reason)
{
	struct pulse *pulse = &s->pulses[reason & (MQGATE_REASON_PACKET_MAX - 1)];
	__u32 tick = bpf_jiffies64();

	if (pulse->tick == tick && pulse->service == p->service && ++pulse->count % MQG_PULSE)
		return false;
	pulse->tick = tick;
	pulse->service = p->service;
	return true;
}

/**
 * mqg_flood_sample() - what is done for one of many malformed CONNECTs
 * @ctx: frame
 * @p:   its segment
 * @svc: its service
 * @j:   malformed
 *
 * It was dropped without asking anyone. Now and then the socket is asked all the same: whether
 * the source is proven, which the daemon's score needs, and whether the flow was older than its
 * entry, so that the retransmission passes. Where resets are owed it is asked always.
 *
 * Return: the reason of the drop, or MQG_ASK where it is the module that may know.
 */
MQG_BORDER int mqg_flood_sample(struct xdp_md *ctx, struct packet *p, struct mqgate_service *svc,
				struct judgement *j)
{
	struct scratch *s = scratch_get();
	__u64 *looked;
	int ground;

	if (!s || !p || !svc || !j)
		return MQGATE_REASON_MQTT_NOT_CONNECT;
	stamp(p);
	looked = &s->looked[j->reason & (MQGATE_REASON_PACKET_MAX - 1)];
	if (p->now - *looked < mqgate_rodata.sample_proven_ns && !resets(svc))
		return j->reason;
	*looked = p->now;
	ground = mqg_socket_ask(ctx, p);
	if (ground == GROUND_FIRST)
		flow_put(p, MQGATE_FLOW_REFUSED, j->reason, 0);
	else if (ground == GROUND_SEEN)
		flow_put(p, MQGATE_FLOW_SEEN, 0, 0);
	/* A proof stands only for the first payload: what came before was not judged. */
	if (ground != GROUND_FIRST)
		p->proven = false;
	else if (resets(svc))
		p->reset = MQG_RESET_RECEIVER;
	return ground == GROUND_NONE ? cross(p, j) : j->reason;
}

/*
 * A malformed CONNECT that names MQTT, on a flow of which nothing is known, is dropped whoever
 * sends it: no verdict is asked, nor the clock. Return: the reason, MQG_ASK, or 0 for any other
 * payload.
 */
static __always_inline __u32 flood_judge(struct xdp_md *ctx, struct packet *p,
					 struct mqgate_service *svc, struct judgement *j)
{
	struct scratch *s;

	if (j->status != MQW_MALFORMED || !j->names_mqtt ||
	    (p->known && bpf_map_lookup_elem(&mqgate_flows, &p->flow)))
		return 0;
	p->judged = true;
	s = scratch_get();
	if (!s || (!due(s, p, j->reason) && !resets(svc)))
		return j->reason;
	return mqg_flood_sample(ctx, p, svc, j);
}

/**
 * mqg_payload_judge() - steps 5 and 6: a payload of a flow that is not ALLOWed
 * @ctx: frame
 * @p:   its segment
 * @svc: its service
 * @j:   the judgement of its first bytes
 *
 * Return: the reason, MQGATE_REASON_*; or MQG_ASK.
 */
MQG_BORDER int mqg_payload_judge(struct xdp_md *ctx, struct packet *p, struct mqgate_service *svc,
				 struct judgement *j)
{
	struct mqgate_flow_key key;
	struct mqgate_flow *flow;
	__u32 action, reason;

	if (!p || !svc || !j)
		return MQGATE_REASON_PASS_UNDECIDED;
	action = mqg_verdict_judge(p, MQG_ASK_LIMIT | MQG_ASK_PASS);
	reason = verdict_drops(p, action);
	if (reason)
		return reason;
	p->judged = true;
	if (action == MQGATE_ACTION_PASS)
		return j->status == MQW_MALFORMED && j->names_mqtt ? j->reason :
								     MQGATE_REASON_PASS_VERDICT;

	key = p->flow;
	flow = p->known ? bpf_map_lookup_elem(&mqgate_flows, &key) : NULL;
	if (flow && flow->state == MQGATE_FLOW_SEEN)
		return MQGATE_REASON_PASS_SEEN;
	if (flow && flow->state == MQGATE_FLOW_REFUSED) {
		if (p->now - flow->since < MQG_REFUSED_NS) {
			p->judged = false;
			return flow_refused(p, svc);
		}
		flow = NULL;
	}
	if (flow) {
		reason = mqg_suspect_judge(ctx, p, svc, flow);
		if (reason) {
			p->judged = false;
			return reason;
		}
		mqg_socket_ask(ctx, p);
	} else if (j->status == MQW_MALFORMED && j->names_mqtt) {
		/* REFUSED too long ago. */
		return mqg_flood_sample(ctx, p, svc, j);
	} else {
		switch (mqg_socket_ask(ctx, p)) {
		case GROUND_SEEN:
			flow_put(p, MQGATE_FLOW_SEEN, 0, 0);
			return MQGATE_REASON_PASS_SEEN;
		case GROUND_ELSEWHERE:
			return MQGATE_REASON_PASS_UNDECIDED;
		case GROUND_NONE:
			if ((svc->flags & MQGATE_SVC_F_LOCAL) && mqg_address_local(ctx, p))
				return MQGATE_REASON_NO_SOCKET;
			return cross(p, j);
		}
	}
	if (j->status == MQW_OK)
		mqg_payload_parse(ctx, p, first_max(p, svc), j);
	/* GROUND_FIRST, GROUND_OPENING, or the beginning of a SUSPECT flow once more. */
	return settle(p, svc, j, true, flow, true);
}

/**
 * mqg_payload_alone() - the same, where the module is not there to be asked
 * @ctx: frame
 * @p:   its segment, as it crossed
 * @svc: its service
 *
 * Return: the reason, MQGATE_REASON_*.
 */
MQG_BORDER int mqg_payload_alone(struct xdp_md *ctx, struct packet *p, struct mqgate_service *svc)
{
	struct crossing *crossing = crossing_get();
	struct judgement j;

	if (!p || !svc || !crossing)
		return MQGATE_REASON_PASS_UNDECIDED;
	j = crossing->judgement;
	if (j.status == MQW_OK)
		mqg_payload_parse(ctx, p, first_max(p, svc), &j);
	return settle(p, svc, &j, svc->flags & MQGATE_SVC_F_STRICT, NULL, true);
}

static __always_inline __u32 judge(struct xdp_md *ctx, struct packet *p,
				   struct mqgate_service *svc)
{
	__u32 reason = examine(p, svc->flags & MQGATE_SVC_F_FRAGMENTS);
	struct judgement j = {};

	if (reason) {
		stamp(p);
		return reason;
	}
	if (p->flow.proto == IPPROTO_UDP) {
		stamp(p);
		return datagram_judge(p, svc);
	}
	p->known = known(p);
	if ((p->flags & (MQG_TCP_SYN | MQG_TCP_ACK)) == MQG_TCP_SYN) {
		stamp(p);
		return syn_judge(ctx, p, svc);
	}
	if (p->known) {
		reason = allow_check(p, svc, bpf_map_lookup_elem(&mqgate_allow, &p->flow));
		if (reason)
			return reason;
	}
	/* What a RST carries is text for people (RFC 9293, 3.5.3) and never delivered. */
	if (!p->payload_len || (p->flags & MQG_TCP_RST)) {
		stamp(p);
		reason = verdict_drops(p, mqg_verdict_judge(p, 0));
		if (!reason && !(p->flags & MQG_TCP_RST))
			reason = ack_judge(ctx, p, svc);
		return reason ? reason : MQGATE_REASON_PASS_CONTROL;
	}
	head_load(ctx, p);
	mqg_head_judge(p->kind, first_max(p, svc), &p->head,
		       p->payload_len < MQW_HEAD_BYTES ? p->payload_len : MQW_HEAD_BYTES, &j);
	reason = flood_judge(ctx, p, svc, &j);
	if (reason)
		return reason;
	stamp(p);
	return mqg_payload_judge(ctx, p, svc, &j);
}

static __always_inline int guard(struct xdp_md *ctx, const __u32 frags)
{
	struct packet p = { .frags = frags };
	struct mqgate_service *svc;
	__u32 reason;

	look_ahead(ctx);
	if (!mqg_packet_locate(ctx, &p))
		return XDP_PASS;
	svc = service_of(&p);
	if (!svc)
		return XDP_PASS;
	p.wire = measure(ctx, frags);
	reason = judge(ctx, &p, svc);
	if (reason == MQG_ASK) {
		ask(ctx, frags);
		reason = mqg_payload_alone(ctx, &p, svc);
	}
	return conclude(ctx, &p, svc, reason);
}

SEC("xdp")
int mqgate_xdp(struct xdp_md *ctx)
{
	return guard(ctx, 0);
}

SEC("xdp.frags")
int mqgate_xdp_frags(struct xdp_md *ctx)
{
	return guard(ctx, 1);
}
