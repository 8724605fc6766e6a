// SPDX-License-Identifier: BSD-2-Clause
/*
 * The least that a TLS server and a broker can do: libssl on blocking sockets, one connection after
 * the other; and a broker that knows three packets. Each is a process of its own; see tls.h.
 */
#include "tls.h"

#include <arpa/inet.h>
#include <err.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/ssl.h>

static const char connack[] = "\x20\x02\0";	/* with its NUL */

int tls_door(const char *address, uint16_t port)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons(port) };
	int on = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	inet_pton(AF_INET, address, &at.sin_addr);
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) ||
	    bind(fd, (struct sockaddr *)&at, sizeof(at)) || listen(fd, 4096))
		err(1, "listen on %s port %u", address, port);
	return fd;
}

/* ---- TLS --------------------------------------------------------------------------------- */

SSL_CTX *tls_bare_context(const char *dir, struct tls_mode mode)
{
	char server[4096], key[4096], ca[4096], crl[4096];
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
	X509_STORE *store;
	X509_LOOKUP *lookup;

	snprintf(server, sizeof(server), "%s/server.pem", dir);
	snprintf(key, sizeof(key), "%s/server.key", dir);
	snprintf(ca, sizeof(ca), "%s/ca.pem", dir);
	snprintf(crl, sizeof(crl), "%s/crl.pem", dir);
	store = SSL_CTX_get_cert_store(ctx);
	lookup = X509_STORE_add_lookup(store, X509_LOOKUP_file());
	if (SSL_CTX_use_certificate_chain_file(ctx, server) != 1 ||
	    SSL_CTX_use_PrivateKey_file(ctx, key, SSL_FILETYPE_PEM) != 1 ||
	    SSL_CTX_load_verify_locations(ctx, ca, NULL) != 1 ||
	    X509_load_crl_file(lookup, crl, X509_FILETYPE_PEM) < 1 ||
	    SSL_CTX_set_ciphersuites(ctx, "TLS_AES_128_GCM_SHA256") != 1 ||
	    SSL_CTX_set1_groups_list(ctx, "P-256") != 1) {
		ERR_print_errors_fp(stderr);
		exit(1);
	}
	SSL_CTX_set_client_CA_list(ctx, SSL_load_client_CA_file(ca));
	X509_STORE_set_flags(store, X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL);
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
	SSL_CTX_set_min_proto_version(ctx, TLS1_3_VERSION);
	SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS);
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_session_id_context(ctx, (const unsigned char *)"bare", 4);
	SSL_CTX_set_num_tickets(ctx, mode.tickets);
	SSL_CTX_set_options(ctx, SSL_OP_IGNORE_UNEXPECTED_EOF |
				 (mode.tickets ? 0 : SSL_OP_NO_TICKET));
	return ctx;
}

/* Accepts one and, where it is to stay, answers its CONNECT. */
static void serve(SSL_CTX *ctx, int listener, bool stays)
{
	int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	char packet[64];
	SSL *ssl;

	if (fd < 0)
		err(1, "accept");
	ssl = SSL_new(ctx);
	SSL_set_fd(ssl, fd);
	if (SSL_accept(ssl) == 1 && SSL_read(ssl, packet, sizeof(packet)) > 0 && stays) {
		SSL_write(ssl, connack, 4);
		return;
	}
	SSL_free(ssl);
	close(fd);
}

void tls_bare_run(const char *dir, struct tls_mode mode)
{
	struct pollfd doors[] = {
		{ .fd = tls_door("127.0.0.1", TLS_HANDSHAKE_PORT), .events = POLLIN },
		{ .fd = tls_door("127.0.0.1", TLS_SESSION_PORT), .events = POLLIN },
	};
	SSL_CTX *ctx = tls_bare_context(dir, mode);

	for (;;) {
		if (poll(doors, 2, -1) < 0)
			err(1, "poll");
		for (int i = 0; i < 2; i++)
			if (doors[i].revents)
				serve(ctx, doors[i].fd, i == 1);
	}
}

/* ---- the broker -------------------------------------------------------------------------- */

static void answer(int fd)
{
	unsigned char packet[512];
	ssize_t n = recv(fd, packet, sizeof(packet), 0);
	bool ping = n > 0 && packet[0] == 0xC0;

	if (n <= 0)
		close(fd);
	else if (ping || packet[0] == 0x10)
		send(fd, ping ? "\xD0" : connack, ping ? 2 : 4, MSG_NOSIGNAL);
}

void tls_broker_run(void)
{
	int listener = tls_door("127.0.0.2", TLS_BROKER_PORT), all = epoll_create1(EPOLL_CLOEXEC);
	struct epoll_event want = { .events = EPOLLIN, .data.fd = listener }, got[64];

	epoll_ctl(all, EPOLL_CTL_ADD, listener, &want);
	for (;;) {
		int n = epoll_wait(all, got, 64, -1);

		for (int i = 0; i < n; i++) {
			if (got[i].data.fd != listener) {
				answer(got[i].data.fd);
				continue;
			}
			want.data.fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
			if (want.data.fd >= 0)
				epoll_ctl(all, EPOLL_CTL_ADD, want.data.fd, &want);
		}
	}
}
