/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What MQTT 3.1, 3.1.1 and 5 allow in which packet: who may send it, its flags, reason codes
 * and properties. Tables as functions; mqtt_packet.h calls them. No state, no lock.
 */
#ifndef MQGATE_MQTT_RULES_H
#define MQGATE_MQTT_RULES_H

#include <mqgate/mqtt_wire.h>

/* Packet types, 2.1.2 */
#define MQP_CONNECT		1U
#define MQP_CONNACK		2U
#define MQP_PUBLISH		3U
#define MQP_PUBACK		4U
#define MQP_PUBREC		5U
#define MQP_PUBREL		6U
#define MQP_PUBCOMP		7U
#define MQP_SUBSCRIBE		8U
#define MQP_SUBACK		9U
#define MQP_UNSUBSCRIBE		10U
#define MQP_UNSUBACK		11U
#define MQP_PINGREQ		12U
#define MQP_PINGRESP		13U
#define MQP_DISCONNECT		14U
#define MQP_AUTH		15U

/* Who sends; the same numbers as MQGATE_FROM_* of <linux/mqgate_client.h>. */
#define MQP_FROM_CLIENT		0U
#define MQP_FROM_SERVER		1U

#define MQP_FLAG_DUP		0x08U
#define MQP_FLAG_RETAIN		0x01U

/* A variable byte integer, beside the kinds of enum mqw_property_kind. */
#define MQP_P_VARINT		9U

#define MQP_ID_SUBSCRIPTION	0x0BU
#define MQP_ID_SESSION_EXPIRY	0x11U
#define MQP_ID_SERVER_REFERENCE	0x1CU
#define MQP_ID_REASON_STRING	0x1FU
#define MQP_ID_TOPIC_ALIAS	0x23U

#define MQP_BIT(n)		(1U << (n))

#define MQP_CLIENT_ONLY		(MQP_BIT(MQP_CONNECT) | MQP_BIT(MQP_SUBSCRIBE) | \
				 MQP_BIT(MQP_UNSUBSCRIBE) | MQP_BIT(MQP_PINGREQ))
#define MQP_SERVER_ONLY		(MQP_BIT(MQP_CONNACK) | MQP_BIT(MQP_SUBACK) | \
				 MQP_BIT(MQP_UNSUBACK) | MQP_BIT(MQP_PINGRESP))

/* Type and direction of a packet behind CONNECT and CONNACK. */
static __always_inline __u32 mqp_type_check(__u32 type, __u32 from, __u32 level)
{
	if (type == 0 || (type == MQP_AUTH && level != MQW_LEVEL_5))
		return MQGATE_REASON_MQTT_TYPE;
	if (MQP_BIT(type) & (from == MQP_FROM_CLIENT ? MQP_SERVER_ONLY : MQP_CLIENT_ONLY))
		return MQGATE_REASON_MQTT_DIRECTION;
	if (type == MQP_DISCONNECT && from == MQP_FROM_SERVER && level != MQW_LEVEL_5)
		return MQGATE_REASON_MQTT_DIRECTION;
	if (type == MQP_CONNECT)
		return MQGATE_REASON_CONNECT_AGAIN;
	return type == MQP_CONNACK ? MQGATE_REASON_MQTT_ORDER : MQGATE_REASON_NONE;
}

/* 2.1.3. MQTT 3.1 lets PUBREL, SUBSCRIBE and UNSUBSCRIBE say DUP, too (its section 2.1). */
static __always_inline __u32 mqp_flags_check(__u32 type, __u32 flags, __u32 level)
{
	__u32 fixed = type == MQP_PUBREL || type == MQP_SUBSCRIBE || type == MQP_UNSUBSCRIBE ?
		      2U : 0U;

	if (type == MQP_PUBLISH) {
		if ((flags & 6U) == 6U || (flags & (6U | MQP_FLAG_DUP)) == MQP_FLAG_DUP)
			return MQGATE_REASON_MQTT_QOS;
		return MQGATE_REASON_NONE;
	}
	if (level == MQW_LEVEL_31 && fixed)
		flags &= ~MQP_FLAG_DUP;
	return flags == fixed ? MQGATE_REASON_NONE : MQGATE_REASON_MQTT_FLAGS;
}

/* Remaining length, as far as the type alone tells. */
static __always_inline __u32 mqp_remaining_check(__u32 type, __u32 remaining, __u32 level)
{
	__u32 exact;

	if (type == MQP_PINGREQ || type == MQP_PINGRESP)
		exact = 0;
	else if (level == MQW_LEVEL_5)
		return MQGATE_REASON_NONE;
	else if (type == MQP_DISCONNECT)
		exact = 0;
	else if ((type >= MQP_PUBACK && type <= MQP_PUBCOMP) || type == MQP_UNSUBACK)
		exact = 2;
	else
		return MQGATE_REASON_NONE;
	if (remaining < exact)
		return MQGATE_REASON_MQTT_TOO_SHORT;
	return remaining > exact ? MQGATE_REASON_MQTT_TOO_LONG : MQGATE_REASON_NONE;
}

/* ---- reason codes, 2.4 ------------------------------------------------------------------- */

static __always_inline int mqp_puback_code(__u32 code)
{
	switch (code) {
	case 0x00: case 0x10: case 0x80: case 0x83: case 0x87: case 0x90: case 0x91: case 0x97:
	case 0x99:
		return 1;
	}
	return 0;
}

static __always_inline int mqp_suback_code(__u32 code, __u32 level)
{
	if (code <= 2 || code == 0x80)
		return 1;
	if (level != MQW_LEVEL_5)
		return 0;
	switch (code) {
	case 0x83: case 0x87: case 0x8F: case 0x91: case 0x97: case 0x9E: case 0xA1: case 0xA2:
		return 1;
	}
	return 0;
}

static __always_inline int mqp_unsuback_code(__u32 code)
{
	switch (code) {
	case 0x00: case 0x11: case 0x80: case 0x83: case 0x87: case 0x8F: case 0x91:
		return 1;
	}
	return 0;
}

static __always_inline int mqp_disconnect_code(__u32 code, __u32 from)
{
	switch (code) {
	case 0x00: case 0x80: case 0x81: case 0x82: case 0x83: case 0x90: case 0x93: case 0x94:
	case 0x95: case 0x96: case 0x97: case 0x98: case 0x99:
		return 1;
	case 0x04:
		return from == MQP_FROM_CLIENT;
	case 0x87: case 0x89: case 0x8B: case 0x8C: case 0x8D: case 0x8E: case 0x8F: case 0x9A:
	case 0x9B: case 0x9C: case 0x9D: case 0x9E: case 0x9F: case 0xA0: case 0xA1: case 0xA2:
		return from == MQP_FROM_SERVER;
	}
	return 0;
}

/* 3.15.2.1 */
static __always_inline int mqp_auth_code(__u32 code, __u32 from)
{
	return code == 0x18 || code == (from == MQP_FROM_CLIENT ? 0x19U : 0x00U);
}

static __always_inline __u32 mqp_code_check(__u32 type, __u32 from, __u32 level, __u32 code)
{
	int good = 0;

	switch (type) {
	case MQP_PUBACK:
	case MQP_PUBREC:
		good = mqp_puback_code(code);
		break;
	case MQP_PUBREL:
	case MQP_PUBCOMP:
		good = code == 0x00 || code == 0x92;
		break;
	case MQP_SUBACK:
		good = mqp_suback_code(code, level);
		break;
	case MQP_UNSUBACK:
		good = mqp_unsuback_code(code);
		break;
	case MQP_DISCONNECT:
		good = mqp_disconnect_code(code, from);
		break;
	case MQP_AUTH:
		good = mqp_auth_code(code, from);
		break;
	}
	return good ? MQGATE_REASON_NONE : MQGATE_REASON_MQTT_REASON_CODE;
}

/* Subscription options, 3.8.3.1; MQTT 3.1 does not say what its upper six bits are to be. */
static __always_inline __u32 mqp_options_check(__u32 level, __u32 options, __u32 shared)
{
	if ((options & 3U) == 3U)
		return MQGATE_REASON_MQTT_QOS;
	if (level == MQW_LEVEL_31)
		return MQGATE_REASON_NONE;
	if (options & (level == MQW_LEVEL_5 ? 0xC0U : 0xFCU))
		return MQGATE_REASON_MQTT_OPTIONS;
	if ((options & 0x30U) == 0x30U || (shared && options & 4U))
		return MQGATE_REASON_MQTT_OPTIONS;
	return MQGATE_REASON_NONE;
}

/* ---- properties, 2.2.2.2 -------------------------------------------------------------------- */

static __always_inline __u32 mqp_publish_property(__u32 id, __u32 from)
{
	switch (id) {
	case MQW_ID_FORMAT:
		return MQW_P_BYTE;
	case 0x02:			/* message expiry interval */
		return MQW_P_FOUR;
	case 0x03:			/* content type */
	case MQW_ID_RESPONSE_TOPIC:
		return MQW_P_TEXT;
	case 0x09:			/* correlation data */
		return MQW_P_BINARY;
	case MQP_ID_SUBSCRIPTION:	/* 3.3.4-6 */
		return from == MQP_FROM_SERVER ? MQP_P_VARINT : MQW_P_FOREIGN;
	case MQP_ID_TOPIC_ALIAS:
		return MQW_P_TWO;
	}
	return MQW_P_FOREIGN;
}

static __always_inline __u32 mqp_property_kind(__u32 type, __u32 from, __u32 id)
{
	if (id == MQW_ID_USER)
		return MQW_P_PAIR_NAME;
	switch (type) {
	case MQP_PUBLISH:
		return mqp_publish_property(id, from);
	case MQP_SUBSCRIBE:
		return id == MQP_ID_SUBSCRIPTION ? MQP_P_VARINT : MQW_P_FOREIGN;
	case MQP_UNSUBSCRIBE:
		return MQW_P_FOREIGN;
	case MQP_DISCONNECT:		/* 3.14.2-2: the expiry is the client's to say */
		if (id == MQP_ID_SESSION_EXPIRY && from == MQP_FROM_CLIENT)
			return MQW_P_FOUR;
		if (id == MQP_ID_SERVER_REFERENCE && from == MQP_FROM_SERVER)
			return MQW_P_TEXT;
		break;
	case MQP_AUTH:
		if (id == MQW_ID_AUTH_METHOD)
			return MQW_P_TEXT;
		if (id == MQW_ID_AUTH_DATA)
			return MQW_P_BINARY;
		break;
	}
	return id == MQP_ID_REASON_STRING ? MQW_P_TEXT : MQW_P_FOREIGN;
}

static __always_inline int mqp_property_repeats(__u32 type, __u32 id)
{
	return id == MQW_ID_USER || (id == MQP_ID_SUBSCRIPTION && type == MQP_PUBLISH);
}

static __always_inline __u32 mqp_property_value_check(__u32 id, __u32 value)
{
	if (id == MQW_ID_FORMAT)
		return value > 1 ? MQGATE_REASON_MQTT_PROPERTY_VALUE : 0;
	if (id == MQP_ID_TOPIC_ALIAS || id == MQP_ID_SUBSCRIPTION)
		return value == 0 ? MQGATE_REASON_MQTT_PROPERTY_VALUE : 0;
	return 0;
}

#endif /* MQGATE_MQTT_RULES_H */
