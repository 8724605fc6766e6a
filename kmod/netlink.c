// SPDX-License-Identifier: GPL-2.0-only
/*
 * The family, and what is asked of one client: get, kill, bind. See netlink.h. A client is
 * found and used inside one RCU section; nothing here keeps one.
 */
#include "netlink.h"

#include <linux/module.h>

#include "client.h"
#include "events.h"
#include "net.h"
#include "netlink-gen.h"
#include "table.h"

struct genl_family mqg_netlink_family __ro_after_init = {
	.name		= MQGATE_FAMILY_NAME,
	.version	= MQGATE_FAMILY_VERSION,
	.maxattr	= MQGATE_A_MAX,
	.netnsok	= true,
	.parallel_ops	= true,
	.module		= THIS_MODULE,
	.ops		= mqg_nl_ops,
	.mcgrps		= mqg_nl_mcgrps,
	.n_mcgrps	= MQG_NL_MCGRPS,
};

/**
 * mqg_netlink_register - offer the family, at load
 *
 * Context: process. Return: 0 or a negative errno.
 */
int __init mqg_netlink_register(void)
{
	int err;

	mqg_netlink_family.n_ops = mqg_nl_ops_count;
	err = genl_register_family(&mqg_netlink_family);
	if (!err)
		mqg_events_start();
	return err;
}

/**
 * mqg_netlink_unregister - take it back, before the namespaces go
 *
 * Context: process. May sleep.
 */
void mqg_netlink_unregister(void)
{
	mqg_events_stop();
	genl_unregister_family(&mqg_netlink_family);
}

/**
 * mqg_netlink_client_size - room that mqg_netlink_put_client() needs at most
 */
size_t mqg_netlink_client_size(void)
{
	return nla_total_size(0) +
	       2 * nla_total_size(sizeof_field(struct mqgate_flow_key, saddr)) +
	       7 * nla_total_size_64bit(sizeof(u64)) +
	       4 * nla_total_size(sizeof(u32)) +
	       5 * nla_total_size(sizeof(u16)) +
	       6 * nla_total_size(sizeof(u8)) +
	       nla_total_size(MQGATE_CLIENT_ID_KEPT);
}

static int put_flow(struct sk_buff *skb, const struct mqg_client *client)
{
	return nla_put_u32(skb, MQGATE_A_CLIENT_SLOT, client->slot) ||
	       nla_put(skb, MQGATE_A_CLIENT_SADDR, sizeof(client->key.saddr), client->key.saddr) ||
	       nla_put(skb, MQGATE_A_CLIENT_DADDR, sizeof(client->key.daddr), client->key.daddr) ||
	       nla_put_u16(skb, MQGATE_A_CLIENT_SPORT, client->key.sport) ||
	       nla_put_u16(skb, MQGATE_A_CLIENT_DPORT, client->key.dport) ||
	       nla_put_u64_64bit(skb, MQGATE_A_CLIENT_FIRST, client->first, MQGATE_A_CLIENT_PAD) ||
	       nla_put_u64_64bit(skb, MQGATE_A_CLIENT_LAST, READ_ONCE(client->last),
				 MQGATE_A_CLIENT_PAD);
}

static int put_session(struct sk_buff *skb, const struct mqg_client *client)
{
	const struct mqg_client_id *id = rcu_dereference(client->id);

	if (id && nla_put(skb, MQGATE_A_CLIENT_ID, id->length, id->bytes))
		return -EMSGSIZE;
	return nla_put_u8(skb, MQGATE_A_CLIENT_SERVICE, client->service) ||
	       nla_put_u8(skb, MQGATE_A_CLIENT_PHASE, READ_ONCE(client->phase)) ||
	       nla_put_u8(skb, MQGATE_A_CLIENT_LEVEL, client->level) ||
	       nla_put_u16(skb, MQGATE_A_CLIENT_KEEP_ALIVE, client->keep_alive) ||
	       nla_put_u8(skb, MQGATE_A_CLIENT_CONNECT_FLAGS, client->connect_flags) ||
	       nla_put_u32(skb, MQGATE_A_CLIENT_FLAGS,
			   READ_ONCE(client->flags) & MQG_CLIENT_SHOWN) ||
	       nla_put_u32(skb, MQGATE_A_CLIENT_IDENTITY, client->identity) ||
	       nla_put_u8(skb, MQGATE_A_CLIENT_VERDICT, client->verdict) ||
	       nla_put_u8(skb, MQGATE_A_CLIENT_REASON, client->reason) ||
	       nla_put_u32(skb, MQGATE_A_CLIENT_OFFENCES, client->offences);
}

static int put_counters(struct sk_buff *skb, const struct mqg_client *client)
{
	const u64 *bytes = client->bytes;
	const u32 *packets = client->packets;

	return nla_put_u64_64bit(skb, MQGATE_A_CLIENT_IDLE, mqg_client_idle_ms(client),
				 MQGATE_A_CLIENT_PAD) ||
	       nla_put_u64_64bit(skb, MQGATE_A_CLIENT_PACKETS_IN, packets[MQGATE_FROM_CLIENT],
				 MQGATE_A_CLIENT_PAD) ||
	       nla_put_u64_64bit(skb, MQGATE_A_CLIENT_PACKETS_OUT, packets[MQGATE_FROM_SERVER],
				 MQGATE_A_CLIENT_PAD) ||
	       nla_put_u64_64bit(skb, MQGATE_A_CLIENT_BYTES_IN, bytes[MQGATE_FROM_CLIENT],
				 MQGATE_A_CLIENT_PAD) ||
	       nla_put_u64_64bit(skb, MQGATE_A_CLIENT_BYTES_OUT, bytes[MQGATE_FROM_SERVER],
				 MQGATE_A_CLIENT_PAD) ||
	       nla_put_u16(skb, MQGATE_A_CLIENT_IN_FLIGHT_IN,
			   client->in_flight[MQGATE_FROM_CLIENT]) ||
	       nla_put_u16(skb, MQGATE_A_CLIENT_IN_FLIGHT_OUT,
			   client->in_flight[MQGATE_FROM_SERVER]);
}

/**
 * mqg_netlink_put_client - everything about a client, as a nest
 * @skb: the message
 * @client: its lock is not needed, values may then be of slightly different moments
 *
 * Context: RCU. Return: 0, or -EMSGSIZE with nothing added.
 */
int mqg_netlink_put_client(struct sk_buff *skb, const struct mqg_client *client)
{
	struct nlattr *nest = nla_nest_start(skb, MQGATE_A_CLIENT);

	if (!nest)
		return -EMSGSIZE;
	if (put_flow(skb, client) || put_session(skb, client) || put_counters(skb, client)) {
		nla_nest_cancel(skb, nest);
		return -EMSGSIZE;
	}
	nla_nest_end(skb, nest);
	return 0;
}

/**
 * struct request - a client as a request names it
 * @tb:    its attributes
 * @key:   the flow, where @flow is set
 * @flow:  named by addresses and ports
 */
struct request {
	struct nlattr		*tb[MQGATE_A_CLIENT_MAX + 1];
	struct mqgate_flow_key	key;
	bool			flow;
};

static int read_flow(struct request *request, struct netlink_ext_ack *extack)
{
	struct nlattr **tb = request->tb;
	unsigned int given = !!tb[MQGATE_A_CLIENT_SADDR] + !!tb[MQGATE_A_CLIENT_DADDR] +
			     !!tb[MQGATE_A_CLIENT_SPORT] + !!tb[MQGATE_A_CLIENT_DPORT];

	if (!given)
		return 0;
	if (given != 4) {
		NL_SET_ERR_MSG(extack, "a flow is two addresses and two ports");
		return -EINVAL;
	}
	nla_memcpy(request->key.saddr, tb[MQGATE_A_CLIENT_SADDR], sizeof(request->key.saddr));
	nla_memcpy(request->key.daddr, tb[MQGATE_A_CLIENT_DADDR], sizeof(request->key.daddr));
	request->key.sport = nla_get_u16(tb[MQGATE_A_CLIENT_SPORT]);
	request->key.dport = nla_get_u16(tb[MQGATE_A_CLIENT_DPORT]);
	request->key.proto = IPPROTO_TCP;
	request->flow = true;
	return 0;
}

static int read_request(struct request *request, struct genl_info *info,
			const struct nla_policy *policy, int maxtype)
{
	struct nlattr *nest = info->attrs[MQGATE_A_CLIENT];
	int err;

	memset(request, 0, sizeof(*request));
	if (!nest) {
		GENL_SET_ERR_MSG(info, "say which client: attribute client is missing");
		return -EINVAL;
	}
	err = nla_parse_nested(request->tb, maxtype, nest, policy, info->extack);
	if (!err)
		err = read_flow(request, info->extack);
	if (err)
		return err;
	if (!request->flow && !request->tb[MQGATE_A_CLIENT_SLOT]) {
		GENL_SET_ERR_MSG(info, "say which client: its two addresses and two ports");
		return -EINVAL;
	}
	return 0;
}

/* Context: RCU. */
static struct mqg_client *find(const struct request *request, struct genl_info *info)
{
	struct mqg_net *net = mqg_net(genl_info_net(info));
	struct nlattr *slot = request->tb[MQGATE_A_CLIENT_SLOT];
	struct nlattr *first = request->tb[MQGATE_A_CLIENT_FIRST];
	struct mqg_client *client;

	if (request->flow)
		client = mqg_table_lookup(net, &request->key);
	else
		client = mqg_table_slot(net, nla_get_u32(slot));
	if (!client || mqg_client_dead(client)) {
		GENL_SET_ERR_MSG(info, "no such client");
		return ERR_PTR(-ENOENT);
	}
	if ((request->flow && slot && client->slot != nla_get_u32(slot)) ||
	    (first && client->first != nla_get_u64(first))) {
		GENL_SET_ERR_MSG(info, "that client is gone, another one has its place");
		return ERR_PTR(-ESTALE);
	}
	return client;
}

static int fill_client(struct sk_buff *reply, const struct request *request,
		       struct genl_info *info)
{
	const struct mqg_client *client;
	void *header;
	int err;

	header = genlmsg_put_reply(reply, info, &mqg_netlink_family, 0, MQGATE_CMD_CLIENT_GET);
	if (!header)
		return -EMSGSIZE;
	rcu_read_lock();
	client = find(request, info);
	err = IS_ERR(client) ? PTR_ERR(client) : mqg_netlink_put_client(reply, client);
	rcu_read_unlock();
	genlmsg_end(reply, header);
	return err;
}

/**
 * mqg_netlink_client_get_doit - one client
 * @skb: the request
 * @info: of it
 *
 * Context: process. Return: 0, -EINVAL, -ENOENT, -ESTALE, -ENOMEM.
 */
int mqg_netlink_client_get_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct request request;
	struct sk_buff *reply;
	int err;

	if (info->attrs[MQGATE_A_FILTER]) {
		NL_SET_ERR_MSG_ATTR(info->extack, info->attrs[MQGATE_A_FILTER],
				    "a filter goes with a dump only");
		return -EINVAL;
	}
	err = read_request(&request, info, mqg_nl_client_get, ARRAY_SIZE(mqg_nl_client_get) - 1);
	if (err)
		return err;
	reply = genlmsg_new(mqg_netlink_client_size(), GFP_KERNEL);
	if (!reply) {
		GENL_SET_ERR_MSG(info, "no memory for the answer");
		return -ENOMEM;
	}
	err = fill_client(reply, &request, info);
	if (err) {
		nlmsg_free(reply);
		return err;
	}
	return genlmsg_reply(reply, info);
}

static bool reason_known(u8 reason)
{
	switch (reason) {
#define REASON_CASE(number, symbol, word, text) case number:
	MQGATE_REASON_LIST(REASON_CASE)
#undef REASON_CASE
		return true;
	}
	return false;
}

/**
 * mqg_netlink_client_kill_doit - reset both ends of a client's connection
 * @skb: the request
 * @info: of it
 *
 * Context: process. Return: 0, -EINVAL, -ENOENT, -ESTALE.
 */
int mqg_netlink_client_kill_doit(struct sk_buff *skb, struct genl_info *info)
{
	u8 reason = MQGATE_REASON_OPERATOR;
	struct mqg_client *client;
	struct request request;
	int err;

	err = read_request(&request, info, mqg_nl_client_kill,
			   ARRAY_SIZE(mqg_nl_client_kill) - 1);
	if (err)
		return err;
	if (request.tb[MQGATE_A_CLIENT_REASON])
		reason = nla_get_u8(request.tb[MQGATE_A_CLIENT_REASON]);
	if (!reason_known(reason)) {
		NL_SET_ERR_MSG_ATTR(info->extack, request.tb[MQGATE_A_CLIENT_REASON],
				    "no such reason");
		return -EINVAL;
	}
	rcu_read_lock();
	client = find(&request, info);
	err = IS_ERR(client) ? PTR_ERR(client) : mqg_client_kill(client, reason);
	rcu_read_unlock();
	if (err == -ENOENT)
		GENL_SET_ERR_MSG(info, "no such client");
	return err;
}

static int read_said(struct mqg_binding *binding, struct nlattr **tb,
		     struct netlink_ext_ack *extack)
{
	struct nlattr *id = tb[MQGATE_A_CLIENT_ID], *level = tb[MQGATE_A_CLIENT_LEVEL];
	struct nlattr *keep_alive = tb[MQGATE_A_CLIENT_KEEP_ALIVE];

	if ((id || level) && !binding->identity) {
		NL_SET_ERR_MSG_ATTR(extack, tb[MQGATE_A_CLIENT_IDENTITY],
				    "identifier and level go with an identity that is not 0");
		return -EINVAL;
	}
	if (keep_alive && !level) {
		NL_SET_ERR_MSG_ATTR(extack, keep_alive, "a keep alive goes with a level");
		return -EINVAL;
	}
	if (tb[MQGATE_A_CLIENT_FLAGS] && !id) {
		NL_SET_ERR_MSG_ATTR(extack, tb[MQGATE_A_CLIENT_FLAGS],
				    "the flag of a cut identifier goes with the identifier");
		return -EINVAL;
	}
	if (id) {
		binding->id = nla_data(id);
		binding->id_length = nla_len(id);
	}
	if (level)
		binding->level = nla_get_u8(level);
	if (keep_alive)
		binding->keep_alive = nla_get_u16(keep_alive);
	if (tb[MQGATE_A_CLIENT_FLAGS])
		binding->id_cut = nla_get_u32(tb[MQGATE_A_CLIENT_FLAGS]);
	return 0;
}

/**
 * mqg_netlink_client_bind_doit - say who a client is
 * @skb: the request
 * @info: of it
 *
 * Context: process. Return: 0, -EINVAL, -ENOENT, -ENOMEM, -ERANGE, -ESTALE.
 */
int mqg_netlink_client_bind_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct mqg_binding binding = { .verdict = MQGATE_ACTION_NONE };
	struct mqg_client *client;
	struct request request;
	int err;

	err = read_request(&request, info, mqg_nl_client_bind,
			   ARRAY_SIZE(mqg_nl_client_bind) - 1);
	if (err)
		return err;
	if (!request.tb[MQGATE_A_CLIENT_IDENTITY]) {
		GENL_SET_ERR_MSG(info, "say which identity: attribute identity is missing");
		return -EINVAL;
	}
	binding.identity = nla_get_u32(request.tb[MQGATE_A_CLIENT_IDENTITY]);
	if (request.tb[MQGATE_A_CLIENT_VERDICT])
		binding.verdict = nla_get_u8(request.tb[MQGATE_A_CLIENT_VERDICT]);
	err = read_said(&binding, request.tb, info->extack);
	if (err)
		return err;
	rcu_read_lock();
	client = find(&request, info);
	err = IS_ERR(client) ? PTR_ERR(client) : mqg_client_bind(client, &binding);
	rcu_read_unlock();
	if (err == -ENOENT)
		GENL_SET_ERR_MSG(info, "no such client");
	else if (err == -ENOMEM)
		GENL_SET_ERR_MSG(info, "no memory for the client identifier");
	return err;
}
