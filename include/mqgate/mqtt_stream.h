/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The state of the validator of mqtt_packet.h, and what may be asked of it. Whoever follows a
 * stream owns one a direction; no lock.
 */
#ifndef MQGATE_MQTT_STREAM_H
#define MQGATE_MQTT_STREAM_H

#include <mqgate/mqtt_rules.h>
#include <mqgate/mqtt_text.h>

enum mqp_state {
	MQP_S_BEGIN,		/* between two packets */
	MQP_S_REMAINING,
	MQP_S_ID_HI,
	MQP_S_ID_LO,
	MQP_S_CODE,
	MQP_S_PROPERTY_LEN,
	MQP_S_PROPERTY_ID,
	MQP_S_PROPERTY_INT,
	MQP_S_PROPERTY_VARINT,
	MQP_S_LEN_HI,
	MQP_S_LEN_LO,
	MQP_S_TEXT,
	MQP_S_BINARY,
	MQP_S_OPTIONS,
	MQP_S_PAYLOAD,
	MQP_S_BAD,
};

/* Fields of a packet. */
enum mqp_field {
	MQP_F_TOPIC,
	MQP_F_PACKET_ID,
	MQP_F_CODE,
	MQP_F_PROPERTIES,
	MQP_F_LIST,		/* filters, or codes */
	MQP_F_PAYLOAD,
	MQP_F_END,
};

/**
 * struct mqp_stream - the packets of one direction
 * @total:     bytes of the packet, fixed header included; 0 until known
 * @reason:    why, when malformed: enum mqgate_reason
 * @packet_id: 0 when it has none
 * @type:      MQP_PUBLISH and so on
 * @flags:     lower nibble of its first byte
 * @code:      reason code of PUBACK to PUBCOMP, DISCONNECT and AUTH; 0 when it is left out
 * @level:     3, 4 or 5
 * @from:      MQP_FROM_CLIENT or MQP_FROM_SERVER
 *
 * The answers above the line are those of the packet that ended last, until the next byte.
 * What follows is the machine's own.
 */
struct mqp_stream {
	__u32		total;
	__u32		reason;
	__u16		packet_id;
	__u8		type;
	__u8		flags;
	__u8		code;
	__u8		level;
	__u8		from;

	__u8		state;		/* enum mqp_state */
	__u8		field;		/* enum mqp_field */
	__u8		property;	/* identifier of the current property */
	__u8		kind;		/* of it: enum mqw_property_kind or MQP_P_VARINT */
	__u8		shift;		/* of the current variable byte integer */
	__u8		in_properties;
	__u8		nameless;	/* a PUBLISH with an empty topic: wants an alias */
	__u16		max_levels;
	__u32		max_remaining;
	__u32		acc;		/* integer being read */
	__u32		left;		/* bytes of the packet still to come */
	__u32		properties;	/* of them, of the property section */
	__u32		need;		/* of them, of the string, binary data or integer */
	struct mqp_text	text;
	__u64		seen;		/* properties of this section, one bit an identifier */
};

_Static_assert(sizeof(struct mqp_stream) <= 72, "is kept a direction");

/**
 * mqp_init() - begin behind CONNECT (from the client) or CONNACK (from the server)
 * @s:             stream
 * @level:         3, 4 or 5
 * @from:          MQP_FROM_CLIENT or MQP_FROM_SERVER
 * @max_remaining: largest remaining length accepted, bytes
 * @max_levels:    most levels of a topic or a filter; 0 is no limit
 */
static __always_inline void mqp_init(struct mqp_stream *s, __u32 level, __u32 from,
				     __u32 max_remaining, __u32 max_levels)
{
	*s = (struct mqp_stream){
		.level = (__u8)level,
		.from = (__u8)from,
		.max_remaining = max_remaining,
		.max_levels = (__u16)max_levels,
	};
}

/* Between two packets the state says nothing that mqp_init() does not. */
static __always_inline int mqp_between(const struct mqp_stream *s)
{
	return s->state == MQP_S_BEGIN;
}

/* All of a PUBLISH but its payload has been taken. */
static __always_inline int mqp_at_payload(const struct mqp_stream *s)
{
	return s->state == MQP_S_PAYLOAD;
}

/* QoS of a PUBLISH. */
static __always_inline __u32 mqp_qos(const struct mqp_stream *s)
{
	return (__u32)s->flags >> 1 & 3U;
}

#endif /* MQGATE_MQTT_STREAM_H */
