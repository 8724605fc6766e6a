// SPDX-License-Identifier: GPL-2.0-only
/*
 * Events to the listeners of group "events", and to tracers; see events.h and trace.h.
 */
#include "events.h"

#include <linux/spinlock.h>
#include <linux/timekeeping.h>

#include "client.h"
#include "net.h"
#include "netlink-gen.h"
#include "netlink.h"

#define CREATE_TRACE_POINTS
#include "trace.h"

/*
 * The part of an event that is neither its client nor its source; -1: not of this kind of event.
 */
struct event {
	u8	cmd;
	s16	before;
	s16	direction;
	s16	reason;
	s16	dropped;
};

static DEFINE_SPINLOCK(lock);
static bool started __read_mostly;

/**
 * mqg_events_start - the family is registered: events may be sent
 *
 * Context: process.
 */
void mqg_events_start(void)
{
	WRITE_ONCE(started, true);
}

/**
 * mqg_events_stop - send no more: the number of the group may soon be somebody else's
 *
 * Context: process. Waits until nobody sends any more.
 */
void mqg_events_stop(void)
{
	WRITE_ONCE(started, false);
	synchronize_rcu();
}

static int put_u8(struct sk_buff *skb, int type, s16 value)
{
	return value < 0 ? 0 : nla_put_u8(skb, type, value);
}

static int put_event(struct sk_buff *skb, const struct event *event, u64 seq)
{
	struct nlattr *nest = nla_nest_start(skb, MQGATE_A_EVENT);

	if (!nest ||
	    nla_put_u64_64bit(skb, MQGATE_A_EVENT_SEQ, seq, MQGATE_A_EVENT_PAD) ||
	    nla_put_u64_64bit(skb, MQGATE_A_EVENT_TIME, ktime_get_boottime_ns(),
			      MQGATE_A_EVENT_PAD) ||
	    put_u8(skb, MQGATE_A_EVENT_BEFORE, event->before) ||
	    put_u8(skb, MQGATE_A_EVENT_DIRECTION, event->direction) ||
	    put_u8(skb, MQGATE_A_EVENT_REASON, event->reason) ||
	    put_u8(skb, MQGATE_A_EVENT_DROPPED, event->dropped))
		return -EMSGSIZE;
	nla_nest_end(skb, nest);
	return 0;
}

static size_t event_size(void)
{
	return nla_total_size(0) + 2 * nla_total_size_64bit(sizeof(u64)) +
	       4 * nla_total_size(sizeof(u8));
}

/* Of a client or of a source. */
static struct sk_buff *make(const struct mqg_client *client, const struct mqg_source_view *view,
			    const struct event *event, u64 seq)
{
	size_t size = event_size();
	struct sk_buff *skb;
	void *header;

	size += client ? mqg_netlink_client_size() : mqg_netlink_source_size();
	skb = genlmsg_new(size, GFP_ATOMIC | __GFP_NOWARN);

	if (!skb)
		return NULL;
	header = genlmsg_put(skb, 0, 0, &mqg_netlink_family, 0, event->cmd);
	if (!header || put_event(skb, event, seq) ||
	    (client ? mqg_netlink_put_client(skb, client) : mqg_netlink_put_source(skb, view))) {
		nlmsg_free(skb);
		return NULL;
	}
	genlmsg_end(skb, header);
	return skb;
}

static void send_of(struct mqg_net *net, const struct mqg_client *client,
		    const struct mqg_source_view *view, const struct event *event)
{
	struct sk_buff *skb;

	if (!READ_ONCE(started) ||
	    !genl_has_listeners(&mqg_netlink_family, net->net, MQG_NL_MCGRP_EVENTS))
		return;
	spin_lock(&lock);
	skb = make(client, view, event, atomic64_inc_return(&net->event_seq));
	if (skb)
		genlmsg_multicast_netns(&mqg_netlink_family, net->net, skb, 0,
					MQG_NL_MCGRP_EVENTS, GFP_ATOMIC);
	spin_unlock(&lock);
}

static void send(const struct mqg_client *client, const struct event *event)
{
	send_of(client->net, client, NULL, event);
}

/**
 * mqg_event_begin - a client has an entry
 * @client: its lock held
 *
 * Context: BH disabled, RCU.
 */
void mqg_event_begin(const struct mqg_client *client)
{
	const struct event event = {
		.cmd		= MQGATE_CMD_CLIENT_BEGIN_NTF,
		.before		= -1,
		.direction	= -1,
		.reason		= -1,
		.dropped	= -1,
	};

	trace_mqgate_client_begin(client);
	send(client, &event);
}

/**
 * mqg_event_phase - a client has entered a phase
 * @client: its lock held; in the new phase
 * @before: the phase that was left
 *
 * Context: BH disabled, RCU.
 */
void mqg_event_phase(const struct mqg_client *client, u8 before)
{
	const struct event event = {
		.cmd		= MQGATE_CMD_CLIENT_PHASE_NTF,
		.before		= before,
		.direction	= -1,
		.reason		= -1,
		.dropped	= -1,
	};

	trace_mqgate_client_phase(client, before);
	send(client, &event);
}

/**
 * mqg_event_violation - something was against the protocol, or late
 * @client: its lock held
 * @dir: MQGATE_FROM_*, who offended
 * @reason: enum mqgate_reason
 * @dropped: whether it is enforced
 *
 * Context: BH disabled, RCU.
 */
void mqg_event_violation(const struct mqg_client *client, u8 dir, u8 reason, bool dropped)
{
	const struct event event = {
		.cmd		= MQGATE_CMD_CLIENT_VIOLATION_NTF,
		.before		= -1,
		.direction	= dir,
		.reason		= reason,
		.dropped	= dropped,
	};

	trace_mqgate_client_violation(client, dir, reason, dropped);
	send(client, &event);
}

/**
 * mqg_event_end - the entry of a client goes
 * @client: its lock held, not dead yet
 * @reason: enum mqgate_reason
 *
 * Context: BH disabled, RCU.
 */
void mqg_event_end(const struct mqg_client *client, u8 reason)
{
	const struct event event = {
		.cmd		= MQGATE_CMD_CLIENT_END_NTF,
		.before		= -1,
		.direction	= -1,
		.reason		= reason,
		.dropped	= -1,
	};

	trace_mqgate_client_end(client, reason);
	send(client, &event);
}

/**
 * mqg_event_holders - a client identifier is in use by two at once
 * @client: one of them; its lock held
 *
 * Context: BH disabled, RCU.
 */
void mqg_event_holders(const struct mqg_client *client)
{
	const struct event event = {
		.cmd		= MQGATE_CMD_CLIENT_HOLDERS_NTF,
		.before		= -1,
		.direction	= -1,
		.reason		= -1,
		.dropped	= -1,
	};

	send(client, &event);
}

/**
 * mqg_event_source - a source is over a threshold
 * @net: the namespace
 * @view: what is known of it
 *
 * Context: BH disabled, RCU.
 */
void mqg_event_source(struct mqg_net *net, const struct mqg_source_view *view)
{
	const struct event event = {
		.cmd		= MQGATE_CMD_SOURCE_NTF,
		.before		= -1,
		.direction	= -1,
		.reason		= -1,
		.dropped	= -1,
	};

	send_of(net, NULL, view, &event);
}
