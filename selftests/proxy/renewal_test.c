// SPDX-License-Identifier: BSD-2-Clause
/*
 * The table of newest certificates: what supersedes what, for how long, and when it is full. Whole
 * sessions are in renewal.py.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <time.h>

#include <cmocka.h>
#include <openssl/x509.h>

#include "proxy/renewal.h"

#define HOUR	3600L

static struct mqg_renewal *table;

static int make(void **state)
{
	(void)state;
	table = mqg_renewal_alloc(MQG_RENEWAL_MAX);
	return table ? 0 : -1;
}

static int make_small(void **state)
{
	(void)state;
	table = mqg_renewal_alloc(1);
	return table ? 0 : -1;
}

static int drop(void **state)
{
	(void)state;
	mqg_renewal_free(table);
	return 0;
}

/* Seconds from now. */
static X509 *certificate(long since, long until)
{
	X509 *cert = X509_new();

	assert_non_null(X509_gmtime_adj(X509_getm_notBefore(cert), since));
	assert_non_null(X509_gmtime_adj(X509_getm_notAfter(cert), until));
	return cert;
}

static int enter(const char *policy, const char *identity, long since, long until,
		 struct mqg_standing *standing)
{
	X509 *cert = certificate(since, until);
	int err = mqg_renewal_enter(table, policy, identity, cert, standing);

	X509_free(cert);
	return err;
}

static bool superseded(const char *policy, const char *identity, long since)
{
	return mqg_renewal_superseded(table, policy, identity, time(NULL) + since);
}

static void a_later_one_supersedes(void **state)
{
	struct mqg_standing older = {}, newer = {}, again = {};

	(void)state;
	assert_int_equal(enter("tls", "a", -2 * HOUR, HOUR, &older), 0);
	assert_false(mqg_renewal_over(&older));
	assert_int_equal(mqg_renewal_raised(table), 0);
	assert_int_equal(enter("tls", "a", -HOUR, HOUR, &newer), 0);
	assert_int_equal(mqg_renewal_raised(table), 1);
	assert_true(mqg_renewal_over(&older));
	assert_false(mqg_renewal_over(&newer));
	assert_true(superseded("tls", "a", -2 * HOUR));
	assert_int_equal(enter("tls", "a", -2 * HOUR, HOUR, &again), -ESTALE);
	assert_null(again.of);
	mqg_renewal_leave(table, &older);
	mqg_renewal_leave(table, &newer);
	assert_true(superseded("tls", "a", -2 * HOUR));
}

static void nobody_is_told_where_nobody_is(void **state)
{
	struct mqg_standing standing = {};

	(void)state;
	for (int i = 3; i; i--) {
		assert_int_equal(enter("tls", "a", -i * HOUR, HOUR, &standing), 0);
		mqg_renewal_leave(table, &standing);
	}
	assert_int_equal(mqg_renewal_raised(table), 0);
}

static void equals_are_both_good(void **state)
{
	struct mqg_standing one = {}, two = {};
	time_t now = time(NULL);
	X509 *a = X509_new(), *b = X509_new();

	(void)state;
	for (int i = 0; i < 2; i++) {
		ASN1_TIME_set(X509_getm_notBefore(i ? a : b), now);
		ASN1_TIME_set(X509_getm_notAfter(i ? a : b), now + HOUR * (i + 1));
	}
	assert_int_equal(mqg_renewal_enter(table, "tls", "a", a, &one), 0);
	assert_int_equal(mqg_renewal_enter(table, "tls", "a", b, &two), 0);
	assert_false(mqg_renewal_over(&one) || mqg_renewal_over(&two));
	assert_false(mqg_renewal_superseded(table, "tls", "a", now));
	assert_int_equal(mqg_renewal_raised(table), 0);
	mqg_renewal_leave(table, &one);
	mqg_renewal_leave(table, &two);
	X509_free(a);
	X509_free(b);
}

static void others_are_others(void **state)
{
	struct mqg_standing standing = {};

	(void)state;
	assert_int_equal(enter("tls", "a", -HOUR, HOUR, &standing), 0);
	assert_true(superseded("tls", "a", -2 * HOUR));
	assert_false(superseded("tls", "b", -2 * HOUR));
	assert_false(superseded("tls/other", "a", -2 * HOUR));
	assert_false(superseded("tl", "sa", -2 * HOUR));
	mqg_renewal_leave(table, &standing);
}

static void what_has_expired_supersedes_nothing(void **state)
{
	struct mqg_standing expired = {}, older = {};

	(void)state;
	assert_int_equal(enter("tls", "a", -2 * HOUR, -1, &expired), 0);
	assert_false(superseded("tls", "a", -3 * HOUR));
	assert_int_equal(enter("tls", "a", -3 * HOUR, HOUR, &older), 0);
	assert_false(mqg_renewal_over(&expired) || mqg_renewal_over(&older));
	assert_true(superseded("tls", "a", -4 * HOUR));
	mqg_renewal_leave(table, &expired);
	mqg_renewal_leave(table, &older);
}

static struct mqg_renewal_info info(void)
{
	struct mqg_renewal_info now;

	mqg_renewal_describe(table, &now);
	return now;
}

static void a_full_table_lets_the_oldest_go(void **state)
{
	struct mqg_standing held = {}, standing = {};
	char name[32];

	(void)state;
	assert_int_equal(enter("tls", "held", -HOUR, HOUR, &held), 0);
	for (int i = 0; i < 1000; i++) {
		snprintf(name, sizeof(name), "device-%d", i);
		assert_int_equal(enter("tls", name, -HOUR, HOUR, &standing), 0);
		mqg_renewal_leave(table, &standing);
	}
	assert_in_range(info().identities, 1, 64);
	assert_int_equal(info().dropped, 1001 - info().identities);
	/* Forgotten: older ones of it are good until it comes again. */
	assert_false(superseded("tls", "held", -2 * HOUR));
	assert_false(mqg_renewal_over(&held));
	assert_true(superseded("tls", "device-999", -2 * HOUR));
	mqg_renewal_leave(table, &held);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_later_one_supersedes, make, drop),
		cmocka_unit_test_setup_teardown(nobody_is_told_where_nobody_is, make, drop),
		cmocka_unit_test_setup_teardown(equals_are_both_good, make, drop),
		cmocka_unit_test_setup_teardown(others_are_others, make, drop),
		cmocka_unit_test_setup_teardown(what_has_expired_supersedes_nothing, make, drop),
		cmocka_unit_test_setup_teardown(a_full_table_lets_the_oldest_go, make_small, drop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
