/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * CONNACK of MQTT 3.1, 3.1.1 and 5: what a broker answers to the CONNECT that it was given.
 * The daemon calls it through mqtt_wire.h. No lock: a parser belongs to whoever initialised it.
 */
#ifndef MQGATE_MQTT_CONNACK_H
#define MQGATE_MQTT_CONNACK_H

#include <mqgate/mqtt_wire.h>

/**
 * struct mqw_connack - a CONNACK parser and what it found
 * @total:  bytes of the whole packet, 0 until known
 * @reason: why, when malformed: always MQGATE_REASON_MQTT_CONNACK
 * @session_present: 0 or 1; always 0 in MQTT 3.1, which has no such flag
 * @code:   return code (3.1, 3.1.1) or reason code (5); 0 means accepted
 *
 * What follows is the machine's own.
 */
struct mqw_connack {
	__u32	total;
	__u32	reason;
	__u8	session_present;
	__u8	code;
	__u8	level;
	__u8	state;
	__u32	pos;
	__u32	acc;
	__u32	max_remaining;
	__u8	shift;
	__u8	reserved[3];
};

enum mqw_connack_state {
	MQW_A_TYPE,
	MQW_A_REMAINING,
	MQW_A_FLAGS,
	MQW_A_CODE,
	MQW_A_PROPERTY_LEN,
	MQW_A_PROPERTIES,
	MQW_A_DONE,
	MQW_A_BAD,
};

/**
 * mqw_connack_init() - begin a CONNACK
 * @a:             parser
 * @level:         3, 4 or 5: that of the CONNECT which it answers
 * @max_remaining: largest remaining length accepted, bytes
 */
static __always_inline void mqw_connack_init(struct mqw_connack *a, __u8 level,
					     __u32 max_remaining)
{
	*a = (struct mqw_connack){ .level = level, .max_remaining = max_remaining };
}

/* One byte of a variable byte integer; answers like mqw_varint_step(). */
static __always_inline int mqw_connack_varint(struct mqw_connack *a, __u32 byte)
{
	a->acc |= (byte & 0x7FU) << (a->shift & 31);
	if (byte & 0x80U) {
		if (a->shift >= 21)
			return -1;
		a->shift += 7;
		return 1;
	}
	return byte == 0 && a->shift ? -1 : 0;
}

/* The code with its acknowledge flags, 3.2.2.1 and 3.2.2.2; MQTT 3.1.1, 3.2.2.2 and 3.2.2.3. */
static __always_inline int mqw_connack_code_bad(const struct mqw_connack *a, __u32 code)
{
	if (code && a->session_present)
		return 1;
	/* A 3.1.1 server refuses version 5 in its own format: two bytes and return code 1. */
	if (a->level != MQW_LEVEL_5)
		return code > 5;
	if (a->total == 4)
		return code < 1 || code > 5;
	return code && code < 0x80;
}

/**
 * mqw_connack_step() - take one byte
 * @a:    parser
 * @byte: the next byte of the stream
 *
 * Of version 5 the property length is judged and the properties are skipped: they are the
 * broker's word to its client. Return: enum mqw_status; OK and MALFORMED stay.
 */
static __always_inline int mqw_connack_step(struct mqw_connack *a, __u8 byte)
{
	__u32 remaining;
	int bad = 0, rest;

	if (a->state == MQW_A_DONE)
		return MQW_OK;
	if (a->state == MQW_A_BAD)
		return MQW_MALFORMED;
	a->pos++;
	switch (a->state) {
	case MQW_A_TYPE:
		bad = byte != 0x20;
		a->state = MQW_A_REMAINING;
		break;
	case MQW_A_REMAINING:
		rest = mqw_connack_varint(a, byte);
		bad = rest < 0;
		if (rest)
			break;
		remaining = a->acc;
		a->total = a->pos + remaining;
		bad = remaining < 2 || remaining > a->max_remaining ||
		      (a->level != MQW_LEVEL_5 && remaining != 2);
		a->state = MQW_A_FLAGS;
		break;
	case MQW_A_FLAGS:
		if (a->level != MQW_LEVEL_31) {
			a->session_present = byte & 1;
			bad = byte > 1;
		}
		a->state = MQW_A_CODE;
		break;
	case MQW_A_CODE:
		a->code = byte;
		bad = mqw_connack_code_bad(a, byte);
		a->acc = 0;
		a->shift = 0;
		a->state = a->pos == a->total ? MQW_A_DONE : MQW_A_PROPERTY_LEN;
		break;
	case MQW_A_PROPERTY_LEN:
		rest = mqw_connack_varint(a, byte);
		bad = rest < 0 || (rest > 0 && a->pos == a->total) ||
		      (!rest && a->acc != a->total - a->pos);
		if (!rest)
			a->state = a->acc ? MQW_A_PROPERTIES : MQW_A_DONE;
		break;
	default:	/* MQW_A_PROPERTIES */
		if (a->pos == a->total)
			a->state = MQW_A_DONE;
		break;
	}
	if (bad) {
		a->reason = MQGATE_REASON_MQTT_CONNACK;
		a->state = MQW_A_BAD;
		return MQW_MALFORMED;
	}
	return a->state == MQW_A_DONE ? MQW_OK : MQW_NEED_MORE;
}

/**
 * mqw_connack_feed() - take bytes until the packet ends, is refused, or they run out
 * @a:    parser
 * @data: the next bytes of the stream
 * @len:  of @data
 * @used: out; bytes of @data taken; after MQW_OK the rest belongs to the next packet
 *
 * Return: enum mqw_status.
 */
static inline int mqw_connack_feed(struct mqw_connack *a, const __u8 *data, __u32 len,
				   __u32 *used)
{
	int status = a->state == MQW_A_DONE ? MQW_OK :
		     a->state == MQW_A_BAD ? MQW_MALFORMED : MQW_NEED_MORE;
	__u32 i = 0;

	while (status == MQW_NEED_MORE && i < len)
		status = mqw_connack_step(a, data[i++]);
	*used = i;
	return status;
}

#endif /* MQGATE_MQTT_CONNACK_H */
