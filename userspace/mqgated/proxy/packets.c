// SPDX-License-Identifier: BSD-2-Clause
/*
 * What lies between the connections of a session and its packets: message/ judges, the halves
 * carry. Called by the stages, on the thread of their worker.
 */
#include "proxy/session.h"

#include <stdatomic.h>
#include <string.h>

#include "common/names.h"
#include "message/publish.h"
#include "system/log.h"
#include "tap/tap.h"

#define BLAME_NS	60000000000ULL
#define TELL_NS		1000000000ULL

static struct mqg_session *session_of(struct mqg_message *message)
{
	return mqg_container_of(message, struct mqg_session, message);
}

static void send_way(struct mqg_message *message, enum mqg_way way, const uint8_t *data, size_t len)
{
	struct mqg_session *s = session_of(message);

	s->dialled.bound |= way == MQG_DOWN;
	mqg_half_send(way == MQG_UP ? &s->up : &s->down, data, len);
}

static void accepted(struct mqg_message *message)
{
	mqg_broker_settled(session_of(message));
	mqg_storing_adopt(session_of(message));
	mqg_session_allow(session_of(message));
}

static void resumed(struct mqg_message *message)
{
	struct mqg_session *s = session_of(message);

	s->hold->keep.moved = s->dialled.server != s->hold->lost;
	mqg_broker_settled(s);
}

/* Server unavailable, server busy: MQTT 3.1.1, 3.2.2.3; 5, 3.2.2.2. Another one may not be. */
static bool declined(struct mqg_message *message, uint8_t code)
{
	const struct mqg_session *s = session_of(message);

	return s->intake && (message->level == MQW_LEVEL_5 ? code == 0x88 || code == 0x89
							   : code == 3);
}

/* What nobody has asked for is not even looked at. */
static void published(struct mqg_message *message, enum mqg_way way, const uint8_t *packet,
		      const uint8_t *end, const uint8_t *topic, size_t len)
{
	struct mqg_session *s = session_of(message);
	struct mqg_publish p;

	if (!s->worker->taps)
		return;
	mqg_publish_read(&p, message->level, packet, end);
	mqg_taps_note(s->worker->taps, s->worker->number, &(struct mqg_tapped){
		.listener = s->port->config->name, .identity = s->entry.identity,
		.client_id = s->entry.client_id, .topic = topic, .topic_len = len,
		.payload = p.payload, .payload_here = p.payload_here,
		.payload_len = p.payload_len, .qos = p.qos, .retain = p.retain, .dup = p.dup,
		.up = way == MQG_UP,
	});
}

/* Each is counted; the judge hears of one a second and client. */
static void refused(struct mqg_message *message, enum mqg_way way, enum mqgate_reason reason)
{
	struct mqg_session *s = session_of(message);

	mqg_counter_add(&s->port->messages_refused[reason], 1);
	/* What a broker sends is not its client's fault. */
	if (way == MQG_DOWN || s->worker->now < s->told_at + TELL_NS)
		return;
	s->told_at = s->worker->now;
	mqg_session_report(s, reason);
}

static void delayed(struct mqg_message *message)
{
	mqg_counter_add(&session_of(message)->port->delayed, 1);
}

static const struct mqg_message_ops ops = {
	.send = send_way,
	.published = published,
	.accepted = accepted,
	.resumed = resumed,
	.declined = declined,
	.refused = refused,
	.delayed = delayed,
};

/* Once a minute: one that speaks another language does so to every client. */
static void blame(const struct mqg_session *s)
{
	static _Atomic uint64_t due;
	uint64_t at = atomic_load_explicit(&due, memory_order_relaxed);

	if (s->worker->now < at ||
	    !atomic_compare_exchange_strong(&due, &at, s->worker->now + BLAME_NS))
		return;
	mqg_log(MQG_LOG_WARNING, MQG_LOG_PROXY, "broker %s: sent a packet that MQTT does not allow "
		"(%s); the session was ended", s->port->uplink->config->name,
		mqg_reason_word(s->message.detail));
}

static enum mqg_pump take(struct mqg_half *half, uint8_t *data, size_t len)
{
	struct mqg_session *s = half->from->session;
	enum mqgate_reason reason;

	s->message.limits = &s->port->config->limits;
	s->message.published = 0;
	reason = mqg_message_take(&s->message, half == &s->up ? MQG_UP : MQG_DOWN, data, len);
	/* What else it says is not heard; the next turn tells the broker. */
	if (s->message.ending && half == &s->up && mqg_parting_due(s) &&
	    (reason == MQGATE_REASON_NONE || reason == s->message.ending))
		return MQG_PUMP_MORE;
	if (reason != MQGATE_REASON_NONE) {
		s->refused = (uint8_t)reason;
		if (reason == MQGATE_REASON_MQTT_BROKER)
			blame(s);
		return MQG_PUMP_REFUSED;
	}
	if (half == &s->up && !mqg_tempo_charge(s, s->message.published, len)) {
		s->refused = (uint8_t)MQGATE_REASON_LIMIT_RATE;
		return MQG_PUMP_REFUSED;
	}
	if (half->failed)
		return MQG_PUMP_WRITE_FAILED;
	if (half == &s->up ? s->tempo.until : mqg_message_backlogged(&s->message))
		return MQG_PUMP_WAIT;
	return half->data ? MQG_PUMP_WAIT : MQG_PUMP_END;
}

void mqg_packets_begin(struct mqg_session *s)
{
	s->message.ops = &ops;
	s->message.limits = &s->port->config->limits;
	s->message.desk = &s->worker->desk;
	mqg_message_begin(&s->message, &s->intake->connect, s->intake->data);
	s->up.take = take;
	s->down.take = take;
}

bool mqg_packets_take(struct mqg_session *s, const uint8_t *data, size_t len)
{
	uint8_t *scratch = mqg_worker_scratch(s->worker);

	while (len) {
		size_t part = len < MQG_CHUNK ? len : MQG_CHUNK;

		memcpy(scratch, data, part);
		if (take(&s->up, scratch, part) == MQG_PUMP_REFUSED)
			return false;
		data += part;
		len -= part;
	}
	return true;
}
