// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memory for kept bytes, shared out; see pool.h for who calls it and what guards it.
 */
#include "pool.h"

#include <linux/atomic.h>
#include <linux/cache.h>
#include <linux/moduleparam.h>
#include <linux/slab.h>

#include "stream.h"

/* Fixed at load: what a share owns is part of the account. */
static unsigned long stream_memory = 64UL << 20;
module_param(stream_memory, ulong, 0444);
MODULE_PARM_DESC(stream_memory, "Bytes of segments that all connections together may hold until "
		 "acknowledged or in order, one source an eighth; beyond it TCP brings them again "
		 "(default 67108864)");

static struct share {
	atomic_long_t	held;
} ____cacheline_aligned_in_smp shares[MQG_POOL_SHARES];

static atomic_long_t lent = ATOMIC_LONG_INIT(0);

/* Of what a share holds, the part that is not its own. */
static long beyond(long held)
{
	long own = stream_memory / 2 / MQG_POOL_SHARES;

	return held > own ? held - own : 0;
}

/* Return: whether it may have that. */
static bool charge(struct share *share, long size)
{
	long held = atomic_long_add_return(size, &share->held);
	long more = beyond(held) - beyond(held - size);

	if (!more)
		return true;
	return atomic_long_add_return(more, &lent) <= (long)(stream_memory / 2) &&
	       beyond(held) <= (long)(stream_memory / 8);
}

static void discharge(struct share *share, long size)
{
	long held = atomic_long_sub_return(size, &share->held);
	long less = beyond(held + size) - beyond(held);

	if (less)
		atomic_long_sub(less, &lent);
}

/**
 * mqg_stream_alloc - memory for kept bytes
 * @size: bytes
 * @share: whose they are, below MQG_POOL_SHARES
 *
 * Context: softirq. Return: NULL also when the share has had its part.
 */
void *mqg_stream_alloc(size_t size, u8 share)
{
	void *memory = NULL;

	if (charge(&shares[share], size))
		memory = kmalloc(size, GFP_ATOMIC | __GFP_NOWARN);
	if (!memory)
		discharge(&shares[share], size);
	return memory;
}

/**
 * mqg_stream_free - give it back
 * @memory: of mqg_stream_alloc()
 * @size: as asked for
 * @share: as asked for
 *
 * Context: any.
 */
void mqg_stream_free(void *memory, size_t size, u8 share)
{
	kfree(memory);
	discharge(&shares[share], size);
}
