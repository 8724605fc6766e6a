/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What syn.bpf.c and bench_syn.c agree on. Written by bench_syn.c before a run, `count` and
 * `answers` by the programs; per CPU.
 */
#ifndef MQG_BENCH_SYN_H
#define MQG_BENCH_SYN_H

#include <linux/types.h>

#define SYN_FRAME	80	/* room for Ethernet, IPv6 and TCP with its MSS */

struct syn_traffic {
	__u32	count;
	__u32	ifindex;	/* of the interface that frames are sent out of */
	__u32	v6;
	__u32	ip_sum;		/* of the IPv4 header without its source, RFC 1071, not folded */
	__u32	tcp_sum;	/* of the segment without source, port and sequence number */
	__u32	reserved;
	__u64	answers;	/* SYN-ACKs that came back */
	__u8	frame[SYN_FRAME];	/* the SYN with those fields zero */
};

#endif
