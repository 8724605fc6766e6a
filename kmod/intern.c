// SPDX-License-Identifier: GPL-2.0-only
/*
 * Interned client identifiers; see intern.h for what it owns, who calls it and which lock
 * guards it.
 */
#include "intern.h"

#include <linux/mqgate_client.h>
#include <linux/rhashtable.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "table.h"

struct id_key {
	const u8	*bytes;
	u16		length;
};

static u32 hash_key(const void *data, u32 length, u32 seed)
{
	const struct id_key *key = data;

	return mqg_table_hash(key->bytes, key->length, seed);
}

static u32 hash_object(const void *data, u32 length, u32 seed)
{
	const struct mqg_client_id *id = data;

	return mqg_table_hash(id->bytes, id->length, seed);
}

static int differ(struct rhashtable_compare_arg *arg, const void *object)
{
	const struct mqg_client_id *id = object;
	const struct id_key *key = arg->key;

	return id->length != key->length || memcmp(id->bytes, key->bytes, key->length);
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
 * @source: hash of the client's address
 * @shared: set to whether a client of another address carries it at this moment
 *
 * Context: BH disabled or process; does not sleep. Return: the identifier, or NULL for want
 * of memory.
 */
struct mqg_client_id *mqg_id_get(struct mqg_ids *ids, const void *bytes, u16 length,
				 u32 source, bool *shared)
{
	struct id_key key = { .bytes = bytes, .length = length };
	struct mqg_client_id *id;

	*shared = false;
	if (length > MQGATE_CLIENT_ID_KEPT)
		return NULL;
	spin_lock_bh(&ids->lock);
	id = rhashtable_lookup_fast(&ids->table, &key, ids_params);
	if (!id)
		id = add(ids, &key);
	if (id) {
		*shared = id->refs && id->source != source;
		id->source = source;
		id->refs++;
	}
	spin_unlock_bh(&ids->lock);
	return id;
}

/**
 * mqg_id_put - one client less carries this identifier
 * @ids: of the namespace
 * @id: from mqg_id_get()
 *
 * Context: as mqg_id_get(). @id may be read until the end of the caller's RCU section.
 */
void mqg_id_put(struct mqg_ids *ids, struct mqg_client_id *id)
{
	spin_lock_bh(&ids->lock);
	if (!--id->refs) {
		rhashtable_remove_fast(&ids->table, &id->node, ids_params);
		kfree_rcu(id, rcu);
	}
	spin_unlock_bh(&ids->lock);
}
