// SPDX-License-Identifier: BSD-2-Clause
/*
 * What XDP makes of single packets, one a row: what is not ours passes untouched and uncounted;
 * what is impossible towards a protected port is dropped; a first payload is judged.
 *
 * Every row runs in both programs, and over IPv4 and IPv6 unless it names one. A row says its
 * packet (what differs from a plain segment to port 1883, packet.h), and then the counter that
 * moves, PASSES or DROPS(service, reason), or IGNORED: none does. Rows that end in a flow state
 * say what mqgate_flows is to hold afterwards. The rows here are about headers; those about what
 * is in a first payload are in payloads.c. A row of the list of attacks begins with its number.
 */
#include <linux/if_ether.h>
#include <linux/in.h>
#include <stdio.h>

#include <bpf/libbpf.h>

#include "payloads.h"

#define GOOD	.data = CONNECT_311
#define BAD	.data = "1F 0D 0004 'MQTT' 05 02 000A 0001 70"	/* ATTACKS 2 */

#define FLAGS(set, ...)	PACKET("ATTACKS 30: flags " #set, P(.flags = set), __VA_ARGS__)

#define STRICT_WITH(others)	{ .what = SERVICE, .number = 1,			\
				  .svc = { .flags = MQGATE_SVC_F_STRICT | (others) } }
#define FRAGMENTS(text, packet, ...)						\
	{ .name = "ATTACKS 30: fragments taken: " text,				\
	  .before = { STRICT_WITH(MQGATE_SVC_F_FRAGMENTS) },			\
	  .steps = { { .p = packet, __VA_ARGS__ } } }
#define GUARDS(networks, text, packet, ...)					\
	{ .name = "guarding " networks ": " text,				\
	  .before = { { .what = SERVICE, .number = 1, .guards = networks } },	\
	  .steps = { { .p = packet, __VA_ARGS__ } } }

/* A datagram to 5683, which is CoAP. */
#define D(...)		{ .proto = IPPROTO_UDP, .dport = 5683, __VA_ARGS__ }
#define COAP_PORT	{ .what = PORT, .udp = true, .port = 5683, .number = 4 }
#define UDP_SERVICE(is)	COAP_PORT, { .what = SERVICE, .number = 4, .svc = { .kind = (is) } }
#define UDP_IS(text, is, ...)							\
	{ .name = text, .before = { UDP_SERVICE(is) },				\
	  .steps = { { .p = { .proto = IPPROTO_UDP, .dport = 5683, .data = "40" }, __VA_ARGS__ } } }
#define COAP(text, packet, ...)							\
	{ .name = text ", UDP", .before = { UDP_SERVICE(MQGATE_KIND_COAP) },	\
	  .steps = { { .p = packet, __VA_ARGS__ } } }

static const struct scene scenes[] = {
	/* ---- not ours ---- */
	PACKET("ssh passes uncounted", P(.dport = 22, .data = "'SSH-2.0-x' 0D0A"), IGNORED),
	PACKET("a malformed CONNECT to an unprotected port passes uncounted",
	       P(.dport = 2000, BAD), IGNORED),
	PACKET("traffic from port 1883 passes uncounted",
	       P(.sport = 1883, .dport = 40000, BAD), IGNORED),
	PACKET("UDP to 1883 passes uncounted", P(.proto = IPPROTO_UDP, BAD), IGNORED),
	PACKET("UDP to 8883 passes uncounted", P(.proto = IPPROTO_UDP, .dport = 8883, BAD),
	       IGNORED),
	PACKET("UDP to 5683 that nobody named passes uncounted",
	       P(.proto = IPPROTO_UDP, .dport = 5683, BAD), IGNORED),
	PACKET("ARP passes uncounted", P(.ethertype = ETH_P_ARP, BAD), IGNORED),
	PACKET("ATTACKS 30: a frame of 14 bytes passes uncounted", P(.cut = 14), IGNORED),
	PACKET("ATTACKS 30: a frame that ends in the IPv4 header passes uncounted",
	       P(.cut = 33), IGNORED),
	PACKET("ATTACKS 30: a frame that ends in the IPv6 header passes uncounted",
	       P(.v6 = 1, .cut = 53), IGNORED),
	PACKET("ATTACKS 30: a frame that ends before the ports passes uncounted",
	       P(.cut = 36), IGNORED),
	PACKET("an IPv4 header of version 5 passes uncounted", P(.version = 5, BAD), IGNORED),
	PACKET("an IPv6 header of version 7 passes uncounted",
	       P(.v6 = 1, .version = 7, BAD), IGNORED),
	PACKET("an IPv4 header length of 4 words passes uncounted", P(.ihl = 4, BAD), IGNORED),
	PACKET("ATTACKS 30: an IPv4 total length of 0 passes uncounted",
	       P(.total = -1, BAD), IGNORED),
	PACKET("ATTACKS 30: an IPv4 total length that ends before the ports passes uncounted",
	       P(.total = 22, BAD), IGNORED),
	PACKET("ATTACKS 30: an IPv6 payload length of 0 passes uncounted",
	       P(.v6 = 1, .total = -1, BAD), IGNORED),
	PACKET("ATTACKS 30: a later IPv4 fragment passes uncounted",
	       P(.frag = 0x2010, BAD), IGNORED),
	PACKET("ATTACKS 30: the last IPv4 fragment passes uncounted",
	       P(.frag = 0x0010, BAD), IGNORED),
	PACKET("ATTACKS 30: a later IPv6 fragment passes uncounted",
	       P(.v6 = 1, .ext = "f", .ip6_fragment = 0x0081, BAD), IGNORED),
	PACKET("ATTACKS 30: three VLAN tags pass uncounted",
	       P(.tags = { ETH_P_8021AD, ETH_P_8021Q, ETH_P_8021Q }, BAD), IGNORED),
	PACKET("ATTACKS 30: seven IPv6 extension headers pass uncounted",
	       P(.v6 = 1, .ext = "hdrfadd", BAD), IGNORED),
	PACKET("ATTACKS 30: hop-by-hop options that follow each other in a loop pass uncounted",
	       P(.v6 = 1, .ext = "hhhhhhhhhhhhhhhhhhhhhhhh", BAD), IGNORED),
	PACKET("ATTACKS 30: IPv6 ESP, which hides the port, passes uncounted",
	       P(.v6 = 1, .ext = "e", BAD), IGNORED),
	PACKET("ATTACKS 30: an IPv6 mobility header passes uncounted",
	       P(.v6 = 1, .ext = "m", BAD), IGNORED),
	PACKET("IPv6 without a next header passes uncounted",
	       P(.v6 = 1, .proto = 59, BAD), IGNORED),
	PACKET("ATTACKS 30: an extension header beyond the payload length passes uncounted",
	       P(.v6 = 1, .ext = "l", .total = 100, BAD), IGNORED),
	PACKET("ATTACKS 30: a payload length that ends behind an extension header passes uncounted",
	       P(.v6 = 1, .ext = "h", .total = 10, BAD), IGNORED),
	PACKET("ATTACKS 30: a frame that ends in the middle of long options passes uncounted",
	       P(.v6 = 1, .ext = "l", .cut = 200, BAD), IGNORED),
	PACKET("ATTACKS 30: a later IPv6 fragment behind options passes uncounted",
	       P(.v6 = 1, .ext = "hdf", .ip6_fragment = 0x0009, BAD), IGNORED),
	PACKET("an IPv4 authentication header passes uncounted", P(.proto = IPPROTO_AH, BAD),
	       IGNORED),
	PACKET("IPv4 inside IPv4 passes uncounted", P(.proto = IPPROTO_IPIP, BAD), IGNORED),
	PACKET("ICMP passes uncounted", P(.proto = IPPROTO_ICMP, BAD), IGNORED),
	PACKET("SCTP to 1883 passes uncounted", P(.proto = IPPROTO_SCTP, BAD), IGNORED),
	PACKET("IPv6 behind the Ethertype of IPv4 passes uncounted",
	       P(.v6 = 1, .ethertype = ETH_P_IP, BAD), IGNORED),
	PACKET("IPv4 behind the Ethertype of IPv6 passes uncounted",
	       P(.ethertype = ETH_P_IPV6, BAD), IGNORED),
	PACKET("ATTACKS 30: an IPv4 total length inside the header passes uncounted",
	       P(.ihl = 15, .total = 40, BAD), IGNORED),
	PACKET("ATTACKS 30: a frame that ends in a VLAN tag passes uncounted",
	       P(.tags = { ETH_P_8021Q }, .cut = 16, BAD), IGNORED),
	PACKET("ATTACKS 30: a frame that ends in the second VLAN tag passes uncounted",
	       P(.tags = { ETH_P_8021AD, ETH_P_8021Q }, .cut = 20, BAD), IGNORED),
	PACKET("ARP in a VLAN passes uncounted",
	       P(.tags = { ETH_P_8021Q }, .ethertype = ETH_P_ARP, BAD), IGNORED),
	PACKET("MPLS passes uncounted", P(.ethertype = ETH_P_MPLS_UC, BAD), IGNORED),
	PACKET("PPPoE passes uncounted", P(.ethertype = ETH_P_PPP_SES, BAD), IGNORED),
	PACKET("a length in place of the Ethertype (802.3) passes uncounted",
	       P(.ethertype = 100, BAD), IGNORED),
	PACKET("ATTACKS 30: a frame that ends in an extension header passes uncounted",
	       P(.v6 = 1, .ext = "h", .cut = 56, BAD), IGNORED),
	{ .name = "a port set to unprotected passes uncounted",
	  .before = { { .what = PORT, .port = 1883, .number = MQGATE_SVC_UNPROTECTED } },
	  .steps = { { .p = { BAD }, IGNORED } } },
	{ .name = "a service number beyond the table passes uncounted",
	  .before = { { .what = PORT, .port = 1883, .number = 32 } },
	  .steps = { { .p = { BAD }, IGNORED } } },
	{ .name = "a service without a kind protects nothing",
	  .before = { { .what = PORT, .port = 2000, .number = 3 } },
	  .steps = { { .p = { .dport = 2000, BAD }, IGNORED } } },
	{ .name = "a banned source may still reach ssh",
	  .before = { { .what = SOURCE, .addr = "198.51.100.1", .action = MQGATE_ACTION_DROP } },
	  .steps = { { .p = { .dport = 22, .flags = SYN }, IGNORED } } },

	/* ---- ours, in every wrapping ---- */
	PACKET("an IPv4 CONNECT passes", P(GOOD), PASSES(1, FIRST), .flow = MQGATE_FLOW_SEEN),
	PACKET("an IPv6 CONNECT passes", P(.v6 = 1, GOOD), PASSES(1, FIRST),
	       .flow = MQGATE_FLOW_SEEN),
	PACKET("a malformed IPv4 CONNECT is dropped", P(BAD), DROPS(1, MQTT_FLAGS), .flow = ABSENT),
	PACKET("a malformed IPv6 CONNECT is dropped", P(.v6 = 1, BAD), DROPS(1, MQTT_FLAGS),
	       .flow = ABSENT),
	PACKET("ATTACKS 30: a malformed CONNECT in a VLAN is dropped",
	       P(.tags = { ETH_P_8021Q }, BAD),
	       DROPS(1, MQTT_FLAGS)),
	PACKET("ATTACKS 30: a malformed CONNECT in QinQ is dropped",
	       P(.tags = { ETH_P_8021AD, ETH_P_8021Q },
		 BAD), DROPS(1, MQTT_FLAGS)),
	PACKET("ATTACKS 30: a malformed CONNECT in an IPv6 VLAN is dropped",
	       P(.v6 = 1, .tags = { ETH_P_8021Q },
		 BAD), DROPS(1, MQTT_FLAGS)),
	PACKET("ATTACKS 30: IPv4 options are stepped over",
	       P(.ihl = 15, BAD), DROPS(1, MQTT_FLAGS)),
	PACKET("TCP options are stepped over",
	       P(.doff = 15, BAD), DROPS(1, MQTT_FLAGS)),
	PACKET("a CONNECT behind 40 bytes of TCP options passes", P(.doff = 15, GOOD),
	       PASSES(1, FIRST)),
	PACKET("ATTACKS 30: four IPv6 extension headers are stepped over",
	       P(.v6 = 1, .ext = "hdrd", BAD),
	       DROPS(1, MQTT_FLAGS)),
	PACKET("ATTACKS 30: six IPv6 extension headers are stepped over",
	       P(.v6 = 1, .ext = "hdrfad", BAD), DROPS(1, MQTT_FLAGS)),
	PACKET("ATTACKS 30: six times the same IPv6 extension header too",
	       P(.v6 = 1, .ext = "dddddd", BAD), DROPS(1, MQTT_FLAGS)),
	PACKET("a CONNECT behind an IPv6 authentication header passes",
	       P(.v6 = 1, .ext = "a", GOOD), PASSES(1, FIRST)),
	PACKET("a malformed CONNECT behind an IPv6 authentication header is dropped",
	       P(.v6 = 1, .ext = "a", BAD), DROPS(1, MQTT_FLAGS)),
	PACKET("ATTACKS 30: IPv6 options in QinQ are stepped over",
	       P(.v6 = 1, .tags = { ETH_P_8021AD, ETH_P_8021Q }, .ext = "hr", BAD),
	       DROPS(1, MQTT_FLAGS)),
	PACKET("ATTACKS 30: IPv4 options in a VLAN are stepped over",
	       P(.tags = { ETH_P_8021Q }, .ihl = 6, .doff = 8, BAD), DROPS(1, MQTT_FLAGS)),
	PACKET("a CONNECT in QinQ passes",
	       P(.tags = { ETH_P_8021AD, ETH_P_8021Q }, GOOD), PASSES(1, FIRST)),
	PACKET("two customer tags pass for QinQ",
	       P(.tags = { ETH_P_8021Q, ETH_P_8021Q }, BAD), DROPS(1, MQTT_FLAGS)),
	PACKET("a CONNECT behind one IPv4 option passes", P(.ihl = 6, GOOD), PASSES(1, FIRST)),
	PACKET("ATTACKS 30: a CONNECT behind long IPv6 options passes",
	       P(.v6 = 1, .ext = "hl", GOOD),
	       PASSES(1, FIRST)),
	PACKET("ATTACKS 30: an atomic IPv6 fragment is a whole packet",
	       P(.v6 = 1, .ext = "f", BAD),
	       DROPS(1, MQTT_FLAGS)),
	PACKET("Ethernet padding is no payload", P(.pad = 6), PASSES(1, CONTROL)),
	PACKET("Ethernet padding is no payload over IPv6", P(.v6 = 1, .pad = 40),
	       PASSES(1, CONTROL)),
	PACKET("padding behind a CONNECT does not spoil it", P(.pad = 30, GOOD), PASSES(1, FIRST)),
	PACKET("padding does not complete a CONNECT",
	       P(.pad = 40, .data = "10 0F 0004 'MQTT' 04 02 003C 0003"), PASSES(1, SUSPECT)),
	PACKET("8883 is TLS by default", P(.dport = 8883, .data = HELLO), PASSES(2, FIRST)),
	{ .name = "a port that the operator named is protected",
	  .before = { { .what = PORT, .port = 2000, .number = 3 },
		      { .what = SERVICE, .number = 3, .svc = { .kind = MQGATE_KIND_MQTT } } },
	  .steps = { { .p = { .dport = 2000, BAD },
		       DROPS(3, MQTT_FLAGS) } } },
	{ .name = "1883 can be made TLS",
	  .before = { { .what = SERVICE, .number = 1, .svc = { .kind = MQGATE_KIND_MQTTS } } },
	  .steps = { { .p = { .data = HELLO }, PASSES(1, FIRST) } } },
	{ .name = "a second port leads to the same service",
	  .before = { { .what = PORT, .port = 2001, .number = 1 } },
	  .steps = { { .p = { .dport = 2001, GOOD }, PASSES(1, FIRST) } } },

	/* ---- IP ---- */
	PACKET("ATTACKS 30: an IPv4 total length beyond the frame is dropped",
	       P(.total = 400, GOOD),
	       DROPS(1, IP_HEADER)),
	PACKET("ATTACKS 30: an IPv6 payload length beyond the frame is dropped",
	       P(.v6 = 1, .total = 400, GOOD), DROPS(1, IP_HEADER)),
	PACKET("ATTACKS 30: a frame cut behind the ports is dropped",
	       P(.cut = 40), DROPS(1, IP_HEADER)),
	PACKET("ATTACKS 30: a first IPv4 fragment to a protected port is dropped",
	       P(.frag = 0x2000, GOOD),
	       DROPS(1, FRAGMENT)),
	PACKET("ATTACKS 30: a first IPv6 fragment to a protected port is dropped",
	       P(.v6 = 1, .ext = "f", .ip6_fragment = 1, GOOD), DROPS(1, FRAGMENT)),
	PACKET("a first fragment to ssh passes uncounted", P(.dport = 22, .frag = 0x2000, GOOD),
	       IGNORED),
	PACKET("ATTACKS 30: a first fragment of nothing but ports is dropped",
	       P(.frag = 0x2000, .cut = 42, .total = 28), DROPS(1, FRAGMENT)),
	PACKET("ATTACKS 30: a first fragment that forbids fragments is dropped",
	       P(.frag = 0x6000, GOOD), DROPS(1, FRAGMENT)),
	PACKET("ATTACKS 30: a first IPv6 fragment behind options is dropped",
	       P(.v6 = 1, .ext = "hdf", .ip6_fragment = 1, GOOD), DROPS(1, FRAGMENT)),
	PACKET("the reserved bit of IPv4 is no fragment", P(.frag = 0x8000, GOOD),
	       PASSES(1, FIRST)),
	PACKET("don't-fragment is no fragment", P(.frag = 0x4000, GOOD), PASSES(1, FIRST)),

	/* ---- first fragments, where a service takes them ---- */
	FRAGMENTS("a good beginning is watched",
		  P(.frag = 0x2000, .data = "10 0F 0004 'MQTT' 04 02 003C"), PASSES(1, SUSPECT),
		  .flow = MQGATE_FLOW_SUSPECT),
	FRAGMENTS("a good beginning over IPv6 is watched",
		  P(.v6 = 1, .ext = "f", .ip6_fragment = 1, .data = "10 0F 0004 'MQTT' 04 02 003C"),
		  PASSES(1, SUSPECT), .flow = MQGATE_FLOW_SUSPECT),
	FRAGMENTS("a malformed CONNECT is dropped", P(.frag = 0x2000, BAD), DROPS(1, MQTT_FLAGS)),
	FRAGMENTS("a malformed CONNECT over IPv6 is dropped",
		  P(.v6 = 1, .ext = "f", .ip6_fragment = 1, BAD), DROPS(1, MQTT_FLAGS)),
	FRAGMENTS("what is no CONNECT is dropped", P(.frag = 0x2000, .data = "'GET / HTTP/1.1'"),
		  DROPS(1, MQTT_NOT_CONNECT)),
	FRAGMENTS("a TCP header in pieces is dropped", P(.frag = 0x2000, .total = 36),
		  DROPS(1, TCP_HEADER)),
	FRAGMENTS("a TCP header in pieces over IPv6 is dropped",
		  P(.v6 = 1, .ext = "f", .ip6_fragment = 1, .total = 24), DROPS(1, TCP_HEADER)),
	FRAGMENTS("impossible flags are dropped", P(.frag = 0x2000, .flags = SYN | FIN),
		  DROPS(1, TCP_FLAGS)),
	FRAGMENTS("a length beyond the frame is dropped", P(.frag = 0x2000, .total = 400, GOOD),
		  DROPS(1, IP_HEADER)),
	FRAGMENTS("a SYN passes", P(.frag = 0x2000, .flags = SYN), PASSES(1, CONTROL)),
	FRAGMENTS("later ones pass uncounted", P(.frag = 0x2010, BAD), IGNORED),
	FRAGMENTS("whole packets are judged as ever", P(GOOD), PASSES(1, FIRST)),
	{ .name = "ATTACKS 30: fragments taken: the flow goes on behind the packet",
	  .before = { STRICT_WITH(MQGATE_SVC_F_FRAGMENTS) },
	  .steps = { { .p = { .frag = 0x2000, .data = "10 17 0004 'MQTT' 04 02 003C 000B 'abc'" },
		       PASSES(1, SUSPECT), .flow = MQGATE_FLOW_SUSPECT },
		     { .p = { .frag = 0x0005, .data = "'defgh'" }, IGNORED },
		     { .p = { .seq = 1025, .data = "C0 00" }, PASSES(1, SUSPECT),
		       .flow = MQGATE_FLOW_SEEN } } },

	/* ---- TCP ---- */
	PACKET("ATTACKS 30: a TCP header of 4 words is dropped",
	       P(.doff = 4, GOOD), DROPS(1, TCP_HEADER)),
	PACKET("ATTACKS 30: a TCP header of no words is dropped",
	       P(.doff = 16, GOOD), DROPS(1, TCP_HEADER)),
	PACKET("ATTACKS 30: a TCP header of 1 word is dropped",
	       P(.doff = 1, GOOD), DROPS(1, TCP_HEADER)),
	PACKET("ATTACKS 30: a TCP header of 15 words that ends one byte behind the segment",
	       P(.doff = 15, .total = 79), DROPS(1, TCP_HEADER)),
	PACKET("ATTACKS 30: a TCP header of 15 words that ends with the segment",
	       P(.doff = 15, .total = 80), PASSES(1, CONTROL)),
	PACKET("ATTACKS 30: a TCP header longer than the segment is dropped",
	       P(.doff = 6, .total = 40),
	       DROPS(1, TCP_HEADER)),
	PACKET("ATTACKS 30: an IPv4 packet with half a TCP header is dropped", P(.total = 30),
	       DROPS(1, TCP_HEADER)),
	/* FIN, SYN, RST, ACK, URG: every combination. PSH, ECE and CWR do not matter. */
	FLAGS(SYN, PASSES(1, CONTROL)),
	FLAGS(RST, PASSES(1, CONTROL)),
	FLAGS(ACK, PASSES(1, CONTROL)),
	FLAGS(FIN | ACK, PASSES(1, CONTROL)),
	FLAGS(SYN | ACK, PASSES(1, CONTROL)),
	FLAGS(RST | ACK, PASSES(1, CONTROL)),
	FLAGS(SYN | URG, PASSES(1, CONTROL)),
	FLAGS(ACK | URG, PASSES(1, CONTROL)),
	FLAGS(FIN | ACK | URG, PASSES(1, CONTROL)),
	FLAGS(NO_FLAGS, DROPS(1, TCP_FLAGS)),
	FLAGS(FIN, DROPS(1, TCP_FLAGS)),
	FLAGS(URG, DROPS(1, TCP_FLAGS)),
	FLAGS(SYN | FIN, DROPS(1, TCP_FLAGS)),
	FLAGS(FIN | RST, DROPS(1, TCP_FLAGS)),
	FLAGS(SYN | RST, DROPS(1, TCP_FLAGS)),
	FLAGS(FIN | URG, DROPS(1, TCP_FLAGS)),
	FLAGS(RST | URG, DROPS(1, TCP_FLAGS)),
	FLAGS(SYN | FIN | RST, DROPS(1, TCP_FLAGS)),
	FLAGS(SYN | FIN | ACK, DROPS(1, TCP_FLAGS)),
	FLAGS(FIN | RST | ACK, DROPS(1, TCP_FLAGS)),
	FLAGS(SYN | RST | ACK, DROPS(1, TCP_FLAGS)),
	FLAGS(SYN | FIN | URG, DROPS(1, TCP_FLAGS)),
	FLAGS(FIN | RST | URG, DROPS(1, TCP_FLAGS)),
	FLAGS(SYN | RST | URG, DROPS(1, TCP_FLAGS)),
	FLAGS(SYN | ACK | URG, DROPS(1, TCP_FLAGS)),
	FLAGS(RST | ACK | URG, DROPS(1, TCP_FLAGS)),
	FLAGS(SYN | FIN | RST | ACK, DROPS(1, TCP_FLAGS)),
	FLAGS(SYN | FIN | RST | URG, DROPS(1, TCP_FLAGS)),
	FLAGS(SYN | FIN | ACK | URG, DROPS(1, TCP_FLAGS)),
	FLAGS(FIN | RST | ACK | URG, DROPS(1, TCP_FLAGS)),
	FLAGS(SYN | RST | ACK | URG, DROPS(1, TCP_FLAGS)),
	FLAGS(SYN | FIN | RST | ACK | URG, DROPS(1, TCP_FLAGS)),
	FLAGS(PSH, DROPS(1, TCP_FLAGS)),
	FLAGS(FIN | PSH | URG, DROPS(1, TCP_FLAGS)),
	FLAGS(FIN | SYN | RST | PSH | ACK | URG | ECE | CWR, DROPS(1, TCP_FLAGS)),
	FLAGS(SYN | ECE | CWR, PASSES(1, CONTROL)),
	PACKET("a CONNECT without ACK is dropped", P(.flags = PSH, GOOD), DROPS(1, TCP_FLAGS)),
	PACKET("impossible flags to ssh pass uncounted", P(.dport = 22, .flags = SYN | FIN),
	       IGNORED),
	PACKET("a SYN leaves no state", P(.flags = SYN), PASSES(1, CONTROL), .flow = ABSENT),
	PACKET("a bare ACK leaves no state", P(.flags = ACK), PASSES(1, CONTROL), .flow = ABSENT),
	PACKET("ATTACKS 30: a SYN with payload is dropped",
	       P(.flags = SYN, GOOD), DROPS(1, SYN_DATA)),
	PACKET("ATTACKS 30: a SYN+ACK with payload is dropped", P(.flags = SYN | ACK, GOOD),
	       DROPS(1, SYN_DATA)),
	PACKET("a RST with text passes", P(.flags = RST | ACK, .data = "'no listener'"),
	       PASSES(1, CONTROL)),
	PACKET("a RST with a malformed CONNECT passes: it is never delivered",
	       P(.flags = RST | ACK, BAD), PASSES(1, CONTROL), .flow = ABSENT),
	PACKET("ATTACKS 30: a SYN with one byte is dropped", P(.flags = SYN, .data = "00"),
	       DROPS(1, SYN_DATA)),
	PACKET("ATTACKS 30: a CONNECT over the wrap of sequence numbers passes",
	       P(.seq = 0xFFFFFFF8, GOOD), PASSES(1, FIRST), .flow = MQGATE_FLOW_SEEN),
	PACKET("ATTACKS 30: a malformed CONNECT over the wrap is dropped",
	       P(.seq = 0xFFFFFFF8, BAD), DROPS(1, MQTT_FLAGS)),
	PACKET("ATTACKS 30: a CONNECT that ends with the last sequence number passes",
	       P(.seq = 0xFFFFFFEF, GOOD), PASSES(1, FIRST), .flow = MQGATE_FLOW_SEEN),
	PACKET("a FIN with a prefix of a CONNECT is watched",
	       P(.flags = FIN | PSH | ACK, .data = "10 0F 0004 'MQTT' 04 02"), PASSES(1, SUSPECT),
	       .flow = MQGATE_FLOW_SUSPECT),
	PACKET("a FIN with a good CONNECT passes", P(.flags = FIN | PSH | ACK, GOOD),
	       PASSES(1, FIRST)),
	PACKET("a FIN with a malformed CONNECT is dropped",
	       P(.flags = FIN | PSH | ACK, BAD),
	       DROPS(1, MQTT_FLAGS)),

	/* ---- several buffers ---- */
	PACKET("ATTACKS 30: headers that straddle buffers are read",
	       P(GOOD), PASSES(1, FIRST), .linear = 37),
	PACKET("ATTACKS 30: a malformed CONNECT behind the first buffer is dropped",
	       P(BAD), DROPS(1, MQTT_FLAGS),
	       .linear = 54),
	PACKET("ATTACKS 30: a first buffer of nothing but Ethernet is read on",
	       P(BAD), DROPS(1, MQTT_FLAGS), .linear = 14),
	PACKET("ATTACKS 30: a VLAN tag behind the first buffer is read",
	       P(.tags = { ETH_P_8021Q }, BAD), DROPS(1, MQTT_FLAGS), .linear = 14),
	PACKET("ATTACKS 30: a first payload of which one byte is in the first buffer",
	       P(BAD), DROPS(1, MQTT_FLAGS), .linear = 55),
	PACKET("ATTACKS 30: a CONNECT of 3000 bytes over two buffers is watched",
	       P(.data = "10 B517 0004 'MQTT' 04 02 003C 0BA9 61*2985"), PASSES(1, SUSPECT),
	       .flow = MQGATE_FLOW_SEEN, .linear = 128),
	PACKET("ATTACKS 8: what only the full parse finds is found in the second buffer",
	       P(.data = "10 F203 0004 'MQTT' 04 02 003C 01E6 61*484 FF 61"),
	       DROPS(1, MQTT_UTF8), .linear = 128),
	PACKET("ATTACKS 30: a length beyond all the buffers is dropped",
	       P(.total = 400, GOOD), DROPS(1, IP_HEADER), .linear = 54),
	PACKET("ATTACKS 30: IPv6 extension headers behind the first buffer are read",
	       P(.v6 = 1, .ext = "hl", BAD),
	       DROPS(1, MQTT_FLAGS), .linear = 60),

	PACKET("ATTACKS 30: a jumbo frame: a CONNECT of 8,900 bytes over four buffers",
	       P(.data = "10 C145 0004 'MQTT' 04 02 003C 22B5 61*8885"), PASSES(1, SUSPECT),
	       .flow = MQGATE_FLOW_SEEN, .linear = 128),
	PACKET("ATTACKS 30: a jumbo frame: a malformed CONNECT behind the first buffer is dropped",
	       P(.data = "1F C145 0004 'MQTT' 04 02 003C 22B5 61*8885"), DROPS(1, MQTT_FLAGS),
	       .linear = 54),
	PACKET("ATTACKS 30: a jumbo frame over IPv6 in QinQ, the first buffer ends in the tags",
	       P(.v6 = 1, .tags = { ETH_P_8021AD, ETH_P_8021Q },
		 .data = "1F C145 0004 'MQTT' 04 02 003C 22B5 61*8885"), DROPS(1, MQTT_FLAGS),
	       .linear = 20),
	PACKET("ATTACKS 30: a jumbo frame that is a byte shorter than its IP packet is dropped",
	       P(.total = 8941, .data = "10 C145 0004 'MQTT' 04 02 003C 22B5 61*8885"),
	       DROPS(1, IP_HEADER), .linear = 128),

	/* ---- destinations that a service is narrowed to ---- */
	GUARDS("192.0.2.1", "the address itself", P(BAD), DROPS(1, MQTT_FLAGS)),
	GUARDS("192.0.2.1", "the next address", P(.dst = "192.0.2.2", BAD), IGNORED),
	GUARDS("192.0.2.1", "IPv6", P(.v6 = 1, BAD), IGNORED),
	GUARDS("192.0.2.0/24", "an address inside", P(.dst = "192.0.2.255", BAD),
	       DROPS(1, MQTT_FLAGS)),
	GUARDS("192.0.2.0/24", "a good CONNECT inside", P(.dst = "192.0.2.9", GOOD),
	       PASSES(1, FIRST)),
	GUARDS("192.0.2.0/24", "the network behind", P(.dst = "192.0.3.0", BAD), IGNORED),
	GUARDS("192.0.2.0/24", "impossible flags outside",
	       P(.dst = "192.0.3.1", .flags = SYN | FIN), IGNORED),
	GUARDS("192.0.2.0/24", "a first fragment outside", P(.dst = "192.0.3.1", .frag = 0x2000),
	       IGNORED),
	GUARDS("192.0.2.128/25", "the lower half", P(.dst = "192.0.2.127", BAD), IGNORED),
	GUARDS("192.0.2.128/25", "the upper half", P(.dst = "192.0.2.128", BAD),
	       DROPS(1, MQTT_FLAGS)),
	GUARDS("0.0.0.0/0", "any IPv4", P(BAD), DROPS(1, MQTT_FLAGS)),
	GUARDS("0.0.0.0/0", "IPv6", P(.v6 = 1, BAD), IGNORED),
	GUARDS("::/0", "any IPv6", P(.v6 = 1, BAD), DROPS(1, MQTT_FLAGS)),
	GUARDS("2001:db8:2::/48", "an address inside", P(.v6 = 1, BAD), DROPS(1, MQTT_FLAGS)),
	GUARDS("2001:db8:2::/48", "an address outside", P(.dst = "2001:db8:3::1", BAD), IGNORED),
	GUARDS("2001:db8:2::1", "a neighbour", P(.dst = "2001:db8:2::2", BAD), IGNORED),
	GUARDS("10.0.0.0/8 192.0.2.0/24", "the second network", P(BAD), DROPS(1, MQTT_FLAGS)),
	GUARDS("10.0.0.0/8 2001:db8:2::/64", "IPv4 beside IPv6", P(.dst = "10.9.9.9", BAD),
	       DROPS(1, MQTT_FLAGS)),
	GUARDS("10.0.0.0/8 2001:db8:2::/64", "IPv6 beside IPv4", P(.v6 = 1, BAD),
	       DROPS(1, MQTT_FLAGS)),
	GUARDS("10.0.0.1 10.0.0.2 10.0.0.3 10.0.0.4 10.0.0.5 10.0.0.6 10.0.0.7 192.0.2.1",
	       "the eighth", P(BAD), DROPS(1, MQTT_FLAGS)),
	{ .name = "more destinations than there may be are as many as there may be",
	  .before = { { .what = SERVICE, .number = 1, .svc = { .destinations = 100 } } },
	  .steps = { { .p = { BAD }, DROPS(1, MQTT_FLAGS) } } },
	{ .name = "a banned source reaches what is not guarded",
	  .before = { { .what = SERVICE, .number = 1, .guards = "192.0.2.0/24" },
		      { .what = SOURCE, .addr = "198.51.100.1", .action = MQGATE_ACTION_DROP } },
	  .steps = { { .p = { .flags = SYN }, DROPS(1, SOURCE_BANNED) },
		     { .p = { .dst = "192.0.3.1", .flags = SYN }, IGNORED } } },

	/* ---- UDP: only what was named, and never by what it carries ---- */
	COAP("a request passes", D(.data = "40 01 0001 B1 'x'"), PASSES(4, DATAGRAM),
	     .flow = ABSENT),
	COAP("what it carries is not judged", D(BAD), PASSES(4, DATAGRAM)),
	COAP("ATTACKS 29: a marker without payload passes: it is not judged here",
	     D(.data = "40 01 0001 FF"), PASSES(4, DATAGRAM)),
	COAP("an empty datagram passes", D(), PASSES(4, DATAGRAM)),
	COAP("padding behind a datagram passes", D(.pad = 20, .data = "40"), PASSES(4, DATAGRAM)),
	COAP("a datagram shorter than its packet passes", D(.udp_len = 10, .data = "00*9"),
	     PASSES(4, DATAGRAM)),
	COAP("ATTACKS 30: a length beyond the packet is dropped",
	     D(.udp_len = 200, .data = "00*9"), DROPS(4, UDP_HEADER)),
	COAP("ATTACKS 30: a length one beyond the packet is dropped",
	     D(.udp_len = 18, .data = "00*9"), DROPS(4, UDP_HEADER)),
	COAP("ATTACKS 30: a length of 7 is dropped", D(.udp_len = 7, .data = "00*9"),
	     DROPS(4, UDP_HEADER)),
	COAP("ATTACKS 30: a length of 0 is dropped over IPv4",
	     D(.src = "198.51.100.1", .udp_len = -1, .data = "00*9"), DROPS(4, UDP_HEADER)),
	COAP("a length of 0 is the packet's over IPv6", D(.v6 = 1, .udp_len = -1, .data = "00*9"),
	     PASSES(4, DATAGRAM)),
	COAP("ATTACKS 30: a frame cut behind the ports is dropped", D(.cut = 40),
	     DROPS(4, IP_HEADER)),
	COAP("ATTACKS 30: a packet with half a UDP header is dropped", D(.total = 26),
	     DROPS(4, UDP_HEADER)),
	COAP("ATTACKS 30: an IPv6 packet with half a UDP header is dropped",
	     D(.v6 = 1, .total = 6), DROPS(4, UDP_HEADER)),
	COAP("ATTACKS 30: a first fragment is dropped", D(.frag = 0x2000, .data = "00*9"),
	     DROPS(4, FRAGMENT)),
	COAP("ATTACKS 30: a later fragment passes uncounted", D(.frag = 0x0002, .data = "00*9"),
	     IGNORED),
	COAP("in QinQ it is counted", D(.tags = { ETH_P_8021AD, ETH_P_8021Q }, .data = "40"),
	     PASSES(4, DATAGRAM)),
	COAP("behind IPv4 options it is counted", D(.ihl = 15, .data = "40"), PASSES(4, DATAGRAM)),
	COAP("behind six IPv6 extension headers it is counted",
	     D(.v6 = 1, .ext = "hdrfad", .data = "40"), PASSES(4, DATAGRAM)),
	COAP("behind the first buffer it is counted", D(.data = "40"), PASSES(4, DATAGRAM),
	     .linear = 14),
	COAP("traffic from its port passes uncounted",
	     P(.proto = IPPROTO_UDP, .sport = 5683, .dport = 40000), IGNORED),
	COAP("TCP to its port passes uncounted", P(.dport = 5683, BAD), IGNORED),
	COAP("to 2000 it passes uncounted", P(.proto = IPPROTO_UDP, .dport = 2000), IGNORED),
	UDP_IS("MQTT-SN is guarded the same way", MQGATE_KIND_MQTTSN, PASSES(4, DATAGRAM)),
	UDP_IS("CoAP over DTLS is guarded the same way", MQGATE_KIND_COAPS, PASSES(4, DATAGRAM)),
	UDP_IS("a UDP port that leads to MQTT over TCP guards nothing", MQGATE_KIND_MQTT, IGNORED),
	UDP_IS("a UDP port that leads to no kind guards nothing", MQGATE_KIND_DEFAULT, IGNORED),
	UDP_IS("a UDP port of a kind unknown guards nothing", 19, IGNORED),
	UDP_IS("a UDP port of a TCP kind unknown guards nothing", 15, IGNORED),
	{ .name = "a TCP port that leads to CoAP guards nothing",
	  .before = { { .what = SERVICE, .number = 1, .svc = { .kind = MQGATE_KIND_COAP } } },
	  .steps = { { .p = { BAD }, IGNORED } } },
	{ .name = "UDP: first fragments pass where the service takes them",
	  .before = { COAP_PORT, { .what = SERVICE, .number = 4,
				   .svc = { .kind = MQGATE_KIND_COAP,
					    .flags = MQGATE_SVC_F_FRAGMENTS } } },
	  .steps = { { .p = { .proto = IPPROTO_UDP, .dport = 5683, .frag = 0x2000,
			      .udp_len = 3000, .data = "40*100" }, PASSES(4, DATAGRAM) },
		     { .p = { .proto = IPPROTO_UDP, .dport = 5683, .frag = 0x2000, .total = 26 },
		       DROPS(4, UDP_HEADER) } } },
	{ .name = "UDP: destinations narrow it too",
	  .before = { COAP_PORT, { .what = SERVICE, .number = 4, .guards = "192.0.2.0/24",
				   .svc = { .kind = MQGATE_KIND_COAP } } },
	  .steps = { { .p = { .proto = IPPROTO_UDP, .dport = 5683 }, PASSES(4, DATAGRAM) },
		     { .p = { .proto = IPPROTO_UDP, .dport = 5683, .dst = "192.0.3.1" },
		       IGNORED } } },
};

/* What the list of attacks has XDP decide, and how many examples it gives of each. */
static const struct {
	unsigned int	line;
	unsigned int	examples;
} attacks[] = {
	{ 1, 1 }, { 2, 7 }, { 3, 5 }, { 4, 6 }, { 5, 8 }, { 6, 1 }, { 7, 15 }, { 8, 4 }, { 9, 11 },
	{ 11, 2 }, { 12, 3 }, { 13, 2 }, { 20, 6 }, { 30, 14 },
};

#define LEAST	250

static bool all_attacked(void)
{
	bool good = true;

	for (size_t i = 0; i < ARRAY_SIZE(attacks); i++) {
		unsigned int line = attacks[i].line;
		size_t rows = scenes_attack(scenes, ARRAY_SIZE(scenes), line) +
			      scenes_attack(payload_scenes, payload_count, line);

		if (rows >= attacks[i].examples)
			continue;
		printf("# ATTACKS %u: %zu rows for %u examples\n", line, rows,
		       attacks[i].examples);
		good = false;
	}
	return good;
}

int main(void)
{
	size_t described = ARRAY_SIZE(scenes) + payload_count;
	struct xdp x = {};

	xdp_load(&x, NULL);
	ktap_plan(scenes_points(scenes, ARRAY_SIZE(scenes)) +
		  scenes_points(payload_scenes, payload_count) + 2);
	scenes_play(&x, scenes, ARRAY_SIZE(scenes));
	scenes_play(&x, payload_scenes, payload_count);
	ktap_point(described >= LEAST, "%zu packets are described, at least %d", described, LEAST);
	ktap_point(all_attacked(), "each example of ATTACKS 1 to 9, 11 to 13, 20 and 30 has a row");
	bpf_object__close(x.object);
	return ktap_end();
}
