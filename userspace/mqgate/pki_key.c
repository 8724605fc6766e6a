// SPDX-License-Identifier: BSD-2-Clause
/*
 * Keys of `mqgate pki`: types, generation, files. Called by the verbs of pki.c and by pki_cert.c.
 */
#include <stdio.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/pem.h>

#include "mqgate/pki.h"

static const struct {
	const char	*word;
	const char	*algorithm;
	const char	*curve;		/* EC */
	size_t		bits;		/* RSA */
} types[] = {
	{ "p256", "EC", "P-256", 0 },
	{ "p384", "EC", "P-384", 0 },
	{ "ed25519", "ED25519", NULL, 0 },
	{ "rsa2048", "RSA", NULL, 2048 },
	{ "rsa3072", "RSA", NULL, 3072 },
	{ "rsa4096", "RSA", NULL, 4096 },
};

#define TYPES (sizeof(types) / sizeof(types[0]))

bool mqg_pki_key_known(const char *word)
{
	for (size_t i = 0; i < TYPES; i++)
		if (!strcmp(types[i].word, word))
			return true;
	return false;
}

EVP_PKEY *mqg_pki_key_make(const char *word)
{
	for (size_t i = 0; i < TYPES; i++) {
		if (strcmp(types[i].word, word))
			continue;
		if (types[i].curve)
			return EVP_PKEY_Q_keygen(NULL, NULL, types[i].algorithm, types[i].curve);
		if (types[i].bits)
			return EVP_PKEY_Q_keygen(NULL, NULL, types[i].algorithm, types[i].bits);
		return EVP_PKEY_Q_keygen(NULL, NULL, types[i].algorithm);
	}
	return NULL;
}

const EVP_MD *mqg_pki_key_digest(const EVP_PKEY *key)
{
	if (EVP_PKEY_is_a(key, "ED25519"))
		return NULL;
	/* As strong as the curve (FIPS 186-4, 6.4). */
	return EVP_PKEY_is_a(key, "EC") && EVP_PKEY_get_bits(key) > 256 ? EVP_sha384()
									: EVP_sha256();
}

int mqg_pki_key_write(const struct mqg_pki_dir *dir, const char *name, EVP_PKEY *key, char *why,
		      size_t size)
{
	BIO *text = BIO_new(BIO_s_secmem());
	int err = -1;

	snprintf(why, size, "%s/%s: no memory for a key", dir->path, name);
	if (text && PEM_write_bio_PrivateKey(text, key, NULL, NULL, 0, NULL, NULL) == 1)
		err = mqg_pki_write(dir, name, 0600, text, false, why, size);
	BIO_free(text);
	return err;
}

static int no_passphrase(char *buf, int size, int writing, void *arg)
{
	(void)buf;
	(void)size;
	(void)writing;
	(void)arg;
	return -1;
}

EVP_PKEY *mqg_pki_key_read(const struct mqg_pki_dir *dir, const char *name, char *why,
			   size_t size)
{
	BIO *bio = mqg_pki_read(dir, name, why, size);
	EVP_PKEY *key;

	if (!bio)
		return NULL;
	key = PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, NULL);
	BIO_free(bio);
	if (!key)
		snprintf(why, size, "%s/%s: holds no PEM private key without a passphrase; this "
			 "PKI cannot sign any more: make another one", dir->path, name);
	ERR_clear_error();
	return key;
}

X509 *mqg_pki_cert_read(const struct mqg_pki_dir *dir, const char *name, char *why, size_t size)
{
	BIO *bio = mqg_pki_read(dir, name, why, size);
	X509 *cert;

	if (!bio)
		return NULL;
	cert = PEM_read_bio_X509(bio, NULL, no_passphrase, NULL);
	BIO_free(bio);
	if (!cert)
		snprintf(why, size, "%s/%s: holds no PEM certificate", dir->path, name);
	ERR_clear_error();
	return cert;
}
