// SPDX-License-Identifier: GPL-2.0-only
/*
 * SYNs for bench_syn.c: each from another source, whole and with right checksums, written anew
 * every time, because what is measured turns them into SYN-ACKs in place. And what takes the
 * answers off the wire. The state is per CPU and needs no lock.
 */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/tcp.h>
#include <linux/types.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "syn.h"
#include "traffic.h"

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct syn_traffic);
} syn_traffic SEC(".maps");

static __always_inline struct syn_traffic *state(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&syn_traffic, &zero);
}

static __always_inline __u16 fold(__u64 sum)
{
	sum = (sum & 0xFFFF) + (sum >> 16 & 0xFFFF) + (sum >> 32);
	sum = (sum & 0xFFFF) + (sum >> 16);
	sum = (sum & 0xFFFF) + (sum >> 16);
	return ~sum;
}

static __always_inline int send(void *tcp_at, void *end, const struct syn_traffic *t,
				__be32 source, __u32 n)
{
	struct tcphdr *tcp = tcp_at;

	if ((void *)(tcp + 1) > end)
		return XDP_ABORTED;
	tcp->source = bpf_htons(1024 + (n >> 17 & 0x7FFF));
	tcp->seq = n * 2654435761U;
	tcp->check = fold((__u64)t->tcp_sum + source + tcp->source + tcp->seq);
	return bpf_redirect(t->ifindex, 0);
}

SEC("xdp")
int send_syn(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	struct syn_traffic *t = state();
	__be32 source;
	__u32 n;

	if (!t)
		return XDP_ABORTED;
	n = t->count++ * 40503U;
	source = bpf_htonl(TRAFFIC_NET | (n & (TRAFFIC_SOURCES - 1)));
	if (t->v6) {
		struct ipv6hdr *ip = data + sizeof(struct ethhdr);

		if (data + 78 > end)
			return XDP_ABORTED;
		__builtin_memcpy(data, t->frame, 78);
		/* a /64 each */
		ip->saddr.in6_u.u6_addr32[1] = source;
		return send(ip + 1, end, t, source, n);
	} else {
		struct iphdr *ip = data + sizeof(struct ethhdr);

		if (data + 58 > end)
			return XDP_ABORTED;
		__builtin_memcpy(data, t->frame, 58);
		ip->saddr = source;
		ip->check = fold((__u64)t->ip_sum + source);
		return send(ip + 1, end, t, source, n);
	}
}

/* The far end of what is measured. */
SEC("xdp")
int take_answer(struct xdp_md *ctx)
{
	struct syn_traffic *t = state();

	(void)ctx;
	if (t)
		t->answers++;
	return XDP_DROP;
}

SEC("xdp")
int pass(struct xdp_md *ctx)
{
	(void)ctx;
	return XDP_PASS;
}

char _license[] SEC("license") = "GPL";
