/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Who is dropped most, as XDP notes it in mqgate_top. Called by the command; stateless, any
 * thread may call it.
 */
#ifndef MQG_OFFENDER_H
#define MQG_OFFENDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/pins.h"

/* One source, all CPUs together. */
struct mqg_offender {
	uint8_t		addr[16];	/* of an IPv6 /64 the network */
	uint64_t	packets;	/* an estimate, since `since` */
	uint64_t	spread;		/* see struct mqgate_offender */
	uint64_t	since, last;	/* CLOCK_BOOTTIME, ns */
	uint32_t	service;
	uint32_t	reason;		/* the one most of its drops had */
	uint32_t	votes;
	bool		proven;		/* finished a TCP handshake */
};

struct mqg_offenders {
	struct mqg_offender	*list;	/* by address */
	size_t			count;
};

/**
 * mqg_offenders_read() - the sources that were dropped within MQGATE_TOP_IDLE
 * @pins:      open maps
 * @now:       CLOCK_BOOTTIME, ns
 * @offenders: out; to be given to mqg_offenders_free() whatever is returned
 *
 * Return: 0 or -errno.
 */
int mqg_offenders_read(const struct mqg_pins *pins, uint64_t now,
		       struct mqg_offenders *offenders);
void mqg_offenders_free(struct mqg_offenders *offenders);

/* The entry of the same source, or NULL. */
const struct mqg_offender *mqg_offenders_find(const struct mqg_offenders *offenders,
					      const uint8_t addr[16]);

/* What `spread` says: in 95 of 100 cases `packets` is off by no more than this. */
double mqg_offender_error(uint64_t spread);

#endif
