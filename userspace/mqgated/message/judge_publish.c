// SPDX-License-Identifier: BSD-2-Clause
/*
 * PUBLISH, both ways: its alias is resolved, its identifier taken down, and policy asked; one that
 * is refused is answered as if it had arrived (MQTT 5: with the reason), so that its sender goes
 * on. Called by walk.c.
 */
#include "message/walk.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "message/keep.h"
#include "message/properties.h"
#include "policy/rights.h"

static enum mqgate_reason read_properties(const struct mqg_walk *w, const uint8_t *at,
					  struct mqg_publish_head *p)
{
	uint32_t len, users = 0;
	struct mqg_property property;
	const uint8_t *end;

	at = mqg_varint_read(at, at + 4, &len);
	for (end = at + len; at && at < end;) {
		at = mqg_property_next(at, end, &property);
		if (property.id == MQP_ID_TOPIC_ALIAS)
			p->alias = (uint16_t)property.number;
		users += property.id == MQW_ID_USER;
	}
	if (w->way == MQG_UP && users > w->message->limits->user_properties)
		return MQGATE_REASON_LIMIT_PROPERTIES;
	return MQGATE_REASON_NONE;
}

/* What the parser found good. */
static enum mqgate_reason read_head(const struct mqg_walk *w, const struct mqg_head *head,
				    struct mqg_publish_head *p)
{
	const struct mqp_stream *stream = &w->lane->stream;
	const uint8_t *at = head->begin + 1;

	while (*at++ & 0x80)
		;
	p->len = (uint16_t)mqg_read_two(at);
	p->topic = at + 2;
	p->behind = p->topic + p->len;
	p->qos = (uint8_t)mqp_qos(stream);
	p->id = p->qos ? stream->packet_id : 0;
	p->retain = stream->flags & MQP_FLAG_RETAIN;
	p->alias = 0;
	at = p->behind + (p->qos ? 2 : 0);
	if (w->message->level == MQW_LEVEL_5 && *at)
		return read_properties(w, at, p);
	return MQGATE_REASON_NONE;
}

/* Of MQTT 5: which of what the broker does not have it asks for. */
static enum mqgate_reason check_terms(struct mqg_message *m, const struct mqg_publish_head *p)
{
	const struct mqg_terms *terms = &m->terms[MQG_UP];

	if (p->retain && !terms->retain)
		m->code = 0x9a; /* Retain not supported */
	else if (p->qos > terms->qos_max)
		m->code = 0x9b; /* QoS not supported */
	else
		return MQGATE_REASON_NONE;
	return MQGATE_REASON_MQTT_UNAVAILABLE;
}

/* The topic that the alias stands for, or that it gets. */
static enum mqgate_reason resolve(struct mqg_walk *w, struct mqg_publish_head *p,
				  struct mqg_alias **out)
{
	struct mqg_message *m = w->message;
	uint16_t most = m->terms[w->way].alias_max;
	struct mqg_aliases *aliases;
	struct mqg_alias *alias;

	if (p->alias > most)
		return MQGATE_REASON_MQTT_ALIAS;
	if (!mqg_ledger_get(m))
		return MQGATE_REASON_STREAM_MEMORY;
	aliases = &m->ledger->aliases[w->way];
	if (p->len) {
		alias = mqg_alias_set(aliases, p->alias, most, p->topic, p->len);
		*out = alias;
		return alias ? MQGATE_REASON_NONE : MQGATE_REASON_STREAM_MEMORY;
	}
	alias = mqg_alias_find(aliases, p->alias);
	if (!alias)
		return MQGATE_REASON_MQTT_ALIAS;
	p->topic = alias->topic;
	p->len = alias->len;
	*out = alias;
	return MQGATE_REASON_NONE;
}

/* The identifier is under way from here on. */
static enum mqgate_reason begin_flow(struct mqg_walk *w, const struct mqg_publish_head *p,
				     struct mqg_flow **out)
{
	enum mqg_flow_kind kind = p->qos == 1 ? MQG_FLOW_QOS1 : MQG_FLOW_QOS2;
	enum mqg_flow_kind other = p->qos == 1 ? MQG_FLOW_QOS2 : MQG_FLOW_QOS1;
	struct mqg_message *m = w->message;
	struct mqg_flows *flows;
	struct mqg_flow *flow;

	if (!mqg_ledger_get(m))
		return MQGATE_REASON_STREAM_MEMORY;
	flows = &m->ledger->flows[w->way];
	flow = mqg_flow_find(flows, p->id, other);
	if (flow && !flow->gone)
		return MQGATE_REASON_MQTT_FLOW;
	flow = mqg_flow_find(flows, p->id, kind);
	if (flow && flow->stage == MQG_FLOW_KEPT)
		return MQGATE_REASON_MQTT_FLOW;
	if (flow) {
		/* Sent again; many an old client has one identifier for all that it sends. */
		if (flow->count < UINT16_MAX)
			flow->count++;
		*out = flow;
		return MQGATE_REASON_NONE;
	}
	if (w->way == MQG_UP && flows->messages >= m->terms[MQG_UP].receive_max)
		return MQGATE_REASON_LIMIT_INFLIGHT;
	*out = mqg_flow_add(flows, p->id, kind);
	return *out ? MQGATE_REASON_NONE : MQGATE_REASON_STREAM_MEMORY;
}

enum mqgate_reason mqg_publish_ask(const struct mqg_message *m, enum mqg_way way,
				   const uint8_t *topic, uint16_t len, uint8_t qos, bool retain)
{
	int64_t now = m->desk->now;
	struct mqg_decision d;

	if (!m->grant)
		return MQGATE_REASON_NONE;
	if (way == MQG_DOWN) {
		d = mqg_grant_topic(m->grant, MQG_MAY_RECEIVE, topic, len, now);
		return d.allowed ? MQGATE_REASON_NONE : MQGATE_REASON_POLICY_RECEIVE;
	}
	d = mqg_grant_topic(m->grant, MQG_MAY_PUBLISH, topic, len, now);
	if (!d.allowed || qos > d.qos)
		return MQGATE_REASON_POLICY_PUBLISH;
	if (!retain)
		return MQGATE_REASON_NONE;
	d = mqg_grant_topic(m->grant, MQG_MAY_RETAIN, topic, len, now);
	return d.allowed ? MQGATE_REASON_NONE : MQGATE_REASON_POLICY_RETAIN;
}

/* What has to be known should its rights change before it is released. */
static enum mqgate_reason note(struct mqg_flow *flow, const struct mqg_publish_head *p)
{
	struct mqg_noted *noted;

	if (flow->copy)
		return MQGATE_REASON_NONE;
	noted = malloc(sizeof(*noted) + p->len);
	if (!noted)
		return MQGATE_REASON_STREAM_MEMORY;
	noted->len = p->len;
	noted->retain = p->retain;
	memcpy(noted->topic, p->topic, p->len);
	flow->copy = noted;
	return MQGATE_REASON_NONE;
}

/* The sender is answered as its QoS has it; what is left of a QoS 2 flow is the gateway's. */
static enum mqgate_reason refuse(struct mqg_walk *w, const struct mqg_publish_head *p,
				 struct mqg_flow *flow, enum mqgate_reason reason)
{
	struct mqg_message *m = w->message;

	if (w->way == MQG_UP && m->limits->close_on_refusal)
		return reason;
	mqg_walk_drop(w, reason);
	if (!p->qos)
		return MQGATE_REASON_NONE;
	if (p->qos == 1 || m->level == MQW_LEVEL_5) {
		if (flow->count > 1)
			flow->count--;
		else
			mqg_flow_remove(&m->ledger->flows[w->way], flow);
	} else {
		flow->own = true;
	}
	return mqg_walk_answer(w, p->qos == 1 ? MQP_PUBACK : MQP_PUBREC, p->id,
			       reason == MQGATE_REASON_HOLD_FULL ? 0x97 : 0x87);
}

/* With its topic, for its receiver has not been told what the alias stands for. */
static enum mqgate_reason spell_out(struct mqg_walk *w, const struct mqg_head *head,
				    const struct mqg_publish_head *p)
{
	size_t behind = head->len - (size_t)(p->behind - head->begin);
	uint32_t left = (uint32_t)(p->len + 2 + behind) + w->lane->stream.left;
	uint8_t *packet = malloc(5 + 2 + p->len + behind), *at = packet;

	if (!packet)
		return MQGATE_REASON_STREAM_MEMORY;
	*at++ = head->begin[0];
	at = mqg_write_two(mqg_varint_write(at, left), p->len);
	memcpy(at, p->topic, p->len);
	memcpy(at + p->len, p->behind, behind);
	mqg_walk_insert(w, packet, (size_t)(at - packet) + p->len + behind);
	free(packet);
	return MQGATE_REASON_NONE;
}

/*
 * It gets an identifier of ours. What is here whole, and has its turn, goes at once; the others go
 * when they are whole.
 */
static void prepare_store(struct mqg_walk *w, const struct mqg_publish_head *p, uint32_t payload,
			  struct mqg_kept *kept)
{
	const struct mqg_keep *keep = w->message->keep;

	kept->id = 0;
	kept->id = mqg_store_id(w->message, p->id);
	mqg_write_two((uint8_t *)p->behind, kept->id);
	/* It is one of those that are due itself. */
	if (keep->n_due > 1 || mqg_store_waits(w->message) || payload > (size_t)(w->end - w->at))
		w->mute = true;
	if (w->mute && payload)
		w->lane->fate = MQG_DROPPING;
}

/* For the next server, should this one fail; or because there is none. */
static enum mqgate_reason keep(struct mqg_walk *w, const struct mqg_head *head,
			       const struct mqg_publish_head *p)
{
	static const uint8_t kinds[] = { MQG_FLOW_NONE, MQG_FLOW_QOS1, MQG_FLOW_QOS2 };
	struct mqg_keep *keep = w->message->keep;
	size_t most = p->alias ? MQG_PLAIN_MOST(head, p) : head->len;
	uint32_t payload = (uint32_t)(w->lane->stream.total - head->len);
	struct mqg_kept *kept;
	int err;

	/* What was received once is not kept twice; nor is the rest of it for the next server. */
	if (p->qos == 2 && !keep->store && mqg_keep_find(keep, MQG_FLOW_QOS2, p->id)) {
		if (w->mute)
			w->lane->fate = MQG_DROPPING;
		return MQGATE_REASON_NONE;
	}
	err = mqg_keep_add(keep, kinds[p->qos], p->id, (uint32_t)most + payload, &kept);
	if (err)
		return err == -ENOSPC ? MQGATE_REASON_HOLD_FULL : MQGATE_REASON_STREAM_MEMORY;
	if (!kept)
		return MQGATE_REASON_NONE;
	if (keep->store && p->qos)
		prepare_store(w, p, payload, kept);
	kept->filled = (uint32_t)mqg_publish_plain(w, head, p, kept->packet);
	keep->filling = payload ? kept : NULL;
	if (!w->mute)
		mqg_keep_sent(keep, kept);
	if (keep->store && p->qos && !payload)
		mqg_store_put(w->message, kept);
	return MQGATE_REASON_NONE;
}

/* There is no room: MQTT 5 has a word for it, before nothing says that it was not received. */
static enum mqgate_reason refuse_more(struct mqg_walk *w, const struct mqg_publish_head *p,
				      struct mqg_flow *flow)
{
	struct mqg_message *m = w->message;

	if (!p->qos) {
		atomic_fetch_add_explicit(&m->keep->counts->dropped, 1, memory_order_relaxed);
		mqg_walk_drop(w, MQGATE_REASON_HOLD_FULL);
		return MQGATE_REASON_NONE;
	}
	if (m->level != MQW_LEVEL_5)
		return MQGATE_REASON_HOLD_FULL;
	return refuse(w, p, flow, MQGATE_REASON_HOLD_FULL);
}

enum mqgate_reason mqg_publish_judge(struct mqg_walk *w, const struct mqg_head *head)
{
	struct mqg_alias *alias = NULL;
	struct mqg_flow *flow = NULL;
	enum mqgate_reason reason;
	bool nameless, told;
	struct mqg_publish_head p;

	w->message->published += w->way == MQG_UP;
	reason = read_head(w, head, &p);
	nameless = !p.len;
	if (!reason && w->way == MQG_UP && p.len > w->message->limits->topic_length)
		reason = MQGATE_REASON_LIMIT_TOPIC;
	if (!reason && w->way == MQG_UP)
		reason = check_terms(w->message, &p);
	if (!reason && p.alias)
		reason = resolve(w, &p, &alias);
	if (!reason && p.qos)
		reason = begin_flow(w, &p, &flow);
	if (reason)
		return reason;
	if (p.qos == 2 && w->way == MQG_UP && flow->count > 1 && !flow->own &&
	    w->message->keep && w->message->keep->store)
		return mqg_store_again(w, flow);
	reason = mqg_publish_ask(w->message, w->way, p.topic, p.len, p.qos, p.retain);
	if (reason)
		return refuse(w, &p, flow, reason);
	if (p.qos == 2 && w->way == MQG_UP && w->message->grant)
		reason = note(flow, &p);
	if (!reason && w->way == MQG_UP && w->message->keep && (p.qos || w->mute))
		reason = keep(w, head, &p);
	if (reason == MQGATE_REASON_HOLD_FULL)
		return refuse_more(w, &p, flow);
	if (reason)
		return reason;
	w->message->ops->published(w->message, w->way, head->begin, w->end, p.topic, p.len);
	if (p.qos && w->way == MQG_DOWN && mqg_backlog_due(w->message, flow))
		return mqg_backlog_keep(w, head, &p, flow);
	told = !alias || alias->told;
	if (alias && !w->mute)
		alias->told = true;
	if (nameless && !told)
		return spell_out(w, head, &p);
	mqg_walk_emit(w, head->begin, head->len);
	return MQGATE_REASON_NONE;
}
