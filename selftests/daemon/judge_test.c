/* SPDX-License-Identifier: BSD-2-Clause */
/* What workers ask of the judge, against real maps: bans by score, and ALLOW of live flows. */
#include "common/known.h"
#include "judge_stage.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>

#define SMALL	8	/* entries of the sources map in the test that fills it */

/* ---- bans --------------------------------------------------------------------------------- */

static void evidence_past_the_threshold_bans(void **state)
{
	struct mqgate_verdict v;

	(void)state;
	refuse("192.0.2.1", MQGATE_REASON_MQTT_NAME, 3);
	assert_false(verdict_on("192.0.2.1", &v));
	refuse("192.0.2.1", MQGATE_REASON_MQTT_NAME, 1);
	assert_true(verdict_on("192.0.2.1", &v));
	assert_int_equal(v.action, MQGATE_ACTION_DROP);
	assert_int_equal(v.origin, MQGATE_ORIGIN_DAEMON);
	assert_int_equal(v.reason, MQGATE_REASON_MQTT_NAME);
	assert_int_equal(v.since, now);
	assert_int_equal(v.expires, now + 30 * S);
	assert_int_equal(v.strikes, 1);
	assert_int_equal(counts().bans, 1);
	assert_int_equal(mqg_judge_refused_read(judge, 3, MQGATE_REASON_MQTT_NAME), 4);
	assert_false(verdict_on("192.0.2.2", &v));
}

/* DESIGN: who shares an address with devices is not banned for how many of them come at once. */
static void handshake_budgets_ban_strangers_alone(void **state)
{
	struct mqg_refusal refusal = { .reason = MQGATE_REASON_HANDSHAKE_SOURCE, .service = 3,
				       .spared = true };
	struct mqgate_source_key shared = key_of("192.0.2.2");
	struct mqgate_verdict v;

	(void)state;
	memcpy(refusal.addr, shared.addr, sizeof(refusal.addr));
	for (int i = 0; i < 1000; i++)
		mqg_judge_refused(judge, &refusal);
	assert_false(verdict_on("192.0.2.2", &v));
	assert_int_equal(counts().sources, 0);
	assert_int_equal(mqg_judge_refused_read(judge, 3, MQGATE_REASON_HANDSHAKE_SOURCE), 1000);
	refuse("192.0.2.3", MQGATE_REASON_HANDSHAKE_RATE, 1000);
	assert_false(verdict_on("192.0.2.3", &v));
	refuse("192.0.2.1", MQGATE_REASON_HANDSHAKE_SOURCE, 20);
	assert_true(verdict_on("192.0.2.1", &v));
	assert_int_equal(v.action, MQGATE_ACTION_DROP);
	assert_int_equal(v.reason, MQGATE_REASON_HANDSHAKE_SOURCE);
}

static void second_ban_is_twice_as_long(void **state)
{
	struct mqgate_verdict v;

	(void)state;
	refuse("192.0.2.1", MQGATE_REASON_MQTT_NAME, 4);
	now += 31 * S;
	refuse("192.0.2.1", MQGATE_REASON_MQTT_NAME, 4);
	assert_true(verdict_on("192.0.2.1", &v));
	assert_int_equal(v.expires, now + 60 * S);
	assert_int_equal(v.strikes, 2);
}

static void ipv6_is_scored_and_banned_by_64(void **state)
{
	struct mqgate_verdict v;

	(void)state;
	refuse("2001:db8:1::1", MQGATE_REASON_MQTT_NAME, 2);
	refuse("2001:db8:1::ffff:2", MQGATE_REASON_MQTT_NAME, 2);
	assert_true(verdict_on("2001:db8:1::/64", &v));
	assert_int_equal(v.action, MQGATE_ACTION_DROP);
	assert_false(verdict_on("2001:db8:1::1", &v));
}

static void allow_list_is_never_banned(void **state)
{
	struct mqgate_verdict v;

	(void)state;
	refuse("192.0.2.77", MQGATE_REASON_MQTT_NAME, 50);
	assert_true(verdict_on("192.0.2.77", &v));
	assert_int_equal(v.action, MQGATE_ACTION_PASS);
	refuse("2001:db8:b::9", MQGATE_REASON_MQTT_NAME, 50);
	assert_true(verdict_on("2001:db8:b::/64", &v));
	assert_int_equal(v.action, MQGATE_ACTION_PASS);
	assert_int_equal(counts().bans, 0);
	assert_true(counts().spared > 0);
}

static void an_allowed_address_does_not_ban_its_64(void **state)
{
	struct mqgate_verdict v;

	(void)state;
	refuse("2001:db8:a::5", MQGATE_REASON_MQTT_NAME, 50);
	assert_false(verdict_on("2001:db8:a::/64", &v));
	refuse("2001:db8:a::6", MQGATE_REASON_MQTT_NAME, 4);
	assert_true(verdict_on("2001:db8:a::/64", &v));
	assert_int_equal(v.action, MQGATE_ACTION_DROP);
	assert_true(verdict_on("2001:db8:a::5", &v));
	assert_int_equal(v.action, MQGATE_ACTION_PASS);
}

static void a_source_with_a_live_flow_is_limited_and_not_dropped(void **state)
{
	struct mqgate_flow_key flow = flow_of("192.0.2.1", 1000);
	struct mqgate_verdict v;
	uint64_t ticket;

	(void)state;
	assert_int_equal(mqg_judge_allowed(judge, &flow, 3, IDENTITY, NULL, &ticket), 0);
	refuse("192.0.2.1", MQGATE_REASON_MQTT_NAME, 10);
	assert_true(verdict_on("192.0.2.1", &v));
	assert_int_equal(v.action, MQGATE_ACTION_LIMIT);
	assert_int_equal(v.origin, MQGATE_ORIGIN_DAEMON);
	assert_int_equal(v.rate, 20);
	assert_int_equal(v.expires, now + 30 * S);
	assert_int_equal(v.strikes, 0);
	assert_int_equal(counts().spared, 7);
	assert_int_equal(counts().limits, 1);
	assert_int_equal(counts().bans, 0);
	mqg_judge_closed(judge, ticket);
	refuse("192.0.2.1", MQGATE_REASON_MQTT_NAME, 1);
	assert_true(verdict_on("192.0.2.1", &v));
	assert_int_equal(v.action, MQGATE_ACTION_DROP);
	assert_int_equal(v.strikes, 1);
}

/* LIMIT, DROP for 30 s, 60 s, 120 s, and no longer than ban_max. */
static void the_ladder_doubles_up_to_its_end(void **state)
{
	static const uint64_t seconds[] = { 30, 60, 120, 200, 200 };
	struct mqgate_verdict v;

	(void)state;
	scores->limit = 50;
	scores->ban_max_ns = 200 * S;
	refuse("192.0.2.1", MQGATE_REASON_MQTT_NAME, 1);
	assert_false(verdict_on("192.0.2.1", &v));
	refuse("192.0.2.1", MQGATE_REASON_MQTT_NAME, 1);
	assert_true(verdict_on("192.0.2.1", &v));
	assert_int_equal(v.action, MQGATE_ACTION_LIMIT);
	assert_int_equal(v.expires, now + 30 * S);
	refuse("192.0.2.1", MQGATE_REASON_MQTT_NAME, 1);
	assert_int_equal(counts().limits, 1);
	refuse("192.0.2.1", MQGATE_REASON_MQTT_NAME, 1);
	for (uint32_t i = 0; i < sizeof(seconds) / sizeof(seconds[0]); i++) {
		assert_true(verdict_on("192.0.2.1", &v));
		assert_int_equal(v.action, MQGATE_ACTION_DROP);
		assert_int_equal(v.strikes, i + 1);
		assert_int_equal(v.expires - v.since, seconds[i] * S);
		now = v.expires + S;
		refuse("192.0.2.1", MQGATE_REASON_MQTT_NAME, 4);
	}
}

/* Bad clients behind its address were faster than its CONNACK. */
static void a_ban_becomes_a_limit_when_a_client_gets_in(void **state)
{
	struct mqgate_flow_key flow = flow_of("192.0.2.1", 1000), other = flow_of("192.0.2.2", 1);
	struct mqgate_verdict v;
	uint64_t ticket;

	(void)state;
	refuse("192.0.2.1", MQGATE_REASON_MQTT_NAME, 4);
	assert_int_equal(mqg_judge_allowed(judge, &other, 3, IDENTITY, NULL, &ticket), 0);
	assert_true(verdict_on("192.0.2.1", &v));
	assert_int_equal(v.action, MQGATE_ACTION_DROP);
	now += S;
	assert_int_equal(mqg_judge_allowed(judge, &flow, 3, IDENTITY, NULL, &ticket), 0);
	assert_true(verdict_on("192.0.2.1", &v));
	assert_int_equal(v.action, MQGATE_ACTION_LIMIT);
	assert_int_equal(v.strikes, 1);
	mqg_judge_closed(judge, ticket);
	refuse("192.0.2.1", MQGATE_REASON_MQTT_NAME, 1);
	assert_true(verdict_on("192.0.2.1", &v));
	assert_int_equal(v.expires, now + 60 * S);
}

/* A table that has begun anew must not shorten what an earlier one wrote. */
static void a_limit_does_not_replace_a_ban_that_was_forgotten(void **state)
{
	struct mqgate_source_key key = key_of("192.0.2.1");
	struct mqgate_verdict v = { .action = MQGATE_ACTION_DROP, .strikes = 3,
				    .origin = MQGATE_ORIGIN_DAEMON, .since = now,
				    .expires = now + 120 * S };

	(void)state;
	scores->limit = 50;
	assert_int_equal(mqg_verdict_put(pins(), &key, &v), 0);
	refuse("192.0.2.1", MQGATE_REASON_MQTT_NAME, 3);
	assert_true(verdict_on("192.0.2.1", &v));
	assert_int_equal(v.action, MQGATE_ACTION_DROP);
	assert_int_equal(v.strikes, 3);
	now = v.expires + S;
	refuse("192.0.2.1", MQGATE_REASON_MQTT_NAME, 2);
	assert_true(verdict_on("192.0.2.1", &v));
	assert_int_equal(v.action, MQGATE_ACTION_LIMIT);
	assert_int_equal(v.strikes, 3);
	refuse("192.0.2.1", MQGATE_REASON_MQTT_NAME, 4);
	assert_true(verdict_on("192.0.2.1", &v));
	assert_int_equal(v.action, MQGATE_ACTION_DROP);
	assert_int_equal(v.expires, now + 240 * S);
}

static void score_does_not_touch_an_operators_verdict(void **state)
{
	struct mqg_verdict_done done;
	struct mqgate_source_key one = key_of("192.0.2.1"), two = key_of("192.0.2.2");
	struct mqgate_verdict v;

	(void)state;
	assert_int_equal(say(&one, MQGATE_ACTION_DROP, 0, &done), 0);
	assert_int_equal(say(&two, MQGATE_ACTION_PASS, 60 * S, &done), 0);
	refuse("192.0.2.1", MQGATE_REASON_MQTT_NAME, 10);
	refuse("192.0.2.2", MQGATE_REASON_MQTT_NAME, 10);
	assert_true(verdict_on("192.0.2.1", &v));
	assert_int_equal(v.origin, MQGATE_ORIGIN_OPERATOR);
	assert_int_equal(v.expires, 0);
	assert_true(verdict_on("192.0.2.2", &v));
	assert_int_equal(v.action, MQGATE_ACTION_PASS);
	assert_int_equal(counts().bans, 0);
	/* When the operator's word has run out, the score counts again. */
	now += 61 * S;
	refuse("192.0.2.2", MQGATE_REASON_MQTT_NAME, 4);
	assert_true(verdict_on("192.0.2.2", &v));
	assert_int_equal(v.origin, MQGATE_ORIGIN_DAEMON);
}

static void full_map_fails_towards_passing_and_is_counted(void **state)
{
	struct mqg_verdict_done done;
	struct mqgate_verdict v;
	char text[32];
	int banned = 0;

	(void)state;
	mqg_judge_free(judge);
	remove_maps();
	sources_entries = SMALL;
	make_maps();
	start();
	assert_true(mqg_judge_pins_check(judge));
	for (int i = 1; i <= SMALL; i++) {
		snprintf(text, sizeof(text), "192.0.2.%d", i);
		refuse(text, MQGATE_REASON_MQTT_NAME, 4);
		banned += verdict_on(text, &v);
	}
	assert_int_equal(banned, SMALL - 3);	/* three are the allow list's */
	assert_int_equal(counts().bans, SMALL - 3);
	assert_int_equal(counts().verdicts_full[0], 3);
	/* Room again: the next piece of evidence bans, with the first strike. */
	assert_int_equal(mqg_judge_verdict_flush(judge, MQG_DAEMONS, &done), SMALL - 3);
	refuse(text, MQGATE_REASON_MQTT_NAME, 1);
	assert_true(verdict_on(text, &v));
	assert_int_equal(v.strikes, 1);
}

static void full_prefixes_refuse_the_operator_and_are_counted(void **state)
{
	static const char *const nets[2][3] = {
		{ "10.0.0.0/8", "11.0.0.0/8", "12.0.0.0/8" },
		{ "2001::/32", "2002::/32", "2003::/32" },
	};
	struct mqg_verdict_done done;

	(void)state;
	mqg_judge_free(judge);
	remove_maps();
	prefixes_entries = 2;
	make_maps();
	start();
	assert_true(mqg_judge_pins_check(judge));
	for (int i = 0; i < 2; i++) {
		for (int n = 0; n < 2; n++)
			assert_int_equal(say_net(nets[i][n], MQGATE_ACTION_DROP, 0, &done), 0);
		assert_int_equal(say_net(nets[i][2], MQGATE_ACTION_DROP, 0, &done), -E2BIG);
		/* What is there is replaced as ever. */
		assert_int_equal(say_net(nets[i][1], MQGATE_ACTION_PASS, 0, &done), 0);
	}
	assert_int_equal(counts().verdicts_full[0], 0);
	assert_int_equal(counts().verdicts_full[1], 1);
	assert_int_equal(counts().verdicts_full[2], 1);
}

static void full_allow_is_counted_and_the_flow_waits_for_room(void **state)
{
	struct mqgate_flow_key one = flow_of("192.0.2.1", 1), two = flow_of("192.0.2.1", 2);
	struct mqgate_allow entry;
	uint64_t first, second;

	(void)state;
	mqg_judge_free(judge);
	remove_maps();
	allow_entries = 1;
	make_maps();
	start();
	assert_true(mqg_judge_pins_check(judge));
	assert_int_equal(mqg_judge_allowed(judge, &one, 3, IDENTITY, NULL, &first), 0);
	assert_int_equal(mqg_judge_allowed(judge, &two, 3, IDENTITY, NULL, &second), -E2BIG);
	assert_true(second);
	assert_int_equal(counts().allow_full, 1);
	assert_int_equal(counts().flows, 2);
	assert_false(allow_of(two, &entry));
	mqg_judge_closed(judge, first);
	now += 31 * S;
	mqg_judge_tick(judge);
	assert_true(allow_of(two, &entry));
}

/* More than a batch, in a map that is larger than its count. */
static void maps_are_counted_a_batch_a_tick(void **state)
{
	struct mqgate_flow_key flow = flow_of("192.0.2.1", 1);
	const struct mqgate_allow entry = {};

	(void)state;
	mqg_judge_free(judge);
	remove_maps();
	allow_entries = 65536;
	make_maps();
	start();
	assert_true(mqg_judge_pins_check(judge));
	for (uint16_t i = 1; i <= 9000; i++) {
		flow.sport = i;
		assert_int_equal(bpf_map_update_elem(pins()->allow, &flow, &entry, 0), 0);
	}
	for (uint16_t i = 1; i <= 100; i++) {
		flow.sport = i;
		assert_int_equal(bpf_map_update_elem(pins()->flows, &flow,
						     &(struct mqgate_flow){}, 0), 0);
	}
	mqg_judge_tick(judge);
	assert_int_equal(counts().held[0], 0);
	for (int i = 0; i < 5; i++)
		mqg_judge_tick(judge);
	assert_int_equal(counts().held[0], 9000);
	assert_int_equal(counts().held[1], 100);
	assert_int_equal(counts().held[2], 0);
	/* Counted anew ten seconds later, and not before. */
	flow.sport = 9001;
	assert_int_equal(bpf_map_update_elem(pins()->flows, &flow, &(struct mqgate_flow){}, 0), 0);
	mqg_judge_tick(judge);
	assert_int_equal(counts().held[1], 100);
	now += 11 * S;
	for (int i = 0; i < 5; i++)
		mqg_judge_tick(judge);
	assert_int_equal(counts().held[1], 101);
}

static void bans_without_maps_come_into_force_with_them(void **state)
{
	struct mqgate_verdict v;

	(void)state;
	remove_maps();
	assert_false(mqg_judge_pins_check(judge));
	assert_null(mqg_judge_pins(judge));
	refuse("192.0.2.1", MQGATE_REASON_MQTT_NAME, 4);
	assert_int_equal(counts().bans, 1);
	make_maps();
	now += 10 * S;
	assert_true(mqg_judge_pins_check(judge));
	assert_true(verdict_on("192.0.2.1", &v));
	assert_int_equal(v.expires, now + 20 * S);
}

/* ---- flows ------------------------------------------------------------------------------- */

static void authenticated_flow_is_allowed_until_it_closes(void **state)
{
	struct mqgate_flow_key flow = flow_of("192.0.2.1", 1000);
	struct mqgate_allow entry;
	uint64_t ticket;

	(void)state;
	assert_int_equal(mqg_judge_allowed(judge, &flow, 3, IDENTITY, NULL, &ticket), 0);
	assert_true(ticket > 0);
	assert_true(allow_of(flow, &entry));
	assert_int_equal(entry.expires, now + 120 * S);
	assert_int_equal(entry.service, 3);
	assert_int_equal(counts().flows, 1);
	mqg_judge_closed(judge, ticket);
	assert_false(allow_of(flow, &entry));
	assert_int_equal(counts().flows, 0);
	mqg_judge_closed(judge, ticket);
}

static void who_is_ended_loses_his_allow_at_once(void **state)
{
	const struct mqg_refusal why = { .reason = MQGATE_REASON_REVOKED, .service = 3 };
	struct mqgate_flow_key flow = flow_of("192.0.2.1", 1000);
	struct mqgate_allow entry;
	uint64_t ticket;

	(void)state;
	assert_int_equal(mqg_judge_allowed(judge, &flow, 3, IDENTITY, NULL, &ticket), 0);
	assert_true(allow_of(flow, &entry));
	mqg_judge_ended(judge, &why, ticket);
	assert_false(allow_of(flow, &entry));
	/* Nor is it refreshed while the session parts. */
	now += 100 * S;
	mqg_judge_tick(judge);
	assert_false(allow_of(flow, &entry));
	mqg_judge_closed(judge, ticket);
	assert_int_equal(counts().flows, 0);
}

static void refresh_extends_and_keeps_what_xdp_wrote(void **state)
{
	struct mqgate_flow_key flow = flow_of("192.0.2.1", 1000);
	struct mqgate_allow entry;
	uint64_t ticket;

	(void)state;
	assert_int_equal(mqg_judge_allowed(judge, &flow, 3, IDENTITY, NULL, &ticket), 0);
	assert_true(allow_of(flow, &entry));
	entry.tat = 4711;
	entry.packets = 17;
	assert_int_equal(bpf_map_update_elem(pins()->allow, &flow, &entry, BPF_EXIST), 0);
	now += 29 * S;
	mqg_judge_tick(judge);
	assert_true(allow_of(flow, &entry));
	assert_int_equal(entry.expires, now + 91 * S);
	now += 2 * S;
	mqg_judge_tick(judge);
	assert_true(allow_of(flow, &entry));
	assert_int_equal(entry.expires, now + 120 * S);
	assert_int_equal(entry.tat, 4711);
	assert_int_equal(entry.packets, 17);
	assert_int_equal(entry.identity, IDENTITY);
}

static void refresh_reaches_every_flow(void **state)
{
	struct mqgate_allow entry;
	uint64_t ticket;

	(void)state;
	for (uint16_t i = 0; i < 300; i++) {
		struct mqgate_flow_key flow = flow_of("192.0.2.1", i);

		assert_int_equal(mqg_judge_allowed(judge, &flow, 3, IDENTITY, NULL, &ticket), 0);
	}
	now += 31 * S;
	mqg_judge_tick(judge);
	for (uint16_t i = 0; i < 300; i++) {
		assert_true(allow_of(flow_of("192.0.2.1", i), &entry));
		assert_int_equal(entry.expires, now + 120 * S);
	}
}

static void flow_without_maps_is_allowed_when_they_appear(void **state)
{
	struct mqgate_flow_key flow = flow_of("192.0.2.1", 1000);
	struct mqgate_allow entry;
	uint64_t ticket = 0;

	(void)state;
	remove_maps();
	assert_false(mqg_judge_pins_check(judge));
	assert_int_equal(mqg_judge_allowed(judge, &flow, 3, IDENTITY, NULL, &ticket), -ENOENT);
	assert_true(ticket > 0);
	make_maps();
	mqg_judge_tick(judge);
	assert_true(allow_of(flow, &entry));
	assert_int_equal(entry.expires, now + 120 * S);
	mqg_judge_closed(judge, ticket);
	assert_false(allow_of(flow, &entry));
}

static void ban_takes_allow(enum mqgate_action action)
{
	struct mqgate_flow_key flow = flow_of("192.0.2.1", 1000), late = flow_of("192.0.2.1", 1001);
	struct mqgate_flow_key other = flow_of("192.0.2.2", 1000);
	struct mqgate_source_key key = key_of("192.0.2.1");
	struct mqg_verdict_done done;
	struct mqgate_allow entry;
	uint64_t ticket;

	assert_int_equal(mqg_judge_allowed(judge, &flow, 3, IDENTITY, NULL, &ticket), 0);
	assert_int_equal(mqg_judge_allowed(judge, &other, 3, IDENTITY, NULL, &ticket), 0);
	assert_int_equal(say(&key, action, 0, &done), 0);
	assert_false(done.replaced);
	assert_int_equal(done.allow_removed, 1);
	assert_false(allow_of(flow, &entry));
	now += 60 * S;
	mqg_judge_tick(judge);
	assert_false(allow_of(flow, &entry));
	assert_true(allow_of(other, &entry));
	/* Nor does a session that was half way there get one. */
	assert_int_equal(mqg_judge_allowed(judge, &late, 3, IDENTITY, NULL, &ticket), -EPERM);
	assert_true(ticket > 0);
	assert_false(allow_of(late, &entry));
	assert_int_equal(unsay(&key), 0);
	assert_true(allow_of(flow, &entry));
	assert_true(allow_of(late, &entry));
}

static void operators_ban_takes_allow_and_keeps_it_away(void **state)
{
	(void)state;
	ban_takes_allow(MQGATE_ACTION_DROP);
}

static void operators_reset_does_as_well(void **state)
{
	(void)state;
	ban_takes_allow(MQGATE_ACTION_RESET);
}

static void operators_reset_stands_against_score_and_configured_allow_list(void **state)
{
	struct mqgate_source_key key = key_of("192.0.2.1"), listed = key_of("192.0.2.77");
	struct mqg_verdict_done done;
	struct mqgate_verdict v;

	(void)state;
	assert_int_equal(say(&key, MQGATE_ACTION_RESET, 0, &done), 0);
	assert_int_equal(say(&listed, MQGATE_ACTION_RESET, 0, &done), 0);
	refuse("192.0.2.1", MQGATE_REASON_MQTT_NAME, 20);
	restart();
	assert_true(verdict_on("192.0.2.1", &v));
	assert_int_equal(v.action, MQGATE_ACTION_RESET);
	assert_true(verdict_on("192.0.2.77", &v));
	assert_int_equal(v.action, MQGATE_ACTION_RESET);
}

static void operators_ban_of_a_prefix_covers_its_addresses(void **state)
{
	struct mqgate_flow_key flow = flow_of("192.0.2.1", 1000), spared = flow_of("192.0.2.9", 1);
	struct mqg_net net = net_of("192.0.2.0/24");
	struct mqg_verdict_done done;
	struct mqgate_allow entry;
	uint64_t ticket;

	(void)state;
	assert_int_equal(mqg_judge_allowed(judge, &flow, 3, IDENTITY, NULL, &ticket), 0);
	assert_int_equal(mqg_judge_allowed(judge, &spared, 3, IDENTITY, NULL, &ticket), 0);
	assert_int_equal(say_net("192.0.2.9", MQGATE_ACTION_PASS, 0, &done), 0);
	assert_int_equal(say_net("192.0.2.0/24", MQGATE_ACTION_DROP, 0, &done), 0);
	assert_int_equal(done.allow_removed, 2);
	now += 60 * S;
	mqg_judge_tick(judge);
	assert_false(allow_of(flow, &entry));
	/* The longer word decides for one of them, which the next refresh finds. */
	assert_true(allow_of(spared, &entry));
	assert_int_equal(mqg_judge_verdict_del(judge, &net, &done), 0);
	assert_true(allow_of(flow, &entry));
	assert_int_equal(mqg_judge_verdict_del(judge, &net, &done), -ENOENT);
}

static void prefix_inside_a_banned_prefix_does_not_free_it(void **state)
{
	struct mqgate_flow_key flow = flow_of("192.0.2.1", 1000);
	struct mqg_net net = net_of("192.0.2.0/24");
	struct mqg_verdict_done done;
	struct mqgate_allow entry;
	uint64_t ticket;

	(void)state;
	assert_int_equal(say_net("192.0.0.0/16", MQGATE_ACTION_DROP, 0, &done), 0);
	assert_int_equal(say_net("192.0.2.0/24", MQGATE_ACTION_DROP, 0, &done), 0);
	assert_int_equal(mqg_judge_allowed(judge, &flow, 3, IDENTITY, NULL, &ticket), -EPERM);
	assert_int_equal(mqg_judge_verdict_del(judge, &net, &done), 0);
	assert_false(allow_of(flow, &entry));
}

static void pass_of_a_prefix_wins_over_scores(void **state)
{
	struct mqg_verdict_done done;
	struct mqgate_verdict v;

	(void)state;
	assert_int_equal(say_net("192.0.2.0/24", MQGATE_ACTION_PASS, 0, &done), 0);
	refuse("192.0.2.1", MQGATE_REASON_MQTT_NAME, 10);
	assert_false(verdict_on("192.0.2.1", &v));
	refuse("192.0.3.1", MQGATE_REASON_MQTT_NAME, 10);
	assert_true(verdict_on("192.0.3.1", &v));
}

static void expired_prefixes_are_reaped(void **state)
{
	struct mqg_net net = net_of("192.0.2.0/24");
	struct mqg_verdict_done done;
	struct mqgate_verdict v;

	(void)state;
	assert_int_equal(say_net("192.0.2.0/24", MQGATE_ACTION_DROP, 5 * S, &done), 0);
	assert_int_equal(say_net("2001:db8::/40", MQGATE_ACTION_LIMIT, 0, &done), 0);
	now += 20 * S;
	mqg_judge_tick(judge);
	work();
	assert_int_equal(mqg_net_get(pins(), &net, &v), -ENOENT);
	net = net_of("2001:db8::/40");
	assert_int_equal(mqg_net_get(pins(), &net, &v), 0);
}

/* Bits of flows that are long gone, as a day of devices leaves them. */
static void worn_filter_is_made_anew(void **state)
{
	struct mqgate_flow_key flow = flow_of("192.0.2.1", 1000);
	uint64_t set, bits, ticket;

	(void)state;
	assert_int_equal(mqg_judge_allowed(judge, &flow, 3, IDENTITY, NULL, &ticket), 0);
	mqg_known_fill(pins(), &set, &bits);
	assert_int_equal(set, 1);
	/* Fewer than an eighth of them. */
	pins()->known_words[MQGATE_KNOWN_HEADER] |= (1ULL << 60) - 1;
	now += 20 * S;
	mqg_judge_tick(judge);
	work();
	mqg_known_fill(pins(), &set, &bits);
	assert_in_range(set, 60, 61);
	for (size_t i = 0; i < 3; i++)
		pins()->known_words[MQGATE_KNOWN_HEADER + i] = ~0ULL;
	now += 20 * S;
	mqg_judge_tick(judge);
	work();
	mqg_known_fill(pins(), &set, &bits);
	assert_int_equal(set, 1);
	assert_true(pins()->known_words[0] & MQGATE_KNOWN_F_HALF);
	mqg_judge_closed(judge, ticket);
}

static void operators_ban_of_a_64_covers_its_addresses(void **state)
{
	struct mqgate_flow_key flow = flow_of("2001:db8:1::1", 1000);
	struct mqgate_source_key key = key_of("2001:db8:1::/64");
	struct mqg_verdict_done done;
	struct mqgate_allow entry;
	uint64_t ticket;

	(void)state;
	assert_int_equal(mqg_judge_allowed(judge, &flow, 3, IDENTITY, NULL, &ticket), 0);
	assert_int_equal(say(&key, MQGATE_ACTION_DROP, 0, &done), 0);
	assert_int_equal(done.allow_removed, 1);
	now += 60 * S;
	mqg_judge_tick(judge);
	assert_false(allow_of(flow, &entry));
}

static const struct CMUnitTest tests[] = {
	TEST(evidence_past_the_threshold_bans),
	TEST(handshake_budgets_ban_strangers_alone),
	TEST(second_ban_is_twice_as_long),
	TEST(ipv6_is_scored_and_banned_by_64),
	TEST(allow_list_is_never_banned),
	TEST(an_allowed_address_does_not_ban_its_64),
	TEST(a_source_with_a_live_flow_is_limited_and_not_dropped),
	TEST(the_ladder_doubles_up_to_its_end),
	TEST(a_ban_becomes_a_limit_when_a_client_gets_in),
	TEST(a_limit_does_not_replace_a_ban_that_was_forgotten),
	TEST(score_does_not_touch_an_operators_verdict),
	TEST(full_map_fails_towards_passing_and_is_counted),
	TEST(full_prefixes_refuse_the_operator_and_are_counted),
	TEST(full_allow_is_counted_and_the_flow_waits_for_room),
	TEST(maps_are_counted_a_batch_a_tick),
	TEST(bans_without_maps_come_into_force_with_them),
	TEST(authenticated_flow_is_allowed_until_it_closes),
	TEST(who_is_ended_loses_his_allow_at_once),
	TEST(refresh_extends_and_keeps_what_xdp_wrote),
	TEST(refresh_reaches_every_flow),
	TEST(flow_without_maps_is_allowed_when_they_appear),
	TEST(operators_ban_takes_allow_and_keeps_it_away),
	TEST(operators_reset_does_as_well),
	TEST(operators_reset_stands_against_score_and_configured_allow_list),
	TEST(operators_ban_of_a_64_covers_its_addresses),
	TEST(operators_ban_of_a_prefix_covers_its_addresses),
	TEST(prefix_inside_a_banned_prefix_does_not_free_it),
	TEST(pass_of_a_prefix_wins_over_scores),
	TEST(expired_prefixes_are_reaped),
	TEST(worn_filter_is_made_anew),
};

int main(void)
{
	int failed = stage_open();

	if (failed)
		return failed;
	failed = cmocka_run_group_tests_name("judge", tests, NULL, NULL);
	stage_close();
	return failed ? 1 : 0;
}
