/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Records by the kernel (kTLS): OpenSSL hands the keys of a connection that is set up to its
 * socket, and writes and reads plain text from then on. Contexts are the main thread's, connections
 * their worker's.
 */
#ifndef MQG_KTLS_H
#define MQG_KTLS_H

#include <stdbool.h>

#include <openssl/ssl.h>

#include "config/config.h"

/* Why this machine has no kTLS, in words; NULL: it has. Any thread. */
const char *mqg_ktls_missing(void);

/*
 * Switches it on for connections of @ctx where @policy says so and the machine has it. The
 * kernel loads its module tls for that (with CAP_NET_ADMIN).
 */
void mqg_ktls_apply(SSL_CTX *ctx, const struct mqg_policy *policy);

/* Whether the kernel makes the records of a connection whose handshake is over, or opens them. */
bool mqg_ktls_sends(const SSL *ssl);
bool mqg_ktls_receives(const SSL *ssl);

#endif
