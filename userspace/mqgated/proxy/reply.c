// SPDX-License-Identifier: BSD-2-Clause
/*
 * The stage REPLY: the CONNECT goes to the broker as it came, and what the broker answers is read
 * on its way to the client. Only its "accepted" makes the flow an authenticated one.
 * Runs on the worker's thread.
 */
#include "proxy/session.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "common/names.h"
#include "proxy/identity.h"

/* Bytes of a CONNACK or an AUTH packet; a broker that sends more before CONNACK is no broker. */
#define REPLY_MAX 65536U

enum { FIRST_BYTE, AUTH_LENGTH, AUTH_BODY, CONNACK };

#define TYPE_AUTH 0xf0
#define BRIDGE_BIT 0x80

/* One byte of an AUTH packet. -1 when its length is impossible. */
static int skip(struct mqg_reply *r, uint8_t byte)
{
	if (r->stage == AUTH_LENGTH) {
		r->auth_left |= (uint32_t)(byte & 0x7f) << r->shift;
		r->shift += 7;
		if (byte & 0x80)
			return r->shift > 14 ? -1 : 0;
		r->stage = r->auth_left ? AUTH_BODY : FIRST_BYTE;
		return r->auth_left > REPLY_MAX ? -1 : 0;
	}
	r->auth_left--;
	if (!r->auth_left)
		r->stage = FIRST_BYTE;
	return 0;
}

/*
 * Takes bytes of the broker. MQW_OK when a CONNACK is complete; *used bytes end with it. In
 * MQTT 5 any number of AUTH packets may come before (4.12).
 */
static int feed(struct mqg_session *s, const uint8_t *data, __u32 len, __u32 *used)
{
	struct mqg_reply *r = &s->reply;
	__u32 i = 0;

	*used = len;
	while (r->stage != CONNACK && i < len) {
		if (r->stage == FIRST_BYTE && (data[i] != TYPE_AUTH || s->level != 5)) {
			mqw_connack_init(&r->connack, s->level, REPLY_MAX);
			r->stage = CONNACK;
			break;
		}
		if (r->stage == FIRST_BYTE) {
			r->stage = AUTH_LENGTH;
			r->auth_left = 0;
			r->shift = 0;
		} else if (skip(r, data[i])) {
			return MQW_MALFORMED;
		}
		i++;
	}
	if (r->stage != CONNACK)
		return MQW_NEED_MORE;
	len = mqw_connack_feed(&r->connack, data + i, len - i, used);
	*used += i;
	return len;
}

/* Written before the CONNACK is forwarded, so that the client's next packet finds it. */
void mqg_session_allow(struct mqg_session *s)
{
	struct mqgate_flow_key flow = { .sport = s->entry.port, .proto = IPPROTO_TCP };
	struct sockaddr_storage local;
	socklen_t len = sizeof(local);
	uint32_t identity = mqg_identity_number(s->entry.identity);
	bool allowed = false;

	memcpy(flow.saddr, s->entry.addr, sizeof(flow.saddr));
	if (!getsockname(s->client.fd, (struct sockaddr *)&local, &len) &&
	    !mqg_sockaddr_split((struct sockaddr *)&local, flow.daddr, &flow.dport))
		allowed = mqg_judge_allowed(s->worker->judge, &flow, s->port->config->service,
					    identity, s->id ? &s->said : NULL,
					    &s->ticket) >= 0;
	mqg_admission_vouch(s);
	mqg_registry_connected(&s->worker->registry, &s->entry, allowed);
}

static enum mqg_step send_down(struct mqg_session *s, size_t len)
{
	mqg_counter_add(&s->port->bytes_out, len);
	return mqg_half_send(&s->down, s->worker->scratch, len) == MQG_PUMP_WRITE_FAILED ?
		mqg_session_close(s) : MQG_STEP_ON;
}

static enum mqg_step answered(struct mqg_session *s, ssize_t len)
{
	__u32 used;

	switch (feed(s, s->worker->scratch, len, &used)) {
	case MQW_OK:
		break;
	case MQW_NEED_MORE:
		s->spoken = s->reply.stage != FIRST_BYTE;
		/* A broker that goes on for ever must not keep the worker from its timers. */
		return send_down(s, len) == MQG_STEP_GONE ? MQG_STEP_GONE : MQG_STEP_MORE;
	default:
		return mqg_session_refuse(s, MQGATE_REASON_MQTT_CONNACK);
	}
	if (s->reply.connack.code) {
		if (send_down(s, used) == MQG_STEP_GONE)
			return MQG_STEP_GONE;
		s->spoken = true;
		return mqg_session_refuse(s, MQGATE_REASON_BROKER_REFUSED);
	}
	mqg_session_allow(s);
	if ((s->level & ~BRIDGE_BIT) == 5) {
		s->down.frames = &s->frames;
		mqg_frames_feed(&s->frames, s->worker->scratch + used, len - used);
	}
	if (send_down(s, len) == MQG_STEP_GONE)
		return MQG_STEP_GONE;
	return mqg_relay_begin(s);
}

enum mqg_step mqg_reply_step(struct mqg_session *s)
{
	uint64_t moved = 0;
	ssize_t n;

	/* Clients need not wait for CONNACK before they send more (MQTT 3.1.1, 3.1.4). */
	if (mqg_relay_up(s, &moved) == MQG_PUMP_READ_FAILED)
		return mqg_session_lost(s, MQGATE_REASON_CLIENT_CLOSED);
	switch (mqg_half_flush(&s->down)) {
	case MQG_PUMP_WAIT:
		return MQG_STEP_WAIT;
	case MQG_PUMP_END:
		break;
	default:
		return mqg_session_refuse(s, MQGATE_REASON_CLIENT_CLOSED);
	}
	n = mqg_stream_read(&s->broker, s->worker->scratch, sizeof(s->worker->scratch));
	if (n == -EAGAIN)
		return moved ? MQG_STEP_MORE : MQG_STEP_WAIT;
	if (n <= 0)
		return mqg_session_refuse(s, MQGATE_REASON_BROKER_CLOSED);
	return answered(s, n);
}
