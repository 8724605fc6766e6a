// SPDX-License-Identifier: BSD-2-Clause
/*
 * Which policy a server name asks for, and server names in ClientHellos that are cut into records.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "config/servernames.h"
#include "proxy/sni.h"

static struct mqg_server_name names[] = {
	{ (char *)"a.example.org", false, 1 },	{ (char *)"a.example.org", true, 2 },
	{ (char *)"example.org", true, 3 },	{ (char *)"b.example.org", false, 4 },
	{ (char *)"local", false, 5 },		{ (char *)"x.a.example.org", false, 6 },
};

static struct mqg_listener listener = {
	.server_names = names, .n_server_names = sizeof(names) / sizeof(names[0]),
};

static void expect(const char *name, size_t policy)
{
	size_t len = strlen(name);
	char *exact = malloc(len + 1);

	/* Without the final NUL, so that reading on is found. */
	memcpy(exact, name, len);
	exact[len] = 'z';
	assert_int_equal(mqg_server_name_find(&listener, exact, len), policy);
	free(exact);
}

static void the_most_exact_name_wins(void **state)
{
	(void)state;
	expect("a.example.org", 1);
	expect("x.a.example.org", 6);
	expect("y.a.example.org", 2);
	expect("b.example.org", 4);
	expect("c.example.org", 3);
	expect("local", 5);
	expect("A.Example.ORG", 1);
	expect("Y.A.EXAMPLE.org", 2);
}

static void what_is_not_listed_is_none(void **state)
{
	(void)state;
	expect("example.org", MQG_POLICY_NONE);
	expect("y.x.a.example.org", MQG_POLICY_NONE);
	expect("y.b.example.org", MQG_POLICY_NONE);
	expect(".example.org", MQG_POLICY_NONE);
	expect("c.example.org.", MQG_POLICY_NONE);
	expect("*.example.org.", MQG_POLICY_NONE);
	expect("x.local", MQG_POLICY_NONE);
	expect("loca", MQG_POLICY_NONE);
	expect("locall", MQG_POLICY_NONE);
	assert_int_equal(mqg_server_name_find(&listener, "local\0", 6), MQG_POLICY_NONE);
	assert_int_equal(mqg_server_name_find(&listener, "", 0), MQG_POLICY_NONE);
}

/* A ClientHello with @name, without record headers; its length. */
static size_t hello_with(uint8_t *out, const char *name)
{
	const uint8_t len = (uint8_t)strlen(name);
	const uint8_t rest[] = { 0, 0, 2, 0x13, 1, 1, 0, 0, (uint8_t)(9 + len), 0, 0, 0,
				 (uint8_t)(5 + len), 0, (uint8_t)(3 + len), 0, 0, len };
	size_t total = 34 + sizeof(rest) + len;

	memset(out, 7, 4 + 34);
	memcpy(out, (uint8_t[]){ 1, 0, 0, (uint8_t)total, 3, 3 }, 6);
	memcpy(out + 38, rest, sizeof(rest));
	memcpy(out + 38 + sizeof(rest), name, len);
	return 4 + total;
}

static void a_name_is_found_however_the_hello_is_cut(void **state)
{
	static const char name[] = "sensor.plant.example.org";
	uint8_t hello[256], stream[2048];
	size_t len = hello_with(hello, name);
	char got[MQG_SNI_MAX];

	(void)state;
	for (size_t piece = 1; piece <= len; piece++) {
		struct tlsw_hello parser;
		size_t at = 0;
		__u32 used;

		for (size_t done = 0; done < len; done += piece) {
			size_t n = len - done < piece ? len - done : piece;

			memcpy(stream + at, (uint8_t[]){ 22, 3, 1, 0, (uint8_t)n }, 5);
			memcpy(stream + at + 5, hello + done, n);
			at += 5 + n;
		}
		tlsw_hello_init(&parser, 65536);
		assert_int_equal(tlsw_hello_feed(&parser, stream, (__u32)at, &used), MQW_OK);
		assert_int_equal(mqg_sni_get(&parser, stream, got), strlen(name));
		assert_memory_equal(got, name, strlen(name));
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_most_exact_name_wins),
		cmocka_unit_test(what_is_not_listed_is_none),
		cmocka_unit_test(a_name_is_found_however_the_hello_is_cut),
	};

	qsort(names, listener.n_server_names, sizeof(names[0]), mqg_server_name_order);
	return cmocka_run_group_tests_name("server names", tests, NULL, NULL);
}
