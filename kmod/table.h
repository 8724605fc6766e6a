/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The clients of a namespace: by flow (an RCU hash that grows and shrinks, siphash keyed by
 * a secret of this boot) and by slot (an xarray). The slot is what walks go by: it never
 * changes while a client lives, so a walk that is resumed by number shows every client that
 * lives throughout exactly once, whatever the hash does meanwhile.
 *
 * Callers: hook.c (look-up), client.c (insert, remove), netlink, /proc (walk).
 * Lock. Look-ups and walks: RCU. Insert and remove: the hash's and the xarray's own locks.
 */
#ifndef MQG_TABLE_H
#define MQG_TABLE_H

#include <linux/types.h>

#include "client.h"

/* Clients that one mqg_table_walk() looks at, at most. */
#define MQG_WALK_MAX	256

struct mqg_table_cursor {
	unsigned long	next;		/* first slot to look at */
	bool		done;		/* nothing behind */
};

/**
 * mqg_table_visit_t - called for each client of a walk
 *
 * Context: RCU read side, must not sleep. Fields are read without client->lock unless the
 * visitor takes it; a client may die while it is looked at.
 *
 * Return: 0 to go on; anything else ends the walk there, and this client is the first of
 * the next walk with the same cursor (for a message that is full).
 */
typedef int (*mqg_table_visit_t)(struct mqg_client *client, void *arg);

int mqg_table_init(struct mqg_net *net);
void mqg_table_exit(struct mqg_net *net);

struct mqg_client *mqg_table_lookup(struct mqg_net *net, const struct mqgate_flow_key *key);
struct mqg_client *mqg_table_slot(struct mqg_net *net, u32 slot);
int mqg_table_insert(struct mqg_net *net, struct mqg_client *client);
void mqg_table_remove(struct mqg_net *net, struct mqg_client *client);
int mqg_table_walk(struct mqg_net *net, struct mqg_table_cursor *cursor,
		   mqg_table_visit_t visit, void *arg);
struct mqg_client *mqg_table_victim(struct mqg_net *net);

void mqg_table_secret_init(void);
u32 mqg_table_hash(const void *data, u32 length, u32 seed);
u64 mqg_table_tag(const void *data, size_t length);

#endif /* MQG_TABLE_H */
