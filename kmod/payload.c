// SPDX-License-Identifier: GPL-2.0-only
/*
 * The kernel's side of stream.c; see payload.h, and stream.h for what is asked.
 */
#include "payload.h"

#include <linux/skbuff.h>

#include "stream.h"

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
