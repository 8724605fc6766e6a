// SPDX-License-Identifier: GPL-2.0-only
/*
 * RSTs to both ends; see reset.h for who calls it and which lock guards it.
 */
#include "reset.h"

#include <net/ip.h>
#include <net/ip6_checksum.h>
#include <net/ip6_route.h>
#include <net/ipv6.h>
#include <net/route.h>
#include <net/tcp.h>

#include "client.h"
#include "key.h"
#include "net.h"
#include "session.h"

/* One RST, from @saddr:@sport to @daddr:@dport */
struct rst {
	const u8	*saddr;
	const u8	*daddr;
	u16		sport;
	u16		dport;
	u32		seq;
	u32		ack;
	u32		mark;
	int		ifindex;
};

/**
 * mqg_reset_prepare - take down what is needed to reset a client
 * @reset: to fill in
 * @client: its lock held
 */
void mqg_reset_prepare(struct mqg_reset *reset, const struct mqg_client *client)
{
	reset->key = client->key;
	reset->next[MQGATE_FROM_CLIENT] = mqg_session_next(client, MQGATE_FROM_CLIENT);
	reset->next[MQGATE_FROM_SERVER] = mqg_session_next(client, MQGATE_FROM_SERVER);
	reset->ifindex = 0;
	reset->skip = client->flags & MQGATE_CLIENT_F_BRIDGED;
}

static struct tcphdr *put_tcp(struct sk_buff *skb, const struct rst *rst)
{
	struct tcphdr *th = skb_put_zero(skb, sizeof(*th));

	skb_set_transport_header(skb, (u8 *)th - skb->data);
	th->source = htons(rst->sport);
	th->dest = htons(rst->dport);
	th->seq = htonl(rst->seq);
	th->ack_seq = htonl(rst->ack);
	th->doff = sizeof(*th) / 4;
	th->rst = 1;
	th->ack = 1;
	return th;
}

static struct sk_buff *make_v4(const struct rst *rst, const struct flowi4 *fl4,
			       const struct dst_entry *dst)
{
	struct sk_buff *skb;
	struct tcphdr *th;
	struct iphdr *iph;

	skb = alloc_skb(LL_MAX_HEADER + sizeof(*iph) + sizeof(*th), GFP_ATOMIC | __GFP_NOWARN);
	if (!skb)
		return NULL;
	skb_reserve(skb, LL_MAX_HEADER);
	skb->protocol = htons(ETH_P_IP);
	skb_reset_network_header(skb);
	iph = skb_put_zero(skb, sizeof(*iph));
	iph->version = 4;
	iph->ihl = sizeof(*iph) / 4;
	iph->frag_off = htons(IP_DF);
	iph->ttl = ip4_dst_hoplimit(dst);
	iph->protocol = IPPROTO_TCP;
	iph->saddr = fl4->saddr;
	iph->daddr = fl4->daddr;
	th = put_tcp(skb, rst);
	th->check = tcp_v4_check(sizeof(*th), iph->saddr, iph->daddr,
				 csum_partial(th, sizeof(*th), 0));
	return skb;
}

static void send_v4(struct net *net, const struct rst *rst)
{
	struct flowi4 fl4 = {
		.saddr		= mqg_key_ipv4(rst->saddr),
		.daddr		= mqg_key_ipv4(rst->daddr),
		.fl4_sport	= htons(rst->sport),
		.fl4_dport	= htons(rst->dport),
		.flowi4_proto	= IPPROTO_TCP,
		/* The source is the other end's, not ours. */
		.flowi4_flags	= FLOWI_FLAG_ANYSRC,
	};
	struct sk_buff *skb;
	struct rtable *rt;

	rt = ip_route_output_key(net, &fl4);
	if (IS_ERR(rt))
		return;
	skb = make_v4(rst, &fl4, &rt->dst);
	if (!skb) {
		ip_rt_put(rt);
		return;
	}
	skb->mark = rst->mark;
	skb_dst_set(skb, &rt->dst);
	ip_local_out(net, NULL, skb);
}

static struct sk_buff *make_v6(const struct rst *rst, const struct flowi6 *fl6,
			       struct dst_entry *dst)
{
	struct ipv6hdr *iph;
	struct sk_buff *skb;
	struct tcphdr *th;

	skb = alloc_skb(LL_MAX_HEADER + sizeof(*iph) + sizeof(*th), GFP_ATOMIC | __GFP_NOWARN);
	if (!skb)
		return NULL;
	skb_reserve(skb, LL_MAX_HEADER);
	skb->protocol = htons(ETH_P_IPV6);
	skb_reset_network_header(skb);
	iph = skb_put_zero(skb, sizeof(*iph));
	iph->version = 6;
	iph->payload_len = htons(sizeof(*th));
	iph->nexthdr = IPPROTO_TCP;
	iph->hop_limit = ip6_dst_hoplimit(dst);
	iph->saddr = fl6->saddr;
	iph->daddr = fl6->daddr;
	th = put_tcp(skb, rst);
	th->check = tcp_v6_check(sizeof(*th), &iph->saddr, &iph->daddr,
				 csum_partial(th, sizeof(*th), 0));
	return skb;
}

static void send_v6(struct net *net, const struct rst *rst)
{
	struct flowi6 fl6 = {
		.fl6_sport	= htons(rst->sport),
		.fl6_dport	= htons(rst->dport),
		.flowi6_proto	= IPPROTO_TCP,
		.flowi6_flags	= FLOWI_FLAG_ANYSRC,
	};
	struct dst_entry *dst;
	struct sk_buff *skb;

	memcpy(&fl6.saddr, rst->saddr, sizeof(fl6.saddr));
	memcpy(&fl6.daddr, rst->daddr, sizeof(fl6.daddr));
	if (ipv6_addr_type(&fl6.daddr) & IPV6_ADDR_LINKLOCAL)
		fl6.flowi6_oif = rst->ifindex;
	dst = ip6_route_output(net, NULL, &fl6);
	if (dst->error)
		goto release;
	skb = make_v6(rst, &fl6, dst);
	if (!skb)
		goto release;
	skb->mark = rst->mark;
	skb_dst_set(skb, dst);
	ip6_local_out(net, NULL, skb);
	return;
release:
	dst_release(dst);
}

static void send(struct mqg_net *net, const struct rst *rst)
{
	if (mqg_key_is_ipv4(rst->daddr))
		send_v4(net->net, rst);
	else
		send_v6(net->net, rst);
}

/**
 * mqg_reset_send - send a RST to the server and one to the client
 * @net: the namespace
 * @reset: from mqg_reset_prepare(); sequence numbers may have been corrected since
 *
 * A RST whose number is not the one that the receiver waits for is answered with a challenge
 * ACK (RFC 5961, 3.2), which comes by here and is answered with the right one. So what is
 * sent carries the mark of what our hooks leave alone: the entry stays until then.
 *
 * Context: no client lock held, RCU. Does not sleep.
 */
void mqg_reset_send(struct mqg_net *net, const struct mqg_reset *reset)
{
	u32 mark = rcu_dereference(net->settings)->mark;
	const struct rst to_server = {
		.saddr	= reset->key.saddr,
		.daddr	= reset->key.daddr,
		.sport	= reset->key.sport,
		.dport	= reset->key.dport,
		.seq	= reset->next[MQGATE_FROM_CLIENT],
		.ack	= reset->next[MQGATE_FROM_SERVER],
		.mark	= mark,
		.ifindex = reset->ifindex,
	};
	const struct rst to_client = {
		.saddr	= reset->key.daddr,
		.daddr	= reset->key.saddr,
		.sport	= reset->key.dport,
		.dport	= reset->key.sport,
		.seq	= reset->next[MQGATE_FROM_SERVER],
		.ack	= reset->next[MQGATE_FROM_CLIENT],
		.mark	= mark,
		.ifindex = reset->ifindex,
	};

	if (reset->skip)
		return;
	mqg_count(net, RESETS);
	local_bh_disable();
	send(net, &to_server);
	send(net, &to_client);
	local_bh_enable();
}
