// SPDX-License-Identifier: BSD-2-Clause
/* Whom policies are for, what their variables stand for, and when they hold. */
#include "stage.h"

#include <stdlib.h>

#include <openssl/evp.h>
#include <openssl/x509v3.h>

#define HOUR	3600
#define DAY	(24 * HOUR)
#define SUNDAY	1749945600		/* 2025-06-15, 00:00 UTC */

static struct mqg_rights *rights;

static int setup(void **state)
{
	(void)state;
	rights = begin();
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	mqg_rights_free(rights);
	return 0;
}

static bool may(const struct mqg_subject *subject, const char *topic)
{
	struct mqg_grant *grant = take(rights, subject);
	bool allowed = ask(grant, MQG_MAY_PUBLISH, topic).allowed;

	mqg_grant_drop(grant);
	return allowed;
}

/* ---- variables ---------------------------------------------------------------------------- */

static void a_variable_is_the_clients_own(void **state)
{
	const struct mqg_subject a = { .client_id = "a", .username = "u", .listener = "tls" };
	const struct mqg_subject none = { .client_id = "" };

	(void)state;
	say(rights, 0, false, BIT(PUBLISH), 2, "d/${client_id}/x");
	say(rights, 0, false, BIT(PUBLISH), 2, "${listener}-${username}-y");
	finish(rights);
	assert_true(may(&a, "d/a/x"));
	assert_false(may(&a, "d/b/x"));
	assert_false(may(&a, "d/aa/x"));
	assert_false(may(&a, "d/${client_id}/x"));
	assert_true(may(&a, "tls-u-y"));
	assert_false(may(&a, "tls-u-"));
	assert_false(may(&none, "d//x"));
}

/* CVE-2017-7650 */
static void a_value_fills_one_level(void **state)
{
	const char *const bad[] = { "+", "#", "a/b", "/", "a+", "#a" };

	(void)state;
	say(rights, 0, false, BIT(PUBLISH) | BIT(SUBSCRIBE), 2, "d/${client_id}/#");
	finish(rights);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		const struct mqg_subject subject = { .client_id = bad[i] };
		struct mqg_grant *grant = take(rights, &subject);

		assert_false(ask(grant, MQG_MAY_PUBLISH, "d/a/b").allowed);
		assert_false(ask(grant, MQG_MAY_PUBLISH, "d/x").allowed);
		assert_false(ask(grant, MQG_MAY_PUBLISH, "d//").allowed);
		assert_false(ask_filter(grant, "d/+/#").allowed);
		assert_false(ask_filter(grant, "d/#").allowed);
		assert_false(ask_filter(grant, "d/a/b").allowed);
		mqg_grant_drop(grant);
	}
}

static void a_name_takes_nobody_out_of_a_deny(void **state)
{
	const struct mqg_subject slash = { .client_id = "a/b" }, fine = { .client_id = "a" };

	(void)state;
	say(rights, 0, false, BIT(PUBLISH), 2, "#");
	say(rights, 0, true, BIT(PUBLISH), 0, "d/x-${client_id}/secret");
	finish(rights);
	assert_false(may(&slash, "d/x-a/b/secret"));
	assert_false(may(&slash, "d/any"));
	assert_true(may(&slash, "e"));
	assert_false(may(&fine, "d/x-a/secret"));
	assert_true(may(&fine, "d/x-a/b/secret"));
}

static void a_name_is_no_way_to_the_brokers_topics(void **state)
{
	const struct mqg_subject subject = { .client_id = "$SYS" };

	(void)state;
	say(rights, 0, false, BIT(PUBLISH), 2, "${client_id}/#");
	say(rights, 0, false, BIT(PUBLISH), 2, "a/${client_id}");
	finish(rights);
	assert_false(may(&subject, "$SYS/broker"));
	assert_true(may(&subject, "a/$SYS"));
}

/* ---- certificates ------------------------------------------------------------------------- */

static void name_add(X509_NAME *name, int nid, int type, const char *text, int len)
{
	assert_true(X509_NAME_add_entry_by_NID(name, nid, type, (const unsigned char *)text, len,
					       -1, 0));
}

static X509 *certificate(void)
{
	X509 *cert = X509_new(), *ca = X509_new();
	X509_EXTENSION *san = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name,
						  "DNS:one.example,DNS:two.example,URI:urn:d:7");

	assert_non_null(san);
	name_add(X509_get_subject_name(cert), NID_commonName, MBSTRING_UTF8, "pump", -1);
	name_add(X509_get_subject_name(cert), NID_organizationName, MBSTRING_UTF8, "Plant B", -1);
	name_add(X509_get_subject_name(cert), NID_organizationalUnitName, MBSTRING_UTF8, "a", -1);
	name_add(X509_get_subject_name(cert), NID_organizationalUnitName, MBSTRING_UTF8, "b", -1);
	name_add(X509_get_subject_name(cert), NID_countryName, V_ASN1_T61STRING, "DE", 2);
	name_add(X509_get_subject_name(ca), NID_commonName, MBSTRING_UTF8, "CA 1", -1);
	assert_true(X509_set_issuer_name(cert, X509_get_subject_name(ca)));
	assert_true(ASN1_INTEGER_set(X509_get_serialNumber(cert), 0x1f2e));
	assert_true(X509_add_ext(cert, san, -1));
	X509_EXTENSION_free(san);
	X509_free(ca);
	return cert;
}

static void variables_from_certificates(void **state)
{
	struct mqg_subject subject = { .cert = certificate() };

	(void)state;
	say(rights, 0, false, BIT(PUBLISH), 2, "cn/${cn}");
	say(rights, 0, false, BIT(PUBLISH), 2, "o/${o}");
	say(rights, 0, false, BIT(PUBLISH), 2, "ou/${ou}");
	say(rights, 0, false, BIT(PUBLISH), 2, "c/${c}");
	say(rights, 0, false, BIT(PUBLISH), 2, "serial/${serial}");
	say(rights, 0, false, BIT(PUBLISH), 2, "issuer/${issuer.cn}");
	say(rights, 0, false, BIT(PUBLISH), 2, "dns/${san.dns}");
	say(rights, 0, false, BIT(PUBLISH), 2, "uri/${san.uri}");
	finish(rights);
	assert_true(may(&subject, "cn/pump"));
	assert_true(may(&subject, "o/Plant B"));
	assert_true(may(&subject, "serial/1f2e"));
	assert_true(may(&subject, "issuer/CA 1"));
	assert_true(may(&subject, "uri/urn:d:7"));
	/* Two of them, and one whose type is read differently by different programs. */
	assert_false(may(&subject, "ou/a"));
	assert_false(may(&subject, "ou/b"));
	assert_false(may(&subject, "dns/one.example"));
	assert_false(may(&subject, "c/DE"));
	X509_free(subject.cert);
}

/* ---- match -------------------------------------------------------------------------------- */

static uint32_t matching(struct mqg_match *match)
{
	int64_t number, scope;

	match->name = strdup("policy");
	if (!match->hours.from && !match->hours.until) {
		match->hours.from = INT64_MIN;
		match->hours.until = INT64_MAX;
	}
	number = mqg_rights_match(rights, match);
	assert_true(number >= 0);
	scope = mqg_rights_scope(rights, (uint32_t)number);
	assert_true(scope >= 0);
	return (uint32_t)scope;
}

static void patterns(struct mqg_match *match, enum mqg_field field, const char *one,
		     const char *other)
{
	char *const texts[] = { (char *)one, (char *)other };

	assert_int_equal(mqg_patterns_copy(&match->fields[field], texts, other ? 2 : 1), 0);
}

static void all_keys_have_to_match(void **state)
{
	struct mqg_subject subject = { .identity = "pump-1", .cert = certificate() };
	struct mqg_match match = {};

	(void)state;
	patterns(&match, MQG_FIELD_IDENTITY, "valve-*", "pump-?");
	patterns(&match, MQG_FIELD_OU, "b", NULL);
	patterns(&match, MQG_FIELD_SAN_DNS, "two.*", NULL);
	say(rights, matching(&match), false, BIT(PUBLISH), 2, "a");
	finish(rights);
	assert_true(may(&subject, "a"));
	subject.identity = "pump-12";
	assert_false(may(&subject, "a"));
	subject.identity = NULL;
	assert_false(may(&subject, "a"));
	subject.identity = "valve-";
	assert_true(may(&subject, "a"));
	X509_free(subject.cert);
	subject.cert = NULL;
	assert_false(may(&subject, "a"));
}

static void plain_names_and_patterns_are_the_same(void **state)
{
	struct mqg_match names = {}, mixed = {}, clients = {};
	struct mqg_subject subject = { .identity = "b", .client_id = "c" };

	(void)state;
	patterns(&names, MQG_FIELD_IDENTITY, "a", "b");
	patterns(&names, MQG_FIELD_CLIENT_ID, "c*", NULL);
	patterns(&mixed, MQG_FIELD_IDENTITY, "b", "z*");
	patterns(&clients, MQG_FIELD_CLIENT_ID, "c", NULL);
	say(rights, matching(&names), false, BIT(PUBLISH), 2, "names");
	say(rights, matching(&mixed), false, BIT(PUBLISH), 2, "mixed");
	say(rights, matching(&clients), false, BIT(PUBLISH), 2, "clients");
	finish(rights);
	assert_true(may(&subject, "names"));
	assert_true(may(&subject, "mixed"));
	assert_true(may(&subject, "clients"));
	subject.client_id = "d";
	assert_false(may(&subject, "names"));
	assert_false(may(&subject, "clients"));
	subject.identity = "c";
	assert_false(may(&subject, "mixed"));
}

static void groups_have_names_and_patterns(void **state)
{
	char *const members[] = { (char *)"probe", (char *)"sensor-*", (char *)"[odd\\]" };
	struct mqg_match match = {};
	struct mqg_subject subject = { .identity = "probe" };

	(void)state;
	assert_int_equal(mqg_rights_group(rights, "other", members, 0), 0);
	assert_int_equal(mqg_rights_group(rights, "sensors", members, 3), 0);
	match.groups = calloc(1, sizeof(*match.groups));
	match.groups[match.n_groups++] = (uint32_t)mqg_rights_group_find(rights, "sensors");
	say(rights, matching(&match), false, BIT(PUBLISH), 2, "a");
	finish(rights);
	assert_true(may(&subject, "a"));
	subject.identity = "sensor-7";
	assert_true(may(&subject, "a"));
	subject.identity = "probe-7";
	assert_false(may(&subject, "a"));
	subject.identity = NULL;
	assert_false(may(&subject, "a"));
}

/* ---- hours -------------------------------------------------------------------------------- */

static bool holds(const struct mqg_hours *hours, int64_t now, int64_t *until)
{
	int64_t since = INT64_MIN;

	*until = INT64_MAX;
	return mqg_hours_hold(hours, now, &since, until);
}

static void windows_of_the_week(void **state)
{
	const int64_t monday = SUNDAY + DAY;
	struct mqg_hours hours = { .from = INT64_MIN, .until = INT64_MAX };
	int64_t until;

	(void)state;
	assert_int_equal(mqg_hours_weekly("sun-mon 22:00-04:00", &hours), 0);
	assert_int_equal(mqg_hours_weekly("wed 08:30-24:00", &hours), 0);
	assert_false(holds(&hours, monday - 2 * HOUR - 1, &until));
	assert_int_equal(until, monday - 2 * HOUR);
	assert_true(holds(&hours, monday - 2 * HOUR, &until));
	assert_true(holds(&hours, monday, &until));
	assert_int_equal(until, monday + 4 * HOUR);
	assert_false(holds(&hours, monday + 4 * HOUR, &until));
	assert_true(holds(&hours, monday + DAY + 4 * HOUR - 1, &until));
	assert_false(holds(&hours, monday + 2 * DAY + 8 * HOUR, &until));
	assert_true(holds(&hours, monday + 2 * DAY + 8 * HOUR + 1800, &until));
	assert_int_equal(until, monday + 3 * DAY);
	assert_false(holds(&hours, monday + 3 * DAY, &until));
	/* Before 1970, too. */
	assert_true(holds(&hours, monday - 52 * 100 * 7 * (int64_t)DAY, &until));
	free(hours.windows);
}

/* What was decided and remembered while a policy held is not said after it. */
static void an_answer_ends_with_its_hours(void **state)
{
	struct mqg_subject subject = { .client_id = "a" };
	struct mqg_match match = { .hours = { .from = NOW - 10, .until = NOW + 10 } };
	struct mqg_grant *grant;
	const uint8_t topic[] = "t";

	(void)state;
	say(rights, matching(&match), false, BIT(PUBLISH) | BIT(CONNECT), 2, "t");
	finish(rights);
	grant = take(rights, &subject);
	assert_false(mqg_grant_topic(grant, MQG_MAY_PUBLISH, topic, 1, NOW - 11).allowed);
	assert_true(mqg_grant_topic(grant, MQG_MAY_PUBLISH, topic, 1, NOW - 10).allowed);
	assert_true(mqg_grant_topic(grant, MQG_MAY_PUBLISH, topic, 1, NOW + 9).allowed);
	assert_false(mqg_grant_topic(grant, MQG_MAY_PUBLISH, topic, 1, NOW + 10).allowed);
	/* A clock that is set back. */
	assert_true(mqg_grant_topic(grant, MQG_MAY_PUBLISH, topic, 1, NOW).allowed);
	mqg_grant_drop(grant);
}

#define POINT(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		POINT(a_variable_is_the_clients_own),
		POINT(a_value_fills_one_level),
		POINT(a_name_takes_nobody_out_of_a_deny),
		POINT(a_name_is_no_way_to_the_brokers_topics),
		POINT(variables_from_certificates),
		POINT(all_keys_have_to_match),
		POINT(plain_names_and_patterns_are_the_same),
		POINT(groups_have_names_and_patterns),
		POINT(windows_of_the_week),
		POINT(an_answer_ends_with_its_hours),
	};

	return cmocka_run_group_tests_name("policy: clients", tests, NULL, NULL);
}
