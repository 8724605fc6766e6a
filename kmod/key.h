/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Addresses as the ABI writes them: 16 bytes in network order, IPv4 as ::ffff:a.b.c.d.
 * Called by hook.c, half.c, local.c, reset.c, table.c; no state, no lock.
 */
#ifndef MQG_KEY_H
#define MQG_KEY_H

#include <linux/string.h>
#include <linux/types.h>
#include <net/ipv6.h>

static inline void mqg_key_set_ipv4(u8 *addr, __be32 ipv4)
{
	memset(addr, 0, 10);
	memset(addr + 10, 0xff, 2);
	memcpy(addr + 12, &ipv4, sizeof(ipv4));
}

static inline bool mqg_key_is_ipv4(const u8 *addr)
{
	struct in6_addr in6;

	memcpy(&in6, addr, sizeof(in6));
	return ipv6_addr_v4mapped(&in6);
}

static inline __be32 mqg_key_ipv4(const u8 *addr)
{
	__be32 ipv4;

	memcpy(&ipv4, addr + 12, sizeof(ipv4));
	return ipv4;
}

#endif /* MQG_KEY_H */
