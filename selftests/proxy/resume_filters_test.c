// SPDX-License-Identifier: BSD-2-Clause
/*
 * A session goes on with another server: what the client has asked to be sent, and what the server
 * says. Bytes as each side sees them.
 */
#include "hold_stage.h"

/* ---- subscriptions --------------------------------------------------------------------------- */

static void what_was_agreed_is_asked_for_again(void **state)
{
	(void)state;
	held(4);
	/* a and b; b is refused. c, and a with another QoS; c goes. */
	THROUGH_UP("\x82\x0a\0\1\0\1a\0\0\1b\1");
	THROUGH_DOWN("\x90\4\0\1\0\x80");
	THROUGH_UP("\x82\x0a\0\2\0\1c\0\0\1a\2");
	THROUGH_DOWN("\x90\4\0\2\0\2");
	THROUGH_UP("\xa2\5\0\3\0\1c");
	THROUGH_DOWN("\xb0\2\0\3");
	assert_int_equal(0, counts.bytes);
	lose();
	next(false);
	GOES("\x82\6\0\1\0\1a\2");
	COMES("");
	DOWN("\x90\3\0\1\2");
	COMES("");
	assert_int_equal(1, counts.replayed);
	/* What the next one agrees to is still there. */
	lose();
	next(true);
	GOES("");
	assert_int_equal(1, counts.replayed);
	lose();
	next(false);
	GOES("\x82\6\0\1\0\1a\2");
}

/* MQTT 5: as it was asked for, and those alike together. */
static void with_options_and_properties(void **state)
{
	(void)state;
	held(5);
	THROUGH_UP("\x82\x09\0\1\2\x0b\5\0\1a\x2d");
	THROUGH_DOWN("\x90\4\0\1\0\1");
	lose();
	next(false);
	GOES("\x82\x09\0\1\2\x0b\5\0\1a\x2d");
	DOWN("\x90\4\0\1\0\1");
	/* UNSUBACK has codes: what is refused stays. */
	THROUGH_UP("\x82\7\0\2\0\0\1b\2");
	THROUGH_DOWN("\x90\4\0\2\0\2");
	THROUGH_UP("\xa2\x09\0\3\0\0\1a\0\1b");
	THROUGH_DOWN("\xb0\5\0\3\0\0\x80");
	lose();
	next(false);
	GOES("\x82\7\0\1\0\0\1b\2");
	COMES("");
}

/* At most 8 of one packet; the client's own packets come behind the last answer. */
static void many_in_packets_of_eight(void **state)
{
	uint8_t packet[8] = { 0x82, 6, 0, 1, 0, 1 }, ack[5] = { 0x90, 3, 0, 1, 0 };
	unsigned int seen = 0;

	(void)state;
	held(4);
	for (char c = 'a'; c < 'a' + 17; c++) {
		packet[6] = (uint8_t)c;
		assert_int_equal(0, take(MQG_UP, packet, sizeof(packet)));
		assert_int_equal(0, take(MQG_DOWN, ack, sizeof(ack)));
	}
	sent_len[MQG_UP] = sent_len[MQG_DOWN] = 0;
	lose();
	UP("\x32\6\0\1t\0\1A");
	next(false);
	assert_int_equal(17, counts.replayed);
	assert_int_equal(2 * (4 + 8 * 4) + 4 + 4, sent_len[MQG_UP]);
	for (size_t at = 0; at < sent_len[MQG_UP]; at += 2 + sent[MQG_UP][at + 1])
		for (size_t i = at + 4; i < at + 2 + sent[MQG_UP][at + 1]; i += 4)
			seen |= 1U << (sent[MQG_UP][i + 2] - 'a');
	assert_int_equal((1 << 17) - 1, seen);
	sent_len[MQG_UP] = 0;
	DOWN("\x90\x0a\0\1\0\0\0\0\0\0\0\0" "\x90\x0a\0\2\0\0\0\0\0\0\0\0");
	GOES("");
	DOWN("\x90\3\0\3\0");
	GOES("\x32\6\0\1t\0\1A");
	COMES("");
}

/* Under way when the server went: it goes again, and its answer is the client's. */
static void one_that_was_not_answered(void **state)
{
	(void)state;
	subscribed();
	THROUGH_UP("\x82\6\0\2\0\1u\0");
	lose();
	UP("\xa2\5\0\3\0\1s");
	next(false);
	GOES(SUBSCRIBE);
	DOWN(SUBACK);
	COMES("");
	GOES("\x82\6\0\2\0\1u\0" "\xa2\5\0\3\0\1s");
	THROUGH_DOWN("\x90\3\0\2\0" "\xb0\2\0\3");
	lose();
	next(false);
	GOES("\x82\6\0\1\0\1u\0");
}

/* Known from before: what was asked of others since is asked of it, without retained messages. */
static void a_server_that_has_an_older_session(void **state)
{
	(void)state;
	held(5);
	THROUGH_UP("\x82\x0b\0\1\0\0\1a\2\0\1b\x22");
	THROUGH_DOWN("\x90\5\0\1\0\2\2");
	UP("\x32\7\0\1t\0\1\0A");
	sent_len[MQG_UP] = 0;
	lose();
	keep.moved = true;
	next(true);
	GOES("\x82\x0b\0\1\0\0\1a\x12\0\1b\x22");
	DOWN("\x32\7\0\1b\0\7\0D" "\x90\5\0\1\0\2\2");
	COMES("\x32\7\0\1b\0\7\0D");
	GOES("\x3a\7\0\1t\0\1\0A");
	THROUGH_UP("\x40\2\0\7");
}

/* In one chunk behind something that goes no further: it moves up to where that was. */
static void one_that_moves_in_its_chunk(void **state)
{
	(void)state;
	held(4);
	UP("\xc0\0" "\x40\2\0\7" "\x82\x0a\0\1\0\5abcde\1");
	GOES("\xc0\0" "\x82\x0a\0\1\0\5abcde\1");
	DOWN("\xd0\0" "\x90\3\0\1\1");
	COMES("\xd0\0" "\x90\3\0\1\1");
	lose();
	next(false);
	GOES("\x82\x0a\0\1\0\5abcde\1");
}

static void a_server_that_refuses_them(void **state)
{
	(void)state;
	subscribed();
	lose();
	next(false);
	assert_int_equal(MQGATE_REASON_HOLD_SESSION, take(MQG_DOWN, "\x90\3\0\1\x80", 5));
	COMES("");
}

/* ---- the server's words ---------------------------------------------------------------------- */

static void a_session_that_was_there_before(void **state)
{
	(void)state;
	held_begin(4);
	assert_int_equal(0, connack(true, ""));
	sent_len[MQG_DOWN] = 0;
	lose();
	next(true);
	COMES("");
	lose();
	assert_int_equal(MQGATE_REASON_HOLD_SESSION, connack(false, ""));
	COMES("");
}

static void one_that_takes_less_than_was_told(void **state)
{
	static const struct {
		const char	*properties;
		enum mqgate_reason reason;
	} cases[] = {
		{ "\x21\0\3", MQGATE_REASON_HOLD_SESSION },
		{ "\x21\0\4", MQGATE_REASON_NONE },
		{ "\x27\0\1\0\0", MQGATE_REASON_NONE },
		{ "\x27\0\0\0\xff", MQGATE_REASON_HOLD_SESSION },
		{ "\x24\1", MQGATE_REASON_HOLD_SESSION },
		{ "\x25\0", MQGATE_REASON_HOLD_SESSION },
		{ "\x28\0", MQGATE_REASON_HOLD_SESSION },
		{ "\x29\0", MQGATE_REASON_HOLD_SESSION },
		{ "\x2a\0", MQGATE_REASON_HOLD_SESSION },
		{ "\x13\0\x3b", MQGATE_REASON_HOLD_SESSION },
		{ "\x13\0\x3c", MQGATE_REASON_NONE },
		{ "\x24\2", MQGATE_REASON_MQTT_CONNACK },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char id = cases[i].properties[0];
		size_t len = id == 0x27 ? 5 : id == 0x21 || id == 0x13 ? 3 : 2;
		uint8_t packet[16] = { 0x20, (uint8_t)(3 + len), 0, 0, (uint8_t)len };

		held_begin(5);
		limits.inflight = 4;
		limits.topic_alias = 0;
		limits.packet_size = 256;
		assert_int_equal(0, connack(false, ""));
		sent_len[MQG_DOWN] = 0;
		lose();
		memcpy(packet + 5, cases[i].properties, len);
		assert_int_equal(cases[i].reason, take(MQG_DOWN, packet, 5 + len));
		COMES("");
	}
	/* More aliases than it has. */
	held_begin(5);
	assert_int_equal(0, connack(false, "\x22\1\2"));
	sent_len[MQG_DOWN] = 0;
	lose();
	assert_int_equal(MQGATE_REASON_HOLD_SESSION, connack(false, ""));
}

static void the_name_that_it_gave(void **state)
{
	(void)state;
	held_begin(5);
	assert_int_equal(0, take(MQG_DOWN, "\x20\x0a\0\0\7\x12\0\4name", 12));
	assert_string_equal("name", keep.assigned);
	sent_len[MQG_DOWN] = 0;
	lose();
	next(false);
	assert_string_equal("name", keep.assigned);
}

/* MQTT 5: one that says that it goes, and one that means the client. */
static void a_disconnect_of_the_server(void **state)
{
	static const uint8_t goes[] = { 0x89, 0x8b, 0x9c, 0x9d };
	uint8_t packet[] = { 0xe0, 1, 0 };

	(void)state;
	for (size_t i = 0; i < sizeof(goes); i++) {
		held(5);
		packet[2] = goes[i];
		assert_int_equal(0, take(MQG_DOWN, packet, 3));
		assert_true(keep.farewell);
		lose();
		next(false);
		assert_false(keep.farewell);
		THROUGH_DOWN("\xd0\0");
	}
	held(5);
	THROUGH_DOWN("\xe0\1\x8e");
	assert_false(keep.farewell);
	assert_false(mqg_message_lose(&message));
}

static void pings_are_answered(void **state)
{
	(void)state;
	held(4);
	THROUGH_UP("\xc0\0");
	THROUGH_DOWN("\xd0\0");
	THROUGH_UP("\xc0\0\xc0\0");
	assert_true(mqg_message_lose(&message));
	COMES("");
	mqg_message_pong(&message);
	COMES("\xd0\0\xd0\0");
	UP("\xc0\0");
	COMES("\xd0\0");
	next(false);
	GOES("");
	THROUGH_UP("\xc0\0");
	THROUGH_DOWN("\xd0\0");
}

/* The client leaves behind what it has said. */
static void a_client_that_leaves(void **state)
{
	(void)state;
	subscribed();
	THROUGH_UP("\x32\6\0\1t\0\1A");
	lose();
	next(false);
	GOES(SUBSCRIBE);
	UP("\x32\6\0\1t\0\2B" "\xe0\0");
	GOES("");
	DOWN(SUBACK);
	GOES("\x3a\6\0\1t\0\1A" "\x32\6\0\1t\0\2B" "\xe0\0");
	assert_false(mqg_message_lose(&message));
}

/* ---- whatever the cuts ----------------------------------------------------------------------- */

/*
 * Session Present 0, a message that was released at the first one, and behind the SUBACK a retained
 * message: the client gets whole packets.
 */
static void a_cut_anywhere_changes_nothing(void **state)
{
	static const char said[] = "\x90\3\0\1\1" "\x31\x0a\0\1s" "1234567" "\xd0\0";
	const size_t len = sizeof(said) - 1;

	(void)state;
	for (size_t cut = 0; cut <= len; cut++) {
		subscribed();
		UP("\x34\6\0\1t\0\7X" "\xc0\0");
		DOWN("\x50\2\0\7");
		UP("\x62\2\0\7" "\x32\6\0\1t\0\x08Y");
		assert_true(mqg_message_lose(&message));
		sent_len[MQG_UP] = sent_len[MQG_DOWN] = 0;
		next(false);
		GOES(SUBSCRIBE);
		assert_int_equal(0, take(MQG_DOWN, said, cut));
		assert_int_equal(0, take(MQG_DOWN, said + cut, len - cut));
		GOES("\x3a\6\0\1t\0\x08Y");
		assert_int_equal(4 + 12 + 2, sent_len[MQG_DOWN]);
		if (sent[MQG_DOWN][0] == 0x70)
			COMES("\x70\2\0\7" "\x31\x0a\0\1s" "1234567" "\xd0\0");
		else if (sent[MQG_DOWN][12] == 0x70)
			COMES("\x31\x0a\0\1s" "1234567" "\x70\2\0\7" "\xd0\0");
		else
			COMES("\x31\x0a\0\1s" "1234567" "\xd0\0" "\x70\2\0\7");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(what_was_agreed_is_asked_for_again, held_end),
		cmocka_unit_test_teardown(with_options_and_properties, held_end),
		cmocka_unit_test_teardown(many_in_packets_of_eight, held_end),
		cmocka_unit_test_teardown(one_that_was_not_answered, held_end),
		cmocka_unit_test_teardown(a_server_that_has_an_older_session, held_end),
		cmocka_unit_test_teardown(one_that_moves_in_its_chunk, held_end),
		cmocka_unit_test_teardown(a_server_that_refuses_them, held_end),
		cmocka_unit_test_teardown(a_session_that_was_there_before, held_end),
		cmocka_unit_test_teardown(one_that_takes_less_than_was_told, held_end),
		cmocka_unit_test_teardown(the_name_that_it_gave, held_end),
		cmocka_unit_test_teardown(a_disconnect_of_the_server, held_end),
		cmocka_unit_test_teardown(pings_are_answered, held_end),
		cmocka_unit_test_teardown(a_client_that_leaves, held_end),
		cmocka_unit_test_teardown(a_cut_anywhere_changes_nothing, held_end),
	};

	return cmocka_run_group_tests_name("resume_filters", tests, NULL, NULL) ? 1 : 0;
}
