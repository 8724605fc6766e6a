// SPDX-License-Identifier: BSD-2-Clause
/*
 * A session goes on with another server: what the client has published. Bytes as each side sees
 * them.
 */
#include "hold_stage.h"

static void what_is_acknowledged_is_forgotten(void **state)
{
	(void)state;
	held(4);
	THROUGH_UP("\x32\6\0\1t\0\1A" "\x34\6\0\1t\0\2B" "\x30\4\0\1tC" "\x34\6\0\1t\0\3D");
	assert_int_equal(3, keep.n);
	assert_int_equal(24, counts.bytes);
	THROUGH_DOWN("\x40\2\0\1" "\x50\2\0\2");
	THROUGH_UP("\x62\2\0\2");
	THROUGH_DOWN("\x70\2\0\2");
	assert_int_equal(1, keep.n);
	DOWN("\x50\2\0\3");
	COMES("\x50\2\0\3");
	UP("\x62\2\0\3");
	DOWN("\x70\2\0\3");
	assert_int_equal(0, keep.n);
	assert_int_equal(0, counts.bytes);
	assert_null(message.ledger);
	/* MQTT 5: with an error there is no more to come. */
	held(5);
	UP("\x34\7\0\1t\0\2\0B");
	DOWN("\x50\3\0\2\x97");
	assert_int_equal(0, keep.n);
}

static void one_that_was_never_answered_cannot_go_on(void **state)
{
	(void)state;
	held_begin(4);
	assert_false(mqg_message_lose(&message));
	assert_int_equal(0, connack(false, ""));
	assert_true(mqg_message_lose(&message));
	connected(4, "");
	assert_false(mqg_message_lose(&message));
}

static void what_nobody_acknowledged_goes_again_in_order(void **state)
{
	(void)state;
	for (int present = 0; present < 2; present++) {
		held(4);
		THROUGH_UP("\x32\6\0\1t\0\1A" "\x32\6\0\1t\0\2B" "\x30\4\0\1tC" "\x32\6\0\1t\0\3D");
		THROUGH_DOWN("\x40\2\0\2");
		lose();
		UP("\x32\6\0\1t\0\4E" "\x30\4\0\1tF" "\x32\6\0\1t\0\5G");
		GOES("");
		COMES("");
		next(present);
		COMES("");
		GOES("\x3a\6\0\1t\0\1A" "\x3a\6\0\1t\0\3D" "\x32\6\0\1t\0\4E" "\x30\4\0\1tF"
		     "\x32\6\0\1t\0\5G");
		assert_int_equal(2, counts.again);
		assert_int_equal(4, keep.n);
		THROUGH_DOWN("\x40\2\0\1" "\x40\2\0\3" "\x40\2\0\4" "\x40\2\0\5");
		assert_int_equal(0, counts.bytes);
		THROUGH_UP("\x32\6\0\1t\0\1H");
		lose();
		next(present);
		GOES("\x3a\6\0\1t\0\1H");
		assert_int_equal(3, counts.again);
	}
}

/* It had DUP of a server that may have got it. */
static void a_second_loss_before_and_behind_the_answer(void **state)
{
	(void)state;
	held(4);
	THROUGH_UP("\x32\6\0\1t\0\1A");
	lose();
	UP("\x32\6\0\1t\0\2B");
	lose();
	assert_int_equal(0, take(MQG_DOWN, "\x20\2", 2));
	lose();
	next(false);
	GOES("\x3a\6\0\1t\0\1A" "\x32\6\0\1t\0\2B");
	lose();
	next(false);
	GOES("\x3a\6\0\1t\0\1A" "\x3a\6\0\1t\0\2B");
	THROUGH_DOWN("\x40\2\0\1" "\x40\2\0\2");
}

/* Only a server's word is an acknowledgement. */
static void nothing_is_acknowledged_while_there_is_none(void **state)
{
	(void)state;
	held(4);
	lose();
	UP("\x32\6\0\1t\0\1A" "\x34\6\0\1t\0\2B" "\x82\6\0\3\0\1t\0" "\xa2\5\0\4\0\1t");
	COMES("");
	next(false);
	COMES("");
	GOES("\x32\6\0\1t\0\1A" "\x34\6\0\1t\0\2B" "\x82\6\0\3\0\1t\0" "\xa2\5\0\4\0\1t");
	THROUGH_DOWN("\x40\2\0\1" "\x50\2\0\2" "\x90\3\0\3\0" "\xb0\2\0\4");
}

/* ---- QoS 2: where it was when the server went ------------------------------------------------ */

#define TWICE		"\x34\6\0\1t\0\7X"
#define TWICE_DUP	"\x3c\6\0\1t\0\7X"
#define PUBREC		"\x50\2\0\7"
#define PUBREL		"\x62\2\0\7"
#define PUBCOMP		"\x70\2\0\7"

static void published_and_no_more(void **state)
{
	(void)state;
	for (int present = 0; present < 2; present++) {
		held(4);
		THROUGH_UP(TWICE);
		lose();
		next(present);
		GOES(TWICE_DUP);
		THROUGH_DOWN(PUBREC);
		THROUGH_UP(PUBREL);
		THROUGH_DOWN(PUBCOMP);
		assert_int_equal(0, keep.n);
		assert_null(message.ledger);
	}
}

static void received_but_not_released(void **state)
{
	(void)state;
	held(4);
	THROUGH_UP(TWICE);
	THROUGH_DOWN(PUBREC);
	lose();
	next(false);
	GOES(TWICE_DUP);
	DOWN(PUBREC);
	COMES("");
	GOES("");
	THROUGH_UP(PUBREL);
	THROUGH_DOWN(PUBCOMP);
	assert_null(message.ledger);
	/* A server that knows of it waits for PUBREL. */
	held(4);
	THROUGH_UP(TWICE);
	THROUGH_DOWN(PUBREC);
	lose();
	next(true);
	GOES("");
	THROUGH_UP(PUBREL);
	THROUGH_DOWN(PUBCOMP);
	assert_int_equal(0, keep.n);
}

/* The client releases it while there is no server, or before that has answered. */
static void released_in_between(void **state)
{
	(void)state;
	for (int late = 0; late < 2; late++) {
		held(4);
		THROUGH_UP(TWICE);
		THROUGH_DOWN(PUBREC);
		lose();
		if (!late)
			UP(PUBREL);
		next(false);
		GOES(TWICE_DUP);
		if (late)
			UP(PUBREL);
		GOES("");
		DOWN(PUBREC);
		COMES("");
		GOES(PUBREL);
		THROUGH_DOWN(PUBCOMP);
		assert_null(message.ledger);
	}
	held(4);
	THROUGH_UP(TWICE);
	THROUGH_DOWN(PUBREC);
	lose();
	UP(PUBREL);
	GOES("");
	next(true);
	GOES(PUBREL);
	THROUGH_DOWN(PUBCOMP);
	assert_null(message.ledger);
}

/* It was published where it was released: nowhere else once more. */
static void released_at_the_server_that_is_gone(void **state)
{
	(void)state;
	held(4);
	THROUGH_UP(TWICE);
	THROUGH_DOWN(PUBREC);
	THROUGH_UP(PUBREL);
	lose();
	next(false);
	GOES("");
	COMES(PUBCOMP);
	assert_int_equal(0, keep.n);
	assert_null(message.ledger);
	held(4);
	THROUGH_UP(TWICE);
	THROUGH_DOWN(PUBREC);
	THROUGH_UP(PUBREL);
	lose();
	next(true);
	GOES(PUBREL);
	COMES("");
	THROUGH_DOWN(PUBCOMP);
	assert_null(message.ledger);
}

/* MQTT 5: the next one refuses what the first one took. */
static void received_here_and_refused_there(void **state)
{
	(void)state;
	for (int released = 0; released < 2; released++) {
		held(5);
		THROUGH_UP("\x34\7\0\1t\0\7\0X");
		THROUGH_DOWN(PUBREC);
		lose();
		if (released)
			UP(PUBREL);
		next(false);
		GOES("\x3c\7\0\1t\0\7\0X");
		DOWN("\x50\3\0\7\x97");
		if (!released)
			UP(PUBREL);
		GOES("");
		COMES(PUBCOMP);
		assert_int_equal(0, keep.n);
		assert_null(message.ledger);
	}
}

/* Sent again by the client itself: MQTT 3.1 has it so. Of the second one nothing is forwarded. */
static void the_client_sends_it_again(void **state)
{
	(void)state;
	held(4);
	THROUGH_UP(TWICE);
	lose();
	UP(TWICE_DUP);
	next(false);
	GOES(TWICE_DUP);
	THROUGH_DOWN(PUBREC);
	/* The link is there when the rest of it comes. */
	held(4);
	THROUGH_UP("\x34\x09\0\1t\0\7\x30\2\0\1");
	lose();
	UP("\x3c\x09\0\1t\0\7");
	next(false);
	GOES("\x3c\x09\0\1t\0\7\x30\2\0\1");
	UP("\x30\2\0\1" "\xc0\0");
	GOES("\xc0\0");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(what_is_acknowledged_is_forgotten, held_end),
		cmocka_unit_test_teardown(one_that_was_never_answered_cannot_go_on, held_end),
		cmocka_unit_test_teardown(what_nobody_acknowledged_goes_again_in_order, held_end),
		cmocka_unit_test_teardown(a_second_loss_before_and_behind_the_answer, held_end),
		cmocka_unit_test_teardown(nothing_is_acknowledged_while_there_is_none, held_end),
		cmocka_unit_test_teardown(published_and_no_more, held_end),
		cmocka_unit_test_teardown(received_but_not_released, held_end),
		cmocka_unit_test_teardown(released_in_between, held_end),
		cmocka_unit_test_teardown(released_at_the_server_that_is_gone, held_end),
		cmocka_unit_test_teardown(received_here_and_refused_there, held_end),
		cmocka_unit_test_teardown(the_client_sends_it_again, held_end),
	};

	return cmocka_run_group_tests_name("resume", tests, NULL, NULL) ? 1 : 0;
}
