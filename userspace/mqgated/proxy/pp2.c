// SPDX-License-Identifier: BSD-2-Clause
/* Writes headers of the PROXY protocol; see pp2.h. */
#include "proxy/pp2.h"

#include <string.h>

#include "common/crc32c.h"
#include "proxy/pp2_in.h"

#define VERSION_PROXY	0x21
#define TCP4		0x11
#define TCP6		0x21
#define FIXED		16	/* signature, version and command, family, length */

/* Section 2.2 of the specification, and 2.2.7 for its custom range. */
#define TYPE_AUTHORITY	0x02
#define TYPE_CRC32C	0x03
#define TYPE_SSL	0x20
#define SUBTYPE_VERSION	0x21
#define SUBTYPE_CN	0x22
#define SUBTYPE_CIPHER	0x23
#define TYPE_IDENTITY	0xE0

#define CLIENT_SSL	0x01
#define CLIENT_CONN	0x02	/* a certificate came over this connection, */
#define CLIENT_SESS	0x04	/* or in the session that it resumes */

#define TLV		3	/* type and length */

struct writer {
	uint8_t	*begin, *at, *end;
};

static size_t room(const struct writer *w)
{
	return (size_t)(w->end - w->at);
}

static void put16(uint8_t *at, size_t value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

/* Where the value goes; NULL: there is no room. */
static uint8_t *tlv(struct writer *w, uint8_t type, size_t len)
{
	uint8_t *value = w->at + TLV;

	if (room(w) < TLV + len)
		return NULL;
	w->at[0] = type;
	put16(w->at + 1, len);
	w->at = value + len;
	return value;
}

static bool text(struct writer *w, uint8_t type, const char *value)
{
	size_t len = strlen(value);
	uint8_t *to = tlv(w, type, len);

	if (to)
		memcpy(to, value, len);
	return to;
}

static const uint8_t mapped[12] = { [10] = 0xFF, [11] = 0xFF };

static void addresses(struct writer *w, const struct mqg_pp2_facts *facts)
{
	bool v4 = !memcmp(facts->saddr, mapped, sizeof(mapped)) &&
		  !memcmp(facts->daddr, mapped, sizeof(mapped));
	size_t from = v4 ? sizeof(mapped) : 0, len = 16 - from;

	memcpy(w->at, MQG_PP2_SIGNATURE, MQG_PP2_SIGNATURE_LEN);
	w->at[12] = VERSION_PROXY;
	w->at[13] = v4 ? TCP4 : TCP6;
	w->at += FIXED;
	memcpy(w->at, facts->saddr + from, len);
	memcpy(w->at + len, facts->daddr + from, len);
	put16(w->at + 2 * len, facts->sport);
	put16(w->at + 2 * len + 2, facts->dport);
	w->at += 2 * len + 4;
}

/* PP2_TYPE_SSL with those of @wanted that fit. Returns the ones that do not. */
static uint32_t ssl(struct writer *w, const struct mqg_pp2_facts *facts, uint32_t wanted)
{
	uint8_t *value = tlv(w, TYPE_SSL, 5);
	uint32_t left = 0;

	if (!value)
		return wanted;
	memset(value, 0, 5);		/* verify: 0, it was */
	value[0] = CLIENT_SSL;
	if (facts->identity)
		value[0] |= facts->resumed ? CLIENT_SESS : CLIENT_CONN | CLIENT_SESS;
	if (!text(w, SUBTYPE_VERSION, facts->tls_version))
		left |= MQG_PP2_SSL;
	if (wanted & MQG_PP2_CN && facts->cn && facts->identity &&
	    !text(w, SUBTYPE_CN, facts->identity))
		left |= MQG_PP2_CN;
	if (wanted & MQG_PP2_CIPHER && facts->cipher && !text(w, SUBTYPE_CIPHER, facts->cipher))
		left |= MQG_PP2_CIPHER;
	put16(value - 2, (size_t)(w->at - value));
	return left;
}

size_t mqg_pp2_build(const struct mqg_pp2_facts *facts, uint32_t tlvs, size_t max, uint32_t *left,
		     uint8_t *out)
{
	struct writer w = { .begin = out, .at = out, .end = out + max };
	uint32_t within_ssl = tlvs & (MQG_PP2_SSL | MQG_PP2_CN | MQG_PP2_CIPHER), crc;
	uint8_t *sum = NULL;

	*left = 0;
	addresses(&w, facts);
	/* The sum is over all of the header: its room is taken first. */
	if (tlvs & MQG_PP2_CRC32C) {
		sum = tlv(&w, TYPE_CRC32C, 4);
		if (sum)
			memset(sum, 0, 4);
		else
			*left |= MQG_PP2_CRC32C;
	}
	if (tlvs & MQG_PP2_IDENTITY && facts->identity &&
	    !text(&w, TYPE_IDENTITY, facts->identity))
		*left |= MQG_PP2_IDENTITY;
	if (within_ssl && facts->tls_version)
		*left |= ssl(&w, facts, within_ssl);
	if (tlvs & MQG_PP2_AUTHORITY && facts->server_name &&
	    !text(&w, TYPE_AUTHORITY, facts->server_name))
		*left |= MQG_PP2_AUTHORITY;
	put16(out + FIXED - 2, (size_t)(w.at - out) - FIXED);
	if (sum) {
		crc = mqg_crc32c(0, out, (size_t)(w.at - out));
		put16(sum, crc >> 16);
		put16(sum + 2, crc);
	}
	return (size_t)(w.at - out);
}
