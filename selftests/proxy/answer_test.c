// SPDX-License-Identifier: BSD-2-Clause
/* The CONNACK of each protocol version for each reason. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "proxy/answer.h"

static void expect(uint8_t level, enum mqgate_reason reason, const char *bytes, size_t len)
{
	uint8_t out[MQG_ANSWER_MAX];

	assert_int_equal(len, mqg_answer_build(level, reason, out));
	if (len)
		assert_memory_equal(bytes, out, len);
}

/* code_v3 or code_v5 0: no answer in that version. */
static void both(enum mqgate_reason reason, uint8_t code_v3, uint8_t code_v5)
{
	const char v3[] = { 0x20, 2, 0, (char)code_v3 };
	const char v5[] = { 0x20, 3, 0, (char)code_v5, 0 };

	expect(3, reason, v3, code_v3 ? 4 : 0);
	expect(4, reason, v3, code_v3 ? 4 : 0);
	expect(0x84, reason, v3, code_v3 ? 4 : 0);
	expect(5, reason, v5, code_v5 ? 5 : 0);
	expect(0x85, reason, v5, code_v5 ? 5 : 0);
}

static void malformed_is_81_and_silence(void **state)
{
	(void)state;
	both(MQGATE_REASON_MQTT_FLAGS, 0, 0x81);
	both(MQGATE_REASON_MQTT_TOO_SHORT, 0, 0x81);
	both(MQGATE_REASON_MQTT_TOO_LONG, 0, 0x81);
	both(MQGATE_REASON_MQTT_CONNECT_FLAGS, 0, 0x81);
	both(MQGATE_REASON_MQTT_UTF8, 0, 0x81);
	both(MQGATE_REASON_MQTT_PROPERTY_LENGTH, 0, 0x81);
	both(MQGATE_REASON_MQTT_PROPERTY_ID, 0, 0x81);
}

static void protocol_error_is_82_and_silence(void **state)
{
	(void)state;
	both(MQGATE_REASON_MQTT_PROPERTY_TWICE, 0, 0x82);
	both(MQGATE_REASON_MQTT_PROPERTY_VALUE, 0, 0x82);
	both(MQGATE_REASON_MQTT_WILL_TOPIC, 0, 0x82);
}

static void identity_is_87_and_05(void **state)
{
	(void)state;
	both(MQGATE_REASON_IDENTITY_NONE, 5, 0x87);
	both(MQGATE_REASON_IDENTITY_CLIENT_ID, 5, 0x87);
	both(MQGATE_REASON_CREDENTIAL_CLEAR, 5, 0x87);
	both(MQGATE_REASON_CERT_WEAK, 5, 0x87);
	both(MQGATE_REASON_CERT_SUPERSEDED, 5, 0x87);
	both(MQGATE_REASON_TLS_POLICY, 5, 0x87);
	both(MQGATE_REASON_POLICY_CONNECT, 5, 0x87);
	both(MQGATE_REASON_POLICY_WILL, 5, 0x87);
	both(MQGATE_REASON_POLICY_RETAIN, 5, 0x87);
}

static void client_id_is_85_and_02(void **state)
{
	(void)state;
	both(MQGATE_REASON_MQTT_CLIENT_ID, 2, 0x85);
}

static void broker_is_88_and_03(void **state)
{
	(void)state;
	both(MQGATE_REASON_BROKER_UNREACHABLE, 3, 0x88);
	both(MQGATE_REASON_BROKER_CLOSED, 3, 0x88);
	both(MQGATE_REASON_MQTT_CONNACK, 3, 0x88);
	both(MQGATE_REASON_LIMIT_SESSIONS, 3, 0x89);
	both(MQGATE_REASON_BROKER_FULL, 3, 0x89);
	both(MQGATE_REASON_STOPPING, 3, 0x88);
}

static void level_is_answered_as_3_1_1(void **state)
{
	static const uint8_t levels[] = { 0, 2, 3, 4, 5, 6, 127 };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(levels); i++)
		expect(levels[i], MQGATE_REASON_MQTT_LEVEL, "\x20\x02\0\x01", 4);
}

static void unknown_level_is_silence(void **state)
{
	int reason;

	(void)state;
	for (reason = 0; reason < MQGATE_REASON_MAX; reason++)
		if (reason != MQGATE_REASON_MQTT_LEVEL)
			expect(0, reason, NULL, 0);
}

static void timeouts_and_closes_are_silence(void **state)
{
	(void)state;
	both(MQGATE_REASON_CONNECT_TIMEOUT, 0, 0);
	both(MQGATE_REASON_CLIENT_CLOSED, 0, 0);
	both(MQGATE_REASON_BROKER_REFUSED, 0, 0);
	both(MQGATE_REASON_BROKER_QUEUE, 0, 0);
	both(MQGATE_REASON_CERT_MISSING, 0, 0);
}

static void what_is_taken_back_is_87_and_98(void **state)
{
	uint8_t out[MQG_ANSWER_MAX];

	(void)state;
	both(MQGATE_REASON_CERT_REVOKED, 5, 0x87);
	both(MQGATE_REASON_REVOKED, 5, 0x87);
	both(MQGATE_REASON_CONFIG, 3, 0x88);
	assert_int_equal(mqg_answer_disconnect(5, MQGATE_REASON_CERT_REVOKED, out), 3);
	assert_memory_equal(out, "\xe0\x01\x87", 3);
	assert_int_equal(mqg_answer_disconnect(0x85, MQGATE_REASON_CONFIG, out), 3);
	assert_memory_equal(out, "\xe0\x01\x98", 3);
	/* In MQTT 3.1.1 only clients send DISCONNECT (3.14). */
	assert_int_equal(mqg_answer_disconnect(4, MQGATE_REASON_CERT_REVOKED, out), 0);
	assert_int_equal(mqg_answer_disconnect(3, MQGATE_REASON_CERT_REVOKED, out), 0);
}

static void ended(enum mqgate_reason reason, uint8_t code)
{
	uint8_t out[MQG_ANSWER_MAX];

	assert_int_equal(mqg_answer_disconnect(4, reason, out), 0);
	assert_int_equal(mqg_answer_disconnect(5, reason, out), 3);
	assert_int_equal(out[0], 0xe0);
	assert_int_equal(out[1], 1);
	assert_int_equal(out[2], code);
}

static void a_session_is_ended_with_codes_of_disconnect(void **state)
{
	(void)state;
	ended(MQGATE_REASON_MQTT_UTF8, 0x81);
	ended(MQGATE_REASON_CONNECT_AGAIN, 0x82);
	ended(MQGATE_REASON_MQTT_DIRECTION, 0x82);
	ended(MQGATE_REASON_MQTT_FILTER, 0x8f);
	ended(MQGATE_REASON_MQTT_TOPIC, 0x90);
	ended(MQGATE_REASON_MQTT_LEVELS, 0x97);
	ended(MQGATE_REASON_MQTT_BROKER, 0x80);
	both(MQGATE_REASON_MQTT_FILTER, 0, 0x82);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(malformed_is_81_and_silence),
		cmocka_unit_test(protocol_error_is_82_and_silence),
		cmocka_unit_test(identity_is_87_and_05),
		cmocka_unit_test(client_id_is_85_and_02),
		cmocka_unit_test(broker_is_88_and_03),
		cmocka_unit_test(level_is_answered_as_3_1_1),
		cmocka_unit_test(unknown_level_is_silence),
		cmocka_unit_test(timeouts_and_closes_are_silence),
		cmocka_unit_test(what_is_taken_back_is_87_and_98),
		cmocka_unit_test(a_session_is_ended_with_codes_of_disconnect),
	};

	return cmocka_run_group_tests_name("answer", tests, NULL, NULL) ? 1 : 0;
}
