/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * mqgate_known, the filter before the tables of flows (how it works: linux/mqgate.h), as user
 * space writes it: mapped, by atomic OR, so that XDP and any thread may set bits at once. It is
 * made anew by one process at a time (net.h says which), a step at a time.
 */
#ifndef MQG_KNOWN_H
#define MQG_KNOWN_H

#include <stdint.h>

#include "common/batch.h"
#include "common/pins.h"

/* Words of a half as a power of two: sixteen bits for each entry of both tables. */
uint32_t mqg_known_order(uint32_t entries);

/**
 * mqg_known_open() - map it, and tell XDP its size where nobody did so far
 * @pins: with its descriptor; @pins->known_words is set
 *
 * Return: 0, -EPROTO where its size is none that a filter has, or another -errno.
 */
int mqg_known_open(struct mqg_pins *pins);
void mqg_known_close(struct mqg_pins *pins);

/*
 * Puts an entry into @fd, mqgate_allow or mqgate_flows, so that XDP finds it: the bit first, and
 * again where the filter was made anew meanwhile. Answers as bpf_map_update_elem(3) does.
 */
int mqg_known_update(const struct mqg_pins *pins, int fd, const struct mqgate_flow_key *key,
		     const void *value, uint64_t flags);

/* Bits that are set in the half that is read, and how many it has. */
void mqg_known_fill(const struct mqg_pins *pins, uint64_t *set, uint64_t *bits);

/* Making it anew: belongs to one thread. */
struct mqg_refill {
	const struct mqg_pins	*pins;
	struct mqg_walk		walk;
	uint32_t		table;		/* 0 = mqgate_allow, 1 = mqgate_flows, 2 = done */
	bool			walking;
};

/**
 * mqg_refill_begin() - begin to make the filter anew, without the bits of flows that are gone
 * @refill: out
 * @pins:   stay open until mqg_refill_end()
 *
 * Until then every bit goes into both halves. Steps that were never ended cost nothing but that.
 */
void mqg_refill_begin(struct mqg_refill *refill, const struct mqg_pins *pins);

/* Some thousand entries. Return: 1 while there is more, 0 when the new half is read, -errno. */
int mqg_refill_step(struct mqg_refill *refill);
void mqg_refill_end(struct mqg_refill *refill);

/* All of it at once. Return: 0 or -errno; the old half is read on then. */
int mqg_refill(const struct mqg_pins *pins);

#endif
