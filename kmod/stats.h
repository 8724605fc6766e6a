/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Counters of a namespace: what the module did, and MQTT packets by service and type. Per
 * CPU, written in softirq or with BH disabled, summed by readers in process context.
 * Called from everywhere; no lock.
 */
#ifndef MQG_STATS_H
#define MQG_STATS_H

#include <linux/mqgate.h>
#include <linux/percpu.h>
#include <linux/types.h>

/* X(SYMBOL, "word", "what it counts"): the order is that of mqg_stats.counters */
#define MQG_COUNTER_LIST(X)								\
	X(SEGMENTS,	"segments",	"TCP segments of tracked clients")		\
	X(UNTRACKED,	"untracked",	"segments to or from a service that no entry exists for") \
	X(BEGUN,	"begun",	"entries made")					\
	X(PICKED_UP,	"picked-up",	"of those, for flows older than the entry")	\
	X(ENDED,	"ended",	"entries removed, for whatever reason")		\
	X(EVICTED,	"evicted",	"of those, to make room")			\
	X(TABLE_FULL,	"table-full",	"clients not tracked: table full and nothing to evict") \
	X(NO_MEMORY,	"no-memory",	"clients not tracked, or identifiers not kept, for want of memory") \
	X(HALF_OPEN,	"half-open",	"SYNs remembered in the half-open table")	\
	X(HALF_LOST,	"half-lost",	"half-open entries overwritten by newer ones")	\
	X(VIOLATIONS,	"violations",	"segments against the protocol, passed or not")	\
	X(DROPPED,	"dropped",	"segments dropped")				\
	X(RESETS,	"resets",	"connections reset")				\
	X(LATE_CONNECT,	"late-connect",	"no complete CONNECT in time")			\
	X(LATE_KEEP_ALIVE, "late-keep-alive", "keep alive x 1.5 passed")		\
	X(IDLE,		"idle",		"entries without traffic for too long")		\
	X(BAD_HEADER,	"bad-header",	"TCP headers that cannot be")			\
	X(FRAGMENTS,	"fragments",	"first fragments towards a service")		\
	X(CONNECTS,	"connects",	"CONNECT packets")				\
	X(RECONNECTS,	"reconnects",	"identifiers taken from one's own old connection, or a dead one") \
	X(TAKEOVERS,	"takeovers",	"identifiers taken from a live client elsewhere") \
	X(SHARED_IDS,	"shared-ids",	"identifiers found in use by two at once")	\
	X(SOURCES_FULL,	"sources-full",	"clients whose source was not counted: table full, no memory")

enum mqg_counter {
#define MQG_COUNTER_ENUM(symbol, word, text) MQG_COUNT_##symbol,
	MQG_COUNTER_LIST(MQG_COUNTER_ENUM)
#undef MQG_COUNTER_ENUM
	MQG_COUNTERS,
};

/* Of one CPU. */
struct mqg_stats {
	u64	counters[MQG_COUNTERS];
};

/* Of one CPU and one service: complete MQTT packets by direction and type (0..15). */
struct mqg_service_stats {
	u64	packets[2][16];
	u64	violations;
	u64	begun;
};

/* Adds one to a per-CPU field; this_cpu ops need neither BH nor preemption off. */
#define mqg_count(net, symbol)	this_cpu_inc((net)->stats->counters[MQG_COUNT_##symbol])

struct mqg_net;

void mqg_stats_sum(const struct mqg_net *net, struct mqg_stats *sum);
bool mqg_service_stats_sum(const struct mqg_net *net, u8 service, struct mqg_service_stats *sum);

#endif /* MQG_STATS_H */
