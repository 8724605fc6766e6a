/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * UTF-8 strings, topic names and topic filters, byte by byte. mqtt_packet.h owns the state
 * and calls it. No lock.
 */
#ifndef MQGATE_MQTT_TEXT_H
#define MQGATE_MQTT_TEXT_H

#include <mqgate/mqtt_wire.h>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

/* What a string is. */
enum mqp_text_kind {
	MQP_T_PLAIN,
	MQP_T_TOPIC,		/* 4.7: no wildcard */
	MQP_T_FILTER,
};

/* Where a filter stands within its level, 4.7.1. */
enum mqp_level_state {
	MQP_L_START,		/* nothing of this level yet */
	MQP_L_TEXT,
	MQP_L_PLUS,		/* "+": the level has to end */
	MQP_L_HASH,		/* "#": the filter has to end */
};

/* How far a filter is a shared subscription, 4.8.2: 0..6 are bytes of "$share/" seen. */
#define MQP_SHARE_NAME		7U
#define MQP_SHARE_FILTER	8U	/* behind the name's slash, nothing yet */
#define MQP_SHARE_YES		9U	/* and the filter itself */
#define MQP_SHARE_NO		10U

#define MQP_SHARE_PREFIX	0x2473686172652FULL	/* "$share/" */

/**
 * struct mqp_text - a string being read
 * @code_point:  of the sequence being read
 * @levels: slashes seen
 * @kind:   enum mqp_text_kind
 * @more:   continuation bytes that the UTF-8 sequence still lacks
 * @low:    } bounds of the next continuation byte: overlong forms, surrogates and C1 control
 * @high:   } characters are seen at the second byte
 * @level:  enum mqp_level_state
 * @share:  MQP_SHARE_*, or bytes of the prefix
 */
struct mqp_text {
	__u32	code_point;
	__u16	levels;
	__u8	kind;
	__u8	more;
	__u8	low;
	__u8	high;
	__u8	level;
	__u8	share;
};

static __always_inline void mqp_text_init(struct mqp_text *t, __u32 kind, int shares)
{
	*t = (struct mqp_text){
		.kind = (__u8)kind,
		.share = shares ? 0 : (__u8)MQP_SHARE_NO,
	};
}

/* The same set of strings as mqw_utf8_step(), which needs a whole CONNECT for its state. */
static __always_inline __u32 mqp_utf8_step(struct mqp_text *t, __u32 byte)
{
	if (!t->more) {
		if (byte < 0x80)
			return byte < 0x20 || byte == 0x7F ? MQGATE_REASON_MQTT_UTF8 : 0;
		if (byte < 0xC2 || byte > 0xF4)
			return MQGATE_REASON_MQTT_UTF8;
		t->more = byte < 0xE0 ? 1 : byte < 0xF0 ? 2 : 3;
		t->low = byte == 0xC2 || byte == 0xE0 ? 0xA0 : byte == 0xF0 ? 0x90 : 0x80;
		t->high = byte == 0xED ? 0x9F : byte == 0xF4 ? 0x8F : 0xBF;
		t->code_point = byte & (0x3FU >> t->more);
		return 0;
	}
	if (byte < t->low || byte > t->high)
		return MQGATE_REASON_MQTT_UTF8;
	t->low = 0x80;
	t->high = 0xBF;
	t->more--;
	t->code_point = t->code_point << 6 | (byte & 0x3FU);
	if (!t->more && ((t->code_point & 0xFFFEU) == 0xFFFEU ||
			 (t->code_point >= 0xFDD0 && t->code_point <= 0xFDEF)))
		return MQGATE_REASON_MQTT_UTF8;
	return 0;
}

/* Byte @n of "$share/". */
static __always_inline __u32 mqp_share_byte(__u32 n)
{
	return (__u32)(MQP_SHARE_PREFIX >> (8 * (6 - n) & 63)) & 0xFFU;
}

/* Keeps @t->share; the share name is a level without wildcards that may not be empty. */
static __always_inline __u32 mqp_share_step(struct mqp_text *t, __u32 byte)
{
	if (t->share < MQP_SHARE_NAME) {
		t->share = byte == mqp_share_byte(t->share) ? t->share + 1 : (__u8)MQP_SHARE_NO;
	} else if (t->share == MQP_SHARE_NAME) {
		if (byte == '+' || byte == '#' || (byte == '/' && t->level == MQP_L_START))
			return MQGATE_REASON_MQTT_FILTER;
		if (byte == '/')
			t->share = MQP_SHARE_FILTER;
	} else if (t->share == MQP_SHARE_FILTER) {
		t->share = MQP_SHARE_YES;
	}
	return 0;
}

static __always_inline __u32 mqp_filter_step(struct mqp_text *t, __u32 byte)
{
	__u32 reason = mqp_share_step(t, byte);

	if (reason)
		return reason;
	if (t->level == MQP_L_HASH || (t->level == MQP_L_PLUS && byte != '/'))
		return MQGATE_REASON_MQTT_FILTER;
	if (byte == '+' || byte == '#') {
		if (t->level != MQP_L_START)
			return MQGATE_REASON_MQTT_FILTER;
		t->level = byte == '+' ? MQP_L_PLUS : MQP_L_HASH;
	} else {
		t->level = byte == '/' ? MQP_L_START : MQP_L_TEXT;
	}
	return 0;
}

/* One byte of a string; @max_levels 0 is no limit. Return: enum mqgate_reason. */
static __always_inline __u32 mqp_text_step(struct mqp_text *t, __u32 byte, __u32 max_levels)
{
	__u32 reason = mqp_utf8_step(t, byte);

	if (reason || t->kind == MQP_T_PLAIN)
		return reason;
	if (byte == '/') {
		t->levels++;
		if (max_levels && t->levels >= max_levels)
			return MQGATE_REASON_MQTT_LEVELS;
	}
	if (t->kind == MQP_T_FILTER)
		return mqp_filter_step(t, byte);
	return byte == '+' || byte == '#' ? MQGATE_REASON_MQTT_TOPIC : 0;
}

#ifndef __bpf__
#define MQP_ONES	0x0101010101010101ULL
#define MQP_HIGH	0x8080808080808080ULL

/* The high bit of each byte of @word that is @byte; no byte has its own. */
static __always_inline __u64 mqp_word_equal(__u64 word, __u64 byte)
{
	return ~((word ^ MQP_ONES * byte) + ~MQP_HIGH) & MQP_HIGH;
}

/* 1: nothing in @word has to be looked at; its first @seen bytes were counted before. */
static __always_inline int mqp_text_word(struct mqp_text *t, __u64 word, __u32 seen,
					 __u32 max_levels)
{
	__u64 slashes;

	/* One of 0x80 and more, below 0x20, or 0x7F. */
	if ((word | ~(word + MQP_ONES * 0x60) | (word + MQP_ONES)) & MQP_HIGH)
		return 0;
	if (t->kind == MQP_T_PLAIN)
		return 1;
	if (mqp_word_equal(word, '+') | mqp_word_equal(word, '#'))
		return 0;
	slashes = mqp_word_equal(word, '/') >> 7;
	slashes = __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? slashes >> 8 * seen
							    : slashes << 8 * seen;
	slashes = slashes * MQP_ONES >> 56;
	if (max_levels && t->levels + slashes >= max_levels)
		return 0;
	t->levels += (__u16)slashes;
	return 1;
}

#ifdef __SSE2__
/* As mqp_text_word(), of sixteen bytes at @data. */
static __always_inline int mqp_text_sixteen(struct mqp_text *t, const __u8 *data, __u32 seen,
					    __u32 max_levels)
{
	__m128i bytes = _mm_loadu_si128((const __m128i *)data), odd;
	__u32 slashes, levels = t->levels;

	/* As signed numbers those of 0x80 and more are below 0x20, too. */
	odd = _mm_or_si128(_mm_cmplt_epi8(bytes, _mm_set1_epi8(0x20)),
			   _mm_cmpeq_epi8(bytes, _mm_set1_epi8(0x7F)));
	if (t->kind != MQP_T_PLAIN) {
		odd = _mm_or_si128(odd, _mm_cmpeq_epi8(bytes, _mm_set1_epi8('+')));
		odd = _mm_or_si128(odd, _mm_cmpeq_epi8(bytes, _mm_set1_epi8('#')));
	}
	if (_mm_movemask_epi8(odd))
		return 0;
	if (t->kind == MQP_T_PLAIN)
		return 1;
	slashes = (__u32)_mm_movemask_epi8(_mm_cmpeq_epi8(bytes, _mm_set1_epi8('/'))) >> seen;
	for (; slashes; slashes &= slashes - 1)
		levels++;
	if (max_levels && levels >= max_levels)
		return 0;
	t->levels = (__u16)levels;
	return 1;
}

static __always_inline __u32 mqp_text_sixteens(struct mqp_text *t, const __u8 *data, __u32 len,
					       __u32 max_levels)
{
	__u32 i;

	for (i = 0; len - i >= 16; i += 16)
		if (!mqp_text_sixteen(t, data + i, 0, max_levels))
			return i;
	if (!i || i == len)
		return i;
	return mqp_text_sixteen(t, data + len - 16, 16 - (len - i), max_levels) ? len : i;
}
#endif

/* As mqp_text_run(), eight bytes at a time, as far as nothing in them has to be looked at. */
static __always_inline __u32 mqp_text_words(struct mqp_text *t, const __u8 *data, __u32 len,
					    __u32 max_levels)
{
	__u64 word;
	__u32 i;

	for (i = 0; len - i >= sizeof(word); i += sizeof(word)) {
		__builtin_memcpy(&word, data + i, sizeof(word));
		if (!mqp_text_word(t, word, 0, max_levels))
			return i;
	}
	if (!i || i == len)
		return i;
	/* The last ones together with some that were seen. */
	__builtin_memcpy(&word, data + len - sizeof(word), sizeof(word));
	return mqp_text_word(t, word, (__u32)sizeof(word) - (len - i), max_levels) ? len : i;
}
#endif

/*
 * A run of bytes that mqp_text_step() would take one by one and keep nothing of but the number of
 * slashes: the printable ones of a topic or a plain string. A filter's all mean something.
 * A function of its own: BPF's stack has no room for another loop in mqp_feed().
 * Return: how many of @len.
 */
static __attribute__((__noinline__, __unused__))
__u32 mqp_text_run(struct mqp_text *t, const __u8 *data, __u32 len, __u32 max_levels)
{
	__u32 i = 0;

	if (t->more || t->kind == MQP_T_FILTER)
		return 0;
#ifndef __bpf__
#ifdef __SSE2__
	if (len >= 16)
		i = mqp_text_sixteens(t, data, len, max_levels);
	else
#endif
		i = mqp_text_words(t, data, len, max_levels);
#endif
	for (; i < len; i++) {
		__u32 byte = data[i];

		if (byte > '/' && byte < 0x7F)
			continue;
		if (byte < 0x20 || byte > '/')
			break;
		if (t->kind == MQP_T_PLAIN)
			continue;
		if (byte == '+' || byte == '#')
			break;
		if (byte != '/')
			continue;
		if (max_levels && t->levels + 1U >= max_levels)
			break;
		t->levels++;
	}
	return i;
}

/* The string ended. Return: enum mqgate_reason. */
static __always_inline __u32 mqp_text_end(const struct mqp_text *t)
{
	if (t->more)
		return MQGATE_REASON_MQTT_UTF8;
	if (t->kind == MQP_T_FILTER &&
	    (t->share == MQP_SHARE_NAME || t->share == MQP_SHARE_FILTER))
		return MQGATE_REASON_MQTT_FILTER;
	return 0;
}

#endif /* MQGATE_MQTT_TEXT_H */
