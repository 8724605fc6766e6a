// SPDX-License-Identifier: BSD-2-Clause
/*
 * Makes frames from descriptions; see packet.h. Called by the tests of this directory. No
 * state, no lock. Checksums are left zero: XDP does not look at them.
 */
#include "packet.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <err.h>
#include <stdlib.h>
#include <string.h>

#include <linux/if_ether.h>

#define SPORT	40000

size_t pkt_bytes(const char *text, uint8_t *out, size_t max)
{
	const char *at = text;
	size_t n = 0;

	while (*at) {
		unsigned int byte;
		unsigned long times = 1;

		if (isspace((unsigned char)*at)) {
			at++;
			continue;
		}
		if (*at == '\'') {
			for (at++; *at && *at != '\''; at++) {
				if (n == max)
					errx(1, "longer than %zu bytes: %s", max, text);
				out[n++] = (uint8_t)*at;
			}
			if (*at++ != '\'')
				errx(1, "no closing quote: %s", text);
			continue;
		}
		if (!isxdigit((unsigned char)at[0]) || !isxdigit((unsigned char)at[1]))
			errx(1, "neither hex nor 'text' at \"%s\"", at);
		byte = (unsigned int)strtoul((char[]){ at[0], at[1], 0 }, NULL, 16);
		at += 2;
		if (*at == '*')
			times = strtoul(at + 1, (char **)&at, 10);
		while (times--) {
			if (n == max)
				errx(1, "longer than %zu bytes: %s", max, text);
			out[n++] = (uint8_t)byte;
		}
	}
	return n;
}

void pkt_addr(const char *text, uint8_t addr[16])
{
	memset(addr, 0, 16);
	if (strchr(text, ':')) {
		if (inet_pton(AF_INET6, text, addr) != 1)
			errx(1, "not an address: %s", text);
		return;
	}
	addr[10] = 0xFF;
	addr[11] = 0xFF;
	if (inet_pton(AF_INET, text, addr + 12) != 1)
		errx(1, "not an address: %s", text);
}

static int is_v6(const struct pkt *p)
{
	return p->v6 || (p->src && strchr(p->src, ':')) || (p->dst && strchr(p->dst, ':'));
}

bool pkt_any_family(const struct pkt *p)
{
	return !p->v6 && !p->src && !p->dst && !p->ethertype && !p->ext && !p->version && !p->ihl &&
	       !p->total && !p->frag && !p->cut;
}

void pkt_flow(const struct pkt *p, struct mqgate_flow_key *key)
{
	int v6 = is_v6(p);

	memset(key, 0, sizeof(*key));
	pkt_addr(p->src ? p->src : v6 ? "2001:db8::1" : "198.51.100.1", key->saddr);
	pkt_addr(p->dst ? p->dst : v6 ? "2001:db8:2::1" : "192.0.2.1", key->daddr);
	key->sport = p->sport ? p->sport : SPORT;
	key->dport = p->dport ? p->dport : MQGATE_PORT_MQTT;
	key->proto = p->proto ? (uint32_t)p->proto : IPPROTO_TCP;
}

static uint8_t *put16(uint8_t *at, unsigned int value)
{
	*at++ = (uint8_t)(value >> 8);
	*at++ = (uint8_t)value;
	return at;
}

static uint8_t *put32(uint8_t *at, uint32_t value)
{
	return put16(put16(at, value >> 16), value & 0xFFFF);
}

static uint8_t ext_number(char letter)
{
	switch (letter) {
	case 'h':
		return IPPROTO_HOPOPTS;
	case 'r':
		return IPPROTO_ROUTING;
	case 'd':
	case 'l':
		return IPPROTO_DSTOPTS;
	case 'f':
		return IPPROTO_FRAGMENT;
	case 'a':
		return IPPROTO_AH;
	case 'e':
		return IPPROTO_ESP;
	case 'm':
		return IPPROTO_MH;
	}
	errx(1, "no such extension header: %c", letter);
}

static uint8_t *put_ext(uint8_t *at, const struct pkt *p, uint8_t last)
{
	for (const char *e = p->ext ? p->ext : ""; *e; e++) {
		size_t len = *e == 'l' ? 264 : *e == 'a' ? 24 : 8;

		memset(at, 0, len);
		at[0] = e[1] ? ext_number(e[1]) : last;
		if (*e == 'l')
			at[1] = 264 / 8 - 1;
		if (*e == 'a')
			at[1] = 24 / 4 - 2;
		if (*e == 'f')
			put16(at + 2, p->ip6_fragment);
		at += len;
	}
	return at;
}

static uint8_t *put_tcp(uint8_t *at, const struct pkt *p, const struct mqgate_flow_key *key,
			size_t len)
{
	int words = p->doff > 5 ? p->doff : 5;
	unsigned int flags = p->flags ? p->flags & 0xFF : (unsigned int)(len ? PSH | ACK : ACK);

	at = put16(at, key->sport);
	at = put16(at, key->dport);
	at = put32(at, p->seq ? p->seq : 1000);
	at = put32(at, !(flags & ACK) ? 0 : p->ack ? p->ack : 1);
	*at++ = (uint8_t)((p->doff ? p->doff : 5) << 4);
	*at++ = (uint8_t)flags;
	at = put16(at, 64240);
	at = put32(at, 0);
	memset(at, 1, (size_t)(words - 5) * 4);		/* no-operation options */
	return at + (words - 5) * 4;
}

static uint8_t *put_udp(uint8_t *at, const struct pkt *p, const struct mqgate_flow_key *key,
			size_t len)
{
	unsigned int said = (unsigned int)len + 8;

	if (p->udp_len)
		said = p->udp_len < 0 ? 0 : (unsigned int)p->udp_len;
	at = put16(put16(at, key->sport), key->dport);
	return put16(put16(at, said), 0);
}

uint32_t pkt_sum(const uint8_t *at, size_t len, uint32_t sum)
{
	for (size_t i = 0; i + 1 < len; i += 2)
		sum += (uint32_t)at[i] << 8 | at[i + 1];
	while (sum >> 16)
		sum = (sum & 0xFFFF) + (sum >> 16);
	return sum;
}

size_t pkt_build(const struct pkt *p, uint8_t out[PKT_MAX])
{
	int v6 = is_v6(p), words = p->ihl > 5 ? p->ihl : 5;
	uint8_t proto = p->proto ? (uint8_t)p->proto : IPPROTO_TCP;
	uint8_t data[PKT_MAX - 512], *at = out, *ip, *l4;
	size_t len = p->data ? pkt_bytes(p->data, data, sizeof(data)) : 0;
	struct mqgate_flow_key key;
	unsigned int total;

	pkt_flow(p, &key);
	memset(out, 0, PKT_MAX);
	memset(at, 2, 12);
	at += 12;
	for (int i = 0; i < 3 && p->tags[i]; i++)
		at = put16(put16(at, p->tags[i]), 0x0064);
	at = put16(at, p->ethertype ? p->ethertype : v6 ? ETH_P_IPV6 : ETH_P_IP);

	ip = at;
	at += v6 ? 40 : words * 4;
	l4 = v6 ? put_ext(at, p, proto) : at;
	at = proto == IPPROTO_UDP ? put_udp(l4, p, &key, len) : put_tcp(l4, p, &key, len);
	memcpy(at, data, len);
	at += len;
	total = (unsigned int)(at - ip);
	if (v6)
		total -= 40;
	if (p->total)
		total = p->total < 0 ? 0 : (unsigned int)p->total;
	ip[0] = (uint8_t)((p->version ? p->version : v6 ? 6 : 4) << 4);
	if (v6) {
		put16(ip + 4, total);
		ip[6] = p->ext && *p->ext ? ext_number(*p->ext) : proto;
		ip[7] = 64;
		memcpy(ip + 8, key.saddr, 16);
		memcpy(ip + 24, key.daddr, 16);
	} else {
		ip[0] |= (uint8_t)(p->ihl ? p->ihl : 5);
		put16(ip + 2, total);
		put16(ip + 6, p->frag);
		ip[8] = 64;
		ip[9] = proto;
		memcpy(ip + 12, key.saddr + 12, 4);
		memcpy(ip + 16, key.daddr + 12, 4);
		memset(ip + 20, 1, (size_t)(words - 5) * 4);
		put16(ip + 10, ~pkt_sum(ip, (size_t)words * 4, 0));
	}
	memset(at, 0x10, (size_t)p->pad);
	at += p->pad;
	return p->cut ? (size_t)p->cut : (size_t)(at - out);
}
