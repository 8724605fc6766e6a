/* SPDX-License-Identifier: BSD-2-Clause */
/* A counter with one writer: its worker's thread. Anybody may read it. */
#ifndef MQG_COUNTER_H
#define MQG_COUNTER_H

#include <stdatomic.h>
#include <stdint.h>

/* Adding needs no locked instruction. */
typedef _Atomic uint64_t mqg_counter;

static inline void mqg_counter_add(mqg_counter *counter, uint64_t n)
{
	atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + n,
			      memory_order_relaxed);
}

static inline uint64_t mqg_counter_get(mqg_counter *counter)
{
	return atomic_load_explicit(counter, memory_order_relaxed);
}

#endif
