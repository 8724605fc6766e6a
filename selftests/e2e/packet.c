// SPDX-License-Identifier: BSD-2-Clause
/*
 * See packet.h. Segments but SYNs carry PSH and ACK, as a stack's own would.
 */
#include "packet.h"

#include <arpa/inet.h>
#include <net/ethernet.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/tcp.h>
#include <string.h>

static uint32_t sum(const void *data, size_t length, uint32_t start)
{
	const uint8_t *p = data;
	size_t i;

	for (i = 0; i + 1 < length; i += 2)
		start += (uint32_t)p[i] << 8 | p[i + 1];
	if (length & 1)
		start += (uint32_t)p[length - 1] << 8;
	return start;
}

static uint16_t fold(uint32_t value)
{
	while (value >> 16)
		value = (value & 0xffff) + (value >> 16);
	return htons((uint16_t)~value);
}

static size_t build_ip4(const struct segment *s, uint8_t *at, size_t tcp_length, uint32_t *pseudo)
{
	struct iphdr ip = {
		.version = 4,
		.ihl = 5,
		.tot_len = htons((uint16_t)(sizeof(ip) + tcp_length)),
		.frag_off = htons(IP_DF),
		.ttl = s->hop_limit,
		.protocol = IPPROTO_TCP,
	};

	memcpy(&ip.saddr, &s->saddr.s6_addr[12], 4);
	memcpy(&ip.daddr, &s->daddr.s6_addr[12], 4);
	ip.check = fold(sum(&ip, sizeof(ip), 0));
	memcpy(at, &ip, sizeof(ip));
	*pseudo = sum(&ip.saddr, 8, IPPROTO_TCP + (uint32_t)tcp_length);
	return sizeof(ip);
}

static size_t build_ip6(const struct segment *s, uint8_t *at, size_t tcp_length, uint32_t *pseudo)
{
	struct ip6_hdr ip = {
		.ip6_flow = htonl(6U << 28),
		.ip6_plen = htons((uint16_t)tcp_length),
		.ip6_nxt = IPPROTO_TCP,
		.ip6_hlim = s->hop_limit,
		.ip6_src = s->saddr,
		.ip6_dst = s->daddr,
	};

	memcpy(at, &ip, sizeof(ip));
	*pseudo = sum(&ip.ip6_src, 32, IPPROTO_TCP + (uint32_t)tcp_length);
	return sizeof(ip);
}

size_t packet_build(const struct segment *s, uint8_t *frame)
{
	struct ether_header *eth = (struct ether_header *)frame;
	size_t options = s->timestamps ? 12 : 0;
	size_t tcp_length = sizeof(struct tcphdr) + options + s->length;
	size_t at = sizeof(*eth);
	struct tcphdr tcp = {
		.source = htons(s->sport),
		.dest = htons(s->dport),
		.seq = htonl(s->seq),
		.ack_seq = htonl(s->ack),
		.doff = (uint8_t)((sizeof(tcp) + options) / 4),
		.syn = s->syn,
		.psh = !s->syn,
		.ack = !s->syn,
		.window = htons(502),
	};
	uint32_t pseudo;
	uint8_t *t;

	if (tcp_length > PACKET_MAX - sizeof(*eth) - sizeof(struct ip6_hdr))
		return 0;
	memcpy(eth->ether_dhost, s->dmac, 6);
	memcpy(eth->ether_shost, s->smac, 6);
	eth->ether_type = htons(s->v6 ? ETHERTYPE_IPV6 : ETHERTYPE_IP);
	if (s->v6)
		at += build_ip6(s, frame + at, tcp_length, &pseudo);
	else
		at += build_ip4(s, frame + at, tcp_length, &pseudo);
	t = frame + at;
	memcpy(t, &tcp, sizeof(tcp));
	if (options) {
		memcpy(t + sizeof(tcp), "\x01\x01\x08\x0a", 4);
		memcpy(t + sizeof(tcp) + 4, &tcp.seq, 4);
		memcpy(t + sizeof(tcp) + 8, &tcp.ack_seq, 4);
	}
	memcpy(t + sizeof(tcp) + options, s->payload, s->length);
	tcp.check = fold(sum(t, tcp_length, pseudo));
	memcpy(t, &tcp, sizeof(tcp));
	return at + tcp_length;
}
