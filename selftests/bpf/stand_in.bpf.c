// SPDX-License-Identifier: GPL-2.0-only
/*
 * The extension as it is, with the call to the module answered from a map: what it makes of each
 * answer can so be tested where no module is. Loaded by xdp_ext.c.
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#undef __ksym
#define __ksym
#define bpf_mqgate_client_ask stand_in

#include "../../bpf/mqgate_ext.bpf.c"

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct mqgate_ask);
} stand_in_answer SEC(".maps");

int stand_in(struct xdp_md *ctx, const struct mqgate_flow_key *key, __u32 key__sz,
	     struct mqgate_ask *ask, __u32 ask__sz)
{
	__u32 zero = 0;
	struct mqgate_ask *answer = bpf_map_lookup_elem(&stand_in_answer, &zero);

	if (!ctx || !key || !ask || !answer || key__sz != sizeof(*key) || ask__sz != sizeof(*ask))
		return -1;
	*ask = *answer;
	return 0;
}
