// SPDX-License-Identifier: GPL-2.0-only
/*
 * The limits of bench_xdp: the least that a program has to do. It finds the TCP segment in the
 * same headers and makes one or two look-ups in mqgate's own maps, which the loader gives it. It
 * judges nothing, knows no service, counts nothing.
 */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/tcp.h>
#include <linux/types.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include <linux/mqgate.h>

char _license[] SEC("license") = "GPL";

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1);
	__type(key, struct mqgate_flow_key);
	__type(value, struct mqgate_flow);
} mqgate_flows SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, struct mqgate_flow_key);
	__type(value, struct mqgate_allow);
} mqgate_allow SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, struct mqgate_source_key);
	__type(value, struct mqgate_verdict);
} mqgate_sources SEC(".maps");

static __always_inline void put(void *to, const void *from, const __u32 len)
{
	__builtin_memcpy(__builtin_assume_aligned(to, 4), __builtin_assume_aligned(from, 4), len);
}

/* The key of the flow. Return: 1, or 0 where it is no TCP over IP. */
static __always_inline int parse(struct xdp_md *ctx, struct mqgate_flow_key *key)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	struct ethhdr *eth = data;
	struct tcphdr *tcp;

	if ((void *)(eth + 1) > end)
		return 0;
	if (eth->h_proto == bpf_htons(ETH_P_IP)) {
		struct iphdr *ip = (void *)(eth + 1);
		__u32 mapped = bpf_htonl(0xFFFF);

		if ((void *)(ip + 1) > end || ip->ihl < 5 || ip->protocol != IPPROTO_TCP ||
		    (ip->frag_off & bpf_htons(0x3FFF)))
			return 0;
		tcp = (void *)ip + ip->ihl * 4;
		put(key->saddr + 8, &mapped, 4);
		put(key->saddr + 12, &ip->saddr, 4);
		put(key->daddr + 8, &mapped, 4);
		put(key->daddr + 12, &ip->daddr, 4);
	} else if (eth->h_proto == bpf_htons(ETH_P_IPV6)) {
		struct ipv6hdr *ip = (void *)(eth + 1);

		if ((void *)(ip + 1) > end || ip->nexthdr != IPPROTO_TCP)
			return 0;
		tcp = (void *)(ip + 1);
		put(key->saddr, &ip->saddr, 16);
		put(key->daddr, &ip->daddr, 16);
	} else {
		return 0;
	}
	if ((void *)(tcp + 1) > end || tcp->doff < 5)
		return 0;
	key->sport = bpf_ntohs(tcp->source);
	key->dport = bpf_ntohs(tcp->dest);
	key->proto = IPPROTO_TCP;
	return 1;
}

/* Nothing is cheaper than this. */
SEC("xdp")
int empty_drop(struct xdp_md *ctx)
{
	(void)ctx;
	return XDP_DROP;
}

/* For those who drop behind the driver. */
SEC("xdp")
int empty_pass(struct xdp_md *ctx)
{
	(void)ctx;
	return XDP_PASS;
}

/* What it costs to have looked at the headers: another CPU has just written them. */
SEC("xdp")
int parse_only(struct xdp_md *ctx)
{
	struct mqgate_flow_key key = {};

	return parse(ctx, &key) && key.dport == MQGATE_PORT_MQTT ? XDP_DROP : XDP_PASS;
}

SEC("xdp")
int flow_miss(struct xdp_md *ctx)
{
	struct mqgate_flow_key key = {};

	if (!parse(ctx, &key))
		return XDP_PASS;
	return bpf_map_lookup_elem(&mqgate_flows, &key) ? XDP_PASS : XDP_DROP;
}

SEC("xdp")
int flow_miss_source(struct xdp_md *ctx)
{
	struct mqgate_flow_key key = {};
	struct mqgate_source_key source;
	struct mqgate_verdict *verdict;

	if (!parse(ctx, &key) || bpf_map_lookup_elem(&mqgate_flows, &key))
		return XDP_PASS;
	put(source.addr, key.saddr, 16);
	verdict = bpf_map_lookup_elem(&mqgate_sources, &source);
	return verdict && verdict->action == MQGATE_ACTION_DROP ? XDP_DROP : XDP_PASS;
}

SEC("xdp")
int flow_hit(struct xdp_md *ctx)
{
	struct mqgate_flow_key key = {};

	if (!parse(ctx, &key))
		return XDP_DROP;
	return bpf_map_lookup_elem(&mqgate_allow, &key) ? XDP_PASS : XDP_DROP;
}
