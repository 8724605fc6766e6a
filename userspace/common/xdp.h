/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which XDP programs sit on which interfaces of this network namespace, as rtnetlink tells
 * anybody who asks. Stateless; any thread may call it.
 */
#ifndef MQG_XDP_H
#define MQG_XDP_H

#include <stddef.h>
#include <stdint.h>

#include <net/if.h>

enum mqg_xdp_mode {
	MQG_XDP_NONE = 0,
	MQG_XDP_NATIVE,
	MQG_XDP_GENERIC,
	MQG_XDP_OFFLOAD,
};

struct mqg_xdp {
	char			ifname[IF_NAMESIZE];
	uint32_t		ifindex;
	uint32_t		prog_id;
	enum mqg_xdp_mode	mode;
};

/* "native", "generic", "offload", or "none". */
const char *mqg_xdp_mode_word(enum mqg_xdp_mode mode);

typedef int (*mqg_xdp_fn)(const struct mqg_xdp *xdp, void *arg);

/**
 * mqg_xdp_each() - call a function for every program on every interface
 * @fn:  a native and a hardware program on one interface give two calls; non-zero stops
 * @arg: for @fn
 *
 * Return: 0, the first non-zero answer of @fn, or -errno.
 */
int mqg_xdp_each(mqg_xdp_fn fn, void *arg);

/* The first program on one interface; mode MQG_XDP_NONE where there is none. 0 or -errno. */
int mqg_xdp_lookup(uint32_t ifindex, struct mqg_xdp *xdp);

/* The command that takes a program off that mqgate did not attach. */
void mqg_xdp_remedy(const struct mqg_xdp *xdp, char *text, size_t size);

/**
 * mqg_xdp_describe() - name somebody else's program and how to take it off
 * @xdp:  what is attached
 * @text: out, "XDP program (id 42, xdp_filter) is attached; mqgate never displaces it. Detach ..."
 * @size: of @text
 */
void mqg_xdp_describe(const struct mqg_xdp *xdp, char *text, size_t size);

#endif
