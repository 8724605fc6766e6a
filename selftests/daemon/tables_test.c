/* SPDX-License-Identifier: BSD-2-Clause */
/* The judge's small tables: tickets of live flows, the ring of refusals, the budget of the log. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/names.h"
#include "judge/flows.h"
#include "judge/refusals.h"
#include "system/log.h"

static struct mqg_live_flow flow_of(const char *addr, uint16_t port)
{
	struct mqg_live_flow flow = { .key = { .sport = port, .dport = 8883, .proto = 6 },
				      .service = 2 };
	struct mqgate_source_key key;
	const char *why;

	assert_int_equal(mqg_source_parse(addr, &key, &why), 0);
	memcpy(flow.key.saddr, key.addr, 16);
	return flow;
}

static size_t of(struct mqg_flows *flows, const char *addr)
{
	struct mqgate_source_key key, scored;
	const char *why;

	assert_int_equal(mqg_source_parse(addr, &key, &why), 0);
	mqg_source_scored(key.addr, &scored);
	return mqg_flows_of(flows, &scored);
}

static void tickets_are_never_given_twice(void **state)
{
	struct mqg_flows *flows = mqg_flows_alloc();
	struct mqg_live_flow flow = flow_of("192.0.2.1", 1), out;
	uint64_t first, second;

	(void)state;
	assert_int_equal(mqg_flows_add(flows, &flow, &first), 0);
	assert_true(first > 0);
	assert_int_equal(mqg_flows_remove(flows, first, &out), 0);
	assert_memory_equal(&out.key, &flow.key, sizeof(flow.key));
	assert_int_equal(mqg_flows_add(flows, &flow, &second), 0);
	assert_true(second != first);
	assert_int_equal(mqg_flows_remove(flows, first, &out), -ENOENT);
	assert_int_equal(mqg_flows_count(flows), 1);
	assert_int_equal(mqg_flows_remove(flows, second, &out), 0);
	assert_int_equal(mqg_flows_remove(flows, second, &out), -ENOENT);
	assert_int_equal(mqg_flows_remove(flows, 0, &out), -ENOENT);
	assert_int_equal(mqg_flows_remove(flows, 99, &out), -ENOENT);
	mqg_flows_free(flows);
}

static void flows_are_counted_by_scored_source(void **state)
{
	struct mqg_flows *flows = mqg_flows_alloc();
	struct mqg_live_flow four = flow_of("192.0.2.1", 1), six = flow_of("2001:db8::1", 2);
	struct mqg_live_flow six_too = flow_of("2001:db8::ffff", 3), out;
	uint64_t t[3];

	(void)state;
	assert_int_equal(mqg_flows_add(flows, &four, &t[0]), 0);
	assert_int_equal(mqg_flows_add(flows, &six, &t[1]), 0);
	assert_int_equal(mqg_flows_add(flows, &six_too, &t[2]), 0);
	assert_int_equal(of(flows, "192.0.2.1"), 1);
	assert_int_equal(of(flows, "192.0.2.2"), 0);
	/* One /64 is one source. */
	assert_int_equal(of(flows, "2001:db8::7"), 2);
	assert_int_equal(of(flows, "2001:db8:0:1::7"), 0);
	assert_int_equal(mqg_flows_remove(flows, t[1], &out), 0);
	assert_int_equal(of(flows, "2001:db8::7"), 1);
	assert_int_equal(mqg_flows_remove(flows, t[2], &out), 0);
	assert_int_equal(of(flows, "2001:db8::7"), 0);
	mqg_flows_free(flows);
}

static void slots_walk_only_over_live_flows(void **state)
{
	struct mqg_flows *flows = mqg_flows_alloc();
	struct mqg_live_flow out;
	uint64_t tickets[300];
	size_t live = 0;

	(void)state;
	for (uint16_t i = 0; i < 300; i++) {
		struct mqg_live_flow flow = flow_of("192.0.2.1", i);

		assert_int_equal(mqg_flows_add(flows, &flow, &tickets[i]), 0);
	}
	for (size_t i = 0; i < 300; i += 3)
		assert_int_equal(mqg_flows_remove(flows, tickets[i], &out), 0);
	for (size_t i = 0; i < mqg_flows_slots(flows); i++) {
		struct mqg_live_flow *flow = mqg_flows_slot(flows, i);

		live += flow != NULL;
		if (flow)
			assert_true(flow->key.sport % 3 != 0);
	}
	assert_int_equal(live, 200);
	assert_int_equal(mqg_flows_count(flows), 200);
	mqg_flows_free(flows);
}

static void refusals_keep_the_latest(void **state)
{
	struct mqg_refusals *refusals = calloc(1, sizeof(*refusals));
	char id[16];

	(void)state;
	assert_null(mqg_refusals_back(refusals, 0));
	for (unsigned int i = 0; i < MQG_REFUSALS_KEPT + 10; i++) {
		struct mqg_refusal refusal = { .reason = MQGATE_REASON_CERT_REVOKED,
					       .client_id = id };

		snprintf(id, sizeof(id), "dev%u", i);
		mqg_refusals_add(refusals, &refusal, i);
	}
	assert_int_equal(mqg_refusals_count(refusals), MQG_REFUSALS_KEPT);
	assert_string_equal(mqg_refusals_back(refusals, 0)->client_id, "dev1033");
	assert_string_equal(mqg_refusals_back(refusals, 0)->identity, "");
	assert_string_equal(mqg_refusals_back(refusals, MQG_REFUSALS_KEPT - 1)->client_id, "dev10");
	assert_null(mqg_refusals_back(refusals, MQG_REFUSALS_KEPT));
	free(refusals);
}

static void what_strangers_send_is_made_printable(void **state)
{
	char out[16];

	(void)state;
	mqg_printable("a\n\x1b[1m\\", out, sizeof(out));
	assert_string_equal(out, "a\\x0a\\x1b[1m~");
	mqg_printable("\xc3\xa4", out, sizeof(out));
	assert_string_equal(out, "\\xc3\\xa4");
	mqg_printable("0123456789012345678", out, sizeof(out));
	assert_string_equal(out, "01234567890123~");
	mqg_printable(NULL, out, sizeof(out));
	assert_string_equal(out, "");
	out[1] = 'x';
	mqg_printable("long", out, 1);
	assert_int_equal(out[0], 0);
	assert_int_equal(out[1], 'x');
}

static void log_budget_lets_a_burst_and_then_a_rate_through(void **state)
{
	struct mqg_log_budget budget = { 1000, 5, 0, 0 };
	uint64_t now = 1000000, through = 0;

	(void)state;
	for (int i = 0; i < 100; i++)
		through += mqg_log_budget_take(&budget, now) != 0;
	assert_int_equal(through, 5);
	/* The next one tells how many were left out, once. */
	assert_int_equal(mqg_log_budget_take(&budget, now + 999), 0);
	assert_int_equal(mqg_log_budget_take(&budget, now + 1000), 97);
	assert_int_equal(mqg_log_budget_take(&budget, now + 2000), 1);
	through = 0;
	for (uint64_t t = now + 10000; t < now + 110000; t += 10)
		through += mqg_log_budget_take(&budget, t) != 0;
	assert_in_range(through, 100, 105);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(tickets_are_never_given_twice),
		cmocka_unit_test(flows_are_counted_by_scored_source),
		cmocka_unit_test(slots_walk_only_over_live_flows),
		cmocka_unit_test(refusals_keep_the_latest),
		cmocka_unit_test(what_strangers_send_is_made_printable),
		cmocka_unit_test(log_budget_lets_a_burst_and_then_a_rate_through),
	};

	return cmocka_run_group_tests_name("tables", tests, NULL, NULL) ? 1 : 0;
}
