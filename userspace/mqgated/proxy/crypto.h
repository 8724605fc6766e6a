/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The crypto policy of a TLS policy in force: what OpenSSL is told before a handshake, and what is
 * looked at after one, when it is known who the device is. The policy is constant; contexts belong
 * to whoever makes them, connections to their worker's thread.
 */
#ifndef MQG_CRYPTO_H
#define MQG_CRYPTO_H

#include <openssl/ssl.h>

#include "config/config.h"

/* Versions, groups, ciphers and signature algorithms of @policy. 0, or -EINVAL and @why. */
int mqg_crypto_apply(SSL_CTX *ctx, const struct mqg_policy *policy, char *why, size_t size);

/**
 * mqg_crypto_judge() - is what a finished handshake used good enough for this device?
 * @crypto:   of its policy
 * @ssl:      the connection
 * @cert:     of the device; NULL = it resumed a session, whose full handshake was judged by the
 *            same policy: a ticket is for no other
 * @identity: of the device; NULL = none, which fits no class
 *
 * Return: MQGATE_REASON_NONE, MQGATE_REASON_CERT_WEAK (the key of its certificate) or
 * MQGATE_REASON_TLS_POLICY (group or cipher).
 */
enum mqgate_reason mqg_crypto_judge(const struct mqg_crypto *crypto, SSL *ssl, X509 *cert,
				    const char *identity);

/* The number by which the policy knows a key that is not RSA: of its curve. NID_undef: none. */
int mqg_crypto_curve_of(const EVP_PKEY *key);

#endif
