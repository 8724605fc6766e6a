// SPDX-License-Identifier: BSD-2-Clause
/*
 * The clients of the benchmark of TLS, on blocking sockets, eight threads of them where many are
 * wanted. A handshake counts when the server has ended it: in TLS 1.3 a client believes too early
 * that it is in, so it goes on to read until the end. See tls.h.
 */
#include "tls.h"

#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/ssl.h>

#define AT_A_TIME	8

struct held {
	SSL	*ssl;
	int	fd;
};

struct tls_clients {
	SSL_CTX		*ctx;
	SSL_SESSION	*ticket;
	struct held	*held;
	uint32_t	n_held;
	atomic_uint	admitted;	/* of those that were to be refused */
};

static int new_session(SSL *ssl, SSL_SESSION *session)
{
	SSL_SESSION **ticket = SSL_get_app_data(ssl);

	if (!ticket || *ticket)
		return 0;
	*ticket = session;
	return 1;
}

struct tls_clients *tls_clients_new(const char *dir, const char *certificate)
{
	struct tls_clients *c = calloc(1, sizeof(*c));
	char path[4096];

	c->ctx = SSL_CTX_new(TLS_client_method());
	snprintf(path, sizeof(path), "%s/%s.pem", dir, certificate);
	if (SSL_CTX_use_certificate_chain_file(c->ctx, path) != 1)
		errx(1, "%s", path);
	snprintf(path, sizeof(path), "%s/device.key", dir);
	if (SSL_CTX_use_PrivateKey_file(c->ctx, path, SSL_FILETYPE_PEM) != 1)
		errx(1, "%s", path);
	SSL_CTX_set_min_proto_version(c->ctx, TLS1_3_VERSION);
	SSL_CTX_set1_groups_list(c->ctx, "P-256");
	SSL_CTX_set_session_cache_mode(c->ctx, SSL_SESS_CACHE_CLIENT |
					       SSL_SESS_CACHE_NO_INTERNAL_STORE);
	SSL_CTX_sess_set_new_cb(c->ctx, new_session);
	SSL_CTX_set_mode(c->ctx, SSL_MODE_RELEASE_BUFFERS);
	return c;
}

void tls_clients_free(struct tls_clients *c)
{
	for (uint32_t i = 0; i < c->n_held; i++) {
		SSL_free(c->held[i].ssl);
		close(c->held[i].fd);
	}
	free(c->held);
	SSL_SESSION_free(c->ticket);
	SSL_CTX_free(c->ctx);
	free(c);
}

static int knock(uint16_t port)
{
	struct sockaddr_in at = {
		.sin_family = AF_INET, .sin_port = htons(port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	int on = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) ||
	    connect(fd, (struct sockaddr *)&at, sizeof(at)))
		err(1, "connect to port %u", port);
	return fd;
}

__attribute__((noreturn)) static void amiss(const char *what)
{
	ERR_print_errors_fp(stderr);
	errx(1, "%s", what);
}

/* Until the server ends it. True where that was no alert. */
static bool read_to_end(SSL *ssl)
{
	char bytes[256];
	int n;

	while ((n = SSL_read(ssl, bytes, sizeof(bytes))) > 0)
		;
	return SSL_get_error(ssl, n) != SSL_ERROR_SSL ||
	       ERR_GET_REASON(ERR_peek_error()) == SSL_R_UNEXPECTED_EOF_WHILE_READING;
}

/* A copy: OpenSSL uses no session again whose connection did not end with close_notify. */
static void offer(SSL *ssl, SSL_SESSION *ticket)
{
	SSL_SESSION *copy = SSL_SESSION_dup(ticket);

	if (!copy || SSL_set_session(ssl, copy) != 1)
		amiss("no memory");
	SSL_SESSION_free(copy);
}

static void shake(struct tls_clients *c, enum tls_want want, SSL_SESSION **ticket)
{
	SSL *ssl = SSL_new(c->ctx);
	int fd = knock(TLS_HANDSHAKE_PORT);
	bool in;

	ERR_clear_error();
	SSL_set_fd(ssl, fd);
	SSL_set_app_data(ssl, ticket);
	if (want == TLS_RESUMED)
		offer(ssl, c->ticket);
	in = SSL_connect(ssl) == 1;
	if (!in && want != TLS_REFUSED)
		amiss("a handshake failed");
	if (in && want == TLS_REFUSED)
		atomic_fetch_add(&c->admitted, 1);
	if (in) {
		if (SSL_session_reused(ssl) != (want == TLS_RESUMED))
			amiss(want == TLS_RESUMED ? "a ticket was declined" :
						    "a handshake was not full");
		SSL_shutdown(ssl);
		shutdown(fd, SHUT_WR);
		if (!read_to_end(ssl))
			amiss("a handshake was refused behind its end");
	}
	SSL_free(ssl);
	close(fd);
}

struct crowd {
	struct tls_clients	*c;
	atomic_int		left;
	enum tls_want		want;
};

static void *one_thread(void *arg)
{
	struct crowd *crowd = arg;

	while (atomic_fetch_sub(&crowd->left, 1) > 0)
		shake(crowd->c, crowd->want, NULL);
	return NULL;
}

void tls_clients_shake(struct tls_clients *c, uint32_t count, enum tls_want want)
{
	struct crowd crowd = { .c = c, .left = (int)count, .want = want };
	pthread_t threads[AT_A_TIME];

	if (want == TLS_RESUMED && !c->ticket) {
		shake(c, TLS_FULL, &c->ticket);
		if (!c->ticket)
			errx(1, "no ticket came");
	}
	for (int i = 0; i < AT_A_TIME; i++)
		if (pthread_create(&threads[i], NULL, one_thread, &crowd))
			errx(1, "no thread");
	for (int i = 0; i < AT_A_TIME; i++)
		pthread_join(threads[i], NULL);
	if (c->admitted > count / 50)
		errx(1, "%u of %u clients were not refused", c->admitted, count);
	c->admitted = 0;
}

/* ---- sessions that stay ------------------------------------------------------------------ */

SSL *tls_clients_open(struct tls_clients *c, uint16_t port)
{
	SSL *ssl = SSL_new(c->ctx);

	SSL_set_fd(ssl, knock(port));
	if (SSL_connect(ssl) != 1)
		amiss("a handshake failed");
	return ssl;
}

void tls_connect_packet(unsigned char packet[TLS_CONNECT + 1], uint32_t number)
{
	/* MQTT 3.1.1, keep alive 65535; the client identifier is the rest of it. */
	static const unsigned char begin[] = {
		0x10, 22, 0, 4, 'M', 'Q', 'T', 'T', 4, 2, 0xFF, 0xFF, 0, 10,
	};

	memcpy(packet, begin, sizeof(begin));
	snprintf((char *)packet + sizeof(begin), TLS_CONNECT + 1 - sizeof(begin), "%010u", number);
}

static void hold(struct tls_clients *c, uint16_t port, struct held *held, uint32_t number)
{
	unsigned char packet[TLS_CONNECT + 1];
	char bytes[16];

	tls_connect_packet(packet, number);
	held->ssl = tls_clients_open(c, port);
	held->fd = SSL_get_fd(held->ssl);
	if (SSL_write(held->ssl, packet, TLS_CONNECT) <= 0 ||
	    SSL_read(held->ssl, bytes, sizeof(bytes)) != 4 || bytes[3])
		amiss("a session was not begun");
}

void tls_clients_hold(struct tls_clients *c, uint16_t port, uint32_t count)
{
	c->held = realloc(c->held, (c->n_held + count) * sizeof(*c->held));
	if (!c->held)
		errx(1, "no memory");
	for (uint32_t i = 0; i < count; i++, c->n_held++)
		hold(c, port, &c->held[c->n_held], c->n_held);
}

double tls_clients_ping(struct tls_clients *c)
{
	struct held *last = &c->held[c->n_held - 1];
	struct timespec from, to;
	char bytes[16];

	clock_gettime(CLOCK_MONOTONIC, &from);
	if (SSL_write(last->ssl, "\xC0", 2) != 2 || SSL_read(last->ssl, bytes, 16) != 2)
		amiss("a PINGREQ was not answered");
	clock_gettime(CLOCK_MONOTONIC, &to);
	return (double)(to.tv_sec - from.tv_sec) * 1e6 + (double)(to.tv_nsec - from.tv_nsec) / 1e3;
}

uint32_t tls_clients_lost(struct tls_clients *c)
{
	uint32_t lost = 0;
	char byte;

	for (uint32_t i = 0; i < c->n_held; i++) {
		ssize_t n = recv(c->held[i].fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);

		lost += !n || (n < 0 && errno != EAGAIN);
	}
	return lost;
}
