// SPDX-License-Identifier: BSD-2-Clause
/*
 * The checking pass over the crypto policy of one TLS policy. Called by check_policy.c in the
 * main thread; no lock.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/ssl.h>

#include "config/check.h"

#define complain(check, ...) mqg_complain(&(check)->complaint, __VA_ARGS__)

/* One of the functions of crypto.h. */
typedef int (*add_fn)(void *to, const char *name, char *why, size_t size);

static int add_group(void *to, const char *name, char *why, size_t size)
{
	return mqg_crypto_group(to, name, why, size);
}

static int add_cipher(void *to, const char *name, char *why, size_t size)
{
	return mqg_crypto_cipher(to, name, why, size);
}

static int add_curve(void *to, const char *name, char *why, size_t size)
{
	return mqg_crypto_curve(to, name, why, size);
}

static int add_signature(void *to, const char *name, char *why, size_t size)
{
	return mqg_crypto_signature(to, name, why, size);
}

static int check_names(const struct mqg_check *check, const char *owner, const char *key,
		       char **list, unsigned int count, add_fn add, void *to)
{
	for (unsigned int i = 0; i < count; i++) {
		char path[MQG_PATH_MAX + 64], why[768];
		int err;

		snprintf(path, sizeof(path), "%.255s.%s[%u]", owner, key, i);
		err = add(to, list[i], why, sizeof(why));
		if (err == -EEXIST)
			return complain(check, path, "%s is there already; leave it out", list[i]);
		if (err)
			return complain(check, path, "%s", why);
	}
	return 0;
}

static int check_class(const struct mqg_check *check, const char *owner, size_t i,
		       const struct raw_class *from, struct mqg_crypto *crypto)
{
	struct mqg_crypto_class *to = &crypto->classes[i];
	char path[MQG_PATH_MAX], key[MQG_PATH_MAX + 16];
	size_t len = strlen(from->identity);
	int err;

	snprintf(path, sizeof(path), "%s.classes[%zu]", owner, i);
	snprintf(key, sizeof(key), "%s.identity", path);
	err = mqg_check_copy(from->identity, &to->identity);
	if (err)
		return err;
	crypto->n_classes = i + 1;
	to->prefix = len && from->identity[len - 1] == '*';
	if (to->prefix)
		to->identity[len - 1] = '\0';
	if (!len || strchr(to->identity, '*'))
		return complain(check, key, "\"%s\" is no identity; write one, or its beginning "
					    "and a '*' at the end", from->identity);
	if (!from->groups_count && !from->ciphers_count)
		return complain(check, path, "says nothing; give it groups or ciphers, or leave it "
					     "out");
	err = check_names(check, path, "groups", from->groups, from->groups_count, add_group,
			  &to->rule);
	return err ? err : check_names(check, path, "ciphers", from->ciphers, from->ciphers_count,
				       add_cipher, &to->rule);
}

static int check_client_keys(const struct mqg_check *check, const char *owner,
			     const struct raw_client_keys *from, struct mqg_crypto *crypto)
{
	char path[MQG_PATH_MAX], key[MQG_PATH_MAX + 16];
	int err;

	if (!from)
		return 0;
	snprintf(path, sizeof(path), "%s.client_keys", owner);
	snprintf(key, sizeof(key), "%s.rsa_min", path);
	err = mqg_check_number(check, key, from->rsa_min, MQG_CRYPTO_RSA_MIN, MQG_CRYPTO_RSA_MIN,
			       MQG_CRYPTO_RSA_MAX, &crypto->rsa_min);
	return err ? err : check_names(check, path, "curves", from->curves, from->curves_count,
				       add_curve, crypto);
}

int mqg_check_crypto(struct mqg_check *check, const char *owner, const struct raw_tls *tls,
		     struct mqg_policy *to)
{
	struct mqg_crypto *crypto = mqg_crypto_alloc();
	char path[MQG_PATH_MAX];
	int err;

	to->crypto = crypto;
	if (!crypto)
		return -ENOMEM;
	snprintf(path, sizeof(path), "%s.max_version", owner);
	crypto->max_version = tls->max_version ? *tls->max_version : TLS1_3_VERSION;
	if (crypto->max_version < to->tls_min)
		return complain(check, path, "is below min_version; no client could connect");
	err = check_names(check, owner, "groups", tls->groups, tls->groups_count, add_group,
			  &crypto->rule);
	if (!err)
		err = check_names(check, owner, "ciphers", tls->ciphers, tls->ciphers_count,
				  add_cipher, &crypto->rule);
	if (!err)
		err = check_names(check, owner, "signature_algorithms", tls->signatures,
				  tls->signatures_count, add_signature, crypto);
	if (!err)
		err = check_client_keys(check, owner, tls->client_keys, crypto);
	if (err)
		return err;
	crypto->classes = calloc(tls->classes_count + 1, sizeof(*crypto->classes));
	if (!crypto->classes)
		return -ENOMEM;
	for (size_t i = 0; !err && i < tls->classes_count; i++)
		err = check_class(check, owner, i, &tls->classes[i], crypto);
	if (!err)
		mqg_crypto_finish(crypto);
	return err;
}
