// SPDX-License-Identifier: BSD-2-Clause
/*
 * SUBSCRIBE and UNSUBSCRIBE of a client, and what the broker answers. Filters that policy refuses
 * are taken out; the answer has their codes in their places. Called by walk.c.
 */
#include "message/walk.h"

#include <stdlib.h>
#include <string.h>

#include "message/keep.h"
#include "message/properties.h"
#include "policy/rights.h"

/* Hangs on the flow of a SUBSCRIBE of which a part was refused. */
struct merge {
	uint16_t	n;
	uint8_t		codes[];	/* of ours, or BROKERS */
};

#define BROKERS		0xffU
#define REFUSED_V3	0x80U
#define REFUSED_V5	0x87U
#define QUOTA_V5	0x97U

struct request {
	uint8_t		*fixed;		/* identifier and properties */
	uint8_t		*filters, *end;
	uint32_t	n;
	bool		subscribe;
};

static enum mqgate_reason read_properties(struct mqg_walk *w, const uint8_t **at)
{
	struct mqg_message *m = w->message;
	struct mqg_property property;
	uint32_t len, users = 0;
	const uint8_t *end;

	*at = mqg_varint_read(*at, *at + 4, &len);
	for (end = *at + len; *at && *at < end;) {
		*at = mqg_property_next(*at, end, &property);
		users += property.id == MQW_ID_USER;
		if (property.id == MQP_ID_SUBSCRIPTION && !m->terms[MQG_UP].ids) {
			m->code = 0xa1; /* Subscription Identifiers not supported */
			return MQGATE_REASON_MQTT_UNAVAILABLE;
		}
	}
	return users > m->limits->user_properties ? MQGATE_REASON_LIMIT_PROPERTIES
						  : MQGATE_REASON_NONE;
}

/* Of MQTT 5: which of what the broker does not have it asks for. */
static enum mqgate_reason check_terms(struct mqg_message *m, const uint8_t *filter, uint32_t len)
{
	const struct mqg_terms *terms = &m->terms[MQG_UP];

	if (!terms->shared && len > 7 && !memcmp(filter, "$share/", 7))
		m->code = 0x9e; /* Shared Subscriptions not supported */
	else if (!terms->wildcard && (memchr(filter, '+', len) || memchr(filter, '#', len)))
		m->code = 0xa2; /* Wildcard Subscriptions not supported */
	else
		return MQGATE_REASON_NONE;
	return MQGATE_REASON_MQTT_UNAVAILABLE;
}

static const uint8_t *next_filter(const struct request *r, const uint8_t *at)
{
	return at + 2 + mqg_read_two(at) + r->subscribe;
}

static enum mqgate_reason read_request(struct mqg_walk *w, const struct mqg_head *head,
				       struct request *r)
{
	const struct mqg_limits *limits = w->message->limits;
	const uint8_t *at = head->begin + 1;
	enum mqgate_reason reason = MQGATE_REASON_NONE;

	while (*at++ & 0x80)
		;
	r->fixed = (uint8_t *)at;
	r->end = head->begin + head->len;
	r->subscribe = w->lane->stream.type == MQP_SUBSCRIBE;
	r->n = 0;
	at += 2;
	if (w->message->level == MQW_LEVEL_5)
		reason = read_properties(w, &at);
	if (reason)
		return reason;
	r->filters = (uint8_t *)at;
	for (; at < r->end && !reason; at = next_filter(r, at)) {
		uint32_t len = mqg_read_two(at);

		if (++r->n > limits->filters)
			return MQGATE_REASON_LIMIT_FILTERS;
		if (len > limits->topic_length)
			return MQGATE_REASON_LIMIT_TOPIC;
		if (r->subscribe)
			reason = check_terms(w->message, at + 2, len);
	}
	return reason;
}

static enum mqgate_reason begin_flow(struct mqg_walk *w, const struct request *r,
				     struct mqg_flow **out)
{
	enum mqg_flow_kind kind = r->subscribe ? MQG_FLOW_SUBSCRIBE : MQG_FLOW_UNSUBSCRIBE;
	uint16_t id = w->lane->stream.packet_id;
	struct mqg_message *m = w->message;
	struct mqg_flows *flows;

	if (!mqg_ledger_get(m))
		return MQGATE_REASON_STREAM_MEMORY;
	flows = &m->ledger->flows[MQG_UP];
	if (mqg_flow_find(flows, id, kind))
		return MQGATE_REASON_MQTT_FLOW;
	if (flows->n - flows->messages >= m->limits->inflight)
		return MQGATE_REASON_LIMIT_INFLIGHT;
	*out = mqg_flow_add(flows, id, kind);
	if (!*out)
		return MQGATE_REASON_STREAM_MEMORY;
	(*out)->count = (uint16_t)r->n;
	return MQGATE_REASON_NONE;
}

static struct merge *new_merge(uint32_t n)
{
	struct merge *merge = malloc(sizeof(*merge) + n);

	if (!merge)
		return NULL;
	merge->n = (uint16_t)n;
	memset(merge->codes, BROKERS, n);
	return merge;
}

/* MQGATE_REASON_NONE, or why this filter is not the client's; *@qos: the most that it gets. */
static enum mqgate_reason ask_one(struct mqg_message *m, const uint8_t *filter, uint32_t len,
				  uint8_t *qos)
{
	struct mqg_decision d = { .allowed = true, .qos = 2 };

	if (m->grant)
		d = mqg_grant_filter(m->grant, filter, len, m->desk->now);
	*qos = d.qos;
	if (!d.allowed)
		return MQGATE_REASON_POLICY_SUBSCRIBE;
	if (m->limits->subscriptions &&
	    !mqg_subscriptions_add(&m->ledger->subscriptions, filter, len,
				   m->limits->subscriptions))
		return MQGATE_REASON_LIMIT_SUBSCRIPTIONS;
	return MQGATE_REASON_NONE;
}

static uint8_t code_of(const struct mqg_message *m, enum mqgate_reason reason)
{
	if (m->level != MQW_LEVEL_5)
		return REFUSED_V3;
	return reason == MQGATE_REASON_POLICY_SUBSCRIBE ? REFUSED_V5 : QUOTA_V5;
}

/* Asks of every filter, and closes the gaps of those that are refused; *@merge: NULL = none is. */
static enum mqgate_reason ask(struct mqg_walk *w, struct request *r, struct merge **merge)
{
	struct mqg_message *m = w->message;
	uint8_t *at = r->filters, *to = at, *next, qos;
	enum mqgate_reason reason;

	if (!mqg_ledger_get(m))
		return MQGATE_REASON_STREAM_MEMORY;
	for (uint32_t i = 0; at < r->end; i++, at = next) {
		uint32_t len = mqg_read_two(at);
		uint8_t *options = at + 2 + len;

		next = (uint8_t *)next_filter(r, at);
		reason = ask_one(m, at + 2, len, &qos);
		if (reason == MQGATE_REASON_NONE) {
			if ((*options & 3) > qos)
				*options = (uint8_t)((*options & ~3U) | qos);
			memmove(to, at, (size_t)(next - at));
			to += next - at;
			continue;
		}
		if (m->limits->close_on_refusal && reason == MQGATE_REASON_POLICY_SUBSCRIBE)
			return reason;
		if (!*merge)
			*merge = new_merge(r->n);
		if (!*merge)
			return MQGATE_REASON_STREAM_MEMORY;
		(*merge)->codes[i] = code_of(m, reason);
		m->ops->refused(m, MQG_UP, reason);
	}
	r->end = to;
	return MQGATE_REASON_NONE;
}

static void forget(struct mqg_message *m, const struct request *r)
{
	for (const uint8_t *at = r->filters; m->ledger && at < r->end; at = next_filter(r, at))
		mqg_subscriptions_remove(&m->ledger->subscriptions, at + 2, mqg_read_two(at));
}

/* Nothing is left for the broker to answer. */
static enum mqgate_reason answer_all(struct mqg_walk *w, const struct merge *merge)
{
	bool v5 = w->message->level == MQW_LEVEL_5;
	uint8_t start[5 + 3], *at = start;
	enum mqgate_reason reason;

	*at++ = MQP_SUBACK << 4;
	at = mqg_varint_write(at, 2U + v5 + merge->n);
	at = mqg_write_two(at, w->lane->stream.packet_id);
	if (v5)
		*at++ = 0;
	reason = mqg_walk_own(w, start, (size_t)(at - start));
	return reason ? reason : mqg_walk_own(w, merge->codes, merge->n);
}

/* Without what was taken out of it: its fixed header moves up to what follows it. */
static struct mqg_head cut(const struct mqg_head *head, const struct request *r)
{
	uint32_t left = (uint32_t)(r->end - r->fixed);
	uint8_t *begin = r->fixed - mqg_varint_size(left) - 1;

	*begin = head->begin[0];
	mqg_varint_write(begin + 1, left);
	return (struct mqg_head){ .begin = begin, .len = (size_t)(r->end - begin) };
}

enum mqgate_reason mqg_subscribe_judge(struct mqg_walk *w, const struct mqg_head *head)
{
	struct merge *merge = NULL;
	enum mqgate_reason reason;
	struct mqg_flow *flow;
	struct mqg_head rest;
	struct request r;

	reason = read_request(w, head, &r);
	if (!reason && r.subscribe && (w->message->grant || w->message->limits->subscriptions))
		reason = ask(w, &r, &merge);
	if (!reason && !r.subscribe)
		forget(w->message, &r);
	if (!reason && r.filters == r.end) {
		w->lane->fate = MQG_DROPPING;
		reason = answer_all(w, merge);
		free(merge);
		return reason;
	}
	if (!reason)
		reason = begin_flow(w, &r, &flow);
	if (reason) {
		free(merge);
		return reason;
	}
	flow->copy = merge;
	rest = merge ? cut(head, &r) : *head;
	/* Before it may be moved. */
	if (w->message->keep)
		reason = mqg_asked_keep(w, flow, &rest);
	if (!reason)
		mqg_walk_emit(w, rest.begin, rest.len);
	return reason;
}

/* The broker's codes with ours between them. */
static enum mqgate_reason emit_merged(struct mqg_walk *w, const struct mqg_head *head,
				      const struct merge *merge, const uint8_t *fixed,
				      const uint8_t *codes)
{
	size_t before = (size_t)(codes - fixed);
	uint8_t *packet = malloc(5 + before + merge->n), *at = packet;

	if (!packet)
		return MQGATE_REASON_STREAM_MEMORY;
	*at++ = head->begin[0];
	at = mqg_varint_write(at, (uint32_t)(before + merge->n));
	memcpy(at, fixed, before);
	at += before;
	for (uint32_t i = 0; i < merge->n; i++)
		*at++ = merge->codes[i] == BROKERS ? *codes++ : merge->codes[i];
	mqg_walk_insert(w, packet, (size_t)(at - packet));
	free(packet);
	return MQGATE_REASON_NONE;
}

enum mqgate_reason mqg_suback_judge(struct mqg_walk *w, const struct mqg_head *head)
{
	const struct mqp_stream *stream = &w->lane->stream;
	const uint8_t *fixed = head->begin + 1, *codes, *end = head->begin + head->len;
	struct mqg_ledger *ledger = w->message->ledger;
	enum mqg_flow_kind kind = stream->type == MQP_SUBACK ? MQG_FLOW_SUBSCRIBE
							     : MQG_FLOW_UNSUBSCRIBE;
	uint16_t id = stream->packet_id;
	bool suback = stream->type == MQP_SUBACK, v5 = w->message->level == MQW_LEVEL_5;
	enum mqgate_reason reason = MQGATE_REASON_NONE;
	const struct merge *merge;
	struct mqg_flow *flow;
	uint32_t len, wanted;

	if (w->message->keep && w->message->keep->replies && suback) {
		mqg_asked_again(w->message, head);
		return MQGATE_REASON_NONE;
	}
	if (w->message->keep)
		id = mqg_asked_id(w->message, head, kind, id);
	flow = ledger ? mqg_flow_find(&ledger->flows[MQG_UP], id, kind) : NULL;
	if (!flow) {
		mqg_walk_drop(w, MQGATE_REASON_MQTT_FLOW);
		return MQGATE_REASON_NONE;
	}
	while (*fixed++ & 0x80)
		;
	codes = fixed + 2;
	if (v5) {
		codes = mqg_varint_read(codes, end, &len);
		codes += len;
	}
	merge = flow->copy;
	wanted = suback || v5 ? flow->count : 0;
	for (uint32_t i = 0; merge && i < merge->n; i++)
		wanted -= merge->codes[i] != BROKERS;
	if ((size_t)(end - codes) != wanted)
		return MQGATE_REASON_MQTT_FLOW;
	if (w->message->keep)
		mqg_asked_note(w->message, flow, codes, end);
	if (merge)
		reason = emit_merged(w, head, merge, fixed, codes);
	else
		mqg_walk_emit(w, head->begin, head->len);
	mqg_flow_remove(&ledger->flows[MQG_UP], flow);
	return reason;
}
