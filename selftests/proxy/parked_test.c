// SPDX-License-Identifier: BSD-2-Clause
/* What clients have left behind: whose it is, its order, and what the courier may take. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "hold/parked.h"

static struct mqg_parked *parked;

static int begin(void **state)
{
	(void)state;
	parked = mqg_parked_alloc();
	return !parked;
}

static int end(void **state)
{
	(void)state;
	mqg_parked_free(parked);
	return 0;
}

/* A letter a message: lower case is QoS 1, upper case QoS 2, behind "!" a server may know it. */
static void leave(const char *broker, const char *client, const char *messages, uint8_t level,
		  uint64_t now)
{
	struct mqg_estate estate = { 0 };
	struct mqg_kept **at = &estate.first;
	bool sent = false;

	for (; *messages; messages++) {
		if (*messages == '!') {
			sent = true;
			continue;
		}
		*at = calloc(1, sizeof(**at));
		(*at)->id = (uint16_t)*messages;
		(*at)->kind = *messages >= 'a' ? MQG_FLOW_QOS1 : MQG_FLOW_QOS2;
		(*at)->level = level;
		(*at)->sent = sent;
		sent = false;
		at = &(*at)->next;
	}
	mqg_parked_leave(parked, broker, client, &estate, now);
	assert_null(estate.first);
}

static void leave_id(const char *client, uint16_t id)
{
	struct mqg_estate estate = { .ids = calloc(1, sizeof(*estate.ids)) };

	estate.ids->id = id;
	mqg_parked_leave(parked, "b", client, &estate, 1);
}

/* All that the courier may have, taken. */
static void goes(const char *broker, uint8_t level, uint64_t before, const char *wanted)
{
	char got[64] = "";
	size_t n = 0;

	for (;;) {
		bool waits = mqg_parked_waits(parked, broker, level, before);
		struct mqg_parcel parcel = mqg_parked_next(parked, broker, level, before);

		assert_int_equal(waits, !!parcel.kept);
		if (!parcel.kept)
			break;
		got[n++] = (char)parcel.kept->id;
		mqg_parcel_free(&parcel);
	}
	assert_string_equal(wanted, got);
}

static void is_left(const char *broker, const char *client, const char *wanted)
{
	struct mqg_estate estate;
	char got[64] = "";
	size_t n = 0;

	mqg_parked_take(parked, broker, client, &estate);
	for (const struct mqg_kept *kept = estate.first; kept; kept = kept->next)
		got[n++] = (char)kept->id;
	assert_string_equal(wanted, got);
	mqg_estate_free(&estate);
}

static void it_is_of_one_client_of_one_broker(void **state)
{
	struct mqg_estate estate;

	(void)state;
	leave("b", "one", "ab", 4, 1);
	leave("b", "two", "c", 4, 1);
	leave("bo", "ne", "d", 4, 1);
	leave("b", "one", "e", 4, 2);
	assert_int_equal(4, mqg_parked_count(parked, "b"));
	assert_int_equal(1, mqg_parked_count(parked, "bo"));
	assert_int_equal(0, mqg_parked_count(parked, "other"));
	is_left("b", "ne", "");
	is_left("b", "one", "abe");
	is_left("b", "one", "");
	is_left("bo", "ne", "d");
	assert_int_equal(1, mqg_parked_count(parked, "b"));
	leave_id("two", 7);
	leave_id("two", 9);
	assert_true(mqg_parked_take(parked, "b", "two", &estate));
	assert_int_equal(7 + 9, estate.ids->id + estate.ids->next->id);
	assert_int_equal('c', estate.first->id);
	mqg_estate_free(&estate);
	assert_int_equal(0, mqg_parked_count(parked, "b"));
}

static void the_courier_takes_what_has_waited(void **state)
{
	(void)state;
	leave("b", "one", "ab", 4, 10);
	leave("b", "two", "c", 5, 10);
	leave("b", "three", "de", 3, 20);
	leave("other", "one", "f", 4, 1);
	goes("b", 4, 9, "");
	goes("b", 4, 10, "ab");
	goes("b", 4, 19, "");
	goes("b", 5, 10, "c");
	goes("b", 4, 20, "de");
	is_left("other", "one", "f");
	assert_int_equal(0, mqg_parked_count(parked, "b"));
	/* A client that comes and goes has been away since it went last. */
	leave("b", "one", "a", 4, 10);
	leave("b", "one", "b", 4, 30);
	goes("b", 4, 29, "");
	goes("b", 4, 30, "ab");
}

static void qos2_that_a_server_knows_is_its_clients(void **state)
{
	(void)state;
	leave("b", "one", "aB!Cde", 4, 1);
	leave("b", "two", "!fG", 4, 1);
	goes("b", 4, 1, "aBfG");
	is_left("b", "one", "Cde");
	leave("b", "one", "!AB", 4, 1);
	leave_id("one", 3);
	goes("b", 4, 1, "");
	assert_int_equal(2, mqg_parked_count(parked, "b"));
}

static void levels_do_not_overtake(void **state)
{
	(void)state;
	leave("b", "one", "ab", 4, 1);
	leave("b", "one", "cd", 5, 1);
	leave("b", "one", "e", 3, 1);
	goes("b", 5, 1, "");
	goes("b", 4, 1, "ab");
	goes("b", 5, 1, "cd");
	goes("b", 4, 1, "e");
}

static void what_could_not_be_sent_is_in_front(void **state)
{
	struct mqg_parcel parcels[3];

	(void)state;
	leave("b", "one", "abcd", 4, 1);
	leave("b", "two", "x", 4, 2);
	for (int i = 0; i < 3; i++)
		parcels[i] = mqg_parked_next(parked, "b", 4, 2);
	for (int i = 2; i >= 0; i--) {
		mqg_parked_return(parked, "b", &parcels[i], 7);
		assert_null(parcels[i].kept);
	}
	assert_int_equal(5, mqg_parked_count(parked, "b"));
	/* Others come first then. */
	goes("b", 4, 6, "x");
	goes("b", 4, 7, "abcd");
	/* Also where nothing else is left, and something comes behind. */
	leave("b", "one", "a", 4, 1);
	parcels[0] = mqg_parked_next(parked, "b", 4, 1);
	assert_string_equal("one", parcels[0].client);
	mqg_parked_return(parked, "b", &parcels[0], 1);
	leave("b", "one", "b", 4, 1);
	is_left("b", "one", "ab");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(it_is_of_one_client_of_one_broker, begin, end),
		cmocka_unit_test_setup_teardown(the_courier_takes_what_has_waited, begin, end),
		cmocka_unit_test_setup_teardown(qos2_that_a_server_knows_is_its_clients, begin,
						end),
		cmocka_unit_test_setup_teardown(levels_do_not_overtake, begin, end),
		cmocka_unit_test_setup_teardown(what_could_not_be_sent_is_in_front, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
