/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The header of the PROXY protocol, version 2 (HAProxy's proxy-protocol.txt, section 2.2), by which
 * a broker learns who its client is: address, identity, TLS. Stateless; called by the stage DIAL on
 * its worker's thread, and by tests.
 */
#ifndef MQG_PP2_H
#define MQG_PP2_H

#include <stddef.h>
#include <stdint.h>

#include "config/config.h"

/* What is told. NULL = not known. */
struct mqg_pp2_facts {
	uint8_t		saddr[16], daddr[16];	/* IPv4 mapped */
	uint16_t	sport, dport;		/* host byte order */
	const char	*identity;
	const char	*server_name;		/* that the client asked for */
	const char	*tls_version;		/* NULL: clear text */
	const char	*cipher;
	bool		cn;			/* @identity is the certificate's commonName */
	bool		resumed;		/* its certificate was seen in an earlier session */
};

/**
 * mqg_pp2_build() - write the header
 * @facts: of the client; texts of at most 255 bytes
 * @tlvs:  which TLVs, enum mqg_pp2_tlv as a bit mask
 * @max:   bytes that the receiver takes, MQG_PP2_MIN to MQG_PP2_MAX
 * @left:  out: TLVs that had no room; they are left out, the first in the order of the enumeration
 *         go before the later ones
 * @out:   of MQG_PP2_MAX bytes
 *
 * Return: the header's length.
 */
size_t mqg_pp2_build(const struct mqg_pp2_facts *facts, uint32_t tlvs, size_t max, uint32_t *left,
		     uint8_t *out);

#endif
