// SPDX-License-Identifier: BSD-2-Clause
/*
 * The stage REPLY: the CONNECT goes to the broker, and what the broker answers is read on its way
 * to the client. Only its "accepted" makes the flow an authenticated one. Runs on the worker's
 * thread.
 */
#include "proxy/session.h"

#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#include "common/names.h"
#include "proxy/identity.h"

/* Written before the CONNACK is forwarded, so that the client's next packet finds it. */
void mqg_session_allow(struct mqg_session *s)
{
	struct mqgate_flow_key flow = { .sport = s->entry.port, .proto = IPPROTO_TCP };
	struct sockaddr_storage local;
	socklen_t len = sizeof(local);
	uint32_t identity = mqg_identity_number(s->entry.identity);
	bool allowed = false;

	struct sockaddr_storage peer;

	memcpy(flow.saddr, s->entry.addr, sizeof(flow.saddr));
	/* Packets come from the proxy, whoever the client is. */
	len = sizeof(peer);
	if (s->proxied && !getpeername(s->client.fd, (struct sockaddr *)&peer, &len))
		mqg_sockaddr_split((struct sockaddr *)&peer, flow.saddr, &flow.sport);
	len = sizeof(local);
	if (!getsockname(s->client.fd, (struct sockaddr *)&local, &len) &&
	    !mqg_sockaddr_split((struct sockaddr *)&local, flow.daddr, &flow.dport))
		allowed = mqg_judge_allowed(s->worker->judge, &flow, s->port->config->service,
					    identity, s->id ? &s->said : NULL,
					    &s->ticket) >= 0;
	mqg_admission_vouch(s);
	mqg_registry_connected(&s->worker->registry, &s->entry, allowed);
}

enum mqg_step mqg_reply_step(struct mqg_session *s)
{
	uint64_t moved = 0, moved_down = 0;
	enum mqg_pump up, down;

	/*
	 * Clients need not wait for CONNACK before they send more (MQTT 3.1.1, 3.1.4). What they
	 * send stays where it is while it may still be another server that they get.
	 */
	if (s->intake)
		up = mqg_half_flush(&s->up);
	else
		up = mqg_relay_up(s, &moved);
	if (up == MQG_PUMP_READ_FAILED)
		return mqg_session_lost(s, MQGATE_REASON_CLIENT_CLOSED);
	if (up == MQG_PUMP_REFUSED)
		return mqg_session_refuse(s, s->refused);
	down = mqg_relay_down(s, &moved_down);
	if (down == MQG_PUMP_REFUSED && s->refused == MQGATE_REASON_BROKER_UNREACHABLE)
		return mqg_broker_lost(s, MQGATE_REASON_BROKER_UNREACHABLE);
	if (down == MQG_PUMP_REFUSED)
		return mqg_session_refuse(s, s->refused);
	if (down == MQG_PUMP_WRITE_FAILED)
		return mqg_session_lost(s, s->message.answered ? MQGATE_REASON_NONE
							       : MQGATE_REASON_CLIENT_CLOSED);
	if (s->dialled.bound && !mqg_broker_bind(s))
		return mqg_session_refuse(s, s->refused);
	if (s->message.answered)
		return mqg_relay_begin(s);
	if (down == MQG_PUMP_END || down == MQG_PUMP_READ_FAILED)
		return mqg_broker_lost(s, MQGATE_REASON_BROKER_CLOSED);
	return moved || down == MQG_PUMP_MORE ? MQG_STEP_MORE : MQG_STEP_WAIT;
}
