/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One non-blocking connection, clear or TLS, with the same three verbs. It belongs to one session
 * and is touched by that session's worker only.
 *
 * The socket is registered edge-triggered, once. may_read and may_write say whether a try makes
 * sense: a try that would block clears its flag, an event sets it. A TLS read can wait for the
 * socket to become writable and the other way round, so an event on a TLS socket sets both. A read
 * that got less than it had room for has emptied the socket (epoll(7), Q9): what comes later is an
 * event again, so that no try is made to hear "would block". Only an end is not: once epoll has
 * told of one, reading goes on until it is there. And a read ends before an urgent byte (tcp(7)),
 * whatever lies behind it: while epoll tells of one, only "would block" says that all was read.
 */
#ifndef MQG_STREAM_H
#define MQG_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/types.h>

#include <openssl/ssl.h>

/* What the socket of a stream is registered for. */
#define MQG_STREAM_EVENTS	(EPOLLIN | EPOLLPRI | EPOLLOUT | EPOLLRDHUP | EPOLLET)

struct mqg_session;

/* First member of what epoll points to. */
struct mqg_watch {
	void		(*ready)(struct mqg_watch *watch, uint32_t events);
};

struct mqg_stream {
	struct mqg_watch	watch;
	struct mqg_session	*session;
	SSL			*ssl;		/* NULL = clear text */
	int			fd;		/* -1 = closed */
	bool			may_read, may_write;
	bool			broken;		/* TLS failed: nothing more may be written */
	bool			violated;	/* because of what the client sent in it */
	bool			finished;	/* our end of the connection was closed */
	bool			ending;		/* epoll has told of an end or an error */
	bool			urgent;		/* and, in its last event, of urgent data */
	bool			drained;	/* TLS: the socket is empty, until the next event */
	bool			ktls;		/* the kernel may come to open its records */
	bool			cut;		/* nothing more is read off the socket */
};

/* @ssl reads and writes the socket of @stream, which has to live as long. 0 or -ENOMEM. */
int mqg_stream_attach(struct mqg_stream *stream, SSL *ssl);

/* Within SSL_read(): it fails where it would read on. */
void mqg_stream_cut(SSL *ssl);

/* Others have used OpenSSL on this thread, and may have left errors behind. */
void mqg_stream_doubt(void);

/* Marks @stream by epoll's @events. */
void mqg_stream_wake(struct mqg_stream *stream, uint32_t events);

/* Bytes read, 0 at the end, -EAGAIN, or another -errno when the connection has failed. */
ssize_t mqg_stream_read(struct mqg_stream *stream, void *buf, size_t size);

/*
 * Bytes written (at least 1), -EAGAIN, or another -errno when the connection has failed. After
 * -EAGAIN the same bytes come first in the next call, from any address.
 */
ssize_t mqg_stream_write(struct mqg_stream *stream, const void *buf, size_t size);

/* True where a read of @size bytes, that returned @n, has emptied the socket. */
static inline bool mqg_stream_drained(const struct mqg_stream *stream, ssize_t n, size_t size)
{
	return n > 0 && (size_t)n < size && !stream->ending && !stream->urgent;
}

/* Says that nothing more will be sent: TLS close_notify where possible, then FIN. */
void mqg_stream_finish(struct mqg_stream *stream);

/* Closes the socket and frees the TLS state. */
void mqg_stream_close(struct mqg_stream *stream);

#endif
