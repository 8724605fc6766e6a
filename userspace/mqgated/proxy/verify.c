// SPDX-License-Identifier: BSD-2-Clause
/*
 * What is asked of a client's chain besides what OpenSSL asks, and the reason for what it finds.
 * Called in handshakes and rechecks, on the worker's thread; what is read belongs to its context.
 */
#include "proxy/tls.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/x509v3.h>

#include "proxy/identity.h"
#include "proxy/renewal.h"

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

/* ---- the policy of a store ----------------------------------------------------------------- */

static pthread_once_t once = PTHREAD_ONCE_INIT;
static int policy_index = -1;

static void drop_policy(void *parent, void *ptr, CRYPTO_EX_DATA *data, int index, long argl,
			void *argp)
{
	(void)parent;
	(void)data;
	(void)index;
	(void)argl;
	(void)argp;
	mqg_tls_policy_free(ptr);
}

static void take_index(void)
{
	policy_index = X509_STORE_get_ex_new_index(0, NULL, NULL, NULL, drop_policy);
}

int mqg_tls_policy_attach(SSL_CTX *ctx, struct mqg_tls_policy *policy)
{
	pthread_once(&once, take_index);
	if (policy_index >= 0 &&
	    X509_STORE_set_ex_data(SSL_CTX_get_cert_store(ctx), policy_index, policy))
		return 0;
	mqg_tls_policy_free(policy);
	return -ENOMEM;
}

const struct mqg_tls_policy *mqg_tls_policy_of(const SSL_CTX *ctx)
{
	return X509_STORE_get_ex_data(SSL_CTX_get_cert_store(ctx), policy_index);
}

void mqg_tls_policy_free(struct mqg_tls_policy *policy)
{
	if (!policy)
		return;
	sk_X509_pop_free(policy->authorities, X509_free);
	sk_X509_CRL_pop_free(policy->crls, X509_CRL_free);
	free(policy->pins);
	free(policy->newest);
	free(policy);
}

/* ---- what is asked --------------------------------------------------------------------------- */

static bool pinned(const struct mqg_tls_policy *policy, STACK_OF(X509) *chain)
{
	for (int i = 0; i < sk_X509_num(chain); i++) {
		X509_PUBKEY *key = X509_get_X509_PUBKEY(sk_X509_value(chain, i));
		unsigned char digest[EVP_MAX_MD_SIZE], *der = NULL;
		int len = i2d_X509_PUBKEY(key, &der);
		bool made = len > 0 &&
			    EVP_Digest(der, (size_t)len, digest, NULL, EVP_sha256(), NULL);

		OPENSSL_free(der);
		for (size_t n = 0; made && n < policy->n_pins; n++)
			if (!memcmp(digest, policy->pins[n], MQG_PIN_SIZE))
				return true;
	}
	return false;
}

/* RFC 5480, 2.1.1: keys name their curve; one that spells it out may be any curve. */
static bool explicit_curve(X509 *cert)
{
	const ASN1_OBJECT *algorithm;
	X509_ALGOR *parameters;
	int type;

	X509_PUBKEY_get0_param(NULL, NULL, NULL, &parameters, X509_get_X509_PUBKEY(cert));
	X509_ALGOR_get0(&algorithm, &type, NULL, parameters);
	return OBJ_obj2nid(algorithm) == NID_X9_62_id_ecPublicKey && type != V_ASN1_OBJECT;
}

static const struct mqg_tls_policy *policy_of(X509_STORE_CTX *store)
{
	return X509_STORE_get_ex_data(X509_STORE_CTX_get0_store(store), policy_index);
}

static struct mqg_tls_client *client_of(X509_STORE_CTX *store)
{
	return SSL_get_app_data((SSL *)X509_STORE_CTX_get_ex_data(
		store, SSL_get_ex_data_X509_STORE_CTX_idx()));
}

static int refuse(X509_STORE_CTX *store, int error, enum mqgate_reason reason)
{
	struct mqg_tls_client *client = client_of(store);

	X509_STORE_CTX_set_error(store, error);
	if (client->reason == MQGATE_REASON_NONE)
		client->reason = reason;
	return 0;
}

/* Called for every certificate that passes, the client's last. */
static int passes(X509_STORE_CTX *store)
{
	const struct mqg_tls_policy *policy = policy_of(store);
	X509 *cert = X509_STORE_CTX_get_current_cert(store);

	if (explicit_curve(cert))
		return refuse(store, X509_V_ERR_EC_KEY_EXPLICIT_PARAMS, MQGATE_REASON_CERT_OTHER);
	if (X509_STORE_CTX_get_error_depth(store))
		return 1;
	if (policy->n_pins && !pinned(policy, X509_STORE_CTX_get0_chain(store)))
		return refuse(store, X509_V_ERR_CERT_UNTRUSTED, MQGATE_REASON_CERT_UNTRUSTED);
	return 1;
}

static bool superseded(const struct mqg_tls_client *client, const struct mqg_tls_policy *policy,
		       X509 *cert)
{
	char *identity = NULL;
	bool yes = policy->newest && !mqg_identity_get(cert, policy->identity_from, &identity) &&
		   mqg_renewal_superseded(client->renewal, policy->newest, identity,
					  mqg_certificate_term(cert).since);

	free(identity);
	return yes;
}

int mqg_tls_verify_chain(X509_STORE_CTX *store, void *unused)
{
	const struct mqg_tls_policy *policy = policy_of(store);
	struct mqg_tls_client *client = client_of(store);
	struct mqg_chain_key key;
	bool keyed = mqg_chain_cache_key(client->chains, store, policy->number, &key);
	bool known = keyed && mqg_chain_cache_find(client->chains, &key, store);

	(void)unused;
	if (keyed)
		mqg_counter_add(known ? &client->counts->chain_hits
				      : &client->counts->chain_misses, 1);
	if (!known && X509_verify_cert(store) != 1) {
		if (X509_STORE_CTX_get_error(store) == X509_V_OK)
			X509_STORE_CTX_set_error(store, X509_V_ERR_UNSPECIFIED);
		return 0;
	}
	if (mqg_revoked_certificate(*client->revoked, X509_STORE_CTX_get0_cert(store),
				    policy->identity_from))
		return refuse(store, X509_V_ERR_CERT_REVOKED, MQGATE_REASON_REVOKED);
	if (superseded(client, policy, X509_STORE_CTX_get0_cert(store)))
		return refuse(store, X509_V_ERR_CERT_REJECTED, MQGATE_REASON_CERT_SUPERSEDED);
	if (keyed && !known)
		mqg_chain_cache_keep(client->chains, &key, store, policy);
	return 1;
}

int mqg_tls_verify(int ok, X509_STORE_CTX *store)
{
	int error = X509_STORE_CTX_get_error(store);
	int depth = X509_STORE_CTX_get_error_depth(store);

	if (ok)
		return passes(store);
	/* CRLs come from the configured files alone: a client cannot bring these errors about. */
	if ((error == X509_V_ERR_UNABLE_TO_GET_CRL && depth > 0) ||
	    (error == X509_V_ERR_CRL_HAS_EXPIRED && policy_of(store)->crl_stale) ||
	    (client_of(store)->standing &&
	     mqg_tls_verify_reason(error, depth) == MQGATE_REASON_CERT_CRL)) {
		X509_STORE_CTX_set_error(store, X509_V_OK);
		return 1;
	}
	return refuse(store, error, mqg_tls_verify_reason(error, depth));
}
