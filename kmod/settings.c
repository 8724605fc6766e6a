// SPDX-License-Identifier: GPL-2.0-only
/*
 * Settings of a namespace; see settings.h for what it owns, who calls it and which lock
 * guards it. The module parameters below are read when a namespace is set up: later changes
 * of a parameter reach namespaces made later, netlink reaches the others.
 */
#include "settings.h"

#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/netlink.h>
#include <linux/slab.h>

#include "deadline.h"
#include "net.h"

#define PORTS_MAX	8

static bool enforce;
module_param(enforce, bool, 0644);
MODULE_PARM_DESC(enforce,
		 "Drop what is against the protocol or late (default N: count, tell, pass)");

static bool reset = true;
module_param(reset, bool, 0644);
MODULE_PARM_DESC(reset, "When enforced, reset both ends of a violation (default Y)");

static unsigned int max_clients = 1U << 20;
module_param(max_clients, uint, 0644);
MODULE_PARM_DESC(max_clients,
		 "Clients tracked in a namespace at most, 1 to 16777216 (default 1048576)");

static unsigned int connect_timeout = 30000;
module_param(connect_timeout, uint, 0644);
MODULE_PARM_DESC(connect_timeout,
		 "Milliseconds to a complete CONNECT or TLS handshake (default 30000)");

static unsigned int connack_timeout = 60000;
module_param(connack_timeout, uint, 0644);
MODULE_PARM_DESC(connack_timeout,
		 "Milliseconds that the broker may take for CONNACK (default 60000)");

static unsigned int closing_timeout = 10000;
module_param(closing_timeout, uint, 0644);
MODULE_PARM_DESC(closing_timeout,
		 "Milliseconds that a closing or refused connection is kept (default 10000)");

static unsigned int idle_timeout = 24 * 3600;
module_param(idle_timeout, uint, 0644);
MODULE_PARM_DESC(idle_timeout,
		 "Seconds of silence after which a client is forgotten, 0 never (default 86400)");

static unsigned int keep_alive_cap;
module_param(keep_alive_cap, uint, 0644);
MODULE_PARM_DESC(keep_alive_cap,
		 "Keep alive for who asks for more or none, seconds, 0 as asked (default 0)");

static unsigned int packet_max = MQGATE_DEFAULT_CONNECT_MAX;
module_param(packet_max, uint, 0644);
MODULE_PARM_DESC(packet_max, "Largest remaining length of an MQTT packet, bytes (default 1048576)");

static unsigned int mark = MQG_DEFAULT_MARK;
module_param(mark, uint, 0644);
MODULE_PARM_DESC(mark,
		 "Mark of what is left alone, 0 none (default 0x6d71, mqgated's own)");

static ushort ports[PORTS_MAX] = { MQGATE_PORT_MQTT };
static unsigned int ports_count = 1;
module_param_array(ports, ushort, &ports_count, 0444);
MODULE_PARM_DESC(ports, "TCP ports of plain MQTT (default 1883)");

static ushort tls_ports[PORTS_MAX] = { MQGATE_PORT_MQTTS };
static unsigned int tls_ports_count = 1;
module_param_array(tls_ports, ushort, &tls_ports_count, 0444);
MODULE_PARM_DESC(tls_ports, "TCP ports of MQTT over TLS (default 8883)");

static int check_times(const struct mqg_settings *settings, struct netlink_ext_ack *extack)
{
	const u32 times[] = { settings->connect_ms, settings->connack_ms, settings->closing_ms };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(times); i++) {
		if (times[i] < MQG_TIME_MS_MIN || times[i] > MQG_TIME_MS_MAX) {
			NL_SET_ERR_MSG(extack, "time limits are 100 ms to 24 h");
			return -ERANGE;
		}
	}
	if (settings->idle_s > MQG_IDLE_S_MAX) {
		NL_SET_ERR_MSG(extack, "idle limit is 7 days at most");
		return -ERANGE;
	}
	if (settings->keep_alive_cap_s > U16_MAX) {
		NL_SET_ERR_MSG(extack, "keep alive is 65535 seconds at most");
		return -ERANGE;
	}
	return 0;
}

static int check_service(const struct mqg_settings *settings, u32 index,
			 struct netlink_ext_ack *extack)
{
	const struct mqg_service *service = &settings->services[index];
	u32 i;

	if (!service->port || !service->number || service->number >= MQGATE_SERVICES) {
		NL_SET_ERR_MSG(extack, "a service needs a port and a number from 1 to 31");
		return -ERANGE;
	}
	if (service->kind != MQGATE_KIND_MQTT && service->kind != MQGATE_KIND_MQTTS) {
		NL_SET_ERR_MSG(extack, "a service is plain MQTT or MQTT over TLS");
		return -EINVAL;
	}
	if (service->flags & ~MQG_SERVICE_OBSERVE) {
		NL_SET_ERR_MSG(extack, "unknown flag of a service");
		return -EINVAL;
	}
	for (i = 0; i < index; i++) {
		if (settings->services[i].port == service->port) {
			NL_SET_ERR_MSG(extack, "a port belongs to one service");
			return -EEXIST;
		}
	}
	return 0;
}

static int check(const struct mqg_settings *settings, struct netlink_ext_ack *extack)
{
	u32 i;
	int err;

	if (!settings->max_clients || settings->max_clients > MQG_CLIENTS_LIMIT) {
		NL_SET_ERR_MSG(extack, "max_clients is 1 to 16777216");
		return -ERANGE;
	}
	if (!settings->packet_max || settings->packet_max > MQG_PACKET_LIMIT) {
		NL_SET_ERR_MSG(extack, "packet_max is 1 to 268435455 (MQTT 5.0, 1.5.5)");
		return -ERANGE;
	}
	if (settings->services_count > MQG_SERVICES_MAX) {
		NL_SET_ERR_MSG(extack, "31 services at most");
		return -E2BIG;
	}
	err = check_times(settings, extack);
	for (i = 0; !err && i < settings->services_count; i++)
		err = check_service(settings, i, extack);
	return err;
}

static int provide_stats(struct mqg_net *net, const struct mqg_settings *settings)
{
	u32 i;

	for (i = 0; i < settings->services_count; i++) {
		struct mqg_service_stats __percpu **stats;

		stats = &net->service_stats[settings->services[i].number];
		if (*stats)
			continue;
		*stats = alloc_percpu(struct mqg_service_stats);
		if (!*stats)
			return -ENOMEM;
	}
	return 0;
}

/**
 * mqg_settings_copy - settings to change and to hand to mqg_settings_replace()
 * @net: the namespace; settings_lock held, so that no other change is lost
 *
 * Context: process. Return: a copy, kfree() it when it is not replaced; NULL without memory.
 */
struct mqg_settings *mqg_settings_copy(struct mqg_net *net)
{
	const struct mqg_settings *now;

	now = rcu_dereference_protected(net->settings, lockdep_is_held(&net->settings_lock));
	return kmemdup(now, sizeof(*now), GFP_KERNEL);
}

/* 0 is no limit. */
static bool sooner(u32 now, u32 before)
{
	return now && (!before || now < before);
}

static bool any_sooner(const struct mqg_settings *now, const struct mqg_settings *before)
{
	return now->connect_ms < before->connect_ms || now->connack_ms < before->connack_ms ||
	       now->closing_ms < before->closing_ms || sooner(now->idle_s, before->idle_s) ||
	       sooner(now->keep_alive_cap_s, before->keep_alive_cap_s);
}

/**
 * mqg_settings_replace - publish settings
 * @net: the namespace; settings_lock held
 * @settings: allocated by mqg_settings_copy(); taken over on success only
 * @extack: told what is wrong; may be NULL
 *
 * Limits that are shorter hold at once; a client keeps a deadline that has moved on until that
 * comes, when the rest is worked out.
 *
 * Context: process. Sleeps. Return: 0, -ERANGE, -EINVAL, -EEXIST, -E2BIG, -ENOMEM.
 */
int mqg_settings_replace(struct mqg_net *net, struct mqg_settings *settings,
			 struct netlink_ext_ack *extack)
{
	struct mqg_settings *before;
	int err;

	err = check(settings, extack);
	if (!err)
		err = provide_stats(net, settings);
	if (err)
		return err;
	before = rcu_replace_pointer(net->settings, settings,
				     lockdep_is_held(&net->settings_lock));
	if (!before)
		return 0;
	if (any_sooner(settings, before))
		mqg_deadline_refile(net);
	kfree_rcu(before, rcu);
	return 0;
}

static void add_ports(struct mqg_settings *settings, const ushort *list, unsigned int count,
		      u8 kind, u8 number)
{
	unsigned int i;

	for (i = 0; i < count; i++)
		settings->services[settings->services_count++] = (struct mqg_service) {
			.port	= list[i],
			.number	= number,
			.kind	= kind,
		};
}

/**
 * mqg_settings_init - settings of a new namespace, from the module's parameters
 * @net: the namespace
 *
 * Context: process. Return: as mqg_settings_replace().
 */
int mqg_settings_init(struct mqg_net *net)
{
	struct mqg_settings *settings;
	int err;

	mutex_init(&net->settings_lock);
	settings = kzalloc(sizeof(*settings), GFP_KERNEL);
	if (!settings)
		return -ENOMEM;
	settings->enforce = enforce;
	settings->reset = reset;
	settings->max_clients = max_clients;
	settings->connect_ms = connect_timeout;
	settings->connack_ms = connack_timeout;
	settings->closing_ms = closing_timeout;
	settings->idle_s = idle_timeout;
	settings->keep_alive_cap_s = keep_alive_cap;
	settings->packet_max = packet_max;
	settings->mark = mark;
	add_ports(settings, ports, ports_count, MQGATE_KIND_MQTT, MQGATE_SVC_MQTT);
	add_ports(settings, tls_ports, tls_ports_count, MQGATE_KIND_MQTTS, MQGATE_SVC_MQTTS);
	mutex_lock(&net->settings_lock);
	err = mqg_settings_replace(net, settings, NULL);
	mutex_unlock(&net->settings_lock);
	if (err) {
		kfree(settings);
		mqg_settings_exit(net);
	}
	return err;
}

/**
 * mqg_settings_exit - give settings and counters of services back
 * @net: the namespace; nobody uses it any more
 *
 * Context: process.
 */
void mqg_settings_exit(struct mqg_net *net)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(net->service_stats); i++)
		free_percpu(net->service_stats[i]);
	kfree(rcu_dereference_protected(net->settings, true));
}

/**
 * mqg_settings_check_parameters - whether the module parameters make sense
 *
 * At load, so that insmod says -ERANGE and the kernel log says why, instead of every new
 * namespace being refused.
 *
 * Context: process. Return: 0 or a negative errno.
 */
int mqg_settings_check_parameters(void)
{
	struct netlink_ext_ack extack = {};
	struct mqg_settings settings = {
		.max_clients	  = max_clients,
		.connect_ms	  = connect_timeout,
		.connack_ms	  = connack_timeout,
		.closing_ms	  = closing_timeout,
		.idle_s		  = idle_timeout,
		.keep_alive_cap_s = keep_alive_cap,
		.packet_max	  = packet_max,
	};
	int err;

	add_ports(&settings, ports, ports_count, MQGATE_KIND_MQTT, MQGATE_SVC_MQTT);
	add_ports(&settings, tls_ports, tls_ports_count, MQGATE_KIND_MQTTS, MQGATE_SVC_MQTTS);
	err = check(&settings, &extack);
	if (err)
		pr_err("%s\n", extack._msg);
	return err;
}
