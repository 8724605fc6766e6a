/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Headers of the PROXY protocol, version 2, as a trusted proxy in front sends them (HAProxy's
 * proxy-protocol.txt, section 2.2): read strictly, for whatever is odd in one means that the two
 * sides do not agree on where the client's bytes begin. Stateless.
 */
#ifndef MQG_PP2_IN_H
#define MQG_PP2_IN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <linux/mqgate.h>

#define MQG_PP2_SIGNATURE	"\r\n\r\n\0\r\nQUIT\n"
#define MQG_PP2_SIGNATURE_LEN	12U
#define MQG_PP2_HEAD		16U	/* signature, version and command, family, length */
#define MQG_PP2_IN_MAX		4096U	/* bytes that may follow */

/* Who the client is. */
struct mqg_pp2_in {
	uint8_t		saddr[16];	/* IPv4 mapped */
	uint16_t	sport;		/* host byte order */
	bool		local;		/* the proxy itself: the connection's own address holds */
};

/**
 * mqg_pp2_head() - the first MQG_PP2_HEAD bytes
 * @head: the bytes
 * @rest: out: bytes of the header that follow
 *
 * Return: MQGATE_REASON_NONE, or why it is refused (PROXY_*).
 */
enum mqgate_reason mqg_pp2_head(const uint8_t head[MQG_PP2_HEAD], size_t *rest);

/* The whole header, @len bytes, of which the head was found good. */
enum mqgate_reason mqg_pp2_read(const uint8_t *header, size_t len, struct mqg_pp2_in *out);

#endif
