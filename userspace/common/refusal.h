/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Why a driver does not take an XDP program, and what to do about it. A bpf_link tells no more than
 * a number; rtnetlink has the driver's own words (extack). Called by attach.c; no state.
 */
#ifndef MQG_REFUSAL_H
#define MQG_REFUSAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/**
 * struct mqg_refusal - what is known of a refusal
 * @err:    -errno of the refusal; -524 is the kernel's own "not supported"
 * @words:  of the kernel or driver, "" where it has none
 * @driver: as ethtool -i names it, "" where it is not known
 * @lro:    large receive offload is on
 * @mtu:    bytes, 0 where it is not known
 */
struct mqg_refusal {
	int		err;
	char		words[128];
	char		driver[32];
	bool		lro;
	uint32_t	mtu;
};

/**
 * mqg_refusal_ask() - have it refused again, by one who gives reasons
 * @ifname:  interface
 * @ifindex: its number
 * @prog_fd: the program that was refused
 * @flags:   XDP_FLAGS_DRV_MODE or XDP_FLAGS_SKB_MODE
 * @refusal: in: @err; out: the rest
 *
 * Where the driver takes it now, against what it said before, it is taken off again at once.
 */
void mqg_refusal_ask(const char *ifname, uint32_t ifindex, int prog_fd, uint32_t flags,
		     struct mqg_refusal *refusal);

/* True where there is no native XDP at all, and nothing that can be changed about it. */
bool mqg_refusal_final(const struct mqg_refusal *refusal);

/* "driver (veth) refuses native XDP: Peer MTU is too large to set XDP". Returns text. */
const char *mqg_refusal_say(const struct mqg_refusal *refusal, char *text, size_t size);

/* What to change, as a command where there is one. Returns text. */
const char *mqg_refusal_remedy(const struct mqg_refusal *refusal, const char *ifname, char *text,
			       size_t size);

/* True where an interface is there and not up. */
bool mqg_refusal_down(const char *ifname);

#endif
