// SPDX-License-Identifier: BSD-2-Clause
/*
 * Chunk by chunk, packet by packet: see message.h and walk.h. Called through mqg_message_take(), on
 * the worker's thread of the session.
 */
#include "message/walk.h"

#include <stdlib.h>
#include <string.h>

#include "message/keep.h"
#include "message/properties.h"

/* The largest remaining length that there is (MQTT 5, 1.5.5). */
#define REMAINING_MAX	268435455U
#define HELD_LEAST	256U
/* Answers of ours that wait for the end of a packet. */
#define OWN_MAX		(64U << 10)

static uint32_t smaller(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

/* What a client may send, by what its listener and its broker take. */
static uint32_t packet_max(const struct mqg_message *m, enum mqg_way way)
{
	uint32_t max = m->terms[way].packet_max;

	return way == MQG_UP ? smaller(max, m->limits->packet_size) : max;
}

static void set_limits(struct mqg_message *m, enum mqg_way way)
{
	struct mqp_stream *stream = &m->lanes[way].stream;

	/* Without its fixed header it is shorter: to the byte it is judged when it is there. */
	stream->max_remaining = smaller(packet_max(m, way), REMAINING_MAX);
	stream->max_levels = (uint16_t)(way == MQG_UP ? m->limits->topic_levels : 0);
}

void mqg_message_lane(struct mqg_message *m, enum mqg_way way)
{
	mqp_init(&m->lanes[way].stream, m->level, way, REMAINING_MAX, 0);
	set_limits(m, way);
}

static void begin_up(struct mqg_message *m)
{
	mqg_terms_begin(&m->terms[MQG_UP], m->level);
	m->terms[MQG_UP].alias_max = (uint16_t)smaller(m->limits->topic_alias, 0xffff);
	m->terms[MQG_UP].receive_max = (uint16_t)smaller(m->limits->inflight, 0xffff);
	mqg_message_lane(m, MQG_UP);
}

void mqg_message_begin(struct mqg_message *m, const struct mqw_connect *c, const uint8_t *packet)
{
	uint32_t ignored;

	m->level = c->level;
	m->keep_alive = c->keep_alive;
	/* 3.1 does not tell whether there is a session: until it does, any may be. */
	m->resumed = c->level == MQW_LEVEL_31 && !(c->flags & MQW_CONNECT_CLEAN);
	mqg_terms_begin(&m->terms[MQG_DOWN], c->level);
	/* Type, length, protocol name, level, flags and keep alive. */
	if (c->level == MQW_LEVEL_5)
		mqg_terms_connect(&m->terms[MQG_DOWN],
				  mqg_varint_read(packet + 1, packet + c->total, &ignored) + 10,
				  packet + c->total);
	begin_up(m);
}

static void drop_held(struct mqg_lane *lane)
{
	free(lane->held);
	lane->held = NULL;
	lane->held_len = 0;
	lane->held_size = 0;
}

void mqg_message_end(struct mqg_message *m)
{
	drop_held(&m->lanes[MQG_UP]);
	drop_held(&m->lanes[MQG_DOWN]);
	mqg_ledger_drop(m);
}

void mqg_message_again(struct mqg_message *m)
{
	mqg_message_end(m);
	for (int way = 0; way < 2; way++)
		m->lanes[way].over = false;
	m->lanes[MQG_UP].fate = m->lanes[MQG_DOWN].fate = MQG_JUDGING;
	m->opening = 0;
	m->code = 0;
	begin_up(m);
}

/* What was refused before leaves a gap, which is closed. */
void mqg_walk_emit(struct mqg_walk *w, const uint8_t *data, size_t len)
{
	if (w->mute)
		return;
	if (!w->out_len)
		w->out = (uint8_t *)data;
	else if (w->out + w->out_len != data)
		memmove(w->out + w->out_len, data, len);
	w->out_len += len;
}

void mqg_walk_insert(struct mqg_walk *w, const uint8_t *data, size_t len)
{
	mqg_walk_flush(w);
	if (!w->mute)
		w->message->ops->send(w->message, w->way, data, len);
}

void mqg_walk_flush(struct mqg_walk *w)
{
	if (w->out_len)
		w->message->ops->send(w->message, w->way, w->out, w->out_len);
	w->out_len = 0;
}

/* Packets of ours: at once where the other way is between two others, else when it will be. */
static enum mqgate_reason spill(struct mqg_walk *w)
{
	enum mqg_way other = w->way == MQG_UP ? MQG_DOWN : MQG_UP;
	struct mqg_message *m = w->message;
	struct mqg_own *own;
	uint8_t *data;

	/* Nobody is there, and who comes next does not know what it is about. */
	if (other == MQG_UP && m->keep && m->keep->link == MQG_UNLINKED) {
		w->own_len = 0;
		return MQGATE_REASON_NONE;
	}
	if (mqg_message_between(m, other)) {
		m->ops->send(m, other, w->own, w->own_len);
		w->own_len = 0;
		return MQGATE_REASON_NONE;
	}
	if (!mqg_ledger_get(m))
		return MQGATE_REASON_STREAM_MEMORY;
	own = &m->ledger->own[other];
	data = own->len > OWN_MAX ? NULL : realloc(own->data, own->len + w->own_len);
	if (!data)
		return MQGATE_REASON_STREAM_MEMORY;
	memcpy(data + own->len, w->own, w->own_len);
	own->data = data;
	own->len += (uint32_t)w->own_len;
	w->own_len = 0;
	return MQGATE_REASON_NONE;
}

enum mqgate_reason mqg_walk_own(struct mqg_walk *w, const uint8_t *data, size_t len)
{
	enum mqgate_reason reason = MQGATE_REASON_NONE;

	while (len && reason == MQGATE_REASON_NONE) {
		size_t part = MQG_WALK_OWN - w->own_len;

		if (part > len)
			part = len;
		memcpy(w->own + w->own_len, data, part);
		w->own_len += part;
		data += part;
		len -= part;
		if (w->own_len == MQG_WALK_OWN)
			reason = spill(w);
	}
	return reason;
}

enum mqgate_reason mqg_walk_answer(struct mqg_walk *w, uint8_t type, uint16_t id, uint8_t code)
{
	bool coded = code && w->message->level == MQW_LEVEL_5;
	const uint8_t packet[] = {
		(uint8_t)(type << 4 | (type == MQP_PUBREL ? 2 : 0)), coded ? 3 : 2,
		(uint8_t)(id >> 8), (uint8_t)id, code,
	};

	return mqg_walk_own(w, packet, coded ? 5 : 4);
}

enum mqgate_reason mqg_walk_hold(struct mqg_walk *w, const uint8_t *data, size_t len)
{
	struct mqg_lane *lane = w->lane;

	if (len > MQG_HEAD_MAX - lane->held_len)
		return MQGATE_REASON_MQTT_TOO_LONG;
	if (len > lane->held_size - lane->held_len) {
		uint32_t size = lane->held_size ? lane->held_size : HELD_LEAST;
		uint8_t *held;

		while (len > size - lane->held_len)
			size *= 2;
		held = realloc(lane->held, size);
		if (!held)
			return MQGATE_REASON_STREAM_MEMORY;
		lane->held = held;
		lane->held_size = size;
	}
	memcpy(lane->held + lane->held_len, data, len);
	lane->held_len += len;
	return MQGATE_REASON_NONE;
}

uint8_t *mqg_walk_rejoin(struct mqg_walk *w, uint8_t *data)
{
	struct mqg_lane *lane = w->lane;

	if (!lane->held)
		return data;
	data -= lane->held_len;
	memcpy(data, lane->held, lane->held_len);
	drop_held(lane);
	return data;
}

enum mqgate_reason mqg_walk_blame(struct mqg_walk *w, enum mqgate_reason reason)
{
	if (w->way == MQG_UP)
		return reason;
	w->message->detail = (uint8_t)reason;
	return MQGATE_REASON_MQTT_BROKER;
}

void mqg_walk_drop(struct mqg_walk *w, enum mqgate_reason reason)
{
	w->lane->fate = MQG_DROPPING;
	w->message->ops->refused(w->message, w->way, reason);
}

/* What waited for this packet to end. */
static void send_own(struct mqg_walk *w)
{
	struct mqg_own *own;

	if (!w->message->ledger || !w->message->ledger->own[w->way].data)
		return;
	mqg_walk_flush(w);
	own = &w->message->ledger->own[w->way];
	w->message->ops->send(w->message, w->way, own->data, own->len);
	free(own->data);
	*own = (struct mqg_own){ 0 };
}

static void begin_walk(struct mqg_walk *w, struct mqg_message *m, enum mqg_way way, uint8_t *data,
		       size_t len)
{
	w->message = m;
	w->lane = &m->lanes[way];
	w->way = way;
	w->at = data;
	w->end = data + len;
	w->mute = way == MQG_UP && m->keep && !mqg_keep_linked(m->keep);
	w->out_len = 0;
	w->own_len = 0;
}

/* What the client has room for by now. */
static enum mqgate_reason release(struct mqg_walk *w)
{
	struct mqg_message *m = w->message;
	enum mqgate_reason reason;
	struct mqg_walk down;

	if (!m->ledger || !m->ledger->backlog.n)
		return MQGATE_REASON_NONE;
	mqg_walk_flush(w);
	begin_walk(&down, m, MQG_DOWN, NULL, 0);
	reason = mqg_backlog_release(&down);
	if (down.own_len && reason == MQGATE_REASON_NONE)
		reason = spill(&down);
	return reason;
}

void mqg_walk_start(struct mqg_walk *w, struct mqg_message *m, enum mqg_way way)
{
	begin_walk(w, m, way, NULL, 0);
}

void mqg_walk_finish(struct mqg_walk *w)
{
	mqg_walk_flush(w);
	if (w->own_len)
		spill(w);
}

static void fill(struct mqg_message *m, const uint8_t *data, uint32_t len, bool ends)
{
	struct mqg_kept *kept = m->keep->filling;

	mqg_keep_fill(m->keep, data, len, ends);
	if (ends && m->keep->store)
		mqg_store_put(m, kept);
}

/* The payload of a PUBLISH whose head was judged. */
static enum mqgate_reason stream_payload(struct mqg_walk *w)
{
	enum mqgate_reason reason = MQGATE_REASON_NONE;
	__u32 used;
	int status = mqp_feed(&w->lane->stream, w->at, (__u32)(w->end - w->at), &used);
	struct mqg_keep *keep = w->way == MQG_UP ? w->message->keep : NULL;

	if (keep && keep->filling)
		fill(w->message, w->at, used, status == MQW_OK);
	if (w->lane->fate == MQG_PASSING)
		mqg_walk_emit(w, w->at, used);
	else if (w->lane->fate == MQG_KEEPING)
		reason = mqg_backlog_more(w->message, w->at, used);
	w->at += used;
	if (status != MQW_OK || reason)
		return reason;
	w->lane->fate = MQG_JUDGING;
	send_own(w);
	return w->way == MQG_DOWN ? release(w) : MQGATE_REASON_NONE;
}

/* A server that is about to go says so; another one may take its place. */
static bool is_farewell(uint8_t code)
{
	switch (code) {
	case 0x89: /* Server busy */
	case 0x8b: /* Server shutting down */
	case 0x9c: /* Use another server */
	case 0x9d: /* Server moved */
		return true;
	}
	return false;
}

static enum mqgate_reason judge_disconnect(struct mqg_walk *w, const struct mqg_head *head)
{
	struct mqg_keep *keep = w->message->keep;
	struct mqg_kept *kept = NULL;

	w->lane->over = true;
	if (keep && w->way == MQG_DOWN && is_farewell(w->lane->stream.code)) {
		keep->farewell = true;
		return MQGATE_REASON_NONE;
	}
	/* Behind what waits for the server that has just been found. */
	if (w->mute && keep->link == MQG_RESUMING &&
	    !mqg_keep_add(keep, MQG_FLOW_NONE, 0, (uint32_t)head->len, &kept) && kept) {
		memcpy(kept->packet, head->begin, head->len);
		kept->filled = kept->len;
	}
	mqg_walk_emit(w, head->begin, head->len);
	return MQGATE_REASON_NONE;
}

/* Who waits for an answer that its server did not live to give is answered in its place. */
static enum mqgate_reason judge_ping(struct mqg_walk *w, const struct mqg_head *head)
{
	static const uint8_t answer[] = { MQP_PINGRESP << 4, 0 };
	struct mqg_keep *keep = w->message->keep;

	if (w->way == MQG_DOWN)
		keep->pings -= keep->pings > 0;
	else if (w->mute)
		return mqg_walk_own(w, answer, sizeof(answer));
	else
		keep->pings++;
	mqg_walk_emit(w, head->begin, head->len);
	return MQGATE_REASON_NONE;
}

/* Of the client: what asks something of the server waits until it goes on with the session. */
static bool waits(const struct mqg_keep *keep, uint8_t type)
{
	if (keep->link != MQG_RESUMING)
		return keep->link == MQG_UNLINKED;
	return type == MQP_PUBLISH || type == MQP_PUBREL || type == MQP_SUBSCRIBE ||
	       type == MQP_UNSUBSCRIBE || type == MQP_DISCONNECT;
}

static enum mqgate_reason judge(struct mqg_walk *w, const struct mqg_head *head)
{
	struct mqp_stream *stream = &w->lane->stream;
	struct mqg_keep *keep = w->message->keep;

	if (stream->total > packet_max(w->message, w->way))
		return MQGATE_REASON_LIMIT_PACKET;
	w->mute = keep && w->way == MQG_UP && waits(keep, stream->type);
	switch (stream->type) {
	case MQP_PUBLISH:
		return mqg_publish_judge(w, head);
	case MQP_PUBACK:
	case MQP_PUBREC:
	case MQP_PUBREL:
	case MQP_PUBCOMP:
		return mqg_ack_judge(w, head);
	case MQP_SUBSCRIBE:
	case MQP_UNSUBSCRIBE:
		return mqg_subscribe_judge(w, head);
	case MQP_SUBACK:
	case MQP_UNSUBACK:
		return mqg_suback_judge(w, head);
	case MQP_PINGREQ:
	case MQP_PINGRESP:
		if (keep)
			return judge_ping(w, head);
		break;
	case MQP_DISCONNECT:
		return judge_disconnect(w, head);
	}
	mqg_walk_emit(w, head->begin, head->len);
	return MQGATE_REASON_NONE;
}

static enum mqgate_reason malformed(const struct mqp_stream *stream)
{
	/* Its length alone was too much: nothing else of it was looked at. */
	if (stream->reason == MQGATE_REASON_MQTT_TOO_LONG && !stream->total &&
	    stream->acc > stream->max_remaining)
		return MQGATE_REASON_LIMIT_PACKET;
	return stream->reason;
}

enum mqgate_reason mqg_walk_packet(struct mqg_walk *w)
{
	struct mqp_stream *stream = &w->lane->stream;
	struct mqg_head head = { .begin = w->at };
	enum mqgate_reason reason;
	__u32 used;
	int status = mqp_feed_head(stream, head.begin, (__u32)(w->end - head.begin), &used);

	w->at += used;
	if (status == MQW_MALFORMED)
		return mqg_walk_blame(w, malformed(stream));
	if (status == MQW_NEED_MORE && !mqp_at_payload(stream))
		return mqg_walk_hold(w, head.begin, used);
	head.begin = mqg_walk_rejoin(w, head.begin);
	head.len = (size_t)(w->at - head.begin);
	reason = judge(w, &head);
	if (reason != MQGATE_REASON_NONE)
		return mqg_walk_blame(w, reason);
	if (status == MQW_OK)
		w->lane->fate = MQG_JUDGING;
	else if (w->lane->fate == MQG_JUDGING)
		w->lane->fate = MQG_PASSING;
	return MQGATE_REASON_NONE;
}

enum mqgate_reason mqg_message_take(struct mqg_message *m, enum mqg_way way, uint8_t *data,
				    size_t len)
{
	struct mqg_walk w;
	enum mqgate_reason reason = MQGATE_REASON_NONE;

	begin_walk(&w, m, way, data, len);
	if (way == MQG_UP && mqp_between(&w.lane->stream))
		set_limits(m, way);

	while (w.at < w.end && reason == MQGATE_REASON_NONE) {
		if (m->ending && way == MQG_UP && w.lane->fate == MQG_JUDGING)
			reason = m->ending;
		else if (w.lane->over)
			reason = mqg_walk_blame(&w, MQGATE_REASON_MQTT_ORDER);
		else if (way == MQG_DOWN && !m->open)
			reason = mqg_opening_step(&w);
		else if (w.lane->fate != MQG_JUDGING)
			reason = stream_payload(&w);
		else
			reason = mqg_walk_packet(&w);
	}
	mqg_walk_flush(&w);
	if (w.own_len && reason == MQGATE_REASON_NONE)
		reason = spill(&w);
	if (reason == MQGATE_REASON_NONE)
		reason = release(&w);
	if (m->keep && m->keep->link == MQG_RESUMING && reason == MQGATE_REASON_NONE)
		reason = mqg_resume_step(m);
	if (m->keep && m->keep->store && reason == MQGATE_REASON_NONE)
		mqg_store_send(m);
	mqg_ledger_settle(m);
	return reason;
}

void mqg_message_doubt(struct mqg_message *m)
{
	struct mqg_flows *flows;

	if (m->keep)
		m->keep->doubted = true;
	if (!m->ledger)
		return;
	flows = &m->ledger->flows[MQG_UP];
	for (uint32_t i = 0; i < flows->size; i++)
		flows->table[i].doubted = flows->table[i].kind == MQG_FLOW_QOS2;
}
