/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The way from the program into the extension, which holds the calls to the kernel module: a tail
 * call through mqgate_ext, made last and never returning, or falling through where the slot is
 * empty. What the program knows already crosses in mqgate_crossing, one a CPU: XDP is not entered
 * again on its CPU, and between writing and reading there is nothing but the jump. The loader
 * sees to it that program and extension mean the same by struct crossing.
 *
 * Nothing is put into the slots from here: iproute2 would not load the object otherwise.
 */
#ifndef MQG_BPF_ASK_H
#define MQG_BPF_ASK_H

#include "first.h"

/* Not a reason: the program has no answer. */
#define MQG_ASK		MQGATE_REASON_MAX

/* A payload of a flow that has no socket here and no entry in mqgate_flows. */
struct crossing {
	struct packet		packet;
	struct judgement	judgement;	/* of its first bytes */
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct crossing);
} mqgate_crossing SEC(".maps");

/*
 * Slot 0: the extension, while the module is there. A map for each flavour, because the kernel
 * takes no program with frags into an array of programs without.
 */
struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} mqgate_ext SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} mqgate_ext_frag SEC(".maps");

static __always_inline struct crossing *crossing_get(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&mqgate_crossing, &zero);
}

/* Return: MQG_ASK, or a reason where there is nowhere to put the question. */
static __always_inline __u32 cross(const struct packet *p, const struct judgement *j)
{
	struct crossing *crossing = crossing_get();

	if (!crossing)
		return MQGATE_REASON_PASS_UNDECIDED;
	crossing->packet = *p;
	crossing->judgement = *j;
	return MQG_ASK;
}

/* Does not return where the extension is there. @frags is constant. */
static __always_inline void ask(struct xdp_md *ctx, const __u32 frags)
{
	if (frags)
		bpf_tail_call(ctx, &mqgate_ext_frag, 0);
	else
		bpf_tail_call(ctx, &mqgate_ext, 0);
}

#endif
