// SPDX-License-Identifier: GPL-2.0-only
/*
 * The client table; see table.h for what it owns, who calls it and which lock guards it.
 */
#include "table.h"

#include <linux/rhashtable.h>
#include <linux/siphash.h>

#include "key.h"
#include "net.h"

/* Clients that eviction looks at for one victim. */
#define VICTIM_LOOKS	32

/* A connected client that nobody vouched for is let go only when it was silent this long. */
#define VICTIM_IDLE_MS	60000

static siphash_key_t secret __read_mostly;

/**
 * mqg_table_secret_init - draw the secret of the hashes, once at load
 */
void mqg_table_secret_init(void)
{
	get_random_bytes(&secret, sizeof(secret));
}

/**
 * mqg_table_hash - keyed hash, in the form that rhashtable calls
 * @data: any bytes
 * @length: of them
 * @seed: of the table; changes when it is rehashed
 *
 * Context: any.
 */
u32 mqg_table_hash(const void *data, u32 length, u32 seed)
{
	return (u32)siphash(data, length, &secret) ^ seed;
}

/**
 * mqg_table_tag - keyed hash that may stand for what was hashed
 * @data: any bytes
 * @length: of them
 *
 * Context: any.
 */
u64 mqg_table_tag(const void *data, size_t length)
{
	return siphash(data, length, &secret);
}

/* Of a flow over IPv4 all but two words are the same always: hashing them costs as much again. */
static u32 hash_flow(const void *data, u32 length, u32 seed)
{
	const struct mqgate_flow_key *key = data;
	u64 addresses, rest;

	if (!mqg_key_is_ipv4(key->saddr) || !mqg_key_is_ipv4(key->daddr))
		return mqg_table_hash(data, length, seed);
	addresses = (u64)(__force u32)mqg_key_ipv4(key->saddr) << 32 |
		    (__force u32)mqg_key_ipv4(key->daddr);
	rest = (u64)seed << 32 | (u32)key->sport << 16 | key->dport;
	return siphash_2u64(addresses, rest, &secret);
}

/* memcmp() of the kernel is a function, and looks at the end of every word. */
static int differ(struct rhashtable_compare_arg *arg, const void *object)
{
	const struct mqgate_flow_key *key = arg->key;
	const struct mqg_client *client = object;
	u64 a[5], b[5];

	BUILD_BUG_ON(sizeof(a) != sizeof(*key));
	memcpy(a, key, sizeof(a));
	memcpy(b, &client->key, sizeof(b));
	return ((a[0] ^ b[0]) | (a[1] ^ b[1]) | (a[2] ^ b[2]) | (a[3] ^ b[3]) | (a[4] ^ b[4])) != 0;
}

static const struct rhashtable_params table_params = {
	.head_offset		= offsetof(struct mqg_client, node),
	.key_offset		= offsetof(struct mqg_client, key),
	.key_len		= sizeof(struct mqgate_flow_key),
	.hashfn			= hash_flow,
	.obj_cmpfn		= differ,
	.automatic_shrinking	= true,
};

/**
 * mqg_table_init - set up the table of a namespace
 * @net: the namespace
 *
 * Context: process. Return: 0 or -ENOMEM.
 */
int mqg_table_init(struct mqg_net *net)
{
	xa_init_flags(&net->slots, XA_FLAGS_ALLOC1 | XA_FLAGS_LOCK_BH);
	atomic_set(&net->clients, 0);
	return rhashtable_init(&net->table, &table_params);
}

/**
 * mqg_table_exit - give the table back; every client has been ended
 * @net: the namespace
 *
 * Context: process, nobody looks anything up any more. May sleep.
 */
void mqg_table_exit(struct mqg_net *net)
{
	rhashtable_destroy(&net->table);
	xa_destroy(&net->slots);
}

/**
 * mqg_table_lookup - the client of a flow
 * @net: the namespace
 * @key: the direction from client to service
 *
 * Context: RCU. Return: the client, perhaps dead by the time its lock is taken, or NULL.
 */
struct mqg_client *mqg_table_lookup(struct mqg_net *net, const struct mqgate_flow_key *key)
{
	return rhashtable_lookup(&net->table, key, table_params);
}

/**
 * mqg_table_slot - the client at a slot
 * @net: the namespace
 * @slot: its number
 *
 * Context: RCU. Return: the client or NULL.
 */
struct mqg_client *mqg_table_slot(struct mqg_net *net, u32 slot)
{
	return xa_load(&net->slots, slot);
}

/**
 * mqg_table_insert - add a client
 * @net: the namespace
 * @client: with its key set and its lock held, so that whoever finds it waits
 *
 * Context: BH disabled. Return: 0; -EEXIST when the flow has a client; -ENOMEM, -EBUSY.
 */
int mqg_table_insert(struct mqg_net *net, struct mqg_client *client)
{
	void *old;
	int err;

	err = xa_alloc_bh(&net->slots, &client->slot, client, xa_limit_32b, GFP_ATOMIC);
	if (err)
		return err;
	old = rhashtable_lookup_get_insert_fast(&net->table, &client->node, table_params);
	if (!old)
		return 0;
	xa_erase_bh(&net->slots, client->slot);
	return IS_ERR(old) ? PTR_ERR(old) : -EEXIST;
}

/**
 * mqg_table_remove - take a client out
 * @net: the namespace
 * @client: was inserted; its memory has to outlive a grace period
 *
 * Context: BH disabled or process, under RCU.
 */
void mqg_table_remove(struct mqg_net *net, struct mqg_client *client)
{
	rhashtable_remove_fast(&net->table, &client->node, table_params);
	xa_erase_bh(&net->slots, client->slot);
}

/**
 * mqg_table_walk - visit clients in the order of their slots
 * @net: the namespace
 * @cursor: where to go on; all zero at first
 * @visit: see mqg_table_visit_t
 * @arg: for @visit
 *
 * Looks at MQG_WALK_MAX clients at most, then returns with cursor->done false: the caller
 * leaves RCU, may sleep, and calls again.
 *
 * Context: takes RCU itself. Return: 0, or what @visit returned.
 */
int mqg_table_walk(struct mqg_net *net, struct mqg_table_cursor *cursor,
		   mqg_table_visit_t visit, void *arg)
{
	unsigned long slot = cursor->next;
	struct mqg_client *client;
	unsigned int looked = 0;
	int err = 0;

	rcu_read_lock();
	client = xa_find(&net->slots, &slot, ULONG_MAX, XA_PRESENT);
	while (client && looked < MQG_WALK_MAX) {
		if (!mqg_client_dead(client))
			err = visit(client, arg);
		if (err)
			break;
		looked++;
		client = xa_find_after(&net->slots, &slot, ULONG_MAX, XA_PRESENT);
	}
	rcu_read_unlock();
	cursor->next = slot;
	cursor->done = !client;
	return err;
}

/*
 * How gladly this client is let go: 0 not at all. What has not got as far as CONNACK goes
 * before what has, and the longest silent first.
 */
static u64 victim_score(const struct mqg_client *client)
{
	u64 idle = mqg_client_idle_ms(client);

	if (mqg_client_authenticated(client) || mqg_client_dead(client))
		return 0;
	if (READ_ONCE(client->phase) != MQGATE_PHASE_CONNECTED)
		return (1ULL << 62) + idle;
	if (READ_ONCE(client->flags) & MQGATE_CLIENT_F_UNVALIDATED)
		return (1ULL << 61) + idle;
	return idle < VICTIM_IDLE_MS ? 0 : idle;
}

/**
 * mqg_table_victim - choose the client to let go when the table is full
 * @net: the namespace
 *
 * Looks at VICTIM_LOOKS clients from where it stopped the last time.
 *
 * Context: RCU. Return: the client, or NULL when all it saw are worth more than a new one.
 */
struct mqg_client *mqg_table_victim(struct mqg_net *net)
{
	unsigned long slot = READ_ONCE(net->hand);
	struct mqg_client *client, *best = NULL;
	u64 score, best_score = 0;
	unsigned int looked;

	for (looked = 0; looked < VICTIM_LOOKS; looked++) {
		client = xa_find_after(&net->slots, &slot, ULONG_MAX, XA_PRESENT);
		if (!client) {
			if (!slot)
				break;
			slot = 0;
			continue;
		}
		score = victim_score(client);
		if (score > best_score) {
			best = client;
			best_score = score;
		}
	}
	WRITE_ONCE(net->hand, slot);
	return best;
}
