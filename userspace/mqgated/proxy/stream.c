// SPDX-License-Identifier: BSD-2-Clause
/*
 * Clear and TLS connections behind three verbs. Called by the stages of a session, on the thread
 * of its worker; no locks.
 */
#include "proxy/stream.h"

#include <errno.h>
#include <limits.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/err.h>

#include "proxy/ktls.h"

void mqg_stream_wake(struct mqg_stream *stream, uint32_t events)
{
	stream->drained = false;
	stream->urgent = events & EPOLLPRI;
	if (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR))
		stream->ending = true;
	if (stream->ssl || events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR))
		stream->may_read = true;
	if (stream->ssl || events & (EPOLLOUT | EPOLLHUP | EPOLLERR))
		stream->may_write = true;
}

/* OpenSSL takes errors of others for its own. True: none is left on this thread. */
static _Thread_local bool clean;

void mqg_stream_doubt(void)
{
	clean = false;
}

/* To look costs less than to clear. */
static void forget_errors(void)
{
	if (!clean && ERR_peek_error())
		ERR_clear_error();
	clean = true;
}

/* The meaning of an SSL call that returned @ret. */
static ssize_t fail(struct mqg_stream *stream, int ret, bool *may)
{
	int saved = errno;

	/* As SSL_get_error() has it, but that no error of others is in the way. */
	if (SSL_want_read(stream->ssl) && BIO_should_read(SSL_get_rbio(stream->ssl))) {
		*may = false;
		return -EAGAIN;
	}
	clean = false;
	switch (SSL_get_error(stream->ssl, ret)) {
	case SSL_ERROR_WANT_READ:
	case SSL_ERROR_WANT_WRITE:
		*may = false;
		return -EAGAIN;
	case SSL_ERROR_ZERO_RETURN:
		return 0;
	case SSL_ERROR_SYSCALL:
		stream->broken = true;
		return saved ? -saved : -ECONNRESET;
	default:
		stream->broken = true;
		/* Above are the alerts of the other side, which may give up in order. */
		stream->violated = ERR_GET_REASON(ERR_peek_error()) < SSL_AD_REASON_OFFSET;
		return -EPROTO;
	}
}

static int clip(size_t size)
{
	return size > INT_MAX ? INT_MAX : (int)size;
}

/* All records that one read of the socket brought, as far as there is room. */
static ssize_t read_records(struct mqg_stream *stream, char *buf, size_t size)
{
	size_t len = 0;
	bool more;

	do {
		int n;

		forget_errors();
		errno = 0;
		n = SSL_read(stream->ssl, buf + len, clip(size - len));
		if (n <= 0) {
			ssize_t ret = fail(stream, n, &stream->may_read);

			/* An end is said again, a failure has broken the stream. */
			return len ? (ssize_t)len : ret;
		}
		len += (size_t)n;
		more = SSL_has_pending(stream->ssl);
	} while (more && len < size);
	if (stream->drained && !more)
		stream->may_read = false;
	return (ssize_t)len;
}

ssize_t mqg_stream_read(struct mqg_stream *stream, void *buf, size_t size)
{
	ssize_t n;

	if (!stream->may_read)
		return -EAGAIN;
	if (stream->broken)
		return -EPROTO;
	if (stream->ssl)
		return read_records(stream, buf, size);
	do {
		n = recv(stream->fd, buf, size, 0);
	} while (n < 0 && errno == EINTR);
	if (mqg_stream_drained(stream, n, size))
		stream->may_read = false;
	if (n >= 0)
		return n;
	if (errno != EAGAIN)
		return -errno;
	stream->may_read = false;
	return -EAGAIN;
}

ssize_t mqg_stream_write(struct mqg_stream *stream, const void *buf, size_t size)
{
	ssize_t n;

	if (!stream->may_write)
		return -EAGAIN;
	if (stream->broken || stream->finished)
		return -EPIPE;
	if (stream->ssl) {
		forget_errors();
		errno = 0;
		n = SSL_write(stream->ssl, buf, clip(size));
		if (n > 0)
			return n;
		n = fail(stream, n, &stream->may_write);
		return n ? n : -EPIPE;
	}
	do {
		n = send(stream->fd, buf, size, MSG_NOSIGNAL);
	} while (n < 0 && errno == EINTR);
	if (n >= 0)
		return n;
	if (errno != EAGAIN)
		return -errno;
	stream->may_write = false;
	return -EAGAIN;
}

void mqg_stream_finish(struct mqg_stream *stream)
{
	if (stream->fd < 0 || stream->finished)
		return;
	stream->finished = true;
	if (stream->ssl && !stream->broken && SSL_is_init_finished(stream->ssl)) {
		forget_errors();
		/*
		 * The kernel may have taken a record of which a part does not fit into the socket
		 * yet. A FIN now would cut it off; so the client closes, or our time for it.
		 */
		clean = false;
		if (SSL_shutdown(stream->ssl) < 0 && mqg_ktls_sends(stream->ssl))
			return;
	}
	shutdown(stream->fd, SHUT_WR);
}

void mqg_stream_close(struct mqg_stream *stream)
{
	SSL_free(stream->ssl);
	stream->ssl = NULL;
	if (stream->fd >= 0)
		close(stream->fd);
	stream->fd = -1;
	stream->may_read = false;
	stream->may_write = false;
}
