// SPDX-License-Identifier: BSD-2-Clause
/* What rules say: each property of its own, in the words of the manual. */
#include "stage.h"

#include <stdio.h>

#include "policy/cache.h"

static const struct mqg_subject device = { .identity = "d1", .client_id = "c1", .username = "u1" };

#define ALL (BIT(PUBLISH) | BIT(SUBSCRIBE) | BIT(RECEIVE) | BIT(WILL) | BIT(RETAIN))

static struct mqg_rights *rights;
static struct mqg_grant *grant;

/* The rules are there: asks as the device. */
static void ready(void)
{
	finish(rights);
	grant = take(rights, &device);
}

static int setup(void **state)
{
	(void)state;
	rights = begin();
	grant = NULL;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	mqg_grant_drop(grant);
	mqg_rights_free(rights);
	return 0;
}

static bool may(enum mqg_right right, const char *topic)
{
	return ask(grant, right, topic).allowed;
}

static bool may_subscribe(const char *filter)
{
	return ask_filter(grant, filter).allowed;
}

static void no_policies_allow_everything(void **state)
{
	struct mqg_grant *nobody;

	(void)state;
	assert_int_equal(mqg_grant_take(NULL, &device, &nobody), 0);
	assert_null(nobody);
	assert_true(ask(NULL, MQG_MAY_PUBLISH, "any").allowed);
	assert_int_equal(ask(NULL, MQG_MAY_PUBLISH, "any").qos, 2);
	assert_true(ask_filter(NULL, "#").allowed);
	assert_true(mqg_grant_connect(NULL, NOW).allowed);
	mqg_grant_drop(NULL);
}

static void what_nobody_allows_is_refused(void **state)
{
	(void)state;
	say(rights, 0, false, BIT(PUBLISH), 2, "a/b");
	ready();
	assert_true(may(MQG_MAY_PUBLISH, "a/b"));
	assert_false(may(MQG_MAY_PUBLISH, "a/c"));
	assert_false(may(MQG_MAY_PUBLISH, "a"));
	assert_false(may(MQG_MAY_RETAIN, "a/b"));
	assert_false(may_subscribe("a/b"));
	assert_false(mqg_grant_connect(grant, NOW).allowed);
	assert_int_equal(ask(grant, MQG_MAY_PUBLISH, "a/c").line, 0);
}

static void deny_wins_whatever_the_order(void **state)
{
	(void)state;
	say(rights, 0, true, BIT(PUBLISH), 0, "a/first");
	say(rights, 0, false, BIT(PUBLISH), 2, "a/#");
	say(rights, 0, true, BIT(PUBLISH), 0, "+/last");
	say(rights, 0, false, BIT(PUBLISH), 2, "a/last");
	ready();
	assert_true(may(MQG_MAY_PUBLISH, "a/other"));
	assert_int_equal(ask(grant, MQG_MAY_PUBLISH, "a/first").line, 1);
	assert_false(may(MQG_MAY_PUBLISH, "a/first"));
	assert_int_equal(ask(grant, MQG_MAY_PUBLISH, "a/last").line, 3);
	assert_false(may(MQG_MAY_PUBLISH, "a/last"));
}

static void the_most_qos_counts(void **state)
{
	(void)state;
	say(rights, 0, false, BIT(PUBLISH), 0, "#");
	say(rights, 0, false, BIT(PUBLISH), 1, "a/+");
	say(rights, 0, false, BIT(PUBLISH), 1, "a/b");
	ready();
	assert_int_equal(ask(grant, MQG_MAY_PUBLISH, "x").qos, 0);
	assert_int_equal(ask(grant, MQG_MAY_PUBLISH, "a/b").qos, 1);
	assert_int_equal(ask(grant, MQG_MAY_PUBLISH, "a/b").line, 2);
}

static void denials_hold_for_what_comes_to_the_same(void **state)
{
	(void)state;
	say(rights, 0, false, ALL, 2, "#");
	say(rights, 0, true, BIT(PUBLISH), 0, "p");
	say(rights, 0, true, BIT(SUBSCRIBE), 0, "s");
	ready();
	assert_false(may(MQG_MAY_WILL, "p"));
	assert_true(may(MQG_MAY_RECEIVE, "p"));
	assert_false(may(MQG_MAY_RECEIVE, "s"));
	assert_true(may(MQG_MAY_WILL, "s"));
}

static void a_subscription_is_covered_or_refused(void **state)
{
	(void)state;
	say(rights, 0, false, BIT(SUBSCRIBE), 2, "a/+/c");
	say(rights, 0, false, BIT(SUBSCRIBE), 2, "b/#");
	say(rights, 0, false, BIT(SUBSCRIBE), 2, "c");
	ready();
	assert_false(may_subscribe("c/#"));
	assert_true(may_subscribe("a/+/c"));
	assert_true(may_subscribe("a/x/c"));
	assert_false(may_subscribe("a/+/+"));
	assert_false(may_subscribe("a/#"));
	assert_false(may_subscribe("+/x/c"));
	assert_true(may_subscribe("b"));
	assert_true(may_subscribe("b/#"));
	assert_true(may_subscribe("b/+/#"));
	assert_false(may_subscribe("+/#"));
	assert_false(may_subscribe("#"));
}

/* "a/#" is "a", and what has one level more, and what has more than that. */
static void several_rules_may_cover_together(void **state)
{
	(void)state;
	say(rights, 0, false, BIT(SUBSCRIBE), 2, "a");
	say(rights, 0, false, BIT(SUBSCRIBE), 1, "a/+");
	say(rights, 0, false, BIT(SUBSCRIBE), 2, "a/+/+/#");
	say(rights, 0, false, BIT(SUBSCRIBE), 2, "b/+/#");
	ready();
	assert_true(may_subscribe("a/#"));
	assert_int_equal(ask_filter(grant, "a/#").qos, 1);
	assert_false(may_subscribe("b/#"));
	assert_true(may_subscribe("b/+/#"));
}

static void everything_is_covered_by_plus_hash(void **state)
{
	(void)state;
	say(rights, 0, false, BIT(SUBSCRIBE), 2, "+/#");
	ready();
	assert_true(may_subscribe("#"));
	assert_false(may_subscribe("$SYS/#"));
}

static void what_is_denied_within_is_left_to_delivery(void **state)
{
	(void)state;
	say(rights, 0, false, BIT(SUBSCRIBE) | BIT(RECEIVE), 2, "a/#");
	say(rights, 0, true, BIT(SUBSCRIBE), 0, "a/secret/#");
	ready();
	assert_true(may_subscribe("a/#"));
	assert_true(may_subscribe("a/+/x"));
	assert_false(may_subscribe("a/secret/x"));
	assert_false(may_subscribe("a/secret/+"));
	assert_false(may_subscribe("a/secret/#"));
	assert_false(may(MQG_MAY_RECEIVE, "a/secret/x"));
	assert_true(may(MQG_MAY_RECEIVE, "a/open"));
}

static void a_shared_one_is_judged_by_its_filter(void **state)
{
	(void)state;
	say(rights, 0, false, BIT(SUBSCRIBE), 2, "a/#");
	say(rights, 0, true, BIT(SUBSCRIBE), 0, "a/secret");
	ready();
	assert_true(may_subscribe("$share/group/a/+"));
	assert_false(may_subscribe("$share/group/b"));
	assert_false(may_subscribe("$share/group/a/secret"));
	assert_false(may_subscribe("$share/a/#"));
}

static void wildcards_stay_off_the_brokers_own_topics(void **state)
{
	(void)state;
	say(rights, 0, false, ALL, 2, "#");
	say(rights, 0, false, ALL, 2, "+/version");
	say(rights, 0, false, ALL, 1, "$SYS/+/load");
	ready();
	assert_false(may(MQG_MAY_RECEIVE, "$SYS/version"));
	assert_false(may_subscribe("$SYS/#"));
	assert_false(may_subscribe("$SYS/version"));
	assert_true(may_subscribe("$SYS/broker/load"));
	assert_true(may(MQG_MAY_RECEIVE, "a/$SYS"));
}

static void levels_may_be_empty_or_long(void **state)
{
	char one[300], other[300];

	(void)state;
	memset(one, 'x', sizeof(one));
	one[299] = '\0';
	memcpy(other, one, sizeof(one));
	other[298] = 'y';
	say(rights, 0, false, BIT(PUBLISH), 2, "/a//");
	say(rights, 0, false, BIT(PUBLISH), 2, one);
	ready();
	assert_true(may(MQG_MAY_PUBLISH, "/a//"));
	assert_false(may(MQG_MAY_PUBLISH, "/a/"));
	assert_false(may(MQG_MAY_PUBLISH, "a//"));
	assert_true(may(MQG_MAY_PUBLISH, one));
	assert_false(may(MQG_MAY_PUBLISH, other));
}

static void connect_has_no_topic(void **state)
{
	(void)state;
	say(rights, 0, false, BIT(CONNECT), 2, NULL);
	ready();
	assert_int_equal(mqg_grant_connect(grant, NOW).line, 1);
	assert_true(mqg_grant_connect(grant, NOW).allowed);
	assert_false(may(MQG_MAY_PUBLISH, "a"));
}

static void other_policies_are_not_the_clients(void **state)
{
	uint32_t other = policy_of(rights, "d2"), own = policy_of(rights, "d?");

	(void)state;
	say(rights, other, false, BIT(PUBLISH), 2, "a");
	say(rights, other, true, BIT(PUBLISH), 0, "b");
	say(rights, own, false, BIT(PUBLISH), 2, "b");
	ready();
	assert_false(may(MQG_MAY_PUBLISH, "a"));
	assert_true(may(MQG_MAY_PUBLISH, "b"));
}

/* Who only connects and subscribes has no cache; answers do not get mixed up in it. */
static void answers_are_remembered_when_there_are_any(void **state)
{
	char topic[32];

	(void)state;
	say(rights, 0, false, BIT(CONNECT), 2, NULL);
	say(rights, 0, false, BIT(PUBLISH) | BIT(SUBSCRIBE), 2, "t/+");
	say(rights, 0, true, BIT(PUBLISH), 0, "t/7");
	ready();
	assert_true(mqg_grant_connect(grant, NOW).allowed);
	assert_true(may_subscribe("t/+"));
	assert_null(grant->cache);
	for (unsigned int i = 0; i < 3000; i++) {
		snprintf(topic, sizeof(topic), "t/%u", i * i % 97);
		assert_int_equal(may(MQG_MAY_PUBLISH, topic), i * i % 97 != 7);
		assert_false(may(MQG_MAY_RETAIN, topic));
	}
	assert_non_null(mqg_cache_find(grant->cache, MQG_MAY_RETAIN, (const uint8_t *)topic,
				       strlen(topic)));
}

#define POINT(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		POINT(no_policies_allow_everything),
		POINT(what_nobody_allows_is_refused),
		POINT(deny_wins_whatever_the_order),
		POINT(the_most_qos_counts),
		POINT(denials_hold_for_what_comes_to_the_same),
		POINT(a_subscription_is_covered_or_refused),
		POINT(several_rules_may_cover_together),
		POINT(everything_is_covered_by_plus_hash),
		POINT(what_is_denied_within_is_left_to_delivery),
		POINT(a_shared_one_is_judged_by_its_filter),
		POINT(wildcards_stay_off_the_brokers_own_topics),
		POINT(levels_may_be_empty_or_long),
		POINT(connect_has_no_topic),
		POINT(other_policies_are_not_the_clients),
		POINT(answers_are_remembered_when_there_are_any),
	};

	return cmocka_run_group_tests_name("policy: rules", tests, NULL, NULL);
}
