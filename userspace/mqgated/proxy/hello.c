// SPDX-License-Identifier: BSD-2-Clause
/*
 * The stages HELLO and HANDSHAKE of a TLS client. Its first bytes are judged by the shared parser
 * before OpenSSL exists for this client: what is no ClientHello costs no handshake, and a
 * client that stays silent costs no TLS state. Runs on the worker's thread.
 */
#include "proxy/session.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "proxy/crypto.h"
#include "proxy/identity.h"
#include "proxy/inventory.h"
#include "proxy/ktls.h"
#include "proxy/sni.h"
#include "proxy/tls.h"

#define HELLO_MAX	MQGATE_DEFAULT_HELLO_MAX
/* A hello with record headers around every byte would be longer than this; nobody sends that. */
#define HELLO_BYTES_MAX	(2 * HELLO_MAX)
/* Enough for a usual ClientHello. */
#define HELLO_BYTES	1024

/* RFC 6066, 3: a fatal alert, unrecognized_name. */
static enum mqg_step refuse_name(struct mqg_session *s)
{
	static const uint8_t alert[] = { 21, 3, 3, 0, 2, 2, SSL_AD_UNRECOGNIZED_NAME };

	if (mqg_half_send(&s->down, alert, sizeof(alert)) == MQG_PUMP_WRITE_FAILED)
		s->client.broken = true;
	return mqg_session_refuse(s, MQGATE_REASON_TLS_NAME);
}

enum mqg_step mqg_hello_begin(struct mqg_session *s)
{
	if (mqg_intake_renew(s, HELLO_BYTES))
		return mqg_session_close(s);
	tlsw_hello_init(&s->intake->hello, HELLO_MAX);
	mqg_timer_arm(&s->timer, &s->port->handshake, s->worker->now);
	s->state = MQG_HELLO;
	return MQG_STEP_ON;
}

/* Of the whole ClientHello: nothing was signed, and no TLS state exists yet. */
static enum mqg_step start(struct mqg_session *s)
{
	mqg_timer_arm(&s->timer, &s->port->handshake, s->worker->now);
	s->realm = mqg_sni_choose(&s->port->realms, s->port->config, &s->intake->hello,
				  s->intake->data);
	if (!s->realm)
		return refuse_name(s);
	s->realm->open++;
	s->tls.revoked = &s->worker->revoked;
	s->tls.chains = &s->worker->chains;
	s->tls.tickets = s->worker->tickets;
	s->tls.renewal = s->worker->succession.renewal;
	s->tls.counts = &s->port->tls_counts;
	s->epoch = s->worker->epoch;
	mqg_admission_begun(s);
	if (mqg_tls_start(&s->client, s->realm->tls, &s->tls, s->intake->data, s->intake->len))
		return mqg_session_close(s);
	s->state = MQG_HANDSHAKE;
	return MQG_STEP_ON;
}

void mqg_hello_admitted(struct mqg_session *s)
{
	if (start(s) == MQG_STEP_ON)
		mqg_session_run(s);
}

/* The ClientHello is a good one. Who is refused here has cost neither a signature nor an SSL. */
static enum mqg_step ask(struct mqg_session *s)
{
	enum mqgate_reason reason = mqg_admission_ask(s);

	if (reason == MQGATE_REASON_NONE)
		return start(s);
	if (reason != MQGATE_REASON_PASS_SUSPECT)
		return mqg_session_turn_away(s, reason);
	mqg_timer_disarm(&s->timer);
	s->state = MQG_QUEUED;
	return MQG_STEP_WAIT;
}

enum mqg_step mqg_hello_step(struct mqg_session *s)
{
	struct mqg_intake *in = s->intake;

	for (;;) {
		__u32 used;
		ssize_t n;

		if (in->len == in->size && mqg_intake_grow(in, HELLO_BYTES_MAX))
			return mqg_session_refuse(s, MQGATE_REASON_TLS_HELLO_LENGTH);
		n = mqg_stream_read(&s->client, in->data + in->len, in->size - in->len);
		if (n == -EAGAIN)
			return MQG_STEP_WAIT;
		/* Whoever comes and goes without a byte (a health check) is not refused. */
		if (n <= 0 && in->len == 0)
			return mqg_session_close(s);
		if (n <= 0)
			return mqg_session_refuse(s, MQGATE_REASON_TLS_HANDSHAKE);
		in->len += n;
		mqg_counter_add(&s->port->bytes_in, n);
		switch (tlsw_hello_feed(&in->hello, in->data + in->len - n, n, &used)) {
		case MQW_OK:
			return ask(s);
		case MQW_MALFORMED:
			return mqg_session_refuse(s, mqg_intro_blame(s, in->hello.reason));
		default:
			break;
		}
	}
}

static int identify(struct mqg_session *s, X509 *cert)
{
	const struct mqg_policy *policy = s->realm->config;
	char *identity;
	int err = mqg_identity_get(cert, policy->identity_from, &identity);

	if (!err)
		mqg_registry_identity(&s->worker->registry, &s->entry, identity);
	/* Who has no usable identity is told so in the answer to the CONNECT. */
	return err == -ENOMEM ? err : 0;
}

/* It has shown its certificate. MQGATE_REASON_PASS_SUSPECT: there is no memory. */
static enum mqgate_reason meet(struct mqg_session *s, STACK_OF(X509) *chain)
{
	X509 *cert = sk_X509_value(chain, 0);
	SSL *ssl = s->client.ssl;
	enum mqgate_reason reason;

	if (identify(s, cert))
		return MQGATE_REASON_PASS_SUSPECT;
	/* Who is refused by the policy is what the operator looks for there. */
	mqg_inventory_note(ssl, cert, s->entry.identity);
	reason = mqg_crypto_judge(s->realm->config->crypto, ssl, cert, s->entry.identity);
	if (reason == MQGATE_REASON_NONE && !s->tls.proof.path)
		mqg_proof_take(&s->tls.proof, ssl, chain);
	return reason;
}

/* What it was verified by may have changed since the handshake began. */
static enum mqgate_reason catch_up(struct mqg_session *s, STACK_OF(X509) *chain)
{
	if (s->epoch == s->worker->epoch)
		return MQGATE_REASON_NONE;
	s->epoch = s->worker->epoch;
	return mqg_tls_recheck(s->client.ssl, chain, s->realm->tls);
}

static enum mqgate_reason meet_anew(struct mqg_session *s)
{
	STACK_OF(X509) *chain = mqg_tls_chain(s->client.ssl);
	enum mqgate_reason reason;

	if (!chain)
		return MQGATE_REASON_PASS_SUSPECT;
	reason = catch_up(s, chain);
	if (reason == MQGATE_REASON_NONE)
		reason = meet(s, chain);
	sk_X509_pop_free(chain, X509_free);
	return reason;
}

/*
 * It was resumed. To read a certificate takes longer than the rest of such a handshake: it is read
 * only where what the ticket says of it is not enough, after a change, or where it is not known.
 */
static enum mqgate_reason meet_again(struct mqg_session *s, const struct mqg_ticket_says *says)
{
	char *identity = says->identity ? strdup(says->identity) : NULL;

	if (mqg_proof_set(&s->tls.proof, says->leaf, says->len, says->path) ||
	    !identity != !says->identity) {
		free(identity);
		return MQGATE_REASON_PASS_SUSPECT;
	}
	if (s->epoch != s->worker->epoch ||
	    !mqg_inventory_again(s->client.ssl, says->digest, identity)) {
		free(identity);
		return meet_anew(s);
	}
	if (identity)
		mqg_registry_identity(&s->worker->registry, &s->entry, identity);
	return mqg_crypto_judge(s->realm->config->crypto, s->client.ssl, NULL, identity);
}

static enum mqgate_reason finished(struct mqg_session *s)
{
	SSL *ssl = s->client.ssl;
	struct mqg_ticket_says says;
	bool resumed = SSL_session_reused(ssl);
	enum mqgate_reason reason;

	mqg_counter_add(resumed ? &s->port->tls_counts.resumed : &s->port->tls_counts.full, 1);
	if (s->realm->config->ktls)
		mqg_registry_ktls(&s->worker->registry, &s->entry, mqg_ktls_sends(ssl),
				  mqg_ktls_receives(ssl));
	if (resumed && !mqg_ticket_read(ssl, &says))
		return MQGATE_REASON_PASS_SUSPECT;
	reason = resumed ? meet_again(s, &says) : meet_anew(s);
	mqg_ticket_over(ssl);
	return reason;
}

enum mqg_step mqg_handshake_step(struct mqg_session *s)
{
	enum mqgate_reason reason = mqg_tls_handshake(&s->client);

	if (reason == MQGATE_REASON_PASS_SUSPECT)
		return MQG_STEP_WAIT;
	if (reason != MQGATE_REASON_NONE)
		return mqg_session_refuse(s, reason);
	mqg_admission_leave(s);
	reason = finished(s);
	if (reason == MQGATE_REASON_PASS_SUSPECT)
		return mqg_session_close(s);
	if (reason != MQGATE_REASON_NONE)
		return mqg_session_refuse(s, reason);
	if (s->entry.identity)
		mqg_ocsp_ask(s);
	return mqg_connect_begin(s);
}
