/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The chains that a worker has verified, so that a device that comes again costs no signature of a
 * CA. It belongs to its worker's thread; no lock. Only what was let in is in it: a client can make
 * it forget, by bringing more good chains than it holds, but not remember what was refused.
 *
 * A chain is known by the SHA-256 of everything that the client sent, by the context that verified
 * it (its CAs, lists, pins and rules) and by the trust epoch. It is good until the first of its
 * certificates expires, the first list that was asked is out of date, or the time limit is over.
 * What can change without these is asked on every hit: the local revocations, and after the
 * handshake the identity. That the client has the key is proven in every full handshake: libssl
 * checks CertificateVerify beside all this.
 */
#ifndef MQG_CHAIN_CACHE_H
#define MQG_CHAIN_CACHE_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include <openssl/x509_vfy.h>

#include "proxy/counter.h"

struct mqg_chain;
struct mqg_tls_policy;

/* While the verdict of a verification can stay what it is; wall clock. */
struct mqg_term {
	time_t	since, until;
};

struct mqg_chain_key {
	unsigned char	chain[32];
	uint64_t	context, epoch;
};

/* @size: chains at most, 0 = none. @entries: read by anybody. */
struct mqg_chain_cache {
	struct mqg_chain	*table;
	EVP_MD			*sha256;
	EVP_MD_CTX		*hash;
	uint64_t		epoch, limit_ns;
	uint32_t		size;
	mqg_counter		entries;
};

/* Goes over to a trust epoch; what is older is never found again, and goes with what comes. */
void mqg_chain_cache_change(struct mqg_chain_cache *cache, uint64_t epoch, uint32_t size,
			    uint64_t limit_ns);
void mqg_chain_cache_exit(struct mqg_chain_cache *cache);

/**
 * mqg_chain_cache_key() - by what a chain is known
 * @store:   about to verify it
 * @context: number of the context that does
 * @key:     out
 *
 * Return: true, or false: the cache is off, or there is no memory.
 */
bool mqg_chain_cache_key(struct mqg_chain_cache *cache, X509_STORE_CTX *store, uint64_t context,
			 struct mqg_chain_key *key);

/* Is it known? Then @store has the verified chain, as after X509_verify_cert(). */
bool mqg_chain_cache_find(struct mqg_chain_cache *cache, const struct mqg_chain_key *key,
			  X509_STORE_CTX *store);

/* Remembers what X509_verify_cert() has just found good. */
void mqg_chain_cache_keep(struct mqg_chain_cache *cache, const struct mqg_chain_key *key,
			  X509_STORE_CTX *store, const struct mqg_tls_policy *policy);

/* How long @chain, which is verified, stays so if nobody changes what it was verified by. */
struct mqg_term mqg_chain_term(STACK_OF(X509) *chain, const struct mqg_tls_policy *policy);

/* From its notBefore to its notAfter; never where these cannot be read. */
struct mqg_term mqg_certificate_term(const X509 *cert);

/* Is it now? */
bool mqg_term_holds(const struct mqg_term *term);

#endif
