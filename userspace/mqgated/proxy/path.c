// SPDX-License-Identifier: BSD-2-Clause
/* The table of paths; see path.h. `lock` guards the table and every reference count. */
#include "proxy/path.h"

#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

#include <uthash.h>

struct mqg_path {
	UT_hash_handle	hh;		/* the one added first comes first */
	unsigned char	digest[MQG_PATH_DIGEST];
	STACK_OF(X509)	*cas;
	unsigned int	references;	/* the table's and its users' */
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct mqg_path *table;

bool mqg_path_hash(EVP_MD_CTX *ctx, const X509 *cert)
{
	unsigned char *der = NULL;
	int len = i2d_X509(cert, &der);
	uint32_t size = (uint32_t)len;
	bool fine = len > 0 && EVP_DigestUpdate(ctx, &size, sizeof(size)) &&
		    EVP_DigestUpdate(ctx, der, size);

	OPENSSL_free(der);
	return fine;
}

static bool digest_of(STACK_OF(X509) *chain, unsigned char digest[MQG_PATH_DIGEST])
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	bool fine = ctx && EVP_DigestInit_ex(ctx, EVP_sha256(), NULL);

	for (int i = 1; fine && i < sk_X509_num(chain); i++)
		fine = mqg_path_hash(ctx, sk_X509_value(chain, i));
	fine = fine && EVP_DigestFinal_ex(ctx, digest, NULL);
	EVP_MD_CTX_free(ctx);
	return fine;
}

/* With the lock. */
static void put(struct mqg_path *path)
{
	if (--path->references)
		return;
	sk_X509_pop_free(path->cas, X509_free);
	free(path);
}

static struct mqg_path *make(STACK_OF(X509) *chain, const unsigned char *digest)
{
	struct mqg_path *path = calloc(1, sizeof(*path));

	if (!path)
		return NULL;
	memcpy(path->digest, digest, sizeof(path->digest));
	path->references = 1;
	path->cas = X509_chain_up_ref(chain);
	if (!path->cas) {
		free(path);
		return NULL;
	}
	X509_free(sk_X509_shift(path->cas));
	return path;
}

struct mqg_path *mqg_path_of(STACK_OF(X509) *chain)
{
	unsigned char digest[MQG_PATH_DIGEST];
	struct mqg_path *path, *first;

	if (!digest_of(chain, digest))
		return NULL;
	pthread_mutex_lock(&lock);
	HASH_FIND(hh, table, digest, sizeof(digest), path);
	if (!path) {
		path = make(chain, digest);
		if (path)
			HASH_ADD(hh, table, digest, sizeof(digest), path);
		if (HASH_COUNT(table) > MQG_PATH_MAX) {
			first = table;
			HASH_DEL(table, first);
			put(first);
		}
	}
	if (path)
		path->references++;
	pthread_mutex_unlock(&lock);
	return path;
}

struct mqg_path *mqg_path_find(const unsigned char digest[MQG_PATH_DIGEST])
{
	struct mqg_path *path;

	pthread_mutex_lock(&lock);
	HASH_FIND(hh, table, digest, MQG_PATH_DIGEST, path);
	if (path)
		path->references++;
	pthread_mutex_unlock(&lock);
	return path;
}

struct mqg_path *mqg_path_get(struct mqg_path *path)
{
	pthread_mutex_lock(&lock);
	path->references++;
	pthread_mutex_unlock(&lock);
	return path;
}

void mqg_path_put(struct mqg_path *path)
{
	if (!path)
		return;
	pthread_mutex_lock(&lock);
	put(path);
	pthread_mutex_unlock(&lock);
}

const unsigned char *mqg_path_digest(const struct mqg_path *path)
{
	return path->digest;
}

STACK_OF(X509) *mqg_path_certificates(const struct mqg_path *path)
{
	return path->cas;
}

STACK_OF(X509) *mqg_path_chain(const struct mqg_path *path, X509 *leaf)
{
	STACK_OF(X509) *chain = X509_chain_up_ref(path->cas);

	if (!chain)
		return NULL;
	if (!X509_up_ref(leaf) || !sk_X509_unshift(chain, leaf)) {
		sk_X509_pop_free(chain, X509_free);
		return NULL;
	}
	return chain;
}
