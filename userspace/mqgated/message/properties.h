/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Walking the properties of MQTT 5 (2.2.2). Stateless; any thread.
 */
#ifndef MQG_MESSAGE_PROPERTIES_H
#define MQG_MESSAGE_PROPERTIES_H

#include <stddef.h>
#include <stdint.h>

#define MQG_ID_ASSIGNED_CLIENT_ID	0x12U
#define MQG_ID_SERVER_KEEP_ALIVE	0x13U
#define MQG_ID_ALIAS_MAX		0x22U
#define MQG_ID_QOS_MAX			0x24U
#define MQG_ID_RETAIN_AVAILABLE		0x25U
#define MQG_ID_WILDCARD_AVAILABLE	0x28U
#define MQG_ID_IDS_AVAILABLE		0x29U
#define MQG_ID_SHARED_AVAILABLE		0x2AU

struct mqg_property {
	uint8_t		id;
	uint32_t	number;		/* of integers */
	const uint8_t	*text;		/* of strings, pairs and binary data: its length field */
};

/* The property at @at, which ends before @end. Return: where the next begins; NULL: it is none. */
const uint8_t *mqg_property_next(const uint8_t *at, const uint8_t *end,
				 struct mqg_property *property);

/* A variable byte integer. Return: behind it; NULL: it is none, or goes beyond @end. */
const uint8_t *mqg_varint_read(const uint8_t *at, const uint8_t *end, uint32_t *value);
/* Bytes that it takes, and writing it: behind it. */
size_t mqg_varint_size(uint32_t value);
uint8_t *mqg_varint_write(uint8_t *at, uint32_t value);

static inline uint32_t mqg_read_two(const uint8_t *at)
{
	return (uint32_t)at[0] << 8 | at[1];
}

static inline uint8_t *mqg_write_two(uint8_t *at, uint32_t value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
	return at + 2;
}

#endif
