/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Client identifiers, each kept once a namespace and service address, and counted; and who holds
 * them (holder.h). The same identifier at two brokers is two. Callers: client.c; netlink and
 * /proc read @bytes under RCU through client->id.
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

#include "holder.h"

/**
 * struct mqg_client_id - one client identifier
 * @node:   in mqg_ids.table
 * @rcu:    once unused
 * @refs:   clients that carry it now
 * @slot:   of the client that was accepted with it last; 0 none, or it is gone
 * @holder: where that one is, and the one before
 * @target: of a hash of the service's address and port
 * @length: of @bytes, at most MQGATE_CLIENT_ID_KEPT; 0 is valid: the broker assigns one
 * @bytes:  as in CONNECT: valid UTF-8 without U+0000, not NUL-terminated
 */
struct mqg_client_id {
	union {
		struct rhash_head	node;
		struct rcu_head		rcu;
	};
	u32				refs;
	u32				slot;
	struct mqg_holder		holder;
	u16				target;
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
				 u16 target, u32 *holder);
enum mqg_hold mqg_id_hold(struct mqg_ids *ids, struct mqg_client_id *id, u32 slot, u32 source,
			  bool takes, bool alive, u32 *before);
void mqg_id_put(struct mqg_ids *ids, struct mqg_client_id *id, u32 slot);

#endif /* MQG_INTERN_H */
