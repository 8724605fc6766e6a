// SPDX-License-Identifier: BSD-2-Clause
/*
 * Holds the flood honest: each of its shapes is malformed to the parsers as it stands, and none is
 * merely incomplete, which XDP would have to let pass. Run by the runner; no lock.
 */
#include <mqgate/mqtt_wire.h>
#include <mqgate/tls_wire.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include "shapes.h"

static int judge_mqtt(const struct shape *s)
{
	struct mqw_connect c;
	__u32 used;

	mqw_connect_init(&c, MQGATE_DEFAULT_CONNECT_MAX);
	return mqw_connect_feed(&c, s->bytes, (__u32)s->length, &used);
}

static int judge_tls(const struct shape *s)
{
	struct tlsw_hello h;
	__u32 used;

	tlsw_hello_init(&h, MQGATE_DEFAULT_HELLO_MAX);
	return tlsw_hello_feed(&h, s->bytes, (__u32)s->length, &used);
}

static void expect_malformed(const struct shape *shapes, size_t count,
			     int (*judge)(const struct shape *shape))
{
	size_t i, wrong = 0;

	for (i = 0; i < count; i++) {
		int status = judge(&shapes[i]);

		if (status == MQW_MALFORMED)
			continue;
		print_message("# %s: status %d, expected malformed\n", shapes[i].name, status);
		wrong++;
	}
	assert_int_equal(wrong, 0);
}

static void mqtt_shapes_are_malformed(void **state)
{
	(void)state;
	expect_malformed(shapes_mqtt, shapes_mqtt_count, judge_mqtt);
}

static void tls_shapes_are_malformed(void **state)
{
	(void)state;
	expect_malformed(shapes_tls, shapes_tls_count, judge_tls);
}

/* The same helpers on good payloads: "everything is malformed" would satisfy the tests above. */
static void good_payloads_are_not(void **state)
{
	static const struct shape connect = {
		.bytes = "\x10\x0d\x00\x04MQTT\x04\x02\x00\x3c\x00\x01" "a", .length = 15,
	};
	static const struct shape hello = {
		.bytes = "\x16\x03\x01\x00\x2d\x01\x00\x00\x29\x03\x03"
			 "0123456789abcdef0123456789abcdef\x00\x00\x02\x13\x01\x01\x00",
		.length = 50,
	};

	(void)state;
	assert_int_equal(judge_mqtt(&connect), MQW_OK);
	assert_int_equal(judge_tls(&hello), MQW_OK);
}

/* Every line from 1 to 5 of the list of attacks has shapes. */
static void lines_1_to_5_are_covered(void **state)
{
	unsigned int lines = 0;
	size_t i;

	(void)state;
	for (i = 0; i < shapes_mqtt_count; i++)
		lines |= 1U << shapes_mqtt[i].line;
	assert_int_equal(lines, 0x3e);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(mqtt_shapes_are_malformed),
		cmocka_unit_test(tls_shapes_are_malformed),
		cmocka_unit_test(good_payloads_are_not),
		cmocka_unit_test(lines_1_to_5_are_covered),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
