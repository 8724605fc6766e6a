// SPDX-License-Identifier: BSD-2-Clause
/*
 * Chunk by chunk, packet by packet: see message.h and walk.h. Called through mqg_message_take(), on
 * the worker's thread of the session.
 */
#include "message/walk.h"

#include <stdlib.h>
#include <string.h>

/* As brokers have it: mosquitto's TOPIC_HIERARCHY_LIMIT. */
#define LEVELS_MAX	200U
/* The largest remaining length that there is (MQTT 5, 1.5.5). */
#define REMAINING_MAX	268435455U
#define HELD_LEAST	256U

void mqg_message_lane(struct mqg_message *m, enum mqg_way way)
{
	mqp_init(&m->lanes[way].stream, m->level, way, REMAINING_MAX, LEVELS_MAX);
}

void mqg_message_begin(struct mqg_message *m, const struct mqg_message_ops *ops, uint8_t level)
{
	m->ops = ops;
	m->level = level;
	mqg_message_lane(m, MQG_UP);
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
}

/* What was refused before leaves a gap, which is closed. */
void mqg_walk_emit(struct mqg_walk *w, const uint8_t *data, size_t len)
{
	if (!w->out_len)
		w->out = (uint8_t *)data;
	else if (w->out + w->out_len != data)
		memmove(w->out + w->out_len, data, len);
	w->out_len += len;
}

void mqg_walk_flush(struct mqg_walk *w)
{
	if (w->out_len)
		w->message->ops->send(w->message, w->way, w->out, w->out_len);
	w->out_len = 0;
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

/* The broker is the one that is answered for: which rule it broke is for the log. */
static enum mqgate_reason blame(struct mqg_walk *w, enum mqgate_reason reason)
{
	if (w->way == MQG_UP)
		return reason;
	w->message->detail = (uint8_t)reason;
	return MQGATE_REASON_MQTT_BROKER;
}

/* The payload of a PUBLISH whose head was judged. */
static void stream_payload(struct mqg_walk *w)
{
	__u32 used;
	int status = mqp_feed(&w->lane->stream, w->at, (__u32)(w->end - w->at), &used);

	mqg_walk_emit(w, w->at, used);
	w->at += used;
	if (status == MQW_OK)
		w->lane->fate = MQG_JUDGING;
}

enum mqgate_reason mqg_walk_packet(struct mqg_walk *w)
{
	struct mqp_stream *stream = &w->lane->stream;
	uint8_t *begin = w->at;
	__u32 used;
	int status = mqp_feed_head(stream, begin, (__u32)(w->end - begin), &used);

	w->at += used;
	if (status == MQW_MALFORMED)
		return blame(w, stream->reason);
	if (status == MQW_NEED_MORE && !mqp_at_payload(stream))
		return mqg_walk_hold(w, begin, used);
	begin = mqg_walk_rejoin(w, begin);
	if (begin[0] >> 4 == MQP_PUBLISH)
		w->message->ops->published(w->message, w->way, begin, w->end);
	mqg_walk_emit(w, begin, (size_t)(w->at - begin));
	if (status == MQW_NEED_MORE)
		w->lane->fate = MQG_PASSING;
	else if (stream->type == MQP_DISCONNECT)
		w->lane->over = true;
	return MQGATE_REASON_NONE;
}

enum mqgate_reason mqg_message_take(struct mqg_message *m, enum mqg_way way, uint8_t *data,
				    size_t len)
{
	struct mqg_walk w = {
		.message = m, .lane = &m->lanes[way], .way = way, .at = data, .end = data + len,
	};
	enum mqgate_reason reason = MQGATE_REASON_NONE;

	while (w.at < w.end && reason == MQGATE_REASON_NONE) {
		if (w.lane->over)
			reason = blame(&w, MQGATE_REASON_MQTT_ORDER);
		else if (way == MQG_DOWN && !m->answered)
			reason = mqg_opening_step(&w);
		else if (w.lane->fate == MQG_PASSING)
			stream_payload(&w);
		else
			reason = mqg_walk_packet(&w);
	}
	mqg_walk_flush(&w);
	return reason;
}
