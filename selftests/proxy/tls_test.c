// SPDX-License-Identifier: BSD-2-Clause
/*
 * The reason for what OpenSSL finds wrong with a chain. Whole handshakes are in handshake.py; this
 * is about the causes that are laborious to bring about.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <openssl/x509_vfy.h>

#include "proxy/tls.h"

static void expect(enum mqgate_reason reason, int error, int depth)
{
	assert_int_equal(reason, mqg_tls_verify_reason(error, depth));
}

static void dates_are_the_clients_only_at_its_own_certificate(void **state)
{
	(void)state;
	expect(MQGATE_REASON_CERT_EXPIRED, X509_V_ERR_CERT_HAS_EXPIRED, 0);
	expect(MQGATE_REASON_CERT_OTHER, X509_V_ERR_CERT_HAS_EXPIRED, 1);
	expect(MQGATE_REASON_CERT_NOT_YET_VALID, X509_V_ERR_CERT_NOT_YET_VALID, 0);
	expect(MQGATE_REASON_CERT_OTHER, X509_V_ERR_CERT_NOT_YET_VALID, 1);
}

static void revoked_is_revoked_anywhere(void **state)
{
	(void)state;
	expect(MQGATE_REASON_CERT_REVOKED, X509_V_ERR_CERT_REVOKED, 0);
	expect(MQGATE_REASON_CERT_REVOKED, X509_V_ERR_CERT_REVOKED, 2);
}

static void chains_that_lead_nowhere_are_untrusted(void **state)
{
	static const int errors[] = {
		X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT, X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY,
		X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE, X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT,
		X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN, X509_V_ERR_CERT_SIGNATURE_FAILURE,
		X509_V_ERR_INVALID_CA,
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(errors) / sizeof(errors[0]); i++)
		expect(MQGATE_REASON_CERT_UNTRUSTED, errors[i], i % 2);
}

static void everything_about_crls_is_cert_crl(void **state)
{
	static const int errors[] = {
		X509_V_ERR_UNABLE_TO_GET_CRL, X509_V_ERR_CRL_SIGNATURE_FAILURE,
		X509_V_ERR_CRL_NOT_YET_VALID, X509_V_ERR_CRL_HAS_EXPIRED,
		X509_V_ERR_UNABLE_TO_GET_CRL_ISSUER, X509_V_ERR_KEYUSAGE_NO_CRL_SIGN,
		X509_V_ERR_UNHANDLED_CRITICAL_CRL_EXTENSION, X509_V_ERR_DIFFERENT_CRL_SCOPE,
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(errors) / sizeof(errors[0]); i++)
		expect(MQGATE_REASON_CERT_CRL, errors[i], 0);
}

static void purpose_and_the_rest(void **state)
{
	(void)state;
	expect(MQGATE_REASON_CERT_PURPOSE, X509_V_ERR_INVALID_PURPOSE, 0);
	expect(MQGATE_REASON_CERT_OTHER, X509_V_ERR_CERT_CHAIN_TOO_LONG, 5);
	expect(MQGATE_REASON_CERT_OTHER, X509_V_ERR_EE_KEY_TOO_SMALL, 0);
	expect(MQGATE_REASON_CERT_OTHER, X509_V_ERR_OUT_OF_MEM, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(dates_are_the_clients_only_at_its_own_certificate),
		cmocka_unit_test(revoked_is_revoked_anywhere),
		cmocka_unit_test(chains_that_lead_nowhere_are_untrusted),
		cmocka_unit_test(everything_about_crls_is_cert_crl),
		cmocka_unit_test(purpose_and_the_rest),
	};

	return cmocka_run_group_tests_name("tls", tests, NULL, NULL) ? 1 : 0;
}
