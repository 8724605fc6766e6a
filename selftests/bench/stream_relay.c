// SPDX-License-Identifier: BSD-2-Clause
/*
 * The least that a relay between mutual TLS and TCP can do: epoll, one thread, libssl, nothing is
 * looked at. A receiver that is slow is waited for: in this benchmark nobody is. See stream.h.
 */
#include "stream.h"

#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tls.h"

struct relay {
	struct end {
		struct relay	*relay;
		int		fd;
		bool		closed;
	} client, broker;
	SSL	*ssl;
	bool	in;		/* the handshake is over, and the broker reached */
};

static int all;
static char bytes[16384];

static void watch(struct end *end)
{
	struct epoll_event want = { .events = EPOLLIN, .data.ptr = end };

	if (epoll_ctl(all, EPOLL_CTL_ADD, end->fd, &want))
		err(1, "epoll_ctl");
}

/* What epoll still names of it in this turn has to be there: it is freed with its process. */
static void part(struct relay *r)
{
	if (r->client.closed)
		return;
	r->client.closed = r->broker.closed = true;
	SSL_free(r->ssl);
	close(r->client.fd);
	if (r->broker.fd >= 0)
		close(r->broker.fd);
}

static void await(int fd, short what)
{
	struct pollfd one = { .fd = fd, .events = what };

	poll(&one, 1, -1);
}

static bool reach(struct relay *r)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons(TLS_BROKER_PORT) };
	int on = 1;

	inet_pton(AF_INET, "127.0.0.2", &at.sin_addr);
	r->broker.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (r->broker.fd < 0 || connect(r->broker.fd, (struct sockaddr *)&at, sizeof(at)))
		return false;
	setsockopt(r->broker.fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	watch(&r->broker);
	return true;
}

static bool send_on(int fd, const char *data, size_t left)
{
	while (left) {
		ssize_t n = send(fd, data, left, MSG_NOSIGNAL);

		if (n < 0)
			return false;
		data += n;
		left -= n;
	}
	return true;
}

static bool up(struct relay *r)
{
	int n;

	if (!r->in) {
		n = SSL_accept(r->ssl);
		if (n != 1)
			return SSL_get_error(r->ssl, n) == SSL_ERROR_WANT_READ;
		r->in = true;
		if (!reach(r))
			return false;
		/* A CONNECT may have come with the end of the handshake. */
	}
	do {
		n = SSL_read(r->ssl, bytes, sizeof(bytes));
		if (n <= 0)
			return SSL_get_error(r->ssl, n) == SSL_ERROR_WANT_READ;
		if (!send_on(r->broker.fd, bytes, n))
			return false;
	} while (SSL_has_pending(r->ssl));
	return true;
}

static bool down(struct relay *r)
{
	ssize_t n = recv(r->broker.fd, bytes, sizeof(bytes), 0);
	int done;

	if (n <= 0)
		return false;
	while ((done = SSL_write(r->ssl, bytes, (int)n)) <= 0) {
		if (SSL_get_error(r->ssl, done) != SSL_ERROR_WANT_WRITE)
			return false;
		await(r->client.fd, POLLOUT);
	}
	return true;
}

static void take(SSL_CTX *ctx, int listener)
{
	struct relay *r = calloc(1, sizeof(*r));
	int on = 1;

	r->client = (struct end){ r, accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC),
				  false };
	r->broker = (struct end){ r, -1, false };
	if (r->client.fd < 0)
		err(1, "accept");
	setsockopt(r->client.fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	r->ssl = SSL_new(ctx);
	SSL_set_fd(r->ssl, r->client.fd);
	watch(&r->client);
}

void stream_relay_run(const char *dir)
{
	int listener = tls_door("127.0.0.1", TLS_SESSION_PORT);
	SSL_CTX *ctx = tls_bare_context(dir, (struct tls_mode){ 0 });
	struct epoll_event want = { .events = EPOLLIN }, got[256];

	/* As mqgated has them. */
	SSL_CTX_set_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	SSL_CTX_set_read_ahead(ctx, 1);
	all = epoll_create1(EPOLL_CLOEXEC);
	epoll_ctl(all, EPOLL_CTL_ADD, listener, &want);
	for (;;) {
		int n = epoll_wait(all, got, 256, -1);

		for (int i = 0; i < n; i++) {
			struct end *end = got[i].data.ptr;

			if (!end)
				take(ctx, listener);
			else if (!end->closed &&
				 !(end == &end->relay->client ? up : down)(end->relay))
				part(end->relay);
		}
	}
}
