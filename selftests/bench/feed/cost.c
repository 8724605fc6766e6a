// SPDX-License-Identifier: GPL-2.0-only
/*
 * Packets through the hooks of a router's way, PRE_ROUTING, FORWARD, POST_ROUTING, and what that
 * costs a packet; see feed.h.
 */
#include "feed.h"

#include <linux/netfilter.h>
#include <linux/netdevice.h>
#include <linux/sched.h>
#include <linux/seq_file.h>
#include <linux/sort.h>
#include <linux/vmalloc.h>
#include <asm/tsc.h>

/* Clients between two looks at whether somebody else wants the CPU. */
#define BATCH	32

u32 *feed_costs;

int feed_cost_init(void)
{
	feed_costs = vmalloc(array3_size(FEED_KINDS, FEED_ROUNDS, sizeof(*feed_costs)));
	return feed_costs ? 0 : -ENOMEM;
}

void feed_cost_exit(void)
{
	vfree(feed_costs);
}

static int ascending(const void *a, const void *b)
{
	u32 x = *(const u32 *)a, y = *(const u32 *)b;

	return x < y ? -1 : x > y;
}

u32 feed_median(u32 *costs, u32 count)
{
	sort(costs, count, sizeof(*costs), ascending, NULL);
	return costs[count / 2];
}

static int arrived(struct net *net, struct sock *sk, struct sk_buff *skb)
{
	return 0;
}

static noinline int through(struct net *net, struct sk_buff *skb)
{
	struct net_device *dev = net->loopback_dev;
	int rc;

	rc = nf_hook(NFPROTO_IPV4, NF_INET_PRE_ROUTING, net, NULL, skb, dev, NULL, arrived);
	if (rc == 1)
		rc = nf_hook(NFPROTO_IPV4, NF_INET_FORWARD, net, NULL, skb, dev, dev, arrived);
	if (rc == 1)
		rc = nf_hook(NFPROTO_IPV4, NF_INET_POST_ROUTING, net, NULL, skb, NULL, dev,
			     arrived);
	return rc;
}

/* Return: the cost of one segment, or a negative errno: it was dropped, or not made. */
static s64 send(struct net *net, u32 client, enum feed_sources sources, enum feed_kind kind,
		bool checked)
{
	struct sk_buff *skb = feed_frame(client, sources, kind, checked);
	u64 begin, end;
	int rc;

	if (!skb)
		return -ENOMEM;
	skb->dev = net->loopback_dev;
	begin = rdtsc();
	rc = through(net, skb);
	end = rdtsc();
	if (rc != 1)
		return rc < 0 ? rc : -EPERM;
	kfree_skb(skb);
	return end - begin;
}

static int connect_client(struct net *net, u32 client, enum feed_sources sources)
{
	enum feed_kind kind;
	s64 cost;

	for (kind = 0; kind < FEED_FIRST_DATA; kind++) {
		cost = send(net, client, sources, kind, true);
		if (cost < 0)
			return cost;
	}
	return 0;
}

/**
 * feed_clients - clients connect
 * @net: in whose hooks
 * @first: number of the first one
 * @count: of them
 * @sources: how they are spread over addresses
 *
 * Context: process, sleeps. Return: 0, or a negative errno at the first packet dropped.
 */
int feed_clients(struct net *net, u32 first, u32 count, enum feed_sources sources)
{
	u32 i;
	int err = 0;

	for (i = 0; i < count && !err; i++) {
		local_bh_disable();
		err = connect_client(net, first + i, sources);
		local_bh_enable();
		if (i % BATCH == 0)
			cond_resched();
	}
	return err;
}

static int publish(struct net *net, u32 client, bool checked, u32 round)
{
	enum feed_kind kind;
	s64 cost;

	for (kind = FEED_FIRST_DATA; kind < FEED_KINDS; kind++) {
		cost = send(net, client, FEED_OWN, kind, checked);
		if (cost < 0)
			return cost;
		feed_costs[kind * FEED_ROUNDS + round] = cost;
	}
	return 0;
}

/**
 * feed_publish - a PUBLISH each way and its ACKs, of clients chosen at random
 * @net: in whose hooks
 * @clients: 0 .. @clients - 1 are connected, each with an address of its own
 * @rounds: at most FEED_ROUNDS
 * @checked: see feed_frame()
 * @out: gets a line a kind: its name and the median of its cost
 *
 * Context: process, sleeps. Return: 0, or a negative errno at the first packet dropped.
 */
int feed_publish(struct net *net, u32 clients, u32 rounds, bool checked, struct seq_file *out)
{
	enum feed_kind kind;
	u32 round;
	int err = 0;

	for (round = 0; round < rounds && !err; round++) {
		local_bh_disable();
		err = publish(net, feed_mix(round) % clients, checked, round);
		local_bh_enable();
		if (round % BATCH == 0)
			cond_resched();
	}
	for (kind = FEED_FIRST_DATA; kind < FEED_KINDS && !err; kind++)
		seq_printf(out, "%s %u\n", feed_kind_names[kind],
			   feed_median(feed_costs + kind * FEED_ROUNDS, rounds));
	return err;
}
