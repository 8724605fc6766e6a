// SPDX-License-Identifier: BSD-2-Clause
/*
 * What a broker says before it has answered the CONNECT: of MQTT 5 any number of AUTH packets
 * (4.12), then CONNACK, which is kept until it is whole. Called by walk.c.
 */
#include "message/walk.h"

#include <stdlib.h>
#include <string.h>

#include "message/keep.h"
#include "message/properties.h"

/* Of a CONNACK. */
#define CONNACK_MAX	65536U

/* Zero is the beginning. */
enum { FIRST, AUTH, CONNACK };

/* What the broker takes. */
static bool agree(struct mqg_message *m, const uint8_t *packet, const uint8_t *end)
{
	struct mqg_terms *terms = &m->terms[MQG_UP];
	uint32_t ignored;

	mqg_terms_begin(terms, m->level);
	return mqg_terms_connack(terms, mqg_varint_read(packet + 1, end, &ignored) + 2, end);
}

/* 3.2.2.3.14: what the broker says in the place of the client; then what the listener allows. */
static void keep_alive(struct mqg_message *m)
{
	uint32_t most = m->limits->keep_alive;

	if (m->terms[MQG_UP].keep_alive)
		m->keep_alive = m->terms[MQG_UP].keep_alive;
	if (most && (!m->keep_alive || m->keep_alive > most)) {
		m->keep_alive = (uint16_t)most;
		m->capped = true;
	}
}

/* The client is told what the gateway takes, where that is less: it goes by it from here on. */
static enum mqgate_reason answer(struct mqg_walk *w, const uint8_t *packet, size_t len)
{
	struct mqg_message *m = w->message;
	const struct mqg_limits *limits = m->limits;
	struct mqg_terms *terms = &m->terms[MQG_UP], broker = *terms;
	uint8_t *out = malloc(len + MQG_TERMS_ROOM);

	if (!out)
		return MQGATE_REASON_STREAM_MEMORY;
	if (terms->receive_max > limits->inflight)
		terms->receive_max = (uint16_t)limits->inflight;
	if (terms->alias_max > limits->topic_alias)
		terms->alias_max = (uint16_t)limits->topic_alias;
	if (m->capped)
		terms->keep_alive = m->keep_alive;
	if (terms->packet_max > limits->packet_size)
		terms->packet_max = limits->packet_size;
	mqg_walk_insert(w, out, mqg_terms_write(&broker, terms, packet, len, out));
	free(out);
	return MQGATE_REASON_NONE;
}

/* The name that the broker has made up is the client's from now on. */
static bool note_assigned(struct mqg_keep *keep, const uint8_t *packet, const uint8_t *end)
{
	struct mqg_property p;
	uint32_t len;

	packet = mqg_varint_read(mqg_varint_read(packet + 1, end, &len) + 2, end, &len);
	while (packet && packet < end) {
		packet = mqg_property_next(packet, end, &p);
		if (!packet || p.id != MQG_ID_ASSIGNED_CLIENT_ID)
			continue;
		len = mqg_read_two(p.text);
		keep->assigned = strndup((const char *)p.text + 2, len);
		return keep->assigned;
	}
	return true;
}

/* Its first server has answered: what another one has to know. */
static enum mqgate_reason begin_keep(struct mqg_message *m, bool present, const uint8_t *packet,
				     const uint8_t *end)
{
	m->keep->older = present;
	if (m->level == MQW_LEVEL_5 && !note_assigned(m->keep, packet, end))
		return MQGATE_REASON_STREAM_MEMORY;
	return MQGATE_REASON_NONE;
}

/* 3.2.2.3: the client goes by what it was told, which the server has to take as well. */
static enum mqgate_reason check_terms(const struct mqg_message *m, const uint8_t *packet,
				      const uint8_t *end)
{
	struct mqg_terms terms;
	uint32_t ignored;

	mqg_terms_begin(&terms, m->level);
	if (!mqg_terms_connack(&terms, mqg_varint_read(packet + 1, end, &ignored) + 2, end))
		return MQGATE_REASON_MQTT_CONNACK;
	if (!mqg_terms_cover(&terms, &m->terms[MQG_UP]) ||
	    (terms.keep_alive && (!m->keep_alive || terms.keep_alive < m->keep_alive)))
		return MQGATE_REASON_HOLD_SESSION;
	return MQGATE_REASON_NONE;
}

/* Another server takes the place of one that is gone: its CONNACK is not the client's. */
static enum mqgate_reason resume(struct mqg_walk *w, const uint8_t *packet)
{
	bool present = w->lane->connack.session_present;
	enum mqgate_reason reason = MQGATE_REASON_NONE;
	struct mqg_message *m = w->message;

	if (w->lane->connack.code)
		return MQGATE_REASON_BROKER_REFUSED;
	if (m->level == MQW_LEVEL_5)
		reason = check_terms(m, packet, w->at);
	if (reason != MQGATE_REASON_NONE)
		return reason;
	m->resumed = m->resumed || present;
	m->open = true;
	mqg_message_lane(m, MQG_DOWN);
	if (m->ops->resumed)
		m->ops->resumed(m);
	return mqg_resume_begin(m, present);
}

static enum mqgate_reason connack(struct mqg_walk *w)
{
	struct mqg_message *m = w->message;
	uint8_t *begin = w->at;
	__u32 used;
	int status = mqw_connack_feed(&w->lane->connack, begin, (__u32)(w->end - begin), &used);
	uint8_t code = w->lane->connack.code;
	enum mqgate_reason reason = MQGATE_REASON_NONE;
	bool present;

	w->at += used;
	if (status == MQW_MALFORMED)
		return MQGATE_REASON_MQTT_CONNACK;
	if (status == MQW_NEED_MORE)
		return mqg_walk_hold(w, begin, used);
	begin = mqg_walk_rejoin(w, begin);
	if (code && m->ops->declined && m->ops->declined(m, code))
		return MQGATE_REASON_BROKER_UNREACHABLE;
	if (m->answered)
		return resume(w, begin);
	if (m->level == MQW_LEVEL_5 && !code && !agree(m, begin, w->at))
		return MQGATE_REASON_MQTT_CONNACK;
	present = w->lane->connack.session_present;
	if (m->keep && !code)
		reason = begin_keep(m, present, begin, w->at);
	if (reason != MQGATE_REASON_NONE)
		return reason;
	m->resumed = m->resumed || present;
	m->answered = true;
	m->open = true;
	mqg_message_lane(m, MQG_DOWN);
	if (!code)
		m->ops->accepted(m);
	if (m->keep && m->keep->first && m->keep->store)
		mqg_resume_adopted(m, present);
	if (!code)
		keep_alive(m);
	if (m->level == MQW_LEVEL_5 && !code)
		return answer(w, begin, (size_t)(w->at - begin));
	mqg_walk_emit(w, begin, (size_t)(w->at - begin));
	return code ? MQGATE_REASON_BROKER_REFUSED : MQGATE_REASON_NONE;
}

enum mqgate_reason mqg_opening_step(struct mqg_walk *w)
{
	struct mqg_message *m = w->message;
	enum mqgate_reason reason;

	if (m->opening == FIRST && m->level == MQW_LEVEL_5 && w->at[0] >> 4 == MQP_AUTH) {
		mqg_message_lane(m, MQG_DOWN);
		m->opening = AUTH;
	} else if (m->opening == FIRST) {
		mqw_connack_init(&w->lane->connack, m->level, CONNACK_MAX);
		m->opening = CONNACK;
	}
	if (m->opening == CONNACK)
		return connack(w);
	reason = mqg_walk_packet(w);
	if (mqp_between(&w->lane->stream))
		m->opening = FIRST;
	return reason;
}
