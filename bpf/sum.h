/* SPDX-License-Identifier: GPL-2.0-only */
/* The Internet checksum, for the answers that XDP makes itself: cookie.h and reset.h. */
#ifndef MQG_BPF_SUM_H
#define MQG_BPF_SUM_H

#include <linux/types.h>

/* RFC 1071: the sum of 32-bit words, folded; never of more than 2^32 of them. */
static __always_inline __u16 fold(__u64 sum)
{
	sum = (sum & 0xFFFFFFFF) + (sum >> 32);
	sum = (sum & 0xFFFF) + (sum >> 16 & 0xFFFF) + (sum >> 32);
	sum = (sum & 0xFFFF) + (sum >> 16);
	sum = (sum & 0xFFFF) + (sum >> 16);
	return ~sum;
}

static __always_inline __u64 add_words(const void *from, const __u32 bytes)
{
	const __u32 *word = from;
	__u64 sum = 0;

#pragma unroll
	for (__u32 i = 0; i < bytes / 4; i++)
		sum += word[i];
	return sum;
}

#endif
