// SPDX-License-Identifier: GPL-2.0-only
/*
 * Unit tests of the client table: look-up, slots, walks that are resumed, the choice of a victim.
 * See kunit.h. Idle time is what the test writes into client->last.
 */
#include "table.c"

#include "kunit.h"

#define MANY	3000U

static unsigned int idle_asked;

u64 mqg_client_idle_ms(const struct mqg_client *client)
{
	idle_asked++;
	return client->last;
}

static struct mqg_net *setup_net(struct kunit *test)
{
	struct mqg_net *net = mqg_kunit_net(test);

	mqg_table_secret_init();
	KUNIT_ASSERT_EQ(test, mqg_table_init(net), 0);
	return net;
}

static struct mqg_client *client_new(struct kunit *test, u32 number)
{
	struct mqg_client *client = kunit_kzalloc(test, sizeof(*client), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, client);
	memcpy(client->key.saddr, &number, sizeof(number));
	client->key.dport = 1883;
	client->phase = MQGATE_PHASE_CONNECTED;
	return client;
}

static struct mqg_client *added(struct kunit *test, struct mqg_net *net, u32 number)
{
	struct mqg_client *client = client_new(test, number);

	KUNIT_ASSERT_EQ(test, mqg_table_insert(net, client), 0);
	return client;
}

static struct mqg_client **crowd(struct kunit *test, struct mqg_net *net, u32 count)
{
	struct mqg_client **all = kunit_kcalloc(test, count, sizeof(*all), GFP_KERNEL);
	u32 i;

	KUNIT_ASSERT_NOT_NULL(test, all);
	for (i = 0; i < count; i++)
		all[i] = added(test, net, i);
	return all;
}

static void removed(struct mqg_net *net, struct mqg_client *client)
{
	rcu_read_lock();
	mqg_table_remove(net, client);
	rcu_read_unlock();
}

static void lookups(struct kunit *test)
{
	struct mqg_net *net = setup_net(test);
	struct mqg_client **all = crowd(test, net, MANY);
	struct mqg_client *stranger = client_new(test, MANY);
	u32 i, found = 0, gone = 0;

	rcu_read_lock();
	for (i = 0; i < MANY; i++)
		found += mqg_table_lookup(net, &all[i]->key) == all[i] &&
			 mqg_table_slot(net, all[i]->slot) == all[i] && all[i]->slot;
	KUNIT_EXPECT_PTR_EQ(test, mqg_table_lookup(net, &stranger->key), NULL);
	KUNIT_EXPECT_PTR_EQ(test, mqg_table_slot(net, 0), NULL);
	rcu_read_unlock();
	KUNIT_EXPECT_EQ(test, found, MANY);
	for (i = 0; i < MANY; i += 2)
		removed(net, all[i]);
	rcu_read_lock();
	for (i = 0; i < MANY; i++)
		gone += !mqg_table_lookup(net, &all[i]->key) && !mqg_table_slot(net, all[i]->slot);
	rcu_read_unlock();
	KUNIT_EXPECT_EQ(test, gone, MANY / 2);
	for (i = 1; i < MANY; i += 2)
		removed(net, all[i]);
	KUNIT_EXPECT_EQ(test, atomic_read(&net->table.nelems), 0);
	KUNIT_EXPECT_TRUE(test, xa_empty(&net->slots));
	mqg_table_exit(net);
}

static void one_a_flow(struct kunit *test)
{
	struct mqg_net *net = setup_net(test);
	struct mqg_client *first = added(test, net, 1), *second = client_new(test, 1);

	KUNIT_EXPECT_EQ(test, mqg_table_insert(net, second), -EEXIST);
	rcu_read_lock();
	KUNIT_EXPECT_PTR_EQ(test, mqg_table_lookup(net, &second->key), first);
	KUNIT_EXPECT_PTR_EQ(test, mqg_table_slot(net, second->slot), NULL);
	rcu_read_unlock();
	removed(net, first);
	KUNIT_EXPECT_EQ(test, mqg_table_insert(net, second), 0);
	removed(net, second);
	mqg_table_exit(net);
}

/* The secret is what keeps a flood of chosen addresses from one bucket. */
static void keyed_hash(struct kunit *test)
{
	u32 before = mqg_table_hash("flow", 4, 0);
	u64 tag = mqg_table_tag("flow", 4);

	mqg_table_secret_init();
	KUNIT_EXPECT_NE(test, mqg_table_tag("flow", 4), tag);
	KUNIT_EXPECT_NE(test, mqg_table_hash("flow", 4, 0), before);
	KUNIT_EXPECT_NE(test, mqg_table_hash("flow", 4, 1), mqg_table_hash("flow", 4, 0));
}

/* Whatever addresses somebody chooses: no bucket is much longer than chance makes it. */
static void flooded(struct kunit *test)
{
	struct mqg_net *net = setup_net(test);
	struct mqg_client **all = crowd(test, net, MANY);
	const struct bucket_table *buckets;
	struct rhash_head *node;
	u32 i, chain, longest = 0;

	rcu_read_lock();
	buckets = rht_dereference_rcu(net->table.tbl, &net->table);
	for (i = 0; i < buckets->size; i++) {
		chain = 0;
		rht_for_each_rcu(node, buckets, i)
			chain++;
		longest = max(longest, chain);
	}
	rcu_read_unlock();
	KUNIT_EXPECT_GT(test, longest, 0U);
	KUNIT_EXPECT_LE(test, longest, 14U);
	for (i = 0; i < MANY; i++)
		removed(net, all[i]);
	mqg_table_exit(net);
}

static int seen_once(struct mqg_client *client, void *arg)
{
	client->offences++;
	(*(u32 *)arg)++;
	return 0;
}

static void walk_is_resumed(struct kunit *test)
{
	struct mqg_net *net = setup_net(test);
	struct mqg_client **all = crowd(test, net, MANY);
	struct mqg_table_cursor cursor = {};
	u32 i, step, steps = 0, twice = 0, late = MANY;

	/* Between two steps some go and some come; every third stays. */
	for (i = 0; !cursor.done; steps++) {
		step = 0;
		mqg_table_walk(net, &cursor, seen_once, &step);
		KUNIT_EXPECT_LE(test, step, MQG_WALK_MAX);
		for (; i < (steps + 1) * 128 && i < MANY; i++)
			if (i % 3)
				removed(net, all[i]);
		added(test, net, late++);
	}
	KUNIT_EXPECT_GE(test, steps, MANY / 3 / MQG_WALK_MAX);
	for (i = 0; i < MANY; i++)
		twice += i % 3 ? all[i]->offences > 1 : all[i]->offences != 1;
	KUNIT_EXPECT_EQ(test, twice, 0U);
	rhashtable_free_and_destroy(&net->table, NULL, NULL);
	xa_destroy(&net->slots);
}

static int full_at_ten(struct mqg_client *client, void *arg)
{
	u32 *seen = arg;

	if (*seen == 10)
		return -EMSGSIZE;
	(*seen)++;
	client->offences++;
	return 0;
}

static void walk_that_is_stopped(struct kunit *test)
{
	struct mqg_net *net = setup_net(test);
	struct mqg_client **all = crowd(test, net, 25);
	struct mqg_table_cursor cursor = {};
	u32 i, seen, rounds = 0;

	/* A dead one is not shown. */
	all[7]->flags |= MQG_CLIENT_DEAD;
	while (!cursor.done && rounds++ < 10) {
		seen = 0;
		mqg_table_walk(net, &cursor, full_at_ten, &seen);
	}
	KUNIT_EXPECT_EQ(test, rounds, 3U);
	for (i = 0; i < 25; i++)
		KUNIT_EXPECT_EQ(test, all[i]->offences, i == 7 ? 0U : 1U);
	for (i = 0; i < 25; i++)
		removed(net, all[i]);
	mqg_table_exit(net);
}

static struct mqg_client *victim(struct mqg_net *net)
{
	struct mqg_client *client;

	rcu_read_lock();
	client = mqg_table_victim(net);
	rcu_read_unlock();
	return client;
}

static void victims(struct kunit *test)
{
	struct mqg_net *net = setup_net(test);
	struct mqg_client **all;
	u32 i;

	KUNIT_EXPECT_PTR_EQ(test, victim(net), NULL);
	all = crowd(test, net, 8);
	KUNIT_EXPECT_PTR_EQ(test, victim(net), NULL);
	all[3]->last = VICTIM_IDLE_MS - 1;
	KUNIT_EXPECT_PTR_EQ(test, victim(net), NULL);
	all[3]->last = VICTIM_IDLE_MS;
	KUNIT_EXPECT_PTR_EQ(test, victim(net), all[3]);
	all[4]->last = VICTIM_IDLE_MS + 1;
	KUNIT_EXPECT_PTR_EQ(test, victim(net), all[4]);
	all[5]->flags = MQGATE_CLIENT_F_UNVALIDATED;
	KUNIT_EXPECT_PTR_EQ(test, victim(net), all[5]);
	all[6]->phase = MQGATE_PHASE_CONNECT;
	KUNIT_EXPECT_PTR_EQ(test, victim(net), all[6]);
	/* Somebody vouched for it, or it is gone already. */
	all[6]->flags = MQGATE_CLIENT_F_BOUND;
	KUNIT_EXPECT_PTR_EQ(test, victim(net), all[5]);
	all[5]->flags |= MQG_CLIENT_DEAD;
	KUNIT_EXPECT_PTR_EQ(test, victim(net), all[4]);
	for (i = 0; i < 8; i++)
		removed(net, all[i]);
	mqg_table_exit(net);
}

/* A full table costs a newcomer no more than VICTIM_LOOKS, and each looks at others. */
static void victim_is_cheap(struct kunit *test)
{
	struct mqg_net *net = setup_net(test);
	struct mqg_client **all = crowd(test, net, 10 * VICTIM_LOOKS);
	u32 i, chosen = 0;

	for (i = 0; i < 10 * VICTIM_LOOKS; i++)
		all[i]->last = VICTIM_IDLE_MS + i;
	for (i = 0; i < 10; i++) {
		struct mqg_client *client;

		idle_asked = 0;
		client = victim(net);
		KUNIT_EXPECT_LE(test, idle_asked, (unsigned int)VICTIM_LOOKS);
		KUNIT_ASSERT_NOT_NULL(test, client);
		chosen += !client->offences++;
	}
	KUNIT_EXPECT_EQ(test, chosen, 10U);
	for (i = 0; i < 10 * VICTIM_LOOKS; i++)
		removed(net, all[i]);
	mqg_table_exit(net);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(lookups),
	KUNIT_CASE(one_a_flow),
	KUNIT_CASE(keyed_hash),
	KUNIT_CASE(flooded),
	KUNIT_CASE(walk_is_resumed),
	KUNIT_CASE(walk_that_is_stopped),
	KUNIT_CASE(victims),
	KUNIT_CASE(victim_is_cheap),
	{}
};

static struct kunit_suite suite = {
	.name		= "mqgate-table",
	.test_cases	= cases,
};

kunit_test_suites(&suite);
