// SPDX-License-Identifier: GPL-2.0-only
/*
 * The way of a packet through the module: read it, find its client or make one, let the
 * session judge it, act on the judgement. Called by netfilter for IPv4, IPv6 and bridges
 * in softirq (LOCAL_OUT: also in process context), under RCU; see hook.h.
 */
#include "hook.h"

#include <linux/netfilter_bridge.h>
#include <linux/netfilter_ipv4.h>
#include <linux/netfilter_ipv6.h>
#include <linux/skbuff.h>

#include "client.h"
#include "half.h"
#include "local.h"
#include "net.h"
#include "packet.h"
#include "reset.h"
#include "session.h"
#include "table.h"

#define CONTROL	(MQG_TCP_SYN | MQG_TCP_FIN | MQG_TCP_RST)

/* What the steps of one packet share. */
struct passage {
	struct mqg_net			*net;
	const struct mqg_settings	*settings;
	struct sk_buff			*skb;
	struct mqg_packet		packet;
	enum mqg_path			path;
	u32				flags;		/* MQGATE_CLIENT_F_LOCAL, _BRIDGED */
};

/*
 * A server's SYN-ACK for a flow that has an entry: either it is that entry's own, once
 * more, or the server knows nothing of the old connection and this is a new one.
 */
static void retire(struct passage *p, struct mqg_client *client)
{
	const struct mqg_segment *segment = &p->packet.segment;

	spin_lock_bh(&client->lock);
	if (client->bytes[MQGATE_FROM_SERVER] ||
	    mqg_session_next(client, MQGATE_FROM_SERVER) != segment->seq + 1)
		mqg_client_end(client, MQGATE_REASON_FLOW_REUSED);
	spin_unlock_bh(&client->lock);
}

/* SYN and SYN-ACK belong to the half-open table; no session ever sees one. */
static void handshake(struct passage *p)
{
	const struct mqg_segment *segment = &p->packet.segment;
	struct mqg_client *client;

	if (segment->dir == MQGATE_FROM_SERVER && segment->flags & MQG_TCP_ACK) {
		client = mqg_table_lookup(p->net, &p->packet.key);
		if (client)
			retire(p, client);
		if (p->path == MQG_PATH_THROUGH)
			mqg_half_syn_ack(p->net, &p->packet);
	} else if (p->path == MQG_PATH_THROUGH && segment->dir == MQGATE_FROM_CLIENT &&
		   !(segment->flags & (CONTROL & ~MQG_TCP_SYN)) &&
		   !(segment->flags & MQG_TCP_ACK)) {
		mqg_half_syn(p->net, &p->packet);
	}
}

/* A segment that no client is known for. Return: the client that it begins, or NULL. */
static struct mqg_client *begin(struct passage *p)
{
	const struct mqg_segment *segment = &p->packet.segment;
	struct mqg_begin known;
	bool proven = false;

	if (segment->flags & CONTROL || !(segment->flags & MQG_TCP_ACK))
		goto untracked;
	if (!mqg_packet_checksum_good(&p->packet, p->skb))
		goto untracked;
	if (p->path == MQG_PATH_IN)
		proven = mqg_local_established(p->net, &p->packet, p->skb, p->settings->mark,
					       &known);
	else if (p->path == MQG_PATH_THROUGH && segment->dir == MQGATE_FROM_CLIENT)
		proven = mqg_half_client(p->net, &p->packet, &known);
	else if (p->path == MQG_PATH_THROUGH)
		mqg_half_server(p->net, &p->packet);
	if (proven)
		return mqg_client_begin(p->net, &p->packet.key, p->packet.service, &known,
					p->flags);
untracked:
	mqg_count(p->net, UNTRACKED);
	return NULL;
}

static void account(struct mqg_client *client, const struct mqg_segment *segment)
{
	if (client->packets[segment->dir] != U32_MAX)
		client->packets[segment->dir]++;
	client->bytes[segment->dir] += segment->length;
	WRITE_ONCE(client->last, ktime_get_coarse_boottime_ns());
	if (segment->length && segment->dir == MQGATE_FROM_CLIENT &&
	    client->flags & (MQGATE_CLIENT_F_UNVALIDATED | MQGATE_CLIENT_F_TLS))
		client->heard = jiffies;
	mqg_count(client->net, SEGMENTS);
}

/*
 * The number that an end waits for is the one that it has acknowledged last; our own view
 * may be ahead of it.
 */
static void aim(struct mqg_reset *reset, const struct mqg_client *client, const struct passage *p)
{
	const struct mqg_segment *segment = &p->packet.segment;

	mqg_reset_prepare(reset, client);
	if (p->skb->dev && segment->dir == MQGATE_FROM_CLIENT)
		reset->ifindex = p->skb->dev->ifindex;
	if (segment->flags & MQG_TCP_ACK)
		reset->next[!segment->dir] = segment->ack;
}

/*
 * Return: whether the segment is to be dropped; *reset: both ends are to be told. A RST that goes
 * through is not known to arrive: the entry stays, so that nothing passes behind it.
 */
static bool refused(struct mqg_client *client, const struct mqg_segment *segment, bool *reset)
{
	if (segment->flags & MQG_TCP_RST) {
		if (client->flags & MQGATE_CLIENT_F_LOCAL)
			mqg_client_end(client, client->reason);
		return false;
	}
	*reset = true;
	return true;
}

static bool judge(struct passage *p, struct mqg_client *client, bool *reset)
{
	const struct mqg_segment *segment = &p->packet.segment;
	struct mqg_judgement judgement;
	bool drop = false;

	judgement = mqg_session_segment(client, segment, p->skb);
	if (judgement.verdict != MQG_PASS)
		drop = segment->enforce;
	if (judgement.verdict == MQG_VIOLATION) {
		mqg_client_violation(client, segment->dir, judgement.reason, drop);
		if (drop) {
			mqg_client_refuse(client, judgement.reason);
			*reset = p->settings->reset;
		}
	}
	if (judgement.ended && !drop)
		mqg_client_end(client, segment->dir == MQGATE_FROM_CLIENT ?
			       MQGATE_REASON_CLIENT_CLOSED : MQGATE_REASON_BROKER_CLOSED);
	return drop;
}

static unsigned int tracked(struct passage *p, struct mqg_client *client)
{
	const struct mqg_segment *segment = &p->packet.segment;
	struct mqg_reset to_send;
	bool reset = false, drop = false;

	if (!mqg_packet_checksum_good(&p->packet, p->skb)) {
		mqg_count(p->net, BAD_HEADER);
		return segment->enforce ? NF_DROP : NF_ACCEPT;
	}
	spin_lock_bh(&client->lock);
	if (mqg_client_dead(client))
		goto unlock;
	account(client, segment);
	if (client->flags & MQGATE_CLIENT_F_KILLED)
		drop = refused(client, segment, &reset);
	else
		drop = judge(p, client, &reset);
	if (reset)
		aim(&to_send, client, p);
unlock:
	spin_unlock_bh(&client->lock);
	if (reset)
		mqg_reset_send(p->net, &to_send);
	if (drop)
		mqg_count(p->net, DROPPED);
	return drop ? NF_DROP : NF_ACCEPT;
}

static unsigned int segment(struct passage *p)
{
	struct mqg_client *client;

	if (p->packet.segment.flags & MQG_TCP_SYN) {
		handshake(p);
		return NF_ACCEPT;
	}
	client = mqg_table_lookup(p->net, &p->packet.key);
	if (!client)
		client = begin(p);
	return client ? tracked(p, client) : NF_ACCEPT;
}

/*
 * Only where nothing puts fragments together before us. What is in them cannot be followed;
 * TCP finds its path MTU, so an honest client sends none.
 */
static unsigned int fragment(const struct passage *p)
{
	mqg_count(p->net, FRAGMENTS);
	return p->packet.segment.enforce ? NF_DROP : NF_ACCEPT;
}

static unsigned int pass(struct net *net, struct sk_buff *skb, __be16 protocol,
			 enum mqg_path path, u32 flags)
{
	struct passage p = {
		.net	= mqg_net(net),
		.skb	= skb,
		.path	= path,
		.flags	= flags,
	};

	p.settings = rcu_dereference(p.net->settings);
	if (p.settings->mark && skb->mark == p.settings->mark)
		return NF_ACCEPT;
	switch (mqg_packet_read(&p.packet, skb, protocol, path, p.settings)) {
	case MQG_PACKET_OTHER:
		return NF_ACCEPT;
	case MQG_PACKET_BAD:
		mqg_count(p.net, BAD_HEADER);
		return p.packet.segment.enforce ? NF_DROP : NF_ACCEPT;
	case MQG_PACKET_SEGMENT:
		break;
	}
	return p.packet.fragment ? fragment(&p) : segment(&p);
}

/*
 * With br_netfilter a bridged packet passes the IP hooks as well; the bridge's own has seen
 * it, or will.
 */
static bool bridged(const struct sk_buff *skb)
{
#if IS_ENABLED(CONFIG_BRIDGE_NETFILTER)
	return nf_bridge_info_exists(skb) && nf_bridge_get_physoutif(skb);
#else
	return false;
#endif
}

static __be16 protocol_of(const struct nf_hook_state *state)
{
	return state->pf == NFPROTO_IPV4 ? htons(ETH_P_IP) : htons(ETH_P_IPV6);
}

static unsigned int local_in(void *priv, struct sk_buff *skb, const struct nf_hook_state *state)
{
	return pass(state->net, skb, protocol_of(state), MQG_PATH_IN, MQGATE_CLIENT_F_LOCAL);
}

static unsigned int local_out(void *priv, struct sk_buff *skb, const struct nf_hook_state *state)
{
	return pass(state->net, skb, protocol_of(state), MQG_PATH_OUT, MQGATE_CLIENT_F_LOCAL);
}

static unsigned int forward(void *priv, struct sk_buff *skb, const struct nf_hook_state *state)
{
	if (bridged(skb))
		return NF_ACCEPT;
	return pass(state->net, skb, protocol_of(state), MQG_PATH_THROUGH, 0);
}

#if IS_ENABLED(CONFIG_NETFILTER_FAMILY_BRIDGE)
static unsigned int bridge(void *priv, struct sk_buff *skb, const struct nf_hook_state *state)
{
	return pass(state->net, skb, skb->protocol, MQG_PATH_THROUGH, MQGATE_CLIENT_F_BRIDGED);
}
#endif

#define HOOK(function, family, place, order) {	\
	.hook		= (function),		\
	.pf		= (family),		\
	.hooknum	= (place),		\
	.priority	= (order),		\
}

/* Behind the filter: what the operator's own rules drop is no business of ours. */
static const struct nf_hook_ops hooks[] = {
	HOOK(local_in, NFPROTO_IPV4, NF_INET_LOCAL_IN, NF_IP_PRI_FILTER + 1),
	HOOK(local_in, NFPROTO_IPV6, NF_INET_LOCAL_IN, NF_IP6_PRI_FILTER + 1),
	HOOK(local_out, NFPROTO_IPV4, NF_INET_LOCAL_OUT, NF_IP_PRI_FILTER + 1),
	HOOK(local_out, NFPROTO_IPV6, NF_INET_LOCAL_OUT, NF_IP6_PRI_FILTER + 1),
	HOOK(forward, NFPROTO_IPV4, NF_INET_FORWARD, NF_IP_PRI_FILTER + 1),
	HOOK(forward, NFPROTO_IPV6, NF_INET_FORWARD, NF_IP6_PRI_FILTER + 1),
#if IS_ENABLED(CONFIG_NETFILTER_FAMILY_BRIDGE)
	HOOK(bridge, NFPROTO_BRIDGE, NF_BR_FORWARD, NF_BR_PRI_FILTER_BRIDGED + 1),
#endif
};

/**
 * mqg_hook_register - let packets in
 * @net: everything else of which is set up
 *
 * Context: process. Return: 0 or a negative errno.
 */
int mqg_hook_register(struct net *net)
{
	return nf_register_net_hooks(net, hooks, ARRAY_SIZE(hooks));
}

/**
 * mqg_hook_unregister - let no more packets in; those inside are out after a grace period
 * @net: registered before
 *
 * Context: process.
 */
void mqg_hook_unregister(struct net *net)
{
	nf_unregister_net_hooks(net, hooks, ARRAY_SIZE(hooks));
}
