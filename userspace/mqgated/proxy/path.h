/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The CA certificates of verified chains, from the issuer of the client's certificate to the
 * anchor. A fleet has few such paths and many devices below each: a path is kept once and shared by
 * whatever remembers a chain. One table of the process, behind a mutex, of bounded size: when it is
 * full, the path that was added first goes; who holds it keeps it.
 */
#ifndef MQG_PATH_H
#define MQG_PATH_H

#include <stdbool.h>

#include <openssl/x509.h>

#define MQG_PATH_DIGEST	32	/* SHA-256 */
/* Paths at most; each takes some 4 kB a certificate. */
#define MQG_PATH_MAX	256U

struct mqg_path;

/**
 * mqg_path_of() - the path of a verified chain
 * @chain: the client's certificate first, the anchor last. Only verified chains: what is in the
 *         table is taken for verified
 *
 * Return: the path, mqg_path_put() it; NULL without memory. Context: any thread.
 */
struct mqg_path *mqg_path_of(STACK_OF(X509) *chain);

/* The path with that digest; NULL = not known (any more). Context: any thread. */
struct mqg_path *mqg_path_find(const unsigned char digest[MQG_PATH_DIGEST]);

struct mqg_path *mqg_path_get(struct mqg_path *path);
/* NULL is nothing. */
void mqg_path_put(struct mqg_path *path);

/* SHA-256 of its certificates, each with its length. */
const unsigned char *mqg_path_digest(const struct mqg_path *path);

/* Its certificates, the anchor last; they live as long as the path. */
STACK_OF(X509) *mqg_path_certificates(const struct mqg_path *path);

/* A chain of its own: @leaf and the path. NULL without memory. */
STACK_OF(X509) *mqg_path_chain(const struct mqg_path *path, X509 *leaf);

/* Adds a certificate's length and DER form to a digest; false: impossible. */
bool mqg_path_hash(EVP_MD_CTX *ctx, const X509 *cert);

#endif
