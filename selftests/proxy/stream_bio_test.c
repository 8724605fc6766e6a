// SPDX-License-Identifier: BSD-2-Clause
/* The BIO of a stream where the kernel makes the records; sessions over it are in ktls.sh. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>
#include <openssl/ssl.h>

#include "proxy/stream.h"

/* OpenSSL's own, before it sends what is no application data (BIO_ctrl(3), bio.h). */
#define SET_KTLS_SEND_CTRL_MSG	74
#define HANDSHAKE		22

static void a_record_type_takes_no_place_of_the_stream(void **state)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
	SSL *ssl = SSL_new(ctx);
	struct mqg_stream stream = { .may_read = true };
	char byte;
	int fds[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
	stream.fd = fds[0];
	assert_int_equal(mqg_stream_attach(&stream, ssl), 0);
	BIO_ctrl(SSL_get_wbio(ssl), SET_KTLS_SEND_CTRL_MSG, HANDSHAKE, NULL);
	assert_int_equal(BIO_read(SSL_get_rbio(ssl), &byte, 1), -1);
	assert_true(BIO_should_read(SSL_get_rbio(ssl)));
	SSL_free(ssl);
	SSL_CTX_free(ctx);
	close(fds[0]);
	close(fds[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_record_type_takes_no_place_of_the_stream),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
