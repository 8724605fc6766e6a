// SPDX-License-Identifier: BSD-2-Clause
/*
 * What a client has asked to be sent: taken down when a server has agreed, asked for again of a
 * server that does not know the session. Called by subscribe.c and resume.c.
 */
#include "message/walk.h"

#include <errno.h>
#include <string.h>

#include "message/keep.h"
#include "message/properties.h"

/* Some brokers take no more of one SUBSCRIBE. */
#define FILTERS_EACH	8U
#define PACKET_MOST	4096U
/* Of a filter's options: 0 sends retained messages always, 1 with a new subscription. */
#define RETAIN_HANDLING	0x30U
#define RETAIN_NEW	0x10U

/* Where the identifier of a packet is. */
static const uint8_t *id_of(const struct mqg_head *head)
{
	uint32_t ignored;

	return mqg_varint_read(head->begin + 1, head->begin + head->len, &ignored);
}

uint16_t mqg_asked_id(struct mqg_message *m, const struct mqg_head *head, enum mqg_flow_kind kind,
		      uint16_t id)
{
	struct mqg_kept *kept = m->keep->store ? mqg_keep_find(m->keep, (uint8_t)kind, id) : NULL;

	if (!kept)
		return id;
	mqg_write_two((uint8_t *)id_of(head), kept->client_id);
	return kept->client_id;
}

enum mqgate_reason mqg_asked_keep(struct mqg_walk *w, const struct mqg_flow *flow,
				  const struct mqg_head *head)
{
	struct mqg_kept *kept;
	int err = mqg_keep_add(w->message->keep, flow->kind, flow->id, (uint32_t)head->len, &kept);

	if (err)
		return err == -ENOSPC ? MQGATE_REASON_HOLD_FULL : MQGATE_REASON_STREAM_MEMORY;
	if (!kept)
		return MQGATE_REASON_NONE;
	if (w->message->keep->store) {
		kept->id = 0;
		kept->id = mqg_store_id(w->message, flow->id);
		mqg_write_two((uint8_t *)id_of(head), kept->id);
	}
	memcpy(kept->packet, head->begin, head->len);
	kept->filled = kept->len;
	if (!w->mute)
		mqg_keep_sent(w->message->keep, kept);
	return MQGATE_REASON_NONE;
}

/* The filters that a packet of good form has, one by one. */
struct reader {
	const uint8_t	*at, *end, *properties;
	uint32_t	properties_len;
	bool		options;
};

static void open_packet(struct reader *r, const struct mqg_message *m, const struct mqg_kept *kept)
{
	uint32_t ignored;

	r->end = kept->packet + kept->len;
	r->at = mqg_varint_read(kept->packet + 1, r->end, &ignored) + 2;
	r->properties_len = 0;
	if (m->level == MQW_LEVEL_5)
		r->at = mqg_varint_read(r->at, r->end, &r->properties_len);
	r->properties = r->at;
	r->at += r->properties_len;
	r->options = kept->kind == MQG_FLOW_SUBSCRIBE;
}

static void note_one(struct mqg_keep *keep, struct reader *r, bool agreed)
{
	struct mqg_filter head = {
		.len = (uint16_t)mqg_read_two(r->at), .properties = r->properties_len,
	};
	const uint8_t *text = r->at + 2;

	r->at = text + head.len + r->options;
	if (!agreed)
		return;
	if (!r->options) {
		mqg_filter_remove(&keep->filters, text, head.len);
		return;
	}
	head.options = text[head.len];
	if (keep->filters.bytes > keep->limits.bytes ||
	    mqg_filter_set(&keep->filters, &head, text, r->properties))
		keep->partial = true;
}

void mqg_asked_note(struct mqg_message *m, const struct mqg_flow *flow, const uint8_t *codes,
		    const uint8_t *end)
{
	struct mqg_keep *keep = m->keep;
	struct mqg_kept *kept = mqg_keep_find_client(keep, flow->kind, flow->id);
	struct reader r;

	if (!kept) {
		keep->partial = true;
		return;
	}
	/* UNSUBACK has no codes before MQTT 5. */
	for (open_packet(&r, m, kept); r.at < r.end; codes += codes < end)
		note_one(keep, &r, codes == end || *codes < 0x80);
	mqg_keep_remove(keep, kept);
}

/* One packet under way to the server. */
struct request {
	uint8_t			packet[5 + 2 + PACKET_MOST];
	uint32_t		len, n;		/* behind the fixed header; filters */
	const struct mqg_filter	*first;
};

#define FIXED	5U

static void send_request(struct mqg_message *m, struct request *q)
{
	uint8_t *begin = q->packet + FIXED - mqg_varint_size(q->len) - 1;

	if (!q->n)
		return;
	*begin = MQP_SUBSCRIBE << 4 | 2;
	mqg_varint_write(begin + 1, q->len);
	/* Nothing else is under way: any identifier will do. */
	m->keep->replies++;
	mqg_write_two(q->packet + FIXED, m->keep->replies);
	m->ops->send(m, MQG_UP, begin, (size_t)(q->packet + FIXED + q->len - begin));
	atomic_fetch_add_explicit(&m->keep->counts->replayed, q->n, memory_order_relaxed);
	q->n = 0;
}

static const uint8_t *properties_of(const struct mqg_filter *filter)
{
	return filter->text + filter->len;
}

/* They hold for all filters of a packet. */
static bool same_properties(const struct mqg_filter *a, const struct mqg_filter *b)
{
	return a->properties == b->properties &&
	       !memcmp(properties_of(a), properties_of(b), a->properties);
}

static void begin_request(const struct mqg_message *m, struct request *q,
			  const struct mqg_filter *filter)
{
	uint8_t *at = q->packet + FIXED + 2;

	if (m->level == MQW_LEVEL_5) {
		at = mqg_varint_write(at, filter->properties);
		memcpy(at, properties_of(filter), filter->properties);
		at += filter->properties;
	}
	q->len = (uint32_t)(at - (q->packet + FIXED));
	q->first = filter;
}

static uint32_t room_for(const struct mqg_filter *filter)
{
	return 2U + filter->len + 1U;
}

/* MQTT 5, 3.8.3.1: a server that has the subscription does not send retained messages again. */
static uint8_t options_of(const struct mqg_message *m, const struct mqg_filter *filter)
{
	bool known = m->level == MQW_LEVEL_5 && m->keep->present;

	return known && !(filter->options & RETAIN_HANDLING) ? filter->options | RETAIN_NEW
							     : filter->options;
}

static void add_filter(struct mqg_message *m, struct request *q, const struct mqg_filter *filter)
{
	uint8_t *at;

	if (q->n && (q->n == FILTERS_EACH || !same_properties(q->first, filter) ||
		     room_for(filter) > PACKET_MOST - q->len))
		send_request(m, q);
	if (!q->n)
		begin_request(m, q, filter);
	at = mqg_write_two(q->packet + FIXED + q->len, filter->len);
	memcpy(at, filter->text, filter->len);
	at[filter->len] = options_of(m, filter);
	q->len += room_for(filter);
	q->n++;
}

/* Too long for one packet of ours: no client that means well has such. */
static bool is_fit(const struct mqg_filter *filter)
{
	return room_for(filter) + filter->properties + 8 < PACKET_MOST;
}

void mqg_asked_replay(struct mqg_message *m)
{
	const struct mqg_filters *filters = &m->keep->filters;
	struct request q = { .n = 0 };

	for (uint32_t i = 0; i < filters->size; i++) {
		const struct mqg_filter *filter = filters->table[i];

		if (filter && is_fit(filter))
			add_filter(m, &q, filter);
		else if (filter)
			m->keep->partial = true;
	}
	send_request(m, &q);
}

void mqg_asked_again(struct mqg_message *m, const struct mqg_head *suback)
{
	const uint8_t *end = suback->begin + suback->len, *at;
	uint32_t len = 0;

	at = mqg_varint_read(suback->begin + 1, end, &len) + 2;
	if (m->level == MQW_LEVEL_5) {
		at = mqg_varint_read(at, end, &len);
		at += len;
	}
	for (; at < end; at++)
		m->keep->partial |= *at >= 0x80;
	m->keep->replies--;
}
