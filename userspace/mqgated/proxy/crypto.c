// SPDX-License-Identifier: BSD-2-Clause
/*
 * The crypto policy, applied to contexts and to finished handshakes; see crypto.h.
 */
#include "proxy/crypto.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/x509.h>

int mqg_crypto_apply(SSL_CTX *ctx, const struct mqg_policy *policy, char *why, size_t size)
{
	const struct mqg_crypto *crypto = policy->crypto;
	const char *text;

	if (SSL_CTX_set_max_proto_version(ctx, crypto->max_version) == 1 &&
	    SSL_CTX_set1_groups_list(ctx, crypto->groups) == 1 &&
	    SSL_CTX_set_cipher_list(ctx, crypto->ciphers) == 1 &&
	    SSL_CTX_set_ciphersuites(ctx, crypto->suites) == 1 &&
	    SSL_CTX_set1_sigalgs_list(ctx, crypto->signatures) == 1 &&
	    SSL_CTX_set1_client_sigalgs_list(ctx, crypto->signatures) == 1)
		return 0;
	text = ERR_reason_error_string(ERR_peek_last_error());
	snprintf(why, size, "listener %s: OpenSSL refuses its crypto policy: %s; its own "
		 "configuration may forbid what tls.groups, tls.ciphers or "
		 "tls.signature_algorithms say", policy->title, text ? text : "no reason told");
	ERR_clear_error();
	return -EINVAL;
}

int mqg_crypto_curve_of(const EVP_PKEY *key)
{
	char name[64];
	int explicit_curve = 0;

	if (EVP_PKEY_is_a(key, "ED25519"))
		return NID_ED25519;
	if (EVP_PKEY_is_a(key, "ED448"))
		return NID_ED448;
	if (!EVP_PKEY_is_a(key, "EC") ||
	    EVP_PKEY_get_group_name(key, name, sizeof(name), NULL) != 1)
		return NID_undef;
	/* Parameters that the certificate spells out may be anything (RFC 5480, 2.1.1). */
	if (EVP_PKEY_get_int_param(key, OSSL_PKEY_PARAM_EC_DECODED_FROM_EXPLICIT_PARAMS,
				   &explicit_curve) == 1 && explicit_curve)
		return NID_undef;
	return OBJ_txt2nid(name);
}

static bool holds(const int *list, size_t n, int nid)
{
	for (size_t i = 0; i < n; i++)
		if (list[i] == nid)
			return true;
	return false;
}

static bool strong(const struct mqg_crypto *crypto, const X509 *cert)
{
	const EVP_PKEY *key = X509_get0_pubkey(cert);

	if (!key)
		return false;
	if (EVP_PKEY_is_a(key, "RSA") || EVP_PKEY_is_a(key, "RSA-PSS"))
		return EVP_PKEY_get_bits(key) >= (int)crypto->rsa_min;
	return holds(crypto->curves, crypto->n_curves, mqg_crypto_curve_of(key));
}

static const struct mqg_crypto_rule *rule_of(const struct mqg_crypto *crypto, const char *identity)
{
	for (size_t i = 0; identity && i < crypto->n_classes; i++) {
		const struct mqg_crypto_class *class = &crypto->classes[i];
		size_t len = strlen(class->identity);

		if (!strncmp(identity, class->identity, len) && (class->prefix || !identity[len]))
			return &class->rule;
	}
	return &crypto->rule;
}

enum mqgate_reason mqg_crypto_judge(const struct mqg_crypto *crypto, SSL *ssl, X509 *cert,
				    const char *identity)
{
	const struct mqg_crypto_rule *rule;

	if (cert && !strong(crypto, cert))
		return MQGATE_REASON_CERT_WEAK;
	/* Without classes the handshake could use nothing else. */
	if (!crypto->n_classes)
		return MQGATE_REASON_NONE;
	rule = rule_of(crypto, identity);
	if (!holds(rule->groups, rule->n_groups, SSL_get_negotiated_group(ssl)) ||
	    !holds(rule->ciphers, rule->n_ciphers,
		   SSL_CIPHER_get_cipher_nid(SSL_get_current_cipher(ssl))))
		return MQGATE_REASON_TLS_POLICY;
	return MQGATE_REASON_NONE;
}
