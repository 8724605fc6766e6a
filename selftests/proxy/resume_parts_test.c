// SPDX-License-Identifier: BSD-2-Clause
/*
 * A session goes on with another server: in the middle of a packet, beyond what may be kept,
 * and with aliases. Bytes as each side sees them.
 */
#include "hold_stage.h"

/* ---- in the middle of a packet --------------------------------------------------------------- */

static void a_payload_goes_on_with_the_next_server(void **state)
{
	(void)state;
	held(4);
	THROUGH_UP("\x32\6\0\1t\0\1A" "\x32\x0b\0\1t\0\7" "12");
	lose();
	next(false);
	GOES("\x3a\6\0\1t\0\1A" "\x3a\x0b\0\1t\0\7" "12");
	/* What is said to the server meanwhile waits for its end. */
	DOWN("\x62\2\0\x0a");
	GOES("");
	THROUGH_UP("34");
	/* Nor is it said to another one. */
	lose();
	UP("5");
	next(false);
	GOES("\x3a\6\0\1t\0\1A" "\x3a\x0b\0\1t\0\7" "12345");
	UP("6" "\xc0\0");
	GOES("6" "\xc0\0");
	THROUGH_DOWN("\x40\2\0\1" "\x40\2\0\7");
	assert_int_equal(0, counts.bytes);
}

/* All of it has come before there is a server; another one is on its way. */
static void a_payload_ends_without_a_server(void **state)
{
	(void)state;
	held(4);
	THROUGH_UP("\x34\x0b\0\1t\0\7" "12");
	lose();
	UP("3456" "\x30\4\0\1tC" "\x32\x0b\0\1t\0\x08" "abc");
	next(false);
	GOES("\x3c\x0b\0\1t\0\7" "123456" "\x30\4\0\1tC" "\x32\x0b\0\1t\0\x08" "abc");
	THROUGH_UP("def");
	THROUGH_DOWN("\x50\2\0\7" "\x40\2\0\x08");
}

static void of_qos_0_the_rest_is_dropped(void **state)
{
	(void)state;
	held(4);
	THROUGH_UP("\x30\x0a\0\1t" "1234");
	lose();
	UP("56");
	next(false);
	GOES("");
	UP("7" "\x30\4\0\1tC");
	GOES("\x30\4\0\1tC");
	/* One of which nothing was sent goes whole. */
	lose();
	UP("\x30\x0a\0\1t" "1234");
	next(false);
	GOES("\x30\x0a\0\1t" "1234");
	THROUGH_UP("567" "\xc0\0");
}

/* A head that the end of a chunk cut is not lost, nor sent twice. */
static void a_head_goes_on_with_the_next_server(void **state)
{
	static const char packets[] = "\x32\6\0\1t\0\1A" "\x34\6\0\1t\0\2B" "\x30\4\0\1tC";

	(void)state;
	for (size_t cut = 0; cut < sizeof(packets); cut++) {
		size_t len = sizeof(packets) - 1;
		/* The head of one is there without its payload, too. */
		bool a = cut >= 7, b = cut >= 15;

		held(4);
		assert_int_equal(0, take(MQG_UP, packets, cut));
		sent_len[MQG_UP] = 0;
		lose();
		next(false);
		assert_int_equal(0, take(MQG_UP, packets + cut, len - cut));
		/* What the first one had of QoS 0, or a part of that, is not the second one's. */
		assert_int_equal(cut >= len - 1 ? 16 : len, sent_len[MQG_UP]);
		assert_int_equal(a ? 0x3a : 0x32, sent[MQG_UP][0]);
		assert_int_equal(b ? 0x3c : 0x34, sent[MQG_UP][8]);
	}
}

/* A client that is in the middle of a packet cannot be told of another one. */
static void in_the_middle_of_a_delivery_it_ends(void **state)
{
	(void)state;
	held(4);
	THROUGH_DOWN("\x30\x0a\0\3end" "12");
	assert_false(mqg_message_lose(&message));
	THROUGH_DOWN("345");
	/* Of this one it has nothing. */
	DOWN("\x30\x0a\0\3en");
	COMES("");
	lose();
	next(false);
	THROUGH_DOWN("\x30\4\0\1tC");
}

/* ---- bounds ---------------------------------------------------------------------------------- */

/* What was read before there was no room is kept; what alone is too much is not. */
static void more_than_may_be_kept(void **state)
{
	static const char v4[] = "\x32\xe8\1\0\1t\0\x14" "payload that is not read on";
	static const char v5[] = "\x34\xe8\1\0\1t\0\x14\0" "payload that is not read on";
	char rest[300] = "\x30\2\0\1";

	(void)state;
	held(4);
	lose();
	for (int i = 0; i < 8; i++)
		UP("\x30\4\0\1tC");
	assert_true(mqg_keep_full(&keep));
	UP("\x30\4\0\1tC" "\x32\6\0\1t\0\1A");
	assert_int_equal(10, keep.n);
	UP("\x30\xe8\1\0\1tC");
	assert_int_equal(1, counts.dropped);
	assert_int_equal(1, refusals);
	held(4);
	lose();
	assert_int_equal(MQGATE_REASON_HOLD_FULL, take(MQG_UP, v4, sizeof(v4) - 1));
	COMES("");

	/* The server comes in the middle of it. */
	held(5);
	lose();
	assert_int_equal(0, take(MQG_UP, v5, sizeof(v5) - 1));
	COMES("\x50\3\0\x14\x97");
	next(false);
	GOES("");
	assert_int_equal(0, take(MQG_UP, rest, 0xe8 - (sizeof(v5) - 1 - 3)));
	GOES("");
	THROUGH_UP("\xc0\0" "\x34\7\0\1t\0\x14\0B");
	DOWN("\x50\2\0\x14");
	held(5);
	lose();
	UP("\x32\xe8\1\0\1t\0\1\0A");
	COMES("\x40\3\0\1\x97");
	assert_int_equal(0, counts.bytes);
}

/* What could not be kept while there was a server: the session waits for its acknowledgement. */
static void a_message_that_was_not_kept(void **state)
{
	char large[300] = "\x32\xa9\2\0\1t\0\1";

	(void)state;
	held(4);
	assert_int_equal(0, take(MQG_UP, large, sizeof(large)));
	assert_int_equal(sizeof(large), sent_len[MQG_UP]);
	assert_int_equal(0, counts.bytes);
	assert_false(mqg_message_lose(&message));
	DOWN("\x40\2\0\1");
	sent_len[MQG_UP] = sent_len[MQG_DOWN] = 0;
	lose();
	next(false);
	GOES("");

	held(4);
	for (char id = 1; id < 10; id++) {
		const char packet[] = { 0x32, 6, 0, 1, 't', 0, id, 'A' };

		assert_int_equal(0, take(MQG_UP, packet, sizeof(packet)));
	}
	assert_false(mqg_message_lose(&message));
	for (char id = 1; id < 10; id++) {
		const char packet[] = { 0x40, 2, 0, id };

		assert_int_equal(0, take(MQG_DOWN, packet, sizeof(packet)));
	}
	sent_len[MQG_UP] = sent_len[MQG_DOWN] = 0;
	lose();
}

/* ---- aliases --------------------------------------------------------------------------------- */

static void connected_5(const char *properties)
{
	held_begin(5);
	assert_int_equal(0, connack(false, properties));
	sent_len[MQG_DOWN] = 0;
}

static void an_alias_is_told_anew(void **state)
{
	(void)state;
	connected_5("\x22\1\2");
	THROUGH_UP("\x30\7\0\1t\3\x23\0\1" "\x32\x08\0\0\0\1\3\x23\0\1" "\x30\7\0\1u\3\x23\0\2");
	lose();
	UP("\x30\6\0\0\3\x23\0\2" "\x30\7\0\1v\3\x23\0\2" "\x30\6\0\0\3\x23\0\2");
	assert_int_equal(0, connack(false, "\x22\1\2"));
	GOES("\x3a\6\0\1t\0\1\0" "\x30\4\0\1u\0" "\x30\4\0\1v\0" "\x30\4\0\1v\0");
	UP("\x30\6\0\0\3\x23\0\1" "\x30\6\0\0\3\x23\0\1" "\x30\6\0\0\3\x23\0\2");
	GOES("\x30\7\0\1t\3\x23\0\1" "\x30\6\0\0\3\x23\0\1" "\x30\7\0\1v\3\x23\0\2");
}

static void those_of_a_server_go_with_it(void **state)
{
	(void)state;
	held(5);
	THROUGH_DOWN("\x30\7\0\1t\3\x23\0\3" "\x30\6\0\0\3\x23\0\3");
	lose();
	next(false);
	assert_int_equal(MQGATE_REASON_MQTT_BROKER, take(MQG_DOWN, "\x30\6\0\0\3\x23\0\3", 8));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(a_payload_goes_on_with_the_next_server, held_end),
		cmocka_unit_test_teardown(a_payload_ends_without_a_server, held_end),
		cmocka_unit_test_teardown(of_qos_0_the_rest_is_dropped, held_end),
		cmocka_unit_test_teardown(a_head_goes_on_with_the_next_server, held_end),
		cmocka_unit_test_teardown(in_the_middle_of_a_delivery_it_ends, held_end),
		cmocka_unit_test_teardown(more_than_may_be_kept, held_end),
		cmocka_unit_test_teardown(a_message_that_was_not_kept, held_end),
		cmocka_unit_test_teardown(an_alias_is_told_anew, held_end),
		cmocka_unit_test_teardown(those_of_a_server_go_with_it, held_end),
	};

	return cmocka_run_group_tests_name("resume_parts", tests, NULL, NULL) ? 1 : 0;
}
