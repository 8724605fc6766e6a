/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which filters a client has subscribed to, to count them: hashes of them, where there is a limit.
 * Who makes two of its own filters collide has one counted for both. Part of a session's ledger,
 * see ledger.h.
 */
#ifndef MQG_MESSAGE_SUBSCRIPTIONS_H
#define MQG_MESSAGE_SUBSCRIPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct mqg_subscriptions {
	uint64_t	*table;		/* open addressing; 0 = an empty place */
	uint32_t	n, size;	/* size: 0, or a power of two */
};

/* True: it is there now, and was perhaps before. False: there are @most, or no memory. */
bool mqg_subscriptions_add(struct mqg_subscriptions *s, const uint8_t *filter, size_t len,
			   uint32_t most);
void mqg_subscriptions_remove(struct mqg_subscriptions *s, const uint8_t *filter, size_t len);
void mqg_subscriptions_exit(struct mqg_subscriptions *s);

#endif
