/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * TLS of the listeners: contexts that demand a client certificate, and what a failed handshake
 * means. A context belongs to one worker and one listener, so that workers share no lock in it.
 */
#ifndef MQG_TLS_H
#define MQG_TLS_H

#include <stdbool.h>
#include <stddef.h>

#include <openssl/ssl.h>

#include "config/config.h"
#include "proxy/stream.h"

/* Intermediate certificates between a client's and a configured CA. */
#define MQG_TLS_DEPTH_MAX	4
/* Bytes of a client's chain. */
#define MQG_TLS_CHAIN_MAX	16384

/**
 * mqg_tls_context() - make the context of a TLS listener from its files
 * @listener: certificate, key, client_ca, crl and tls_min are used
 * @out:      context; SSL_CTX_free() it
 * @why:      buffer for "listener NAME: FILE: what is wrong; remedy"
 * @size:     of @why
 *
 * Revocation: with a CRL file, a client certificate whose issuer has no valid CRL in it is refused.
 * A CA certificate of the chain is checked whenever its issuer has a CRL in the file; where it has
 * none, the operator keeps no revocation of CAs there, and the chain passes.
 * Sessions are not resumed: neither tickets nor a cache, so every connection meets the CRL.
 *
 * Return: 0 or -errno (-EINVAL for what a file holds).
 */
int mqg_tls_context(const struct mqg_listener *listener, SSL_CTX **out, char *why, size_t size);

/**
 * mqg_tls_start() - begin a server handshake whose first bytes have been read already
 * @stream: its socket; its `ssl` is set
 * @ctx:    of its listener
 * @reason: filled in when the client's certificate fails; must outlive the handshake
 * @hello:  bytes read so far; must stay until mqg_tls_handshake() has taken them
 * @len:    their number
 *
 * Return: 0 or -ENOMEM.
 */
int mqg_tls_start(struct mqg_stream *stream, SSL_CTX *ctx, enum mqgate_reason *reason,
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

#endif
