/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What each side of a session has said that it takes: the client in the properties of its CONNECT,
 * the broker in those of its CONNACK (MQTT 5, 3.1.2.11 and 3.2.2.3). Part of a struct mqg_message.
 */
#ifndef MQG_MESSAGE_TERMS_H
#define MQG_MESSAGE_TERMS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Towards one side. */
struct mqg_terms {
	uint32_t	packet_max;	/* bytes of a whole packet */
	uint16_t	receive_max;	/* QoS 1 and 2 under way */
	uint16_t	alias_max;
	uint16_t	keep_alive;	/* broker: s, of its CONNACK; 0 = it says nothing */
	uint8_t		qos_max;	/* } what a broker has: */
	bool		retain;
	bool		wildcard, shared, ids;	/* of subscriptions */
};

/* As if nothing was said, by a client or a broker of that level. */
void mqg_terms_begin(struct mqg_terms *terms, uint8_t level);

/* Takes the properties of a CONNECT, which are well-formed; @at is their length. */
void mqg_terms_connect(struct mqg_terms *terms, const uint8_t *at, const uint8_t *end);

/* Takes those of a CONNACK. False: they are malformed. */
bool mqg_terms_connack(struct mqg_terms *terms, const uint8_t *at, const uint8_t *end);

/* Nothing in @terms is less than what a client was told; but keep alive, which is not looked at. */
bool mqg_terms_cover(const struct mqg_terms *terms, const struct mqg_terms *told);

/**
 * mqg_terms_write() - a CONNACK that says what the gateway takes, where that is less
 * @broker: as the CONNACK at @packet has it
 * @own:    as it is to be, keep_alive included; nothing in it is more than in @broker
 * @packet: whole and good, of MQTT 5
 * @len:    its bytes
 * @out:    @len + MQG_TERMS_ROOM bytes
 *
 * Return: bytes at @out.
 */
size_t mqg_terms_write(const struct mqg_terms *broker, const struct mqg_terms *own,
		       const uint8_t *packet, size_t len, uint8_t *out);
#define MQG_TERMS_ROOM	32U

#endif
