// SPDX-License-Identifier: BSD-2-Clause
/*
 * Both sides of what is stored; see store.h. Called by judge_publish.c, acks.c, subscribe.c and
 * resume.c, and by the owner of the journal, on the worker's thread of the session.
 *
 * A message stays in the list until the server has done with it, the identifier of a QoS 2 message
 * in the flows until the client has released it; both are on disk as long.
 */
#include "message/store.h"

#include "message/keep.h"
#include "message/walk.h"

/* One that nothing towards the server has. There are more than may be kept. */
static uint16_t free_id(struct mqg_keep *keep)
{
	const struct mqg_kept *kept;

	do {
		if (!++keep->last_id)
			keep->last_id = 1;
		for (kept = keep->first; kept && kept->id != keep->last_id; kept = kept->next)
			;
	} while (kept);
	return keep->last_id;
}

uint16_t mqg_store_id(const struct mqg_message *m, uint16_t id)
{
	return m->keep && m->keep->store && id ? free_id(m->keep) : id;
}

/* The server has as many as it takes: the others wait for their turn. */
bool mqg_store_waits(const struct mqg_message *m)
{
	return m->keep->under_way >= m->terms[MQG_UP].receive_max;
}

void mqg_store_put(struct mqg_message *m, struct mqg_kept *kept)
{
	const struct mqg_store_ops *store = m->keep->store;
	struct mqg_flow *flow;

	if (!kept->client_id)
		return;
	kept->record = store->put(m, kept);
	if (kept->record && kept->kind == MQG_FLOW_QOS2) {
		flow = mqg_flow_find(&m->ledger->flows[MQG_UP], kept->client_id, MQG_FLOW_QOS2);
		if (flow && !flow->record)
			flow->record = store->put_id(m, kept->client_id);
	}
	if (kept->record)
		store->await(m);
}

/* Taken down anew: after a crash only its client goes on with QoS 2 that a server may know. */
void mqg_store_begun(struct mqg_message *m, struct mqg_kept *kept)
{
	const struct mqg_store_ops *store = m->keep->store;
	uint64_t before = kept->record;

	if (!before || kept->kind != MQG_FLOW_QOS2)
		return;
	kept->record = store->put(m, kept);
	if (kept->record)
		store->done(m, before);
	else
		kept->record = before;
}

/* The client has heard all that it will of the message itself. */
static void acknowledge(struct mqg_walk *w, struct mqg_kept *kept, uint8_t code)
{
	struct mqg_message *m = w->message;
	struct mqg_flows *flows = &m->ledger->flows[MQG_UP];
	struct mqg_flow *flow = mqg_flow_find(flows, kept->client_id, kept->kind);
	bool released;

	kept->acknowledged = true;
	if (!flow)
		return;
	mqg_walk_answer(w, kept->kind == MQG_FLOW_QOS1 ? MQP_PUBACK : MQP_PUBREC, kept->client_id,
			code);
	released = flow->stage == MQG_FLOW_RELEASED;
	flow->stage = released ? MQG_FLOW_RELEASED : MQG_FLOW_RECEIVED;
	if (kept->kind == MQG_FLOW_QOS1 && flow->count > 1) {
		flow->count--;
		return;
	}
	if (kept->kind == MQG_FLOW_QOS2 && !released && code < 0x80)
		return;
	if (released)
		mqg_walk_answer(w, MQP_PUBCOMP, kept->client_id, 0);
	if (flow->record)
		m->keep->store->done(m, flow->record);
	mqg_flow_remove(flows, flow);
}

bool mqg_store_confirm(struct mqg_message *m, uint64_t durable)
{
	struct mqg_walk w;
	bool more = false;

	/* As if the client had said something: answers go down. */
	mqg_walk_start(&w, m, MQG_UP);
	for (struct mqg_kept *kept = m->keep->first; kept; kept = kept->next) {
		struct mqg_flow *flow;

		if (!kept->record || kept->acknowledged)
			continue;
		flow = mqg_flow_find(&m->ledger->flows[MQG_UP], kept->client_id, kept->kind);
		if (kept->record > durable || (flow && flow->record > durable))
			more = true;
		else
			acknowledge(&w, kept, 0);
	}
	mqg_walk_finish(&w);
	return more;
}

static void tell(struct mqg_message *m, struct mqg_kept *kept, uint8_t code)
{
	struct mqg_walk w;

	mqg_walk_start(&w, m, MQG_UP);
	acknowledge(&w, kept, code);
	mqg_walk_finish(&w);
}

void mqg_store_finish(struct mqg_message *m, struct mqg_kept *kept, uint8_t code)
{
	if (kept->client_id && !kept->acknowledged)
		tell(m, kept, code);
	if (kept->record)
		m->keep->store->done(m, kept->record);
	mqg_keep_remove(m->keep, kept);
}

void mqg_store_send(struct mqg_message *m)
{
	struct mqg_kept *kept = m->keep->first;

	if (!m->keep->n_due || m->keep->link != MQG_LINKED || !mqg_message_between(m, MQG_UP))
		return;
	for (; kept && !mqg_store_waits(m); kept = kept->next)
		if (kept->due && kept != m->keep->filling)
			mqg_keep_send(m, kept);
}

enum mqgate_reason mqg_store_ack(struct mqg_walk *w)
{
	const struct mqp_stream *stream = &w->lane->stream;
	struct mqg_message *m = w->message;
	struct mqg_kept *kept = mqg_keep_find(m->keep, stream->type == MQP_PUBACK ? MQG_FLOW_QOS1
										  : MQG_FLOW_QOS2,
					      stream->packet_id);
	uint16_t id = stream->packet_id;

	if (!kept || (stream->type == MQP_PUBCOMP && kept->stage != MQG_FLOW_RELEASED)) {
		mqg_walk_drop(w, MQGATE_REASON_MQTT_FLOW);
		if (stream->type != MQP_PUBREC || stream->code >= 0x80)
			return MQGATE_REASON_NONE;
		return mqg_walk_answer(w, MQP_PUBREL, id, 0x92);
	}
	w->lane->fate = MQG_DROPPING;
	/* What was judged before goes before what the client is told. */
	mqg_walk_flush(w);
	/* A server that is earlier than the disk is good as well. */
	if (stream->type == MQP_PUBREC && stream->code < 0x80) {
		if (kept->client_id && !kept->acknowledged)
			tell(m, kept, 0);
		kept->stage = MQG_FLOW_RELEASED;
		return mqg_walk_answer(w, MQP_PUBREL, id, 0);
	}
	mqg_store_finish(m, kept, stream->code);
	return MQGATE_REASON_NONE;
}

/* The client releases what it sent: the gateway has it, whatever the server has. */
enum mqgate_reason mqg_store_release(struct mqg_walk *w)
{
	uint16_t id = w->lane->stream.packet_id;
	struct mqg_message *m = w->message;
	struct mqg_flows *flows = m->ledger ? &m->ledger->flows[MQG_UP] : NULL;
	struct mqg_flow *flow = flows ? mqg_flow_find(flows, id, MQG_FLOW_QOS2) : NULL;

	w->lane->fate = MQG_DROPPING;
	/* 4.3.3: of a session that the gateway does not have any more. */
	if (!flow)
		return mqg_walk_answer(w, MQP_PUBCOMP, id, m->resumed ? 0 : 0x92);
	/* It has not waited for PUBREC: that comes first. */
	if (flow->stage == MQG_FLOW_PUBLISHED && !flow->own) {
		flow->stage = MQG_FLOW_RELEASED;
		return MQGATE_REASON_NONE;
	}
	if (flow->record)
		m->keep->store->done(m, flow->record);
	mqg_flow_remove(flows, flow);
	return mqg_walk_answer(w, MQP_PUBCOMP, id, 0);
}

/* QoS 2 with an identifier that was not released: the same message once more. */
enum mqgate_reason mqg_store_again(struct mqg_walk *w, struct mqg_flow *flow)
{
	w->lane->fate = MQG_DROPPING;
	flow->count = 1;
	if (flow->stage == MQG_FLOW_PUBLISHED)
		return MQGATE_REASON_NONE;
	return mqg_walk_answer(w, MQP_PUBREC, flow->id, 0);
}

bool mqg_store_restore(struct mqg_message *m, uint16_t id, uint64_t record)
{
	struct mqg_flow *flow;

	if (!mqg_ledger_get(m))
		return false;
	flow = mqg_flow_add(&m->ledger->flows[MQG_UP], id, MQG_FLOW_QOS2);
	if (!flow)
		return false;
	flow->stage = MQG_FLOW_RECEIVED;
	flow->record = record;
	return true;
}
