// SPDX-License-Identifier: GPL-2.0-only
/*
 * Makes every packet of a benchmark another one: writes source, port, flags and payload of the
 * next one into it, then hands it on. Owns nothing of mqgate, which is measured as it was built.
 * One thread at a time runs it: no lock.
 *
 * On the wire the sender waits where the far end has not taken enough yet. What finds the ring
 * full is thrown away by the sender, which takes the lock of the page pool for it: the one that
 * the measured CPU needs for every frame it drops. No card has such a neighbour.
 */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/tcp.h>
#include <linux/types.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "traffic.h"

/* The measured program. */
struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} target SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct traffic);
} traffic SEC(".maps");

static __always_inline void write_segment(struct tcphdr *tcp, const struct traffic_shape *shape,
					  __u32 i)
{
	const __u64 *from = (const __u64 *)shape->payload;
	__u64 *to = (__u64 *)(tcp + 1);

	tcp->source = bpf_htons(TRAFFIC_SPORT(i));
	((__u8 *)tcp)[13] = shape->flags;
#pragma unroll
	for (int k = 0; k < TRAFFIC_PAYLOAD / 8; k++)
		to[k] = from[k];
}

/* Return: the state, or NULL where the frame is too short. */
static __always_inline struct traffic *vary(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	const struct traffic_shape *shape;
	struct traffic *t;
	__u32 zero = 0, sum, i;

	t = bpf_map_lookup_elem(&traffic, &zero);
	if (!t)
		return 0;
	i = t->at + TRAFFIC_STRIDE % t->sources;
	if (i >= t->sources)
		i -= t->sources;
	t->at = i;
	t->turn++;
	shape = &t->shapes[t->turn & (TRAFFIC_SHAPES - 1)];
	if (t->v6) {
		struct ipv6hdr *ip = data + sizeof(struct ethhdr);
		struct tcphdr *tcp = (void *)(ip + 1);

		if ((void *)(tcp + 1) + TRAFFIC_PAYLOAD > end)
			return 0;
		ip->payload_len = bpf_htons(sizeof(*tcp) + shape->length);
		ip->saddr.in6_u.u6_addr32[3] = bpf_htonl(TRAFFIC_NET | i);
		write_segment(tcp, shape, i);
	} else {
		struct iphdr *ip = data + sizeof(struct ethhdr);
		struct tcphdr *tcp = (void *)(ip + 1);

		if ((void *)(tcp + 1) + TRAFFIC_PAYLOAD > end)
			return 0;
		ip->tot_len = bpf_htons(sizeof(*ip) + sizeof(*tcp) + shape->length);
		ip->saddr = bpf_htonl(TRAFFIC_NET | i);
		sum = t->sum + ip->tot_len + (ip->saddr & 0xFFFF) + (ip->saddr >> 16);
		sum = (sum & 0xFFFF) + (sum >> 16);
		ip->check = ~((sum & 0xFFFF) + (sum >> 16));
		write_segment(tcp, shape, i);
	}
	return t;
}

SEC("xdp")
int run_target(struct xdp_md *ctx)
{
	if (vary(ctx))
		bpf_tail_call(ctx, &target, 0);
	return XDP_ABORTED;
}

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct traffic_blocks);
} blocks SEC(".maps");

static __always_inline void take_time(struct traffic_blocks *b)
{
	__u64 now = bpf_ktime_get_ns();

	if (b->since && now - b->since > b->worst)
		b->worst = now - b->since;
	b->since = now;
}

SEC("xdp")
int run_blocks(struct xdp_md *ctx)
{
	struct traffic_blocks *b;
	__u32 zero = 0;

	b = bpf_map_lookup_elem(&blocks, &zero);
	if (!b || !vary(ctx))
		return XDP_ABORTED;
	if (!(b->packets++ % TRAFFIC_BLOCK))
		take_time(b);
	bpf_tail_call(ctx, &target, 0);
	return XDP_ABORTED;
}

/* Frames that the far end has taken: counted there, and published now and then. */
struct taken {
	__u64	count;
} __attribute__((aligned(64)));

struct taken taken, published;

SEC("xdp")
int count_target(struct xdp_md *ctx)
{
	if (!(++taken.count % TRAFFIC_PUBLISHED))
		published.count = taken.count;
	bpf_tail_call(ctx, &target, 0);
	return XDP_ABORTED;
}

static int has_room(__u32 i, void *arg)
{
	const __u64 *sent = arg;

	(void)i;
	return *sent - *(volatile __u64 *)&published.count < TRAFFIC_IN_FLIGHT;
}

/* It is time for the next frame. */
static int is_time(__u32 i, void *arg)
{
	const __u64 *next = arg;

	(void)i;
	return bpf_ktime_get_ns() >= *next;
}

/* An even pace: who was held up sends what is due, but of no more than a burst. */
static __always_inline void keep_pace(struct traffic *t)
{
	__u64 now = bpf_ktime_get_ns(), next = t->next + t->interval;

	if (next + TRAFFIC_BURST * t->interval < now)
		next = now;
	t->next = next;
	if (next > now)
		bpf_loop(TRAFFIC_PATIENCE, is_time, &next, 0);
}

SEC("xdp")
int send_frame(struct xdp_md *ctx)
{
	struct traffic *t = vary(ctx);
	__u64 sent;

	if (!t)
		return XDP_ABORTED;
	sent = t->sent;
	/* As many as do not come in a millisecond were lost. */
	if (t->paced && bpf_loop(TRAFFIC_PATIENCE, has_room, &sent, 0) == TRAFFIC_PATIENCE)
		t->sent = published.count;
	t->sent++;
	if (t->interval)
		keep_pace(t);
	return bpf_redirect(t->ifindex, 0);
}

char _license[] SEC("license") = "GPL";
