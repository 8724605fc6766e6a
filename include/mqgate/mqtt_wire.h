/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The MQTT wire parser: CONNECT of MQTT 3.1, 3.1.1 and 5 in full, and CONNACK. One source
 * for BPF, the kernel and user space: only <linux/types.h>, no allocation, no libc.
 *
 * Who calls it: XDP (mqw_head_check(), then mqw_connect_step() from a bpf_loop() callback),
 * the daemon and the tests (mqw_connect_feed(), mqw_connack_feed()). This file holds CONNECT;
 * the two that it includes at its end hold the check of the first bytes and CONNACK.
 * Locking: none. A parser belongs to whoever initialised it.
 *
 * Every call answers OK, NEED_MORE or MALFORMED, and incomplete is never invalid: a packet
 * cut at any byte is NEED_MORE. MALFORMED comes with the first byte that rules the packet
 * out, and sticks. Positions are counted from the first byte of the packet.
 *
 * What is accepted where the specifications leave room, and where a real broker differs,
 * is listed with its reasons in docs/wire-parsers.md. Section numbers below are those of
 * MQTT 5.0 unless another version is named.
 */
#ifndef MQGATE_MQTT_WIRE_H
#define MQGATE_MQTT_WIRE_H

#include <mqgate/wire.h>

#define MQW_HEAD_BYTES		16U	/* what mqw_head_check() is given */

/* Connect flags, 3.1.2.3 */
#define MQW_CONNECT_RESERVED	0x01U
#define MQW_CONNECT_CLEAN	0x02U
#define MQW_CONNECT_WILL	0x04U
#define MQW_CONNECT_WILL_QOS	0x18U
#define MQW_CONNECT_WILL_RETAIN	0x20U
#define MQW_CONNECT_PASSWORD	0x40U
#define MQW_CONNECT_USERNAME	0x80U

#define MQW_LEVEL_31		3U
#define MQW_LEVEL_311		4U
#define MQW_LEVEL_5		5U
#define MQW_LEVEL_BRIDGE	0x80U	/* set by bridges on any of the three */

#define MQW_NAME_MQTT		0x4D515454ULL		/* "MQTT", 3.1.2.1 */
#define MQW_NAME_MQISDP		0x4D5149736470ULL	/* "MQIsdp", MQTT 3.1 section 3.1 */

/* The least remaining length of any CONNECT: a 3.1.1 one with an empty client identifier. */
#define MQW_CONNECT_LEAST	12U

struct mqw_span {
	__u32	off;			/* from the first byte of the packet */
	__u32	len;
};

/* Fields of CONNECT in the order of the wire. */
enum mqw_field {
	MQW_F_PROPERTIES,
	MQW_F_CLIENT_ID,
	MQW_F_WILL_PROPERTIES,
	MQW_F_WILL_TOPIC,
	MQW_F_WILL_PAYLOAD,
	MQW_F_USERNAME,
	MQW_F_PASSWORD,
	MQW_F_END,
};

enum mqw_connect_state {
	MQW_S_TYPE,			/* first byte */
	MQW_S_REMAINING,		/* remaining length */
	MQW_S_NAME_LEN_HI,
	MQW_S_NAME_LEN_LO,
	MQW_S_NAME,
	MQW_S_LEVEL,
	MQW_S_FLAGS,
	MQW_S_KEEP_ALIVE_HI,
	MQW_S_KEEP_ALIVE_LO,
	MQW_S_PROPERTY_LEN,
	MQW_S_PROPERTY_ID,
	MQW_S_PROPERTY_INT,
	MQW_S_LEN_HI,			/* of a string or binary data */
	MQW_S_LEN_LO,
	MQW_S_TEXT,
	MQW_S_BINARY,
	MQW_S_DONE,
	MQW_S_BAD,
};

/**
 * struct mqw_connect - a CONNECT parser and what it found
 * @client_id:    } where the fields are; all zero when absent. They are complete only
 * @will_topic:   } after MQW_OK
 * @will_payload: }
 * @username:     }
 * @password:     }
 * @total:     bytes of the whole packet, fixed header included; 0 until known
 * @pos:       bytes consumed
 * @reason:    why, when malformed: enum mqgate_reason
 * @level:     3, 4 or 5, without the bridge bit
 * @bridge:    1 when the bridge bit was set
 * @flags:     connect flags as sent
 * @keep_alive: seconds
 *
 * What follows is the machine's own.
 */
struct mqw_connect {
	struct mqw_span	client_id;
	struct mqw_span	will_topic;
	struct mqw_span	will_payload;
	struct mqw_span	username;
	struct mqw_span	password;
	__u32		total;
	__u32		pos;
	__u32		reason;
	__u16		keep_alive;
	__u8		level;
	__u8		bridge;
	__u8		flags;

	__u8		state;		/* enum mqw_connect_state */
	__u8		field;		/* enum mqw_field */
	__u8		property;	/* identifier of the current property */
	__u8		kind;		/* enum mqw_property_kind of it */
	__u8		shift;		/* of the current variable byte integer */
	__u8		more;		/* continuation bytes that the UTF-8 sequence still lacks */
	__u8		reserved;
	__u32		max_remaining;
	__u32		acc;		/* integer being read */
	__u32		left;		/* bytes left of a name, integer, string or binary data */
	__u32		properties_end;	/* position; 0 outside of properties */
	__u32		code_point;
	__u32		code_least;	/* least code point that needs a sequence this long */
	__u64		seen;		/* properties of this section, one bit an identifier */
};

_Static_assert(sizeof(struct mqw_connect) <= 128, "must fit the BPF stack beside a context");

/* ---- shared checks ------------------------------------------------------------------ */

/* Least remaining length of a CONNECT with this level and these flags. */
static __always_inline __u32 mqw_connect_least(__u32 level, __u32 flags)
{
	__u32 least = MQW_CONNECT_LEAST;

	if (flags & MQW_CONNECT_WILL)
		least += level == MQW_LEVEL_5 ? 5U : 4U;
	/* The name is two bytes longer; user name and password may be missing, see below. */
	if (level == MQW_LEVEL_31)
		return least + 2U;
	if (level == MQW_LEVEL_5)
		least += 1U;
	if (flags & MQW_CONNECT_USERNAME)
		least += 2U;
	if (flags & MQW_CONNECT_PASSWORD)
		least += 2U;
	return least;
}

/* @byte is the level byte with its bridge bit; @name_len tells the protocol name. */
static __always_inline __u32 mqw_level_check(__u32 name_len, __u32 byte)
{
	__u32 level = byte & ~MQW_LEVEL_BRIDGE;

	if (name_len == 6 ? level == MQW_LEVEL_31 : level == MQW_LEVEL_311 || level == MQW_LEVEL_5)
		return MQGATE_REASON_NONE;
	return MQGATE_REASON_MQTT_LEVEL;
}

/* 3.1.2.3 to 3.1.2.9; MQTT 3.1 gives the reserved bit and a will-less will QoS no meaning. */
static __always_inline __u32 mqw_flags_check(__u32 level, __u32 flags)
{
	if ((flags & MQW_CONNECT_WILL_QOS) == MQW_CONNECT_WILL_QOS)
		return MQGATE_REASON_MQTT_CONNECT_FLAGS;
	if (level != MQW_LEVEL_5 &&
	    (flags & (MQW_CONNECT_PASSWORD | MQW_CONNECT_USERNAME)) == MQW_CONNECT_PASSWORD)
		return MQGATE_REASON_MQTT_CONNECT_FLAGS;
	if (level == MQW_LEVEL_31)
		return MQGATE_REASON_NONE;
	if (flags & MQW_CONNECT_RESERVED)
		return MQGATE_REASON_MQTT_CONNECT_FLAGS;
	if (!(flags & MQW_CONNECT_WILL) &&
	    (flags & (MQW_CONNECT_WILL_QOS | MQW_CONNECT_WILL_RETAIN)))
		return MQGATE_REASON_MQTT_CONNECT_FLAGS;
	return MQGATE_REASON_NONE;
}

static __always_inline __u32 mqw_type_check(__u32 byte)
{
	if ((byte & 0xF0U) != 0x10U)
		return MQGATE_REASON_MQTT_NOT_CONNECT;
	return byte & 0x0FU ? MQGATE_REASON_MQTT_FLAGS : MQGATE_REASON_NONE;
}

static __always_inline __u32 mqw_remaining_check(__u32 remaining, __u32 max_remaining)
{
	if (remaining > max_remaining)
		return MQGATE_REASON_MQTT_TOO_LONG;
	if (remaining < MQW_CONNECT_LEAST)
		return MQGATE_REASON_MQTT_TOO_SHORT;
	return MQGATE_REASON_NONE;
}

/**
 * mqw_reason_answered() - is this a refusal that the protocol answers before the close?
 * @reason: of a malformed CONNECT
 *
 * A whole and well-formed CONNECT whose only fault is an empty client identifier without a clean
 * session is refused with CONNACK 0x02 (MQTT 3.1.1, 3.1.3-8): whoever drops packets in silence
 * lets it through to the one that can answer.
 */
static __always_inline int mqw_reason_answered(__u32 reason)
{
	return reason == MQGATE_REASON_MQTT_CLIENT_ID;
}

/* ---- UTF-8, 1.5.4 -------------------------------------------------------------------- */

/*
 * One byte of a string. Refused, as brokers do: what 1.5.4 forbids (ill-formed, overlong,
 * surrogates, U+0000) and what it lets a receiver refuse (control characters and
 * non-characters).
 */
static __always_inline __u32 mqw_utf8_step(struct mqw_connect *c, __u32 byte)
{
	__u32 code;

	if (!c->more) {
		if (byte < 0x80)
			return byte < 0x20 || byte == 0x7F ? MQGATE_REASON_MQTT_UTF8 : 0;
		if (byte < 0xC2 || byte > 0xF4)
			return MQGATE_REASON_MQTT_UTF8;
		if (byte < 0xE0) {
			c->more = 1;
			c->code_least = 0xA0;	/* U+0080..U+009F are control characters */
			c->code_point = byte & 0x1FU;
		} else if (byte < 0xF0) {
			c->more = 2;
			c->code_least = 0x800;
			c->code_point = byte & 0x0FU;
		} else {
			c->more = 3;
			c->code_least = 0x10000;
			c->code_point = byte & 0x07U;
		}
		return 0;
	}
	if ((byte & 0xC0U) != 0x80U)
		return MQGATE_REASON_MQTT_UTF8;
	code = c->code_point << 6 | (byte & 0x3FU);
	c->code_point = code;
	c->more--;
	if (c->more)
		return 0;
	if (code < c->code_least || code > 0x10FFFF || (code & 0xFFFEU) == 0xFFFEU ||
	    (code >= 0xD800 && code <= 0xDFFF) || (code >= 0xFDD0 && code <= 0xFDEF))
		return MQGATE_REASON_MQTT_UTF8;
	return 0;
}

/* ---- properties, 3.1.2.11 and 3.1.3.2 -------------------------------------------------- */

enum mqw_property_kind {
	MQW_P_FOREIGN	= 0,		/* unknown, or not of this section */
	MQW_P_BYTE	= 1,		/* the integers: their width */
	MQW_P_TWO	= 2,
	MQW_P_FOUR	= 4,
	MQW_P_TEXT	= 5,
	MQW_P_BINARY	= 6,
	MQW_P_PAIR_NAME	= 7,
	MQW_P_PAIR_VALUE = 8,
};

#define MQW_ID_FORMAT		0x01U
#define MQW_ID_RESPONSE_TOPIC	0x08U
#define MQW_ID_AUTH_METHOD	0x15U
#define MQW_ID_AUTH_DATA	0x16U
#define MQW_ID_PROBLEM_INFO	0x17U
#define MQW_ID_RESPONSE_INFO	0x19U
#define MQW_ID_RECEIVE_MAX	0x21U
#define MQW_ID_USER		0x26U
#define MQW_ID_PACKET_MAX	0x27U

static __always_inline __u32 mqw_property_kind(__u32 field, __u32 id)
{
	if (id == MQW_ID_USER)
		return MQW_P_PAIR_NAME;
	if (field == MQW_F_PROPERTIES) {
		switch (id) {
		case MQW_ID_PROBLEM_INFO:
		case MQW_ID_RESPONSE_INFO:
			return MQW_P_BYTE;
		case MQW_ID_RECEIVE_MAX:
		case 0x22:		/* topic alias maximum */
			return MQW_P_TWO;
		case 0x11:		/* session expiry interval */
		case MQW_ID_PACKET_MAX:
			return MQW_P_FOUR;
		case MQW_ID_AUTH_METHOD:
			return MQW_P_TEXT;
		case MQW_ID_AUTH_DATA:
			return MQW_P_BINARY;
		}
		return MQW_P_FOREIGN;
	}
	switch (id) {
	case MQW_ID_FORMAT:
		return MQW_P_BYTE;
	case 0x02:			/* message expiry interval */
	case 0x18:			/* will delay interval */
		return MQW_P_FOUR;
	case 0x03:			/* content type */
	case MQW_ID_RESPONSE_TOPIC:
		return MQW_P_TEXT;
	case 0x09:			/* correlation data */
		return MQW_P_BINARY;
	}
	return MQW_P_FOREIGN;
}

static __always_inline __u32 mqw_property_value_check(__u32 id, __u32 value)
{
	if (id == MQW_ID_FORMAT || id == MQW_ID_PROBLEM_INFO || id == MQW_ID_RESPONSE_INFO)
		return value > 1 ? MQGATE_REASON_MQTT_PROPERTY_VALUE : 0;
	if (id == MQW_ID_RECEIVE_MAX || id == MQW_ID_PACKET_MAX)
		return value == 0 ? MQGATE_REASON_MQTT_PROPERTY_VALUE : 0;
	return 0;
}

/* ---- CONNECT, 3.1 ------------------------------------------------------------------------ */

/**
 * mqw_connect_init() - begin a CONNECT
 * @c:             parser
 * @max_remaining: largest remaining length accepted, bytes
 */
static __always_inline void mqw_connect_init(struct mqw_connect *c, __u32 max_remaining)
{
	*c = (struct mqw_connect){ .max_remaining = max_remaining };
}

/*
 * One byte of a variable byte integer, 1.5.5: at most four bytes, minimal.
 * Return: 0 when it is complete in @c->acc, 1 when it goes on, -1 when it is ill-formed.
 */
static __always_inline int mqw_varint_step(struct mqw_connect *c, __u32 byte)
{
	c->acc |= (byte & 0x7FU) << (c->shift & 31);
	if (byte & 0x80U) {
		if (c->shift >= 21)
			return -1;
		c->shift += 7;
		return 1;
	}
	return byte == 0 && c->shift ? -1 : 0;
}

/*
 * MQTT 3.1 section 3.1 and 3.1.1 3.1.3-7; version 5 assigns an identifier. Asked at the end of
 * the packet: only who is right in everything else is told.
 */
static __always_inline __u32 mqw_client_id_check(const struct mqw_connect *c)
{
	if (c->client_id.len || c->level == MQW_LEVEL_5 ||
	    (c->level == MQW_LEVEL_311 && (c->flags & MQW_CONNECT_CLEAN)))
		return MQGATE_REASON_NONE;
	return MQGATE_REASON_MQTT_CLIENT_ID;
}

/* Goes to @field, or beyond it to the first field that the flags announce. */
static __always_inline __u32 mqw_field_enter(struct mqw_connect *c, __u32 field)
{
	if (field == MQW_F_PROPERTIES && c->level != MQW_LEVEL_5)
		field = MQW_F_CLIENT_ID;
	if (field == MQW_F_WILL_PROPERTIES && c->level != MQW_LEVEL_5)
		field = MQW_F_WILL_TOPIC;
	if ((field == MQW_F_WILL_PROPERTIES || field == MQW_F_WILL_TOPIC) &&
	    !(c->flags & MQW_CONNECT_WILL))
		field = MQW_F_USERNAME;
	if (field == MQW_F_USERNAME && !(c->flags & MQW_CONNECT_USERNAME))
		field = MQW_F_PASSWORD;
	if (field == MQW_F_PASSWORD && !(c->flags & MQW_CONNECT_PASSWORD))
		field = MQW_F_END;
	/* MQTT 3.1, section 3.1: the remaining length wins over these two flags. */
	if (field >= MQW_F_USERNAME && c->level == MQW_LEVEL_31 && c->pos == c->total)
		field = MQW_F_END;

	c->field = (__u8)field;
	c->acc = 0;
	c->shift = 0;
	if (field == MQW_F_END) {
		c->state = MQW_S_DONE;
		return c->pos == c->total ? mqw_client_id_check(c) : MQGATE_REASON_MQTT_TOO_LONG;
	}
	if (field == MQW_F_PROPERTIES || field == MQW_F_WILL_PROPERTIES) {
		c->state = MQW_S_PROPERTY_LEN;
		c->seen = 0;
	} else {
		c->state = MQW_S_LEN_HI;
	}
	return 0;
}

/* The value of a property, or a whole field, ended with the byte just taken. */
static __always_inline __u32 mqw_field_leave(struct mqw_connect *c)
{
	if (c->properties_end) {
		c->acc = 0;
		if (c->kind == MQW_P_PAIR_NAME) {
			c->kind = MQW_P_PAIR_VALUE;
			c->state = MQW_S_LEN_HI;
			return 0;
		}
		if (c->pos != c->properties_end) {
			c->state = MQW_S_PROPERTY_ID;
			return 0;
		}
		c->properties_end = 0;
		/* 3.1.2.11.10 */
		if ((c->seen >> MQW_ID_AUTH_DATA & 1) && !(c->seen >> MQW_ID_AUTH_METHOD & 1))
			return MQGATE_REASON_MQTT_PROPERTY_ID;
	}
	return mqw_field_enter(c, c->field + 1U);
}

static __always_inline __u32 mqw_property_begin(struct mqw_connect *c, __u32 id)
{
	__u32 kind;

	/* An identifier is a variable byte integer, but all that exist have one byte. */
	if (id > 63)
		return MQGATE_REASON_MQTT_PROPERTY_ID;
	kind = mqw_property_kind(c->field, id);
	if (kind == MQW_P_FOREIGN)
		return MQGATE_REASON_MQTT_PROPERTY_ID;
	if (id != MQW_ID_USER && (c->seen >> id & 1))
		return MQGATE_REASON_MQTT_PROPERTY_TWICE;
	c->seen |= 1ULL << id;
	c->property = (__u8)id;
	c->kind = (__u8)kind;
	c->acc = 0;
	c->left = kind;
	c->state = kind <= MQW_P_FOUR ? MQW_S_PROPERTY_INT : MQW_S_LEN_HI;
	return 0;
}

/* The length of a string or of binary data is known: where it lies, and may it be empty? */
static __always_inline __u32 mqw_content_begin(struct mqw_connect *c)
{
	struct mqw_span span = { .off = c->pos, .len = c->acc };
	__u32 binary;

	c->left = c->acc;
	c->more = 0;
	if (c->properties_end) {
		binary = c->kind == MQW_P_BINARY;
	} else if (c->field == MQW_F_CLIENT_ID) {
		c->client_id = span;
		binary = 0;
	} else if (c->field == MQW_F_WILL_TOPIC) {
		c->will_topic = span;
		binary = 0;
		if (!span.len)
			return MQGATE_REASON_MQTT_WILL_TOPIC;
	} else if (c->field == MQW_F_WILL_PAYLOAD) {
		c->will_payload = span;
		binary = 1;
	} else if (c->field == MQW_F_USERNAME) {
		c->username = span;
		binary = 0;
	} else {
		c->password = span;
		binary = 1;
	}
	c->state = binary ? MQW_S_BINARY : MQW_S_TEXT;
	return 0;
}

static __always_inline __u32 mqw_text_step(struct mqw_connect *c, __u32 byte)
{
	__u32 reason = mqw_utf8_step(c, byte);

	if (reason)
		return reason;
	if (byte == '+' || byte == '#') {
		if (!c->properties_end && c->field == MQW_F_WILL_TOPIC)
			return MQGATE_REASON_MQTT_WILL_TOPIC;
		if (c->properties_end && c->property == MQW_ID_RESPONSE_TOPIC &&
		    c->kind == MQW_P_TEXT)
			return MQGATE_REASON_MQTT_PROPERTY_VALUE;
	}
	return 0;
}

/**
 * mqw_connect_step() - take one byte
 * @c:    parser; a BPF program keeps it in a map value, where the verifier follows no contents
 * @byte: the next byte of the stream
 *
 * Once the answer is OK or MALFORMED it stays, and further bytes are not taken.
 * Context: any; no loop, no call.
 * Return: enum mqw_status.
 */
static __always_inline int mqw_connect_step(struct mqw_connect *c, __u8 byte)
{
	__u32 reason = MQGATE_REASON_NONE;
	__u32 limit;
	int ended = 0;		/* a field or a property value did, with this byte */
	int rest;

	if (c->state == MQW_S_DONE)
		return MQW_OK;
	if (c->state == MQW_S_BAD)
		return MQW_MALFORMED;
	c->pos++;
	limit = c->properties_end ? c->properties_end : c->total;

	switch (c->state) {
	case MQW_S_TYPE:
		reason = mqw_type_check(byte);
		c->state = MQW_S_REMAINING;
		break;
	case MQW_S_REMAINING:
		rest = mqw_varint_step(c, byte);
		if (rest < 0)
			reason = MQGATE_REASON_MQTT_LENGTH_ENCODING;
		if (rest)
			break;
		c->total = c->pos + c->acc;
		reason = mqw_remaining_check(c->acc, c->max_remaining);
		c->state = MQW_S_NAME_LEN_HI;
		break;
	case MQW_S_NAME_LEN_HI:
		if (byte)
			reason = MQGATE_REASON_MQTT_NAME;
		c->state = MQW_S_NAME_LEN_LO;
		break;
	case MQW_S_NAME_LEN_LO:
		if (byte != 4 && byte != 6)
			reason = MQGATE_REASON_MQTT_NAME;
		c->acc = byte;
		c->left = byte;
		c->state = MQW_S_NAME;
		break;
	case MQW_S_NAME:
		c->left--;
		if (byte != (((c->acc == 4 ? MQW_NAME_MQTT : MQW_NAME_MQISDP) >>
			      ((c->left * 8U) & 63)) & 0xFFU))
			reason = MQGATE_REASON_MQTT_NAME;
		if (!c->left)
			c->state = MQW_S_LEVEL;
		break;
	case MQW_S_LEVEL:
		reason = mqw_level_check(c->acc, byte);
		c->level = byte & 0x7FU;
		c->bridge = byte >> 7;
		c->state = MQW_S_FLAGS;
		break;
	case MQW_S_FLAGS:
		c->flags = byte;
		reason = mqw_flags_check(c->level, byte);
		/* Of what is consumed, length field, name, level and flags are not fixed header. */
		if (!reason &&
		    c->total - (c->pos - c->acc - 4U) < mqw_connect_least(c->level, byte))
			reason = MQGATE_REASON_MQTT_TOO_SHORT;
		c->state = MQW_S_KEEP_ALIVE_HI;
		break;
	case MQW_S_KEEP_ALIVE_HI:
		c->keep_alive = (__u16)(byte << 8);
		c->state = MQW_S_KEEP_ALIVE_LO;
		break;
	case MQW_S_KEEP_ALIVE_LO:
		c->keep_alive |= byte;
		reason = mqw_field_enter(c, MQW_F_PROPERTIES);
		break;
	case MQW_S_PROPERTY_LEN:
		rest = mqw_varint_step(c, byte);
		if (rest < 0 || (rest > 0 && c->pos == limit) ||
		    (rest == 0 && c->acc > limit - c->pos)) {
			reason = MQGATE_REASON_MQTT_PROPERTY_LENGTH;
		} else if (rest == 0 && c->acc) {
			c->properties_end = c->pos + c->acc;
			c->state = MQW_S_PROPERTY_ID;
		} else if (rest == 0) {
			ended = 1;
		}
		break;
	case MQW_S_PROPERTY_ID:
		reason = mqw_property_begin(c, byte);
		break;
	case MQW_S_PROPERTY_INT:
		c->acc = c->acc << 8 | byte;
		c->left--;
		if (!c->left) {
			reason = mqw_property_value_check(c->property, c->acc);
			ended = 1;
		}
		break;
	case MQW_S_LEN_HI:
		c->acc = byte;
		c->state = MQW_S_LEN_LO;
		break;
	case MQW_S_LEN_LO:
		c->acc = c->acc << 8 | byte;
		if (c->acc > limit - c->pos)
			reason = c->properties_end ? MQGATE_REASON_MQTT_PROPERTY_LENGTH :
						     MQGATE_REASON_MQTT_TOO_SHORT;
		else
			reason = mqw_content_begin(c);
		ended = !c->left;
		break;
	case MQW_S_TEXT:
		reason = mqw_text_step(c, byte);
		c->left--;
		if (!c->left) {
			if (!reason && c->more)
				reason = MQGATE_REASON_MQTT_UTF8;
			ended = 1;
		}
		break;
	default:	/* MQW_S_BINARY */
		c->left--;
		ended = !c->left;
		break;
	}

	if (!reason && ended)
		reason = mqw_field_leave(c);
	if (!reason) {
		if (c->state == MQW_S_DONE)
			return MQW_OK;
		limit = c->properties_end ? c->properties_end : c->total;
		if (!limit || c->pos != limit)
			return MQW_NEED_MORE;
		/* Something is still to come, and there is no room for it. */
		reason = c->properties_end ? MQGATE_REASON_MQTT_PROPERTY_LENGTH :
					     MQGATE_REASON_MQTT_TOO_SHORT;
	}
	c->reason = reason;
	c->state = MQW_S_BAD;
	return MQW_MALFORMED;
}

/**
 * mqw_connect_feed() - take bytes until the packet ends, is refused, or they run out
 * @c:    parser
 * @data: the next bytes of the stream
 * @len:  of @data
 * @used: out; bytes of @data taken. After MQW_OK the rest belongs to the next packet, after
 *        MQW_MALFORMED the last byte taken is the one that ruled the packet out
 *
 * Return: enum mqw_status.
 */
static inline int mqw_connect_feed(struct mqw_connect *c, const __u8 *data, __u32 len,
				   __u32 *used)
{
	int status = c->state == MQW_S_DONE ? MQW_OK :
		     c->state == MQW_S_BAD ? MQW_MALFORMED : MQW_NEED_MORE;
	__u32 i = 0;

	while (status == MQW_NEED_MORE && i < len) {
		/* Nothing inside binary data matters; its last byte goes through the machine. */
		if (c->state == MQW_S_BINARY && c->left > 1 && len - i > 1) {
			__u32 skip = c->left - 1 < len - i - 1 ? c->left - 1 : len - i - 1;

			c->left -= skip;
			c->pos += skip;
			i += skip;
		}
		status = mqw_connect_step(c, data[i++]);
	}
	*used = i;
	return status;
}

#include <mqgate/mqtt_head.h>
#include <mqgate/mqtt_connack.h>

#endif /* MQGATE_MQTT_WIRE_H */
