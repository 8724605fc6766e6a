/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Every MQTT control packet behind CONNECT and CONNACK, in either direction, of MQTT 3.1, 3.1.1
 * and 5: a validator of a byte stream, in the manner of mqtt_wire.h and with its conventions.
 * Nothing is buffered; a packet may be cut anywhere.
 *
 * Who calls it: the module's session (kmod/session.c) and the tests; CONNECT and CONNACK
 * themselves are mqw_connect_feed()'s and mqw_connack_feed()'s. The machine is here, its
 * state in mqtt_stream.h, what is allowed where in mqtt_rules.h, strings and topics in
 * mqtt_text.h. No lock: a stream belongs
 * to whoever initialised it.
 *
 * Form only: whether an identifier is in use or an alias known is for whoever keeps a
 * session's state.
 */
#ifndef MQGATE_MQTT_PACKET_H
#define MQGATE_MQTT_PACKET_H

#include <mqgate/mqtt_rules.h>
#include <mqgate/mqtt_stream.h>
#include <mqgate/mqtt_text.h>

/* ---- from field to field -------------------------------------------------------------------- */

/* What stands behind @field; a packet may end early where its remaining length says so. */
static __always_inline __u32 mqp_field_after(const struct mqp_stream *s, __u32 field)
{
	__u32 v5 = s->level == MQW_LEVEL_5;

	switch (field) {
	case MQP_F_TOPIC:
		if (mqp_qos(s))
			return MQP_F_PACKET_ID;
		return v5 ? MQP_F_PROPERTIES : MQP_F_PAYLOAD;
	case MQP_F_PACKET_ID:
		if (s->type == MQP_PUBLISH)
			return v5 ? MQP_F_PROPERTIES : MQP_F_PAYLOAD;
		if (s->type <= MQP_PUBCOMP || (s->type == MQP_UNSUBACK && !v5))
			return s->left ? MQP_F_CODE : MQP_F_END;
		return v5 ? MQP_F_PROPERTIES : MQP_F_LIST;
	case MQP_F_CODE:	/* 3.4.2.1, 3.14.2.1; AUTH has no such exception */
		return s->left || s->type == MQP_AUTH ? MQP_F_PROPERTIES : MQP_F_END;
	case MQP_F_PROPERTIES:
		if (s->type == MQP_PUBLISH)
			return MQP_F_PAYLOAD;
		return s->type >= MQP_SUBSCRIBE && s->type <= MQP_UNSUBACK ? MQP_F_LIST : MQP_F_END;
	case MQP_F_LIST:
		return s->left ? MQP_F_LIST : MQP_F_END;
	}
	return MQP_F_END;
}

static __always_inline __u32 mqp_field_enter(struct mqp_stream *s, __u32 field)
{
	s->field = (__u8)field;
	s->acc = 0;
	s->shift = 0;
	if (field == MQP_F_PAYLOAD && !s->left)
		field = MQP_F_END;
	switch (field) {
	case MQP_F_TOPIC:
		s->state = MQP_S_LEN_HI;
		return 0;
	case MQP_F_PACKET_ID:
		s->state = MQP_S_ID_HI;
		return 0;
	case MQP_F_CODE:
		s->state = MQP_S_CODE;
		return 0;
	case MQP_F_PROPERTIES:
		s->state = MQP_S_PROPERTY_LEN;
		return 0;
	case MQP_F_LIST:
		s->state = s->type == MQP_SUBSCRIBE || s->type == MQP_UNSUBSCRIBE ?
			   MQP_S_LEN_HI : MQP_S_CODE;
		return 0;
	case MQP_F_PAYLOAD:
		s->state = MQP_S_PAYLOAD;
		return 0;
	}
	s->state = MQP_S_BEGIN;
	return s->left ? MQGATE_REASON_MQTT_TOO_LONG : 0;
}

/* What a whole property section has to hold. */
static __always_inline __u32 mqp_properties_check(const struct mqp_stream *s)
{
	__u32 method = s->seen >> MQW_ID_AUTH_METHOD & 1;

	if (s->type == MQP_PUBLISH && s->nameless && !(s->seen >> MQP_ID_TOPIC_ALIAS & 1))
		return MQGATE_REASON_MQTT_TOPIC;
	/* 3.15.2.2.2 */
	if (s->type == MQP_AUTH && !method && (s->code || s->seen >> MQW_ID_AUTH_DATA & 1))
		return MQGATE_REASON_MQTT_PROPERTY_ID;
	return 0;
}

/* The value of a property, or a whole field, ended with the byte just taken. */
static __always_inline __u32 mqp_field_leave(struct mqp_stream *s)
{
	__u32 reason;

	if (s->in_properties) {
		s->acc = 0;
		s->shift = 0;
		if (s->kind == MQW_P_PAIR_NAME) {
			s->kind = MQW_P_PAIR_VALUE;
			s->state = MQP_S_LEN_HI;
			return 0;
		}
		if (s->properties) {
			s->state = MQP_S_PROPERTY_ID;
			return 0;
		}
		s->in_properties = 0;
	}
	if (s->field == MQP_F_PROPERTIES) {
		reason = mqp_properties_check(s);
		if (reason)
			return reason;
	}
	return mqp_field_enter(s, mqp_field_after(s, s->field));
}

/* ---- the fixed header, 2.1 ---------------------------------------------------------------- */

static __always_inline __u32 mqp_type_step(struct mqp_stream *s, __u32 byte)
{
	__u32 type = byte >> 4, reason;

	*s = (struct mqp_stream){
		.reason = s->reason,
		.type = (__u8)type,
		.flags = byte & 0x0FU,
		.level = s->level,
		.from = s->from,
		.state = MQP_S_REMAINING,
		.max_levels = s->max_levels,
		.max_remaining = s->max_remaining,
	};
	reason = mqp_type_check(type, s->from, s->level);
	return reason ? reason : mqp_flags_check(type, s->flags, s->level);
}

/* Return: as mqw_varint_step(), 1.5.5 */
static __always_inline int mqp_varint_step(struct mqp_stream *s, __u32 byte)
{
	s->acc |= (byte & 0x7FU) << (s->shift & 31);
	if (byte & 0x80U) {
		if (s->shift >= 21)
			return -1;
		s->shift += 7;
		return 1;
	}
	return byte == 0 && s->shift ? -1 : 0;
}

static __always_inline __u32 mqp_body_begin(struct mqp_stream *s)
{
	__u32 bytes = 2U + s->shift / 7U, reason;

	if (s->acc > s->max_remaining)
		return MQGATE_REASON_MQTT_TOO_LONG;
	reason = mqp_remaining_check(s->type, s->acc, s->level);
	if (reason)
		return reason;
	s->left = s->acc;
	s->total = bytes + s->left;
	if (s->type == MQP_PUBLISH)
		return mqp_field_enter(s, MQP_F_TOPIC);
	if (s->type < MQP_PINGREQ)
		return mqp_field_enter(s, MQP_F_PACKET_ID);
	if (s->left)
		return mqp_field_enter(s, MQP_F_CODE);
	/* 3.15.2.1: an AUTH of length 0 says success, which a client cannot */
	if (s->type == MQP_AUTH && s->from == MQP_FROM_CLIENT)
		return MQGATE_REASON_MQTT_REASON_CODE;
	return mqp_field_enter(s, MQP_F_END);
}

/* ---- the body ------------------------------------------------------------------------------ */

static __always_inline __u32 mqp_property_begin(struct mqp_stream *s, __u32 id)
{
	__u32 kind;

	/* An identifier is a variable byte integer, but all that exist have one byte. */
	if (id > 63)
		return MQGATE_REASON_MQTT_PROPERTY_ID;
	kind = mqp_property_kind(s->type, s->from, id);
	if (kind == MQW_P_FOREIGN)
		return MQGATE_REASON_MQTT_PROPERTY_ID;
	if (!mqp_property_repeats(s->type, id) && (s->seen >> id & 1))
		return MQGATE_REASON_MQTT_PROPERTY_TWICE;
	s->seen |= 1ULL << id;
	s->property = (__u8)id;
	s->kind = (__u8)kind;
	s->acc = 0;
	s->shift = 0;
	s->need = kind;
	s->state = kind <= MQW_P_FOUR ? MQP_S_PROPERTY_INT :
		   kind == MQP_P_VARINT ? MQP_S_PROPERTY_VARINT : MQP_S_LEN_HI;
	return 0;
}

/* The length of a string or of binary data is known. */
static __always_inline __u32 mqp_content_begin(struct mqp_stream *s)
{
	__u32 kind = MQP_T_PLAIN;

	if (s->acc > (s->in_properties ? s->properties : s->left))
		return s->in_properties ? MQGATE_REASON_MQTT_PROPERTY_LENGTH :
					  MQGATE_REASON_MQTT_TOO_SHORT;
	s->need = s->acc;
	s->state = MQP_S_TEXT;
	if (s->in_properties) {
		if (s->kind == MQW_P_BINARY)
			s->state = MQP_S_BINARY;
		else if (s->property == MQW_ID_RESPONSE_TOPIC)
			kind = MQP_T_TOPIC;
	} else if (s->field == MQP_F_TOPIC) {
		kind = MQP_T_TOPIC;
		s->nameless = !s->need;
		if (!s->need && s->level != MQW_LEVEL_5)
			return MQGATE_REASON_MQTT_TOPIC;
	} else {
		kind = MQP_T_FILTER;
		if (!s->need)
			return MQGATE_REASON_MQTT_FILTER;
	}
	mqp_text_init(&s->text, kind, s->level == MQW_LEVEL_5);
	return 0;
}

static __always_inline __u32 mqp_string_step(struct mqp_stream *s, __u32 byte)
{
	__u32 reason = mqp_text_step(&s->text, byte, s->max_levels);

	s->need--;
	if (!reason && !s->need)
		reason = mqp_text_end(&s->text);
	if (reason && s->in_properties && reason != MQGATE_REASON_MQTT_UTF8)
		reason = MQGATE_REASON_MQTT_PROPERTY_VALUE;
	return reason;
}

static __always_inline __u32 mqp_property_length(struct mqp_stream *s, int rest)
{
	if (rest < 0 || (rest > 0 && !s->left) || (rest == 0 && s->acc > s->left))
		return MQGATE_REASON_MQTT_PROPERTY_LENGTH;
	if (rest == 0 && s->acc) {
		s->properties = s->acc;
		s->in_properties = 1;
		s->state = MQP_S_PROPERTY_ID;
	}
	return 0;
}

/*
 * One byte of the body. *@ended: a field or a property value did with it.
 * Return: enum mqgate_reason.
 */
static __always_inline __u32 mqp_body_step(struct mqp_stream *s, __u32 byte, int *ended)
{
	__u32 reason = MQGATE_REASON_NONE;
	int rest;

	switch (s->state) {
	case MQP_S_ID_HI:
		s->packet_id = (__u16)(byte << 8);
		s->state = MQP_S_ID_LO;
		break;
	case MQP_S_ID_LO:
		s->packet_id = (__u16)(s->packet_id | byte);
		*ended = 1;
		return s->packet_id ? 0 : MQGATE_REASON_MQTT_PACKET_ID;
	case MQP_S_CODE:
		if (s->field == MQP_F_CODE)
			s->code = (__u8)byte;
		*ended = 1;
		return mqp_code_check(s->type, s->from, s->level, byte);
	case MQP_S_PROPERTY_LEN:
		rest = mqp_varint_step(s, byte);
		reason = mqp_property_length(s, rest);
		*ended = !rest && !s->in_properties;
		break;
	case MQP_S_PROPERTY_ID:
		return mqp_property_begin(s, byte);
	case MQP_S_PROPERTY_INT:
		s->acc = s->acc << 8 | byte;
		s->need--;
		*ended = !s->need;
		return *ended ? mqp_property_value_check(s->property, s->acc) : 0;
	case MQP_S_PROPERTY_VARINT:
		rest = mqp_varint_step(s, byte);
		*ended = !rest;
		if (rest)
			return rest < 0 ? MQGATE_REASON_MQTT_PROPERTY_VALUE : 0;
		return mqp_property_value_check(s->property, s->acc);
	case MQP_S_LEN_HI:
		s->acc = byte;
		s->state = MQP_S_LEN_LO;
		break;
	case MQP_S_LEN_LO:
		s->acc = s->acc << 8 | byte;
		reason = mqp_content_begin(s);
		*ended = !s->need;
		break;
	case MQP_S_TEXT:
		reason = mqp_string_step(s, byte);
		*ended = !s->need;
		break;
	case MQP_S_BINARY:
		s->need--;
		*ended = !s->need;
		break;
	case MQP_S_OPTIONS:
		*ended = 1;
		return mqp_options_check(s->level, byte, s->text.share == MQP_SHARE_YES);
	default:	/* MQP_S_PAYLOAD */
		*ended = !s->left;
		break;
	}
	/* A filter of SUBSCRIBE has its options behind it. */
	if (!reason && *ended && !s->in_properties && s->field == MQP_F_LIST &&
	    s->type == MQP_SUBSCRIBE) {
		s->state = MQP_S_OPTIONS;
		*ended = 0;
	}
	return reason;
}

/**
 * mqp_step() - take one byte
 * @s:    stream
 * @byte: the next byte of it
 *
 * MALFORMED stays; after OK the next byte begins a packet.
 * Context: any; no loop, no call.
 * Return: enum mqw_status.
 */
static __always_inline int mqp_step(struct mqp_stream *s, __u8 byte)
{
	__u32 reason = MQGATE_REASON_NONE;
	int ended = 0, rest;

	switch (s->state) {
	case MQP_S_BAD:
		return MQW_MALFORMED;
	case MQP_S_BEGIN:
		reason = mqp_type_step(s, byte);
		break;
	case MQP_S_REMAINING:
		rest = mqp_varint_step(s, byte);
		if (rest < 0)
			reason = MQGATE_REASON_MQTT_LENGTH_ENCODING;
		else if (!rest)
			reason = mqp_body_begin(s);
		break;
	default:
		s->left--;
		if (s->in_properties)
			s->properties--;
		reason = mqp_body_step(s, byte, &ended);
		if (!reason && ended)
			reason = mqp_field_leave(s);
		break;
	}
	if (!reason) {
		if (s->state == MQP_S_BEGIN)
			return MQW_OK;
		if (s->state == MQP_S_REMAINING)
			return MQW_NEED_MORE;
		/* Something is still to come: is there room for it? */
		if (s->in_properties && !s->properties)
			reason = MQGATE_REASON_MQTT_PROPERTY_LENGTH;
		else if (!s->left)
			reason = MQGATE_REASON_MQTT_TOO_SHORT;
		else
			return MQW_NEED_MORE;
	}
	s->reason = reason;
	s->state = MQP_S_BAD;
	return MQW_MALFORMED;
}

/*
 * Bytes of @data that need not go through the machine. The last one of a field does, and of @data.
 */
static __always_inline __u32 mqp_skip(struct mqp_stream *s, const __u8 *data, __u32 len)
{
	__u32 skip = (s->state == MQP_S_PAYLOAD ? s->left : s->need) - 1;

	if (s->state != MQP_S_PAYLOAD && s->state != MQP_S_BINARY && s->state != MQP_S_TEXT)
		return 0;
	if (skip > len - 1)
		skip = len - 1;
	if (s->state == MQP_S_TEXT)
		skip = mqp_text_run(&s->text, data, skip, s->max_levels);
	if (s->state != MQP_S_PAYLOAD)
		s->need -= skip;
	if (s->in_properties)
		s->properties -= skip;
	s->left -= skip;
	return skip;
}

/*
 * A PUBLISH of QoS 0 without properties, all of which is in @data, as most are: what the machine
 * would say of it, at a stretch. Return: its length; 0: the machine has to say.
 */
static __always_inline __u32 mqp_publish_whole(struct mqp_stream *s, const __u8 *data, __u32 len)
{
	__u32 v5 = s->level == MQW_LEVEL_5, at = 2, left, topic;

	if (s->state != MQP_S_BEGIN || len < 5 || (data[0] | MQP_FLAG_RETAIN) != 0x31)
		return 0;
	left = data[1];
	if (left & 0x80U) {
		left = (left & 0x7FU) | (__u32)data[2] << 7;
		at = 3;
		if (!data[2] || data[2] & 0x80U)
			return 0;
	}
	if (left > s->max_remaining || left > len - at || left < 3 + v5)
		return 0;
	topic = (__u32)data[at] << 8 | data[at + 1];
	if (!topic || topic > left - 2 - v5 || (v5 && data[at + 2 + topic]))
		return 0;
	mqp_text_init(&s->text, MQP_T_TOPIC, 0);
	if (mqp_text_run(&s->text, data + at + 2, topic, s->max_levels) != topic)
		return 0;
	s->total = at + left;
	s->packet_id = 0;
	s->type = MQP_PUBLISH;
	s->flags = data[0] & 0x0FU;
	s->code = 0;
	return s->total;
}

static __always_inline int mqp_feed_to(struct mqp_stream *s, const __u8 *data, __u32 len,
				       __u32 *used, __u32 stop)
{
	int status = s->state == MQP_S_BAD ? MQW_MALFORMED : MQW_NEED_MORE;
	__u32 i = mqp_publish_whole(s, data, len);

	if (i)
		status = MQW_OK;
	while (status == MQW_NEED_MORE && i < len && s->state != stop) {
		i += mqp_skip(s, data + i, len - i);
		status = mqp_step(s, data[i++]);
	}
	*used = i;
	return status;
}

/**
 * mqp_feed() - take bytes until a packet ends, is refused, or they run out
 * @s:    stream
 * @data: the next bytes of it
 * @len:  of @data
 * @used: out; bytes of @data taken. After MQW_OK the rest belongs to the next packet, after
 *        MQW_MALFORMED the last byte taken is the one that ruled the packet out
 *
 * Return: enum mqw_status; MQW_OK says that a packet ended with the last byte taken.
 */
static inline int mqp_feed(struct mqp_stream *s, const __u8 *data, __u32 len, __u32 *used)
{
	return mqp_feed_to(s, data, len, used, MQP_S_BAD);
}

/**
 * mqp_feed_head() - as mqp_feed(), but no further than to the payload of a PUBLISH
 *
 * Return: as mqp_feed(). MQW_NEED_MORE and mqp_at_payload(): the payload begins behind the last
 * byte taken, and mqp_feed() goes on with it.
 */
static inline int mqp_feed_head(struct mqp_stream *s, const __u8 *data, __u32 len, __u32 *used)
{
	return mqp_feed_to(s, data, len, used, MQP_S_PAYLOAD);
}

#endif /* MQGATE_MQTT_PACKET_H */
