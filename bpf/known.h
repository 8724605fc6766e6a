/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The filter before mqgate_allow and mqgate_flows: is this flow one that they may have? Owns the
 * bits that XDP sets in mqgate_known; how it is kept is told there, in linux/mqgate.h. Bits are
 * set by atomic OR, no lock.
 */
#ifndef MQG_BPF_KNOWN_H
#define MQG_BPF_KNOWN_H

#include "parse.h"

static __always_inline __u64 *known_state(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&mqgate_known, &zero);
}

/* May a table have this flow? True where the filter cannot tell. */
static __always_inline bool known(const struct packet *p)
{
	__u64 *state = known_state(), *word, hash;
	__u32 at;

	if (!state)
		return true;
	hash = mqgf_hash(words(&p->flow));
	at = mqgf_word(*state, *state & MQGATE_KNOWN_F_HALF, hash);
	word = bpf_map_lookup_elem(&mqgate_known, &at);
	return !word || (*word & mqgf_bit(hash));
}

static __always_inline void known_set(__u64 state, __u32 half, __u64 hash)
{
	__u32 at = mqgf_word(state, half, hash);
	__u64 *word = bpf_map_lookup_elem(&mqgate_known, &at);

	if (word && !(*word & mqgf_bit(hash)))
		__sync_fetch_and_or(word, mqgf_bit(hash));
}

/**
 * mqg_known_add() - set the bit of a flow
 * @key: its key
 *
 * Called before the flow is put into a table, and again behind that where the answer is another
 * one then. Return: the low half of the state that the bit was set by.
 */
MQG_BORDER int mqg_known_add(struct mqgate_flow_key *key)
{
	__u64 *state = known_state(), now, hash;

	if (!key || !state)
		return 0;
	now = *(volatile __u64 *)state;
	hash = mqgf_hash(words(key));
	known_set(now, now & MQGATE_KNOWN_F_HALF, hash);
	if (now & MQGATE_KNOWN_F_BOTH)
		known_set(now, !(now & MQGATE_KNOWN_F_HALF), hash);
	return now;
}

static __always_inline bool known_moved(__u32 before)
{
	__u64 *state = known_state();

	return state && (__u32)*(volatile __u64 *)state != before;
}

#endif
