// SPDX-License-Identifier: BSD-2-Clause
/* Reads headers of the PROXY protocol; see pp2_in.h. On the worker's thread, and by tests. */
#include "proxy/pp2_in.h"

#include <string.h>

#include "common/crc32c.h"
#include "proxy/pp2.h"

#define VERSION		2U
#define LOCAL		0U
#define PROXY		1U
#define TCP4		0x11
#define TCP6		0x21
#define TYPE_CRC32C	0x03
#define TLV		3U	/* type and length */

static size_t two(const uint8_t *p)
{
	return (size_t)p[0] << 8 | p[1];
}

enum mqgate_reason mqg_pp2_head(const uint8_t head[MQG_PP2_HEAD], size_t *rest)
{
	unsigned int version = head[12] >> 4, command = head[12] & 15;

	if (memcmp(head, MQG_PP2_SIGNATURE, MQG_PP2_SIGNATURE_LEN))
		return MQGATE_REASON_PROXY_SIGNATURE;
	if (version != VERSION)
		return MQGATE_REASON_PROXY_VERSION;
	if (command != LOCAL && command != PROXY)
		return MQGATE_REASON_PROXY_COMMAND;
	/* Of LOCAL the family means nothing (2.2). */
	if (command == PROXY && head[13] != TCP4 && head[13] != TCP6)
		return MQGATE_REASON_PROXY_FAMILY;
	*rest = two(head + 14);
	if (command == PROXY && *rest < (head[13] == TCP4 ? 12U : 36U))
		return MQGATE_REASON_PROXY_ADDRESSES;
	return *rest > MQG_PP2_IN_MAX ? MQGATE_REASON_PROXY_TLV : MQGATE_REASON_NONE;
}

/* The sum is over the whole header with zeros in its own place. */
static bool sum_fits(const uint8_t *header, size_t len, const uint8_t *sum)
{
	uint8_t copy[MQG_PP2_HEAD + MQG_PP2_IN_MAX];
	uint32_t said = (uint32_t)(two(sum) << 16 | two(sum + 2));

	memcpy(copy, header, len);
	memset(copy + (sum - header), 0, 4);
	return mqg_crc32c(0, copy, len) == said;
}

static enum mqgate_reason check_tlvs(const uint8_t *header, size_t len, const uint8_t *p)
{
	const uint8_t *end = header + len;

	while (p < end) {
		size_t left = (size_t)(end - p);

		if (left < TLV || two(p + 1) > left - TLV)
			return MQGATE_REASON_PROXY_TLV;
		if (*p == TYPE_CRC32C && (two(p + 1) != 4 || !sum_fits(header, len, p + TLV)))
			return MQGATE_REASON_PROXY_TLV;
		p += TLV + two(p + 1);
	}
	return MQGATE_REASON_NONE;
}

enum mqgate_reason mqg_pp2_read(const uint8_t *header, size_t len, struct mqg_pp2_in *out)
{
	const uint8_t *at = header + MQG_PP2_HEAD;
	size_t size = header[13] == TCP4 ? 4 : 16;

	memset(out, 0, sizeof(*out));
	out->local = (header[12] & 15) == LOCAL;
	if (out->local)
		return MQGATE_REASON_NONE;
	if (size == 4)
		out->saddr[10] = out->saddr[11] = 0xFF;
	memcpy(out->saddr + 16 - size, at, size);
	out->sport = (uint16_t)two(at + 2 * size);
	return check_tlvs(header, len, at + 2 * size + 4);
}
