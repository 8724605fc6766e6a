/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the module keeps for one network namespace. Made and torn down by net.c
 * (pernet_operations); everybody else gets it by mqg_net().
 *
 * Life. It lives as long as its namespace: code that runs for a namespace (hooks, netlink,
 * /proc, the wheel's work) may use it without more ado. exit: hooks away, a grace period,
 * the wheel's work stopped, clients ended, rcu_barrier(), then the memory.
 */
#ifndef MQG_NET_H
#define MQG_NET_H

#include <linux/atomic.h>
#include <linux/mutex.h>
#include <linux/rhashtable-types.h>
#include <linux/types.h>
#include <linux/xarray.h>
#include <net/net_namespace.h>
#include <net/netns/generic.h>

#include "intern.h"
#include "settings.h"
#include "source.h"
#include "stats.h"
#include "timer.h"

struct proc_dir_entry;

/**
 * struct mqg_net - one namespace
 * @net:           the namespace
 * @settings:      RCU; replaced under @settings_lock
 * @settings_lock: writers of @settings
 * @table:         clients by key (table.c)
 * @slots:         clients by slot (table.c): dumps and eviction walk it
 * @hand:          where eviction looks next; a hint, read and written without a lock
 * @clients:       entries now
 * @ids:           client identifiers (intern.c)
 * @sources:       where clients come from (source.c)
 * @wheel:         deadlines (timer.c)
 * @stats:         per CPU
 * @service_stats: per CPU, by service number; NULL where no such service was ever set
 * @event_seq:     number of the last event sent (events.c)
 */
struct mqg_net {
	struct net				*net;
	struct mqg_settings __rcu		*settings;
	struct mutex				settings_lock;
	struct rhashtable			table;
	struct xarray				slots;
	unsigned long				hand;
	atomic_t				clients;
	struct mqg_ids				ids;
	struct mqg_sources			sources;
	struct mqg_wheel			wheel;
	struct mqg_stats __percpu		*stats;
	struct mqg_service_stats __percpu	*service_stats[MQGATE_SERVICES];
	atomic64_t				event_seq;
};

extern unsigned int mqg_net_id;

static inline struct mqg_net *mqg_net(const struct net *net)
{
	return net_generic(net, mqg_net_id);
}

int mqg_net_register(void);
void mqg_net_unregister(void);

#endif /* MQG_NET_H */
