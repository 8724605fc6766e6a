// SPDX-License-Identifier: GPL-2.0-only
/*
 * Somebody else's XDP program, for chain.sh: counts TCP segments with payload and passes them.
 */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/tcp.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

char _license[] SEC("license") = "GPL";

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} neighbour_seen SEC(".maps");

SEC("xdp")
int neighbour(struct xdp_md *ctx)
{
	const struct ethhdr *eth = (void *)(long)ctx->data;
	const struct iphdr *ip = (const void *)(eth + 1);
	const struct tcphdr *tcp = (const void *)(ip + 1);
	const void *end = (void *)(long)ctx->data_end;
	__u32 zero = 0;
	__u64 *seen;

	if ((const void *)(tcp + 1) > end || eth->h_proto != bpf_htons(ETH_P_IP) || ip->ihl != 5 ||
	    ip->protocol != IPPROTO_TCP || bpf_ntohs(ip->tot_len) <= 20 + 4 * tcp->doff)
		return XDP_PASS;
	seen = bpf_map_lookup_elem(&neighbour_seen, &zero);
	if (seen)
		__sync_fetch_and_add(seen, 1);
	return XDP_PASS;
}
