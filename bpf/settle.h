/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * From the judgement of a first payload to state and reason. Called at the end of the program,
 * and of the extension.
 */
#ifndef MQG_BPF_SETTLE_H
#define MQG_BPF_SETTLE_H

#include "begin.h"
#include "flow.h"

/*
 * @strict: it is known, or asked for, that this must be the first payload; otherwise it may be
 * the middle of a flow, where only what names MQTT can be told from honest bytes. @flow: the
 * SUSPECT entry whose beginning came again, or NULL. @remember: nobody else knows the flow next
 * time. Without it only what finished a handshake is remembered: forged addresses must not turn
 * the LRU. What begins a flow takes a token of the budgets, whole or in part; a beginning that
 * comes again has taken it.
 */
static __always_inline __u32 settle(struct packet *p, struct mqgate_service *svc,
				    const struct judgement *j, bool strict,
				    struct mqgate_flow *flow, bool remember)
{
	__u32 reason = 0;

	switch (j->status) {
	case MQW_OK:
		if (!flow)
			reason = begins(p, svc);
		if (reason)
			return reason;
		if (remember)
			flow_put(p, MQGATE_FLOW_SEEN, 0, 0);
		return MQGATE_REASON_PASS_FIRST;
	case MQW_NEED_MORE:
		if (!strict && !j->names_mqtt)
			return MQGATE_REASON_PASS_UNDECIDED;
		if (!flow)
			reason = begins(p, svc);
		if (reason)
			return reason;
		if (j->need && p->payload_len >= j->need) {
			if (remember)
				flow_put(p, MQGATE_FLOW_SEEN, 0, 0);
		} else if (!flow) {
			if (remember || p->proven)
				flow_put(p, MQGATE_FLOW_SUSPECT, 0, j->need);
		} else if (j->need) {
			flow->need = j->need;
		}
		return MQGATE_REASON_PASS_SUSPECT;
	}
	if (!strict && !j->names_mqtt)
		return MQGATE_REASON_PASS_UNDECIDED;
	/* Only what finished a handshake is remembered: a spoofed flood must not turn the LRU. */
	if (p->proven) {
		flow_put(p, MQGATE_FLOW_REFUSED, j->reason, 0);
		if (resets(svc))
			p->reset = MQG_RESET_RECEIVER;
	}
	return j->reason;
}

#endif
