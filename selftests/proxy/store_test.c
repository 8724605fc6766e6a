// SPDX-License-Identifier: BSD-2-Clause
/*
 * Messages that the gateway answers for itself: when, and what the server is told. The journal is
 * played by the test: it numbers what is put, and says what is durable.
 */
#include "hold_stage.h"
#include "message/store.h"

static uint64_t records, finished[32];
static size_t n_finished;
static bool refuses;

static uint64_t put(struct mqg_message *m, const struct mqg_kept *kept)
{
	(void)m;
	assert_int_equal(kept->len, kept->filled);
	return refuses ? 0 : ++records;
}

static uint64_t put_id(struct mqg_message *m, uint16_t id)
{
	(void)m;
	(void)id;
	return ++records;
}

static void done(struct mqg_message *m, uint64_t record)
{
	(void)m;
	finished[n_finished++] = record;
}

static void await(struct mqg_message *m)
{
	(void)m;
}

static const struct mqg_store_ops ops = {
	.put = put, .put_id = put_id, .done = done, .await = await,
};

static void stored(uint8_t level)
{
	held(level);
	keep.store = &ops;
	records = 0;
	n_finished = 0;
	refuses = false;
}

static void durable(uint64_t record, bool more)
{
	assert_int_equal(more, mqg_store_confirm(&message, record));
}

static void nothing_is_acknowledged_before_it_is_durable(void **state)
{
	(void)state;
	stored(4);
	UP("\x32\6\0\1t\0\7A" "\x32\6\0\1t\0\7B");
	GOES("\x32\6\0\1t\0\1A" "\x32\6\0\1t\0\2B");
	COMES("");
	durable(0, true);
	COMES("");
	durable(1, true);
	COMES("\x40\2\0\7");
	durable(2, false);
	COMES("\x40\2\0\7");
	durable(2, false);
	COMES("");
	assert_int_equal(0, n_finished);
	DOWN("\x40\2\0\1" "\x40\2\0\2");
	COMES("");
	assert_int_equal(2, n_finished);
	assert_int_equal(0, keep.n);
}

static void qos_2_waits_for_message_and_identifier(void **state)
{
	(void)state;
	stored(4);
	UP("\x34\6\0\1t\0\7A");
	GOES("\x34\6\0\1t\0\1A");
	durable(1, true);
	COMES("");
	durable(2, false);
	COMES("\x50\2\0\7");
	/* Sent again: no second message. */
	UP("\x3c\6\0\1t\0\7A");
	GOES("");
	COMES("\x50\2\0\7");
	assert_int_equal(1, keep.n);
	UP("\x62\2\0\7");
	GOES("");
	COMES("\x70\2\0\7");
	assert_int_equal(1, n_finished);
	assert_int_equal(2, finished[0]);
	DOWN("\x50\2\0\1");
	GOES("\x62\2\0\1");
	COMES("");
	DOWN("\x70\2\0\1");
	assert_int_equal(2, n_finished);
	assert_int_equal(1, finished[1]);
	assert_null(message.ledger);
}

static void a_server_that_is_earlier_is_good_as_well(void **state)
{
	(void)state;
	stored(5);
	UP("\x32\7\0\1t\0\7\0A" "\x34\7\0\1t\0\x8\0B");
	GOES("\x32\7\0\1t\0\1\0A" "\x34\7\0\1t\0\2\0B");
	DOWN("\x40\3\0\1\x10");
	COMES("\x40\3\0\7\x10");
	DOWN("\x50\2\0\2");
	COMES("\x50\2\0\x8");
	GOES("\x62\2\0\2");
	durable(3, false);
	COMES("");
}

static void without_the_journal_the_server_is_waited_for(void **state)
{
	(void)state;
	stored(4);
	refuses = true;
	UP("\x32\6\0\1t\0\7A" "\x34\6\0\1t\0\x8" "B");
	GOES("\x32\6\0\1t\0\1A" "\x34\6\0\1t\0\2B");
	durable(100, false);
	COMES("");
	DOWN("\x40\2\0\1" "\x50\2\0\2");
	COMES("\x40\2\0\7" "\x50\2\0\x8");
	assert_int_equal(0, n_finished);
}

static void the_next_server_gets_what_this_one_has_not_done_with(void **state)
{
	(void)state;
	for (int present = 0; present < 2; present++) {
		stored(4);
		UP("\x32\6\0\1t\0\7A" "\x34\6\0\1t\0\6B" "\x34\6\0\1t\0\x8" "C");
		GOES("\x32\6\0\1t\0\1A" "\x34\6\0\1t\0\2B" "\x34\6\0\1t\0\3C");
		durable(5, false);
		COMES("\x40\2\0\7" "\x50\2\0\6" "\x50\2\0\x8");
		DOWN("\x50\2\0\3");
		GOES("\x62\2\0\3");
		lose();
		UP("\x32\6\0\1t\0\7D" "\x62\2\0\6");
		GOES("");
		COMES("\x70\2\0\6");
		durable(6, false);
		COMES("\x40\2\0\7");
		next(present);
		/* Released by the other one: this one knows of it, or it was published there. */
		if (present)
			GOES("\x3a\6\0\1t\0\1A" "\x3c\6\0\1t\0\2B" "\x62\2\0\3"
			     "\x32\6\0\1t\0\4D");
		else
			GOES("\x3a\6\0\1t\0\1A" "\x3c\6\0\1t\0\2B" "\x32\6\0\1t\0\4D");
	}
}

static void a_part_waits_for_the_rest(void **state)
{
	(void)state;
	stored(4);
	UP("\x32\x8\0\1t\0\7A");
	GOES("");
	UP("BC" "\x30\4\0\1tD");
	/* What does not wait passes it by. */
	GOES("\x30\4\0\1tD" "\x32\x8\0\1t\0\1ABC");
	durable(1, false);
	COMES("\x40\2\0\7");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(nothing_is_acknowledged_before_it_is_durable, held_end),
		cmocka_unit_test_teardown(qos_2_waits_for_message_and_identifier, held_end),
		cmocka_unit_test_teardown(a_server_that_is_earlier_is_good_as_well, held_end),
		cmocka_unit_test_teardown(without_the_journal_the_server_is_waited_for, held_end),
		cmocka_unit_test_teardown(the_next_server_gets_what_this_one_has_not_done_with,
					  held_end),
		cmocka_unit_test_teardown(a_part_waits_for_the_rest, held_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
