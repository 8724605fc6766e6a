/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The ClientHello check: record and handshake lengths, versions, session id, cipher suites,
 * compression, extension bounds, and where SNI and ALPN are (RFC 8446, 5246, 6066, 7301).
 * One source for BPF, the kernel and user space: only <linux/types.h>, no allocation, no libc.
 *
 * Who calls it: XDP (tlsw_head_check(), then tlsw_hello_step() from a bpf_loop() callback),
 * the daemon and the tests (tlsw_hello_feed()).
 * Locking: none. A parser belongs to whoever initialised it.
 *
 * The record layer is apart from the handshake layer: a ClientHello may be cut into records
 * at any byte (RFC 8446, 5.1), and what follows it (early data) is not judged. Hellos of TLS
 * 1.0 to 1.3 parse, GREASE (RFC 8701) passes everywhere; which version is good enough is the
 * daemon's question. An SSLv2-compatible hello is refused: RFC 6176 forbids it to clients, and
 * none that speaks TLS 1.2 needs it.
 */
#ifndef MQGATE_TLS_WIRE_H
#define MQGATE_TLS_WIRE_H

#include <mqgate/wire.h>

#define TLSW_HEAD_BYTES		16U	/* what tlsw_head_check() is given */
#define TLSW_RECORD_HEADER	5U
#define TLSW_RECORD_MAX		16384U	/* RFC 8446, 5.1: bytes of plaintext in a record */
#define TLSW_HANDSHAKE_HEADER	4U
#define TLSW_TYPE_HANDSHAKE	22U
#define TLSW_TYPE_HELLO		1U
/* version, random, empty session id, one suite, null compression: RFC 5246, 7.4.1.2 */
#define TLSW_HELLO_LEAST	41U

#define TLSW_EXT_SNI		0U
#define TLSW_EXT_ALPN		16U
#define TLSW_EXT_VERSIONS	43U

struct tlsw_span {
	__u32	off;			/* from the first byte of the first record */
	__u32	len;
};

enum tlsw_hello_state {
	TLSW_S_TYPE,
	TLSW_S_LENGTH,			/* of the handshake message */
	TLSW_S_VERSION,
	TLSW_S_RANDOM,
	TLSW_S_SESSION_LEN,
	TLSW_S_SESSION,
	TLSW_S_SUITES_LEN,
	TLSW_S_SUITES,
	TLSW_S_COMPRESSION_LEN,
	TLSW_S_COMPRESSION,
	TLSW_S_EXTENSIONS_LEN,
	TLSW_S_EXT_TYPE,
	TLSW_S_EXT_LEN,
	TLSW_S_EXT_SKIP,		/* contents that are not looked into */
	TLSW_S_SNI_LIST_LEN,
	TLSW_S_SNI_TYPE,
	TLSW_S_SNI_LEN,
	TLSW_S_SNI_NAME,
	TLSW_S_ALPN_LIST_LEN,
	TLSW_S_ALPN_LEN,
	TLSW_S_ALPN_NAME,
	TLSW_S_VERSIONS_LEN,
	TLSW_S_VERSIONS,
	TLSW_S_DONE,
	TLSW_S_BAD,
};

/**
 * struct tlsw_hello - a ClientHello parser and what it found
 * @session_id: } where the fields are; all zero when absent. Contiguous in the stream
 * @suites:     } only while @split is 0; complete only after MQW_OK
 * @extensions: } (without their length field)
 * @sni:        } the first host_name
 * @alpn:       } the list of protocol names, each with its length byte
 * @pos:        bytes consumed, record headers included
 * @need:       bytes from the first record to the end of the ClientHello as declared so
 *              far: 0 while unknown, too few while further record headers are to come
 * @reason:     why, when malformed: enum mqgate_reason
 * @record_version: of the first record
 * @legacy_version: of the hello
 * @max_version: highest 3.x in supported_versions, 0 when that names none;
 *              without the extension @legacy_version
 * @split:      1 when more than one record carries the hello
 *
 * What follows is the machine's own.
 */
struct tlsw_hello {
	struct tlsw_span session_id;
	struct tlsw_span suites;
	struct tlsw_span extensions;
	struct tlsw_span sni;
	struct tlsw_span alpn;
	__u32		pos;
	__u32		need;
	__u32		reason;
	__u16		record_version;
	__u16		legacy_version;
	__u16		max_version;
	__u8		split;

	__u8		state;		/* enum tlsw_hello_state */
	__u8		record_at;	/* bytes of the record header seen; 5 inside a record */
	__u8		count;		/* bytes of the current integer still to come */
	__u8		known;		/* extensions looked into so far, TLSW_KNOWN_* */
	__u8		null_seen;	/* null compression is among the methods */
	__u32		max_len;
	__u32		record_left;	/* bytes left in this record */
	__u32		acc;		/* integer being read */
	__u32		left;		/* bytes left of the hello, after its length is known */
	__u32		ext_left;	/* of the current extension */
	__u32		item_left;	/* of the current opaque field */
};

_Static_assert(sizeof(struct tlsw_hello) <= 128, "must fit the BPF stack beside a context");

#define TLSW_KNOWN_SNI		1U
#define TLSW_KNOWN_ALPN		2U
#define TLSW_KNOWN_VERSIONS	4U

/**
 * tlsw_hello_init() - begin a ClientHello
 * @h:       parser
 * @max_len: largest handshake message accepted, bytes after its 4-byte header
 */
static __always_inline void tlsw_hello_init(struct tlsw_hello *h, __u32 max_len)
{
	*h = (struct tlsw_hello){ .max_len = max_len, .count = 1 };
}

static __always_inline __u32 tlsw_record_len_check(__u32 len)
{
	/* RFC 8446, 5.1: a handshake record is never empty. */
	return len == 0 || len > TLSW_RECORD_MAX ? MQGATE_REASON_TLS_RECORD_LENGTH : 0;
}

static __always_inline __u32 tlsw_hello_len_check(__u32 len, __u32 max_len)
{
	return len < TLSW_HELLO_LEAST || len > max_len ? MQGATE_REASON_TLS_HELLO_LENGTH : 0;
}

/* One byte of a record header. */
static __always_inline __u32 tlsw_record_step(struct tlsw_hello *h, __u32 byte)
{
	__u32 reason = 0;

	switch (h->record_at) {
	case 0:
		if (byte != TLSW_TYPE_HANDSHAKE)
			reason = MQGATE_REASON_TLS_NOT_HANDSHAKE;
		if (h->pos > TLSW_RECORD_HEADER)
			h->split = 1;
		break;
	case 1:
		/* RFC 8446, 5.1: the minor number of a record is to be ignored. */
		if (byte != 3)
			reason = MQGATE_REASON_TLS_VERSION;
		break;
	case 2:
		if (!h->split)
			h->record_version = (__u16)(0x300U | byte);
		break;
	case 3:
		h->record_left = byte << 8;
		break;
	default:
		h->record_left |= byte;
		reason = tlsw_record_len_check(h->record_left);
		break;
	}
	h->record_at++;
	return reason;
}

/* Waits for an integer of @count bytes. */
static __always_inline void tlsw_expect(struct tlsw_hello *h, __u32 state, __u32 count)
{
	h->state = (__u8)state;
	h->count = (__u8)count;
	h->acc = 0;
}

/* What follows an extension, or the length of their list. */
static __always_inline void tlsw_extension_next(struct tlsw_hello *h)
{
	if (h->left)
		tlsw_expect(h, TLSW_S_EXT_TYPE, 2);
	else
		h->state = TLSW_S_DONE;
}

/* RFC 8701: 0x0A0A, 0x1A1A ... are no versions, and 0x7Fxx were drafts. */
static __always_inline void tlsw_version_offer(struct tlsw_hello *h, __u32 version)
{
	if (version >> 8 == 3 && (version & 0xFFU) != 0xFFU && version > h->max_version)
		h->max_version = (__u16)version;
}

/* An extension's type and length are known. */
static __always_inline __u32 tlsw_extension_begin(struct tlsw_hello *h, __u32 type, __u32 len)
{
	__u32 known, state, count, reason;

	if (len > h->left)
		return MQGATE_REASON_TLS_EXTENSIONS;
	h->ext_left = len;
	if (type == TLSW_EXT_SNI) {
		known = TLSW_KNOWN_SNI;
		reason = MQGATE_REASON_TLS_SNI;
		state = TLSW_S_SNI_LIST_LEN;
		count = 2;
	} else if (type == TLSW_EXT_ALPN) {
		known = TLSW_KNOWN_ALPN;
		reason = MQGATE_REASON_TLS_ALPN;
		state = TLSW_S_ALPN_LIST_LEN;
		count = 2;
	} else if (type == TLSW_EXT_VERSIONS) {
		known = TLSW_KNOWN_VERSIONS;
		reason = MQGATE_REASON_TLS_EXTENSIONS;
		state = TLSW_S_VERSIONS_LEN;
		count = 1;
		h->max_version = 0;
	} else {
		h->item_left = len;
		h->state = TLSW_S_EXT_SKIP;
		if (!len)
			tlsw_extension_next(h);
		return 0;
	}
	/* RFC 8446, 4.2: no extension twice. None of these lists may be empty. */
	if ((h->known & known) || len < count + 2U)
		return reason;
	h->known |= (__u8)known;
	tlsw_expect(h, state, count);
	return 0;
}

/* An integer of the hello is complete in @h->acc; @h->left bytes follow it. */
static __always_inline __u32 tlsw_integer_end(struct tlsw_hello *h)
{
	__u32 value = h->acc;

	switch (h->state) {
	case TLSW_S_TYPE:
		if (value != TLSW_TYPE_HELLO)
			return MQGATE_REASON_TLS_NOT_HELLO;
		tlsw_expect(h, TLSW_S_LENGTH, 3);
		return 0;
	case TLSW_S_LENGTH:
		h->left = value;
		tlsw_expect(h, TLSW_S_VERSION, 2);
		return tlsw_hello_len_check(value, h->max_len);
	case TLSW_S_VERSION:
		h->legacy_version = (__u16)value;
		h->max_version = (__u16)value;
		h->state = TLSW_S_RANDOM;
		h->item_left = 32;
		return 0;
	case TLSW_S_SESSION_LEN:
		if (value > 32)
			return MQGATE_REASON_TLS_SESSION_ID;
		/* suites and compression take at least six bytes more */
		if (h->left < 6 || value > h->left - 6)
			return MQGATE_REASON_TLS_HELLO_LENGTH;
		h->session_id.off = h->pos;
		h->session_id.len = value;
		h->item_left = value;
		h->state = TLSW_S_SESSION;
		if (!value)
			tlsw_expect(h, TLSW_S_SUITES_LEN, 2);
		return 0;
	case TLSW_S_SUITES_LEN:
		if (value < 2 || (value & 1) || h->left < 2 || value > h->left - 2)
			return MQGATE_REASON_TLS_SUITES;
		h->suites.off = h->pos;
		h->suites.len = value;
		h->item_left = value;
		h->state = TLSW_S_SUITES;
		return 0;
	case TLSW_S_COMPRESSION_LEN:
		if (value == 0 || value > h->left)
			return MQGATE_REASON_TLS_COMPRESSION;
		h->item_left = value;
		h->state = TLSW_S_COMPRESSION;
		return 0;
	case TLSW_S_EXTENSIONS_LEN:
		if (value != h->left)
			return MQGATE_REASON_TLS_EXTENSIONS;
		h->extensions.off = h->pos;
		h->extensions.len = value;
		tlsw_extension_next(h);
		return 0;
	case TLSW_S_EXT_TYPE:
		if (h->left < 2)
			return MQGATE_REASON_TLS_EXTENSIONS;
		/* the type moves up while the length is read behind it */
		h->state = TLSW_S_EXT_LEN;
		h->count = 2;
		return 0;
	case TLSW_S_EXT_LEN:
		return tlsw_extension_begin(h, value >> 16, value & 0xFFFFU);
	case TLSW_S_SNI_LIST_LEN:
		tlsw_expect(h, TLSW_S_SNI_TYPE, 1);
		return value != h->ext_left ? MQGATE_REASON_TLS_SNI : 0;
	case TLSW_S_SNI_TYPE:
		h->item_left = value;	/* kept for the length that follows */
		tlsw_expect(h, TLSW_S_SNI_LEN, 2);
		return h->ext_left < 3 ? MQGATE_REASON_TLS_SNI : 0;
	case TLSW_S_SNI_LEN:
		/* RFC 6066, 3: a host name has at least one byte, and there is one a type. */
		if (value == 0 || value > h->ext_left || (h->item_left == 0 && h->sni.len))
			return MQGATE_REASON_TLS_SNI;
		if (h->item_left == 0) {
			h->sni.off = h->pos;
			h->sni.len = value;
		}
		h->item_left = value;
		h->state = TLSW_S_SNI_NAME;
		return 0;
	case TLSW_S_ALPN_LIST_LEN:
		h->alpn.off = h->pos;
		h->alpn.len = value;
		tlsw_expect(h, TLSW_S_ALPN_LEN, 1);
		return value != h->ext_left ? MQGATE_REASON_TLS_ALPN : 0;
	case TLSW_S_ALPN_LEN:
		if (value == 0 || value > h->ext_left)
			return MQGATE_REASON_TLS_ALPN;
		h->item_left = value;
		h->state = TLSW_S_ALPN_NAME;
		return 0;
	case TLSW_S_VERSIONS_LEN:
		if ((value & 1) || value != h->ext_left)
			return MQGATE_REASON_TLS_EXTENSIONS;
		tlsw_expect(h, TLSW_S_VERSIONS, 2);
		return 0;
	default:	/* TLSW_S_VERSIONS */
		tlsw_version_offer(h, value);
		tlsw_expect(h, TLSW_S_VERSIONS, 2);
		if (!h->ext_left)
			tlsw_extension_next(h);
		return 0;
	}
}

/* The last byte of an opaque field was taken. */
static __always_inline __u32 tlsw_opaque_end(struct tlsw_hello *h)
{
	switch (h->state) {
	case TLSW_S_RANDOM:
		tlsw_expect(h, TLSW_S_SESSION_LEN, 1);
		break;
	case TLSW_S_SESSION:
		tlsw_expect(h, TLSW_S_SUITES_LEN, 2);
		break;
	case TLSW_S_SUITES:
		tlsw_expect(h, TLSW_S_COMPRESSION_LEN, 1);
		break;
	case TLSW_S_COMPRESSION:
		if (!h->null_seen)
			return MQGATE_REASON_TLS_COMPRESSION;
		/* RFC 5246, 7.4.1.2: the extensions may be absent, with their length. */
		if (!h->left)
			h->state = TLSW_S_DONE;
		else
			tlsw_expect(h, TLSW_S_EXTENSIONS_LEN, 2);
		break;
	case TLSW_S_SNI_NAME:
		tlsw_expect(h, TLSW_S_SNI_TYPE, 1);
		if (!h->ext_left)
			tlsw_extension_next(h);
		break;
	case TLSW_S_ALPN_NAME:
		tlsw_expect(h, TLSW_S_ALPN_LEN, 1);
		if (!h->ext_left)
			tlsw_extension_next(h);
		break;
	default:	/* TLSW_S_EXT_SKIP */
		tlsw_extension_next(h);
		break;
	}
	return 0;
}

/* One byte of the handshake message. */
static __always_inline __u32 tlsw_handshake_step(struct tlsw_hello *h, __u32 byte)
{
	__u32 opaque = h->state == TLSW_S_RANDOM || h->state == TLSW_S_SESSION ||
		       h->state == TLSW_S_SUITES || h->state == TLSW_S_COMPRESSION ||
		       h->state == TLSW_S_EXT_SKIP || h->state == TLSW_S_SNI_NAME ||
		       h->state == TLSW_S_ALPN_NAME;
	__u32 reason;

	if (h->state > TLSW_S_LENGTH)
		h->left--;
	if (h->state > TLSW_S_EXT_LEN)
		h->ext_left--;
	if (opaque) {
		if (h->state == TLSW_S_COMPRESSION && !byte)
			h->null_seen = 1;
		h->item_left--;
		reason = h->item_left ? 0 : tlsw_opaque_end(h);
	} else {
		h->acc = h->acc << 8 | byte;
		h->count--;
		/* RFC 8446, 4.1.2: the major number of every TLS is 3. */
		if (h->state == TLSW_S_VERSION && h->count == 1 && byte != 3)
			return MQGATE_REASON_TLS_VERSION;
		reason = h->count ? 0 : tlsw_integer_end(h);
	}
	/* Something is still to come, and there is no room for it. */
	if (!reason && !h->left && h->state > TLSW_S_LENGTH && h->state != TLSW_S_DONE)
		reason = MQGATE_REASON_TLS_EXTENSIONS;
	return reason;
}

/**
 * tlsw_hello_step() - take one byte
 * @h:    parser; a BPF program keeps it in a map value, where the verifier follows no contents
 * @byte: the next byte of the stream
 *
 * Once the answer is OK or MALFORMED it stays, and further bytes are not taken.
 * Context: any; no loop, no call.
 * Return: enum mqw_status.
 */
static __always_inline int tlsw_hello_step(struct tlsw_hello *h, __u8 byte)
{
	__u32 reason;

	if (h->state == TLSW_S_DONE)
		return MQW_OK;
	if (h->state == TLSW_S_BAD)
		return MQW_MALFORMED;
	h->pos++;
	if (h->record_at < TLSW_RECORD_HEADER) {
		reason = tlsw_record_step(h, byte);
	} else {
		h->record_left--;
		if (!h->record_left)
			h->record_at = 0;
		reason = tlsw_handshake_step(h, byte);
	}
	if (reason) {
		h->reason = reason;
		h->state = TLSW_S_BAD;
		return MQW_MALFORMED;
	}
	if (h->state > TLSW_S_LENGTH) {
		h->need = h->pos + h->left;
		if (h->left > h->record_left)
			h->need += h->record_at < TLSW_RECORD_HEADER ?
				   TLSW_RECORD_HEADER - h->record_at : TLSW_RECORD_HEADER;
	}
	return h->state == TLSW_S_DONE ? MQW_OK : MQW_NEED_MORE;
}

/**
 * tlsw_hello_feed() - take bytes until the ClientHello ends, is refused, or they run out
 * @h:    parser
 * @data: the next bytes of the stream
 * @len:  of @data
 * @used: out; bytes of @data taken
 *
 * Return: enum mqw_status.
 */
static inline int tlsw_hello_feed(struct tlsw_hello *h, const __u8 *data, __u32 len, __u32 *used)
{
	int status = h->state == TLSW_S_DONE ? MQW_OK :
		     h->state == TLSW_S_BAD ? MQW_MALFORMED : MQW_NEED_MORE;
	__u32 i = 0;

	while (status == MQW_NEED_MORE && i < len)
		status = tlsw_hello_step(h, data[i++]);
	*used = i;
	return status;
}

/* ---- the first bytes, without a loop ---------------------------------------------------- */

/**
 * struct tlsw_head - what the first bytes of a ClientHello say
 * @reason:    why, when malformed: enum mqgate_reason
 * @need:      bytes up to the end of the hello when its first record holds all of it; else the
 *             least that it can take; 0 while unknown
 * @names_tls: 1 when the payload begins with 16 03 xx: a TLS handshake record
 */
struct tlsw_head {
	__u32	reason;
	__u32	need;
	__u8	names_tls;
	__u8	reserved[3];
};

/**
 * tlsw_head_check() - judge the first bytes of a payload, straight-line
 * @head:    16 readable bytes, zero where the payload is shorter
 * @avail:   how many of them are payload, 0..16; the payload may be longer
 * @max_len: largest handshake message accepted, bytes after its 4-byte header
 * @out:     what they say; valid whatever is returned
 *
 * Covers the record header and, as far as the first record holds them, the handshake type and
 * length and the version, and answers for them what tlsw_hello_step() answers.
 * Return: MQW_OK - all of those are there and good, and a full parse is still needed;
 * MQW_NEED_MORE - a prefix of that; MQW_MALFORMED - can never become an acceptable ClientHello.
 */
static __always_inline int tlsw_head_check(const __u8 *head, __u32 avail, __u32 max_len,
					   struct tlsw_head *out)
{
	__u32 record = (__u32)head[3] << 8 | head[4];
	__u32 len = (__u32)head[6] << 16 | (__u32)head[7] << 8 | head[8];
	__u32 there, reason = 0;

	*out = (struct tlsw_head){ 0 };
	if (avail >= 3 && head[0] == TLSW_TYPE_HANDSHAKE && head[1] == 3)
		out->names_tls = 1;
	/* handshake bytes that can be seen, at most up to the version */
	there = avail > TLSW_RECORD_HEADER ? avail - TLSW_RECORD_HEADER : 0;
	there = there < record ? there : record;

	if (avail >= 1 && head[0] != TLSW_TYPE_HANDSHAKE)
		reason = MQGATE_REASON_TLS_NOT_HANDSHAKE;
	else if (avail >= 2 && head[1] != 3)
		reason = MQGATE_REASON_TLS_VERSION;
	else if (avail >= 5 && tlsw_record_len_check(record))
		reason = MQGATE_REASON_TLS_RECORD_LENGTH;
	else if (there >= 1 && head[5] != TLSW_TYPE_HELLO)
		reason = MQGATE_REASON_TLS_NOT_HELLO;
	else if (there >= 4 && tlsw_hello_len_check(len, max_len))
		reason = MQGATE_REASON_TLS_HELLO_LENGTH;
	else if (there >= 5 && head[9] != 3)
		reason = MQGATE_REASON_TLS_VERSION;
	out->reason = reason;
	if (reason)
		return MQW_MALFORMED;
	if (there >= TLSW_HANDSHAKE_HEADER) {
		out->need = TLSW_RECORD_HEADER + TLSW_HANDSHAKE_HEADER + len;
		if (len + TLSW_HANDSHAKE_HEADER > record)
			out->need += TLSW_RECORD_HEADER;
	}
	return avail >= 5 && (there >= 6 || there == record) ? MQW_OK : MQW_NEED_MORE;
}

#endif /* MQGATE_TLS_WIRE_H */
