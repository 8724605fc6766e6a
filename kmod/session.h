/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The MQTT session of a client: what its two byte streams say, in which order. Called by
 * hook.c, client.c and reset.c; client->lock guards everything here.
 */
#ifndef MQG_SESSION_H
#define MQG_SESSION_H

#include "client.h"

void mqg_session_begin(struct mqg_client *client, const struct mqg_begin *begin);
struct mqg_judgement mqg_session_segment(struct mqg_client *client,
					 const struct mqg_segment *segment,
					 const struct sk_buff *skb);
void mqg_session_end(struct mqg_client *client);

/* An end has reset the connection, and has not spoken since. */
static inline bool mqg_session_reset_seen(const struct mqg_client *client, u8 dir)
{
	return client->side[dir].flags & MQG_SIDE_RESET_SEEN;
}

u32 mqg_session_next(const struct mqg_client *client, u8 dir);

#endif /* MQG_SESSION_H */
