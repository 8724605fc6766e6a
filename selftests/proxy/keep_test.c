// SPDX-License-Identifier: BSD-2-Clause
/* What a session keeps for its next server: the list with its bounds, and the table of filters. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>

#include "message/flows.h"
#include "message/keep.h"

static struct mqg_keep_counts counts;
static struct mqg_keep keep;

static void begin(uint32_t messages, uint32_t bytes, uint64_t total)
{
	const struct mqg_keep_limits limits = { messages, bytes, total };

	mqg_keep_init(&keep, &limits, &counts, 4);
}

static int end(void **state)
{
	(void)state;
	mqg_keep_exit(&keep);
	assert_int_equal(0, counts.bytes);
	return 0;
}

static struct mqg_kept *add(uint16_t id, uint32_t len)
{
	struct mqg_kept *kept;

	assert_int_equal(0, mqg_keep_add(&keep, MQG_FLOW_QOS1, id, len, &kept));
	return kept;
}

static void is_order(const char *wanted)
{
	char ids[64] = "";
	size_t at = 0;

	for (const struct mqg_kept *kept = keep.first; kept; kept = kept->next)
		ids[at++] = (char)kept->id;
	assert_string_equal(wanted, ids);
}

static void the_order_is_that_of_arrival(void **state)
{
	(void)state;
	begin(100, 1000, 10000);
	for (const char *id = "abcde"; *id; id++)
		assert_non_null(add((uint16_t)*id, 10));
	is_order("abcde");
	assert_int_equal(50, counts.bytes);
	mqg_keep_remove(&keep, mqg_keep_find(&keep, MQG_FLOW_QOS1, 'c'));
	mqg_keep_remove(&keep, mqg_keep_find(&keep, MQG_FLOW_QOS1, 'e'));
	add('f', 1);
	is_order("abdf");
	mqg_keep_remove(&keep, mqg_keep_find(&keep, MQG_FLOW_QOS1, 'a'));
	add('a', 2);
	is_order("bdfa");
	assert_int_equal(23, counts.bytes);
	assert_int_equal(23, keep.bytes);
	assert_int_equal(4, keep.n);
	assert_null(mqg_keep_find(&keep, MQG_FLOW_QOS2, 'a'));
	assert_null(mqg_keep_find(&keep, MQG_FLOW_QOS1, 'c'));
	mqg_keep_remove(&keep, NULL);
	while (keep.first)
		mqg_keep_remove(&keep, keep.first);
	add('z', 1);
	is_order("z");
}

static void is_full(bool wanted, uint32_t len)
{
	struct mqg_kept *kept;

	assert_int_equal(wanted ? -ENOSPC : 0,
			 mqg_keep_add(&keep, MQG_FLOW_QOS1, 99, len, &kept));
	if (wanted)
		assert_null(kept);
}

static void away_it_has_bounds(void **state)
{
	(void)state;
	begin(3, 100, 1000000);
	keep.link = MQG_UNLINKED;
	is_full(true, 101);
	is_full(false, 99);
	assert_false(mqg_keep_full(&keep));
	/* What was read together with the last one has room: 64 kB. */
	is_full(false, 2);
	assert_true(mqg_keep_full(&keep));
	while (keep.bytes <= 100 + (64U << 10))
		is_full(false, 100);
	is_full(true, 1);
	end(NULL);

	begin(3, 100, 10000);
	keep.link = MQG_RESUMING;
	for (int i = 0; i < 3; i++)
		is_full(false, 1);
	assert_true(mqg_keep_full(&keep));
	end(NULL);

	/* What all of them have: others as well. */
	begin(3, 100, 50);
	keep.link = MQG_UNLINKED;
	counts.bytes = 45;
	is_full(true, 6);
	is_full(false, 5);
	assert_true(mqg_keep_full(&keep));
	counts.bytes += 100;
	is_full(true, 1);
	counts.bytes -= 145;
}

/* Nothing is refused; what there is no room for is not there. */
static void with_a_server_it_is_never_full(void **state)
{
	(void)state;
	begin(3, 100, 10000);
	assert_null(add('a', 101));
	assert_non_null(add('b', 50));
	assert_null(add('c', 51));
	assert_int_equal(50, counts.bytes);
	assert_non_null(add('d', 25));
	assert_non_null(add('e', 25));
	assert_null(add('f', 0));
	is_order("bde");
	assert_false(mqg_keep_full(&keep));
}

static void a_payload_comes_in_parts(void **state)
{
	struct mqg_kept *kept;

	(void)state;
	begin(3, 100, 10000);
	kept = add('a', 6);
	keep.filling = kept;
	mqg_keep_fill(&keep, (const uint8_t *)"one", 3, false);
	assert_ptr_equal(kept, keep.filling);
	mqg_keep_fill(&keep, (const uint8_t *)"two", 3, true);
	assert_null(keep.filling);
	assert_int_equal(6, kept->filled);
	assert_memory_equal("onetwo", kept->packet, 6);
	keep.filling = add('b', 6);
	mqg_keep_remove(&keep, keep.filling);
	assert_null(keep.filling);
}

static struct mqg_filters filters;

static void set(const char *filter, uint8_t options, const char *properties)
{
	const struct mqg_filter head = {
		.len = (uint16_t)strlen(filter), .options = options,
		.properties = (uint32_t)strlen(properties),
	};

	assert_int_equal(0, mqg_filter_set(&filters, &head, (const uint8_t *)filter,
					   (const uint8_t *)properties));
}

static const struct mqg_filter *find(const char *filter)
{
	const struct mqg_filter *found = NULL;
	size_t len = strlen(filter);

	for (uint32_t i = 0; i < filters.size; i++) {
		const struct mqg_filter *f = filters.table[i];

		if (!f || f->len != len || memcmp(f->text, filter, len))
			continue;
		assert_null(found);
		found = f;
	}
	return found;
}

static void remove_filter(const char *filter)
{
	mqg_filter_remove(&filters, (const uint8_t *)filter, (uint16_t)strlen(filter));
}

static void a_filter_is_there_once(void **state)
{
	(void)state;
	remove_filter("nothing/#");
	set("a/+", 1, "");
	set("a/#", 2, "");
	set("a/+", 0x2d, "\x0b\5");
	assert_int_equal(2, filters.n);
	assert_int_equal(0x2d, find("a/+")->options);
	assert_int_equal(2, find("a/+")->properties);
	assert_memory_equal("\x0b\5", find("a/+")->text + 3, 2);
	remove_filter("a");
	remove_filter("a/+/b");
	assert_int_equal(2, filters.n);
	remove_filter("a/+");
	assert_null(find("a/+"));
	assert_int_equal(2, find("a/#")->options);
	remove_filter("a/#");
	assert_null(filters.table);
	assert_int_equal(0, filters.bytes);
}

/* So many that each has neighbours: whatever leaves, the others are found. */
static void many_come_and_go(void **state)
{
	char name[32];

	(void)state;
	for (unsigned int i = 0; i < 3000; i++) {
		snprintf(name, sizeof(name), "fleet/%u/#", i);
		set(name, (uint8_t)(i % 3), "");
	}
	assert_int_equal(3000, filters.n);
	for (unsigned int i = 0; i < 3000; i++) {
		snprintf(name, sizeof(name), "fleet/%u/#", i);
		for (int twice = 0; twice < 2 && i % 7; twice++)
			remove_filter(name);
	}
	assert_int_equal(429, filters.n);
	/* Set once more, those that stayed are not there twice. */
	for (unsigned int i = 0; i < 3000; i++) {
		snprintf(name, sizeof(name), "fleet/%u/#", i);
		set(name, 7, "");
	}
	assert_int_equal(3000, filters.n);
	for (unsigned int i = 0; i < 3000; i++) {
		snprintf(name, sizeof(name), "fleet/%u/#", i);
		remove_filter(name);
	}
	assert_int_equal(0, filters.n);
	assert_null(filters.table);
	assert_int_equal(0, filters.bytes);
}

static int end_filters(void **state)
{
	(void)state;
	mqg_filters_exit(&filters);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(the_order_is_that_of_arrival, end),
		cmocka_unit_test_teardown(away_it_has_bounds, end),
		cmocka_unit_test_teardown(with_a_server_it_is_never_full, end),
		cmocka_unit_test_teardown(a_payload_comes_in_parts, end),
		cmocka_unit_test_teardown(a_filter_is_there_once, end_filters),
		cmocka_unit_test_teardown(many_come_and_go, end_filters),
	};

	return cmocka_run_group_tests_name("keep", tests, NULL, NULL) ? 1 : 0;
}
