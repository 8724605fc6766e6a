/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What traffic.bpf.c and bench_xdp.c agree on: how many sources take turns, and where a packet
 * goes. Written by bench_xdp.c before a run, `count` by the program.
 */
#ifndef MQG_BENCH_TRAFFIC_H
#define MQG_BENCH_TRAFFIC_H

#include <linux/types.h>

#define TRAFFIC_NET	0xC6120000U	/* 198.18.0.0/15, RFC 2544 */
#define TRAFFIC_SOURCES	131072U		/* a power of two, at least 100,000 */

#define TRAFFIC_EMPTY	0
#define TRAFFIC_OURS	1
#define TRAFFIC_TARGETS	2

struct traffic {
	__u32	count;
	__u32	target;		/* TRAFFIC_EMPTY or TRAFFIC_OURS */
	__u32	ifindex;	/* of the interface that frames are sent out of */
	__u32	reserved;
};

#endif
