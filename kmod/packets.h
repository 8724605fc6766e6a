/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The MQTT packets of a session, both directions, out of bytes in order. Called by session.c
 * under client->lock; its memory, client->session, exists only while a packet is incomplete or
 * the session is opening; main.c gives back what is kept between two.
 */
#ifndef MQG_PACKETS_H
#define MQG_PACKETS_H

#include "client.h"

/* Where one direction stands: mqg_side.stage of a plain service. */
enum mqg_stage {
	MQG_STAGE_OPENING,	/* CONNECT of the client, CONNACK of the server to come */
	MQG_STAGE_REST,		/* the rest of a CONNECT that the broker has to refuse */
	MQG_STAGE_PACKETS,
	MQG_STAGE_OVER,		/* after DISCONNECT: nothing more may come */
};

bool mqg_packets_prepare(struct mqg_client *client);
u8 mqg_packets_feed(struct mqg_client *client, u8 dir, const u8 *data, u32 length);
void mqg_packets_settle(struct mqg_client *client);
void mqg_packets_end(struct mqg_client *client);
void mqg_packets_exit(void);

#endif /* MQG_PACKETS_H */
