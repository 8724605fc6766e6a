// SPDX-License-Identifier: BSD-2-Clause
/*
 * A session between two servers of its broker: what was under way when the first one went, and how
 * the next one is brought to where the client is (MQTT 5, 4.1 and 4.4). Called by walk.c and
 * opening.c, on the worker's thread.
 *
 * A server that knows the session sends again by itself what the client has not acknowledged. What
 * the client still acknowledges of the one before is not for this one: QoS 1 is counted off
 * (flow->gone); QoS 2, where the server does not know the session, is brought to its end between
 * the client and the gateway before the first new subscription.
 */
#include "message/walk.h"

#include <stdlib.h>
#include <string.h>

#include "message/keep.h"
#include "message/properties.h"
#include "message/publish.h"

/* Everything that the client waits for was kept. */
static bool is_whole(const struct mqg_message *m)
{
	const struct mqg_flows *flows = m->ledger ? &m->ledger->flows[MQG_UP] : NULL;

	for (uint32_t i = 0; flows && i < flows->size; i++) {
		const struct mqg_flow *flow = &flows->table[i];

		if (flow->kind && !flow->own && !m->keep->store &&
		    !mqg_keep_find(m->keep, flow->kind, flow->id))
			return false;
	}
	return !m->keep->partial;
}

static bool can_go_on(const struct mqg_message *m)
{
	const struct mqg_keep *keep = m->keep;

	return keep && m->answered && is_whole(m) && !m->lanes[MQG_UP].over &&
	       (!m->lanes[MQG_DOWN].over || keep->farewell) && mqg_message_between(m, MQG_DOWN);
}

static void drop_lane(struct mqg_lane *lane)
{
	free(lane->held);
	lane->held = NULL;
	lane->held_len = 0;
	lane->held_size = 0;
	lane->fate = MQG_JUDGING;
	lane->over = false;
}

static void forget_server(struct mqg_message *m)
{
	struct mqg_ledger *ledger = m->ledger;

	if (!ledger)
		return;
	for (uint32_t i = 0; i < ledger->aliases[MQG_UP].size; i++)
		ledger->aliases[MQG_UP].table[i].told = false;
	mqg_aliases_exit(&ledger->aliases[MQG_DOWN]);
	free(ledger->own[MQG_UP].data);
	ledger->own[MQG_UP] = (struct mqg_own){ 0 };
}

/* Deliveries that the client never saw: refused, and on their way to an end with the server. */
static void drop_refused(struct mqg_message *m)
{
	struct mqg_flows *flows = m->ledger ? &m->ledger->flows[MQG_DOWN] : NULL;
	uint32_t i = 0;

	while (flows && i < flows->size) {
		if (flows->table[i].kind && flows->table[i].own) {
			mqg_flow_remove(flows, &flows->table[i]);
			i = 0;
		} else {
			i++;
		}
	}
}

void mqg_message_pong(struct mqg_message *m)
{
	static const uint8_t answer[] = { MQP_PINGRESP << 4, 0 };

	for (; m->keep->link == MQG_UNLINKED && m->keep->pings; m->keep->pings--)
		m->ops->send(m, MQG_DOWN, answer, sizeof(answer));
}

bool mqg_message_lose(struct mqg_message *m)
{
	struct mqg_lane *up = &m->lanes[MQG_UP];

	if (!can_go_on(m))
		return false;
	/* The last one will not be whole. */
	if (m->lanes[MQG_DOWN].fate == MQG_KEEPING)
		mqg_backlog_unsend(m);
	drop_lane(&m->lanes[MQG_DOWN]);
	forget_server(m);
	drop_refused(m);
	/* Of QoS 0: a part of it is gone. */
	if (up->fate == MQG_PASSING && !m->keep->filling)
		up->fate = MQG_DROPPING;
	m->opening = 0;
	m->open = false;
	m->keep->link = MQG_UNLINKED;
	m->keep->farewell = false;
	m->keep->replies = 0;
	mqg_keep_due(m->keep);
	return true;
}

static void answer(struct mqg_message *m, enum mqg_way way, uint8_t type, uint16_t id)
{
	const uint8_t packet[] = {
		(uint8_t)(type << 4 | (type == MQP_PUBREL ? 2 : 0)), 2, (uint8_t)(id >> 8),
		(uint8_t)id,
	};

	m->ops->send(m, way, packet, sizeof(packet));
}

/*
 * What the client was sent by servers that are gone. QoS 1 any other one sends again, for which it
 * gets the client's second acknowledgement.
 */
static void disown(struct mqg_message *m, bool present)
{
	struct mqg_flows *flows = m->ledger ? &m->ledger->flows[MQG_DOWN] : NULL;

	for (uint32_t i = 0; flows && i < flows->size; i++) {
		struct mqg_flow *flow = &flows->table[i];

		if (flow->kind == MQG_FLOW_QOS1)
			flow->gone = flow->count;
		if (flow->kind != MQG_FLOW_QOS2 || present)
			continue;
		flow->gone = 1;
		if (flow->stage == MQG_FLOW_RECEIVED) {
			answer(m, MQG_DOWN, MQP_PUBREL, flow->id);
			flow->stage = MQG_FLOW_RELEASED;
		}
	}
}

/* What is still to end between the client and us: QoS 2, and all that it has not seen yet. */
static bool has_gone(const struct mqg_message *m)
{
	const struct mqg_flows *flows = m->ledger ? &m->ledger->flows[MQG_DOWN] : NULL;

	if (flows && m->ledger->backlog.n)
		return true;
	for (uint32_t i = 0; flows && i < flows->size; i++)
		if (flows->table[i].kind == MQG_FLOW_QOS2 && flows->table[i].gone)
			return true;
	return false;
}

bool mqg_message_lags(const struct mqg_message *m)
{
	return m->keep && m->keep->link == MQG_RESUMING && !m->keep->present && has_gone(m);
}

static void send_packet(struct mqg_message *m, struct mqg_kept *kept)
{
	bool publish = kept->kind == MQG_FLOW_QOS1 || kept->kind == MQG_FLOW_QOS2;

	if (publish && kept->sent) {
		kept->packet[0] |= MQP_FLAG_DUP;
		atomic_fetch_add_explicit(&m->keep->counts->again, 1, memory_order_relaxed);
	}
	m->ops->send(m, MQG_UP, kept->packet, kept->filled);
}

/* QoS 2 by what the server knows of it. */
static void go_on_twice(struct mqg_message *m, struct mqg_kept *kept)
{
	struct mqg_flow *flow = mqg_flow_find(&m->ledger->flows[MQG_UP], kept->id,
					      MQG_FLOW_QOS2);

	if (kept->stage == MQG_FLOW_PUBLISHED) {
		send_packet(m, kept);
	} else if (flow && flow->stage == MQG_FLOW_RELEASED) {
		answer(m, MQG_UP, MQP_PUBREL, kept->id);
		kept->stage = MQG_FLOW_RELEASED;
	}
}

void mqg_keep_send(struct mqg_message *m, struct mqg_kept *kept)
{
	bool first = !kept->sent;

	if (kept->kind != MQG_FLOW_QOS2)
		send_packet(m, kept);
	else if (!m->keep->store)
		go_on_twice(m, kept);
	else if (kept->stage == MQG_FLOW_PUBLISHED)
		send_packet(m, kept);
	else
		answer(m, MQG_UP, MQP_PUBREL, kept->id);
	mqg_keep_sent(m->keep, kept);
	if (first && m->keep->store)
		mqg_store_begun(m, kept);
	if (kept->kind == MQG_FLOW_NONE)
		mqg_keep_remove(m->keep, kept);
}

/* What is stored goes as its turn comes, and whole. */
static void send_all(struct mqg_message *m)
{
	struct mqg_keep *keep = m->keep;
	struct mqg_kept *kept, *next;

	keep->link = MQG_LINKED;
	for (kept = keep->first; kept; kept = next) {
		next = kept->next;
		if (!keep->store || (kept->kind != MQG_FLOW_QOS1 && kept->kind != MQG_FLOW_QOS2))
			mqg_keep_send(m, kept);
	}
}

/*
 * QoS 2 that the next server has not seen: it gets it, unless it was released before, for then it
 * was published there.
 */
static void begin_anew(struct mqg_message *m)
{
	struct mqg_kept *kept, *next;

	for (kept = m->keep->first; kept; kept = next) {
		next = kept->next;
		if (kept->kind != MQG_FLOW_QOS2)
			continue;
		if (kept->stage != MQG_FLOW_RELEASED) {
			kept->stage = MQG_FLOW_PUBLISHED;
			continue;
		}
		if (m->keep->store) {
			mqg_store_finish(m, kept, 0);
			continue;
		}
		answer(m, MQG_DOWN, MQP_PUBCOMP, kept->id);
		mqg_flow_remove(&m->ledger->flows[MQG_UP],
				mqg_flow_find(&m->ledger->flows[MQG_UP], kept->id,
					      MQG_FLOW_QOS2));
		mqg_keep_remove(m->keep, kept);
	}
}

/* The client is told as it would be of any other; 4.3.3: after PUBREC it is only released. */
static void refuse_flow(struct mqg_message *m, const struct mqg_kept *kept)
{
	struct mqg_flows *flows = &m->ledger->flows[MQG_UP];
	struct mqg_flow *flow = mqg_flow_find(flows, kept->id, kept->kind);
	bool v5 = m->level == MQW_LEVEL_5;
	uint8_t packet[] = {
		(kept->kind == MQG_FLOW_QOS1 ? MQP_PUBACK : MQP_PUBREC) << 4, v5 ? 3 : 2,
		(uint8_t)(kept->id >> 8), (uint8_t)kept->id, 0x87,
	};

	if (!flow)
		return;
	if (flow->stage == MQG_FLOW_PUBLISHED) {
		m->ops->send(m, MQG_DOWN, packet, v5 ? 5 : 4);
	} else if (flow->stage == MQG_FLOW_RELEASED) {
		answer(m, MQG_DOWN, MQP_PUBCOMP, kept->id);
		mqg_flow_remove(flows, flow);
		return;
	}
	if (kept->kind == MQG_FLOW_QOS2 && (!v5 || flow->stage != MQG_FLOW_PUBLISHED))
		flow->own = true;
	else if (flow->count > 1)
		flow->count--;
	else
		mqg_flow_remove(flows, flow);
}

/* Rights may have changed while it was kept. */
static void ask_again(struct mqg_message *m)
{
	struct mqg_kept *kept, *next;
	enum mqgate_reason reason;
	struct mqg_publish p;

	for (kept = m->keep->first; kept && m->keep->doubted; kept = next) {
		next = kept->next;
		if (kept->packet[0] >> 4 != MQP_PUBLISH || kept->stage != MQG_FLOW_PUBLISHED)
			continue;
		mqg_publish_read(&p, m->level, kept->packet, kept->packet + kept->filled);
		reason = mqg_publish_ask(m, MQG_UP, p.topic, (uint16_t)p.topic_len, p.qos,
					 p.retain);
		if (reason == MQGATE_REASON_NONE)
			continue;
		m->ops->refused(m, MQG_UP, reason);
		/* The rest of it is on its way. */
		if (kept == m->keep->filling)
			m->lanes[MQG_UP].fate = MQG_DROPPING;
		if (p.qos && m->keep->store) {
			mqg_store_finish(m, kept, 0x87);
			continue;
		}
		if (p.qos)
			refuse_flow(m, kept);
		mqg_keep_remove(m->keep, kept);
	}
	m->keep->doubted = false;
}

enum mqgate_reason mqg_resume_begin(struct mqg_message *m, bool present)
{
	struct mqg_keep *keep = m->keep;

	/* What it had subscribed to before, nobody here knows. */
	if (!present && keep->older)
		return MQGATE_REASON_HOLD_SESSION;
	keep->link = MQG_RESUMING;
	keep->present = present;
	/* Another server may know it from before, without what was asked since. */
	keep->replayed = present && !keep->moved;
	if (present)
		mqg_backlog_unsend(m);
	disown(m, present);
	if (!present)
		begin_anew(m);
	ask_again(m);
	return MQGATE_REASON_NONE;
}

void mqg_resume_adopted(struct mqg_message *m, bool present)
{
	m->keep->link = MQG_RESUMING;
	m->keep->present = present;
	m->keep->replayed = true;
	if (!present)
		begin_anew(m);
}

enum mqgate_reason mqg_resume_step(struct mqg_message *m)
{
	struct mqg_keep *keep = m->keep;

	if (!keep->replayed && !has_gone(m)) {
		mqg_asked_replay(m);
		keep->replayed = true;
	}
	if (keep->partial)
		return MQGATE_REASON_HOLD_SESSION;
	if (keep->replayed && !keep->replies)
		send_all(m);
	return MQGATE_REASON_NONE;
}
