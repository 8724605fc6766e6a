// SPDX-License-Identifier: BSD-2-Clause
/* The table of verified chains; see chain_cache.h. On its worker's thread. */
#include "proxy/chain_cache.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>
#include <openssl/x509v3.h>

#include <uthash.h>

#include "common/names.h"
#include "proxy/path.h"
#include "proxy/tls.h"

/* Stale ones that go when another comes: so the table never has to be emptied at a stroke. */
#define SWEEP	2

/* The client's own certificate is not kept: it brings it. */
struct mqg_chain {
	UT_hash_handle		hh;		/* the one not used for longest first */
	struct mqg_chain_key	key;
	struct mqg_path		*path;
	struct mqg_term		term;
	uint64_t		end;		/* boot time */
};

/* ---- how long ------------------------------------------------------------------------------ */

static time_t seconds_of(const ASN1_TIME *time, time_t fallback)
{
	struct tm tm;

	return time && ASN1_TIME_to_tm(time, &tm) ? timegm(&tm) : fallback;
}

static void narrow(struct mqg_term *term, time_t since, time_t until)
{
	if (since > term->since)
		term->since = since;
	if (until < term->until)
		term->until = until;
}

/* Does @crl speak of a certificate of @chain? */
static bool concerns(X509_CRL *crl, STACK_OF(X509) *chain)
{
	for (int i = 0; i < sk_X509_num(chain); i++)
		if (!X509_NAME_cmp(X509_CRL_get_issuer(crl),
				   X509_get_issuer_name(sk_X509_value(chain, i))))
			return true;
	return false;
}

/*
 * Which of an issuer's lists was asked OpenSSL does not tell: the term ends with the first that is
 * in time now, and begins to be asked anew where one is that is not yet.
 */
static void narrow_by_list(struct mqg_term *term, X509_CRL *crl, bool stale, time_t now)
{
	time_t since = seconds_of(X509_CRL_get0_lastUpdate(crl), now + 1);
	time_t until = X509_CRL_get0_nextUpdate(crl)
			       ? seconds_of(X509_CRL_get0_nextUpdate(crl), 0) : term->until;

	if (since > now)
		narrow(term, 0, since);
	else if (until > now)
		narrow(term, since, stale ? term->until : until);
}

struct mqg_term mqg_certificate_term(const X509 *cert)
{
	return (struct mqg_term){ seconds_of(X509_get0_notBefore(cert), INT64_MAX),
				  seconds_of(X509_get0_notAfter(cert), 0) };
}

struct mqg_term mqg_chain_term(STACK_OF(X509) *chain, const struct mqg_tls_policy *policy)
{
	struct mqg_term term = { .until = INT64_MAX };
	time_t now = time(NULL);

	for (int i = 0; i < sk_X509_num(chain); i++) {
		struct mqg_term own = mqg_certificate_term(sk_X509_value(chain, i));

		narrow(&term, own.since, own.until);
	}
	for (int i = 0; policy->crls && i < sk_X509_CRL_num(policy->crls); i++) {
		X509_CRL *crl = sk_X509_CRL_value(policy->crls, i);

		if (concerns(crl, chain))
			narrow_by_list(&term, crl, policy->crl_stale, now);
	}
	return term;
}

bool mqg_term_holds(const struct mqg_term *term)
{
	time_t now = time(NULL);

	return now >= term->since && now < term->until;
}

/* ---- the table ----------------------------------------------------------------------------- */

static void drop(struct mqg_chain_cache *cache, struct mqg_chain *c)
{
	HASH_DEL(cache->table, c);
	mqg_path_put(c->path);
	free(c);
	atomic_store_explicit(&cache->entries, HASH_COUNT(cache->table), memory_order_relaxed);
}

static bool holds(const struct mqg_chain *c)
{
	return mqg_boottime_ns() < c->end && mqg_term_holds(&c->term);
}

void mqg_chain_cache_change(struct mqg_chain_cache *cache, uint64_t epoch, uint32_t size,
			    uint64_t limit_ns)
{
	cache->epoch = epoch;
	cache->size = size;
	cache->limit_ns = limit_ns;
	while (!size && cache->table)
		drop(cache, cache->table);
}

void mqg_chain_cache_exit(struct mqg_chain_cache *cache)
{
	while (cache->table)
		drop(cache, cache->table);
	EVP_MD_CTX_free(cache->hash);
	EVP_MD_free(cache->sha256);
}

/* Once a worker: fetching an algorithm takes locks that all threads share. */
static bool has_hash(struct mqg_chain_cache *cache)
{
	if (!cache->sha256)
		cache->sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
	if (!cache->hash)
		cache->hash = EVP_MD_CTX_new();
	return cache->sha256 && cache->hash;
}

bool mqg_chain_cache_key(struct mqg_chain_cache *cache, X509_STORE_CTX *store, uint64_t context,
			 struct mqg_chain_key *key)
{
	STACK_OF(X509) *sent = X509_STORE_CTX_get0_untrusted(store);
	bool fine = cache->size && has_hash(cache) && sent &&
		    sk_X509_value(sent, 0) == X509_STORE_CTX_get0_cert(store) &&
		    EVP_DigestInit_ex2(cache->hash, cache->sha256, NULL);

	memset(key, 0, sizeof(*key));
	for (int i = 0; fine && i < sk_X509_num(sent); i++)
		fine = mqg_path_hash(cache->hash, sk_X509_value(sent, i));
	key->context = context;
	key->epoch = cache->epoch;
	return fine && EVP_DigestFinal_ex(cache->hash, key->chain, NULL);
}

bool mqg_chain_cache_find(struct mqg_chain_cache *cache, const struct mqg_chain_key *key,
			  X509_STORE_CTX *store)
{
	STACK_OF(X509) *chain;
	struct mqg_chain *c;

	HASH_FIND(hh, cache->table, key, sizeof(*key), c);
	if (!c)
		return false;
	if (!holds(c)) {
		drop(cache, c);
		return false;
	}
	chain = mqg_path_chain(c->path, X509_STORE_CTX_get0_cert(store));
	if (!chain)
		return false;
	HASH_DEL(cache->table, c);
	HASH_ADD(hh, cache->table, key, sizeof(c->key), c);
	X509_STORE_CTX_set0_verified_chain(store, chain);
	X509_STORE_CTX_set_error(store, X509_V_OK);
	return true;
}

/* Makes room for one, and lets what can never be found again go a little at a time. */
static void make_room(struct mqg_chain_cache *cache)
{
	for (int i = 0; cache->table && i < SWEEP; i++) {
		struct mqg_chain *oldest = cache->table;

		if (oldest->key.epoch == cache->epoch && holds(oldest) &&
		    HASH_COUNT(cache->table) < cache->size)
			return;
		drop(cache, oldest);
	}
}

void mqg_chain_cache_keep(struct mqg_chain_cache *cache, const struct mqg_chain_key *key,
			  X509_STORE_CTX *store, const struct mqg_tls_policy *policy)
{
	STACK_OF(X509) *chain = X509_STORE_CTX_get0_chain(store);
	struct mqg_chain *c = calloc(1, sizeof(*c));

	if (!c)
		return;
	c->key = *key;
	c->term = mqg_chain_term(chain, policy);
	c->end = mqg_boottime_ns() + cache->limit_ns;
	if (holds(c))
		c->path = mqg_path_of(chain);
	if (!c->path) {
		free(c);
		return;
	}
	make_room(cache);
	HASH_ADD(hh, cache->table, key, sizeof(c->key), c);
	atomic_store_explicit(&cache->entries, HASH_COUNT(cache->table), memory_order_relaxed);
}
