// SPDX-License-Identifier: BSD-2-Clause
/* What sources and all together may begin, by a clock of the test's own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "proxy/budget.h"

#define S 1000000000ULL
#define THREADS 4
#define ROUNDS 100000

static int setup(void **state)
{
	*state = mqg_budget_alloc();
	return *state ? 0 : -1;
}

static int teardown(void **state)
{
	mqg_budget_free(*state);
	return 0;
}

static struct mqgate_source_key source(uint32_t number)
{
	struct mqgate_source_key key = { .addr = { 0x20, 1, 0xd, 0xb8 } };

	memcpy(key.addr + 4, &number, sizeof(number));
	return key;
}

/* How many of @n the source may begin at once; their places are given back. */
static uint32_t begun(struct mqg_budget *budget, const struct mqg_handshakes *limits,
		      uint32_t number, uint64_t now, uint32_t n)
{
	struct mqgate_source_key key = source(number);
	uint32_t yes = 0;
	bool counted;

	while (n--) {
		if (!mqg_budget_source_take(budget, limits, &key, now, &counted))
			continue;
		assert_true(counted);
		mqg_budget_source_give(budget, &key);
		yes++;
	}
	return yes;
}

static void a_source_has_its_burst_and_then_its_rate(void **state)
{
	const struct mqg_handshakes limits = { .source_rate = 10, .source_burst = 30 };

	assert_int_equal(begun(*state, &limits, 1, 5 * S, 100), 30);
	assert_int_equal(begun(*state, &limits, 1, 5 * S + S / 10 - 1, 100), 0);
	assert_int_equal(begun(*state, &limits, 1, 5 * S + S / 10, 100), 1);
	assert_int_equal(begun(*state, &limits, 1, 6 * S + S / 10, 100), 10);
	assert_int_equal(begun(*state, &limits, 2, 6 * S, 100), 30);
	assert_int_equal(begun(*state, &limits, 1, 100 * S, 100), 30);
}

static void a_source_has_so_many_at_once(void **state)
{
	const struct mqg_handshakes limits = { .source_in_flight = 2 };
	struct mqgate_source_key key = source(1);
	bool counted;

	assert_true(mqg_budget_source_take(*state, &limits, &key, S, &counted));
	assert_true(mqg_budget_source_take(*state, &limits, &key, S, &counted));
	assert_false(mqg_budget_source_take(*state, &limits, &key, S, &counted));
	assert_false(counted);
	mqg_budget_source_give(*state, &key);
	assert_true(mqg_budget_source_take(*state, &limits, &key, S, &counted));
}

static void a_quarter_of_the_places_is_for_known_sources(void **state)
{
	const struct mqg_handshakes limits = { .in_flight = 8 };

	for (int i = 0; i < 6; i++)
		assert_true(mqg_budget_place_take(*state, &limits, false, S));
	assert_false(mqg_budget_place_take(*state, &limits, false, S));
	assert_true(mqg_budget_place_take(*state, &limits, true, S));
	assert_true(mqg_budget_place_take(*state, &limits, true, S));
	assert_false(mqg_budget_place_take(*state, &limits, true, S));
	assert_int_equal(mqg_budget_places(*state), 8);
	mqg_budget_place_give(*state);
	assert_true(mqg_budget_place_take(*state, &limits, true, S));
}

static void a_quarter_of_the_burst_is_for_known_sources(void **state)
{
	const struct mqg_handshakes limits = { .rate = 10, .burst = 8 };

	for (int i = 0; i < 6; i++)
		assert_true(mqg_budget_place_take(*state, &limits, false, S));
	assert_false(mqg_budget_place_take(*state, &limits, false, S));
	assert_true(mqg_budget_place_take(*state, &limits, true, S));
	assert_true(mqg_budget_place_take(*state, &limits, true, S));
	assert_false(mqg_budget_place_take(*state, &limits, true, S));
	assert_int_equal(mqg_budget_places(*state), 8);
	/* What comes in goes to the known ones as long as they want it. */
	assert_true(mqg_budget_place_take(*state, &limits, true, S + S / 10));
	assert_false(mqg_budget_place_take(*state, &limits, false, S + 2 * S / 10));
	assert_true(mqg_budget_place_take(*state, &limits, false, S + 4 * S / 10));
}

/* Strangers in any number displace neither a known source nor one that has handshakes. */
static void the_tables_are_bounded(void **state)
{
	const struct mqg_handshakes limits = { .source_rate = 1, .source_burst = 1,
					       .source_in_flight = 1 };
	struct mqgate_source_key known = source(0), busy = source(1);
	bool counted;

	assert_true(mqg_budget_known_begin(*state, &known, S));
	assert_true(mqg_budget_source_take(*state, &limits, &busy, S, &counted));
	for (uint32_t i = 2; i < 10 * MQG_BUDGET_SOURCES; i++) {
		struct mqgate_source_key key = source(i);

		assert_int_equal(begun(*state, &limits, i, S, 1), 1);
		if (mqg_budget_known_begin(*state, &key, S))
			mqg_budget_known_end(*state, &key, S, S);
	}
	assert_true(mqg_budget_known(*state, &known, S));
	assert_false(mqg_budget_source_take(*state, &limits, &busy, 100 * S, &counted));
}

/* All places of its set taken by others: it is held to what all may take, and nothing is lost. */
static void who_cannot_be_counted_passes(void **state)
{
	const struct mqg_handshakes limits = { .source_in_flight = 1 };
	uint32_t uncounted = 0;
	bool counted;

	for (uint32_t i = 0; i < 2 * MQG_BUDGET_SOURCES; i++) {
		struct mqgate_source_key key = source(i);

		assert_true(mqg_budget_source_take(*state, &limits, &key, S, &counted));
		uncounted += !counted;
	}
	assert_in_range(uncounted, MQG_BUDGET_SOURCES, MQG_BUDGET_SOURCES * 3 / 2);
}

static void a_source_stays_known_for_a_time(void **state)
{
	struct mqgate_source_key key = source(1);

	assert_false(mqg_budget_known(*state, &key, S));
	assert_true(mqg_budget_known_begin(*state, &key, S));
	assert_true(mqg_budget_known_begin(*state, &key, S));
	mqg_budget_known_end(*state, &key, 2 * S, S);
	assert_true(mqg_budget_known(*state, &key, 100 * S));
	mqg_budget_known_end(*state, &key, 100 * S, 10 * S);
	assert_true(mqg_budget_known(*state, &key, 110 * S - 1));
	assert_false(mqg_budget_known(*state, &key, 110 * S));
}

struct crowd {
	struct mqg_budget	*budget;
	_Atomic uint32_t	running, most, taken;
};

static void *take_and_give(void *arg)
{
	const struct mqg_handshakes limits = { .in_flight = 2, .rate = 1, .burst = ROUNDS };
	struct crowd *crowd = arg;

	for (int i = 0; i < ROUNDS; i++) {
		uint32_t running, most;

		if (!mqg_budget_place_take(crowd->budget, &limits, true, S))
			continue;
		running = atomic_fetch_add(&crowd->running, 1) + 1;
		most = atomic_load(&crowd->most);
		while (most < running && !atomic_compare_exchange_weak(&crowd->most, &most,
								       running))
			;
		atomic_fetch_add(&crowd->taken, 1);
		atomic_fetch_sub(&crowd->running, 1);
		mqg_budget_place_give(crowd->budget);
	}
	return NULL;
}

static void workers_together_take_no_more_than_there_is(void **state)
{
	struct crowd crowd = { .budget = *state };
	pthread_t threads[THREADS];

	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, take_and_give, &crowd), 0);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	assert_in_range(crowd.most, 1, 2);
	assert_in_range(crowd.taken, 1, ROUNDS);
	assert_int_equal(mqg_budget_places(*state), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_source_has_its_burst_and_then_its_rate, setup,
						teardown),
		cmocka_unit_test_setup_teardown(a_source_has_so_many_at_once, setup, teardown),
		cmocka_unit_test_setup_teardown(a_quarter_of_the_places_is_for_known_sources,
						setup, teardown),
		cmocka_unit_test_setup_teardown(a_quarter_of_the_burst_is_for_known_sources,
						setup, teardown),
		cmocka_unit_test_setup_teardown(the_tables_are_bounded, setup, teardown),
		cmocka_unit_test_setup_teardown(who_cannot_be_counted_passes, setup, teardown),
		cmocka_unit_test_setup_teardown(a_source_stays_known_for_a_time, setup, teardown),
		cmocka_unit_test_setup_teardown(workers_together_take_no_more_than_there_is,
						setup, teardown),
	};

	return cmocka_run_group_tests_name("budget", tests, NULL, NULL) ? 1 : 0;
}
