/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What traffic.bpf.c and its callers agree on: how many sources take turns, what they send, and
 * where a packet goes. Written by traffic.c before a run, `at` and `turn` by the program.
 */
#ifndef MQG_BENCH_TRAFFIC_H
#define MQG_BENCH_TRAFFIC_H

#include <linux/types.h>

/* 198.18.0.0/15, RFC 2544; the same number is the end of 2001:db8:18::. */
#define TRAFFIC_NET	0xC6120000U
#define TRAFFIC_NET6	0x20010DB8U
#define TRAFFIC_SOURCES	131072U		/* at least 100,000 */
#define TRAFFIC_STRIDE	40503U		/* prime: neighbours in time are none in the tables */
#define TRAFFIC_SHAPES	8
#define TRAFFIC_PAYLOAD	32		/* bytes that a frame has room for */

/* The source port of the source with this number. */
#define TRAFFIC_SPORT(i)	(1024 + ((i) & 0x7FFF))

/* Of the 256 frames that a veth's ring holds; how often the far end says what it has taken. */
#define TRAFFIC_IN_FLIGHT	192
#define TRAFFIC_PUBLISHED	16
#define TRAFFIC_BURST		32	/* frames that may be late, of an even pace */
#define TRAFFIC_PATIENCE	100000	/* looks at what it says */

/* Packets whose time is taken together, where stalls are looked for. */
#define TRAFFIC_BLOCK		1000

/* Written by run_blocks, and before a run by who asks. */
struct traffic_blocks {
	__u64	packets;
	__u64	since;		/* the block began, CLOCK_MONOTONIC ns */
	__u64	worst;		/* the slowest block, ns */
};

/* What a packet carries; the frame is as long as one with a whole payload. */
struct traffic_shape {
	__u8	payload[TRAFFIC_PAYLOAD];
	__u16	length;		/* of the payload */
	__u8	flags;		/* of TCP */
	__u8	reserved[5];
};

struct traffic {
	__u32			at;		/* whose turn it is, below sources */
	__u32			turn;		/* the shape that was last */
	__u32			sources;
	__u32			v6;
	__u32			ifindex;	/* that frames are sent out of */
	__u32			sum;		/* IPv4 header without length, source, sum */
	__u32			paced;		/* the far end counts: wait for it */
	__u32			reserved;
	__u64			sent;		/* as the far end counts, see traffic.bpf.c */
	__u64			interval;	/* ns from frame to frame; 0 = as fast as it goes */
	__u64			next;		/* when the next is due */
	struct traffic_shape	shapes[TRAFFIC_SHAPES];
};

#endif
