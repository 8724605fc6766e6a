// SPDX-License-Identifier: BSD-2-Clause
/*
 * TLS contexts and handshakes. Contexts are made by the main thread, before the workers run or for
 * a change; everything else happens on a worker's thread, without locks.
 */
#include "proxy/tls.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "config/material.h"
#include "proxy/crypto.h"
#include "proxy/ktls.h"
#include "system/log.h"

/* Of the one kind of failure that is left once the files have been read. */
static int no_memory(char *why, size_t size, const struct mqg_policy *policy)
{
	unsigned long error = ERR_peek_last_error();
	const char *text = ERR_reason_error_string(error);

	snprintf(why, size, "listener %s: tls: %s; OpenSSL cannot use what the files hold",
		 policy->title, text ? text : "no memory");
	ERR_clear_error();
	return -ENOMEM;
}

/* A copy that shares nothing with @from. */
static STACK_OF(X509) *copy_certificates(STACK_OF(X509) *from)
{
	return sk_X509_deep_copy(from, X509_dup, X509_free);
}

static STACK_OF(X509_CRL) *copy_crls(STACK_OF(X509_CRL) *from)
{
	return sk_X509_CRL_deep_copy(from, X509_CRL_dup, X509_CRL_free);
}

static struct mqg_tls_policy *make_policy(const struct mqg_policy *from)
{
	const struct mqg_material *m = from->material;
	struct mqg_tls_policy *policy = calloc(1, sizeof(*policy));
	static uint64_t last;

	if (!policy)
		return NULL;
	policy->number = ++last;
	policy->crl_stale = from->crl_stale;
	policy->partial_chain = from->partial_chain;
	policy->tls_min = from->tls_min;
	policy->identity_from = from->identity_from;
	policy->authorities = copy_certificates(m->authorities);
	policy->crls = m->crls ? copy_crls(m->crls->list) : NULL;
	policy->pins = calloc(from->n_pins + 1, sizeof(*policy->pins));
	policy->newest = from->newest ? strdup(from->title) : NULL;
	if (!policy->authorities || (m->crls && !policy->crls) || !policy->pins ||
	    (from->newest && !policy->newest)) {
		mqg_tls_policy_free(policy);
		return NULL;
	}
	if (from->n_pins)
		memcpy(policy->pins, from->pins, from->n_pins * sizeof(*policy->pins));
	policy->n_pins = from->n_pins;
	return policy;
}

static bool trust(SSL_CTX *ctx, const struct mqg_tls_policy *policy)
{
	X509_STORE *store = SSL_CTX_get_cert_store(ctx);

	for (int i = 0; i < sk_X509_num(policy->authorities); i++) {
		X509 *ca = sk_X509_value(policy->authorities, i);

		if (!X509_STORE_add_cert(store, ca) || !SSL_CTX_add_client_CA(ctx, ca))
			return false;
	}
	for (int i = 0; policy->crls && i < sk_X509_CRL_num(policy->crls); i++)
		if (!X509_STORE_add_crl(store, sk_X509_CRL_value(policy->crls, i)))
			return false;
	if (policy->crls)
		X509_STORE_set_flags(store, X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL);
	if (policy->partial_chain)
		X509_STORE_set_flags(store, X509_V_FLAG_PARTIAL_CHAIN);
	return true;
}

static int load(SSL_CTX *ctx, const struct mqg_policy *from, char *why, size_t size)
{
	struct mqg_tls_policy *policy = make_policy(from);

	if (!policy || mqg_tls_policy_attach(ctx, policy))
		return no_memory(why, size, from);
	if (!mqg_material_show(from->material, ctx) || !trust(ctx, policy) ||
	    mqg_ticket_setup(ctx, from, policy))
		return no_memory(why, size, from);
	return 0;
}

int mqg_tls_context(const struct mqg_policy *policy, SSL_CTX **out, char *why, size_t size)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
	int err;

	*out = NULL;
	if (!ctx) {
		snprintf(why, size, "listener %s: no memory for TLS", policy->title);
		return -ENOMEM;
	}
	SSL_CTX_set_min_proto_version(ctx, policy->tls_min);
	SSL_CTX_set_options(ctx, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION |
				 SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA |
				 SSL_OP_IGNORE_UNEXPECTED_EOF | SSL_OP_CLEANSE_PLAINTEXT);
	mqg_ktls_apply(ctx, policy);
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
			      SSL_MODE_RELEASE_BUFFERS);
	SSL_CTX_set_read_ahead(ctx, 1);
	SSL_CTX_set_msg_callback(ctx, mqg_tls_message);
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT,
			   mqg_tls_verify);
	SSL_CTX_set_cert_verify_callback(ctx, mqg_tls_verify_chain, NULL);
	SSL_CTX_set_verify_depth(ctx, MQG_TLS_DEPTH_MAX);
	SSL_CTX_set_max_cert_list(ctx, MQG_TLS_CHAIN_MAX);
	SSL_CTX_set_purpose(ctx, X509_PURPOSE_SSL_CLIENT);
	err = load(ctx, policy, why, size);
	if (!err)
		err = mqg_crypto_apply(ctx, policy, why, size);
	if (err) {
		SSL_CTX_free(ctx);
		return err;
	}
	*out = ctx;
	return 0;
}

int mqg_tls_start(struct mqg_stream *stream, SSL_CTX *ctx, struct mqg_tls_client *client,
		  const void *hello, size_t len)
{
	SSL *ssl = SSL_new(ctx);
	BIO *taken;

	client->reason = MQGATE_REASON_NONE;
	if (!ssl)
		return -ENOMEM;
	taken = BIO_new_mem_buf(hello, len);
	if (!taken || mqg_stream_attach(stream, ssl)) {
		BIO_free(taken);
		SSL_free(ssl);
		return -ENOMEM;
	}
	/* The handshake first reads what was taken off the socket, then the socket. */
	BIO_set_mem_eof_return(taken, -1);
	SSL_set0_rbio(ssl, taken);
	SSL_set_app_data(ssl, client);
	mqg_ticket_start(ssl);
	SSL_set_accept_state(ssl);
	stream->ssl = ssl;
	return 0;
}

/* The messages that this side signs. To make them nothing is read that a client had sent. */
static bool signing(const SSL *ssl)
{
	OSSL_HANDSHAKE_STATE state = SSL_get_state(ssl);

	return state == TLS_ST_SW_CERT_VRFY || state == TLS_ST_SW_KEY_EXCH;
}

static enum mqgate_reason failed(struct mqg_stream *stream)
{
	const struct mqg_tls_client *client = SSL_get_app_data(stream->ssl);
	unsigned long error;

	stream->broken = true;
	if (client->reason != MQGATE_REASON_NONE)
		return client->reason;
	if (signing(stream->ssl)) {
		char says[256];

		mqg_log(MQG_LOG_ERR, MQG_LOG_PROXY, "this gateway's own key did not sign: %s",
			mqg_key_openssl_says(says, sizeof(says)));
		return MQGATE_REASON_TLS_KEY;
	}
	while ((error = ERR_get_error()))
		if (ERR_GET_LIB(error) == ERR_LIB_SSL &&
		    ERR_GET_REASON(error) == SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE)
			return MQGATE_REASON_CERT_MISSING;
	return MQGATE_REASON_TLS_HANDSHAKE;
}

enum mqgate_reason mqg_tls_handshake(struct mqg_stream *stream)
{
	for (;;) {
		BIO *in = SSL_get_rbio(stream->ssl), *out = SSL_get_wbio(stream->ssl);
		int ret;

		ERR_clear_error();
		ret = SSL_do_handshake(stream->ssl);
		if (ret == 1)
			return in == out ? MQGATE_REASON_NONE : MQGATE_REASON_TLS_HANDSHAKE;
		switch (SSL_get_error(stream->ssl, ret)) {
		case SSL_ERROR_WANT_READ:
			if (in == out) {
				stream->may_read = false;
				return MQGATE_REASON_PASS_SUSPECT;
			}
			BIO_up_ref(out);
			SSL_set0_rbio(stream->ssl, out);
			break;
		case SSL_ERROR_WANT_WRITE:
			stream->may_write = false;
			return MQGATE_REASON_PASS_SUSPECT;
		default:
			return failed(stream);
		}
	}
}
