/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The straight-line check of the first bytes of a CONNECT, which settles most floods before
 * any loop runs. XDP calls it through mqtt_wire.h; no lock, no state.
 */
#ifndef MQGATE_MQTT_HEAD_H
#define MQGATE_MQTT_HEAD_H

#include <mqgate/mqtt_wire.h>

/**
 * struct mqw_head - what the first bytes of a CONNECT say
 * @reason:     why, when malformed: enum mqgate_reason
 * @need:       bytes of the whole packet; 0 while unknown
 * @names_mqtt: 1 when a protocol name field with "MQTT" or "MQIsdp" stands where the
 *              packet's own length encoding puts it, be the rest as wrong as it may
 * @level:      level byte as sent, once it is there; else 0
 */
struct mqw_head {
	__u32	reason;
	__u32	need;
	__u8	names_mqtt;
	__u8	level;
	__u8	reserved[2];
};

static __always_inline __u64 mqw_load64(const __u8 *p)
{
	return (__u64)p[0] << 56 | (__u64)p[1] << 48 | (__u64)p[2] << 40 | (__u64)p[3] << 32 |
	       (__u64)p[4] << 24 | (__u64)p[5] << 16 | (__u64)p[6] << 8 | (__u64)p[7];
}

/*
 * mqw_head_check() after its remaining length: @body are the bytes from the name's length
 * on, @rest the ones after them, @avail how many of them are real.
 */
static __always_inline __u32 mqw_head_body(__u64 body, __u64 rest, __u32 avail, __u32 remaining,
					   struct mqw_head *out)
{
	__u64 expect;
	__u32 len, name, level, flags, reason;

	if (!avail)
		return MQGATE_REASON_NONE;
	if (body >> 56)
		return MQGATE_REASON_MQTT_NAME;
	if (avail < 2)
		return MQGATE_REASON_NONE;
	len = (__u32)(body >> 48) & 0xFFU;
	if (len != 4 && len != 6)
		return MQGATE_REASON_MQTT_NAME;
	expect = (__u64)len << 48 | (len == 4 ? MQW_NAME_MQTT << 16 : MQW_NAME_MQISDP);
	name = avail < len + 2 ? avail : len + 2;	/* 2 to 8 bytes */
	if ((body ^ expect) >> ((64 - 8 * name) & 63))
		return MQGATE_REASON_MQTT_NAME;
	if (avail < len + 3)
		return MQGATE_REASON_NONE;
	level = (__u32)(len == 4 ? body >> 8 : rest >> 56) & 0xFFU;
	flags = (__u32)(len == 4 ? body : rest >> 48) & 0xFFU;
	out->level = (__u8)level;
	reason = mqw_level_check(len, level);
	if (reason || avail < len + 4)
		return reason;
	level &= ~MQW_LEVEL_BRIDGE;
	reason = mqw_flags_check(level, flags);
	if (!reason && remaining < mqw_connect_least(level, flags))
		reason = MQGATE_REASON_MQTT_TOO_SHORT;
	return reason;
}

/**
 * mqw_head_words_check() - judge the first bytes of a payload, straight-line
 * @hi:            the first 8 of them as a big-endian number, zero where the payload is shorter
 * @lo:            the next 8
 * @avail:         how many of them are payload, 0..16; the payload may be longer
 * @max_remaining: largest remaining length accepted, bytes
 * @out:           what they say; valid whatever is returned
 *
 * Covers the fixed header, the protocol name, the level and the connect flags, and answers for
 * them what mqw_connect_step() answers.
 * Return: MQW_OK - all of those are there and good, and a full parse is still needed;
 * MQW_NEED_MORE - a prefix of that; MQW_MALFORMED - can never become an acceptable CONNECT.
 */
static __always_inline int mqw_head_words_check(__u64 hi, __u64 lo, __u32 avail,
						__u32 max_remaining, struct mqw_head *out)
{
	__u32 b1 = hi >> 48 & 0xFF, b2 = hi >> 40 & 0xFF;
	__u32 b3 = hi >> 32 & 0xFF, b4 = hi >> 24 & 0xFF;
	__u32 m1, m2, m3, n, remaining, reason, type = (__u32)(hi >> 60), len;
	__u64 body, rest;

	*out = (struct mqw_head){ 0 };
	/* Without branches: each would double what the verifier has to walk. */
	m1 = b1 >> 7;
	m2 = m1 & b2 >> 7;
	m3 = m2 & b3 >> 7;
	n = 1 + m1 + m2 + m3 + (m3 & b4 >> 7);
	remaining = (b1 & 0x7F) | (b2 & 0x7F) * m1 << 7 | (b3 & 0x7F) * m2 << 14 |
		    (b4 & 0x7F) * m3 << 21;

	/* Everything after the remaining length, moved to the front. */
	body = hi << (8 + 8 * n) | lo >> (56 - 8 * n);
	rest = lo << (8 + 8 * n);

	/*
	 * PUBLISH, SUBSCRIBE and UNSUBSCRIBE may have these bytes there in good faith: a topic
	 * called MQTT. No other packet type may.
	 */
	len = (__u32)(body >> 48);
	if (type != 3 && type != 8 && type != 10 &&
	    ((len == 4 && avail >= n + 7 && (body >> 16 & 0xFFFFFFFFULL) == MQW_NAME_MQTT) ||
	     (len == 6 && avail >= n + 9 && (body & 0xFFFFFFFFFFFFULL) == MQW_NAME_MQISDP)))
		out->names_mqtt = 1;

	reason = avail ? mqw_type_check((__u32)(hi >> 56)) : 0;
	if (!reason && n == 5 && avail >= 5)
		reason = MQGATE_REASON_MQTT_LENGTH_ENCODING;
	if (!reason && n < 5 && avail > n) {
		if (n > 1 && !(remaining >> (7 * (n - 1))))
			reason = MQGATE_REASON_MQTT_LENGTH_ENCODING;
		else
			out->need = remaining + n + 1;
		if (!reason)
			reason = mqw_remaining_check(remaining, max_remaining);
		if (!reason)
			reason = mqw_head_body(body, rest, avail - n - 1, remaining, out);
	}
	out->reason = reason;
	if (reason)
		return MQW_MALFORMED;
	return out->need && avail >= n + 5 + len ? MQW_OK : MQW_NEED_MORE;
}

/**
 * mqw_head_check() - the same from bytes
 * @head: 16 readable bytes, zero where the payload is shorter
 */
static __always_inline int mqw_head_check(const __u8 *head, __u32 avail, __u32 max_remaining,
					  struct mqw_head *out)
{
	return mqw_head_words_check(mqw_load64(head), mqw_load64(head + 8), avail, max_remaining,
				    out);
}

#endif /* MQGATE_MQTT_HEAD_H */
