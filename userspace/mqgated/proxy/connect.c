// SPDX-License-Identifier: BSD-2-Clause
/*
 * The stage CONNECT: the first packet is collected, judged by the shared parser, and compared with
 * the identity, before the broker hears of the client. Runs on the worker's thread.
 *
 * The packet may hold a password: every buffer that it passes through is wiped.
 */
#include "proxy/session.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <linux/mqgate_client.h>

#include "proxy/identity.h"
#include "proxy/inject.h"

/* Enough for a usual CONNECT. */
#define CONNECT_BYTES	512
/* Type and remaining length. */
#define FIXED_HEADER	5

enum mqg_step mqg_connect_begin(struct mqg_session *s)
{
	if (mqg_intake_renew(s, CONNECT_BYTES))
		return mqg_session_close(s);
	mqw_connect_init(&s->intake->connect, s->port->config->connect_max);
	mqg_timer_arm(&s->timer, &s->port->connect, s->worker->now);
	s->state = MQG_CONNECT;
	return MQG_STEP_ON;
}

/* The client went, or its TLS failed, before its CONNECT was complete. */
static enum mqg_step lost(struct mqg_session *s)
{
	if (!s->client.ssl && s->intake->len == 0)
		return mqg_session_close(s);
	if (s->client.ssl && !s->entry.identity)
		return mqg_session_lost(s, MQGATE_REASON_IDENTITY_NONE);
	return mqg_session_lost(s, MQGATE_REASON_CLIENT_CLOSED);
}

/* May a client of this identity call itself so? */
static enum mqgate_reason check_names(struct mqg_session *s, const uint8_t *id)
{
	const struct mqg_policy *policy = s->realm->config;
	const struct mqw_connect *c = &s->intake->connect;

	if (!mqg_identity_fits(policy->client_id_rule, s->entry.identity, id, c->client_id.len))
		return MQGATE_REASON_IDENTITY_CLIENT_ID;
	/* Who leaves the name to the server wants to be told it (MQTT 5, 3.2.2.3.7). */
	if (policy->client_id_rule == MQG_CLIENT_ID_INJECT && c->level == MQW_LEVEL_5 &&
	    !c->client_id.len)
		return MQGATE_REASON_IDENTITY_CLIENT_ID;
	if (c->username.off &&
	    !mqg_identity_names(policy->username_rule, s->entry.identity,
				s->intake->data + c->username.off, c->username.len))
		return MQGATE_REASON_IDENTITY_USERNAME;
	return MQGATE_REASON_NONE;
}

/* From here on the intake holds the CONNECT of the broker; the parser's offsets are void. */
static int inject(struct mqg_session *s)
{
	struct mqg_injection injection;

	mqg_injection_of(s->port->config, s->realm ? s->realm->config : NULL, s->entry.identity,
			 &s->intake->connect, &injection);
	return mqg_intake_inject(s->intake, &injection);
}

/* For the kernel module, which sees nothing of this. Return: 0 or -ENOMEM. */
static int keep_said(struct mqg_session *s, const struct mqw_connect *c, const uint8_t *id)
{
	size_t length = c->client_id.len;

	/* The name that the broker knows it by. */
	if (s->realm->config->client_id_rule == MQG_CLIENT_ID_INJECT) {
		id = (const uint8_t *)s->entry.identity;
		length = strlen(s->entry.identity);
		mqg_broker_key(s, id, length);
	}
	s->said.id_cut = length > MQGATE_CLIENT_ID_KEPT;
	if (s->said.id_cut)
		length = MQGATE_CLIENT_ID_KEPT;
	/* One byte more: an empty identifier is one, too. */
	s->id = malloc(length + 1);
	if (!s->id)
		return -ENOMEM;
	memcpy(s->id, id, length);
	s->said.id = s->id;
	s->said.id_length = (uint16_t)length;
	s->said.level = c->level;
	s->said.keep_alive = c->keep_alive;
	return 0;
}

/* On a plain listener anybody on the way has read the password. */
static enum mqg_step judge_clear(struct mqg_session *s)
{
	bool password = s->intake->connect.flags & MQW_CONNECT_PASSWORD;
	enum mqgate_reason reason;

	if (password && s->port->config->password_rule == MQG_PASSWORD_REFUSE)
		return mqg_session_refuse(s, MQGATE_REASON_CREDENTIAL_CLEAR);
	if (password && s->port->config->password_rule == MQG_PASSWORD_STRIP)
		mqg_counter_add(&s->port->stripped, 1);
	reason = mqg_authority_begin(s, &s->intake->connect, s->intake->data);
	if (reason != MQGATE_REASON_NONE)
		return mqg_session_refuse(s, reason);
	return inject(s) ? mqg_session_close(s) : mqg_broker_dial(s);
}

static enum mqg_step judge(struct mqg_session *s)
{
	const struct mqw_connect *c = &s->intake->connect;
	const uint8_t *id = s->intake->data + c->client_id.off;
	char *printed = mqg_client_id_print(id, c->client_id.len);
	enum mqgate_reason reason;

	if (!printed)
		return mqg_session_close(s);
	if (c->client_id.len > s->port->config->limits.client_id) {
		free(printed);
		return mqg_session_refuse(s, MQGATE_REASON_LIMIT_CLIENT_ID);
	}
	mqg_broker_key(s, id, c->client_id.len);
	mqg_registry_client_id(&s->worker->registry, &s->entry, printed);
	if (!s->client.ssl)
		return judge_clear(s);
	/* Later plaintext holds no password; wiping it all would cost every message. */
	SSL_clear_options(s->client.ssl, SSL_OP_CLEANSE_PLAINTEXT);
	if (!s->entry.identity)
		return mqg_session_refuse(s, MQGATE_REASON_IDENTITY_NONE);
	reason = check_names(s, id);
	if (reason == MQGATE_REASON_NONE)
		reason = mqg_authority_begin(s, c, s->intake->data);
	if (reason != MQGATE_REASON_NONE)
		return mqg_session_refuse(s, reason);
	if (keep_said(s, c, id) || inject(s))
		return mqg_session_close(s);
	return mqg_ocsp_step(s);
}

enum mqg_step mqg_connect_step(struct mqg_session *s)
{
	struct mqg_intake *in = s->intake;

	for (;;) {
		__u32 used;
		ssize_t n;

		if (in->len == in->size &&
		    mqg_intake_grow(in, (size_t)s->port->config->connect_max + FIXED_HEADER))
			return mqg_session_refuse(s, MQGATE_REASON_MQTT_TOO_LONG);
		n = mqg_stream_read(&s->client, in->data + in->len, in->size - in->len);
		if (n == -EAGAIN)
			return MQG_STEP_WAIT;
		if (n <= 0)
			return lost(s);
		in->len += n;
		mqg_counter_add(&s->port->bytes_in, n);
		switch (mqw_connect_feed(&in->connect, in->data + in->len - n, n, &used)) {
		case MQW_OK:
			s->level = in->connect.level;
			in->behind = in->len - in->connect.total;
			mqg_packets_begin(s);
			return judge(s);
		case MQW_MALFORMED:
			s->level = in->connect.level;
			return mqg_session_refuse(s, mqg_intro_blame(s, in->connect.reason));
		default:
			break;
		}
	}
}
