/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Resumption by tickets (RFC 8446, 2.2; RFC 5077): what goes into one, and when it is still good.
 * OpenSSL seals the session, with the note of ticket_note.h in it, and verifies nothing again. So
 * everything that a full handshake would find has changed since is asked here, before the session
 * is taken up, and a ticket that is not good enough costs its client a full handshake and no more.
 * Called by OpenSSL in handshakes, on the worker's thread.
 */
#ifndef MQG_TICKET_H
#define MQG_TICKET_H

#include <openssl/ssl.h>

#include "config/config.h"
#include "proxy/ticket_note.h"

struct mqg_tls_policy;

/* Why a ticket was declined. */
enum mqg_ticket_declined {
	MQG_TICKET_KEY,		/* sealed by no key that is known, any more or at all */
	MQG_TICKET_POLICY,	/* of another listener, server name, CA, list or policy */
	MQG_TICKET_AGE,		/* its full handshake was a lifetime ago */
	MQG_TICKET_EXPIRED,	/* a certificate of the chain, or a list that was asked */
	MQG_TICKET_REVOKED,	/* here, by identity, serial number or fingerprint */
	MQG_TICKET_PATH,	/* the CAs above the certificate have not been seen here yet */
	MQG_TICKET_SUPERSEDED,	/* its identity has come with a newer certificate since */
	MQG_TICKET_DECLINED	/* how many there are */
};

const char *mqg_ticket_word(enum mqg_ticket_declined declined);

/*
 * Makes contexts of @from give and take tickets, and fills @policy->scope: the digest of what a
 * client was let in by. 0 or -ENOMEM.
 */
int mqg_ticket_setup(SSL_CTX *ctx, const struct mqg_policy *from, struct mqg_tls_policy *policy);

/* Before a handshake: none of both where resumption is off. The application data is set. */
void mqg_ticket_start(SSL *ssl);

/* What the ticket of a resumed session said; until mqg_ticket_over(). False: there was none. */
bool mqg_ticket_read(const SSL *ssl, struct mqg_ticket_says *says);

/* The handshake is over, and nothing is sealed any more: what would be is given back. */
void mqg_ticket_over(SSL *ssl);

#endif
