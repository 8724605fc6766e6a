// SPDX-License-Identifier: BSD-2-Clause
/*
 * A session goes on with another server: what the client is sent, and what it has asked for. Bytes
 * as each side sees them.
 */
#include "hold_stage.h"

#define SUBSCRIBE	"\x82\6\0\1\0\1s\1"
#define SUBACK		"\x90\3\0\1\1"

/* Subscribed to s with QoS 1. */
static void subscribed(uint8_t level)
{
	held(level);
	if (level == 5) {
		THROUGH_UP("\x82\7\0\1\0\0\1s\1");
		THROUGH_DOWN("\x90\4\0\1\0\1");
	} else {
		THROUGH_UP(SUBSCRIBE);
		THROUGH_DOWN(SUBACK);
	}
}

/* ---- deliveries of QoS 1 --------------------------------------------------------------------- */

#define ONCE	"\x32\6\0\1s\0\7A"
#define PUBACK	"\x40\2\0\7"

static void what_a_dead_server_sent_is_acknowledged_to_nobody(void **state)
{
	(void)state;
	for (int when = 0; when < 3; when++) {
		subscribed(4);
		THROUGH_DOWN(ONCE);
		lose();
		if (when == 0)
			UP(PUBACK);
		GOES("");
		next(false);
		GOES(SUBSCRIBE);
		if (when == 1)
			UP(PUBACK);
		GOES("");
		DOWN(SUBACK);
		COMES("");
		if (when == 2)
			UP(PUBACK);
		GOES("");
		assert_null(message.ledger);
		/* This one's. */
		THROUGH_DOWN(ONCE);
		THROUGH_UP(PUBACK);
		assert_int_equal(0, refusals);
	}
}

/* Both under way at a time: the first answer is the first one's. */
static void one_identifier_of_two_servers(void **state)
{
	(void)state;
	subscribed(4);
	THROUGH_DOWN(ONCE);
	lose();
	next(false);
	GOES(SUBSCRIBE);
	DOWN(SUBACK ONCE);
	COMES(ONCE);
	UP(PUBACK);
	GOES("");
	THROUGH_UP(PUBACK);
	assert_int_equal(0, refusals);
	/* Of QoS 2 now. */
	THROUGH_DOWN(ONCE);
	lose();
	next(false);
	GOES(SUBSCRIBE);
	DOWN(SUBACK);
	THROUGH_DOWN("\x34\6\0\1s\0\7B");
	UP(PUBACK "\x50\2\0\7");
	GOES("\x50\2\0\7");
	THROUGH_DOWN("\x62\2\0\7");
	THROUGH_UP("\x70\2\0\7");
	assert_int_equal(0, refusals);
}

static void a_server_that_knows_it_sends_it_again(void **state)
{
	(void)state;
	for (int answered = 0; answered < 2; answered++) {
		subscribed(4);
		THROUGH_DOWN(ONCE);
		lose();
		if (answered)
			UP(PUBACK);
		next(true);
		GOES("");
		THROUGH_DOWN("\x3a\6\0\1s\0\7A");
		if (!answered)
			UP(PUBACK);
		GOES("");
		THROUGH_UP(PUBACK);
		assert_null(message.ledger);
		assert_int_equal(0, refusals);
	}
}

/* ---- of QoS 2 -------------------------------------------------------------------------------- */

#define TWICE	"\x34\6\0\1s\0\7A"
#define PUBREC	"\x50\2\0\7"
#define PUBREL	"\x62\2\0\7"
#define PUBCOMP	"\x70\2\0\7"

/* Nothing is asked for before the client has done with what the identifier was of. */
static void it_ends_before_anything_new_may_come(void **state)
{
	(void)state;
	subscribed(4);
	THROUGH_DOWN(TWICE);
	lose();
	next(false);
	GOES("");
	COMES("");
	assert_true(mqg_message_lags(&message));
	UP(PUBREC);
	COMES(PUBREL);
	GOES("");
	UP(PUBCOMP);
	COMES("");
	GOES(SUBSCRIBE);
	assert_false(mqg_message_lags(&message));
	DOWN(SUBACK);
	assert_null(message.ledger);
	THROUGH_DOWN(TWICE);
	THROUGH_UP(PUBREC);
}

static void received_and_not_released(void **state)
{
	(void)state;
	for (int away = 0; away < 2; away++) {
		subscribed(4);
		THROUGH_DOWN(TWICE);
		if (!away)
			THROUGH_UP(PUBREC);
		lose();
		if (away)
			UP(PUBREC);
		COMES("");
		next(false);
		COMES(PUBREL);
		GOES("");
		UP(PUBCOMP);
		GOES(SUBSCRIBE);
	}
}

static void released_and_not_complete(void **state)
{
	(void)state;
	for (int away = 0; away < 2; away++) {
		subscribed(4);
		THROUGH_DOWN(TWICE);
		THROUGH_UP(PUBREC);
		THROUGH_DOWN(PUBREL);
		lose();
		if (away)
			UP(PUBCOMP);
		next(false);
		if (!away) {
			GOES("");
			UP(PUBCOMP);
		}
		COMES("");
		GOES(SUBSCRIBE);
	}
}

static void nor_when_a_second_server_dies(void **state)
{
	(void)state;
	for (int stage = 0; stage < 3; stage++) {
		subscribed(4);
		THROUGH_DOWN(TWICE);
		if (stage)
			THROUGH_UP(PUBREC);
		lose();
		next(false);
		if (stage)
			COMES(PUBREL);
		if (stage == 2)
			lose();
		lose();
		next(false);
		GOES("");
		if (!stage) {
			UP(PUBREC);
			COMES(PUBREL);
		}
		sent_len[MQG_DOWN] = 0;
		UP(PUBCOMP);
		GOES(SUBSCRIBE);
	}
}

static void a_server_that_knows_goes_on_with_it(void **state)
{
	(void)state;
	subscribed(4);
	THROUGH_DOWN(TWICE);
	lose();
	UP(PUBREC);
	next(true);
	COMES("");
	GOES("");
	THROUGH_DOWN("\x3c\6\0\1s\0\7A");
	THROUGH_UP(PUBREC);
	THROUGH_DOWN(PUBREL);
	lose();
	UP(PUBCOMP);
	next(true);
	THROUGH_DOWN(PUBREL);
	THROUGH_UP(PUBCOMP);
	assert_int_equal(0, refusals);
}

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
	subscribed(4);
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

static void a_server_that_refuses_them(void **state)
{
	(void)state;
	subscribed(4);
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
		size_t len = i == 2 || i == 3 ? 5 : cases[i].properties[0] == 0x13 || i < 2 ? 3 : 2;
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
	subscribed(4);
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
		subscribed(4);
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
		cmocka_unit_test_teardown(what_a_dead_server_sent_is_acknowledged_to_nobody, held_end),
		cmocka_unit_test_teardown(one_identifier_of_two_servers, held_end),
		cmocka_unit_test_teardown(a_server_that_knows_it_sends_it_again, held_end),
		cmocka_unit_test_teardown(it_ends_before_anything_new_may_come, held_end),
		cmocka_unit_test_teardown(received_and_not_released, held_end),
		cmocka_unit_test_teardown(released_and_not_complete, held_end),
		cmocka_unit_test_teardown(nor_when_a_second_server_dies, held_end),
		cmocka_unit_test_teardown(a_server_that_knows_goes_on_with_it, held_end),
		cmocka_unit_test_teardown(what_was_agreed_is_asked_for_again, held_end),
		cmocka_unit_test_teardown(with_options_and_properties, held_end),
		cmocka_unit_test_teardown(many_in_packets_of_eight, held_end),
		cmocka_unit_test_teardown(one_that_was_not_answered, held_end),
		cmocka_unit_test_teardown(a_server_that_refuses_them, held_end),
		cmocka_unit_test_teardown(a_session_that_was_there_before, held_end),
		cmocka_unit_test_teardown(one_that_takes_less_than_was_told, held_end),
		cmocka_unit_test_teardown(the_name_that_it_gave, held_end),
		cmocka_unit_test_teardown(a_disconnect_of_the_server, held_end),
		cmocka_unit_test_teardown(pings_are_answered, held_end),
		cmocka_unit_test_teardown(a_client_that_leaves, held_end),
		cmocka_unit_test_teardown(a_cut_anywhere_changes_nothing, held_end),
	};

	return cmocka_run_group_tests_name("resume_down", tests, NULL, NULL) ? 1 : 0;
}
