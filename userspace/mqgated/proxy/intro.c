// SPDX-License-Identifier: BSD-2-Clause
/*
 * The stage INTRO: a proxy in front says for whom it speaks, in a header of the PROXY protocol that
 * comes before everything else. It is read to its last byte and no further. From then on the client
 * is the one that it names; only the flow of packets is still the proxy's. Peers that are not
 * trusted are clients like any other, and a header of theirs is refused. On the worker's thread.
 */
#include "proxy/session.h"

#include <errno.h>
#include <string.h>

#include "proxy/pp2_in.h"

bool mqg_intro_trusts(const struct mqg_listener *l, const uint8_t addr[16])
{
	for (size_t i = 0; i < l->n_proxies; i++) {
		const struct mqgate_destination *net = &l->proxies[i];
		size_t n = 0;

		while (n < 16 && (addr[n] & net->mask[n]) == net->addr[n])
			n++;
		if (n == 16)
			return true;
	}
	return false;
}

enum mqg_step mqg_intro_begin(struct mqg_session *s)
{
	const struct mqg_port *port = s->port;

	if (mqg_intake_renew(s, MQG_PP2_HEAD))
		return mqg_session_close(s);
	s->intake->need = MQG_PP2_HEAD;
	s->proxied = true;
	mqg_timer_arm(&s->timer, port->config->kind == MQGATE_KIND_MQTTS ?
		      &s->port->handshake : &s->port->connect, s->worker->now);
	s->state = MQG_INTRO;
	return MQG_STEP_ON;
}

enum mqgate_reason mqg_intro_blame(const struct mqg_session *s, enum mqgate_reason otherwise)
{
	const struct mqg_intake *in = s->intake;

	if (!s->port->config->n_proxies || s->proxied || in->len < MQG_PP2_SIGNATURE_LEN ||
	    memcmp(in->data, MQG_PP2_SIGNATURE, MQG_PP2_SIGNATURE_LEN))
		return otherwise;
	return MQGATE_REASON_PROXY_UNTRUSTED;
}

/* The header is there, all of it. */
static enum mqg_step introduced(struct mqg_session *s)
{
	bool tls = s->port->config->kind == MQGATE_KIND_MQTTS;
	struct mqg_pp2_in who;
	enum mqgate_reason reason = mqg_pp2_read(s->intake->data, s->intake->len, &who);
	bool known;

	if (reason != MQGATE_REASON_NONE)
		return mqg_session_turn_away(s, reason);
	if (!who.local)
		mqg_registry_address(&s->worker->registry, &s->entry, who.saddr, who.sport);
	/* What an ordinary client is asked when it is accepted. */
	if (tls && mqg_admission_spent(s->worker, s->entry.addr, &known))
		return mqg_session_turn_away(s, MQGATE_REASON_HANDSHAKE_SOURCE);
	return tls ? mqg_hello_begin(s) : mqg_connect_begin(s);
}

enum mqg_step mqg_intro_step(struct mqg_session *s)
{
	struct mqg_intake *in = s->intake;
	enum mqgate_reason reason;
	size_t rest;
	ssize_t n;

	for (;;) {
		while (in->len < in->need) {
			n = mqg_stream_read(&s->client, in->data + in->len, in->need - in->len);
			if (n == -EAGAIN)
				return MQG_STEP_WAIT;
			/* A proxy that looks whether somebody listens. */
			if (n <= 0 && !in->len)
				return mqg_session_close(s);
			if (n <= 0)
				return mqg_session_turn_away(s, MQGATE_REASON_PROXY_SIGNATURE);
			in->len += (size_t)n;
			mqg_counter_add(&s->port->bytes_in, (uint64_t)n);
		}
		if (in->need > MQG_PP2_HEAD)
			return introduced(s);
		reason = mqg_pp2_head(in->data, &rest);
		if (reason != MQGATE_REASON_NONE)
			return mqg_session_turn_away(s, reason);
		if (!rest)
			return introduced(s);
		in->need += rest;
		while (in->size < in->need)
			if (mqg_intake_grow(in, MQG_PP2_HEAD + MQG_PP2_IN_MAX))
				return mqg_session_close(s);
	}
}
