// SPDX-License-Identifier: BSD-2-Clause
/*
 * The module's table of sources in user space, against a plain list of what happened; the rate
 * that fades; and whose a client identifier is.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "client.h"
#include "events.h"
#include "holder.h"
#include "net.h"
#include "source.h"
#include "table.h"

#define CLIENTS	4000U

unsigned long jiffies;
unsigned int mqg_net_id;

static struct mqg_settings settings;
static struct mqg_stats stats;
static struct mqg_net net;
static struct mqg_client clients[CLIENTS];
static struct mqg_source_view told;
static unsigned int events;
static long allocated;
static bool no_memory;
static u64 now;

void *kzalloc(size_t size, int flags)
{
	(void)flags;
	if (no_memory)
		return NULL;
	allocated++;
	return calloc(1, size);
}

void kfree(const void *memory)
{
	allocated -= memory != NULL;
	free((void *)memory);
}

void *net_generic(const struct net *unused, unsigned int id)
{
	(void)unused;
	(void)id;
	return NULL;
}

u64 ktime_get_seconds(void)
{
	return now;
}

/* A poor hash: buckets are to be of very different lengths. */
u32 mqg_table_hash(const void *data, u32 length, u32 seed)
{
	u64 key;

	(void)length;
	memcpy(&key, data, sizeof(key));
	return (u32)(key ^ key >> 32) * 2654435761U >> 7 ^ seed;
}

void mqg_event_source(struct mqg_net *unused, const struct mqg_source_view *view)
{
	(void)unused;
	told = *view;
	events++;
}

static void address(u8 addr[16], u32 host)
{
	const u8 upper[8] = { 0x20, 0x01, 0x0d, 0xb8, 0, (u8)(host >> 16), (u8)(host >> 8),
			      (u8)host };

	memset(addr, 0, 16);
	if (host & 1) {
		memcpy(addr, upper, sizeof(upper));
		addr[15] = (u8)(host * 7);
	} else {
		addr[10] = 0xff;
		addr[11] = 0xff;
		addr[12] = 10;
		memcpy(addr + 13, upper + 5, 3);
	}
}

static void begin(struct mqg_client *client, u32 host)
{
	memset(client, 0, sizeof(*client));
	client->net = &net;
	address(client->key.saddr, host);
	mqg_source_begin(client);
}

static int setup(void **unused)
{
	(void)unused;
	memset(&net, 0, sizeof(net));
	memset(&settings, 0, sizeof(settings));
	memset(&stats, 0, sizeof(stats));
	net.settings = &settings;
	net.stats = &stats;
	mqg_sources_init(&net.sources);
	now = 1000;
	events = 0;
	allocated = 0;
	no_memory = false;
	return 0;
}

static int teardown(void **unused)
{
	(void)unused;
	mqg_sources_exit(&net.sources);
	return allocated != 0;
}

static bool view(u32 host, struct mqg_source_view *found)
{
	u8 addr[16];

	address(addr, host);
	return mqg_source_view(&net, addr, found);
}

static int count_one(const struct mqg_source_view *one, void *arg)
{
	unsigned int *seen = arg;

	(void)one;
	++*seen;
	return 0;
}

static unsigned int walk(void)
{
	unsigned int seen = 0;
	u32 next = 0;

	while (next != U32_MAX)
		assert_int_equal(mqg_source_walk(&net, &next, count_one, &seen), 0);
	return seen;
}

static void test_model(void **unused)
{
	static u32 sessions[CLIENTS / 2], begun[CLIENTS / 2], host_of[CLIENTS];
	static bool live[CLIENTS];
	struct mqg_source_view found;
	unsigned int there = 0;

	(void)unused;
	memset(sessions, 0, sizeof(sessions));
	memset(begun, 0, sizeof(begun));
	memset(live, 0, sizeof(live));
	srand(7);
	for (unsigned int step = 0; step < 100000; step++) {
		u32 number = (u32)rand() % CLIENTS, host = (u32)rand() % (CLIENTS / 2);

		if (live[number]) {
			host = host_of[number];
			mqg_source_end(&clients[number]);
			/* Nothing that fades: it is forgotten with its last client. */
			if (!--sessions[host])
				begun[host] = 0;
		} else {
			begin(&clients[number], host);
			assert_int_not_equal(clients[number].source, 0);
			host_of[number] = host;
			sessions[host]++;
			begun[host]++;
		}
		live[number] = !live[number];
		assert_int_equal(view(host, &found), sessions[host] != 0);
		if (sessions[host]) {
			assert_int_equal(found.sessions, sessions[host]);
			assert_int_equal(found.begun, begun[host]);
			assert_int_equal(found.prefix, host & 1 ? 64 : 128);
		}
	}
	for (u32 host = 0; host < CLIENTS / 2; host++) {
		assert_int_equal(view(host, &found), sessions[host] != 0);
		there += sessions[host] != 0;
	}
	assert_int_equal(net.sources.used, there);
	assert_int_equal(walk(), there);
}

/* It stays while its rate has not faded, and its place is then somebody else's. */
static void test_fades(void **unused)
{
	struct mqg_source_view found;

	(void)unused;
	begin(&clients[0], 2);
	for (unsigned int i = 0; i < 50; i++)
		mqg_source_connect(&clients[0]);
	mqg_source_violation(&clients[0]);
	mqg_source_takeover(&clients[0]);
	mqg_source_end(&clients[0]);
	assert_true(view(2, &found));
	assert_int_equal(found.sessions, 0);
	assert_int_equal(found.violations, 1);
	assert_int_equal(found.takeovers, 1);
	assert_in_range(found.rate, 180, 190);
	now += 15;
	assert_true(view(2, &found));
	assert_in_range(found.rate, 60, 80);
	now += 60;
	assert_int_equal(walk(), 0);
	assert_false(view(2, &found));
	for (u32 host = 4; host < 44; host += 2)
		begin(&clients[host], host);
	assert_int_equal(net.sources.used, 20);
}

/* At the limit who has no client makes room, who has one stays, and the rest is not counted. */
static void test_limit(void **unused)
{
	struct mqg_source_view found;
	u32 places = PAGE_SIZE / 32;

	(void)unused;
	net.sources.limit = places;
	for (u32 i = 1; i < places; i++) {
		begin(&clients[i], 2 * i);
		assert_int_not_equal(clients[i].source, 0);
	}
	begin(&clients[0], 2 * places);
	assert_int_equal(clients[0].source, 0);
	assert_int_equal(stats.counters[MQG_COUNT_SOURCES_FULL], 1);
	mqg_source_connect(&clients[0]);
	mqg_source_end(&clients[0]);
	mqg_source_connect(&clients[7]);
	mqg_source_end(&clients[7]);
	for (u32 tries = 0; !clients[0].source && tries < 3; tries++)
		begin(&clients[0], 2 * places);
	assert_int_not_equal(clients[0].source, 0);
	assert_false(view(14, &found));
	for (u32 i = 1; i < places; i++)
		assert_int_equal(view(2 * i, &found), i != 7);
	no_memory = true;
	net.sources.limit = 4 * places;
	begin(&clients[7], 14);
	assert_int_equal(clients[7].source, 0);
}

static void test_thresholds(void **unused)
{
	(void)unused;
	settings.source_sessions = 2;
	for (unsigned int i = 0; i < 6; i++)
		begin(&clients[i], 5);
	assert_int_equal(events, 1);
	assert_int_equal(told.sessions, 3);
	assert_int_equal(told.over, MQGATE_SOURCE_OVER_SESSIONS);
	now++;
	mqg_source_connect(&clients[0]);
	mqg_source_connect(&clients[0]);
	assert_int_equal(events, 2);
	settings.source_sessions = 0;
	settings.source_connect_rate = 60;
	now++;
	for (unsigned int i = 0; i < 30; i++)
		mqg_source_connect(&clients[0]);
	assert_int_equal(events, 3);
	assert_int_equal(told.over, MQGATE_SOURCE_OVER_RATE);
	assert_in_range(told.rate, 61, 70);
}

static void test_rate(void **unused)
{
	struct mqg_rate rate = { .stamp = 65500 };
	u16 second = 65500;

	(void)unused;
	for (unsigned int i = 0; i < 200; i++, second++)
		for (unsigned int n = 0; n < 5; n++)
			mqg_rate_add(&rate, second);
	assert_in_range(mqg_rate_per_minute(&rate), 280, 300);
	for (unsigned int i = 0; i < 100000; i++)
		mqg_rate_add(&rate, second);
	assert_int_equal(mqg_rate_per_minute(&rate), 15359);
	mqg_rate_fade(&rate, (u16)(second + 159));
	assert_int_equal(rate.count, 0);
}

static void test_holder(void **unused)
{
	struct mqg_holder h = {};
	u16 s = 65530;

	(void)unused;
	assert_int_equal(mqg_holder_take(&h, 1, false, false, s), MQG_HOLD_FRESH);
	assert_int_equal(mqg_holder_take(&h, 1, true, true, s), MQG_HOLD_RECONNECT);
	/* Closed, late or silent: the device came from elsewhere. */
	assert_int_equal(mqg_holder_take(&h, 2, false, false, s), MQG_HOLD_FRESH);
	assert_int_equal(mqg_holder_take(&h, 3, true, false, s), MQG_HOLD_RECONNECT);
	/* In order. */
	assert_int_equal(mqg_holder_take(&h, 4, true, true, s), MQG_HOLD_TAKEOVER);
	assert_int_equal(mqg_holder_take(&h, 5, true, true, s), MQG_HOLD_TAKEOVER);
	/* Back, over the turn of the clock; and too late. */
	s += 60;
	assert_int_equal(mqg_holder_take(&h, 4, true, true, s), MQG_HOLD_TWO);
	assert_int_equal(mqg_holder_take(&h, 4, true, true, s), MQG_HOLD_RECONNECT);
	s += 61;
	assert_int_equal(mqg_holder_take(&h, 5, true, true, s), MQG_HOLD_TAKEOVER);
	assert_int_equal(mqg_holder_take(&h, 4, true, false, s), MQG_HOLD_RECONNECT);
}

int main(void)
{
#define TEST(function, title) { title, function, setup, teardown, NULL }
	const struct CMUnitTest tests[] = {
		TEST(test_model, "sources begin and end as a plain list has it"),
		TEST(test_fades, "a source stays until its rate has faded"),
		TEST(test_limit, "at the limit who has no client makes room"),
		TEST(test_thresholds, "over a threshold, once a second"),
		TEST(test_rate, "a rate shows what is steady, stays at its maximum, and fades"),
		TEST(test_holder, "reconnect, takeover and two holders (ATTACKS 21, 22)"),
	};

	return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
