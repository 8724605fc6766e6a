/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * So many a second of something that all workers do together, without a lock: the generic cell rate
 * algorithm (ITU-T I.371, annex A) over one atomic. At once may happen what a tenth of a second
 * brings.
 */
#ifndef MQG_PACE_H
#define MQG_PACE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct mqg_pace {
	_Atomic uint64_t	next;	/* ns: when the next one would be due at an even pace */
};

/**
 * mqg_pace_take() - may it happen now?
 * @now:  ns of a clock that does not go back
 * @rate: a second, 1 to 1000000
 *
 * Return: true once for each that may. Any thread.
 */
static inline bool mqg_pace_take(struct mqg_pace *pace, uint64_t now, uint32_t rate)
{
	uint64_t interval = 1000000000ULL / rate, burst = 100000000ULL;
	uint64_t due = atomic_load_explicit(&pace->next, memory_order_relaxed), from;

	do {
		from = due > now ? due : now;
		if (from - now > burst)
			return false;
	} while (!atomic_compare_exchange_weak_explicit(&pace->next, &due, from + interval,
							memory_order_relaxed,
							memory_order_relaxed));
	return true;
}

#endif
