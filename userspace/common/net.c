// SPDX-License-Identifier: BSD-2-Clause
/*
 * Networks as text and as bits. Called by the command, the daemon and the bulk loader; no
 * state, any thread.
 */
#include "common/net.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/names.h"

#define V4_BITS		96	/* of ::ffff:0:0/96 */
#define V6_SOURCE_BITS	64
#define ALL_BITS	128

static const uint8_t v4_mapped[12] = { [10] = 0xff, [11] = 0xff };

static int no_net(const char **why, const char *text)
{
	*why = text;
	return -EINVAL;
}

/* The number after '/', or -1: digits only, so that "/6 4" and "/+64" are not prefixes. */
static int length_of(const char *text)
{
	int length = 0;

	if (!*text || strlen(text) > 3)
		return -1;
	for (; *text; text++) {
		if (*text < '0' || *text > '9')
			return -1;
		length = length * 10 + (*text - '0');
	}
	return length;
}

/* Clears what lies beyond @bits. Return: true where something was set there. */
static bool mask(uint8_t addr[16], uint32_t bits)
{
	bool beyond = false;

	for (uint32_t i = 0; i < 16; i++) {
		uint32_t kept = bits > 8 * i ? bits - 8 * i : 0;
		uint8_t in = kept >= 8 ? 0xff : (uint8_t)(0xff00 >> kept);

		beyond |= addr[i] & ~in;
		addr[i] &= in;
	}
	return beyond;
}

int mqg_net_parse(const char *text, struct mqg_net *net, const char **why)
{
	const char *slash = strchr(text, '/');
	size_t len = slash ? (size_t)(slash - text) : strlen(text);
	char host[MQG_ADDR_STRLEN];
	const char *dummy;
	int length = -1;
	bool v4;

	if (!why)
		why = &dummy;
	*why = NULL;
	memset(net, 0, sizeof(*net));
	if (!len || len >= sizeof(host))
		return no_net(why, "is not an address; write 192.0.2.1, 10.0.0.0/8, 2001:db8::1 "
				   "or 2001:db8::/32");
	memcpy(host, text, len);
	host[len] = '\0';
	if (slash) {
		length = length_of(slash + 1);
		if (length < 0)
			return no_net(why, "has no number after the '/'; write 10.0.0.0/8 or leave "
					   "it out");
	}
	v4 = inet_pton(AF_INET, host, net->addr + 12) == 1;
	if (v4)
		memcpy(net->addr, v4_mapped, sizeof(v4_mapped));
	else if (inet_pton(AF_INET6, host, net->addr) != 1)
		return no_net(why, "is not an address; write 192.0.2.1, 10.0.0.0/8, 2001:db8::1 "
				   "or 2001:db8::/32");
	else if (slash && mqg_addr_is_v4(net->addr))
		return no_net(why, "is IPv4 written as IPv6; write it as 10.0.0.0/8");
	if (length > (v4 ? 32 : 128))
		return no_net(why, v4 ? "has a length beyond /32" : "has a length beyond /128");
	if (!v4 && slash && length > V6_SOURCE_BITS && length < ALL_BITS)
		return no_net(why, "is a prefix between /64 and one address; write its /64, in "
				   "which one sender moves as it likes, or the exact address");
	net->bits = !slash ? ALL_BITS : (uint32_t)length + (v4 ? V4_BITS : 0);
	/* Such a key means the whole /64: nobody shall ban a network by leaving out a word. */
	if (!v4 && net->bits == ALL_BITS && !memcmp(net->addr + 8, (uint8_t[8]){ 0 }, 8))
		return no_net(why, "ends in 64 zero bits, which stands for a network; write it "
				   "with /64 if you mean that");
	if (mask(net->addr, net->bits))
		return no_net(why, "has bits set beyond its length; write the network address, as "
				   "in 10.0.0.0/8 or 2001:db8::/64");
	return 0;
}

bool mqg_net_is_v4(const struct mqg_net *net)
{
	return net->bits >= V4_BITS && mqg_addr_is_v4(net->addr);
}

const char *mqg_net_format(const struct mqg_net *net, char buf[MQG_ADDR_STRLEN])
{
	size_t len;

	mqg_addr_format(net->addr, buf);
	len = strlen(buf);
	if (net->bits < ALL_BITS)
		snprintf(buf + len, MQG_ADDR_STRLEN - len, "/%u",
			 net->bits - (mqg_net_is_v4(net) ? V4_BITS : 0));
	return buf;
}

bool mqg_net_covers(const struct mqg_net *net, const uint8_t addr[16])
{
	uint8_t masked[16];

	if (mqg_net_is_v4(net) != mqg_addr_is_v4(addr))
		return false;
	memcpy(masked, addr, sizeof(masked));
	mask(masked, net->bits);
	return !memcmp(masked, net->addr, sizeof(masked));
}

bool mqg_net_source(const struct mqg_net *net, struct mqgate_source_key *key)
{
	memcpy(key->addr, net->addr, sizeof(key->addr));
	return net->bits == ALL_BITS || net->bits == V6_SOURCE_BITS;
}

void mqg_net_of_source(const struct mqgate_source_key *key, struct mqg_net *net)
{
	bool network = !mqg_addr_is_v4(key->addr) && !memcmp(key->addr + 8, (uint8_t[8]){ 0 }, 8);

	memcpy(net->addr, key->addr, sizeof(net->addr));
	net->bits = network ? V6_SOURCE_BITS : ALL_BITS;
}
