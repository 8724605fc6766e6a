/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Builds Ethernet frames with one TCP segment, checksums and all. Used by flood.c. No state.
 */
#ifndef SELFTESTS_E2E_PACKET_H
#define SELFTESTS_E2E_PACKET_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PACKET_MAX 256

struct segment {
	uint8_t		smac[6], dmac[6];
	bool		syn;			/* and nothing but the SYN: ack is 0 */
	bool		v6;
	struct in6_addr	saddr, daddr;	/* IPv4 in the last four bytes */
	uint16_t	sport, dport;
	uint32_t	seq, ack;
	uint8_t		hop_limit;
	bool		timestamps;	/* 12 bytes of TCP options */
	const void	*payload;
	size_t		length;
};

/* Returns the length of the frame, or 0 when @frame (PACKET_MAX bytes) is too small. */
size_t packet_build(const struct segment *segment, uint8_t *frame);

#endif
