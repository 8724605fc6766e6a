/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What cryptography a TLS listener takes part in: versions, groups, ciphers, signature algorithms,
 * keys of client certificates, and classes of devices with lists of their own. Made while the
 * configuration is loaded, by the main thread; constant afterwards.
 */
#ifndef MQG_CONFIG_CRYPTO_H
#define MQG_CONFIG_CRYPTO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MQG_CRYPTO_GROUPS	8
#define MQG_CRYPTO_CIPHERS	3
#define MQG_CRYPTO_CURVES	5
#define MQG_CRYPTO_RSA_MIN	2048U
#define MQG_CRYPTO_RSA_MAX	16384U

/* OpenSSL's numbers, as SSL_get_negotiated_group() and SSL_CIPHER_get_cipher_nid() tell them. */
struct mqg_crypto_rule {
	int	groups[MQG_CRYPTO_GROUPS], ciphers[MQG_CRYPTO_CIPHERS];
	size_t	n_groups, n_ciphers;
};

/* Devices whose identity is @identity, or begins with it where it ended in '*'. */
struct mqg_crypto_class {
	char			*identity;
	bool			prefix;
	struct mqg_crypto_rule	rule;
};

/**
 * struct mqg_crypto - the policy of one listener
 * @max_version: TLS1_2_VERSION or TLS1_3_VERSION
 * @rule:     for every device that fits no class
 * @classes:  the first that fits counts, in place of @rule
 * @groups:   for OpenSSL, in order of preference: those of @rule, then those of classes alone
 * @ciphers:  the same for TLS 1.2
 * @suites:   and for TLS 1.3
 * @signatures: for OpenSSL: of the client, and of this gateway
 * @curves:   NIDs of the keys that are not RSA that a client's certificate may have
 * @rsa_min:  bits of an RSA key in it
 */
struct mqg_crypto {
	int			max_version;
	struct mqg_crypto_rule	rule;
	struct mqg_crypto_class	*classes;
	size_t			n_classes;
	char			groups[160], ciphers[256], suites[128], signatures[512];
	int			curves[MQG_CRYPTO_CURVES];
	size_t			n_curves;
	uint32_t		rsa_min;
};

/* Everything empty. NULL: no memory. mqg_crypto_free() takes NULL, too. */
struct mqg_crypto *mqg_crypto_alloc(void);
void mqg_crypto_free(struct mqg_crypto *crypto);

/*
 * Each adds one name. 0, or -EINVAL and @why: "there is no such ...; it has A, B and C", -EEXIST:
 * it is there already.
 */
int mqg_crypto_group(struct mqg_crypto_rule *rule, const char *name, char *why, size_t size);
int mqg_crypto_cipher(struct mqg_crypto_rule *rule, const char *name, char *why, size_t size);
int mqg_crypto_curve(struct mqg_crypto *crypto, const char *name, char *why, size_t size);
int mqg_crypto_signature(struct mqg_crypto *crypto, const char *name, char *why, size_t size);

/* The strict defaults in the place of every list that is empty, and the strings for OpenSSL. */
void mqg_crypto_finish(struct mqg_crypto *crypto);

/* The usual name of a group or curve, or "?". */
const char *mqg_crypto_group_word(int nid);

#endif
