// SPDX-License-Identifier: GPL-2.0-only
/*
 * Unit tests of the half-open table: what proves a connection, what does not, and that a flood
 * makes nothing grow. See kunit.h.
 */
#include "half.c"

#include "kunit.h"

#define CLIENT_ISN	0xfffffff0U
#define SERVER_ISN	7000U

/* The smallest table there may be: a flood overruns it soon. */
static int small(struct kunit *test)
{
	half_open = 64;
	mqg_table_secret_init();
	return mqg_half_init();
}

static void gone(struct kunit *test)
{
	mqg_half_exit();
}

static struct mqg_net *net_new(struct kunit *test, u64 cookie)
{
	struct net *net_ns = kunit_kzalloc(test, sizeof(*net_ns), GFP_KERNEL);
	struct mqg_net *net = mqg_kunit_net(test);

	KUNIT_ASSERT_NOT_NULL(test, net_ns);
	net_ns->net_cookie = cookie;
	net->net = net_ns;
	return net;
}

static struct mqg_packet packet_of(u32 flow, u32 seq, u32 ack, u32 length)
{
	struct mqg_packet packet = {
		.segment	= { .seq = seq, .ack = ack, .length = length },
		.wscale		= 7,
	};

	memcpy(packet.key.saddr, &flow, sizeof(flow));
	packet.key.dport = 1883;
	return packet;
}

static void syn(struct mqg_net *net, u32 flow, u32 seq)
{
	struct mqg_packet packet = packet_of(flow, seq, 0, 0);

	mqg_half_syn(net, &packet);
}

static void syn_ack(struct mqg_net *net, u32 flow, u32 seq, u32 ack)
{
	struct mqg_packet packet = packet_of(flow, seq, ack, 0);

	mqg_half_syn_ack(net, &packet);
}

static bool client(struct mqg_net *net, u32 flow, u32 seq, u32 ack, struct mqg_begin *begin)
{
	struct mqg_packet packet = packet_of(flow, seq, ack, 10);

	return mqg_half_client(net, &packet, begin);
}

static void server(struct mqg_net *net, u32 flow, u32 seq, u32 ack)
{
	struct mqg_packet packet = packet_of(flow, seq, ack, 20);

	mqg_half_server(net, &packet);
}

static void handshake(struct kunit *test)
{
	struct mqg_net *net = net_new(test, 1);
	struct mqg_begin begin = {};

	syn(net, 1, CLIENT_ISN);
	KUNIT_EXPECT_FALSE(test, client(net, 1, CLIENT_ISN + 1, SERVER_ISN + 1, &begin));
	syn_ack(net, 1, SERVER_ISN, CLIENT_ISN + 1);
	KUNIT_EXPECT_TRUE(test, client(net, 1, CLIENT_ISN + 1, SERVER_ISN + 1, &begin));
	KUNIT_EXPECT_TRUE(test, begin.fresh);
	KUNIT_EXPECT_EQ(test, begin.next[MQGATE_FROM_CLIENT], CLIENT_ISN + 1);
	KUNIT_EXPECT_EQ(test, begin.next[MQGATE_FROM_SERVER], SERVER_ISN + 1);
	KUNIT_EXPECT_EQ(test, begin.wscale[MQGATE_FROM_CLIENT], (u8)7);
	/* Its place is free again: it proves one connection, not two. */
	KUNIT_EXPECT_FALSE(test, client(net, 1, CLIENT_ISN + 1, SERVER_ISN + 1, &begin));
}

static void overtaken(struct kunit *test)
{
	struct mqg_net *net = net_new(test, 1);
	struct mqg_begin begin = {};

	syn(net, 1, CLIENT_ISN);
	syn_ack(net, 1, SERVER_ISN, CLIENT_ISN + 1);
	/* The bare ACK was lost, the first flight out of order; it begins where it does. */
	KUNIT_EXPECT_TRUE(test, client(net, 1, CLIENT_ISN + 1001, SERVER_ISN + 1, &begin));
	KUNIT_EXPECT_EQ(test, begin.next[MQGATE_FROM_CLIENT], CLIENT_ISN + 1);
}

static void guesses(struct kunit *test)
{
	struct mqg_net *net = net_new(test, 1);
	struct mqg_begin begin = {};

	syn(net, 1, CLIENT_ISN);
	syn_ack(net, 1, SERVER_ISN, CLIENT_ISN + 2);
	KUNIT_EXPECT_FALSE(test, client(net, 1, CLIENT_ISN + 1, SERVER_ISN + 1, &begin));
	syn_ack(net, 1, SERVER_ISN, CLIENT_ISN + 1);
	KUNIT_EXPECT_FALSE(test, client(net, 1, CLIENT_ISN + 1, SERVER_ISN, &begin));
	KUNIT_EXPECT_FALSE(test, client(net, 1, CLIENT_ISN + 1, SERVER_ISN + 2, &begin));
	KUNIT_EXPECT_FALSE(test, client(net, 1, CLIENT_ISN, SERVER_ISN + 1, &begin));
	KUNIT_EXPECT_FALSE(test, client(net, 1, CLIENT_ISN + 1 + FIRST_WINDOW, SERVER_ISN + 1,
					&begin));
	KUNIT_EXPECT_FALSE(test, client(net, 2, CLIENT_ISN + 1, SERVER_ISN + 1, &begin));
	KUNIT_EXPECT_TRUE(test, client(net, 1, CLIENT_ISN + FIRST_WINDOW, SERVER_ISN + 1, &begin));
}

/* A forged SYN does not undo what the server has answered. */
static void forged_syn(struct kunit *test)
{
	struct mqg_net *net = net_new(test, 1);
	struct mqg_begin begin = {};

	syn(net, 1, 5);
	syn(net, 1, CLIENT_ISN);
	syn_ack(net, 1, SERVER_ISN, CLIENT_ISN + 1);
	syn(net, 1, 99);
	KUNIT_EXPECT_TRUE(test, client(net, 1, CLIENT_ISN + 1, SERVER_ISN + 1, &begin));
	KUNIT_EXPECT_EQ(test, begin.next[MQGATE_FROM_CLIENT], CLIENT_ISN + 1);
}

static void namespaces(struct kunit *test)
{
	struct mqg_net *one = net_new(test, 1), *two = net_new(test, 2);
	struct mqg_begin begin = {};

	syn(one, 1, CLIENT_ISN);
	syn_ack(two, 1, SERVER_ISN, CLIENT_ISN + 1);
	KUNIT_EXPECT_FALSE(test, client(one, 1, CLIENT_ISN + 1, SERVER_ISN + 1, &begin));
	syn_ack(one, 1, SERVER_ISN, CLIENT_ISN + 1);
	KUNIT_EXPECT_FALSE(test, client(two, 1, CLIENT_ISN + 1, SERVER_ISN + 1, &begin));
	KUNIT_EXPECT_TRUE(test, client(one, 1, CLIENT_ISN + 1, SERVER_ISN + 1, &begin));
}

static void older_flow(struct kunit *test)
{
	struct mqg_net *net = net_new(test, 1);
	struct mqg_begin begin = { .fresh = true };

	KUNIT_EXPECT_FALSE(test, client(net, 1, 1000, 5000, &begin));
	/* The client alone proves nothing, however often. */
	KUNIT_EXPECT_FALSE(test, client(net, 1, 1010, 5000, &begin));
	server(net, 1, 5000, 1020);
	KUNIT_EXPECT_TRUE(test, client(net, 1, 1020, 5020, &begin));
	KUNIT_EXPECT_FALSE(test, begin.fresh);
	KUNIT_EXPECT_EQ(test, begin.next[MQGATE_FROM_CLIENT], 1020U);
	KUNIT_EXPECT_EQ(test, begin.next[MQGATE_FROM_SERVER], 5020U);
	KUNIT_EXPECT_EQ(test, begin.wscale[MQGATE_FROM_CLIENT], (u8)MQG_WSCALE_UNKNOWN);
}

static void older_flow_forged(struct kunit *test)
{
	struct mqg_net *net = net_new(test, 1);
	struct mqg_begin begin = {};

	/* What the server says to somebody else's numbers, and the other way round. */
	KUNIT_EXPECT_FALSE(test, client(net, 1, 1000, 5000, &begin));
	server(net, 1, 5000 + NEAR, 1010);
	KUNIT_EXPECT_FALSE(test, client(net, 1, 1010, 5000, &begin));
	server(net, 1, 5000, 1020 + NEAR);
	KUNIT_EXPECT_FALSE(test, client(net, 1, 1020, 5000, &begin));
	server(net, 1, 5000, 1030);
	KUNIT_EXPECT_FALSE(test, client(net, 1, 1030, 5020 + NEAR, &begin));
	/* A server alone makes no place. */
	server(net, 2, 5000, 1000);
	KUNIT_EXPECT_FALSE(test, client(net, 2, 1000, 5020, &begin));
}

static u32 in_use(const struct row *row)
{
	u32 i, k, used = 0;

	for (i = 0; i <= row->mask; i++)
		for (k = 0; k < SLOTS; k++)
			used += row->buckets[i].halves[k].state != FREE;
	return used;
}

static void flood(struct kunit *test)
{
	struct mqg_net *net = net_new(test, 1);
	struct mqg_begin begin = {};
	u32 i, proved = 0, places = (handshakes.mask + 1) * SLOTS;

	for (i = 0; i < 20 * places; i++)
		syn(net, i, i);
	KUNIT_EXPECT_GT(test, in_use(&handshakes), places / 2);
	KUNIT_EXPECT_LE(test, in_use(&handshakes), places);
	KUNIT_EXPECT_EQ(test, mqg_kunit_counter(net, MQG_COUNT_HALF_OPEN), 20ULL * places);
	KUNIT_EXPECT_EQ(test, mqg_kunit_counter(net, MQG_COUNT_HALF_LOST),
			20ULL * places - in_use(&handshakes));
	for (i = 0; i < 20 * places; i++)
		proved += client(net, i, i + 1, i * 3, &begin);
	KUNIT_EXPECT_EQ(test, proved, 0U);
	/* And the newest one is there. */
	syn(net, i, CLIENT_ISN);
	syn_ack(net, i, SERVER_ISN, CLIENT_ISN + 1);
	KUNIT_EXPECT_TRUE(test, client(net, i, CLIENT_ISN + 1, SERVER_ISN + 1, &begin));
}

/* A flood in one namespace leaves the handshakes of another one their share. */
static void flood_next_door(struct kunit *test)
{
	struct mqg_net *loud = net_new(test, 1), *quiet = net_new(test, 2);
	u32 i, places = (handshakes.mask + 1) * SLOTS;
	struct mqg_begin begin = {};

	syn(quiet, 1, CLIENT_ISN);
	for (i = 0; i < 20 * places; i++)
		syn(loud, i, i);
	syn_ack(quiet, 1, SERVER_ISN, CLIENT_ISN + 1);
	KUNIT_EXPECT_TRUE(test, client(quiet, 1, CLIENT_ISN + 1, SERVER_ISN + 1, &begin));
}

static struct kunit_case cases[] = {
	KUNIT_CASE(handshake),
	KUNIT_CASE(overtaken),
	KUNIT_CASE(guesses),
	KUNIT_CASE(forged_syn),
	KUNIT_CASE(namespaces),
	KUNIT_CASE(older_flow),
	KUNIT_CASE(older_flow_forged),
	KUNIT_CASE(flood),
	KUNIT_CASE(flood_next_door),
	{}
};

static struct kunit_suite suite = {
	.name		= "mqgate-half",
	.init		= small,
	.exit		= gone,
	.test_cases	= cases,
};

kunit_test_suites(&suite);
