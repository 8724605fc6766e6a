/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What prefix.bpf.c and bench_prefix.c agree on. Written by bench_prefix.c before a run, the
 * counts by the programs.
 */
#ifndef MQG_BENCH_PREFIX_H
#define MQG_BENCH_PREFIX_H

#include <linux/mqgate.h>

#define PREFIX_ADDRESSES	131072U		/* a power of two, at least 100,000 */

struct prefix_address {
	__u64	high;		/* first 64 bits of an IPv6 address */
	__u32	v4;
	__u32	reserved;
};

struct prefix_state {
	__u64			count;
	__u64			found;
	struct mqgate_control	control;
};

#endif
