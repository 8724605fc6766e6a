// SPDX-License-Identifier: GPL-2.0-only
/*
 * Loading and unloading. What a step needs is set up by the steps above it, and given back
 * in reverse: namespaces (with their hooks) last in and first out of what packets touch.
 */
#include <linux/module.h>

#include "client.h"
#include "half.h"
#include "kfunc.h"
#include "net.h"
#include "netlink.h"
#include "packets.h"
#include "settings.h"
#include "table.h"

static int __init load(void)
{
	int err;

	err = mqg_settings_check_parameters();
	if (err)
		return err;
	mqg_table_secret_init();
	err = mqg_client_cache_init();
	if (err)
		return err;
	err = mqg_half_init();
	if (err)
		goto cache;
	err = mqg_net_register();
	if (err)
		goto half;
	err = mqg_netlink_register();
	if (err)
		goto net;
	err = mqg_kfunc_register();
	if (err)
		goto netlink;
	return 0;

netlink:
	mqg_netlink_unregister();
net:
	mqg_net_unregister();
	mqg_packets_exit();
half:
	mqg_half_exit();
cache:
	mqg_client_cache_exit();
	return err;
}

static void __exit unload(void)
{
	mqg_netlink_unregister();
	mqg_net_unregister();
	mqg_packets_exit();
	mqg_half_exit();
	mqg_client_cache_exit();
}

module_init(load);
module_exit(unload);

MODULE_DESCRIPTION("Guard for MQTT services: follows every client's connection and session");
MODULE_AUTHOR("mqgate");
MODULE_LICENSE("GPL");
MODULE_VERSION(MQG_VERSION);
