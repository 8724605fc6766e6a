/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * TLS of the listeners: contexts that demand a client certificate, what a failed handshake means,
 * and whether a client that was let in would still be. A context belongs to one worker and one
 * policy, so that workers share no lock in it.
 */
#ifndef MQG_TLS_H
#define MQG_TLS_H

#include <stdbool.h>
#include <stddef.h>

#include <openssl/ssl.h>

#include "config/config.h"
#include "proxy/chain_cache.h"
#include "proxy/counter.h"
#include "proxy/proof.h"
#include "proxy/stream.h"
#include "proxy/ticket.h"
#include "revoke/revoked.h"

/* Intermediate certificates between a client's and a configured CA. */
#define MQG_TLS_DEPTH_MAX	4
/* Bytes of a client's chain. */
#define MQG_TLS_CHAIN_MAX	16384

/* Of one listener on one worker. */
struct mqg_tls_counts {
	mqg_counter	chain_hits, chain_misses;
	mqg_counter	full, resumed;		/* handshakes that were finished */
	mqg_counter	declined[MQG_TICKET_DECLINED];
};

/* KeyUpdates, or attempts to renegotiate, of a client within a minute. */
#define MQG_TLS_REKEY_MAX	32

/* @over: it has asked more often than that, and its connection is of no use any more */
struct mqg_tls_rekey {
	uint64_t	since;		/* CLOCK_MONOTONIC ns */
	uint32_t	n;
	bool		over;
};

/**
 * struct mqg_tls_client - what a handshake needs to know besides its context, and what it found
 * @reason:   why the client's certificate was refused; MQGATE_REASON_NONE
 * @standing: it was let in before: a missing or late list is not held against it
 * @revoked:  of the worker: the list in force, which may be NULL
 * @chains:   of the worker: the chains that it has verified
 * @tickets:  keys of the process
 * @renewal:  newest certificates, of the process
 * @counts:   of its listener
 * @rekey:    how often it has asked for new keys
 * @proof:    its chain, once it was let in
 */
struct mqg_tls_client {
	enum mqgate_reason			reason;
	bool					standing;
	const struct mqg_revoked *const		*revoked;
	struct mqg_chain_cache			*chains;
	struct mqg_tickets			*tickets;
	struct mqg_renewal			*renewal;
	struct mqg_tls_counts			*counts;
	struct mqg_tls_rekey			rekey;
	struct mqg_proof			proof;
};

/**
 * mqg_tls_context() - make the context of a TLS policy
 * @policy: its material, tls_min and what it says of chains
 * @out:    context; SSL_CTX_free() it
 * @why:    buffer for "listener NAME: what is wrong; remedy"
 * @size:   of @why
 *
 * Main thread. The context has copies of the material, so that workers share no reference count.
 *
 * Revocation: with a CRL, a client certificate whose issuer has no valid one is refused; one that
 * is out of date is valid where crl_stale says so. A CA certificate of the chain is checked
 * whenever its issuer has a CRL; where it has none, the operator keeps no revocation of CAs there,
 * and the chain passes.
 * Sessions are resumed by tickets alone (ticket.h); there is no cache of them.
 *
 * Return: 0 or -errno.
 */
int mqg_tls_context(const struct mqg_policy *policy, SSL_CTX **out, char *why, size_t size);

/**
 * mqg_tls_start() - begin a server handshake whose first bytes have been read already
 * @stream: its socket; its `ssl` is set
 * @ctx:    of its policy
 * @client: must outlive @stream->ssl; its revoked, chains, tickets, renewal and counts are
 *          set
 * @hello:  bytes read so far; must stay until mqg_tls_handshake() has taken them
 * @len:    their number
 *
 * Return: 0 or -ENOMEM.
 */
int mqg_tls_start(struct mqg_stream *stream, SSL_CTX *ctx, struct mqg_tls_client *client,
		  const void *hello, size_t len);

/**
 * mqg_tls_handshake() - go on with a handshake
 * @stream: begun by mqg_tls_start()
 *
 * Return: MQGATE_REASON_NONE and @stream->ssl finished, MQGATE_REASON_PASS_SUSPECT when it has to
 * wait for the socket, or why it failed. OpenSSL has then sent the alert.
 */
enum mqgate_reason mqg_tls_handshake(struct mqg_stream *stream);

/* The reason for an X509_V_ERR_* at @depth of the chain (0 = the client's certificate). */
enum mqgate_reason mqg_tls_verify_reason(int error, int depth);

/**
 * mqg_tls_recheck() - would a client that was let in be let in by this context?
 * @ssl:   its handshake is over, by a context of before
 * @chain: mqg_tls_chain() of it
 * @ctx:   that its policy has now
 *
 * Signatures of a chain that was verified do not change. So where every certificate is in time, its
 * anchor is still configured and no list names one of them, nothing is computed; else the
 * chain is verified from the beginning.
 *
 * That a list is out of date or missing says nothing against a client: it keeps new ones out and
 * ends no session. Return: MQGATE_REASON_NONE, or why it would be refused.
 */
enum mqgate_reason mqg_tls_recheck(SSL *ssl, STACK_OF(X509) *chain, SSL_CTX *ctx);

/*
 * The chain of a finished handshake, the client's certificate first and the anchor last, also where
 * the session was resumed or OpenSSL has let it go. sk_X509_pop_free() it. NULL without memory.
 */
STACK_OF(X509) *mqg_tls_chain(SSL *ssl);

/* ---- between tls.c, verify.c and recheck.c ------------------------------------------------ */

/* What the store of a context answers for; freed with it. */
struct mqg_tls_policy {
	uint64_t		number;		/* of its context; no other ever has it */
	bool			crl_stale;
	bool			partial_chain;
	int			tls_min;
	enum mqg_identity_from	identity_from;
	char			*newest;	/* title, where older certificates are refused */
	uint8_t			(*pins)[MQG_PIN_SIZE];
	size_t			n_pins;
	STACK_OF(X509)		*authorities;
	STACK_OF(X509_CRL)	*crls;		/* NULL = none configured */
	uint8_t			scope[32];	/* of tickets: SHA-256 of all this; ticket.c */
};

/* Gives @policy to @ctx, also where this fails: -ENOMEM. */
int mqg_tls_policy_attach(SSL_CTX *ctx, struct mqg_tls_policy *policy);
/* True where some list of @policy names @cert, whoever signed that list. */
bool mqg_tls_listed(const struct mqg_tls_policy *policy, X509 *cert);
const struct mqg_tls_policy *mqg_tls_policy_of(const SSL_CTX *ctx);
void mqg_tls_policy_free(struct mqg_tls_policy *policy);

/* The message callback of contexts. */
void mqg_tls_message(int sent, int version, int type, const void *data, size_t len, SSL *ssl,
		     void *arg);

/* The verify callback of contexts. The SSL's application data is a struct mqg_tls_client. */
int mqg_tls_verify(int ok, X509_STORE_CTX *store);

/*
 * In the place of X509_verify_cert() in handshakes: asks the chain cache first, and in any case the
 * local revocations.
 */
int mqg_tls_verify_chain(X509_STORE_CTX *store, void *unused);

#endif
