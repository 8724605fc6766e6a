/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The checking pass over one TLS policy: the mappings tls and identity of a listener, or of an
 * entry of its sni. Called by check_listener.c and check_sni.c in the main thread; no lock.
 */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/ssl.h>

#include "config/check.h"
#include "config/tlsfiles.h"

static const char hex_digits[] = "0123456789abcdef";

#define complain(check, ...) mqg_complain(&(check)->complaint, __VA_ARGS__)

static void join(char path[MQG_PATH_MAX], const char *owner, const char *key)
{
	snprintf(path, MQG_PATH_MAX, "%s.%s", owner, key);
}

static int check_identity(const struct mqg_check *check, const char *owner,
			  const struct raw_identity *identity, struct mqg_policy *to)
{
	char path[MQG_PATH_MAX];

	to->identity_from = identity && identity->from ? (enum mqg_identity_from)*identity->from
						       : MQG_FROM_CN;
	to->client_id_rule = identity && identity->client_id
				     ? (enum mqg_client_id_rule)*identity->client_id
				     : MQG_CLIENT_ID_EQUAL;
	to->username_rule = identity && identity->username
				    ? (enum mqg_username_rule)*identity->username
				    : MQG_USERNAME_EQUAL;
	to->newest = identity && identity->renewal && *identity->renewal;
	join(path, owner, "identity.renewal");
	if (to->newest && (to->identity_from == MQG_FROM_FINGERPRINT ||
			   to->identity_from == MQG_FROM_ISSUER_SERIAL))
		return complain(check, path, "every certificate has an identity of its own by "
					     "identity.from; leave it out, or take the identity "
					     "from a name");
	if (!identity || !identity->user_property)
		return 0;
	join(path, owner, "identity.user_property");
	if (strlen(identity->user_property) > 64)
		return complain(check, path, "is longer than 64 bytes; choose a shorter name");
	for (const char *p = identity->user_property; *p; p++)
		if (*p <= ' ' || *p > '~')
			return complain(check, path, "\"%s\" is no name of a property; write "
						     "printable ASCII without spaces",
					identity->user_property);
	return mqg_check_copy(identity->user_property, &to->user_property);
}

/* As `openssl dgst` and fingerprints write it: 64 hex digits, with colons or without. */
static bool read_pin(const char *text, uint8_t pin[MQG_PIN_SIZE])
{
	size_t digits = 0;

	for (; *text; text++) {
		const char *at = strchr(hex_digits, tolower((unsigned char)*text));

		if (*text == ':' && digits % 2 == 0 && digits)
			continue;
		if (!at || digits == 2 * MQG_PIN_SIZE)
			return false;
		pin[digits / 2] = (uint8_t)(pin[digits / 2] << 4 | (at - hex_digits));
		digits++;
	}
	return digits == 2 * MQG_PIN_SIZE;
}

static int check_pins(const struct mqg_check *check, const char *owner, const struct raw_tls *tls,
		      struct mqg_policy *to)
{
	char path[MQG_PATH_MAX];

	if (!tls->pins_count)
		return 0;
	to->pins = calloc(tls->pins_count, sizeof(*to->pins));
	if (!to->pins)
		return -ENOMEM;
	to->n_pins = tls->pins_count;
	for (unsigned int n = 0; n < tls->pins_count; n++) {
		snprintf(path, sizeof(path), "%s.tls.pins[%u]", owner, n);
		if (!read_pin(tls->pins[n], to->pins[n]))
			return complain(check, path, "\"%s\" is no pin; write the SHA-256 of a "
						     "public key (DER) as 64 hex digits",
					tls->pins[n]);
	}
	return 0;
}

int mqg_check_policy(struct mqg_check *check, const char *owner, const struct raw_tls *tls,
		     const struct raw_identity *identity, struct mqg_policy *to)
{
	char path[MQG_PATH_MAX];
	int err;

	to->tls_min = tls->min_version ? *tls->min_version : TLS1_2_VERSION;
	to->crl_stale = tls->crl_stale && *tls->crl_stale;
	to->ktls = tls->ktls && *tls->ktls;
	to->partial_chain = tls->partial_chain && *tls->partial_chain;
	join(path, owner, "tls.crl_stale");
	if (tls->crl_stale && !tls->crl)
		return complain(check, path, "has no meaning without tls.crl; leave it out");
	err = check_identity(check, owner, identity, to);
	if (err)
		return err;
	if (mqg_check_copy(tls->certificate, &to->certificate) ||
	    mqg_check_copy(tls->key, &to->key) || mqg_check_copy(tls->client_ca, &to->client_ca) ||
	    (tls->crl && mqg_check_copy(tls->crl, &to->crl)) ||
	    (tls->pin_file && mqg_check_copy(tls->pin_file, &to->pin_file)))
		return -ENOMEM;
	err = check_pins(check, owner, tls, to);
	join(path, owner, "tls");
	if (!err)
		err = mqg_check_ocsp(check, path, tls->ocsp, to);
	if (!err)
		err = mqg_tls_files_load(check, path, to);
	return err ? err : mqg_check_crypto(check, path, tls, to);
}
