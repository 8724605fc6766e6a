// SPDX-License-Identifier: BSD-2-Clause
/*
 * The check of the first bytes by what only it says: whether a payload names MQTT or TLS, and how
 * long the packet is. What it shares with the machines is checked for every vector (props.c).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <mqgate/mqtt_wire.h>
#include <mqgate/tls_wire.h>

#define LIMIT (1U << 20)

static int mqtt(const char *bytes, __u32 len, struct mqw_head *out)
{
	__u8 head[16] = { 0 };

	memcpy(head, bytes, len < 16 ? len : 16);
	return mqw_head_check(head, len < 16 ? len : 16, LIMIT, out);
}
#define MQTT(bytes, out) mqtt(bytes, sizeof(bytes) - 1, out)

static int tls(const char *bytes, __u32 len, struct tlsw_head *out)
{
	__u8 head[16] = { 0 };

	memcpy(head, bytes, len < 16 ? len : 16);
	return tlsw_head_check(head, len < 16 ? len : 16, 65536, out);
}
#define TLS(bytes, out) tls(bytes, sizeof(bytes) - 1, out)

#define NAMES(want, bytes) do {						\
	struct mqw_head out_;						\
	MQTT(bytes, &out_);						\
	if (out_.names_mqtt != (want)) {				\
		printf("# line %d: names_mqtt %d\n", __LINE__, out_.names_mqtt); \
		fail();							\
	}								\
} while (0)

/* ATTACKS 1 to 5: what a lenient service drops has to be named by the packet itself. */
static void test_names(void **state)
{
	(void)state;
	NAMES(1, "\x10\x0d\0\4MQTT\4\2\0\x3c\0\1a");
	NAMES(1, "\x10\x0f\0\6MQIsdp\3\2\0\x3c\0\1a");
	NAMES(1, "\x10\xcd\1\0\4MQTT\4\2\0\x3c");
	NAMES(1, "\x10\xcd\x80\1\0\4MQTT\4\2\0\x3c");
	NAMES(1, "\x10\xcd\x80\x80\1\0\4MQTT\4\2\0");
	NAMES(1, "\x10\xcd\x80\x80\1\0\6MQIsdp\3");
	/* 1: behind the fifth byte of a length that has none */
	NAMES(1, "\x10\x80\x80\x80\x80\1\0\4MQTT\4\2\0");
	NAMES(1, "\x10\xff\xff\xff\xff\xff\0\6MQIsdp");
	/* 2: wrong first bytes */
	NAMES(1, "\x1f\x0d\0\4MQTT\5\2\0\x0a\0\1p");
	NAMES(1, "\0\x0d\0\4MQTT\4\2\0\x3c\0\1a");
	NAMES(1, "\x08\x0d\0\4MQTT\4\2\0\x3c\0\1a");
	NAMES(1, "\xf0\x0d\0\4MQTT\4\2\0\x3c\0\1a");
	/* 3: nothing but the name */
	NAMES(1, "\x10\6\0\4MQTT");
	NAMES(0, "\x10\0");
	NAMES(0, "\x10\2\0\4");
	NAMES(0, "\x10\x0d\0\4MQT");
	NAMES(0, "\x10\x0f\0\6MQIsd");
	/* 5: other names */
	NAMES(0, "\x10\x0d\0\4MQTU\4\2\0\x3c\0\1a");
	NAMES(0, "\x10\x0e\0\5MQTTT\4\2\0\x3c\0\1a");
	NAMES(0, "\x10\x0f\0\6MQTTTT\4\2\0\x3c\0\1a");
	NAMES(0, "");
}

/* A mid-stream packet may carry a topic that is called MQTT, and is none of our business. */
static void test_topic_called_mqtt(void **state)
{
	(void)state;
	NAMES(0, "\x30\x09\0\4MQTThi!");
	NAMES(0, "\x3d\x0b\0\4MQTT\0\1hi!");
	NAMES(0, "\x82\x0b\0\4MQTT\0\1hi!");
	NAMES(0, "\xa2\x0b\0\4MQTT\0\1hi!");
}

static void test_mqtt_need(void **state)
{
	struct mqw_head out;

	(void)state;
	assert_int_equal(MQTT("\x10", &out), MQW_NEED_MORE);
	assert_int_equal(out.need, 0);
	assert_int_equal(MQTT("\x10\x8d", &out), MQW_NEED_MORE);
	assert_int_equal(out.need, 0);
	assert_int_equal(MQTT("\x10\x0d", &out), MQW_NEED_MORE);
	assert_int_equal(out.need, 15);
	assert_int_equal(MQTT("\x10\x80\1\0\4MQTT\4\2\0\x3c\0\1", &out), MQW_OK);
	assert_int_equal(out.need, 131);
	assert_int_equal(out.level, 4);
	assert_int_equal(MQTT("\x10\x80\x80\x40\0\4MQTT\x85\2\0\x3c", &out), MQW_OK);
	assert_int_equal(out.need, LIMIT + 4);
	assert_int_equal(out.level, 0x85);
	assert_int_equal(MQTT("\x10\x81\x80\x40\0\4MQTT\4\2", &out), MQW_MALFORMED);
	assert_int_equal(out.reason, MQGATE_REASON_MQTT_TOO_LONG);
}

static void test_names_tls(void **state)
{
	struct tlsw_head out;

	(void)state;
	TLS("\x16\3\1", &out);
	assert_int_equal(out.names_tls, 1);
	TLS("\x16\3\1\0\0\1", &out);
	assert_int_equal(out.names_tls, 1);
	TLS("\x16\3", &out);
	assert_int_equal(out.names_tls, 0);
	TLS("\x16\2\1\0\x40", &out);
	assert_int_equal(out.names_tls, 0);
	TLS("\x17\3\3\0\x40", &out);
	assert_int_equal(out.names_tls, 0);
}

static void test_tls_need(void **state)
{
	struct tlsw_head out;

	(void)state;
	assert_int_equal(TLS("\x16\3\1\2\0\1\0\1", &out), MQW_NEED_MORE);
	assert_int_equal(out.need, 0);
	assert_int_equal(TLS("\x16\3\1\2\0\1\0\1\xfc", &out), MQW_NEED_MORE);
	assert_int_equal(out.need, 517);
	assert_int_equal(TLS("\x16\3\1\2\0\1\0\1\xfc\3\3", &out), MQW_OK);
	/* the record ends before the hello: at least one more header is to come */
	assert_int_equal(TLS("\x16\3\1\0\x20\1\0\1\xfc\3\3", &out), MQW_OK);
	assert_int_equal(out.need, 522);
	/* one handshake byte in the record: nothing more to see here, and no length */
	assert_int_equal(TLS("\x16\3\1\0\1\1\x16\3\1\0\1\2", &out), MQW_OK);
	assert_int_equal(out.need, 0);
}

/* ATTACKS 6: the one refusal that a client is told of, and nothing else. */
static void test_answered(void **state)
{
	(void)state;
	for (__u32 reason = 0; reason < MQGATE_REASON_MAX; reason++)
		assert_int_equal(mqw_reason_answered(reason),
				 reason == MQGATE_REASON_MQTT_CLIENT_ID);
}

/* A hello in many records says how much is to come, and never too much. */
static void test_hello_need(void **state)
{
	static const __u8 part[] = "\x16\3\1\0\x06\1\0\0\x29\3\3";
	static const __u8 rest[] = "\x16\3\1\0\x27";
	struct tlsw_hello h;
	__u32 used;

	(void)state;
	tlsw_hello_init(&h, 65536);
	assert_int_equal(tlsw_hello_feed(&h, part, 8, &used), MQW_NEED_MORE);
	assert_int_equal(h.need, 0);
	assert_int_equal(tlsw_hello_feed(&h, part + 8, 1, &used), MQW_NEED_MORE);
	assert_int_equal(h.need, 9 + 41 + 5);
	assert_int_equal(tlsw_hello_feed(&h, part + 9, 2, &used), MQW_NEED_MORE);
	assert_int_equal(h.need, 9 + 41 + 5);
	assert_int_equal(h.split, 0);
	assert_int_equal(tlsw_hello_feed(&h, rest, 1, &used), MQW_NEED_MORE);
	assert_int_equal(h.need, 9 + 41 + 5);
	assert_int_equal(h.split, 1);
	assert_int_equal(tlsw_hello_feed(&h, rest + 1, 4, &used), MQW_NEED_MORE);
	assert_int_equal(h.need, 9 + 41 + 5);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_topic_called_mqtt),
		cmocka_unit_test(test_mqtt_need),
		cmocka_unit_test(test_names_tls),
		cmocka_unit_test(test_tls_need),
		cmocka_unit_test(test_answered),
		cmocka_unit_test(test_hello_need),
	};

	return cmocka_run_group_tests_name("first bytes", tests, NULL, NULL) != 0;
}
