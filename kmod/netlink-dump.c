// SPDX-License-Identifier: GPL-2.0-only
/*
 * The dump of clients, filtered here so that ten of a million cost ten messages. Its state lives
 * from start to done, guarded by the socket's lock of its one dump. Each walk over the table looks
 * at MQG_WALK_MAX clients under RCU; between two walks the CPU is offered to others.
 */
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <net/ipv6.h>
#include <net/sock.h>

#include "client.h"
#include "net.h"
#include "netlink-gen.h"
#include "netlink.h"
#include "table.h"

/**
 * struct dump - a dump under way
 * @cursor:    where the table is walked on
 * @source:    of @prefix bits that a client's address has to begin with
 * @prefix:    0 any address
 * @idle_ms:   silent for longer than that, where @idle is set
 * @idle:      see @idle_ms
 * @named:     the client identifier has to be @id
 * @phase:     0 any
 * @service:   0 any
 * @id_length: of @id
 * @id:        see @named
 * @skb:       the message being filled
 * @cb:        whose dump it is
 * @read:      the filter has been read
 */
struct dump {
	struct mqg_table_cursor	cursor;
	struct in6_addr		source;
	unsigned int		prefix;
	u64			idle_ms;
	bool			idle;
	bool			named;
	u8			phase;
	u8			service;
	u16			id_length;
	u8			id[MQGATE_CLIENT_ID_KEPT];
	struct sk_buff		*skb;
	struct netlink_callback	*cb;
	bool			read;
};

static struct dump *dump_of(const struct netlink_callback *cb)
{
	return (struct dump *)cb->args[0];
}

static int read_filter(struct dump *dump, struct nlattr *filter, struct netlink_ext_ack *extack)
{
	struct nlattr *tb[MQGATE_A_FILTER_MAX + 1];
	int err;

	err = nla_parse_nested(tb, MQGATE_A_FILTER_MAX, filter, mqg_nl_filter, extack);
	if (err)
		return err;
	if (tb[MQGATE_A_FILTER_PREFIX] && !tb[MQGATE_A_FILTER_SADDR]) {
		NL_SET_ERR_MSG_ATTR(extack, tb[MQGATE_A_FILTER_PREFIX],
				    "a prefix length needs an address");
		return -EINVAL;
	}
	if (tb[MQGATE_A_FILTER_SADDR]) {
		nla_memcpy(&dump->source, tb[MQGATE_A_FILTER_SADDR], sizeof(dump->source));
		dump->prefix = tb[MQGATE_A_FILTER_PREFIX] ?
			       nla_get_u8(tb[MQGATE_A_FILTER_PREFIX]) : 128;
	}
	if (tb[MQGATE_A_FILTER_ID]) {
		dump->named = true;
		dump->id_length = nla_len(tb[MQGATE_A_FILTER_ID]);
		nla_memcpy(dump->id, tb[MQGATE_A_FILTER_ID], sizeof(dump->id));
	}
	if (tb[MQGATE_A_FILTER_PHASE])
		dump->phase = nla_get_u8(tb[MQGATE_A_FILTER_PHASE]);
	if (tb[MQGATE_A_FILTER_SERVICE])
		dump->service = nla_get_u8(tb[MQGATE_A_FILTER_SERVICE]);
	if (tb[MQGATE_A_FILTER_IDLE_OVER]) {
		dump->idle = true;
		dump->idle_ms = nla_get_u64(tb[MQGATE_A_FILTER_IDLE_OVER]);
	}
	return 0;
}

static int read_attributes(struct dump *dump, struct netlink_callback *cb)
{
	struct nlattr **attrs = mqg_genl_dump_attrs(cb);

	if (attrs[MQGATE_A_CLIENT]) {
		NL_SET_ERR_MSG_ATTR(cb->extack, attrs[MQGATE_A_CLIENT],
				    "a dump takes a filter, not one client");
		return -EINVAL;
	}
	return attrs[MQGATE_A_FILTER] ?
	       read_filter(dump, attrs[MQGATE_A_FILTER], cb->extack) : 0;
}

/**
 * mqg_netlink_client_get_start - begin a dump
 * @cb: the dump
 *
 * Its filter is read with the first message: Linux 6.1 has no extack to give here.
 *
 * Context: process. Return: 0 or -ENOMEM.
 */
int mqg_netlink_client_get_start(struct netlink_callback *cb)
{
	struct dump *dump = kzalloc(sizeof(*dump), GFP_KERNEL);

	if (!dump)
		return -ENOMEM;
	dump->cb = cb;
	cb->args[0] = (long)dump;
	return 0;
}

static bool name_is(const struct mqg_client *client, const struct dump *dump)
{
	const struct mqg_client_id *id = rcu_dereference(client->id);

	return id && id->length == dump->id_length &&
	       !memcmp(id->bytes, dump->id, dump->id_length);
}

static bool matches(const struct mqg_client *client, const struct dump *dump)
{
	if (dump->phase && READ_ONCE(client->phase) != dump->phase)
		return false;
	if (dump->service && client->service != dump->service)
		return false;
	if (dump->prefix && !ipv6_prefix_equal((const struct in6_addr *)client->key.saddr,
					       &dump->source, dump->prefix))
		return false;
	if (dump->idle && mqg_client_idle_ms(client) <= dump->idle_ms)
		return false;
	return !dump->named || name_is(client, dump);
}

static int dump_one(struct mqg_client *client, void *arg)
{
	struct dump *dump = arg;
	void *header;
	int err;

	if (!matches(client, dump))
		return 0;
	header = genlmsg_put(dump->skb, NETLINK_CB(dump->cb->skb).portid,
			     dump->cb->nlh->nlmsg_seq, &mqg_netlink_family, NLM_F_MULTI,
			     MQGATE_CMD_CLIENT_GET);
	if (!header)
		return -EMSGSIZE;
	err = mqg_netlink_put_client(dump->skb, client);
	if (err)
		genlmsg_cancel(dump->skb, header);
	else
		genlmsg_end(dump->skb, header);
	return err;
}

/**
 * mqg_netlink_client_get_dumpit - the next message of a dump
 * @skb: the message
 * @cb: the dump
 *
 * Context: process. Sleeps between walks. Return: bytes; 0 at the end; -EINVAL for a filter that
 * makes no sense; -EINTR when the one who asked is being killed.
 */
int mqg_netlink_client_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb)
{
	struct mqg_net *net = mqg_net(sock_net(skb->sk));
	struct dump *dump = dump_of(cb);
	int err = 0;

	dump->skb = skb;
	if (!dump->read) {
		err = read_attributes(dump, cb);
		dump->read = true;
	}
	/* An empty message would be taken for the end of a stream: go on until there is one. */
	while (!dump->cursor.done && !skb->len && !err) {
		err = mqg_table_walk(net, &dump->cursor, dump_one, dump);
		cond_resched();
		if (fatal_signal_pending(current))
			return -EINTR;
	}
	return skb->len ? skb->len : err;
}

/**
 * mqg_netlink_client_get_done - a dump has ended, or its socket was closed
 * @cb: the dump
 *
 * Context: process.
 */
int mqg_netlink_client_get_done(struct netlink_callback *cb)
{
	kfree(dump_of(cb));
	return 0;
}
