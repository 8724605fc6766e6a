// SPDX-License-Identifier: GPL-2.0-only
/*
 * Makes every packet of a benchmark another one: writes a new source address and port into it,
 * then hands it on. Owns nothing of mqgate; bench_xdp.c loads it beside bpf/mqgate.bpf.o, which
 * is measured as it was built. The counter is per CPU and needs no lock.
 */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/tcp.h>
#include <linux/types.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "traffic.h"

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, TRAFFIC_TARGETS);
	__type(key, __u32);
	__type(value, __u32);
} targets SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct traffic);
} traffic SEC(".maps");

/* Rewrites the source. Return: what to do with the packet, or NULL. */
static __always_inline struct traffic *vary(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	struct iphdr *ip = data + sizeof(struct ethhdr);
	struct tcphdr *tcp = (void *)(ip + 1);
	struct traffic *t;
	__u32 zero = 0, n;

	t = bpf_map_lookup_elem(&traffic, &zero);
	if (!t || (void *)(tcp + 1) > end)
		return 0;
	/* An odd step visits every address, and neighbours in time are none in the tables. */
	n = t->count++ * 40503U;
	ip->saddr = bpf_htonl(TRAFFIC_NET | (n & (TRAFFIC_SOURCES - 1)));
	tcp->source = bpf_htons(1024 + (n >> 17 & 0x7FFF));
	return t;
}

SEC("xdp")
int run_target(struct xdp_md *ctx)
{
	struct traffic *t = vary(ctx);

	if (t)
		bpf_tail_call(ctx, &targets, t->target);
	return XDP_ABORTED;
}

SEC("xdp")
int send_frame(struct xdp_md *ctx)
{
	struct traffic *t = vary(ctx);

	return t ? bpf_redirect(t->ifindex, 0) : XDP_ABORTED;
}

/* The limit: nothing is cheaper than this. */
SEC("xdp")
int empty_drop(struct xdp_md *ctx)
{
	(void)ctx;
	return XDP_DROP;
}

char _license[] SEC("license") = "GPL";
