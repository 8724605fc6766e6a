// SPDX-License-Identifier: GPL-2.0-only
/*
 * A namespace's part of the module, from its first moment to its last; see net.h.
 */
#include "net.h"

#include <linux/percpu.h>
#include <net/net_namespace.h>

#include "client.h"
#include "events.h"
#include "hook.h"
#include "proc.h"
#include "table.h"

unsigned int mqg_net_id __read_mostly;

static int end_one(struct mqg_client *client, void *arg)
{
	spin_lock_bh(&client->lock);
	mqg_client_end(client, MQGATE_REASON_SHUTDOWN);
	spin_unlock_bh(&client->lock);
	return 0;
}

static void end_all(struct mqg_net *net)
{
	struct mqg_table_cursor cursor = {};

	while (!cursor.done) {
		mqg_table_walk(net, &cursor, end_one, NULL);
		cond_resched();
	}
}

static int __net_init setup(struct net *net_ns)
{
	struct mqg_net *net = mqg_net(net_ns);
	int err;

	net->net = net_ns;
	mqg_wheel_init(&net->wheel);
	mqg_sources_init(&net->sources);
	net->stats = alloc_percpu(struct mqg_stats);
	if (!net->stats)
		return -ENOMEM;
	err = mqg_settings_init(net);
	if (err)
		goto free_stats;
	err = mqg_ids_init(&net->ids);
	if (err)
		goto free_settings;
	err = mqg_table_init(net);
	if (err)
		goto free_ids;
	err = mqg_proc_net_init(net);
	if (err)
		goto free_table;
	err = mqg_hook_register(net_ns);
	if (err)
		goto remove_proc;
	return 0;

remove_proc:
	mqg_proc_net_exit(net);
free_table:
	mqg_table_exit(net);
free_ids:
	mqg_ids_exit(&net->ids);
free_settings:
	mqg_settings_exit(net);
free_stats:
	free_percpu(net->stats);
	return err;
}

/* Between this and teardown() the kernel waits for a grace period. */
static void __net_exit close(struct net *net_ns)
{
	mqg_hook_unregister(net_ns);
}

/*
 * No packet is inside, so none makes a client. The wheel's work may still be running, and
 * is stopped before the clients go that it may file anew.
 */
static void __net_exit teardown(struct net *net_ns)
{
	struct mqg_net *net = mqg_net(net_ns);

	mqg_proc_net_exit(net);
	mqg_wheel_stop(&net->wheel);
	end_all(net);
	WARN_ON_ONCE(atomic_read(&net->clients));
	mqg_table_exit(net);
	mqg_ids_exit(&net->ids);
	mqg_sources_exit(&net->sources);
	mqg_settings_exit(net);
	free_percpu(net->stats);
}

static struct pernet_operations operations = {
	.init		= setup,
	.pre_exit	= close,
	.exit		= teardown,
	.id		= &mqg_net_id,
	.size		= sizeof(struct mqg_net),
};

/**
 * mqg_net_register - set up every namespace there is, and those to come
 *
 * Context: process. Return: 0 or a negative errno.
 */
int mqg_net_register(void)
{
	return register_pernet_subsys(&operations);
}

/**
 * mqg_net_unregister - tear all namespaces down
 *
 * Context: process.
 */
void mqg_net_unregister(void)
{
	unregister_pernet_subsys(&operations);
}
