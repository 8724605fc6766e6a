// SPDX-License-Identifier: GPL-2.0-only
/*
 * Interned client identifiers; see intern.h for what it owns, who calls it and which lock
 * guards it.
 */
#include "intern.h"

#include <linux/build_bug.h>
#include <linux/mqgate_client.h>
#include <linux/rhashtable.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/timekeeping.h>

#include "table.h"

/* One of 23 bytes, which every broker has to take (MQTT 3.1.1, 3.1.3.1), and what it costs. */
static_assert(offsetof(struct mqg_client_id, bytes) + 23 <= 64);

struct id_key {
	const u8	*bytes;
	u16		target;
	u16		length;
};

static u32 hash_key(const void *data, u32 length, u32 seed)
{
	const struct id_key *key = data;

	return mqg_table_hash(key->bytes, key->length, seed ^ key->target);
}

static u32 hash_object(const void *data, u32 length, u32 seed)
{
	const struct mqg_client_id *id = data;

	return mqg_table_hash(id->bytes, id->length, seed ^ id->target);
}

static int differ(struct rhashtable_compare_arg *arg, const void *object)
{
	const struct mqg_client_id *id = object;
	const struct id_key *key = arg->key;

	return id->target != key->target || id->length != key->length ||
	       memcmp(id->bytes, key->bytes, key->length);
}

static const struct rhashtable_params ids_params = {
	.head_offset		= offsetof(struct mqg_client_id, node),
	.hashfn			= hash_key,
	.obj_hashfn		= hash_object,
	.obj_cmpfn		= differ,
	.automatic_shrinking	= true,
};

/**
 * mqg_ids_init - set up the identifiers of a namespace
 * @ids: to set up
 *
 * Context: process. Return: 0 or -ENOMEM.
 */
int mqg_ids_init(struct mqg_ids *ids)
{
	spin_lock_init(&ids->lock);
	return rhashtable_init(&ids->table, &ids_params);
}

/**
 * mqg_ids_exit - give the table back; every identifier has been put
 * @ids: set up before
 *
 * Context: process. May sleep.
 */
void mqg_ids_exit(struct mqg_ids *ids)
{
	rhashtable_destroy(&ids->table);
}

static struct mqg_client_id *add(struct mqg_ids *ids, const struct id_key *key)
{
	struct mqg_client_id *id;

	id = kmalloc(struct_size(id, bytes, key->length),
		     GFP_ATOMIC | __GFP_NOWARN | __GFP_ACCOUNT);
	if (!id)
		return NULL;
	id->refs = 0;
	id->target = key->target;
	id->slot = 0;
	id->holder = (struct mqg_holder) {};
	id->length = key->length;
	memcpy(id->bytes, key->bytes, key->length);
	if (rhashtable_insert_fast(&ids->table, &id->node, ids_params)) {
		kfree(id);
		return NULL;
	}
	return id;
}

/**
 * mqg_id_get - the one copy of an identifier, for one more client
 * @ids: of the namespace
 * @bytes: the identifier
 * @length: of it, at most MQGATE_CLIENT_ID_KEPT
 * @target: of a hash of the service's address and port
 * @holder: set to the slot of the client that holds it, 0 none
 *
 * Context: BH disabled or process; does not sleep. Return: the identifier, or NULL for want
 * of memory.
 */
struct mqg_client_id *mqg_id_get(struct mqg_ids *ids, const void *bytes, u16 length,
				 u16 target, u32 *holder)
{
	struct id_key key = { .bytes = bytes, .target = target, .length = length };
	struct mqg_client_id *id;

	*holder = 0;
	if (length > MQGATE_CLIENT_ID_KEPT)
		return NULL;
	spin_lock_bh(&ids->lock);
	id = rhashtable_lookup_fast(&ids->table, &key, ids_params);
	if (!id)
		id = add(ids, &key);
	if (id) {
		*holder = id->slot;
		id->refs++;
	}
	spin_unlock_bh(&ids->lock);
	return id;
}

/**
 * mqg_id_hold - the broker has accepted a client with this identifier
 * @ids: of the namespace
 * @id: from mqg_id_get()
 * @slot: the client's
 * @source: hash of its address
 * @takes: mqg_id_get() said that another one held it
 * @alive: whose connection was in order
 * @before: set to the slot of the client that holds it until now, 0 none
 *
 * Context: as mqg_id_get(). Return: see enum mqg_hold.
 */
enum mqg_hold mqg_id_hold(struct mqg_ids *ids, struct mqg_client_id *id, u32 slot, u32 source,
			  bool takes, bool alive, u32 *before)
{
	enum mqg_hold hold;

	spin_lock_bh(&ids->lock);
	hold = mqg_holder_take(&id->holder, source ? source : 1, takes, alive,
			       ktime_get_seconds());
	*before = id->slot;
	id->slot = slot;
	spin_unlock_bh(&ids->lock);
	return hold;
}

/**
 * mqg_id_put - one client less carries this identifier
 * @ids: of the namespace
 * @id: from mqg_id_get()
 * @slot: the client's
 *
 * Context: as mqg_id_get(). @id may be read until the end of the caller's RCU section.
 */
void mqg_id_put(struct mqg_ids *ids, struct mqg_client_id *id, u32 slot)
{
	spin_lock_bh(&ids->lock);
	if (id->slot == slot)
		id->slot = 0;
	if (!--id->refs) {
		rhashtable_remove_fast(&ids->table, &id->node, ids_params);
		kfree_rcu(id, rcu);
	}
	spin_unlock_bh(&ids->lock);
}
