/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Client identifiers, each kept once a namespace and counted. Callers: client.c; netlink
 * and /proc read @bytes under RCU through client->id.
 *
 * Lock. mqg_ids.lock (BH) guards the table and every field that changes. Nobody looks into
 * the table without it: so @node may share its place with @rcu. Freed after a grace period.
 */
#ifndef MQG_INTERN_H
#define MQG_INTERN_H

#include <linux/rcupdate.h>
#include <linux/rhashtable-types.h>
#include <linux/spinlock.h>
#include <linux/types.h>

/**
 * struct mqg_client_id - one client identifier
 * @node:   in mqg_ids.table
 * @rcu:    once unused
 * @refs:   clients that carry it now
 * @source: hash of the address that carried it last
 * @length: of @bytes, at most MQGATE_CLIENT_ID_KEPT; 0 is valid: the broker assigns one
 * @bytes:  as in CONNECT: valid UTF-8 without U+0000, not NUL-terminated
 */
struct mqg_client_id {
	union {
		struct rhash_head	node;
		struct rcu_head		rcu;
	};
	u32				refs;
	u32				source;
	u16				length;
	u8				bytes[];
};

struct mqg_ids {
	struct rhashtable	table;
	spinlock_t		lock;
};

int mqg_ids_init(struct mqg_ids *ids);
void mqg_ids_exit(struct mqg_ids *ids);
struct mqg_client_id *mqg_id_get(struct mqg_ids *ids, const void *bytes, u16 length,
				 u32 source, bool *shared);
void mqg_id_put(struct mqg_ids *ids, struct mqg_client_id *id);

#endif /* MQG_INTERN_H */
