/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A walk through the packets of one chunk; between the files of this folder. On the stack of
 * mqg_message_take().
 */
#ifndef MQG_MESSAGE_WALK_H
#define MQG_MESSAGE_WALK_H

#include "message/message.h"

struct mqg_walk {
	struct mqg_message	*message;
	struct mqg_lane		*lane;
	enum mqg_way		way;
	uint8_t			*at, *end;	/* bytes that have not been looked at */
	uint8_t			*out;		/* judged good, to be sent */
	size_t			out_len;
};

/* Adds judged bytes, which lie behind those that were added before. */
void mqg_walk_emit(struct mqg_walk *walk, const uint8_t *data, size_t len);
/* Sends what was added. */
void mqg_walk_flush(struct mqg_walk *walk);

/*
 * Keeps @len bytes at @data for the next chunk; the head under way goes on there. Return:
 * MQGATE_REASON_NONE, MQTT_TOO_LONG, or STREAM_MEMORY without memory.
 */
enum mqgate_reason mqg_walk_hold(struct mqg_walk *walk, const uint8_t *data, size_t len);
/* Puts what was kept before @data, where the chunk begins. Return: where the head begins. */
uint8_t *mqg_walk_rejoin(struct mqg_walk *walk, uint8_t *data);

/* Begins to read packets of that way; nothing of one has come. */
void mqg_message_lane(struct mqg_message *message, enum mqg_way way);

/* opening.c: down, until CONNACK has come. */
enum mqgate_reason mqg_opening_step(struct mqg_walk *walk);

/* A packet that is to be judged whole, or the head of a PUBLISH; walk->at is its first byte. */
enum mqgate_reason mqg_walk_packet(struct mqg_walk *walk);

#endif
