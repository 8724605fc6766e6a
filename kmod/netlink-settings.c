// SPDX-License-Identifier: GPL-2.0-only
/*
 * Settings and counters of a namespace over netlink; see netlink.h. Settings are read under RCU
 * and replaced under settings_lock; counters are sums of what moves meanwhile.
 */
#include <linux/mqgate_client.h>
#include <linux/slab.h>
#include <net/sock.h>

#include "net.h"
#include "netlink-gen.h"
#include "netlink.h"

static int put_service(struct sk_buff *skb, const struct mqg_service *service)
{
	struct nlattr *nest = nla_nest_start(skb, MQGATE_A_SETTINGS_SERVICE);

	if (!nest || nla_put_u16(skb, MQGATE_A_SERVICE_PORT, service->port) ||
	    nla_put_u8(skb, MQGATE_A_SERVICE_NUMBER, service->number) ||
	    nla_put_u8(skb, MQGATE_A_SERVICE_KIND, service->kind) ||
	    nla_put_u8(skb, MQGATE_A_SERVICE_OBSERVE, !!(service->flags & MQG_SERVICE_OBSERVE)))
		return -EMSGSIZE;
	nla_nest_end(skb, nest);
	return 0;
}

static int put_settings(struct sk_buff *skb, const struct mqg_settings *settings)
{
	struct nlattr *nest = nla_nest_start(skb, MQGATE_A_SETTINGS);
	int err = 0;
	u32 i;

	if (!nest || nla_put_u8(skb, MQGATE_A_SETTINGS_ENFORCE, settings->enforce) ||
	    nla_put_u8(skb, MQGATE_A_SETTINGS_RESET, settings->reset) ||
	    nla_put_u32(skb, MQGATE_A_SETTINGS_MAX_CLIENTS, settings->max_clients) ||
	    nla_put_u32(skb, MQGATE_A_SETTINGS_CONNECT_TIMEOUT, settings->connect_ms) ||
	    nla_put_u32(skb, MQGATE_A_SETTINGS_CONNACK_TIMEOUT, settings->connack_ms) ||
	    nla_put_u32(skb, MQGATE_A_SETTINGS_CLOSING_TIMEOUT, settings->closing_ms) ||
	    nla_put_u32(skb, MQGATE_A_SETTINGS_IDLE_TIMEOUT, settings->idle_s) ||
	    nla_put_u32(skb, MQGATE_A_SETTINGS_KEEP_ALIVE_CAP, settings->keep_alive_cap_s) ||
	    nla_put_u32(skb, MQGATE_A_SETTINGS_PACKET_MAX, settings->packet_max) ||
	    nla_put_u32(skb, MQGATE_A_SETTINGS_MARK, settings->mark))
		return -EMSGSIZE;
	if (nla_put_u32(skb, MQGATE_A_SETTINGS_SOURCE_SESSIONS, settings->source_sessions) ||
	    nla_put_u32(skb, MQGATE_A_SETTINGS_SOURCE_CONNECT_RATE,
			settings->source_connect_rate))
		return -EMSGSIZE;
	for (i = 0; !err && i < settings->services_count; i++)
		err = put_service(skb, &settings->services[i]);
	nla_nest_end(skb, nest);
	return err;
}

static int fill_settings(struct sk_buff *reply, struct genl_info *info)
{
	struct mqg_net *net = mqg_net(genl_info_net(info));
	void *header;
	int err;

	header = genlmsg_put_reply(reply, info, &mqg_netlink_family, 0, MQGATE_CMD_SETTINGS_GET);
	if (!header || nla_put_u32(reply, MQGATE_A_ABI, MQGATE_ABI_VERSION) ||
	    nla_put_string(reply, MQGATE_A_VERSION, MQG_VERSION))
		return -EMSGSIZE;
	rcu_read_lock();
	err = put_settings(reply, rcu_dereference(net->settings));
	rcu_read_unlock();
	genlmsg_end(reply, header);
	return err;
}

static int put_counter(struct sk_buff *skb, const char *name, u64 value)
{
	struct nlattr *nest = nla_nest_start(skb, MQGATE_A_STATS_COUNTER);

	if (!nest || nla_put_string(skb, MQGATE_A_COUNTER_NAME, name) ||
	    nla_put_u64_64bit(skb, MQGATE_A_COUNTER_VALUE, value, MQGATE_A_COUNTER_PAD))
		return -EMSGSIZE;
	nla_nest_end(skb, nest);
	return 0;
}

static int put_stats(struct sk_buff *skb, struct mqg_net *net)
{
	static const char *const names[] = {
#define COUNTER_NAME(symbol, word, text) [MQG_COUNT_##symbol] = word,
		MQG_COUNTER_LIST(COUNTER_NAME)
#undef COUNTER_NAME
	};
	struct nlattr *nest = nla_nest_start(skb, MQGATE_A_STATS);
	struct mqg_stats sum;
	unsigned int i;
	int err = 0;

	mqg_stats_sum(net, &sum);
	if (!nest || nla_put_u32(skb, MQGATE_A_STATS_CLIENTS, atomic_read(&net->clients)) ||
	    nla_put_u64_64bit(skb, MQGATE_A_STATS_EVENTS, atomic64_read(&net->event_seq),
			      MQGATE_A_STATS_PAD) ||
	    nla_put_u32(skb, MQGATE_A_STATS_SOURCES, READ_ONCE(net->sources.used)))
		return -EMSGSIZE;
	for (i = 0; !err && i < ARRAY_SIZE(names); i++)
		err = put_counter(skb, names[i], sum.counters[i]);
	nla_nest_end(skb, nest);
	return err;
}

static int fill_stats(struct sk_buff *reply, struct genl_info *info)
{
	void *header;
	int err;

	header = genlmsg_put_reply(reply, info, &mqg_netlink_family, 0, MQGATE_CMD_STATS_GET);
	if (!header)
		return -EMSGSIZE;
	err = put_stats(reply, mqg_net(genl_info_net(info)));
	genlmsg_end(reply, header);
	return err;
}

static int answer(struct genl_info *info, int (*fill)(struct sk_buff *, struct genl_info *))
{
	struct sk_buff *reply = genlmsg_new(GENLMSG_DEFAULT_SIZE, GFP_KERNEL);
	int err;

	if (!reply) {
		GENL_SET_ERR_MSG(info, "no memory for the answer");
		return -ENOMEM;
	}
	err = fill(reply, info);
	if (err) {
		GENL_SET_ERR_MSG(info, "the answer does not fit a message");
		nlmsg_free(reply);
		return err;
	}
	return genlmsg_reply(reply, info);
}

/**
 * mqg_netlink_settings_get_doit - version and settings
 * @skb: the request
 * @info: of it
 *
 * Context: process. Return: 0, -ENOMEM.
 */
int mqg_netlink_settings_get_doit(struct sk_buff *skb, struct genl_info *info)
{
	return answer(info, fill_settings);
}

/**
 * mqg_netlink_stats_get_doit - counters of the namespace
 * @skb: the request
 * @info: of it
 *
 * Context: process. Return: 0, -ENOMEM.
 */
int mqg_netlink_stats_get_doit(struct sk_buff *skb, struct genl_info *info)
{
	return answer(info, fill_stats);
}

static int read_service(struct mqg_service *service, struct nlattr *nest,
			struct netlink_ext_ack *extack)
{
	struct nlattr *tb[MQGATE_A_SERVICE_MAX + 1];
	int err;

	err = nla_parse_nested(tb, MQGATE_A_SERVICE_MAX, nest, mqg_nl_service, extack);
	if (err)
		return err;
	if (!tb[MQGATE_A_SERVICE_PORT] || !tb[MQGATE_A_SERVICE_NUMBER] ||
	    !tb[MQGATE_A_SERVICE_KIND]) {
		NL_SET_ERR_MSG_ATTR(extack, nest, "a service has port, number and kind");
		return -EINVAL;
	}
	*service = (struct mqg_service) {
		.port	= nla_get_u16(tb[MQGATE_A_SERVICE_PORT]),
		.number	= nla_get_u8(tb[MQGATE_A_SERVICE_NUMBER]),
		.kind	= nla_get_u8(tb[MQGATE_A_SERVICE_KIND]),
	};
	if (tb[MQGATE_A_SERVICE_OBSERVE] && nla_get_u8(tb[MQGATE_A_SERVICE_OBSERVE]))
		service->flags = MQG_SERVICE_OBSERVE;
	return 0;
}

static int read_services(struct mqg_settings *settings, struct nlattr *from,
			 struct netlink_ext_ack *extack)
{
	struct nlattr *nest;
	int left, err;

	settings->services_count = 0;
	nla_for_each_nested(nest, from, left) {
		if (nla_type(nest) != MQGATE_A_SETTINGS_SERVICE)
			continue;
		if (settings->services_count == MQG_SERVICES_MAX) {
			NL_SET_ERR_MSG_ATTR(extack, nest, "31 services at most");
			return -E2BIG;
		}
		err = read_service(&settings->services[settings->services_count++], nest, extack);
		if (err)
			return err;
	}
	return 0;
}

static void read_u32(u32 *value, const struct nlattr *from)
{
	if (from)
		*value = nla_get_u32(from);
}

static int read_settings(struct mqg_settings *settings, struct nlattr *from,
			 struct netlink_ext_ack *extack)
{
	struct nlattr *tb[MQGATE_A_SETTINGS_MAX + 1];
	int err;

	err = nla_parse_nested(tb, MQGATE_A_SETTINGS_MAX, from, mqg_nl_settings, extack);
	if (err)
		return err;
	if (tb[MQGATE_A_SETTINGS_ENFORCE])
		settings->enforce = nla_get_u8(tb[MQGATE_A_SETTINGS_ENFORCE]);
	if (tb[MQGATE_A_SETTINGS_RESET])
		settings->reset = nla_get_u8(tb[MQGATE_A_SETTINGS_RESET]);
	read_u32(&settings->max_clients, tb[MQGATE_A_SETTINGS_MAX_CLIENTS]);
	read_u32(&settings->connect_ms, tb[MQGATE_A_SETTINGS_CONNECT_TIMEOUT]);
	read_u32(&settings->connack_ms, tb[MQGATE_A_SETTINGS_CONNACK_TIMEOUT]);
	read_u32(&settings->closing_ms, tb[MQGATE_A_SETTINGS_CLOSING_TIMEOUT]);
	read_u32(&settings->idle_s, tb[MQGATE_A_SETTINGS_IDLE_TIMEOUT]);
	read_u32(&settings->keep_alive_cap_s, tb[MQGATE_A_SETTINGS_KEEP_ALIVE_CAP]);
	read_u32(&settings->packet_max, tb[MQGATE_A_SETTINGS_PACKET_MAX]);
	read_u32(&settings->mark, tb[MQGATE_A_SETTINGS_MARK]);
	read_u32(&settings->source_sessions, tb[MQGATE_A_SETTINGS_SOURCE_SESSIONS]);
	read_u32(&settings->source_connect_rate, tb[MQGATE_A_SETTINGS_SOURCE_CONNECT_RATE]);
	return tb[MQGATE_A_SETTINGS_SERVICE] ? read_services(settings, from, extack) : 0;
}

/**
 * mqg_netlink_settings_set_doit - change settings, all that are given or none
 * @skb: the request
 * @info: of it
 *
 * Context: process. Return: 0, -EINVAL, -ERANGE, -E2BIG, -EEXIST, -ENOMEM.
 */
int mqg_netlink_settings_set_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct mqg_net *net = mqg_net(genl_info_net(info));
	struct nlattr *from = info->attrs[MQGATE_A_SETTINGS];
	struct mqg_settings *settings;
	int err;

	if (!from) {
		GENL_SET_ERR_MSG(info, "say what to change: attribute settings is missing");
		return -EINVAL;
	}
	mutex_lock(&net->settings_lock);
	settings = mqg_settings_copy(net);
	if (!settings) {
		GENL_SET_ERR_MSG(info, "no memory for the settings");
		err = -ENOMEM;
		goto unlock;
	}
	err = read_settings(settings, from, info->extack);
	if (!err)
		err = mqg_settings_replace(net, settings, info->extack);
	if (err == -ENOMEM)
		GENL_SET_ERR_MSG(info, "no memory for the counters of a service");
	if (err)
		kfree(settings);
unlock:
	mutex_unlock(&net->settings_lock);
	return err;
}

static int put_service_stats(struct sk_buff *skb, u8 number, const struct mqg_service_stats *sum)
{
	struct nlattr *nest = nla_nest_start(skb, MQGATE_A_SERVICE_STATS);
	const size_t size = sizeof(sum->packets[0]);

	if (!nest || nla_put_u8(skb, MQGATE_A_SERVICE_STATS_NUMBER, number) ||
	    nla_put_u64_64bit(skb, MQGATE_A_SERVICE_STATS_BEGUN, sum->begun,
			      MQGATE_A_SERVICE_STATS_PAD) ||
	    nla_put_u64_64bit(skb, MQGATE_A_SERVICE_STATS_VIOLATIONS, sum->violations,
			      MQGATE_A_SERVICE_STATS_PAD) ||
	    nla_put_64bit(skb, MQGATE_A_SERVICE_STATS_PACKETS_IN, size,
			  sum->packets[MQGATE_FROM_CLIENT], MQGATE_A_SERVICE_STATS_PAD) ||
	    nla_put_64bit(skb, MQGATE_A_SERVICE_STATS_PACKETS_OUT, size,
			  sum->packets[MQGATE_FROM_SERVER], MQGATE_A_SERVICE_STATS_PAD))
		return -EMSGSIZE;
	nla_nest_end(skb, nest);
	return 0;
}

static int dump_service(struct sk_buff *skb, struct netlink_callback *cb, u8 number,
			const struct mqg_service_stats *sum)
{
	void *header;
	int err;

	header = genlmsg_put(skb, NETLINK_CB(cb->skb).portid, cb->nlh->nlmsg_seq,
			     &mqg_netlink_family, NLM_F_MULTI, MQGATE_CMD_STATS_GET);
	if (!header)
		return -EMSGSIZE;
	err = put_service_stats(skb, number, sum);
	if (err)
		genlmsg_cancel(skb, header);
	else
		genlmsg_end(skb, header);
	return err;
}

/**
 * mqg_netlink_stats_get_dumpit - counters by service; cb->args[0] is the next one's number
 * @skb: the message
 * @cb: the dump
 *
 * Context: process. Return: bytes; 0 at the end; -EMSGSIZE.
 */
int mqg_netlink_stats_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb)
{
	struct mqg_net *net = mqg_net(sock_net(skb->sk));
	struct mqg_service_stats sum;
	int err = 0;
	long number;

	for (number = cb->args[0]; number < MQGATE_SERVICES; number++) {
		if (mqg_service_stats_sum(net, number, &sum))
			err = dump_service(skb, cb, number, &sum);
		if (err)
			break;
	}
	cb->args[0] = number;
	return skb->len ? skb->len : err;
}
