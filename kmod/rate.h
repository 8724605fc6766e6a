/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * How often something happens, in four bytes: a count that loses a sixteenth every second, so
 * that it stands for what happened within the last quarter of a minute or so. No timer: what has
 * passed is taken off when the count is looked at. Used by source.c under its lock, and by
 * selftests/stream in user space; no state of its own.
 */
#ifndef MQG_RATE_H
#define MQG_RATE_H

#include <linux/types.h>

/* What one event adds: a sixteenth of it is the least that a second takes off. */
#define MQG_RATE_ONE	16U
#define MQG_RATE_SHIFT	4
#define MQG_RATE_MAX	0xffffU

/**
 * struct mqg_rate - a count that fades
 * @count: in parts of MQG_RATE_ONE; stays at MQG_RATE_MAX when more happens
 * @stamp: second that it is of, modulo 2^16. Looked at again after 18 hours and a little, a
 *         rate that had not faded then shows once more
 */
struct mqg_rate {
	__u16	count;
	__u16	stamp;
};

/**
 * mqg_rate_fade - bring a rate up to date
 * @rate: to change
 * @now: the second it is, modulo 2^16
 *
 * Takes less than 160 steps, whatever has passed: nothing is left then.
 */
static inline void mqg_rate_fade(struct mqg_rate *rate, __u16 now)
{
	__u16 passed = now - rate->stamp;

	for (; passed && rate->count; passed--)
		rate->count -= (rate->count + (1U << MQG_RATE_SHIFT) - 1) >> MQG_RATE_SHIFT;
	rate->stamp = now;
}

/**
 * mqg_rate_add - it happened once more
 * @rate: to change
 * @now: the second it is, modulo 2^16
 */
static inline void mqg_rate_add(struct mqg_rate *rate, __u16 now)
{
	mqg_rate_fade(rate, now);
	if (rate->count <= MQG_RATE_MAX - MQG_RATE_ONE)
		rate->count += MQG_RATE_ONE;
	else
		rate->count = MQG_RATE_MAX;
}

/**
 * mqg_rate_per_minute - how often that is
 * @rate: up to date
 *
 * A steady flow of N a minute shows as N. Return: events a minute, 15359 at most.
 */
static inline __u32 mqg_rate_per_minute(const struct mqg_rate *rate)
{
	return rate->count * 60U / (MQG_RATE_ONE << MQG_RATE_SHIFT);
}

#endif /* MQG_RATE_H */
