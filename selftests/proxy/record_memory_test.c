// SPDX-License-Identifier: BSD-2-Clause
/* What OpenSSL gets for its records: the last one that this thread gave back, once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/crypto.h>
#include <openssl/ssl3.h>

#include "proxy/record_memory.h"

#define READING	(SSL3_RT_MAX_PLAIN_LENGTH + 328U)	/* as OpenSSL 3.0 asks for them */
#define WRITING	(SSL3_RT_MAX_PLAIN_LENGTH + 88U)

static void a_record_takes_the_place_of_the_last(void **state)
{
	void *first, *second;

	(void)state;
	first = OPENSSL_malloc(READING);
	OPENSSL_free(first);
	second = OPENSSL_malloc(WRITING);
	assert_ptr_equal(second, first);
	memset(second, 1, WRITING);
	OPENSSL_free(second);
	second = OPENSSL_malloc(READING);
	assert_ptr_equal(second, first);
	memset(second, 1, READING);
	OPENSSL_free(second);
}

static void two_at_a_time_have_a_place_each(void **state)
{
	uint8_t *a = OPENSSL_malloc(READING), *b = OPENSSL_malloc(READING);

	(void)state;
	assert_ptr_not_equal(a, b);
	memset(a, 1, READING);
	memset(b, 2, READING);
	assert_int_equal(a[READING - 1], 1);
	OPENSSL_free(a);
	OPENSSL_free(b);
	assert_ptr_equal(OPENSSL_malloc(READING), a);
	OPENSSL_free(a);
}

static void what_is_smaller_or_larger_is_not_kept(void **state)
{
	void *kept = OPENSSL_malloc(READING), *other;

	(void)state;
	OPENSSL_free(kept);
	for (size_t size = 1; size < 40000; size += 97) {
		other = OPENSSL_malloc(size);
		other = OPENSSL_realloc(other, size + 1);
		memset(other, 3, size + 1);
		OPENSSL_free(other);
	}
	OPENSSL_free(NULL);
	kept = OPENSSL_malloc(READING);
	memset(kept, 4, READING);
	OPENSSL_free(kept);
	mqg_record_memory_exit();
	mqg_record_memory_exit();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_record_takes_the_place_of_the_last),
		cmocka_unit_test(two_at_a_time_have_a_place_each),
		cmocka_unit_test(what_is_smaller_or_larger_is_not_kept),
	};

	mqg_record_memory_setup();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
