// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a look-up in the module's own table costs, with the clients that it holds, and in a hash
 * of fixed size with the same keys: the least that it could be. See feed.h.
 */
#include "feed.h"

#include <linux/kprobes.h>
#include <linux/log2.h>
#include <linux/rculist.h>
#include <linux/seq_file.h>
#include <linux/siphash.h>
#include <linux/vmalloc.h>
#include <asm/tsc.h>

#include "net.h"

struct fixed_entry {
	struct hlist_node	node;
	struct mqgate_flow_key	key;
};

struct fixed {
	struct hlist_head	*buckets;
	struct fixed_entry	*entries;
	u32			mask;
	siphash_key_t		secret;
};

typedef void *(*lookup_t)(void *table, const struct mqgate_flow_key *key);

/**
 * feed_symbol - where a function or variable is, exported or not
 * @name: of the kernel or of a module
 *
 * kallsyms_lookup_name() is not exported since 5.7; a probe of it says where it is.
 *
 * Context: process. Return: NULL when there is none.
 */
void *feed_symbol(const char *name)
{
	static unsigned long (*find)(const char *name);
	struct kprobe probe = { .symbol_name = "kallsyms_lookup_name" };

	if (!find) {
		if (register_kprobe(&probe))
			return NULL;
		find = (void *)probe.addr;
		unregister_kprobe(&probe);
	}
	return (void *)find(name);
}

static struct hlist_head *bucket_of(const struct fixed *fixed, const struct mqgate_flow_key *key)
{
	return &fixed->buckets[siphash(key, sizeof(*key), &fixed->secret) & fixed->mask];
}

static noinline void *fixed_lookup(void *table, const struct mqgate_flow_key *key)
{
	const struct fixed *fixed = table;
	struct fixed_entry *entry;

	hlist_for_each_entry_rcu(entry, bucket_of(fixed, key), node)
		if (!memcmp(&entry->key, key, sizeof(*key)))
			return entry;
	return NULL;
}

static int fixed_fill(struct fixed *fixed, u32 clients)
{
	u32 count = roundup_pow_of_two(clients), i;

	fixed->buckets = vzalloc(array_size(count, sizeof(*fixed->buckets)));
	fixed->entries = vzalloc(array_size(clients, sizeof(*fixed->entries)));
	if (!fixed->buckets || !fixed->entries)
		return -ENOMEM;
	fixed->mask = count - 1;
	get_random_bytes(&fixed->secret, sizeof(fixed->secret));
	for (i = 0; i < clients; i++) {
		feed_key(&fixed->entries[i].key, i, FEED_OWN);
		hlist_add_head_rcu(&fixed->entries[i].node,
				   bucket_of(fixed, &fixed->entries[i].key));
		if (i % 1024 == 0)
			cond_resched();
	}
	return 0;
}

static int cost_of(lookup_t lookup, void *table, u32 clients, u32 rounds, u32 *median)
{
	struct mqgate_flow_key key;
	u64 begin, end;
	void *found;
	u32 round;

	for (round = 0; round < rounds; round++) {
		feed_key(&key, feed_mix(~round) % clients, FEED_OWN);
		rcu_read_lock_bh();
		begin = rdtsc();
		found = lookup(table, &key);
		end = rdtsc();
		rcu_read_unlock_bh();
		if (!found)
			return -ENOENT;
		feed_costs[round] = end - begin;
	}
	*median = feed_median(feed_costs, rounds);
	return 0;
}

/**
 * feed_table_cost - a look-up by key, the keys chosen at random
 * @net: of the clients
 * @clients: 0 .. @clients - 1 are in the table, each with an address of its own
 * @rounds: at most FEED_ROUNDS
 * @out: gets two lines: "table" and "fixed", each with its median
 *
 * Context: process, sleeps. Return: 0; -ENOENT: no module, or one of the clients is not there.
 */
int feed_table_cost(struct net *net, u32 clients, u32 rounds, struct seq_file *out)
{
	lookup_t lookup = feed_symbol("mqg_table_lookup");
	unsigned int *id = feed_symbol("mqg_net_id");
	struct fixed fixed = { NULL };
	u32 table_cost, fixed_cost;
	int err = -ENOENT;

	if (!lookup || !id)
		return err;
	err = fixed_fill(&fixed, clients);
	if (!err)
		err = cost_of(lookup, net_generic(net, *id), clients, rounds, &table_cost);
	if (!err)
		err = cost_of(fixed_lookup, &fixed, clients, rounds, &fixed_cost);
	if (!err)
		seq_printf(out, "table %u\nfixed %u\n", table_cost, fixed_cost);
	vfree(fixed.entries);
	vfree(fixed.buckets);
	return err;
}
