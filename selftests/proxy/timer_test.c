// SPDX-License-Identifier: BSD-2-Clause
/* Deadlines: order, re-arming, and what a timer may do when it expires. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "proxy/timer.h"

#define MS 1000000ULL

static struct mqg_timers timers;
static struct mqg_timer_class quick, slow;
static struct mqg_timer a, b, c;
static char fired[16];

static void note(struct mqg_timer *timer)
{
	fired[strlen(fired)] = timer == &a ? 'a' : timer == &b ? 'b' : 'c';
}

static void note_and_disarm_b(struct mqg_timer *timer)
{
	note(timer);
	mqg_timer_disarm(&b);
}

static void note_and_arm_again(struct mqg_timer *timer)
{
	note(timer);
	mqg_timer_arm(timer, &quick, timer->deadline);
}

static int fresh(void **state)
{
	(void)state;
	memset(fired, 0, sizeof(fired));
	mqg_timers_init(&timers);
	mqg_timer_class_init(&timers, &quick, 10);
	mqg_timer_class_init(&timers, &slow, 100);
	mqg_timer_init(&a, note);
	mqg_timer_init(&b, note);
	mqg_timer_init(&c, note);
	return 0;
}

static void nothing_armed_waits_for_ever(void **state)
{
	(void)state;
	assert_int_equal(-1, mqg_timers_wait(&timers, 5 * MS));
	mqg_timer_arm(&a, &quick, 0);
	mqg_timer_disarm(&a);
	assert_int_equal(-1, mqg_timers_wait(&timers, 5 * MS));
	mqg_timers_run(&timers, 1000 * MS);
	assert_string_equal("", fired);
}

static void wait_is_until_the_next_deadline_rounded_up(void **state)
{
	(void)state;
	mqg_timer_arm(&a, &slow, 0);
	mqg_timer_arm(&b, &quick, 50 * MS);
	assert_int_equal(60, mqg_timers_wait(&timers, 0));
	assert_int_equal(1, mqg_timers_wait(&timers, 60 * MS - 1));
	assert_int_equal(0, mqg_timers_wait(&timers, 60 * MS));
	assert_int_equal(0, mqg_timers_wait(&timers, 500 * MS));
}

static void only_what_is_due_expires_and_once(void **state)
{
	(void)state;
	mqg_timer_arm(&a, &quick, 0);
	mqg_timer_arm(&b, &quick, 5 * MS);
	mqg_timer_arm(&c, &slow, 0);
	mqg_timers_run(&timers, 10 * MS - 1);
	assert_string_equal("", fired);
	mqg_timers_run(&timers, 10 * MS);
	assert_string_equal("a", fired);
	mqg_timers_run(&timers, 99 * MS);
	assert_string_equal("ab", fired);
	mqg_timers_run(&timers, 1000 * MS);
	assert_string_equal("abc", fired);
	mqg_timers_run(&timers, 2000 * MS);
	assert_string_equal("abc", fired);
}

static void arming_again_puts_off(void **state)
{
	(void)state;
	mqg_timer_arm(&a, &quick, 0);
	mqg_timer_arm(&b, &quick, 1 * MS);
	mqg_timer_arm(&a, &quick, 8 * MS);
	mqg_timers_run(&timers, 12 * MS);
	assert_string_equal("b", fired);
	mqg_timer_arm(&a, &slow, 12 * MS);
	mqg_timers_run(&timers, 100 * MS);
	assert_string_equal("b", fired);
	mqg_timers_run(&timers, 112 * MS);
	assert_string_equal("ba", fired);
}

static void an_expiring_timer_may_disarm_and_arm(void **state)
{
	(void)state;
	mqg_timer_init(&a, note_and_disarm_b);
	mqg_timer_arm(&a, &quick, 0);
	mqg_timer_arm(&b, &quick, 0);
	mqg_timers_run(&timers, 10 * MS);
	assert_string_equal("a", fired);

	mqg_timer_init(&c, note_and_arm_again);
	mqg_timer_arm(&c, &quick, 10 * MS);
	mqg_timers_run(&timers, 29 * MS);
	assert_string_equal("ac", fired);
	mqg_timers_run(&timers, 30 * MS);
	assert_string_equal("acc", fired);
	mqg_timer_disarm(&c);
}

static void another_length_keeps_the_order(void **state)
{
	(void)state;
	mqg_timer_arm(&a, &slow, 0);
	mqg_timer_arm(&b, &slow, 50 * MS);
	mqg_timer_class_change(&slow, 20, 60 * MS);
	mqg_timer_arm(&c, &slow, 61 * MS);
	mqg_timers_run(&timers, 79 * MS);
	assert_string_equal("", fired);
	mqg_timers_run(&timers, 80 * MS);
	assert_string_equal("ab", fired);
	mqg_timers_run(&timers, 81 * MS);
	assert_string_equal("abc", fired);
	/* A longer one holds for those that come. */
	mqg_timer_arm(&a, &slow, 100 * MS);
	mqg_timer_class_change(&slow, 1000, 101 * MS);
	mqg_timer_arm(&b, &slow, 102 * MS);
	mqg_timers_run(&timers, 120 * MS);
	assert_string_equal("abca", fired);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(nothing_armed_waits_for_ever, fresh),
		cmocka_unit_test_setup(wait_is_until_the_next_deadline_rounded_up, fresh),
		cmocka_unit_test_setup(only_what_is_due_expires_and_once, fresh),
		cmocka_unit_test_setup(arming_again_puts_off, fresh),
		cmocka_unit_test_setup(an_expiring_timer_may_disarm_and_arm, fresh),
		cmocka_unit_test_setup(another_length_keeps_the_order, fresh),
	};

	return cmocka_run_group_tests_name("timer", tests, NULL, NULL) ? 1 : 0;
}
