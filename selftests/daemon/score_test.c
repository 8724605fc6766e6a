/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The score table by itself, with a clock that the test moves: decay, threshold, ladder of bans,
 * forgetting, and the bound on memory. No map, no waiting.
 */
#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "config/weights.h"
#include "judge/score.h"

#define S	1000000000ULL
#define START	(1000000 * S)		/* a host that has been up for eleven days */

static struct mqg_score_config config;

static int setup(void **state)
{
	memset(&config, 0, sizeof(config));
	config.threshold = 100;
	config.half_life_ns = 60 * S;
	config.ban_ns = 30 * S;
	config.ban_max_ns = 3600 * S;
	config.sources_max = 100;
	for (uint32_t i = 0; i < MQGATE_REASON_MAX; i++)
		config.weight[i] = mqg_weight_default(i);
	*state = mqg_score_alloc(&config);
	return *state ? 0 : -1;
}

static int teardown(void **state)
{
	mqg_score_free(*state);
	return 0;
}

static struct mqgate_source_key key_of(uint32_t n)
{
	struct mqgate_source_key key = { { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff } };

	key.addr[12] = (uint8_t)(n >> 24);
	key.addr[13] = (uint8_t)(n >> 16);
	key.addr[14] = (uint8_t)(n >> 8);
	key.addr[15] = (uint8_t)n;
	return key;
}

static double points(struct mqg_score *score, uint32_t n, uint64_t now)
{
	struct mqgate_source_key key = key_of(n);
	struct mqg_score_view view;

	mqg_score_lookup(score, &key, now, &view);
	return view.points;
}

static bool add(struct mqg_score *score, uint32_t n, uint32_t reason, uint64_t now)
{
	struct mqgate_source_key key = key_of(n);

	return mqg_score_add(score, &key, reason, now);
}

static struct mqgate_verdict ban(struct mqg_score *score, uint32_t n, uint64_t now)
{
	struct mqgate_source_key key = key_of(n);
	struct mqgate_verdict verdict;

	assert_int_equal(mqg_score_ban(score, &key, 0, now, &verdict), 0);
	return verdict;
}

static void assert_near(double got, double want)
{
	if (fabs(got - want) > 0.01)
		fail_msg("got %f, wanted %f", got, want);
}

static void points_halve_every_half_life(void **state)
{
	struct mqg_score *score = *state;

	add(score, 1, MQGATE_REASON_CERT_REVOKED, START);
	assert_near(points(score, 1, START), 20);
	assert_near(points(score, 1, START + 60 * S), 10);
	assert_near(points(score, 1, START + 180 * S), 2.5);
	add(score, 1, MQGATE_REASON_CERT_REVOKED, START + 60 * S);
	assert_near(points(score, 1, START + 60 * S), 30);
	assert_near(points(score, 1, START + 120 * S), 15);
}

static void decay_does_not_depend_on_how_often_it_is_looked_at(void **state)
{
	struct mqg_score *score = *state;

	add(score, 1, MQGATE_REASON_MQTT_NAME, START);
	for (uint64_t t = 0; t < 60 * S; t += S / 10)
		points(score, 1, START + t);
	assert_near(points(score, 1, START + 60 * S), 12.5);
}

static void threshold_is_reached_exactly(void **state)
{
	struct mqg_score *score = *state;

	assert_false(add(score, 1, MQGATE_REASON_MQTT_NAME, START));
	assert_false(add(score, 1, MQGATE_REASON_MQTT_NAME, START));
	assert_false(add(score, 1, MQGATE_REASON_MQTT_NAME, START));
	assert_true(add(score, 1, MQGATE_REASON_MQTT_NAME, START));
}

static void decayed_evidence_reaches_no_threshold(void **state)
{
	struct mqg_score *score = *state;

	for (uint64_t i = 0; i < 1000; i++)
		assert_false(add(score, 1, MQGATE_REASON_MQTT_NAME, START + i * 60 * S));
	assert_near(points(score, 1, START + 999 * 60 * S), 50);
}

static void innocent_failures_do_not_ban(void **state)
{
	struct mqg_score *score = *state;

	/* A few broken handshakes at once, an expired certificate retried twice a minute. */
	for (int i = 0; i < 5; i++)
		assert_false(add(score, 1, MQGATE_REASON_TLS_HANDSHAKE, START));
	for (uint64_t i = 0; i < 100; i++)
		assert_false(add(score, 2, MQGATE_REASON_CERT_EXPIRED, START + i * 30 * S));
}

static void what_the_broker_does_is_no_evidence(void **state)
{
	static const uint32_t reasons[] = {
		MQGATE_REASON_NONE, MQGATE_REASON_PASS_ALLOW, MQGATE_REASON_SOURCE_BANNED,
		MQGATE_REASON_MQTT_CONNACK, MQGATE_REASON_BROKER_UNREACHABLE,
		MQGATE_REASON_BROKER_REFUSED, MQGATE_REASON_BROKER_CLOSED,
		MQGATE_REASON_CLIENT_CLOSED, MQGATE_REASON_LIMIT_SESSIONS,
		MQGATE_REASON_POLICY_RECEIVE,
		MQGATE_REASON_OPERATOR, MQGATE_REASON_MAX, 100000,
	};
	struct mqg_score *score = *state;

	for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++)
		assert_false(add(score, 1, reasons[i], START));
	assert_int_equal(mqg_score_count(score), 0);
}

static void bans_double_up_to_the_longest(void **state)
{
	static const uint64_t want[] = { 30, 60, 120, 240, 480, 960, 1920, 3600, 3600 };
	struct mqg_score *score = *state;
	uint64_t now = START;

	for (size_t i = 0; i < sizeof(want) / sizeof(want[0]); i++) {
		struct mqgate_verdict v;

		while (!add(score, 1, MQGATE_REASON_MQTT_NAME, now))
			;
		v = ban(score, 1, now);
		assert_int_equal(v.expires - now, want[i] * S);
		assert_int_equal(v.strikes, i + 1);
		assert_int_equal(v.since, now);
		assert_int_equal(v.action, MQGATE_ACTION_DROP);
		assert_int_equal(v.origin, MQGATE_ORIGIN_DAEMON);
		now = v.expires + S;
	}
}

static void a_banned_source_is_not_banned_again_before_its_time(void **state)
{
	struct mqg_score *score = *state;
	struct mqgate_verdict v;

	while (!add(score, 1, MQGATE_REASON_MQTT_NAME, START))
		;
	v = ban(score, 1, START);
	for (int i = 0; i < 50; i++)
		assert_false(add(score, 1, MQGATE_REASON_MQTT_NAME, v.expires - 1));
	assert_true(add(score, 1, MQGATE_REASON_MQTT_NAME, v.expires));
}

static void score_is_capped_so_that_it_can_fall(void **state)
{
	struct mqg_score *score = *state;

	for (int i = 0; i < 10000; i++)
		add(score, 1, MQGATE_REASON_MQTT_NAME, START);
	assert_near(points(score, 1, START), 200);
	assert_near(points(score, 1, START + 120 * S), 50);
}

static void strikes_are_forgotten_after_quiet(void **state)
{
	struct mqg_score *score = *state;
	struct mqgate_source_key key = key_of(1);
	struct mqgate_verdict v = { .expires = START };
	struct mqg_score_view view;
	uint64_t now;

	for (int i = 0; i < 2; i++) {
		now = i ? v.expires + 7200 * S : START;
		while (!add(score, 1, MQGATE_REASON_MQTT_NAME, now))
			;
		v = ban(score, 1, now);
		assert_int_equal(v.strikes, i + 1);
	}
	mqg_score_lookup(score, &key, v.expires + 7200 * S, &view);
	assert_int_equal(view.strikes, 2);
	now = v.expires + 7202 * S;
	mqg_score_lookup(score, &key, now, &view);
	assert_int_equal(view.strikes, 0);
	while (!add(score, 1, MQGATE_REASON_MQTT_NAME, now))
		;
	v = ban(score, 1, now);
	assert_int_equal(v.strikes, 1);
	assert_int_equal(v.expires - now, 30 * S);
}

static void verdict_names_the_strongest_evidence(void **state)
{
	struct mqg_score *score = *state;

	add(score, 1, MQGATE_REASON_TLS_HANDSHAKE, START);
	add(score, 1, MQGATE_REASON_CERT_REVOKED, START);
	add(score, 1, MQGATE_REASON_CERT_REVOKED, START);
	add(score, 1, MQGATE_REASON_MQTT_NAME, START);
	add(score, 1, MQGATE_REASON_CERT_REVOKED, START);
	assert_int_equal(ban(score, 1, START).reason, MQGATE_REASON_CERT_REVOKED);
}

static void evidence_is_kept_latest_first(void **state)
{
	struct mqg_score *score = *state;
	struct mqgate_source_key key = key_of(1);
	struct mqg_score_view view;

	for (uint64_t i = 0; i < 11; i++)
		add(score, 1, i % 2 ? MQGATE_REASON_MQTT_NAME : MQGATE_REASON_MQTT_LEVEL,
		    START + i);
	assert_true(mqg_score_lookup(score, &key, START + 11, &view));
	assert_int_equal(view.n_evidence, MQG_EVIDENCE_KEPT);
	for (uint64_t i = 0; i < MQG_EVIDENCE_KEPT; i++)
		assert_int_equal(view.evidence[i].time, START + 10 - i);
	assert_int_equal(view.evidence[0].reason, MQGATE_REASON_MQTT_LEVEL);
	assert_int_equal(view.evidence[0].points, 25);
}

static void the_least_scored_makes_room(void **state)
{
	struct mqg_score *score = *state;

	for (uint32_t i = 0; i < 100; i++)
		add(score, i, i == 42 ? MQGATE_REASON_TLS_HANDSHAKE : MQGATE_REASON_MQTT_NAME,
		    START);
	add(score, 1000, MQGATE_REASON_MQTT_NAME, START);
	assert_int_equal(mqg_score_count(score), 100);
	assert_near(points(score, 42, START), 0);
	assert_near(points(score, 1000, START), 25);
	assert_near(points(score, 41, START), 25);
}

static void a_newcomer_below_all_is_not_taken(void **state)
{
	struct mqg_score *score = *state;

	for (uint32_t i = 0; i < 100; i++)
		add(score, i, MQGATE_REASON_MQTT_NAME, START);
	assert_false(add(score, 1000, MQGATE_REASON_CREDENTIAL_CLEAR, START));
	assert_near(points(score, 1000, START), 0);
	assert_int_equal(mqg_score_count(score), 100);
}

static void old_points_make_room_for_new_ones(void **state)
{
	struct mqg_score *score = *state;

	for (uint32_t i = 0; i < 100; i++)
		add(score, i, MQGATE_REASON_MQTT_NAME, START);
	/* By now 25 points have become 0.8: five new points weigh more. */
	add(score, 1000, MQGATE_REASON_CREDENTIAL_CLEAR, START + 300 * S);
	assert_near(points(score, 1000, START + 300 * S), 5);
	assert_int_equal(mqg_score_count(score), 100);
}

/* Many random steps; now and then the table is compared with a search through all sources. */
static void the_least_scored_goes_whatever_happened_before(void **state)
{
	struct mqg_score *score = *state;
	uint64_t now = START;
	int compared = 0;

	srandom(7);
	for (int step = 0; step < 20000; step++) {
		uint32_t n = (uint32_t)random() % 400, least_n = 0;
		struct mqgate_source_key key = key_of(n);
		bool newcomer, compare;
		double least = 1e9;

		now += (uint64_t)random() % S;
		if (random() % 10 == 0)
			mqg_score_forget(score, &key);
		newcomer = points(score, n, now) <= 0 && mqg_score_count(score) == 100;
		compare = newcomer && step % 10 == 0;
		for (uint32_t i = 0; compare && i < 400; i++) {
			double p = points(score, i, now);

			if (p > 0 && p < least) {
				least = p;
				least_n = i;
			}
		}
		add(score, n, MQGATE_REASON_MQTT_NAME, now);
		assert_true(mqg_score_count(score) <= 100);
		if (!compare || least >= 25)
			continue;
		compared++;
		assert_true(points(score, least_n, now) <= 0);
		assert_true(points(score, n, now) > 0);
	}
	assert_true(compared > 100);
}

static void a_ban_that_could_not_be_written_is_taken_back(void **state)
{
	struct mqg_score *score = *state;
	struct mqgate_source_key key = key_of(1);

	while (!add(score, 1, MQGATE_REASON_MQTT_NAME, START))
		;
	ban(score, 1, START);
	mqg_score_undo(score, &key);
	assert_true(add(score, 1, MQGATE_REASON_MQTT_NAME, START));
	assert_int_equal(ban(score, 1, START).strikes, 1);
}

static void adopted_bans_keep_expiry_and_strikes(void **state)
{
	const struct mqgate_verdict old = {
		.action = MQGATE_ACTION_DROP, .origin = MQGATE_ORIGIN_DAEMON,
		.reason = MQGATE_REASON_MQTT_NAME, .since = START, .expires = START + 240 * S,
		.strikes = 4,
	};
	struct mqg_score *score = *state;
	struct mqgate_source_key key = key_of(1);
	struct mqg_score_view view;
	struct mqgate_verdict v;

	mqg_score_adopt(score, &key, &old, START + 100 * S);
	assert_true(mqg_score_lookup(score, &key, START + 100 * S, &view));
	assert_int_equal(view.banned_until, old.expires);
	assert_int_equal(view.strikes, 4);
	assert_false(add(score, 1, MQGATE_REASON_MQTT_NAME, START + 200 * S));
	while (!add(score, 1, MQGATE_REASON_MQTT_NAME, START + 241 * S))
		;
	v = ban(score, 1, START + 241 * S);
	assert_int_equal(v.strikes, 5);
	assert_int_equal(v.expires - v.since, 480 * S);
}

static void long_expired_bans_are_not_adopted(void **state)
{
	const struct mqgate_verdict old = { .since = START, .expires = START + 30 * S,
					    .strikes = 9 };
	struct mqgate_source_key key = key_of(1);

	mqg_score_adopt(*state, &key, &old, START + 7300 * S);
	assert_int_equal(mqg_score_count(*state), 0);
	mqg_score_adopt(*state, &key, &old, START + 7000 * S);
	assert_int_equal(mqg_score_count(*state), 1);
}

static void only_sources_banned_now_are_listed_one(const struct mqgate_source_key *key,
						   const struct mqgate_verdict *verdict, void *arg)
{
	assert_int_equal(key->addr[15], 2);
	assert_int_equal(verdict->expires, START + 130 * S);
	++*(int *)arg;
}

static void only_sources_banned_now_are_listed(void **state)
{
	struct mqg_score *score = *state;
	int n = 0;

	for (uint32_t i = 1; i < 4; i++)
		while (!add(score, i, MQGATE_REASON_MQTT_NAME, START))
			;
	ban(score, 1, START);
	ban(score, 2, START + 100 * S);
	mqg_score_verdicts_each(score, START + 101 * S, only_sources_banned_now_are_listed_one,
				&n);
	assert_int_equal(n, 1);
}

static enum mqg_score_step step(struct mqg_score *score, uint64_t now)
{
	struct mqgate_source_key key = key_of(1);

	return mqg_score_add(score, &key, MQGATE_REASON_MQTT_NAME, now);
}

static void a_limit_is_due_below_the_threshold_and_anew_at_its_half(void **state)
{
	struct mqg_score *score = *state;
	struct mqgate_source_key key = key_of(1);
	struct mqgate_verdict v;

	config.limit = 50;
	config.limit_rate = 7;
	config.half_life_ns = 86400 * S;
	assert_int_equal(step(score, START), MQG_STEP_NONE);
	assert_int_equal(step(score, START), MQG_STEP_LIMIT);
	assert_int_equal(mqg_score_limit(score, &key, 3, START, &v), 0);
	assert_int_equal(v.action, MQGATE_ACTION_LIMIT);
	assert_int_equal(v.origin, MQGATE_ORIGIN_DAEMON);
	assert_int_equal(v.reason, MQGATE_REASON_MQTT_NAME);
	assert_int_equal(v.rate, 7);
	assert_int_equal(v.expires, START + 30 * S);
	assert_int_equal(v.strikes, 3);
	/* Just below the threshold: 75 points. */
	assert_int_equal(step(score, START + 15 * S), MQG_STEP_NONE);
	assert_int_equal(mqg_score_limit(score, &key, 0, START + 15 * S, &v), -EALREADY);
	assert_int_equal(mqg_score_limit(score, &key, 0, START + 16 * S, &v), 0);
	assert_int_equal(v.expires, START + 46 * S);
	mqg_score_undo(score, &key);
	assert_int_equal(mqg_score_limit(score, &key, 0, START + 16 * S, &v), 0);
	/* 25 points that decayed a little are 99.9: one more for certain. */
	while (step(score, START + 17 * S) != MQG_STEP_DROP)
		;
	assert_int_equal(ban(score, 1, START + 17 * S).action, MQGATE_ACTION_DROP);
	assert_int_equal(step(score, START + 18 * S), MQG_STEP_NONE);
}

static void a_limit_ends_a_ban_and_keeps_its_strikes(void **state)
{
	struct mqg_score *score = *state;
	struct mqgate_source_key key = key_of(1);
	struct mqg_score_view view;
	struct mqgate_verdict v;

	while (!add(score, 1, MQGATE_REASON_MQTT_NAME, START))
		;
	ban(score, 1, START);
	assert_int_equal(mqg_score_limit(score, &key, 0, START + S, &v), 0);
	assert_int_equal(v.action, MQGATE_ACTION_LIMIT);
	assert_int_equal(v.strikes, 1);
	mqg_score_lookup(score, &key, START + S, &view);
	assert_int_equal(view.banned_until, 0);
	assert_int_equal(ban(score, 1, START + 2 * S).strikes, 2);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(points_halve_every_half_life),
		TEST(decay_does_not_depend_on_how_often_it_is_looked_at),
		TEST(threshold_is_reached_exactly),
		TEST(decayed_evidence_reaches_no_threshold),
		TEST(innocent_failures_do_not_ban),
		TEST(what_the_broker_does_is_no_evidence),
		TEST(bans_double_up_to_the_longest),
		TEST(a_banned_source_is_not_banned_again_before_its_time),
		TEST(score_is_capped_so_that_it_can_fall),
		TEST(strikes_are_forgotten_after_quiet),
		TEST(verdict_names_the_strongest_evidence),
		TEST(evidence_is_kept_latest_first),
		TEST(the_least_scored_makes_room),
		TEST(a_newcomer_below_all_is_not_taken),
		TEST(old_points_make_room_for_new_ones),
		TEST(the_least_scored_goes_whatever_happened_before),
		TEST(a_ban_that_could_not_be_written_is_taken_back),
		TEST(adopted_bans_keep_expiry_and_strikes),
		TEST(long_expired_bans_are_not_adopted),
		TEST(only_sources_banned_now_are_listed),
		TEST(a_limit_is_due_below_the_threshold_and_anew_at_its_half),
		TEST(a_limit_ends_a_ban_and_keeps_its_strikes),
	};

	return cmocka_run_group_tests_name("score", tests, NULL, NULL) ? 1 : 0;
}
