/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * UDP services (MQTT-SN, CoAP): what is said of the source of a datagram. What it carries is not
 * judged, and its source is never proven: a datagram takes no handshake. Called by judge().
 */
#ifndef MQG_BPF_DATAGRAM_H
#define MQG_BPF_DATAGRAM_H

#include "allow.h"
#include "begin.h"
#include "verdict.h"

/*
 * A service that fails closed takes without its daemon what is ALLOWed: here every datagram
 * may be the begin of something new. Return: the reason, MQGATE_REASON_*.
 */
static __always_inline __u32 datagram_judge(struct packet *p, struct mqgate_service *svc)
{
	struct mqgate_allow *allow = bpf_map_lookup_elem(&mqgate_allow, &p->flow);
	__u32 reason = allow_check(p, svc, allow), action;

	if (reason)
		return reason;
	action = mqg_verdict_judge(p, MQG_ASK_LIMIT | MQG_ASK_PASS);
	reason = verdict_drops(p, action);
	if (reason)
		return reason;
	if (daemon_away(p, svc))
		return MQGATE_REASON_DAEMON_AWAY;
	if (action == MQGATE_ACTION_PASS)
		return MQGATE_REASON_PASS_VERDICT;
	reason = begins(p, svc);
	return reason ? reason : MQGATE_REASON_PASS_DATAGRAM;
}

#endif
