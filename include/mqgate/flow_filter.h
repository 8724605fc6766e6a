/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Where a flow has its bit in mqgate_known, and the word that says which half is read. The XDP
 * program and user space both write bits there, so this is one place for both; no state.
 */
#ifndef MQGATE_FLOW_FILTER_H
#define MQGATE_FLOW_FILTER_H

#include <linux/mqgate.h>

/**
 * mqgf_hash() - one number for a flow
 * @word: struct mqgate_flow_key as five words, in the order of the machine
 *
 * Not keyed: who finds two flows of one bit gains that a packet of the second is looked up.
 * Return: the highest bits pick the word, those from 32 on the bit; the low ones are poor.
 */
static __always_inline __u64 mqgf_hash(const __u64 word[5])
{
	__u64 high = word[0] ^ word[2] * 0x165667B19E3779F9ULL;
	__u64 low = word[1] ^ word[3] * 0xD6E8FEB86659FD93ULL;
	__u64 h;

	/* Of addresses that count up, the top bits of a word differ: they go down first. */
	h = high * 0x9E3779B97F4A7C15ULL ^ (low >> 32 | low << 32) * 0xC2B2AE3D27D4EB4FULL ^
	    word[4] * 0xA0761D6478BD642FULL;
	h ^= h >> 32;
	return h * 0xE7037ED1A0B428DBULL;
}

/* Words of one half, by the state word; what nobody sized is as the object declares it. */
static __always_inline __u32 mqgf_order(__u64 state)
{
	__u32 order = (__u32)(state >> MQGATE_KNOWN_ORDER_SHIFT) & MQGATE_KNOWN_ORDER_MASK;

	return order ? order : MQGATE_KNOWN_ORDER_DEFAULT;
}

/* Index of the word of @hash in half 0 or 1. */
static __always_inline __u32 mqgf_word(__u64 state, __u32 half, __u64 hash)
{
	__u32 order = mqgf_order(state);

	return MQGATE_KNOWN_HEADER + (half << order) + (__u32)(hash >> (64 - order));
}

static __always_inline __u64 mqgf_bit(__u64 hash)
{
	return 1ULL << (hash >> 32 & 63);
}

#endif /* MQGATE_FLOW_FILTER_H */
