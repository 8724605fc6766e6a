/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a ticket says besides OpenSSL's session: written before it is sealed, read when it comes
 * back. The certificate is in it, and not in the session: there OpenSSL would read it, public key
 * and all, which takes as long as the rest of the handshake. Called by ticket.c, on the worker's
 * thread; stateless.
 */
#ifndef MQG_TICKET_NOTE_H
#define MQG_TICKET_NOTE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <openssl/ssl.h>

#define MQG_TICKET_DIGEST	32	/* SHA-256 */

struct mqg_path;

/*
 * A note that was read; it points into the session. Times are those of the full handshake, and stay
 * what they are when a resumed session gets another ticket.
 */
struct mqg_ticket_says {
	uint64_t		proven;		/* wall clock: the client had the key */
	uint64_t		until;		/* the chain and its lists are good */
	int64_t			since;		/* the certificate's notBefore */
	const uint8_t		*scope;		/* policy and server name */
	const uint8_t		*above;		/* digest of the CAs above the certificate */
	const uint8_t		*digest;	/* of the certificate */
	const char		*serial;	/* as local revocations have it; NULL = none */
	const char		*identity;	/* by the policy's rule; NULL = none usable */
	const unsigned char	*leaf;		/* the certificate, DER */
	size_t			len;
	struct mqg_path		*path;		/* those CAs, by mqg_ticket_read() */
};

/*
 * Writes what is known of the client, whose handshake was a full one, into the session, and takes
 * the certificate out of that. False: no memory, or too long a certificate.
 */
bool mqg_ticket_note(SSL *ssl, const uint8_t scope[MQG_TICKET_DIGEST]);

/* False: it has none, or one of another version. */
bool mqg_ticket_note_read(SSL_SESSION *session, struct mqg_ticket_says *says);

#endif
