/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What is kept of a client's chain while its session lasts. OpenSSL keeps every certificate as
 * objects of five kilobytes and more; to judge a session again its own certificate as DER and the
 * path of CAs, which all devices below it share, are enough. It belongs to a session and is
 * touched by its worker's thread only.
 */
#ifndef MQG_PROOF_H
#define MQG_PROOF_H

#include <stdbool.h>
#include <stddef.h>

#include <openssl/ssl.h>

#include "proxy/path.h"

/* All zero: nothing was taken, and OpenSSL has it all. */
struct mqg_proof {
	unsigned char	*leaf;		/* DER */
	int		len;
	struct mqg_path	*path;
};

/**
 * mqg_proof_take() - take the chain over from OpenSSL
 * @proof: empty
 * @ssl:   its handshake is over
 * @chain: that was verified, the client's certificate first
 *
 * Nothing is changed where the client sent a certificate that is not in @chain, which another
 * verification might need; where there is no memory; and where OpenSSL would not let go. What asks
 * @ssl for the client's certificates finds none afterwards; what was negotiated is still there.
 */
void mqg_proof_take(struct mqg_proof *proof, SSL *ssl, STACK_OF(X509) *chain);

/*
 * Makes the session of @ssl let its certificate go. False: it has what it had. Done before a ticket
 * is sealed: of one that comes back OpenSSL would read the certificate, public key and all, which
 * takes as long as the rest of the handshake.
 */
bool mqg_proof_forget(SSL *ssl);

/* Of a session that was resumed: @leaf is copied, @path gets another user. 0 or -ENOMEM. */
int mqg_proof_set(struct mqg_proof *proof, const unsigned char *leaf, size_t len,
		  struct mqg_path *path);

/* The chain again; sk_X509_pop_free() it. NULL without memory. @proof is not empty. */
STACK_OF(X509) *mqg_proof_chain(const struct mqg_proof *proof);

void mqg_proof_drop(struct mqg_proof *proof);

#endif
