/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What stream.c reads: payload out of an skb. session.c makes it; no state, no lock.
 */
#ifndef MQG_PAYLOAD_H
#define MQG_PAYLOAD_H

#include <linux/skbuff.h>
#include <linux/types.h>

/**
 * struct mqg_payload - the TCP payload of an skb, linear or not
 * @skb:    unchanged
 * @offset: of the payload from skb->data
 */
struct mqg_payload {
	const struct sk_buff	*skb;
	u32			offset;
};

#endif /* MQG_PAYLOAD_H */
