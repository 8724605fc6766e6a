// SPDX-License-Identifier: GPL-2.0-only
/*
 * Sources over netlink: one by its address, or a dump with a filter; see netlink.h. A dump looks
 * at MQG_SOURCE_WALK_MAX places at a stretch, and keeps where it is in cb->args[0].
 */
#include <linux/sched/signal.h>
#include <net/ipv6.h>
#include <net/sock.h>

#include "key.h"
#include "net.h"
#include "netlink-gen.h"
#include "netlink.h"
#include "source.h"

/**
 * struct filter - which sources
 * @addr:     of @prefix bits that a source's address has to begin with
 * @prefix:   0 any address
 * @sessions: more sessions than that, where @crowded is set
 * @rate:     a higher rate than that, where @busy is set
 * @crowded:  see @sessions
 * @busy:     see @rate
 */
struct filter {
	struct in6_addr	addr;
	unsigned int	prefix;
	u32		sessions;
	u32		rate;
	bool		crowded;
	bool		busy;
};

/* A message being filled. */
struct dump {
	struct filter		filter;
	struct sk_buff		*skb;
	struct netlink_callback	*cb;
};

/**
 * mqg_netlink_source_size - room that mqg_netlink_put_source() needs at most
 */
size_t mqg_netlink_source_size(void)
{
	return nla_total_size(0) + nla_total_size(sizeof_field(struct mqg_source_view, addr)) +
	       3 * nla_total_size(sizeof(u32)) + nla_total_size(sizeof(u16)) +
	       3 * nla_total_size(sizeof(u8));
}

/**
 * mqg_netlink_put_source - everything about a source, as a nest
 * @skb: the message
 * @view: what is known of it
 *
 * Context: any. Return: 0, or -EMSGSIZE with nothing added.
 */
int mqg_netlink_put_source(struct sk_buff *skb, const struct mqg_source_view *view)
{
	struct nlattr *nest = nla_nest_start(skb, MQGATE_A_SOURCE);

	if (!nest)
		return -EMSGSIZE;
	if (nla_put(skb, MQGATE_A_SOURCE_ADDR, sizeof(view->addr), view->addr) ||
	    nla_put_u8(skb, MQGATE_A_SOURCE_PREFIX, view->prefix) ||
	    nla_put_u32(skb, MQGATE_A_SOURCE_SESSIONS, view->sessions) ||
	    nla_put_u32(skb, MQGATE_A_SOURCE_RATE, view->rate) ||
	    nla_put_u32(skb, MQGATE_A_SOURCE_BEGUN, view->begun) ||
	    nla_put_u16(skb, MQGATE_A_SOURCE_VIOLATIONS, view->violations) ||
	    nla_put_u8(skb, MQGATE_A_SOURCE_TAKEOVERS, view->takeovers) ||
	    (view->over && nla_put_u8(skb, MQGATE_A_SOURCE_OVER, view->over))) {
		nla_nest_cancel(skb, nest);
		return -EMSGSIZE;
	}
	nla_nest_end(skb, nest);
	return 0;
}

static int read_address(u8 addr[16], struct genl_info *info)
{
	struct nlattr *tb[MQGATE_A_SOURCE_ADDR + 1];
	int err;

	if (!info->attrs[MQGATE_A_SOURCE]) {
		GENL_SET_ERR_MSG(info, "say which source: attribute source is missing");
		return -EINVAL;
	}
	err = nla_parse_nested(tb, MQGATE_A_SOURCE_ADDR, info->attrs[MQGATE_A_SOURCE],
			       mqg_nl_source_get, info->extack);
	if (err)
		return err;
	if (!tb[MQGATE_A_SOURCE_ADDR]) {
		GENL_SET_ERR_MSG(info, "say which source: its address is missing");
		return -EINVAL;
	}
	nla_memcpy(addr, tb[MQGATE_A_SOURCE_ADDR], 16);
	return 0;
}

static int fill_source(struct sk_buff *reply, const struct mqg_source_view *view,
		       struct genl_info *info)
{
	void *header;
	int err;

	header = genlmsg_put_reply(reply, info, &mqg_netlink_family, 0, MQGATE_CMD_SOURCE_GET);
	if (!header)
		return -EMSGSIZE;
	err = mqg_netlink_put_source(reply, view);
	genlmsg_end(reply, header);
	return err;
}

/**
 * mqg_netlink_source_get_doit - one source
 * @skb: the request
 * @info: of it
 *
 * Context: process. Return: 0, -EINVAL, -ENOENT, -ENOMEM.
 */
int mqg_netlink_source_get_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct mqg_source_view view;
	struct sk_buff *reply;
	u8 addr[16];
	int err;

	if (info->attrs[MQGATE_A_SOURCE_FILTER]) {
		NL_SET_ERR_MSG_ATTR(info->extack, info->attrs[MQGATE_A_SOURCE_FILTER],
				    "a filter goes with a dump only");
		return -EINVAL;
	}
	err = read_address(addr, info);
	if (err)
		return err;
	if (!mqg_source_view(mqg_net(genl_info_net(info)), addr, &view)) {
		GENL_SET_ERR_MSG(info, "no such source");
		return -ENOENT;
	}
	reply = genlmsg_new(mqg_netlink_source_size(), GFP_KERNEL);
	if (!reply) {
		GENL_SET_ERR_MSG(info, "no memory for the answer");
		return -ENOMEM;
	}
	err = fill_source(reply, &view, info);
	if (err) {
		nlmsg_free(reply);
		return err;
	}
	return genlmsg_reply(reply, info);
}

static int read_filter(struct filter *filter, struct netlink_callback *cb)
{
	struct nlattr **attrs = mqg_genl_dump_attrs(cb);
	struct nlattr *tb[MQGATE_A_SOURCE_FILTER_MAX + 1];
	int err;

	memset(filter, 0, sizeof(*filter));
	if (attrs[MQGATE_A_SOURCE]) {
		NL_SET_ERR_MSG_ATTR(cb->extack, attrs[MQGATE_A_SOURCE],
				    "a dump takes a filter, not one source");
		return -EINVAL;
	}
	if (!attrs[MQGATE_A_SOURCE_FILTER])
		return 0;
	err = nla_parse_nested(tb, MQGATE_A_SOURCE_FILTER_MAX, attrs[MQGATE_A_SOURCE_FILTER],
			       mqg_nl_source_filter, cb->extack);
	if (err)
		return err;
	if (tb[MQGATE_A_SOURCE_FILTER_PREFIX] && !tb[MQGATE_A_SOURCE_FILTER_ADDR]) {
		NL_SET_ERR_MSG_ATTR(cb->extack, tb[MQGATE_A_SOURCE_FILTER_PREFIX],
				    "a prefix length needs an address");
		return -EINVAL;
	}
	if (tb[MQGATE_A_SOURCE_FILTER_ADDR]) {
		nla_memcpy(&filter->addr, tb[MQGATE_A_SOURCE_FILTER_ADDR], sizeof(filter->addr));
		filter->prefix = tb[MQGATE_A_SOURCE_FILTER_PREFIX] ?
				 nla_get_u8(tb[MQGATE_A_SOURCE_FILTER_PREFIX]) : 128;
	}
	filter->crowded = tb[MQGATE_A_SOURCE_FILTER_SESSIONS_OVER];
	if (filter->crowded)
		filter->sessions = nla_get_u32(tb[MQGATE_A_SOURCE_FILTER_SESSIONS_OVER]);
	filter->busy = tb[MQGATE_A_SOURCE_FILTER_RATE_OVER];
	if (filter->busy)
		filter->rate = nla_get_u32(tb[MQGATE_A_SOURCE_FILTER_RATE_OVER]);
	return 0;
}

/* An IPv6 address that is asked for matches its /64; an IPv4 one is not of ::/64. */
static bool matches(const struct mqg_source_view *view, const struct filter *filter)
{
	unsigned int prefix = min_t(unsigned int, filter->prefix, view->prefix);

	if (filter->prefix > 64 && mqg_key_is_ipv4(filter->addr.s6_addr) &&
	    view->prefix == 64)
		return false;
	if (prefix && !ipv6_prefix_equal((const struct in6_addr *)view->addr, &filter->addr,
					 prefix))
		return false;
	if (filter->crowded && view->sessions <= filter->sessions)
		return false;
	return !filter->busy || view->rate > filter->rate;
}

static int dump_one(const struct mqg_source_view *view, void *arg)
{
	struct dump *dump = arg;
	void *header;
	int err;

	if (!matches(view, &dump->filter))
		return 0;
	header = genlmsg_put(dump->skb, NETLINK_CB(dump->cb->skb).portid,
			     dump->cb->nlh->nlmsg_seq, &mqg_netlink_family, NLM_F_MULTI,
			     MQGATE_CMD_SOURCE_GET);
	if (!header)
		return -EMSGSIZE;
	err = mqg_netlink_put_source(dump->skb, view);
	if (err)
		genlmsg_cancel(dump->skb, header);
	else
		genlmsg_end(dump->skb, header);
	return err;
}

/**
 * mqg_netlink_source_get_dumpit - the next message of a dump
 * @skb: the message
 * @cb: the dump
 *
 * Context: process. Sleeps between walks. Return: bytes; 0 at the end; -EINVAL for a filter that
 * makes no sense; -EINTR when the one who asked is being killed.
 */
int mqg_netlink_source_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb)
{
	struct mqg_net *net = mqg_net(sock_net(skb->sk));
	struct dump dump = { .skb = skb, .cb = cb };
	u32 next = cb->args[0];
	int err;

	err = read_filter(&dump.filter, cb);
	/* An empty message would be taken for the end of a stream: go on until there is one. */
	while (next != U32_MAX && !skb->len && !err) {
		err = mqg_source_walk(net, &next, dump_one, &dump);
		cond_resched();
		if (fatal_signal_pending(current))
			return -EINTR;
	}
	cb->args[0] = next;
	return skb->len ? skb->len : err;
}
