/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The longest prefix of an address that has a verdict. Called by verdict.h where the address
 * itself has none. Reads mqgate_prefix4, mqgate_prefix6 and their indexes; no lock: the writer
 * sets the bits of an index before the prefix that they stand for.
 *
 * One hash look-up for every length would be 32 for IPv4. The index says which of them can
 * find anything for this block of addresses: mostly none, or the one that does. Measured with
 * `make bench-xdp` against the kernel's LPM trie, which walks a node for every bit that differs.
 */
#ifndef MQG_BPF_PREFIX_H
#define MQG_BPF_PREFIX_H

#include "maps.h"

#define MQG_LENGTHS4	32
#define MQG_LENGTHS6	64

/* The number of the lowest bit that is set; eBPF has no instruction for it. @bits is not 0. */
static __always_inline __u32 lowest(__u64 bits)
{
	__u64 x = (bits & -bits) - 1;

	x -= x >> 1 & 0x5555555555555555ULL;
	x = (x & 0x3333333333333333ULL) + (x >> 2 & 0x3333333333333333ULL);
	x = (x + (x >> 4)) & 0x0F0F0F0F0F0F0F0FULL;
	return x * 0x0101010101010101ULL >> 56;
}

/* The lengths that some prefix of the block of @addr (host order) has; bit 31 - length. */
static __always_inline __u32 lengths4(__u32 bits4, __u32 addr)
{
	__u32 block = (__u64)addr >> (32 - (bits4 & 31));
	__u32 word = MQGATE_INDEX4_WORD(block);
	__u64 *lengths = bpf_map_lookup_elem(&mqgate_index4, &word);

	return lengths ? *lengths >> MQGATE_INDEX4_SHIFT(block) : 0;
}

static __always_inline struct mqgate_verdict *prefix4_next(__u32 addr, __u64 *lengths,
							   struct mqgate_prefix4_key *key)
{
	__u32 bit = lowest(*lengths), network;

	*lengths &= *lengths - 1;
	key->length = 31 - (bit & 31);
	network = bpf_htonl(addr & (__u32)(0xFFFFFFFF00000000ULL >> key->length));
	__builtin_memcpy(key->addr, &network, sizeof(network));
	return bpf_map_lookup_elem(&mqgate_prefix4, key);
}

/* As lengths4(), of the first 64 bits; bit 63 - length. The look-ups wait for each other not. */
static __always_inline __u64 lengths6(const struct mqgate_control *control, __u64 high)
{
	__u64 lengths = control->lengths6, *found;
	__u32 slot, word;

#pragma unroll
	for (__u32 level = 0; level < MQGATE_INDEX6_LEVELS; level++) {
		slot = MQGATE_INDEX6_SLOT(high, level, control->slots6);
		word = MQGATE_INDEX6_WORD(slot);
		found = bpf_map_lookup_elem(&mqgate_index6, &word);
		if (found)
			lengths |= (*found >> MQGATE_INDEX6_SHIFT(slot) & 0xFFFF) <<
				   (16 - 16 * level);
	}
	return lengths;
}

static __always_inline struct mqgate_verdict *prefix6_next(__u64 high, __u64 *lengths,
							   struct mqgate_prefix6_key *key)
{
	__u32 bit = lowest(*lengths) & 63;
	__u64 network = bpf_cpu_to_be64(high & (~0ULL << 1) << bit);

	*lengths &= *lengths - 1;
	key->length = 63 - bit;
	__builtin_memcpy(key->addr, &network, sizeof(network));
	return bpf_map_lookup_elem(&mqgate_prefix6, key);
}

#endif
