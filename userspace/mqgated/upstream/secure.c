// SPDX-License-Identifier: BSD-2-Clause
/* TLS towards brokers; see secure.h. */
#include "upstream/secure.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "config/material.h"

/* A session is not resumed later: its server's certificate is looked at anew. */
#define RESUME_FOR	3600

/* What a server gave for the next connection to it. */
struct slot {
	const struct mqg_server_state	*state;
	SSL_SESSION			*session;
};

/* Of one context. */
struct sessions {
	size_t		n;
	struct slot	slots[MQG_SERVERS_MAX];
};

static int slots_index = -1;

static void free_sessions(void *parent, void *ptr, CRYPTO_EX_DATA *ad, int idx, long argl,
			  void *argp)
{
	struct sessions *all = ptr;

	(void)parent, (void)ad, (void)idx, (void)argl, (void)argp;
	for (size_t i = 0; all && i < all->n; i++)
		SSL_SESSION_free(all->slots[i].session);
	free(all);
}

static struct slot *find(SSL *ssl, bool make)
{
	struct sessions *all = SSL_CTX_get_ex_data(SSL_get_SSL_CTX(ssl), slots_index);
	const struct mqg_server_state *state = SSL_get_app_data(ssl);

	for (size_t i = 0; i < all->n; i++)
		if (all->slots[i].state == state)
			return &all->slots[i];
	if (!make || all->n == MQG_SERVERS_MAX)
		return NULL;
	all->slots[all->n].state = state;
	return &all->slots[all->n++];
}

/*
 * A copy, here and where it is used: OpenSSL spoils the session of a connection that is closed
 * without a word, and that is how clients leave.
 */
static int keep(SSL *ssl, SSL_SESSION *session)
{
	struct slot *slot = find(ssl, true);
	SSL_SESSION *copy = slot ? SSL_SESSION_dup(session) : NULL;

	if (!copy)
		return 0;
	SSL_SESSION_free(slot->session);
	slot->session = copy;
	return 0;
}

static void resume(SSL *ssl)
{
	struct slot *slot = find(ssl, false);
	SSL_SESSION *copy;

	if (!slot || !slot->session ||
	    time(NULL) - SSL_SESSION_get_time(slot->session) >= RESUME_FOR)
		return;
	copy = SSL_SESSION_dup(slot->session);
	if (copy)
		SSL_set_session(ssl, copy);
	SSL_SESSION_free(copy);
}

static bool fill(SSL_CTX *ctx, const struct mqg_broker_tls *tls)
{
	const struct mqg_material *m = tls->material;
	X509_STORE *store = SSL_CTX_get_cert_store(ctx);
	struct sessions *all = calloc(1, sizeof(*all));

	if (!all || slots_index < 0 || !SSL_CTX_set_ex_data(ctx, slots_index, all)) {
		free(all);
		return false;
	}
	for (int i = 0; i < sk_X509_num(m->authorities); i++) {
		X509 *copy = X509_dup(sk_X509_value(m->authorities, i));
		bool fine = copy && X509_STORE_add_cert(store, copy);

		X509_free(copy);
		if (!fine)
			return false;
	}
	SSL_CTX_set_min_proto_version(ctx, tls->min);
	SSL_CTX_set_options(ctx, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION |
				 SSL_OP_IGNORE_UNEXPECTED_EOF);
	SSL_CTX_set_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
			      SSL_MODE_RELEASE_BUFFERS);
	SSL_CTX_set_read_ahead(ctx, 1);
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_CLIENT |
					    SSL_SESS_CACHE_NO_INTERNAL_STORE);
	SSL_CTX_sess_set_new_cb(ctx, keep);
	return !m->certificate || mqg_material_show(m, ctx);
}

int mqg_secure_context(const struct mqg_broker *broker, SSL_CTX **out, char *why, size_t size)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());

	if (slots_index < 0)
		slots_index = SSL_CTX_get_ex_new_index(0, NULL, NULL, NULL, free_sessions);
	if (ctx && fill(ctx, broker->tls)) {
		*out = ctx;
		return 0;
	}
	snprintf(why, size, "broker %s: tls: OpenSSL cannot use what the files hold, or there is "
			    "no memory", broker->name);
	ERR_clear_error();
	SSL_CTX_free(ctx);
	return -ENOMEM;
}

/* Whom the certificate has to name: as written, or where the connection goes. */
static bool expect(SSL *ssl, const char *name)
{
	X509_VERIFY_PARAM *param = SSL_get0_param(ssl);
	unsigned char any[16];

	if (inet_pton(AF_INET, name, any) == 1 || inet_pton(AF_INET6, name, any) == 1)
		return X509_VERIFY_PARAM_set1_ip_asc(param, name) == 1;
	SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
	return SSL_set1_host(ssl, name) == 1 && SSL_set_tlsext_host_name(ssl, name) == 1;
}

int mqg_secure_start(struct mqg_stream *stream, SSL_CTX *ctx, const struct mqg_broker_tls *tls,
		     const struct mqg_server *server, struct mqg_server_state *state)
{
	SSL *ssl = SSL_new(ctx);

	if (!ssl || mqg_stream_attach(stream, ssl) || !SSL_set_app_data(ssl, state) ||
	    !expect(ssl, tls->server_name ? tls->server_name : server->host)) {
		ERR_clear_error();
		SSL_free(ssl);
		return -ENOMEM;
	}
	resume(ssl);
	SSL_set_connect_state(ssl);
	stream->ssl = ssl;
	return 0;
}

int mqg_secure_step(struct mqg_stream *stream, const char **why)
{
	unsigned long error;
	long verified;
	int ret;

	ERR_clear_error();
	ret = SSL_do_handshake(stream->ssl);
	if (ret == 1)
		return 0;
	switch (SSL_get_error(stream->ssl, ret)) {
	case SSL_ERROR_WANT_READ:
		stream->may_read = false;
		return -EAGAIN;
	case SSL_ERROR_WANT_WRITE:
		stream->may_write = false;
		return -EAGAIN;
	}
	stream->broken = true;
	error = ERR_peek_error();
	verified = SSL_get_verify_result(stream->ssl);
	*why = verified != X509_V_OK ? X509_verify_cert_error_string(verified)
				     : ERR_reason_error_string(error);
	if (!*why)
		*why = "the TLS handshake was broken off";
	ERR_clear_error();
	return -EPROTO;
}
