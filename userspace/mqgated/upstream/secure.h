/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * TLS towards brokers: this gateway is the client, shows its own certificate where it has one, and
 * goes on only with a server whose chain and name were verified. Contexts are made by the main
 * thread; one belongs to one worker, with the sessions that its servers gave for resumption.
 */
#ifndef MQG_SECURE_H
#define MQG_SECURE_H

#include "proxy/stream.h"
#include "upstream/pool.h"

/* A context for @broker->tls. 0 or -ENOMEM and @why. Main thread. */
int mqg_secure_context(const struct mqg_broker *broker, SSL_CTX **out, char *why, size_t size);

/* TLS begins on a connection that is made. 0 or -ENOMEM. */
int mqg_secure_start(struct mqg_stream *stream, SSL_CTX *ctx, const struct mqg_broker_tls *tls,
		     const struct mqg_server *server, struct mqg_server_state *state);

/*
 * Goes on as far as it can without waiting: 0, it is done; -EAGAIN; -EPROTO, and *why says what is
 * wrong, in words that need no freeing.
 */
int mqg_secure_step(struct mqg_stream *stream, const char **why);

#endif
