// SPDX-License-Identifier: BSD-2-Clause
/* The paths above client certificates: known once, shared, of bounded number. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/x509.h>

#include "proxy/path.h"

static EVP_PKEY *key;

static X509 *certificate(long serial)
{
	X509 *cert = X509_new();

	assert_non_null(cert);
	assert_true(ASN1_INTEGER_set(X509_get_serialNumber(cert), serial));
	assert_non_null(X509_gmtime_adj(X509_getm_notBefore(cert), 0));
	assert_non_null(X509_gmtime_adj(X509_getm_notAfter(cert), 3600));
	assert_true(X509_set_pubkey(cert, key));
	assert_true(X509_sign(cert, key, EVP_sha256()));
	return cert;
}

/* A leaf that is new every time, and the certificates with the serial numbers above it. */
static STACK_OF(X509) *chain(long above, long anchor)
{
	STACK_OF(X509) *out = sk_X509_new_null();
	static long leaf = 1000000;

	assert_non_null(out);
	assert_true(sk_X509_push(out, certificate(leaf++)));
	if (above)
		assert_true(sk_X509_push(out, certificate(above)));
	assert_true(sk_X509_push(out, certificate(anchor)));
	return out;
}

static struct mqg_path *path(STACK_OF(X509) *of)
{
	struct mqg_path *out = mqg_path_of(of);

	assert_non_null(out);
	sk_X509_pop_free(of, X509_free);
	return out;
}

static void devices_below_one_ca_share_a_path(void **state)
{
	STACK_OF(X509) *one = chain(1, 2), *again;
	STACK_OF(X509) *other = sk_X509_new_null();
	struct mqg_path *a, *b, *c;
	X509 *leaf = certificate(7);

	(void)state;
	/* Another device, the same two above it. */
	assert_true(sk_X509_push(other, certificate(8)));
	for (int i = 1; i < 3; i++) {
		assert_true(X509_up_ref(sk_X509_value(one, i)));
		assert_true(sk_X509_push(other, sk_X509_value(one, i)));
	}
	a = path(one);
	b = path(other);
	assert_ptr_equal(a, b);
	assert_int_equal(sk_X509_num(mqg_path_certificates(a)), 2);
	c = mqg_path_find(mqg_path_digest(a));
	assert_ptr_equal(a, c);
	again = mqg_path_chain(a, leaf);
	assert_int_equal(sk_X509_num(again), 3);
	assert_ptr_equal(sk_X509_value(again, 0), leaf);
	sk_X509_pop_free(again, X509_free);
	X509_free(leaf);
	mqg_path_put(a);
	mqg_path_put(b);
	mqg_path_put(c);
	mqg_path_put(NULL);
}

static void what_is_not_the_same_is_another_path(void **state)
{
	struct mqg_path *a = path(chain(11, 12)), *b = path(chain(0, 12));
	struct mqg_path *c = path(chain(13, 12));

	(void)state;
	assert_ptr_not_equal(a, b);
	assert_ptr_not_equal(a, c);
	assert_memory_not_equal(mqg_path_digest(a), mqg_path_digest(c), MQG_PATH_DIGEST);
	mqg_path_put(a);
	mqg_path_put(b);
	mqg_path_put(c);
}

static void the_first_goes_when_it_is_full_and_lives_for_who_holds_it(void **state)
{
	struct mqg_path *held = path(chain(0, 20));
	unsigned char digest[MQG_PATH_DIGEST];

	(void)state;
	memcpy(digest, mqg_path_digest(held), sizeof(digest));
	for (uint32_t i = 0; i < MQG_PATH_MAX; i++)
		mqg_path_put(path(chain(0, 1000 + i)));
	assert_null(mqg_path_find(digest));
	assert_int_equal(sk_X509_num(mqg_path_certificates(held)), 1);
	mqg_path_put(mqg_path_get(held));
	mqg_path_put(held);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(devices_below_one_ca_share_a_path),
		cmocka_unit_test(what_is_not_the_same_is_another_path),
		cmocka_unit_test(the_first_goes_when_it_is_full_and_lives_for_who_holds_it),
	};
	int failed;

	key = EVP_EC_gen("P-256");
	failed = key ? cmocka_run_group_tests_name("path", tests, NULL, NULL) : 1;
	EVP_PKEY_free(key);
	return failed ? 1 : 0;
}
