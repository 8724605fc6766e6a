// SPDX-License-Identifier: GPL-2.0-only
/*
 * The extension: judges what the XDP program cannot decide alone, by asking the kernel module,
 * which has followed routed and bridged flows from their handshake. The calls to the module are
 * here and nowhere else, so that the program loads and filters without it. Entered by a tail call
 * of the program (ask.h) and ends as that does, counted, with event and verdict. Loaded and
 * put into the slots by `mqgate module link`. No locks: see maps.h.
 *
 * Where the module knows a flow, mqgate_flows is not written, but for what is SUSPECT or REFUSED:
 * the module would be asked no more, and what it refuses or an operator kills would pass here.
 */
#include "maps.h"
#include "parse.h"
#include "service.h"
#include "socket.h"
#include "first.h"
#include "flow.h"
#include "settle.h"
#include "ask.h"
#include "count.h"

#include <linux/mqgate_ask.h>

char _license[] SEC("license") = "GPL";

/* Numbers further apart do not belong together: the largest window, RFC 7323, 2.3. */
#define MQG_NEAR		(1U << 30)

/* A first flight may not be longer: windows of SYN and SYN-ACK are not scaled. */
#define MQG_FIRST_FLIGHT	(1U << 16)

extern int bpf_mqgate_client_ask(struct xdp_md *ctx, const struct mqgate_flow_key *key,
				 __u32 key__sz, struct mqgate_ask *ask, __u32 ask__sz) __ksym;

static __always_inline bool near(__u32 a, __u32 b)
{
	return a - b < MQG_NEAR || b - a < MQG_NEAR;
}

/*
 * What the module says of a flow with an entry. Return: a reason, or 0 where this is the first
 * payload. The module is behind by what the driver has handed up and the stack not yet taken:
 * bytes ahead of it are no fault, and it puts them in order.
 */
static __always_inline __u32 client_judge(struct packet *p, const struct mqgate_service *svc,
					  const struct mqgate_ask *answer)
{
	if (answer->flags & MQGATE_CLIENT_F_KILLED) {
		p->judged = false;
		return flow_refused(p, svc);
	}
	if (answer->phase > MQGATE_PHASE_CONNECT || (answer->flags & MQGATE_CLIENT_F_UNVALIDATED))
		return near(p->seq, answer->next) ? MQGATE_REASON_PASS_SEEN :
						    MQGATE_REASON_PASS_UNDECIDED;
	if (answer->state & MQGATE_ASK_F_BEGUN)
		return answer->phase == MQGATE_PHASE_CONNECT ? MQGATE_REASON_PASS_SUSPECT :
							       MQGATE_REASON_PASS_SEEN;
	if (p->seq != answer->next)
		return MQGATE_REASON_PASS_UNDECIDED;
	p->proven = true;
	return 0;
}

/**
 * mqg_answer_judge() - judge a payload by what the module knows of its flow
 * @ctx: frame
 * @p:   its segment
 * @svc: its service
 * @j:   the judgement of its first bytes
 *
 * Return: the reason, MQGATE_REASON_*.
 */
MQG_BORDER int mqg_answer_judge(struct xdp_md *ctx, struct packet *p, struct mqgate_service *svc,
				struct judgement *j)
{
	struct mqgate_ask answer = {};
	struct mqgate_flow_key key;
	bool strict, remember = false;
	__u32 reason;

	if (!p || !svc || !j)
		return MQGATE_REASON_PASS_UNDECIDED;
	key = p->flow;
	strict = svc->flags & MQGATE_SVC_F_STRICT;
	if (bpf_mqgate_client_ask(ctx, &key, sizeof(key), &answer, sizeof(answer)))
		answer.known = MQGATE_KNOWN_UNFOLLOWED;

	switch (answer.known) {
	case MQGATE_KNOWN_CLIENT:
		reason = client_judge(p, svc, &answer);
		if (reason)
			return reason;
		strict = true;
		break;
	case MQGATE_KNOWN_HANDSHAKE:
		if (p->seq == answer.next)
			strict = true;
		else if (p->seq - answer.next < MQG_FIRST_FLIGHT)
			strict = false;
		break;
	case MQGATE_KNOWN_OLDER:
		if (near(p->seq, answer.next))
			return MQGATE_REASON_PASS_SEEN;
		break;
	case MQGATE_KNOWN_NOTHING:
		/*
		 * An address of this host without a socket is translated to a broker elsewhere,
		 * and the module knows the flow by that one's address.
		 */
		remember = strict && mqg_address_local(ctx, p);
		break;
	default:
		remember = true;
		break;
	}
	if (j->status == MQW_OK)
		mqg_payload_parse(ctx, p, first_max(p, svc), j);
	return settle(p, svc, j, strict, NULL, remember);
}

static __always_inline int answer(struct xdp_md *ctx)
{
	struct crossing *crossing = crossing_get();
	struct mqgate_service *svc;
	struct judgement j;
	struct packet p;
	__u32 number;

	if (!crossing)
		return XDP_PASS;
	p = crossing->packet;
	j = crossing->judgement;
	number = p.service;
	svc = bpf_map_lookup_elem(&mqgate_svc, &number);
	if (!svc)
		return XDP_PASS;
	return conclude(ctx, &p, svc, mqg_answer_judge(ctx, &p, svc, &j));
}

SEC("xdp")
int mqgate_answer(struct xdp_md *ctx)
{
	return answer(ctx);
}

SEC("xdp.frags")
int mqgate_answer_f(struct xdp_md *ctx)
{
	return answer(ctx);
}
