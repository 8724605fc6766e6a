// SPDX-License-Identifier: BSD-2-Clause
/*
 * TLS contexts, handshakes and the meaning of their failure. Contexts are made by the main thread
 * before the workers run; everything else happens on a worker's thread, without locks.
 */
#include "proxy/tls.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "proxy/crypto.h"

enum mqgate_reason mqg_tls_verify_reason(int error, int depth)
{
	switch (error) {
	case X509_V_ERR_CERT_HAS_EXPIRED:
		return depth ? MQGATE_REASON_CERT_OTHER : MQGATE_REASON_CERT_EXPIRED;
	case X509_V_ERR_CERT_NOT_YET_VALID:
		return depth ? MQGATE_REASON_CERT_OTHER : MQGATE_REASON_CERT_NOT_YET_VALID;
	case X509_V_ERR_CERT_REVOKED:
		return MQGATE_REASON_CERT_REVOKED;
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
	case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
	case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
	case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
	case X509_V_ERR_CERT_SIGNATURE_FAILURE:
	case X509_V_ERR_CERT_UNTRUSTED:
	case X509_V_ERR_INVALID_CA:
		return MQGATE_REASON_CERT_UNTRUSTED;
	case X509_V_ERR_INVALID_PURPOSE:
		return MQGATE_REASON_CERT_PURPOSE;
	case X509_V_ERR_UNABLE_TO_GET_CRL:
	case X509_V_ERR_UNABLE_TO_GET_CRL_ISSUER:
	case X509_V_ERR_UNABLE_TO_DECRYPT_CRL_SIGNATURE:
	case X509_V_ERR_CRL_SIGNATURE_FAILURE:
	case X509_V_ERR_CRL_NOT_YET_VALID:
	case X509_V_ERR_CRL_HAS_EXPIRED:
	case X509_V_ERR_ERROR_IN_CRL_LAST_UPDATE_FIELD:
	case X509_V_ERR_ERROR_IN_CRL_NEXT_UPDATE_FIELD:
	case X509_V_ERR_KEYUSAGE_NO_CRL_SIGN:
	case X509_V_ERR_UNHANDLED_CRITICAL_CRL_EXTENSION:
	case X509_V_ERR_DIFFERENT_CRL_SCOPE:
	case X509_V_ERR_CRL_PATH_VALIDATION_ERROR:
		return MQGATE_REASON_CERT_CRL;
	default:
		return MQGATE_REASON_CERT_OTHER;
	}
}

static int verify(int ok, X509_STORE_CTX *store)
{
	int error = X509_STORE_CTX_get_error(store);
	int depth = X509_STORE_CTX_get_error_depth(store);
	enum mqgate_reason *reason;
	SSL *ssl;

	if (ok)
		return 1;
	/* CRLs come from the configured file alone: a client cannot bring this error about. */
	if (error == X509_V_ERR_UNABLE_TO_GET_CRL && depth > 0) {
		X509_STORE_CTX_set_error(store, X509_V_OK);
		return 1;
	}
	ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
	reason = SSL_get_app_data(ssl);
	if (*reason == MQGATE_REASON_NONE)
		*reason = mqg_tls_verify_reason(error, depth);
	return 0;
}

/* A daemon has nobody to ask for a passphrase. */
static int no_passphrase(char *buf, int size, int writing, void *arg)
{
	(void)buf;
	(void)size;
	(void)writing;
	(void)arg;
	return -1;
}

static int explain(char *why, size_t size, const struct mqg_listener *listener, const char *file,
		   const char *remedy)
{
	unsigned long error = ERR_peek_last_error();
	const char *text = ERR_reason_error_string(error);

	if (ERR_SYSTEM_ERROR(error))
		text = strerror(ERR_GET_REASON(error));
	snprintf(why, size, "listener %s: %s: %s; %s", listener->name, file,
		 text ? text : "cannot be used", remedy);
	ERR_clear_error();
	return -EINVAL;
}

static int load_crls(SSL_CTX *ctx, const char *path)
{
	X509_STORE *store = SSL_CTX_get_cert_store(ctx);
	BIO *bio = BIO_new_file(path, "r");
	X509_CRL *crl;
	int count = 0;

	if (!bio)
		return -EINVAL;
	while ((crl = PEM_read_bio_X509_CRL(bio, NULL, no_passphrase, NULL))) {
		int added = X509_STORE_add_crl(store, crl);

		X509_CRL_free(crl);
		if (!added)
			break;
		count++;
	}
	BIO_free(bio);
	/* The end of the file reads as "no start line"; any other error is one. */
	if (crl || count == 0 || ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE)
		return -EINVAL;
	ERR_clear_error();
	return 0;
}

static int load(SSL_CTX *ctx, const struct mqg_listener *l, char *why, size_t size)
{
	STACK_OF(X509_NAME) *names;

	if (SSL_CTX_use_certificate_chain_file(ctx, l->certificate) != 1)
		return explain(why, size, l, l->certificate,
			       "tls.certificate must hold the server's certificate and its "
			       "intermediates in PEM form");
	if (SSL_CTX_use_PrivateKey_file(ctx, l->key, SSL_FILETYPE_PEM) != 1)
		return explain(why, size, l, l->key,
			       "tls.key must hold the private key of tls.certificate in PEM form, "
			       "without a passphrase");
	if (SSL_CTX_check_private_key(ctx) != 1)
		return explain(why, size, l, l->key,
			       "tls.key and tls.certificate must belong together");
	names = SSL_load_client_CA_file(l->client_ca);
	if (!names || SSL_CTX_load_verify_file(ctx, l->client_ca) != 1) {
		sk_X509_NAME_pop_free(names, X509_NAME_free);
		return explain(why, size, l, l->client_ca,
			       "tls.client_ca must hold the CA certificates of the devices in "
			       "PEM form");
	}
	SSL_CTX_set_client_CA_list(ctx, names);
	if (!l->crl)
		return 0;
	if (load_crls(ctx, l->crl))
		return explain(why, size, l, l->crl,
			       "tls.crl must hold the CRL of every CA that signs devices in "
			       "PEM form");
	X509_STORE_set_flags(SSL_CTX_get_cert_store(ctx),
			     X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL);
	return 0;
}

int mqg_tls_context(const struct mqg_listener *listener, SSL_CTX **out, char *why, size_t size)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
	int err;

	*out = NULL;
	if (!ctx) {
		snprintf(why, size, "listener %s: no memory for TLS", listener->name);
		return -ENOMEM;
	}
	SSL_CTX_set_min_proto_version(ctx, listener->tls_min);
	SSL_CTX_set_options(ctx, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION |
				 SSL_OP_NO_TICKET | SSL_OP_CIPHER_SERVER_PREFERENCE |
				 SSL_OP_PRIORITIZE_CHACHA | SSL_OP_IGNORE_UNEXPECTED_EOF |
				 SSL_OP_CLEANSE_PLAINTEXT);
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_num_tickets(ctx, 0);
	SSL_CTX_set_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
			      SSL_MODE_RELEASE_BUFFERS);
	SSL_CTX_set_read_ahead(ctx, 1);
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, verify);
	SSL_CTX_set_verify_depth(ctx, MQG_TLS_DEPTH_MAX);
	SSL_CTX_set_max_cert_list(ctx, MQG_TLS_CHAIN_MAX);
	SSL_CTX_set_purpose(ctx, X509_PURPOSE_SSL_CLIENT);
	SSL_CTX_set_default_passwd_cb(ctx, no_passphrase);
	err = load(ctx, listener, why, size);
	if (!err)
		err = mqg_crypto_apply(ctx, listener, why, size);
	if (err) {
		SSL_CTX_free(ctx);
		return err;
	}
	*out = ctx;
	return 0;
}

int mqg_tls_start(struct mqg_stream *stream, SSL_CTX *ctx, enum mqgate_reason *reason,
		  const void *hello, size_t len)
{
	SSL *ssl = SSL_new(ctx);
	BIO *taken;

	*reason = MQGATE_REASON_NONE;
	if (!ssl)
		return -ENOMEM;
	taken = BIO_new_mem_buf(hello, len);
	if (!taken || SSL_set_fd(ssl, stream->fd) != 1) {
		BIO_free(taken);
		SSL_free(ssl);
		return -ENOMEM;
	}
	/* The handshake first reads what was taken off the socket, then the socket. */
	BIO_set_mem_eof_return(taken, -1);
	SSL_set0_rbio(ssl, taken);
	SSL_set_app_data(ssl, reason);
	SSL_set_accept_state(ssl);
	stream->ssl = ssl;
	return 0;
}

static enum mqgate_reason failed(struct mqg_stream *stream)
{
	const enum mqgate_reason *verdict = SSL_get_app_data(stream->ssl);
	unsigned long error;

	stream->broken = true;
	if (*verdict != MQGATE_REASON_NONE)
		return *verdict;
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
