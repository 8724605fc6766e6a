// SPDX-License-Identifier: BSD-2-Clause
/* Takes chains over from OpenSSL; see proof.h. */
#include "proxy/proof.h"

#include <errno.h>
#include <string.h>

#include <openssl/asn1.h>
#include <openssl/crypto.h>

/* Of SSL_SESSION in ASN.1 (d2i_SSL_SESSION(3)): [3] is the peer's certificate. */
#define PEER	3

static bool has(STACK_OF(X509) *chain, const X509 *cert)
{
	for (int i = 0; i < sk_X509_num(chain); i++)
		if (!X509_cmp(sk_X509_value(chain, i), cert))
			return true;
	return false;
}

/* Is all that the client sent in @chain? */
static bool covers(STACK_OF(X509) *chain, STACK_OF(X509) *sent)
{
	for (int i = 0; i < sk_X509_num(sent); i++)
		if (!has(chain, sk_X509_value(sent, i)))
			return false;
	return true;
}

/* The element at @at: where it ends, and whether it is the peer's certificate. NULL: it is none. */
static const unsigned char *element(const unsigned char *at, const unsigned char *end, bool *peer)
{
	const unsigned char *inner = at;
	int tag, class;
	long len;

	if (ASN1_get_object(&inner, &len, &tag, &class, end - at) & 0x80)
		return NULL;
	*peer = class == V_ASN1_CONTEXT_SPECIFIC && tag == PEER;
	return inner + len;
}

/* Writes the session at @der without the peer's certificate. Returns its length; 0: it is none. */
static size_t copy_without(const unsigned char *der, size_t size, unsigned char *out)
{
	const unsigned char *at = der, *end, *next;
	unsigned char *to = out;
	int tag, class, body = 0;
	bool peer;
	long len;

	if (ASN1_get_object(&at, &len, &tag, &class, (long)size) & 0x80 || tag != V_ASN1_SEQUENCE)
		return 0;
	end = at + len;
	for (const unsigned char *p = at; p < end; p = next) {
		next = element(p, end, &peer);
		if (!next)
			return 0;
		body += peer ? 0 : (int)(next - p);
	}
	ASN1_put_object(&to, 1, body, V_ASN1_SEQUENCE, V_ASN1_UNIVERSAL);
	for (; at < end; at = next) {
		next = element(at, end, &peer);
		if (!peer) {
			memcpy(to, at, (size_t)(next - at));
			to += next - at;
		}
	}
	return (size_t)(to - out);
}

/*
 * There is no call by which a session lets go of its certificate; but to be read again, from its
 * own encoding and into itself, makes it do so. False: it has what it had.
 */
bool mqg_proof_forget(SSL *ssl)
{
	SSL_SESSION *session = SSL_get_session(ssl);
	bool had = SSL_SESSION_get0_peer(session);
	int size = !had ? 0 : i2d_SSL_SESSION(session, NULL);
	unsigned char *der = size > 0 ? OPENSSL_malloc(2 * (size_t)size) : NULL, *to = der;
	const unsigned char *from = der + (size > 0 ? size : 0);
	size_t len;

	if (!der)
		return !had;
	len = i2d_SSL_SESSION(session, &to) == size ? copy_without(der, (size_t)size, der + size)
						    : 0;
	if (len)
		d2i_SSL_SESSION(&session, &from, (long)len);
	OPENSSL_clear_free(der, 2 * (size_t)size);
	return !SSL_get0_peer_certificate(ssl);
}

static void empty(STACK_OF(X509) *certificates)
{
	while (sk_X509_num(certificates) > 0)
		X509_free(sk_X509_pop(certificates));
}

void mqg_proof_take(struct mqg_proof *proof, SSL *ssl, STACK_OF(X509) *chain)
{
	if (!covers(chain, SSL_get_peer_cert_chain(ssl)))
		return;
	proof->len = i2d_X509(sk_X509_value(chain, 0), &proof->leaf);
	proof->path = mqg_path_of(chain);
	if (proof->len <= 0 || !proof->path || !mqg_proof_forget(ssl)) {
		mqg_proof_drop(proof);
		return;
	}
	empty(SSL_get_peer_cert_chain(ssl));
	empty(SSL_get0_verified_chain(ssl));
}

int mqg_proof_set(struct mqg_proof *proof, const unsigned char *leaf, size_t len,
		  struct mqg_path *path)
{
	proof->leaf = OPENSSL_memdup(leaf, len);
	if (!proof->leaf)
		return -ENOMEM;
	proof->len = (int)len;
	proof->path = mqg_path_get(path);
	return 0;
}

STACK_OF(X509) *mqg_proof_chain(const struct mqg_proof *proof)
{
	const unsigned char *from = proof->leaf;
	X509 *leaf = d2i_X509(NULL, &from, proof->len);
	STACK_OF(X509) *chain = leaf ? mqg_path_chain(proof->path, leaf) : NULL;

	X509_free(leaf);
	return chain;
}

void mqg_proof_drop(struct mqg_proof *proof)
{
	OPENSSL_free(proof->leaf);
	mqg_path_put(proof->path);
	memset(proof, 0, sizeof(*proof));
}
