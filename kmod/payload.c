// SPDX-License-Identifier: GPL-2.0-only
/*
 * The kernel's side of stream.c; see payload.h, and stream.h for what is asked.
 */
#include "payload.h"

#include <linux/atomic.h>
#include <linux/moduleparam.h>
#include <linux/slab.h>

#include "stream.h"

static unsigned long stream_memory = 64UL << 20;
module_param(stream_memory, ulong, 0644);
MODULE_PARM_DESC(stream_memory, "Bytes of segments that all connections together may hold until "
		 "acknowledged or in order; beyond it TCP brings them again (default 67108864)");

static atomic_long_t held = ATOMIC_LONG_INIT(0);

/**
 * mqg_payload_at - see stream.h
 * @payload: the payload
 * @offset: within it
 * @length: bytes wanted, all of them payload; cut to those that are in a row
 * @buffer: may be used
 *
 * Context: any. Return: the bytes, or NULL.
 */
const void *mqg_payload_at(const struct mqg_payload *payload, __u32 offset, __u32 *length,
			   __u8 buffer[MQG_PAYLOAD_BUFFER])
{
	u32 at = payload->offset + offset, linear = skb_headlen(payload->skb);

	if (at < linear) {
		*length = min(*length, linear - at);
		return payload->skb->data + at;
	}
	*length = min_t(u32, *length, MQG_PAYLOAD_BUFFER);
	return skb_copy_bits(payload->skb, at, buffer, *length) ? NULL : buffer;
}

/**
 * mqg_stream_alloc - memory for kept bytes
 * @size: bytes
 *
 * Context: softirq. Return: NULL also beyond the bound of all connections.
 */
void *mqg_stream_alloc(size_t size)
{
	void *memory = NULL;

	if (atomic_long_add_return(size, &held) <= READ_ONCE(stream_memory))
		memory = kmalloc(size, GFP_ATOMIC | __GFP_NOWARN);
	if (!memory)
		atomic_long_sub(size, &held);
	return memory;
}

/**
 * mqg_stream_free - give it back
 * @memory: of mqg_stream_alloc()
 * @size: as asked for
 *
 * Context: any.
 */
void mqg_stream_free(void *memory, size_t size)
{
	kfree(memory);
	atomic_long_sub(size, &held);
}
