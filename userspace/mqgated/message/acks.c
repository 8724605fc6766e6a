// SPDX-License-Identifier: BSD-2-Clause
/*
 * PUBACK, PUBREC, PUBREL and PUBCOMP, both ways (MQTT 5, 4.3): each has to fit the message that it
 * is about. Called by walk.c.
 *
 * One of a message that nobody sent may be of a session that was there before; else it goes no
 * further and is answered with 0x92, Packet Identifier not found, as its receiver would.
 */
#include "message/keep.h"
#include "message/walk.h"

/* What answers are answered with. */
static uint8_t next_type(uint8_t type)
{
	return type == MQP_PUBREC ? MQP_PUBREL : type == MQP_PUBREL ? MQP_PUBCOMP : 0;
}

static enum mqgate_reason unknown(struct mqg_walk *w, const struct mqg_head *head)
{
	const struct mqp_stream *stream = &w->lane->stream;

	if (w->message->resumed) {
		mqg_walk_emit(w, head->begin, head->len);
		return MQGATE_REASON_NONE;
	}
	mqg_walk_drop(w, MQGATE_REASON_MQTT_FLOW);
	if (!next_type(stream->type) || stream->code >= 0x80)
		return MQGATE_REASON_NONE;
	return mqg_walk_answer(w, next_type(stream->type), stream->packet_id, 0x92);
}

/* The message that the packet is about; NULL: nobody has got one with that identifier. */
static struct mqg_flow *about(struct mqg_flows *flows, const struct mqp_stream *stream,
			      enum mqgate_reason *reason)
{
	bool first = stream->type == MQP_PUBACK;
	uint16_t id = stream->packet_id;
	struct mqg_flow *flow;

	*reason = MQGATE_REASON_NONE;
	flow = mqg_flow_find(flows, id, first ? MQG_FLOW_QOS1 : MQG_FLOW_QOS2);
	if (!flow && mqg_flow_find(flows, id, first ? MQG_FLOW_QOS2 : MQG_FLOW_QOS1))
		*reason = MQGATE_REASON_MQTT_FLOW;
	return flow && flow->stage != MQG_FLOW_KEPT ? flow : NULL;
}

/* No server has to know of it any more. */
static void forget(struct mqg_walk *w, enum mqg_flow_kind kind, uint16_t id)
{
	struct mqg_keep *keep = w->message->keep;

	if (keep && w->way == MQG_DOWN)
		mqg_keep_remove(keep, mqg_keep_find(keep, (uint8_t)kind, id));
}

/* Ended between the two of us: the other side is not told. */
static enum mqgate_reason end_own(struct mqg_walk *w, struct mqg_flows *flows,
				  struct mqg_flow *flow)
{
	struct mqg_keep *keep = w->message->keep;
	uint16_t id = flow->id;

	w->lane->fate = MQG_DROPPING;
	mqg_flow_remove(flows, flow);
	if (keep && w->way == MQG_UP)
		mqg_keep_remove(keep, mqg_keep_find(keep, MQG_FLOW_QOS2, id));
	return mqg_walk_answer(w, MQP_PUBCOMP, id, 0);
}

/* Its topic is not the client's any more: the broker is not told to go on with it. */
static bool withdrawn(struct mqg_walk *w, const struct mqg_flow *flow)
{
	const struct mqg_noted *noted = flow->copy;
	enum mqgate_reason reason;

	if (!flow->doubted || !noted)
		return false;
	reason = mqg_publish_ask(w->message, MQG_UP, noted->topic, noted->len, 2, noted->retain);
	if (reason != MQGATE_REASON_NONE)
		w->message->ops->refused(w->message, MQG_UP, reason);
	return reason != MQGATE_REASON_NONE;
}

/* Of a message that a server sent that is gone: it ends here. */
static enum mqgate_reason count_off(struct mqg_walk *w, struct mqg_flows *flows,
				    struct mqg_flow *flow)
{
	const struct mqp_stream *stream = &w->lane->stream;
	bool ends = stream->type == MQP_PUBCOMP ||
		    (stream->type == MQP_PUBREC && stream->code >= 0x80);
	uint16_t id = flow->id;

	if (stream->type == MQP_PUBACK) {
		flow->gone--;
		ends = !--flow->count;
	}
	if (stream->type == MQP_PUBREC)
		flow->stage = MQG_FLOW_RELEASED;
	if (ends)
		mqg_flow_remove(flows, flow);
	if (stream->type != MQP_PUBREC || ends)
		return MQGATE_REASON_NONE;
	return mqg_walk_answer(w, MQP_PUBREL, id, 0);
}

/*
 * PUBREC of a server that got the message again, of which the client has heard from the one before:
 * what the client has said since is said to this one.
 */
static enum mqgate_reason catch_up(struct mqg_walk *w, struct mqg_flows *flows,
				   struct mqg_flow *flow, struct mqg_kept *kept)
{
	uint8_t code = w->lane->stream.code;
	bool released = flow->stage == MQG_FLOW_RELEASED;
	uint16_t id = flow->id;
	const uint8_t over[] = { MQP_PUBCOMP << 4, 2, (uint8_t)(id >> 8), (uint8_t)id };

	if (code >= 0x80) {
		mqg_keep_remove(w->message->keep, kept);
		if (!released) {
			flow->own = true;
			return MQGATE_REASON_NONE;
		}
		mqg_flow_remove(flows, flow);
		mqg_walk_insert(w, over, sizeof(over));
		return MQGATE_REASON_NONE;
	}
	kept->stage = released ? MQG_FLOW_RELEASED : MQG_FLOW_RECEIVED;
	return released ? mqg_walk_answer(w, MQP_PUBREL, id, 0) : MQGATE_REASON_NONE;
}

/* PUBREL of the client: the server has it, or is told when it has the message. */
static void release(struct mqg_walk *w, const struct mqg_head *head, struct mqg_flow *flow)
{
	struct mqg_keep *keep = w->message->keep;
	struct mqg_kept *kept = keep ? mqg_keep_find(keep, MQG_FLOW_QOS2, flow->id) : NULL;
	bool again = kept && flow->stage == MQG_FLOW_RECEIVED &&
		     kept->stage == MQG_FLOW_PUBLISHED;

	flow->stage = MQG_FLOW_RELEASED;
	if (again && !w->mute)
		return;
	if (kept && !w->mute)
		kept->stage = MQG_FLOW_RELEASED;
	mqg_walk_emit(w, head->begin, head->len);
}

enum mqgate_reason mqg_ack_judge(struct mqg_walk *w, const struct mqg_head *head)
{
	const struct mqp_stream *stream = &w->lane->stream;
	enum mqg_way way = stream->type == MQP_PUBREL ? w->way : (enum mqg_way)!w->way;
	struct mqg_ledger *ledger = w->message->ledger;
	enum mqgate_reason reason = MQGATE_REASON_NONE;
	struct mqg_kept *kept;
	struct mqg_keep *keep;
	struct mqg_flow *flow;

	keep = w->message->keep;
	if (keep && keep->store && way == MQG_UP)
		return w->way == MQG_UP ? mqg_store_release(w) : mqg_store_ack(w);
	if (!ledger)
		return unknown(w, head);
	flow = about(&ledger->flows[way], stream, &reason);
	if (reason)
		return reason;
	if (!flow)
		return unknown(w, head);
	if (keep && way == MQG_DOWN && w->way == MQG_UP && flow->gone)
		return count_off(w, &ledger->flows[way], flow);
	kept = keep && way == MQG_UP && stream->type == MQP_PUBREC ?
	       mqg_keep_find(keep, MQG_FLOW_QOS2, flow->id) : NULL;
	if (kept && kept->stage == MQG_FLOW_PUBLISHED && flow->stage != MQG_FLOW_PUBLISHED)
		return catch_up(w, &ledger->flows[way], flow, kept);
	switch (stream->type) {
	case MQP_PUBACK:
		forget(w, MQG_FLOW_QOS1, flow->id);
		if (flow->count > 1)
			flow->count--;
		else
			mqg_flow_remove(&ledger->flows[way], flow);
		break;
	case MQP_PUBREC:
		/* 4.3.3: with an error there is no more to come. */
		if (stream->code >= 0x80) {
			forget(w, MQG_FLOW_QOS2, flow->id);
			mqg_flow_remove(&ledger->flows[way], flow);
			break;
		}
		/* A second one, of a message that came twice, may be late. */
		if (flow->stage == MQG_FLOW_PUBLISHED)
			flow->stage = MQG_FLOW_RECEIVED;
		if (kept && kept->stage == MQG_FLOW_PUBLISHED)
			kept->stage = MQG_FLOW_RECEIVED;
		break;
	case MQP_PUBREL:
		if (flow->own || withdrawn(w, flow))
			return end_own(w, &ledger->flows[way], flow);
		if (w->way == MQG_UP) {
			release(w, head, flow);
			return MQGATE_REASON_NONE;
		}
		flow->stage = MQG_FLOW_RELEASED;
		break;
	case MQP_PUBCOMP:
		if (flow->stage != MQG_FLOW_RELEASED)
			return MQGATE_REASON_MQTT_FLOW;
		forget(w, MQG_FLOW_QOS2, flow->id);
		mqg_flow_remove(&ledger->flows[way], flow);
		break;
	}
	mqg_walk_emit(w, head->begin, head->len);
	return MQGATE_REASON_NONE;
}
