// SPDX-License-Identifier: BSD-2-Clause
/*
 * Sessions that are older than the trust they are judged by. Called by the worker's sweep after a
 * change, on the worker's thread; what is read belongs to its context.
 */
#include "proxy/tls.h"

#include <openssl/x509v3.h>

static bool in_time(const X509 *cert)
{
	return X509_cmp_current_time(X509_get0_notBefore(cert)) < 0 &&
	       X509_cmp_current_time(X509_get0_notAfter(cert)) > 0;
}

/* Some list names it, whoever signed that list. */
static bool listed(const struct mqg_tls_policy *policy, X509 *cert)
{
	for (int i = 0; policy->crls && i < sk_X509_CRL_num(policy->crls); i++) {
		X509_CRL *crl = sk_X509_CRL_value(policy->crls, i);
		X509_REVOKED *revoked;

		if (!X509_NAME_cmp(X509_CRL_get_issuer(crl), X509_get_issuer_name(cert)) &&
		    X509_CRL_get0_by_cert(crl, &revoked, cert))
			return true;
	}
	return false;
}

bool mqg_tls_listed(const struct mqg_tls_policy *policy, X509 *cert)
{
	return listed(policy, cert);
}

static bool configured(const struct mqg_tls_policy *policy, const X509 *anchor)
{
	for (int i = 0; i < sk_X509_num(policy->authorities); i++)
		if (!X509_cmp(sk_X509_value(policy->authorities, i), anchor))
			return true;
	return false;
}

STACK_OF(X509) *mqg_tls_chain(SSL *ssl)
{
	const struct mqg_tls_client *client = SSL_get_app_data(ssl);
	STACK_OF(X509) *chain = SSL_get0_verified_chain(ssl);

	if (client->proof.path)
		return mqg_proof_chain(&client->proof);
	return chain ? X509_chain_up_ref(chain) : NULL;
}

/* Nothing that is new can speak against this chain. */
static bool plain(SSL *ssl, STACK_OF(X509) *chain, const struct mqg_tls_policy *now)
{
	const struct mqg_tls_policy *before = mqg_tls_policy_of(SSL_get_SSL_CTX(ssl));
	int n = sk_X509_num(chain);

	/* Of pins a chain was asked by the policy that it came in by. */
	if (!n || now->n_pins || now->partial_chain != before->partial_chain ||
	    !configured(now, sk_X509_value(chain, n - 1)))
		return false;
	for (int i = 0; i < n; i++)
		if (!in_time(sk_X509_value(chain, i)) || listed(now, sk_X509_value(chain, i)))
			return false;
	return true;
}

/* As the handshake would; what was sent with the certificate is there to build the chain. */
static enum mqgate_reason whole(SSL *ssl, STACK_OF(X509) *chain, SSL_CTX *ctx)
{
	struct mqg_tls_client *client = SSL_get_app_data(ssl);
	/* With a ticket the client sends nothing: there it is what was verified. */
	bool all = SSL_session_reused(ssl) || client->proof.path;
	STACK_OF(X509) *sent = all ? chain : SSL_get_peer_cert_chain(ssl);
	X509_STORE_CTX *store = X509_STORE_CTX_new();
	enum mqgate_reason reason = MQGATE_REASON_CERT_OTHER;

	client->reason = MQGATE_REASON_NONE;
	client->standing = true;
	if (!store)
		return reason;
	if (X509_STORE_CTX_init(store, SSL_CTX_get_cert_store(ctx), sk_X509_value(chain, 0),
				sent) &&
	    X509_STORE_CTX_set_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx(), ssl)) {
		X509_STORE_CTX_set_default(store, "ssl_client");
		X509_VERIFY_PARAM_set1(X509_STORE_CTX_get0_param(store), SSL_CTX_get0_param(ctx));
		X509_VERIFY_PARAM_set_auth_level(X509_STORE_CTX_get0_param(store),
						 SSL_CTX_get_security_level(ctx));
		X509_STORE_CTX_set_verify_cb(store, mqg_tls_verify);
		if (X509_verify_cert(store) == 1)
			reason = MQGATE_REASON_NONE;
		else if (client->reason != MQGATE_REASON_NONE)
			reason = client->reason;
	}
	X509_STORE_CTX_free(store);
	mqg_stream_doubt();
	return reason;
}

enum mqgate_reason mqg_tls_recheck(SSL *ssl, STACK_OF(X509) *chain, SSL_CTX *ctx)
{
	const struct mqg_tls_policy *policy = mqg_tls_policy_of(ctx);
	const struct mqg_tls_client *client = SSL_get_app_data(ssl);

	if (SSL_version(ssl) < policy->tls_min)
		return MQGATE_REASON_CONFIG;
	if (mqg_revoked_certificate(*client->revoked, sk_X509_value(chain, 0),
				    policy->identity_from))
		return MQGATE_REASON_REVOKED;
	return plain(ssl, chain, policy) ? MQGATE_REASON_NONE : whole(ssl, chain, ctx);
}
