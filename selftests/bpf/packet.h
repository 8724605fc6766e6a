/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Packets described in words. A test states what differs from a plain segment of a flow from
 * 198.51.100.1 (2001:db8::1 for IPv6) to 192.0.2.1 (2001:db8:2::1), port 1883; pkt_build()
 * makes the frame. No state, no lock.
 */
#ifndef MQG_TEST_PACKET_H
#define MQG_TEST_PACKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <linux/mqgate.h>

#define PKT_MAX		9728	/* a jumbo frame, its tags, what pkt_build() may add */

enum {
	FIN = 1, SYN = 2, RST = 4, PSH = 8, ACK = 16, URG = 32, ECE = 64, CWR = 128,
	NO_FLAGS = 256,
};

/* In the fields below 0 means "as it should be". */
struct pkt {
	/* Payload: hex digits, 'text', and "41*600" for a byte repeated. NULL = none. */
	const char	*data;
	unsigned int	flags;		/* 0 = PSH|ACK with payload, ACK without */
	uint32_t	seq;		/* 0 = 1000 */
	uint32_t	ack;		/* 0 = 1 */
	const char	*src, *dst;	/* either family decides for both */
	uint16_t	sport, dport;	/* 0 = 40000, 1883 */
	int		v6;

	uint16_t	tags[3];	/* Ethertypes of VLAN tags */
	uint16_t	ethertype;
	/* IPv6 extension headers: letters h(op) r(outing) d(estination) f(ragment), l(ong
	 * destination options, 264 bytes), a(uthentication, 24 bytes), e(ncrypted), m(obility) */
	const char	*ext;
	uint16_t	ip6_fragment;	/* offset and M flag of an 'f' */
	int		version;
	int		ihl;		/* words; options are added to match when over 5 */
	int		total;		/* total length (IPv4), payload length (IPv6); -1 = zero */
	uint16_t	frag;		/* IPv4 flags and offset */
	int		proto;		/* IPPROTO_UDP makes a datagram, any other TCP's header */
	int		doff;		/* words; options are added to match when over 5 */
	int		udp_len;	/* of the UDP header; -1 = zero */
	int		pad;		/* bytes behind the IP packet */
	int		cut;		/* bytes of the frame that are there */
};

/* Bytes of @text into @out (at most @max); exits with a message when it is not such a text. */
size_t pkt_bytes(const char *text, uint8_t *out, size_t max);

/* Adds up as RFC 1071 does, to 16 bits; FFFF of what has its checksum in it is right. */
uint32_t pkt_sum(const uint8_t *at, size_t len, uint32_t sum);

/* The frame of @p into @out. Return: its length. */
size_t pkt_build(const struct pkt *p, uint8_t out[PKT_MAX]);

/* True where nothing in @p belongs to one family of addresses. */
bool pkt_any_family(const struct pkt *p);

/* The key under which XDP knows the flow of @p, and an address as a key. */
void pkt_flow(const struct pkt *p, struct mqgate_flow_key *key);
void pkt_addr(const char *text, uint8_t addr[16]);

#endif
