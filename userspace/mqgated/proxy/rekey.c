// SPDX-License-Identifier: BSD-2-Clause
/*
 * A client that asks for new keys again and again: KeyUpdate in TLS 1.3 (RFC 8446, 4.6.3),
 * renegotiation in 1.2, which is refused each time with a warning. OpenSSL 3.0 bounds neither, and
 * does not return from SSL_read() as long as they come in: one client would keep its worker. Called
 * by OpenSSL within SSL_read(), on the worker's thread.
 */
#include <time.h>

#include "proxy/stream.h"
#include "proxy/tls.h"

#define WINDOW_NS	(60 * 1000000000ULL)

static uint64_t monotonic(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000ULL + (uint64_t)ts.tv_nsec;
}

static bool asks_again(int sent, int type, const unsigned char *data, size_t len)
{
	if (!sent)
		return type == SSL3_RT_HANDSHAKE && len && data[0] == SSL3_MT_KEY_UPDATE;
	return type == SSL3_RT_ALERT && len == 2 && data[1] == SSL_AD_NO_RENEGOTIATION;
}

void mqg_tls_message(int sent, int version, int type, const void *data, size_t len, SSL *ssl,
		     void *arg)
{
	struct mqg_tls_client *client;
	uint64_t now;

	(void)version;
	(void)arg;
	if (!asks_again(sent, type, data, len))
		return;
	client = SSL_get_app_data(ssl);
	now = monotonic();
	if (!client->rekey.n || now - client->rekey.since > WINDOW_NS)
		client->rekey = (struct mqg_tls_rekey){ .since = now };
	if (++client->rekey.n <= MQG_TLS_REKEY_MAX)
		return;
	/* SSL_read() cannot be told to stop, but it stops where there is nothing to read from. */
	client->rekey.over = true;
	mqg_stream_cut(ssl);
}
