// SPDX-License-Identifier: BSD-2-Clause
/*
 * What a client may by the policies: asked for at its CONNECT, and again after every change of the
 * configuration. Called by the stage CONNECT and by the sweep, on the worker's thread.
 */
#include "proxy/session.h"

#include <stdlib.h>
#include <string.h>

#include "policy/rights.h"

#define WILL_FLAGS	(MQW_CONNECT_WILL | MQW_CONNECT_WILL_QOS | MQW_CONNECT_WILL_RETAIN)

static char *put(char *to, const uint8_t *text, size_t len)
{
	memcpy(to, text, len);
	to[len] = '\0';
	return to + len + 1;
}

/* Texts, each with its NUL; UTF-8 of MQTT has none inside. */
static int keep_names(struct mqg_session *s, const struct mqw_connect *c, const uint8_t *packet)
{
	const struct mqg_policy *policy = s->realm ? s->realm->config : NULL;
	const char *identity = s->entry.identity;
	const uint8_t *id = packet + c->client_id.off, *name = packet + c->username.off;
	size_t id_len = c->client_id.len, name_len = c->username.off ? c->username.len : 0;
	bool will = c->flags & MQW_CONNECT_WILL;
	char *at;

	if (policy && policy->client_id_rule == MQG_CLIENT_ID_INJECT) {
		id = (const uint8_t *)identity;
		id_len = strlen(identity);
	}
	if (policy && policy->username_rule == MQG_USERNAME_INJECT) {
		name = (const uint8_t *)identity;
		name_len = strlen(identity);
	}
	/* The broker does not get it. */
	if (!policy && s->port->config->password_rule == MQG_PASSWORD_STRIP)
		name_len = 0;
	s->names = malloc(id_len + name_len + 2 + (will ? c->will_topic.len + 1U : 0));
	if (!s->names)
		return -1;
	at = put(put(s->names, id, id_len), name, name_len);
	if (will)
		put(at, packet + c->will_topic.off, c->will_topic.len);
	s->will = will ? c->flags & WILL_FLAGS : 0;
	return 0;
}

/* NULL where there is none: a variable of a policy then stands for nothing. */
static const char *some(const char *text)
{
	return *text ? text : NULL;
}

void mqg_authority_drop(struct mqg_session *s)
{
	mqg_tempo_leave(s);
	mqg_grant_drop(s->message.grant);
	s->message.grant = NULL;
	if (s->granted_by)
		mqg_config_put((struct mqg_config *)s->granted_by);
	s->granted_by = NULL;
}

/* The rights live as long as the grant: it holds their configuration. */
static int take_grant(struct mqg_session *s, X509 *cert)
{
	const struct mqg_config *config = s->worker->config;
	struct mqg_subject subject = {
		.identity = s->entry.identity,
		.client_id = some(s->names),
		.username = some(s->names + strlen(s->names) + 1),
		.cert = cert,
		.listener = s->port->config->name,
	};
	struct mqg_grant *grant;

	memcpy(subject.addr, s->entry.addr, sizeof(subject.addr));
	if (mqg_grant_take(config->rights, &subject, &grant))
		return -1;
	mqg_authority_drop(s);
	s->message.grant = grant;
	if (grant)
		s->granted_by = mqg_config_get(config);
	return mqg_tempo_join(s);
}

static enum mqgate_reason ask_connect(const struct mqg_session *s)
{
	struct mqg_grant *grant = s->message.grant;

	if (!grant || mqg_grant_connect(grant, s->worker->desk.now).allowed)
		return MQGATE_REASON_NONE;
	return MQGATE_REASON_POLICY_CONNECT;
}

static const char *next_text(const char *text)
{
	return text + strlen(text) + 1;
}

static enum mqgate_reason ask_will(const struct mqg_session *s)
{
	struct mqg_grant *grant = s->message.grant;
	int64_t now = s->worker->desk.now;
	struct mqg_decision d;
	const char *topic;
	size_t len;

	if (!grant || !s->will)
		return MQGATE_REASON_NONE;
	topic = next_text(next_text(s->names));
	len = strlen(topic);
	d = mqg_grant_topic(grant, MQG_MAY_WILL, (const uint8_t *)topic, len, now);
	if (!d.allowed || (s->will & MQW_CONNECT_WILL_QOS) >> 3 > d.qos)
		return MQGATE_REASON_POLICY_WILL;
	if (!(s->will & MQW_CONNECT_WILL_RETAIN))
		return MQGATE_REASON_NONE;
	d = mqg_grant_topic(grant, MQG_MAY_RETAIN, (const uint8_t *)topic, len, now);
	return d.allowed ? MQGATE_REASON_NONE : MQGATE_REASON_POLICY_RETAIN;
}

/* As of its certificate, which a plain listener does not have. */
static int grant_by_certificate(struct mqg_session *s)
{
	STACK_OF(X509) *chain;
	int err;

	if (!s->client.ssl || !s->worker->config->rights)
		return take_grant(s, NULL);
	chain = mqg_tls_chain(s->client.ssl);
	err = chain ? take_grant(s, sk_X509_value(chain, 0)) : -1;
	sk_X509_pop_free(chain, X509_free);
	return err;
}

enum mqgate_reason mqg_authority_begin(struct mqg_session *s, const struct mqw_connect *c,
				       const uint8_t *packet)
{
	enum mqgate_reason reason;

	if (keep_names(s, c, packet) || grant_by_certificate(s))
		return MQGATE_REASON_LIMIT_SESSIONS;
	reason = ask_connect(s);
	return reason ? reason : ask_will(s);
}

enum mqgate_reason mqg_authority_again(struct mqg_session *s, X509 *cert)
{
	enum mqgate_reason reason;

	if (!s->names)
		return MQGATE_REASON_NONE;
	/* Without memory it is not known what it may. */
	if (take_grant(s, cert))
		return MQGATE_REASON_POLICY_CONNECT;
	mqg_message_doubt(&s->message);
	reason = ask_connect(s);
	return reason ? reason : ask_will(s);
}
