/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Tracepoints, below events/mqgate in tracefs: a client begins, enters a phase, offends, ends.
 * events.c makes them, where it tells netlink the same; with nobody tracing each costs a jump
 * that is patched out. Fields are numbers of the ABI headers, addresses 16 bytes as in mqgate.h:
 * IPv4 prints as ::ffff:192.0.2.1.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM mqgate

#if !defined(MQG_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define MQG_TRACE_H

#include <linux/tracepoint.h>

#include "client.h"
#include "net.h"

#define MQG_TRACE_FLOW						\
	__array(__u8, saddr, 16)				\
	__array(__u8, daddr, 16)				\
	__field(__u16, sport)					\
	__field(__u16, dport)					\
	__field(__u8, service)					\
	__field(__u8, phase)					\
	__field(__u32, netns)

#define mqg_trace_flow(client)							\
	memcpy(__entry->saddr, (client)->key.saddr, sizeof(__entry->saddr));	\
	memcpy(__entry->daddr, (client)->key.daddr, sizeof(__entry->daddr));	\
	__entry->sport = (client)->key.sport;					\
	__entry->dport = (client)->key.dport;					\
	__entry->service = (client)->service;					\
	__entry->phase = (client)->phase;					\
	__entry->netns = (client)->net->net->ns.inum

#define MQG_TRACE_FLOW_FORMAT	"netns=%u from=[%pI6c]:%u to=[%pI6c]:%u service=%u phase=%u"
#define MQG_TRACE_FLOW_FIELDS							\
	__entry->netns, __entry->saddr, __entry->sport, __entry->daddr,		\
	__entry->dport, __entry->service, __entry->phase

TRACE_EVENT(mqgate_client_begin,
	TP_PROTO(const struct mqg_client *client),
	TP_ARGS(client),
	TP_STRUCT__entry(
		MQG_TRACE_FLOW
		__field(__u32, flags)
	),
	TP_fast_assign(
		mqg_trace_flow(client);
		__entry->flags = client->flags & MQG_CLIENT_SHOWN;
	),
	TP_printk(MQG_TRACE_FLOW_FORMAT " flags=%#x", MQG_TRACE_FLOW_FIELDS, __entry->flags)
);

TRACE_EVENT(mqgate_client_phase,
	TP_PROTO(const struct mqg_client *client, u8 before),
	TP_ARGS(client, before),
	TP_STRUCT__entry(
		MQG_TRACE_FLOW
		__field(__u8, before)
	),
	TP_fast_assign(
		mqg_trace_flow(client);
		__entry->before = before;
	),
	TP_printk(MQG_TRACE_FLOW_FORMAT " before=%u", MQG_TRACE_FLOW_FIELDS, __entry->before)
);

TRACE_EVENT(mqgate_client_violation,
	TP_PROTO(const struct mqg_client *client, u8 dir, u8 reason, bool dropped),
	TP_ARGS(client, dir, reason, dropped),
	TP_STRUCT__entry(
		MQG_TRACE_FLOW
		__field(__u8, direction)
		__field(__u8, reason)
		__field(__u8, dropped)
	),
	TP_fast_assign(
		mqg_trace_flow(client);
		__entry->direction = dir;
		__entry->reason = reason;
		__entry->dropped = dropped;
	),
	TP_printk(MQG_TRACE_FLOW_FORMAT " direction=%u reason=%u dropped=%u",
		  MQG_TRACE_FLOW_FIELDS, __entry->direction, __entry->reason, __entry->dropped)
);

TRACE_EVENT(mqgate_client_end,
	TP_PROTO(const struct mqg_client *client, u8 reason),
	TP_ARGS(client, reason),
	TP_STRUCT__entry(
		MQG_TRACE_FLOW
		__field(__u8, reason)
		__field(__u64, bytes_from)
		__field(__u64, bytes_to)
	),
	TP_fast_assign(
		mqg_trace_flow(client);
		__entry->reason = reason;
		__entry->bytes_from = client->bytes[MQGATE_FROM_CLIENT];
		__entry->bytes_to = client->bytes[MQGATE_FROM_SERVER];
	),
	TP_printk(MQG_TRACE_FLOW_FORMAT " reason=%u bytes_from=%llu bytes_to=%llu",
		  MQG_TRACE_FLOW_FIELDS, __entry->reason, __entry->bytes_from,
		  __entry->bytes_to)
);

#endif /* MQG_TRACE_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
