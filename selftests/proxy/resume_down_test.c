// SPDX-License-Identifier: BSD-2-Clause
/* A session goes on with another server: what the client is sent. Bytes as each side sees them. */
#include "hold_stage.h"

/* ---- deliveries of QoS 1 --------------------------------------------------------------------- */

#define ONCE	"\x32\6\0\1s\0\7A"
#define PUBACK	"\x40\2\0\7"

static void what_a_dead_server_sent_nobody_acknowledges(void **state)
{
	(void)state;
	for (int when = 0; when < 3; when++) {
		subscribed();
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
	subscribed();
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
		subscribed();
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
	subscribed();
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
		subscribed();
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
		subscribed();
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
		subscribed();
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
	subscribed();
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

/* The client receives it twice, and the first PUBREC has had its answer when the second comes. */
static void the_second_answer_to_it_comes_late(void **state)
{
	(void)state;
	subscribed();
	THROUGH_DOWN(TWICE);
	lose();
	next(true);
	THROUGH_DOWN("\x3c\6\0\1s\0\7A");
	THROUGH_UP(PUBREC);
	THROUGH_DOWN(PUBREL);
	THROUGH_UP(PUBREC);
	THROUGH_UP(PUBCOMP);
	assert_null(message.ledger);
	assert_int_equal(0, refusals);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(what_a_dead_server_sent_nobody_acknowledges, held_end),
		cmocka_unit_test_teardown(one_identifier_of_two_servers, held_end),
		cmocka_unit_test_teardown(a_server_that_knows_it_sends_it_again, held_end),
		cmocka_unit_test_teardown(it_ends_before_anything_new_may_come, held_end),
		cmocka_unit_test_teardown(received_and_not_released, held_end),
		cmocka_unit_test_teardown(released_and_not_complete, held_end),
		cmocka_unit_test_teardown(nor_when_a_second_server_dies, held_end),
		cmocka_unit_test_teardown(a_server_that_knows_goes_on_with_it, held_end),
		cmocka_unit_test_teardown(the_second_answer_to_it_comes_late, held_end),
	};

	return cmocka_run_group_tests_name("resume_down", tests, NULL, NULL) ? 1 : 0;
}
