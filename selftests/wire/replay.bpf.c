// SPDX-License-Identifier: GPL-2.0-only
/*
 * The parsers driven as XDP drives them: the payload behind 14 bytes of Ethernet header, at most
 * 512 bytes of it copied, one step a turn of bpf_loop(). Run by bpf_replay.c through
 * BPF_PROG_TEST_RUN, which reads the answer from the map; never attached.
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#include "replay.h"

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct replay);
} replay SEC(".maps");

struct turn {
	struct replay	*r;
	__u32		len;
};

/* Clang must not know the bound that the verifier has to see. */
#define BYTE_AT(r, i) ({ __u32 at = (i); asm volatile("%0 &= 511" : "+r"(at)); (r)->copy[at]; })

static long turn_connect(__u32 i, struct turn *t)
{
	if (i >= t->len)
		return 1;
	t->r->status = mqw_connect_step(&t->r->connect, BYTE_AT(t->r, i));
	return t->r->status != MQW_NEED_MORE;
}

static long turn_hello(__u32 i, struct turn *t)
{
	if (i >= t->len)
		return 1;
	t->r->status = tlsw_hello_step(&t->r->hello, BYTE_AT(t->r, i));
	return t->r->status != MQW_NEED_MORE;
}

static long turn_connack(__u32 i, struct turn *t)
{
	if (i >= t->len)
		return 1;
	t->r->status = mqw_connack_step(&t->r->connack, BYTE_AT(t->r, i));
	return t->r->status != MQW_NEED_MORE;
}

/* The copy, zero behind the payload as the check of the first bytes wants it. */
static __always_inline struct replay *copy(struct xdp_md *ctx, struct turn *t)
{
	__u32 zero = 0, n = ctx->data_end - ctx->data - REPLAY_HEADER;
	struct replay *r = bpf_map_lookup_elem(&replay, &zero);

	if (!r)
		return NULL;
	t->r = r;
	r->status = MQW_NEED_MORE;
	__builtin_memset(r->copy, 0, 16);
	if (n > REPLAY_COPY)
		n = REPLAY_COPY;
	t->len = n;
	if (n == 0)
		return r;
	/* 6.1's verifier wants a size of at least one, seen as such */
	if (bpf_xdp_load_bytes(ctx, REPLAY_HEADER, r->copy, ((n - 1) & (REPLAY_COPY - 1)) + 1))
		return NULL;
	return r;
}

SEC("xdp")
int replay_connect(struct xdp_md *ctx)
{
	struct turn t = { 0 };
	struct replay *r = copy(ctx, &t);

	if (!r)
		return XDP_ABORTED;
	mqw_connect_init(&r->connect, r->max);
	bpf_loop(t.len, turn_connect, &t, 0);
	r->reason = r->connect.reason;
	return XDP_PASS;
}

SEC("xdp")
int replay_hello(struct xdp_md *ctx)
{
	struct turn t = { 0 };
	struct replay *r = copy(ctx, &t);

	if (!r)
		return XDP_ABORTED;
	tlsw_hello_init(&r->hello, r->max);
	bpf_loop(t.len, turn_hello, &t, 0);
	r->reason = r->hello.reason;
	return XDP_PASS;
}

SEC("xdp")
int replay_connack(struct xdp_md *ctx)
{
	struct turn t = { 0 };
	struct replay *r = copy(ctx, &t);

	if (!r)
		return XDP_ABORTED;
	mqw_connack_init(&r->connack, r->level, r->max);
	bpf_loop(t.len, turn_connack, &t, 0);
	r->reason = r->connack.reason;
	return XDP_PASS;
}

SEC("xdp")
int replay_connect_head(struct xdp_md *ctx)
{
	struct turn t = { 0 };
	struct replay *r = copy(ctx, &t);
	struct mqw_head out;

	if (!r)
		return XDP_ABORTED;
	r->status = mqw_head_check(r->copy, t.len < 16 ? t.len : 16, r->max, &out);
	r->reason = out.reason;
	return XDP_PASS;
}

SEC("xdp")
int replay_hello_head(struct xdp_md *ctx)
{
	struct turn t = { 0 };
	struct replay *r = copy(ctx, &t);
	struct tlsw_head out;

	if (!r)
		return XDP_ABORTED;
	r->status = tlsw_head_check(r->copy, t.len < 16 ? t.len : 16, r->max, &out);
	r->reason = out.reason;
	return XDP_PASS;
}

char gpl[] SEC("license") = "GPL";
