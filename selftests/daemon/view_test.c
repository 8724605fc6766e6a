/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The view of the kernel module's clients, fed by hand with events and dumps: who is vouched for,
 * and that neither lost events nor a dump that overlaps with events leaves anybody wrongly so.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "module/view.h"

#define TICKETS	64

static struct mqg_view *view;
static bool open_tickets[TICKETS];	/* by ticket */
static uint16_t port_of[TICKETS];
static uint64_t next_ticket;
static bool refuse_tickets;

static uint64_t allow(const struct mqg_module_client *client, void *arg)
{
	assert_ptr_equal(arg, &next_ticket);
	if (refuse_tickets)
		return 0;
	next_ticket++;
	assert_in_range(next_ticket, 1, TICKETS - 1);
	open_tickets[next_ticket] = true;
	port_of[next_ticket] = client->flow.sport;
	return next_ticket;
}

static void close_ticket(uint64_t ticket, void *arg)
{
	assert_ptr_equal(arg, &next_ticket);
	assert_in_range(ticket, 1, next_ticket);
	/* A ticket is closed once. */
	assert_true(open_tickets[ticket]);
	open_tickets[ticket] = false;
}

static const struct mqg_view_ops ops = { .allow = allow, .close = close_ticket };

static int setup(void **state)
{
	(void)state;
	memset(open_tickets, 0, sizeof(open_tickets));
	next_ticket = 0;
	refuse_tickets = false;
	view = mqg_view_alloc(&ops, &next_ticket);
	assert_non_null(view);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	mqg_view_clear(view);
	for (size_t i = 0; i < TICKETS; i++)
		assert_false(open_tickets[i]);
	mqg_view_free(view);
	return 0;
}

/* ---- what is fed -------------------------------------------------------------------------- */

static struct mqg_module_client client(uint16_t port, uint8_t phase)
{
	struct mqg_module_client c = {
		.flow = { .sport = port, .dport = 1883, .proto = 6 },
		.first = 1000,
		.service = 1,
		.phase = phase,
		.level = 4,
		.id_length = -1,
	};

	memset(c.flow.saddr, 7, sizeof(c.flow.saddr));
	return c;
}

static void tell(const char *what, struct mqg_module_client c)
{
	const struct mqg_module_event event = {
		.what = what,
		.before = c.phase == MQGATE_PHASE_CONNECTED ? MQGATE_PHASE_CONNACK : 0,
		.dropped = true,
		.client = c,
	};

	mqg_view_event(view, &event);
}

static void connected(uint16_t port)
{
	tell("phase", client(port, MQGATE_PHASE_CONNECTED));
}

static void over(uint16_t port)
{
	tell("end", client(port, MQGATE_PHASE_CLOSING));
}

static void dumped(uint16_t port)
{
	struct mqg_module_client c = client(port, MQGATE_PHASE_CONNECTED);

	mqg_view_dump_client(view, &c);
}

/* How many open tickets a flow has; never more than one. */
static bool vouched(uint16_t port)
{
	struct mqg_module_client c = client(port, 0);
	unsigned int n = 0;

	for (size_t i = 0; i < TICKETS; i++)
		n += open_tickets[i] && port_of[i] == port;
	assert_in_range(n, 0, 1);
	assert_int_equal(n, mqg_view_ticket(view, &c.flow) != 0);
	return n;
}

/* ---- events ------------------------------------------------------------------------------- */

static void from_connack_to_end(void **state)
{
	(void)state;
	tell("begin", client(1, MQGATE_PHASE_CONNECT));
	assert_false(vouched(1));
	tell("phase", client(1, MQGATE_PHASE_CONNACK));
	assert_false(vouched(1));
	connected(1);
	assert_true(vouched(1));
	connected(1);
	assert_int_equal(next_ticket, 1);
	assert_int_equal(mqg_view_count(view), 1);
	tell("phase", client(1, MQGATE_PHASE_CLOSING));
	assert_true(vouched(1));
	over(1);
	assert_false(vouched(1));
	assert_int_equal(mqg_view_count(view), 0);
}

static void nobody_is_vouched_for_without_a_connack_that_was_followed(void **state)
{
	static const uint32_t flags[] = {
		MQGATE_CLIENT_F_LOCAL, MQGATE_CLIENT_F_TLS, MQGATE_CLIENT_F_PICKUP,
		MQGATE_CLIENT_F_UNVALIDATED,
	};
	struct mqg_module_event given_up = { .what = "phase", .before = MQGATE_PHASE_CONNECT };
	struct mqg_module_client c;

	(void)state;
	mqg_view_dump_begin(view);
	for (uint16_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
		c = client(i + 1, MQGATE_PHASE_CONNECTED);
		c.flags = flags[i];
		tell("phase", c);
		mqg_view_dump_client(view, &c);
		assert_false(vouched(i + 1));
	}
	for (uint8_t phase = 0; phase < MQGATE_PHASE_COUNT; phase++) {
		c = client(9, phase);
		if (phase != MQGATE_PHASE_CONNECTED)
			mqg_view_dump_client(view, &c);
		assert_false(vouched(9));
	}
	given_up.client = client(10, MQGATE_PHASE_CONNECTED);
	mqg_view_event(view, &given_up);
	assert_false(vouched(10));
	c = client(11, MQGATE_PHASE_CONNECTED);
	c.level = 0;
	mqg_view_dump_client(view, &c);
	assert_false(vouched(11));
	mqg_view_dump_end(view);
	assert_int_equal(next_ticket, 0);
}

static void a_refusal_a_kill_and_a_dropped_violation_withdraw(void **state)
{
	struct mqg_module_event observed = { .what = "violation" };

	(void)state;
	connected(1);
	connected(2);
	observed.client = client(1, MQGATE_PHASE_CONNECTED);
	mqg_view_event(view, &observed);
	assert_true(vouched(1));
	tell("violation", client(1, MQGATE_PHASE_CONNECTED));
	assert_false(vouched(1));
	tell("phase", client(1, MQGATE_PHASE_REFUSED));
	tell("phase", client(2, MQGATE_PHASE_REFUSED));
	assert_false(vouched(2));
	over(1);
	over(2);
}

static void the_same_ports_again_are_another_connection(void **state)
{
	struct mqg_module_client second = client(1, MQGATE_PHASE_CONNECTED);

	(void)state;
	connected(1);
	second.first = 2000;
	tell("phase", second);
	assert_false(open_tickets[1]);
	assert_true(vouched(1));
	/* What is late of the first one does not touch it. */
	over(1);
	assert_true(vouched(1));
	tell("end", second);
	assert_false(vouched(1));
}

static void a_ticket_that_is_not_to_be_had_leaves_nothing(void **state)
{
	(void)state;
	refuse_tickets = true;
	connected(1);
	assert_false(vouched(1));
	over(1);
	refuse_tickets = false;
	connected(1);
	assert_true(vouched(1));
}

/* ---- dumps -------------------------------------------------------------------------------- */

static void a_dump_finds_who_came_and_who_went(void **state)
{
	(void)state;
	connected(1);
	connected(2);
	/* Lost: the end of 1, all of 3. */
	mqg_view_dump_begin(view);
	dumped(2);
	dumped(3);
	mqg_view_dump_end(view);
	assert_false(vouched(1));
	assert_true(vouched(2));
	assert_true(vouched(3));
	assert_int_equal(next_ticket, 3);
}

static void a_dump_leaves_who_is_observed_or_closing(void **state)
{
	struct mqg_module_client one = client(1, MQGATE_PHASE_CONNECTED);
	struct mqg_module_client two = client(2, MQGATE_PHASE_CLOSING);
	struct mqg_module_client three = client(3, MQGATE_PHASE_REFUSED);

	(void)state;
	connected(1);
	connected(2);
	connected(3);
	one.flags = MQGATE_CLIENT_F_UNVALIDATED;
	mqg_view_dump_begin(view);
	mqg_view_dump_client(view, &one);
	mqg_view_dump_client(view, &two);
	mqg_view_dump_client(view, &three);
	mqg_view_dump_end(view);
	assert_true(vouched(1));
	assert_true(vouched(2));
	assert_false(vouched(3));
}

static void an_end_during_a_dump_outweighs_what_the_dump_still_says(void **state)
{
	(void)state;
	connected(1);
	mqg_view_dump_begin(view);
	over(1);
	over(2);
	tell("phase", client(3, MQGATE_PHASE_REFUSED));
	dumped(1);
	dumped(2);
	dumped(3);
	assert_int_equal(mqg_view_count(view), 0);
	mqg_view_dump_end(view);
	assert_int_equal(next_ticket, 1);
	/* And no longer than that dump. */
	mqg_view_dump_begin(view);
	dumped(1);
	mqg_view_dump_end(view);
	assert_true(vouched(1));
}

static void a_connack_during_a_dump_needs_no_place_in_it(void **state)
{
	(void)state;
	mqg_view_dump_begin(view);
	connected(1);
	mqg_view_dump_end(view);
	assert_true(vouched(1));
	/* Known before, told of during the dump, and passed by it already. */
	mqg_view_dump_begin(view);
	connected(1);
	mqg_view_dump_end(view);
	assert_true(vouched(1));
	assert_int_equal(next_ticket, 1);
}

static void ports_used_again_during_a_dump_are_the_new_connection(void **state)
{
	struct mqg_module_client second = client(1, MQGATE_PHASE_CONNECTED);

	(void)state;
	connected(1);
	mqg_view_dump_begin(view);
	over(1);
	second.first = 2000;
	tell("phase", second);
	dumped(1);
	assert_true(vouched(1));
	mqg_view_dump_end(view);
	assert_true(vouched(1));
	assert_int_equal(next_ticket, 2);
}

static void a_dump_that_did_not_get_there_takes_nothing_away(void **state)
{
	(void)state;
	connected(1);
	connected(2);
	mqg_view_dump_begin(view);
	over(2);
	mqg_view_dump_abort(view);
	assert_true(vouched(1));
	assert_false(vouched(2));
	/* The next one does. */
	mqg_view_dump_begin(view);
	mqg_view_dump_end(view);
	assert_false(vouched(1));
}

static void without_the_module_nobody_vouches(void **state)
{
	(void)state;
	connected(1);
	mqg_view_dump_begin(view);
	dumped(2);
	mqg_view_clear(view);
	assert_false(vouched(1));
	assert_false(vouched(2));
	connected(1);
	assert_true(vouched(1));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(from_connack_to_end),
		TEST(nobody_is_vouched_for_without_a_connack_that_was_followed),
		TEST(a_refusal_a_kill_and_a_dropped_violation_withdraw),
		TEST(the_same_ports_again_are_another_connection),
		TEST(a_ticket_that_is_not_to_be_had_leaves_nothing),
		TEST(a_dump_finds_who_came_and_who_went),
		TEST(a_dump_leaves_who_is_observed_or_closing),
		TEST(an_end_during_a_dump_outweighs_what_the_dump_still_says),
		TEST(a_connack_during_a_dump_needs_no_place_in_it),
		TEST(ports_used_again_during_a_dump_are_the_new_connection),
		TEST(a_dump_that_did_not_get_there_takes_nothing_away),
		TEST(without_the_module_nobody_vouches),
	};

	return cmocka_run_group_tests_name("view", tests, NULL, NULL) ? 1 : 0;
}
