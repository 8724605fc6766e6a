/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The maps, with the names, keys and values of the ABI, and the constants that the loader
 * sets. Included by every other header here. Sizes are modest, so that iproute2 loads the
 * object as it is; the loader enlarges them. Nothing is pinned from here.
 *
 * Locks: none. Map values are written in place without atomics where a lost update costs a
 * count and nothing else; this is said where it happens.
 */
#ifndef MQG_BPF_MAPS_H
#define MQG_BPF_MAPS_H

#include <linux/bpf.h>
#include <linux/types.h>
#include <stdbool.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include <linux/mqgate.h>
#include <mqgate/flow_filter.h>
#include <mqgate/mqtt_wire.h>
#include <mqgate/tls_wire.h>

#define MQG_SECOND_NS	1000000000ULL
#define MQG_MS_NS	1000000ULL

/*
 * A function that the verifier judges once, by its signature alone, instead of again for
 * every path that leads to a call. Without these borders the paths multiply: minutes to load,
 * and a limit that a new branch may reach. Pointers it is given may be NULL for all it knows,
 * and Linux 6.1 takes no map key or value from behind them: a copy on the stack serves.
 */
#define MQG_BORDER	__attribute__((noinline))

/* Bytes of a first payload that are copied and parsed; what is longer is not judged further. */
#define MQG_COPY_BYTES	512

const volatile struct mqgate_rodata mqgate_rodata = {
	.abi_version = MQGATE_ABI_VERSION,
	.sample_ns = 100 * MQG_MS_NS,
	.sample_proven_ns = MQG_MS_NS,
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, MQGATE_PORTS_ENTRIES);
	__type(key, __u32);
	__type(value, __u32);
} mqgate_ports SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, MQGATE_SERVICES);
	__type(key, __u32);
	__type(value, struct mqgate_service);
} mqgate_svc SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16384);
	__type(key, struct mqgate_source_key);
	__type(value, struct mqgate_verdict);
} mqgate_sources SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, struct mqgate_prefix4_key);
	__type(value, struct mqgate_verdict);
} mqgate_prefix4 SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, struct mqgate_prefix6_key);
	__type(value, struct mqgate_verdict);
} mqgate_prefix6 SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 32768);
	__type(key, __u32);
	__type(value, __u64);
} mqgate_index4 SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 4096);
	__type(key, __u32);
	__type(value, __u64);
} mqgate_index6 SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct mqgate_control);
} mqgate_control SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 16384);
	__type(key, struct mqgate_budget_key);
	__type(value, struct mqgate_budget);
} mqgate_budgets SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, MQGATE_SERVICES);
	__type(key, __u32);
	__type(value, struct mqgate_syn);
} mqgate_syn SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16384);
	__type(key, struct mqgate_flow_key);
	__type(value, struct mqgate_allow);
} mqgate_allow SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 65536);
	__type(key, struct mqgate_flow_key);
	__type(value, struct mqgate_flow);
} mqgate_flows SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, MQGATE_KNOWN_ENTRIES(MQGATE_KNOWN_ORDER_DEFAULT));
	__type(key, __u32);
	__type(value, __u64);
} mqgate_known SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, MQGATE_STATS_ENTRIES);
	__type(key, __u32);
	__type(value, struct mqgate_stat);
} mqgate_stats SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, MQGATE_TOP_SETS);
	__type(key, __u32);
	__type(value, struct mqgate_top_set);
} mqgate_top SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 256 * 1024);
} mqgate_events SEC(".maps");

struct head {
	union {
		__u8		bytes[MQW_HEAD_BYTES];
		__be64		words[MQW_HEAD_BYTES / 8];
	};
};

/* How often a reason came since the clock was read for it, and when that was. */
struct pulse {
	__u32			tick;		/* jiffies */
	__u16			service;
	__u16			count;
};

/*
 * What was found out last of an address that SYNs go to: cookie.h asks again when it is another
 * one, or a while later. In a flood it is one and the same.
 */
struct target {
	__u64			addr[2];
	__u64			until;
	__u32			ifindex;
	__u32			mss;		/* that is announced there */
	__u32			here;		/* nobody sends it on */
	__u32			reserved;
};

/* Tokens of a service that a CPU took from mqgate_syn and has not used. */
struct tokens {
	__u32			rate;
	__u32			calm;
};

/*
 * What does not fit the stack. XDP runs with softirqs off and is not entered again on its
 * CPU, so that one a CPU is enough. Not part of the ABI.
 */
struct scratch {
	__u64			ahead;		/* CLOCK_BOOTTIME of CLOCK_MONOTONIC, ns */
	__u64			ahead_until;	/* CLOCK_MONOTONIC, ns: when to look again */
	__u8			bytes[MQG_COPY_BYTES];
	/* The first payload's head, put together from segments, with room to overshoot. */
	union {
		struct head		head;
		__u8			head_bytes[2 * MQW_HEAD_BYTES];
	};
	union {
		struct mqw_connect	connect;
		struct tlsw_hello	hello;
	};
	__u64			looked[MQGATE_REASON_PACKET_MAX];
	struct pulse		pulses[MQGATE_REASON_PACKET_MAX];
	struct mqgate_budget_key bucket;	/* of mqg_budget_take() */
	struct mqgate_prefix6_key prefix6;	/* of try_prefix6() */
	struct tokens		tokens[MQGATE_SERVICES];	/* of syn.h */
	struct target		target;
	__u8			ip[40];		/* of cookie.h: what its helpers read */
	__u8			tcp[64];
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct scratch);
} mqgate_scratch SEC(".maps");

static __always_inline struct scratch *scratch_get(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&mqgate_scratch, &zero);
}

#endif
