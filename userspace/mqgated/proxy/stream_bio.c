// SPDX-License-Identifier: BSD-2-Clause
/*
 * What OpenSSL reads a stream's socket by: its own socket BIO, that remembers when a read has
 * emptied the socket. Called within SSL_read() and SSL_do_handshake(), on the thread of the
 * stream's worker; the method is shared, and never changes.
 */
#include "proxy/stream.h"

#include <errno.h>
#include <pthread.h>
#include <sys/socket.h>

#include <openssl/bio.h>

static BIO_METHOD *method;
/* Not BIO_set_data(): there the socket BIO keeps the type of a record that goes through kTLS. */
static int stream_index = -1;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static int take(BIO *bio, char *out, int size)
{
	struct mqg_stream *stream = BIO_get_ex_data(bio, stream_index);
	ssize_t n;

	BIO_clear_retry_flags(bio);
	if (stream->cut) {
		errno = ECONNABORTED;
		return -1;
	}
	/* Records of the kernel come with their types. */
	if (stream->ktls && BIO_get_ktls_recv(bio))
		return BIO_meth_get_read(BIO_s_socket())(bio, out, size);
	if (stream->drained) {
		errno = EAGAIN;
		BIO_set_retry_read(bio);
		return -1;
	}
	n = recv(stream->fd, out, (size_t)size, 0);
	stream->drained = mqg_stream_drained(stream, n, (size_t)size);
	if (n < 0 && BIO_sock_should_retry((int)n))
		BIO_set_retry_read(bio);
	else if (n == 0)
		BIO_set_flags(bio, BIO_FLAGS_IN_EOF);
	return (int)n;
}

static void make(void)
{
	const BIO_METHOD *own = BIO_s_socket();
	BIO_METHOD *m = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK |
				     BIO_TYPE_DESCRIPTOR, "stream");

	stream_index = BIO_get_ex_new_index(0, NULL, NULL, NULL, NULL);
	if (!m || stream_index < 0 || !BIO_meth_set_read(m, take) ||
	    !BIO_meth_set_write(m, BIO_meth_get_write(own)) ||
	    !BIO_meth_set_puts(m, BIO_meth_get_puts(own)) ||
	    !BIO_meth_set_ctrl(m, BIO_meth_get_ctrl(own)) ||
	    !BIO_meth_set_create(m, BIO_meth_get_create(own)) ||
	    !BIO_meth_set_destroy(m, BIO_meth_get_destroy(own)))
		return;
	method = m;
}

int mqg_stream_attach(struct mqg_stream *stream, SSL *ssl)
{
	BIO *bio;

	pthread_once(&once, make);
	bio = method ? BIO_new(method) : NULL;
	if (!bio || !BIO_set_ex_data(bio, stream_index, stream)) {
		BIO_free(bio);
		return -ENOMEM;
	}
	BIO_set_fd(bio, stream->fd, BIO_NOCLOSE);
	stream->ktls = SSL_get_options(ssl) & SSL_OP_ENABLE_KTLS;
	SSL_set_bio(ssl, bio, bio);
	return 0;
}

void mqg_stream_cut(SSL *ssl)
{
	struct mqg_stream *stream = BIO_get_ex_data(SSL_get_rbio(ssl), stream_index);

	/* The handshake reads its first bytes from memory. */
	if (stream)
		stream->cut = true;
}
