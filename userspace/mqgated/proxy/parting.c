// SPDX-License-Identifier: BSD-2-Clause
/*
 * The end of a session that is no longer allowed: its listener, its certificate or its identity has
 * been judged again. Called by the worker's sweep, on the worker's thread.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "judge/judge.h"
#include "proxy/crypto.h"
#include "proxy/identity.h"
#include "proxy/session.h"
#include "proxy/tls.h"

static bool accepted(const struct mqg_session *s)
{
	return s->state == MQG_RELAY || mqg_hold_is_away(s);
}

size_t mqg_session_last_word(const struct mqg_session *s, enum mqgate_reason reason,
			     uint8_t out[MQG_ANSWER_MAX])
{
	if (!s->message.answered)
		return mqg_answer_build(s->level, reason, out);
	/* In the middle of a packet a DISCONNECT would be read as the rest of it. */
	if (!mqg_message_between(&s->message, MQG_DOWN))
		return 0;
	if (s->message.code && mqg_answer_disconnect(s->level, reason, out)) {
		out[2] = s->message.code;
		return 3;
	}
	return mqg_answer_disconnect(s->level, reason, out);
}

void mqg_session_end(struct mqg_session *s, enum mqgate_reason reason)
{
	struct mqg_refusal refusal = {
		.reason = reason,
		.service = s->port->config->service,
		.client_id = s->entry.client_id,
		.identity = s->entry.identity,
	};
	uint8_t answer[MQG_ANSWER_MAX];
	/* Of what is kept a part may have been sent; it is given up below. */
	size_t len = accepted(s) && s->down.data ? 0 : mqg_session_last_word(s, reason, answer);

	memcpy(refusal.addr, s->entry.addr, sizeof(refusal.addr));
	mqg_judge_ended(s->worker->judge, &refusal, s->ticket);
	s->worker->ended++;
	/* Who is not allowed any more is not given what the broker still had for him. */
	if (accepted(s))
		mqg_half_drop(&s->down);
	if (len && mqg_half_send(&s->down, answer, len) == MQG_PUMP_WRITE_FAILED) {
		mqg_session_close(s);
		return;
	}
	mqg_session_finish(s);
	mqg_timer_arm(&s->timer, &s->worker->parting, s->worker->now);
	mqg_session_run(s);
}

void mqg_session_part(struct mqg_session *s, enum mqgate_reason reason)
{
	/* Nobody else has its will. */
	if (s->state != MQG_REPLY && s->state != MQG_RELAY) {
		mqg_session_end(s, reason);
		return;
	}
	s->message.ending = (uint8_t)reason;
	/* A packet that does not end, or a broker that does not read: then it goes as it is. */
	if (s->state == MQG_RELAY)
		mqg_timer_arm(&s->timer, &s->worker->half_closed, s->worker->now);
	mqg_session_run(s);
}

bool mqg_parting_due(const struct mqg_session *s)
{
	return (s->state == MQG_REPLY || s->state == MQG_RELAY) &&
	       mqg_message_between(&s->message, MQG_UP);
}

enum mqg_step mqg_parting_step(struct mqg_session *s)
{
	static const uint8_t disconnect[] = { 0xe0, 0 };
	struct mqg_lane *lane = &s->message.lanes[MQG_UP];
	uint8_t *scratch = mqg_worker_scratch(s->worker);

	if (!lane->over)
		mqg_half_send(&s->up, disconnect, sizeof(disconnect));
	lane->over = true;
	if (mqg_half_flush(&s->up) == MQG_PUMP_WAIT)
		return MQG_STEP_WAIT;
	mqg_stream_finish(&s->broker);
	/* Unread it would turn the close into a reset, which might overtake what was sent. */
	for (unsigned int i = 0; i < MQG_ROUNDS; i++)
		if (mqg_stream_read(&s->broker, scratch, MQG_CHUNK) <= 0)
			break;
	mqg_session_end(s, s->message.ending);
	return s->closed ? MQG_STEP_GONE : MQG_STEP_WAIT;
}

/* MQGATE_REASON_NONE, and the session goes by its identity as the rule takes it now. */
static enum mqgate_reason identify(struct mqg_session *s, X509 *cert)
{
	const struct mqg_policy *policy = s->realm->config;
	char *identity;
	int err = mqg_identity_get(cert, policy->identity_from, &identity);

	/* Before its CONNECT it is told so in the answer to that. */
	if (err && s->state != MQG_CONNECT)
		return MQGATE_REASON_IDENTITY_NONE;
	if (s->id && !mqg_identity_fits(policy->client_id_rule, identity, s->id,
					s->said.id_length)) {
		free(identity);
		return MQGATE_REASON_IDENTITY_CLIENT_ID;
	}
	if (identity && s->entry.identity && !strcmp(identity, s->entry.identity)) {
		free(identity);
		return MQGATE_REASON_NONE;
	}
	mqg_registry_identity(&s->worker->registry, &s->entry, identity);
	/* The flow is known to others by the number of its identity. */
	if (s->ticket) {
		mqg_judge_closed(s->worker->judge, s->ticket);
		mqg_session_allow(s);
	}
	return MQGATE_REASON_NONE;
}

/* Its CONNECT was found good; before that it is still to be asked. */
static bool let_in(const struct mqg_session *s)
{
	return s->state == MQG_DIAL || s->state == MQG_AWAY || s->state == MQG_REPLY ||
	       s->state == MQG_RELAY;
}

static enum mqgate_reason succeed(struct mqg_session *s, X509 *cert)
{
	switch (mqg_succession_judge(s, cert)) {
	case 0:
		return MQGATE_REASON_NONE;
	case -ESTALE:
		return MQGATE_REASON_CERT_SUPERSEDED;
	default: /* without memory it is not known whether it may stay */
		return MQGATE_REASON_CERT_OTHER;
	}
}

static void end_for(struct mqg_session *s, enum mqgate_reason reason)
{
	if (reason == MQGATE_REASON_POLICY_WILL || reason == MQGATE_REASON_POLICY_RETAIN)
		mqg_session_part(s, reason);
	else
		mqg_session_end(s, reason);
}

void mqg_session_recheck(struct mqg_session *s)
{
	enum mqgate_reason reason;
	STACK_OF(X509) *chain;
	X509 *cert;

	if (s->closed || s->state == MQG_ANSWER || s->state == MQG_LINGER)
		return;
	if (s->port->held || (s->realm && s->realm->held)) {
		mqg_session_end(s, MQGATE_REASON_CONFIG);
		return;
	}
	if (!s->client.ssl) {
		reason = mqg_authority_again(s, NULL);
		if (reason != MQGATE_REASON_NONE)
			end_for(s, reason);
		return;
	}
	/* A handshake under way is judged when it is over. */
	if (s->state == MQG_HANDSHAKE)
		return;
	s->epoch = s->worker->epoch;
	chain = mqg_tls_chain(s->client.ssl);
	/* Without memory it is not known whether it may stay. */
	if (!chain) {
		mqg_session_end(s, MQGATE_REASON_CERT_OTHER);
		return;
	}
	cert = sk_X509_value(chain, 0);
	reason = mqg_tls_recheck(s->client.ssl, chain, s->realm->tls);
	if (reason == MQGATE_REASON_NONE)
		reason = identify(s, cert);
	if (reason == MQGATE_REASON_NONE)
		reason = mqg_crypto_judge(s->realm->config->crypto, s->client.ssl, cert,
					  s->entry.identity);
	if (reason == MQGATE_REASON_NONE && let_in(s))
		reason = succeed(s, cert);
	if (reason == MQGATE_REASON_NONE)
		reason = mqg_authority_again(s, cert);
	sk_X509_pop_free(chain, X509_free);
	if (reason != MQGATE_REASON_NONE) {
		end_for(s, reason);
		return;
	}
	if (s->entry.identity)
		mqg_ocsp_ask(s);
	if (s->state == MQG_OCSP)
		mqg_session_run(s);
}
