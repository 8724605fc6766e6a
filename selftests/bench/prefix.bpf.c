// SPDX-License-Identifier: GPL-2.0-only
/*
 * Ways to find the longest prefix of an address, measured by bench_prefix.c: bpf/prefix.h as the
 * XDP program has it, the kernel's LPM trie, and nothing at all, which is what the others are
 * more than. Each run takes the next address of a list.
 */
#include "../../bpf/prefix.h"

#include "prefix.h"

char _license[] SEC("license") = "GPL";

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(max_entries, 1024);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct mqgate_prefix4_key);
	__type(value, struct mqgate_verdict);
} trie4 SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(max_entries, 1024);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct mqgate_prefix6_key);
	__type(value, struct mqgate_verdict);
} trie6 SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, PREFIX_ADDRESSES);
	__type(key, __u32);
	__type(value, struct prefix_address);
} addresses SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct prefix_state);
} state SEC(".maps");

static __always_inline struct prefix_state *take(struct prefix_address *address)
{
	struct prefix_address *next;
	struct prefix_state *s;
	__u32 zero = 0, n;

	s = bpf_map_lookup_elem(&state, &zero);
	if (!s)
		return 0;
	n = s->count++ & (PREFIX_ADDRESSES - 1);
	next = bpf_map_lookup_elem(&addresses, &n);
	if (!next)
		return 0;
	*address = *next;
	return s;
}

#define ASK(name, find)						\
SEC("xdp")							\
int name(struct xdp_md *ctx)					\
{								\
	struct prefix_address a;				\
	struct mqgate_verdict *v;				\
	struct prefix_state *s = take(&a);			\
								\
	(void)ctx;						\
	if (!s)							\
		return XDP_ABORTED;				\
	v = find;						\
	if (v) {						\
		v->hits++;					\
		s->found++;					\
	}							\
	return XDP_DROP;					\
}

static __always_inline struct mqgate_verdict *find4(__u32 addr, __u64 lengths)
{
	struct mqgate_prefix4_key key = {};
	struct mqgate_verdict *v = 0;

	for (int i = 0; i < MQG_LENGTHS4 && lengths && !v; i++)
		v = prefix4_next(addr, &lengths, &key);
	return v;
}

static __always_inline struct mqgate_verdict *find6(__u64 high, __u64 lengths)
{
	struct mqgate_prefix6_key key = {};
	struct mqgate_verdict *v = 0;

	for (int i = 0; i < MQG_LENGTHS6 && lengths && !v; i++)
		v = prefix6_next(high, &lengths, &key);
	return v;
}

static __always_inline struct mqgate_verdict *ask_trie4(const struct prefix_address *a)
{
	struct mqgate_prefix4_key key = { .length = 32 };
	__u32 addr = bpf_htonl(a->v4);

	__builtin_memcpy(key.addr, &addr, sizeof(addr));
	return bpf_map_lookup_elem(&trie4, &key);
}

static __always_inline struct mqgate_verdict *ask_trie6(const struct prefix_address *a)
{
	struct mqgate_prefix6_key key = { .length = 128 };
	__u64 high = bpf_cpu_to_be64(a->high);

	__builtin_memcpy(key.addr, &high, sizeof(high));
	return bpf_map_lookup_elem(&trie6, &key);
}

ASK(nothing4, (void *)0)
ASK(nothing6, (void *)0)
ASK(lpm4, ask_trie4(&a))
ASK(lpm6, ask_trie6(&a))
ASK(index4, find4(a.v4, lengths4(s->control.bits4, a.v4)))
ASK(index6, find6(a.high, lengths6(&s->control, a.high)))
