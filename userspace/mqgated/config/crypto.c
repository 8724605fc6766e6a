// SPDX-License-Identifier: BSD-2-Clause
/*
 * Names of groups, ciphers, curves and signature algorithms, and the defaults. Whether OpenSSL has
 * one is asked of OpenSSL: hybrid groups came with 3.5. Main thread, while loading.
 */
#include "config/crypto.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/tls1.h>

#include "config/cpu.h"

/* What SSL_get_negotiated_group() says of a group without a NID: its number in TLS. */
#define UNNAMED(id)	(TLSEXT_nid_unknown | (id))

/* In the order of the default, which takes those that OpenSSL has and @usual says. */
static const struct {
	const char	*name;
	int		nid;
	bool		usual;
} groups[] = {
	{ "X25519MLKEM768", UNNAMED(0x11ec), true },	/* draft-ietf-tls-ecdhe-mlkem */
	{ "X25519", NID_X25519, true },
	{ "P-256", NID_X9_62_prime256v1, true },
	{ "P-384", NID_secp384r1, true },
	{ "P-521", NID_secp521r1, false },
	{ "X448", NID_X448, false },
	{ "SecP256r1MLKEM768", UNNAMED(0x11eb), false },
	{ "SecP384r1MLKEM1024", UNNAMED(0x11ed), false },
};

static const struct {
	const char	*name, *suite, *cipher;
	int		nid;
} ciphers[] = {
	{ "aes-128-gcm", "TLS_AES_128_GCM_SHA256",
	  "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256", NID_aes_128_gcm },
	{ "aes-256-gcm", "TLS_AES_256_GCM_SHA384",
	  "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384", NID_aes_256_gcm },
	{ "chacha20-poly1305", "TLS_CHACHA20_POLY1305_SHA256",
	  "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305", NID_chacha20_poly1305 },
};

static const struct {
	const char	*name;
	int		nid;
} curves[MQG_CRYPTO_CURVES] = {
	{ "P-256", NID_X9_62_prime256v1 },
	{ "P-384", NID_secp384r1 },
	{ "P-521", NID_secp521r1 },
	{ "Ed25519", NID_ED25519 },
	{ "Ed448", NID_ED448 },
};

/* RFC 8446, 4.2.3, without SHA-1. rsa_pkcs1_* sign in TLS 1.2 only. */
static const char *const signatures[] = {
	"ecdsa_secp256r1_sha256", "ed25519", "ecdsa_secp384r1_sha384", "ecdsa_secp521r1_sha512",
	"ed448", "rsa_pss_rsae_sha256", "rsa_pss_rsae_sha384", "rsa_pss_rsae_sha512",
	"rsa_pss_pss_sha256", "rsa_pss_pss_sha384", "rsa_pss_pss_sha512", "rsa_pkcs1_sha256",
	"rsa_pkcs1_sha384", "rsa_pkcs1_sha512",
};

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

_Static_assert(COUNT(groups) == MQG_CRYPTO_GROUPS, "room for every group");
_Static_assert(COUNT(ciphers) == MQG_CRYPTO_CIPHERS, "room for every cipher");

static bool has_group(const char *name)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
	bool has = ctx && SSL_CTX_set1_groups_list(ctx, name) == 1;

	SSL_CTX_free(ctx);
	ERR_clear_error();
	return has;
}

/* Appends to a list that is separated by @between. */
static void append(char *list, size_t size, const char *between, const char *name)
{
	size_t len = strlen(list);

	snprintf(list + len, size - len, "%s%s", len ? between : "", name);
}

static bool holds(const int *list, size_t n, int nid)
{
	for (size_t i = 0; i < n; i++)
		if (list[i] == nid)
			return true;
	return false;
}

int mqg_crypto_group(struct mqg_crypto_rule *rule, const char *name, char *why, size_t size)
{
	char list[256] = "";

	for (size_t i = 0; i < COUNT(groups); i++) {
		bool has = has_group(groups[i].name);

		if (has)
			append(list, sizeof(list), ", ", groups[i].name);
		if (!has || strcmp(groups[i].name, name))
			continue;
		if (holds(rule->groups, rule->n_groups, groups[i].nid))
			return -EEXIST;
		rule->groups[rule->n_groups++] = groups[i].nid;
		return 0;
	}
	snprintf(why, size, "\"%s\" is no group that OpenSSL %s has; it has %s", name,
		 OpenSSL_version(OPENSSL_VERSION_STRING), list);
	return -EINVAL;
}

int mqg_crypto_cipher(struct mqg_crypto_rule *rule, const char *name, char *why, size_t size)
{
	for (size_t i = 0; i < COUNT(ciphers); i++) {
		if (strcmp(ciphers[i].name, name))
			continue;
		if (holds(rule->ciphers, rule->n_ciphers, ciphers[i].nid))
			return -EEXIST;
		rule->ciphers[rule->n_ciphers++] = ciphers[i].nid;
		return 0;
	}
	snprintf(why, size, "\"%s\" is no cipher; there are aes-128-gcm, aes-256-gcm and "
		 "chacha20-poly1305", name);
	return -EINVAL;
}

int mqg_crypto_curve(struct mqg_crypto *crypto, const char *name, char *why, size_t size)
{
	for (size_t i = 0; i < COUNT(curves); i++) {
		if (strcmp(curves[i].name, name))
			continue;
		if (holds(crypto->curves, crypto->n_curves, curves[i].nid))
			return -EEXIST;
		crypto->curves[crypto->n_curves++] = curves[i].nid;
		return 0;
	}
	snprintf(why, size, "\"%s\" is no curve; there are P-256, P-384, P-521, Ed25519 and Ed448",
		 name);
	return -EINVAL;
}

int mqg_crypto_signature(struct mqg_crypto *crypto, const char *name, char *why, size_t size)
{
	char list[512] = "";

	for (size_t i = 0; i < COUNT(signatures); i++) {
		append(list, sizeof(list), ", ", signatures[i]);
		if (strcmp(signatures[i], name))
			continue;
		if (strstr(crypto->signatures, name))
			return -EEXIST;
		append(crypto->signatures, sizeof(crypto->signatures), ":", name);
		return 0;
	}
	snprintf(why, size, "\"%s\" is no signature algorithm; there are %s", name, list);
	return -EINVAL;
}

struct mqg_crypto *mqg_crypto_alloc(void)
{
	struct mqg_crypto *crypto = calloc(1, sizeof(*crypto));

	if (!crypto)
		return NULL;
	crypto->max_version = TLS1_3_VERSION;
	crypto->rsa_min = MQG_CRYPTO_RSA_MIN;
	return crypto;
}

void mqg_crypto_free(struct mqg_crypto *crypto)
{
	for (size_t i = 0; crypto && i < crypto->n_classes; i++)
		free(crypto->classes[i].identity);
	if (crypto)
		free(crypto->classes);
	free(crypto);
}

static void fill_rule(struct mqg_crypto_rule *rule)
{
	/* Of a client that has no preference, ours counts: what this processor is good at. */
	size_t first = mqg_cpu_has_aes() ? 0 : COUNT(ciphers) - 1;

	for (size_t i = 0; !rule->n_ciphers && i < COUNT(ciphers); i++)
		rule->ciphers[i] = ciphers[(first + i) % COUNT(ciphers)].nid;
	rule->n_ciphers = rule->n_ciphers ? rule->n_ciphers : COUNT(ciphers);
	if (rule->n_groups)
		return;
	for (size_t i = 0; i < COUNT(groups); i++)
		if (groups[i].usual && has_group(groups[i].name))
			rule->groups[rule->n_groups++] = groups[i].nid;
}

static void offer_cipher(struct mqg_crypto *crypto, int nid)
{
	for (size_t i = 0; i < COUNT(ciphers); i++) {
		if (ciphers[i].nid != nid || strstr(crypto->suites, ciphers[i].suite))
			continue;
		append(crypto->suites, sizeof(crypto->suites), ":", ciphers[i].suite);
		append(crypto->ciphers, sizeof(crypto->ciphers), ":", ciphers[i].cipher);
	}
}

/* What the handshake may use: the union, the listener's first. */
static void offer(struct mqg_crypto *crypto, const struct mqg_crypto_rule *rule, uint32_t *offered)
{
	for (size_t i = 0; i < rule->n_ciphers; i++)
		offer_cipher(crypto, rule->ciphers[i]);
	for (size_t i = 0; i < rule->n_groups; i++) {
		for (size_t n = 0; n < COUNT(groups); n++) {
			if (groups[n].nid != rule->groups[i] || *offered & 1U << n)
				continue;
			*offered |= 1U << n;
			append(crypto->groups, sizeof(crypto->groups), ":", groups[n].name);
		}
	}
}

void mqg_crypto_finish(struct mqg_crypto *crypto)
{
	uint32_t offered = 0;

	fill_rule(&crypto->rule);
	for (size_t i = 0; !crypto->n_curves && i < COUNT(curves); i++)
		crypto->curves[i] = curves[i].nid;
	crypto->n_curves = crypto->n_curves ? crypto->n_curves : COUNT(curves);
	if (!crypto->signatures[0])
		for (size_t i = 0; i < COUNT(signatures); i++)
			append(crypto->signatures, sizeof(crypto->signatures), ":", signatures[i]);
	offer(crypto, &crypto->rule, &offered);
	for (size_t i = 0; i < crypto->n_classes; i++) {
		/* What a class does not list it shares with everybody. */
		struct mqg_crypto_rule *rule = &crypto->classes[i].rule;

		if (!rule->n_groups) {
			memcpy(rule->groups, crypto->rule.groups, sizeof(rule->groups));
			rule->n_groups = crypto->rule.n_groups;
		}
		if (!rule->n_ciphers) {
			memcpy(rule->ciphers, crypto->rule.ciphers, sizeof(rule->ciphers));
			rule->n_ciphers = crypto->rule.n_ciphers;
		}
		offer(crypto, rule, &offered);
	}
}

const char *mqg_crypto_group_word(int nid)
{
	for (size_t i = 0; i < COUNT(groups); i++)
		if (groups[i].nid == nid)
			return groups[i].name;
	for (size_t i = 0; i < COUNT(curves); i++)
		if (curves[i].nid == nid)
			return curves[i].name;
	return "?";
}
