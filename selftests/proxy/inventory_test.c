// SPDX-License-Identifier: BSD-2-Clause
/*
 * The inventory of certificates: what it tells of one, who goes when it is full, and whom another
 * certificate has taken the place of.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include "proxy/inventory.h"

static EVP_PKEY *key, *rsa;

static X509 *certificate(uint32_t serial, EVP_PKEY *own, const EVP_MD *digest)
{
	X509 *cert = X509_new();

	assert_non_null(cert);
	X509_set_version(cert, X509_VERSION_3);
	ASN1_INTEGER_set_uint64(X509_get_serialNumber(cert), serial + 1ULL);
	ASN1_TIME_set(X509_getm_notBefore(cert), 1000000000);
	ASN1_TIME_set(X509_getm_notAfter(cert), 2000000000);
	X509_NAME_add_entry_by_txt(X509_get_subject_name(cert), "CN", MBSTRING_UTF8,
				   (const unsigned char *)"d\x1b[2J", -1, -1, 0);
	X509_set_pubkey(cert, own);
	assert_true(X509_sign(cert, own, digest));
	return cert;
}

static void add(uint32_t serial, const char *identity)
{
	const struct mqg_handshake last = { .version = TLS1_3_VERSION, .cipher = "c" };
	static X509 *cert;
	ASN1_TIME *end;

	if (!cert)
		cert = certificate(0, key, NULL);
	/* Its signature is wrong from now on; setting a time has the DER written anew. */
	ASN1_INTEGER_set_uint64(X509_get_serialNumber(cert), serial + 1ULL);
	end = ASN1_STRING_dup(X509_get0_notAfter(cert));
	assert_true(X509_set1_notAfter(cert, end));
	ASN1_STRING_free(end);
	mqg_inventory_add(cert, last, identity);
}

/* The line of @serial, or count. */
static size_t find(const struct mqg_seen *seen, size_t count, uint32_t serial,
		   struct mqg_certificate_info *info)
{
	size_t i;

	for (i = 0; i < count; i++) {
		mqg_inventory_describe(seen[i].certificate, info);
		if (strtoul(info->serial, NULL, 16) == serial + 1UL)
			break;
	}
	return i;
}

static void a_line_tells_what_the_certificate_says(void **state)
{
	const struct mqg_handshake last = { .version = TLS1_2_VERSION, .cipher = "c" };
	const struct mqg_handshake signed_ = { .cipher = "c", .signature = NID_rsassaPss };
	const struct mqg_handshake resumed = { .cipher = "c", .resumed = 1 };
	X509 *cert = certificate(0xabcde, rsa, EVP_sha1());
	struct mqg_certificate_info info;
	struct mqg_seen *seen;
	size_t count, at;

	(void)state;
	mqg_inventory_add(cert, last, "one");
	mqg_inventory_add(cert, last, "one");
	assert_int_equal(mqg_inventory_copy(&seen, &count), 0);
	at = find(seen, count, 0xabcde, &info);
	assert_int_equal(at, 0);
	assert_string_equal(info.identity, "one");
	assert_string_equal(info.subject, "CN=d\\1B[2J");
	assert_string_equal(info.key, "RSA");
	assert_int_equal(info.bits, 2048);
	assert_true(info.weak_key);
	assert_true(info.weak_signature);
	assert_int_equal(info.not_after, 2000000000);
	assert_int_equal(seen[at].last.handshakes, 2);
	assert_int_equal(count, 1);
	mqg_inventory_free(seen, count);

	/* By another rule it is somebody else, and still one certificate. */
	mqg_inventory_add(cert, last, "two");
	assert_int_equal(mqg_inventory_copy(&seen, &count), 0);
	assert_int_equal(count, 1);
	mqg_inventory_describe(seen[0].certificate, &info);
	assert_string_equal(info.identity, "two");
	assert_int_equal(seen[0].last.handshakes, 3);
	mqg_inventory_free(seen, count);

	/* Who resumes signs nothing: what it signed with last stays. */
	mqg_inventory_add(cert, signed_, "two");
	mqg_inventory_add(cert, resumed, "two");
	mqg_inventory_add(cert, resumed, "two");
	assert_int_equal(mqg_inventory_copy(&seen, &count), 0);
	assert_int_equal(seen[0].last.handshakes, 6);
	assert_int_equal(seen[0].last.resumed, 2);
	assert_int_equal(seen[0].last.signature, NID_rsassaPss);
	mqg_inventory_free(seen, count);
	X509_free(cert);
}

static void a_renewed_device_has_an_older_certificate(void **state)
{
	struct mqg_certificate_info info;
	struct mqg_seen *seen;
	size_t count;

	(void)state;
	add(1, "renewed");
	add(2, "renewed");
	add(3, NULL);
	add(4, NULL);
	assert_int_equal(mqg_inventory_copy(&seen, &count), 0);
	assert_true(seen[find(seen, count, 1, &info)].superseded);
	assert_false(seen[find(seen, count, 2, &info)].superseded);
	assert_false(info.weak_key);
	assert_false(info.weak_signature);
	assert_string_equal(info.key, "Ed25519");
	assert_false(seen[find(seen, count, 3, &info)].superseded);
	assert_null(info.identity);
	assert_false(seen[find(seen, count, 4, &info)].superseded);
	mqg_inventory_free(seen, count);
}

static void the_one_not_seen_for_longest_makes_room(void **state)
{
	struct mqg_certificate_info info;
	struct mqg_seen *seen, *before;
	size_t count, n;
	uint32_t i;

	(void)state;
	assert_int_equal(mqg_inventory_copy(&before, &n), 0);
	for (i = 100; i < 100 + MQG_INVENTORY_MAX - n; i++)
		add(i, "many");
	assert_int_equal(mqg_inventory_dropped(), 0);
	add(1, "renewed");	/* seen again: not the oldest any more */
	for (i = 0; i < n; i++)
		add(1000000 + i, "more");
	assert_int_equal(mqg_inventory_dropped(), n);
	assert_int_equal(mqg_inventory_copy(&seen, &count), 0);
	assert_int_equal(count, MQG_INVENTORY_MAX);
	assert_int_equal(find(seen, count, 0xabcde, &info), count);
	assert_int_equal(find(seen, count, 2, &info), count);
	assert_int_not_equal(find(seen, count, 1, &info), count);
	mqg_inventory_free(seen, count);

	/* A copy lives on without the table. */
	mqg_inventory_describe(before[0].certificate, &info);
	assert_string_equal(info.identity, "two");
	mqg_inventory_free(before, n);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_line_tells_what_the_certificate_says),
		cmocka_unit_test(a_renewed_device_has_an_older_certificate),
		cmocka_unit_test(the_one_not_seen_for_longest_makes_room),
	};

	key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	rsa = EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)2048);
	return cmocka_run_group_tests_name("inventory", tests, NULL, NULL) ? 1 : 0;
}
