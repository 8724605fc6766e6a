// SPDX-License-Identifier: BSD-2-Clause
/*
 * What a certificate says of its owner, and which client identifiers that owner may use. The
 * certificates are made here, so that they can hold what no tool would write.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/evp.h>
#include <openssl/x509v3.h>

#include "proxy/identity.h"

struct field {
	const char	*text;
	int		len;		/* -1: strlen */
	int		type;		/* V_ASN1_* or, for names, GEN_* */
};

static X509 *cert_new(void)
{
	static EVP_PKEY *key;
	X509 *cert = X509_new();

	if (!key)
		key = EVP_EC_gen("P-256");
	assert_non_null(cert);
	X509_set_version(cert, X509_VERSION_3);
	X509_gmtime_adj(X509_getm_notBefore(cert), 0);
	X509_gmtime_adj(X509_getm_notAfter(cert), 3600);
	X509_set_pubkey(cert, key);
	return cert;
}

static X509 *with_cn(const struct field *fields, size_t count)
{
	X509 *cert = cert_new();
	size_t i;

	X509_NAME_add_entry_by_txt(X509_get_subject_name(cert), "O", MBSTRING_ASC,
				   (const unsigned char *)"device-9", -1, -1, 0);
	for (i = 0; i < count; i++) {
		int len = fields[i].len < 0 ? (int)strlen(fields[i].text) : fields[i].len;
		X509_NAME_ENTRY *entry = X509_NAME_ENTRY_create_by_NID(NULL, NID_commonName,
			fields[i].type, (const unsigned char *)fields[i].text, len);

		assert_non_null(entry);
		assert_int_equal(1, X509_NAME_add_entry(X509_get_subject_name(cert), entry, -1, 0));
		X509_NAME_ENTRY_free(entry);
	}
	return cert;
}

static X509 *with_san(const struct field *fields, size_t count)
{
	X509 *cert = cert_new();
	GENERAL_NAMES *names = GENERAL_NAMES_new();
	size_t i;

	for (i = 0; i < count; i++) {
		GENERAL_NAME *name = GENERAL_NAME_new();
		ASN1_IA5STRING *text = ASN1_IA5STRING_new();

		ASN1_STRING_set(text, fields[i].text, fields[i].len);
		GENERAL_NAME_set0_value(name, fields[i].type, text);
		sk_GENERAL_NAME_push(names, name);
	}
	assert_int_equal(1, X509_add1_ext_i2d(cert, NID_subject_alt_name, names, 0, 0));
	GENERAL_NAMES_free(names);
	return cert;
}

static void expect(X509 *cert, enum mqg_identity_from from, int err, const char *identity)
{
	char *got = (char *)"";

	assert_int_equal(err, mqg_identity_get(cert, from, &got));
	if (identity)
		assert_string_equal(identity, got);
	else
		assert_null(got);
	free(got);
	X509_free(cert);
}

static void expect_cn(const char *text, int len, int type, bool good)
{
	const struct field field = { text, len, type };

	expect(with_cn(&field, 1), MQG_FROM_CN, good ? 0 : -EINVAL, good ? text : NULL);
}

static void one_cn_is_the_identity(void **state)
{
	(void)state;
	expect_cn("device-1", -1, V_ASN1_UTF8STRING, true);
	expect_cn("device 1.example", -1, V_ASN1_PRINTABLESTRING, true);
	expect_cn("ger\xc3\xa4t-\xf0\x9f\x94\x92", -1, V_ASN1_UTF8STRING, true);
}

static void no_cn_or_two_are_none(void **state)
{
	const struct field two[] = {
		{ "device-1", -1, V_ASN1_UTF8STRING }, { "device-1", -1, V_ASN1_UTF8STRING },
	};

	(void)state;
	expect(with_cn(NULL, 0), MQG_FROM_CN, -ENOENT, NULL);
	expect(with_cn(two, 2), MQG_FROM_CN, -EEXIST, NULL);
}

static void embedded_nul_is_none(void **state)
{
	(void)state;
	expect_cn("device-1\0.evil", 14, V_ASN1_UTF8STRING, false);
	expect_cn("device-1\0", 9, V_ASN1_UTF8STRING, false);
	expect_cn("\0device-1", 9, V_ASN1_UTF8STRING, false);
}

static void mqtt_characters_are_none(void **state)
{
	(void)state;
	expect_cn("+", -1, V_ASN1_UTF8STRING, false);
	expect_cn("device/1", -1, V_ASN1_UTF8STRING, false);
	expect_cn("device#", -1, V_ASN1_UTF8STRING, false);
	expect_cn("*", -1, V_ASN1_UTF8STRING, false);
}

static void control_characters_are_none(void **state)
{
	(void)state;
	expect_cn("device\n1", -1, V_ASN1_UTF8STRING, false);
	expect_cn("device\x7f", -1, V_ASN1_UTF8STRING, false);
	expect_cn("device\xc2\x85", -1, V_ASN1_UTF8STRING, false);
}

static void bad_utf8_is_none(void **state)
{
	(void)state;
	expect_cn("a\xff", -1, V_ASN1_UTF8STRING, false);
	expect_cn("a\xc0\xaf", -1, V_ASN1_UTF8STRING, false);
	expect_cn("a\xe0\x80\xaf", -1, V_ASN1_UTF8STRING, false);
	expect_cn("a\xed\xa0\x80", -1, V_ASN1_UTF8STRING, false);
	expect_cn("a\xf4\x90\x80\x80", -1, V_ASN1_UTF8STRING, false);
	expect_cn("a\xc3", -1, V_ASN1_UTF8STRING, false);
	expect_cn("ger\xc3\xa4t", -1, V_ASN1_PRINTABLESTRING, false);
}

static void ambiguous_string_types_are_none(void **state)
{
	(void)state;
	expect_cn("device-1", -1, V_ASN1_T61STRING, false);
	expect_cn("\0d\0e", 4, V_ASN1_BMPSTRING, false);
}

static void length_is_1_to_255(void **state)
{
	char text[257];

	(void)state;
	memset(text, 'd', sizeof(text));
	text[256] = '\0';
	expect_cn("", 0, V_ASN1_UTF8STRING, false);
	expect_cn(text, 256, V_ASN1_UTF8STRING, false);
	text[255] = '\0';
	expect_cn(text, 255, V_ASN1_UTF8STRING, true);
}

static void one_san_of_the_kind_is_the_identity(void **state)
{
	const struct field mixed[] = {
		{ "urn:dev:1", 9, GEN_URI }, { "one.example", 11, GEN_DNS },
		{ "me@one.example", 14, GEN_EMAIL },
	};

	(void)state;
	expect(with_san(mixed, 3), MQG_FROM_SAN_DNS, 0, "one.example");
	expect(with_san(mixed, 3), MQG_FROM_SAN_URI, 0, "urn:dev:1");
	expect(with_san(mixed, 3), MQG_FROM_SAN_EMAIL, 0, "me@one.example");
	expect(with_san(mixed, 1), MQG_FROM_SAN_DNS, -ENOENT, NULL);
	expect(with_san(mixed, 2), MQG_FROM_SAN_EMAIL, -ENOENT, NULL);
	expect(with_san(mixed, 3), MQG_FROM_CN, -ENOENT, NULL);
	expect(with_cn(NULL, 0), MQG_FROM_SAN_DNS, -ENOENT, NULL);
}

static void two_sans_or_a_nul_are_none(void **state)
{
	const struct field two[] = { { "a.example", 9, GEN_DNS }, { "b.example", 9, GEN_DNS } };
	const struct field uris[] = { { "urn:a", 5, GEN_URI }, { "urn:a", 5, GEN_URI } };
	const struct field nul = { "a\0.example", 10, GEN_DNS };
	const struct field many = { "*.example", 9, GEN_DNS };
	const struct field mails[] = { { "a@b", 3, GEN_EMAIL }, { "c@b", 3, GEN_EMAIL } };
	const struct field mail_nul = { "a@b\0.c", 6, GEN_EMAIL };

	(void)state;
	expect(with_san(two, 2), MQG_FROM_SAN_DNS, -EEXIST, NULL);
	expect(with_san(uris, 2), MQG_FROM_SAN_URI, -EEXIST, NULL);
	expect(with_san(&nul, 1), MQG_FROM_SAN_DNS, -EINVAL, NULL);
	expect(with_san(&many, 1), MQG_FROM_SAN_DNS, -EINVAL, NULL);
	expect(with_san(mails, 2), MQG_FROM_SAN_EMAIL, -EEXIST, NULL);
	expect(with_san(&mail_nul, 1), MQG_FROM_SAN_EMAIL, -EINVAL, NULL);
}

static void uri_may_hold_slashes_and_nothing_else_may(void **state)
{
	const struct field uri = { "spiffe://plant/d1", 17, GEN_URI };
	const struct field wild = { "spiffe://plant/#", 16, GEN_URI };
	const struct field dns = { "a/b", 3, GEN_DNS };

	(void)state;
	expect(with_san(&uri, 1), MQG_FROM_SAN_URI, 0, "spiffe://plant/d1");
	expect(with_san(&wild, 1), MQG_FROM_SAN_URI, -EINVAL, NULL);
	expect(with_san(&dns, 1), MQG_FROM_SAN_DNS, -EINVAL, NULL);
}

/* Whether it is a CA OpenSSL tells of certificates that are whole. */
static X509 *signed_by_itself(X509 *cert)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");

	assert_true(X509_sign(cert, key, EVP_sha256()));
	EVP_PKEY_free(key);
	return cert;
}

static void expect_spiffe(const char *uri, bool good)
{
	const struct field field = { uri, (int)strlen(uri), GEN_URI };

	expect(signed_by_itself(with_san(&field, 1)), MQG_FROM_SPIFFE, good ? 0 : -EINVAL,
	       good ? uri : NULL);
}

static void spiffe_is_held_to_its_standard(void **state)
{
	const struct field two[] = { { "spiffe://a/b", 12, GEN_URI }, { "urn:x", 5, GEN_URI } };
	const struct field one = { "spiffe://plant/ca", 17, GEN_URI };
	BASIC_CONSTRAINTS *constraints = BASIC_CONSTRAINTS_new();
	X509 *ca = with_san(&one, 1);

	(void)state;
	expect_spiffe("spiffe://plant.example/line-1/Pump_7.a", true);
	expect_spiffe("spiffe://plant/d1", true);
	expect_spiffe("https://plant/d1", false);
	expect_spiffe("SPIFFE://plant/d1", false);
	expect_spiffe("spiffe://plant", false);
	expect_spiffe("spiffe://plant/", false);
	expect_spiffe("spiffe:///d1", false);
	expect_spiffe("spiffe://Plant/d1", false);
	expect_spiffe("spiffe://plant:8443/d1", false);
	expect_spiffe("spiffe://me@plant/d1", false);
	expect_spiffe("spiffe://plant/d1/", false);
	expect_spiffe("spiffe://plant//d1", false);
	expect_spiffe("spiffe://plant/./d1", false);
	expect_spiffe("spiffe://plant/../d1", false);
	expect_spiffe("spiffe://plant/d1?x", false);
	expect_spiffe("spiffe://plant/d%31", false);
	expect(with_san(two, 2), MQG_FROM_SPIFFE, -EEXIST, NULL);
	constraints->ca = 255;
	assert_int_equal(1, X509_add1_ext_i2d(ca, NID_basic_constraints, constraints, 1, 0));
	BASIC_CONSTRAINTS_free(constraints);
	expect(signed_by_itself(ca), MQG_FROM_SPIFFE, -EINVAL, NULL);
}

static void issuer_and_serial_are_der_and_hex(void **state)
{
	static const unsigned char serial[] = { 0x7f, 0, 0xab };
	X509 *cert = cert_new();
	unsigned char *der = NULL, digest[32];
	char wanted[80];
	int len, i;

	(void)state;
	X509_NAME_add_entry_by_txt(X509_get_issuer_name(cert), "CN", MBSTRING_ASC,
				   (const unsigned char *)"CA/+", -1, -1, 0);
	assert_true(ASN1_STRING_set(X509_get_serialNumber(cert), serial, sizeof(serial)));
	len = i2d_X509_NAME(X509_get_issuer_name(cert), &der);
	assert_true(len > 0);
	assert_int_equal(1, EVP_Digest(der, len, digest, NULL, EVP_sha256(), NULL));
	for (i = 0; i < 32; i++)
		snprintf(wanted + 2 * i, 3, "%02x", digest[i]);
	strcat(wanted, "-7f00ab");
	OPENSSL_free(der);
	expect(cert, MQG_FROM_ISSUER_SERIAL, 0, wanted);
	cert = cert_new();
	assert_true(ASN1_STRING_set(X509_get_serialNumber(cert), "123456789012345678901", 21));
	expect(cert, MQG_FROM_ISSUER_SERIAL, -EINVAL, NULL);
}

static void fingerprint_is_sha256_of_the_certificate(void **state)
{
	const struct field field = { "device-1", -1, V_ASN1_UTF8STRING };
	X509 *cert = with_cn(&field, 1);
	EVP_PKEY *key = EVP_EC_gen("P-256");
	unsigned char *der = NULL, digest[32];
	char wanted[65];
	int len, i;

	(void)state;
	assert_true(X509_sign(cert, key, EVP_sha256()));
	len = i2d_X509(cert, &der);
	assert_true(len > 0);
	assert_int_equal(1, EVP_Digest(der, len, digest, NULL, EVP_sha256(), NULL));
	for (i = 0; i < 32; i++)
		snprintf(wanted + 2 * i, 3, "%02x", digest[i]);
	OPENSSL_free(der);
	EVP_PKEY_free(key);
	expect(cert, MQG_FROM_FINGERPRINT, 0, wanted);
}

static bool fits(enum mqg_client_id_rule rule, const char *id, size_t len)
{
	return mqg_identity_fits(rule, "device-1", (const uint8_t *)id, len);
}

static void equal_means_equal(void **state)
{
	(void)state;
	assert_true(fits(MQG_CLIENT_ID_EQUAL, "device-1", 8));
	assert_false(fits(MQG_CLIENT_ID_EQUAL, "device-10", 9));
	assert_false(fits(MQG_CLIENT_ID_EQUAL, "device-", 7));
	assert_false(fits(MQG_CLIENT_ID_EQUAL, "Device-1", 8));
	assert_false(fits(MQG_CLIENT_ID_EQUAL, "device-1\0", 9));
	assert_false(fits(MQG_CLIENT_ID_EQUAL, "", 0));
}

static void prefix_needs_a_separator(void **state)
{
	(void)state;
	assert_true(fits(MQG_CLIENT_ID_PREFIX, "device-1", 8));
	assert_true(fits(MQG_CLIENT_ID_PREFIX, "device-1-pump", 13));
	assert_true(fits(MQG_CLIENT_ID_PREFIX, "device-1/pump", 13));
	assert_true(fits(MQG_CLIENT_ID_PREFIX, "device-1:pump", 13));
	assert_false(fits(MQG_CLIENT_ID_PREFIX, "device-12", 9));
	assert_false(fits(MQG_CLIENT_ID_PREFIX, "device-1.x", 10));
	assert_false(fits(MQG_CLIENT_ID_PREFIX, "device-", 7));
	assert_false(fits(MQG_CLIENT_ID_PREFIX, "x", 1));
}

static void any_means_any(void **state)
{
	(void)state;
	assert_true(fits(MQG_CLIENT_ID_ANY, "other", 5));
	assert_true(fits(MQG_CLIENT_ID_ANY, "", 0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_cn_is_the_identity),
		cmocka_unit_test(no_cn_or_two_are_none),
		cmocka_unit_test(embedded_nul_is_none),
		cmocka_unit_test(mqtt_characters_are_none),
		cmocka_unit_test(control_characters_are_none),
		cmocka_unit_test(bad_utf8_is_none),
		cmocka_unit_test(ambiguous_string_types_are_none),
		cmocka_unit_test(length_is_1_to_255),
		cmocka_unit_test(one_san_of_the_kind_is_the_identity),
		cmocka_unit_test(two_sans_or_a_nul_are_none),
		cmocka_unit_test(uri_may_hold_slashes_and_nothing_else_may),
		cmocka_unit_test(spiffe_is_held_to_its_standard),
		cmocka_unit_test(issuer_and_serial_are_der_and_hex),
		cmocka_unit_test(fingerprint_is_sha256_of_the_certificate),
		cmocka_unit_test(equal_means_equal),
		cmocka_unit_test(prefix_needs_a_separator),
		cmocka_unit_test(any_means_any),
	};

	return cmocka_run_group_tests_name("identity", tests, NULL, NULL) ? 1 : 0;
}
