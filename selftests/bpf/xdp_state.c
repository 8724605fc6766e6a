// SPDX-License-Identifier: BSD-2-Clause
/*
 * What XDP makes of a packet by what is in the maps: verdicts on sources, ALLOW, the states of
 * a flow, observe, the daemon's lease; and the order in which these speak.
 */
#include <linux/in.h>
#include <stdio.h>

#include <bpf/libbpf.h>

#include "harness.h"

#define BAD		.data = "1F 0D 0004 'MQTT' 05 02 000A 0001 70"
#define GOOD		.data = CONNECT_311
#define MIDDLE		.data = "'anything that is no CONNECT'"

#define SOURCE_IS(address, act, ...)	\
	{ .what = SOURCE, .addr = address, .action = MQGATE_ACTION_##act, __VA_ARGS__ }
#define SVC(...)	{ .what = SERVICE, .number = 1, .svc = { __VA_ARGS__ } }
#define STRICT		SVC(.flags = MQGATE_SVC_F_STRICT)
#define STRICT_TLS	{ .what = SERVICE, .number = 2, .svc = { .flags = MQGATE_SVC_F_STRICT } }
#define OBSERVE		SVC(.mode = MQGATE_MODE_OBSERVE)
#define ALLOWED(...)	{ .what = ALLOW, .expires_ms = 60000, __VA_ARGS__ }
#define FLOW_IS(word, ...)	\
	{ .what = FLOW, .flow = { .state = MQGATE_FLOW_##word, __VA_ARGS__ } }
/* A SUSPECT whose CONNECT of 17 bytes began at 1000. */
#define WAITING(...)	\
	FLOW_IS(SUSPECT, .first_seq = 1000, .need = 17, .segments = 1, __VA_ARGS__)

#define IS(word)	.flow = MQGATE_FLOW_##word

#define COAP_PORT	{ .what = PORT, .udp = true, .port = 5683, .number = 4 }
#define COAP	COAP_PORT, { .what = SERVICE, .number = 4, .svc = { .kind = MQGATE_KIND_COAP } }
#define COAP_FLOW	.proto = IPPROTO_UDP, .dport = 5683

static const struct scene scenes[] = {
	/* ---- verdicts ---- */
	{ "a banned source is dropped: SYN, ACK, payload, FIN, RST",
	  { SOURCE_IS("198.51.100.1", DROP, .expires_ms = 60000) },
	  { { .p = { .flags = SYN }, DROPS(1, SOURCE_BANNED) },
	    { .p = { .flags = ACK }, DROPS(1, SOURCE_BANNED) },
	    { .p = { GOOD }, DROPS(1, SOURCE_BANNED), .flow = ABSENT },
	    /* whoever sends it: no verdict is asked */
	    { .p = { BAD }, DROPS(1, MQTT_FLAGS) },
	    { .p = { .flags = FIN | ACK }, DROPS(1, SOURCE_BANNED) },
	    { .p = { .flags = RST }, DROPS(1, SOURCE_BANNED) },
	    { .p = { .src = "198.51.100.2", GOOD }, PASSES(1, FIRST) } } },
	{ "a ban without an end holds", { SOURCE_IS("198.51.100.1", DROP) },
	  { { .p = { .flags = SYN }, DROPS(1, SOURCE_BANNED) } } },
	{ "a ban that has expired is as good as absent",
	  { SOURCE_IS("198.51.100.1", DROP, .expires_ms = -1) },
	  { { .p = { .flags = SYN }, PASSES(1, CONTROL) },
	    { .p = { GOOD }, PASSES(1, FIRST) } } },
	{ "an exact IPv6 ban", { SOURCE_IS("2001:db8::1", DROP) },
	  { { .p = { .v6 = 1, .flags = SYN }, DROPS(1, SOURCE_BANNED) },
	    { .p = { .src = "2001:db8::2", .flags = SYN }, PASSES(1, CONTROL) } } },
	{ "an IPv6 /64 ban covers the /64 and nothing else", { SOURCE_IS("2001:db8::", DROP) },
	  { { .p = { .v6 = 1, .flags = SYN }, DROPS(1, SOURCE_BANNED) },
	    { .p = { .src = "2001:db8::ffff:1:2:3", GOOD }, DROPS(1, SOURCE_BANNED) },
	    { .p = { .src = "2001:db8:0:1::1", GOOD }, PASSES(1, FIRST) } } },
	{ "an exact PASS wins over the ban of its /64",
	  { SOURCE_IS("2001:db8::", DROP), SOURCE_IS("2001:db8::1", PASS) },
	  { { .p = { .v6 = 1, GOOD }, PASSES(1, VERDICT) },
	    { .p = { .src = "2001:db8::2", GOOD }, DROPS(1, SOURCE_BANNED) } } },
	{ "an exact ban wins over the PASS of its /64",
	  { SOURCE_IS("2001:db8::", PASS), SOURCE_IS("2001:db8::1", DROP) },
	  { { .p = { .v6 = 1, GOOD }, DROPS(1, SOURCE_BANNED) } } },
	{ "an expired exact PASS uncovers the ban of its /64",
	  { SOURCE_IS("2001:db8::", DROP), SOURCE_IS("2001:db8::1", PASS, .expires_ms = -1) },
	  { { .p = { .v6 = 1, GOOD }, DROPS(1, SOURCE_BANNED) } } },
	{ "an IPv4 source has no /64", { SOURCE_IS("::", DROP) },
	  { { .p = { GOOD }, PASSES(1, FIRST) } } },
	{ "a PASSed source may send anything but a malformed CONNECT",
	  { SOURCE_IS("198.51.100.1", PASS), STRICT },
	  { { .p = { MIDDLE }, PASSES(1, VERDICT), .flow = ABSENT },
	    { .p = { GOOD }, PASSES(1, VERDICT) },
	    { .p = { BAD }, DROPS(1, MQTT_FLAGS) },
	    { .p = { .flags = SYN }, PASSES(1, CONTROL) } } },
	{ "a PASS does not judge TLS, where a renegotiation looks alike",
	  { SOURCE_IS("198.51.100.1", PASS), STRICT_TLS },
	  { { .p = { .dport = 8883, .data = "16 0301 002C 01 000028 0303" },
	      PASSES(2, VERDICT) } } },
	{ "a LIMIT within its rate does not drop", { SOURCE_IS("198.51.100.1", LIMIT) },
	  { { .p = { GOOD }, PASSES(1, FIRST) } } },
	{ "a verdict on the destination means nothing", { SOURCE_IS("192.0.2.1", DROP) },
	  { { .p = { GOOD }, PASSES(1, FIRST) } } },

	/* ---- ALLOW ---- */
	{ "an ALLOWed flow passes whatever it carries", { ALLOWED() , STRICT },
	  { { .p = { MIDDLE }, PASSES(1, ALLOW), .flow = ABSENT },
	    { .p = { BAD }, PASSES(1, ALLOW) },
	    { .p = { .flags = ACK }, PASSES(1, ALLOW) },
	    { .p = { .flags = FIN | ACK }, PASSES(1, ALLOW) },
	    { .p = { .flags = RST }, PASSES(1, ALLOW) } } },
	{ "ALLOW comes before a ban", { ALLOWED(), SOURCE_IS("198.51.100.1", DROP) },
	  { { .p = { MIDDLE }, PASSES(1, ALLOW) },
	    { .p = { .sport = 40001, MIDDLE }, DROPS(1, SOURCE_BANNED) } } },
	{ "ALLOW never covers a SYN", { ALLOWED(), SOURCE_IS("198.51.100.1", DROP) },
	  { { .p = { .flags = SYN }, DROPS(1, SOURCE_BANNED) } } },
	{ "ALLOW does not cover impossible segments", { ALLOWED() },
	  { { .p = { .flags = SYN | FIN }, DROPS(1, TCP_FLAGS) },
	    { .p = { .frag = 0x2000 }, DROPS(1, FRAGMENT) } } },
	{ "an ALLOW that has expired is as good as absent",
	  { { .what = ALLOW, .expires_ms = -1 }, STRICT },
	  { { .p = { MIDDLE }, DROPS(1, MQTT_NOT_CONNECT) } } },
	{ "an ALLOW without an end holds", { { .what = ALLOW }, STRICT },
	  { { .p = { MIDDLE }, PASSES(1, ALLOW) } } },
	{ "an ALLOW is of one flow: other ports are not covered", { ALLOWED(), STRICT },
	  { { .p = { .sport = 40001, MIDDLE }, DROPS(1, MQTT_NOT_CONNECT) },
	    { .p = { .src = "198.51.100.2", MIDDLE }, DROPS(1, MQTT_NOT_CONNECT) },
	    { .p = { .dst = "192.0.2.2", MIDDLE }, DROPS(1, MQTT_NOT_CONNECT) } } },
	{ "ALLOW over IPv6", { ALLOWED(.p = { .v6 = 1 }), SOURCE_IS("2001:db8::", DROP) },
	  { { .p = { .v6 = 1, MIDDLE }, PASSES(1, ALLOW) } } },
	{ "an ALLOWed flow has a packet budget",
	  { ALLOWED(), SVC(.allow_pps = 1, .allow_burst = 3) },
	  { { .p = { MIDDLE }, PASSES(1, ALLOW) }, { .p = { MIDDLE }, PASSES(1, ALLOW) },
	    { .p = { .flags = ACK }, PASSES(1, ALLOW) },
	    { .p = { MIDDLE }, DROPS(1, ALLOW_BUDGET) },
	    { .p = { .flags = ACK }, DROPS(1, ALLOW_BUDGET) },
	    { .p = { .flags = SYN }, PASSES(1, CONTROL) } } },
	{ "the default budget of an ALLOWed flow is not met by a hundred packets", { ALLOWED() },
	  { { .p = { MIDDLE }, PASSES(1, ALLOW), .often = true } } },
	{ "packets of an ALLOWed flow are told apart within a tick of the clock",
	  { ALLOWED(), SVC(.allow_pps = 1000000000, .allow_burst = 1) },
	  { { .p = { MIDDLE }, PASSES(1, ALLOW), .often = true } } },
	{ "observe lets an ALLOWed flow exceed its budget, and counts it",
	  { ALLOWED(), SVC(.allow_pps = 1, .allow_burst = 1, .mode = MQGATE_MODE_OBSERVE) },
	  { { .p = { MIDDLE }, PASSES(1, ALLOW) }, { .p = { MIDDLE }, WOULD(1, ALLOW_BUDGET) } } },

	/* ---- SEEN and REFUSED ---- */
	{ "a SEEN flow passes whatever it carries", { FLOW_IS(SEEN), STRICT },
	  { { .p = { MIDDLE }, PASSES(1, SEEN) }, { .p = { BAD }, PASSES(1, SEEN), IS(SEEN) } } },
	{ "after a good CONNECT the flow is SEEN", { STRICT },
	  { { .p = { GOOD }, PASSES(1, FIRST), IS(SEEN) },
	    { .p = { .seq = 1017, MIDDLE }, PASSES(1, SEEN) },
	    { .p = { .seq = 1017, .sport = 40001, MIDDLE }, DROPS(1, MQTT_NOT_CONNECT) } } },
	{ "a ban comes before SEEN", { FLOW_IS(SEEN), SOURCE_IS("198.51.100.1", DROP) },
	  { { .p = { MIDDLE }, DROPS(1, SOURCE_BANNED), IS(SEEN) } } },
	{ "a SYN does not forget a SEEN flow", { FLOW_IS(SEEN), STRICT },
	  { { .p = { .flags = SYN }, PASSES(1, CONTROL), IS(SEEN) } } },
	{ "a REFUSED flow is dropped, its control segments pass",
	  { FLOW_IS(REFUSED, .reason = MQGATE_REASON_MQTT_NAME) },
	  { { .p = { GOOD }, DROPS(1, FLOW_REFUSED), IS(REFUSED) },
	    { .p = { MIDDLE }, DROPS(1, FLOW_REFUSED) },
	    { .p = { .flags = FIN | ACK }, PASSES(1, CONTROL) } } },
	{ "a REFUSED flow is forgotten after 60 s",
	  { { .what = FLOW, .flow = { .state = MQGATE_FLOW_REFUSED }, .age_ms = 61000 } },
	  { { .p = { GOOD }, PASSES(1, FIRST), IS(SEEN) } } },
	{ "a REFUSED flow is remembered for 59 s",
	  { { .what = FLOW, .flow = { .state = MQGATE_FLOW_REFUSED }, .age_ms = 59000 } },
	  { { .p = { GOOD }, DROPS(1, FLOW_REFUSED) } } },
	{ "a SYN begins a REFUSED flow anew", { FLOW_IS(REFUSED) },
	  { { .p = { .flags = SYN }, PASSES(1, CONTROL), .flow = ABSENT },
	    { .p = { GOOD }, PASSES(1, FIRST), IS(SEEN) } } },
	{ "a SYN+ACK does not begin a REFUSED flow anew", { FLOW_IS(REFUSED) },
	  { { .p = { .flags = SYN | ACK }, PASSES(1, CONTROL), IS(REFUSED) } } },
	{ "a banned SYN does not begin a REFUSED flow anew",
	  { FLOW_IS(REFUSED), SOURCE_IS("198.51.100.1", DROP) },
	  { { .p = { .flags = SYN }, DROPS(1, SOURCE_BANNED), IS(REFUSED) } } },
	{ "a malformed CONNECT that nobody proved is not remembered", { STRICT },
	  { { .p = { BAD }, DROPS(1, MQTT_FLAGS), .flow = ABSENT },
	    { .p = { .data = "'GET / HTTP/1.1'" }, DROPS(1, MQTT_NOT_CONNECT), .flow = ABSENT },
	    { .p = { .data = "10 0F 0004 'MQTT' 04 02 003C 0003 'd' 00 'v'" },
	      DROPS(1, MQTT_UTF8), .flow = ABSENT } } },

	/* ---- SUSPECT ---- */
	{ "ATTACKS 13: a CONNECT in two segments", { STRICT },
	  { { .p = { .data = "10 0F 0004 'MQTT' 04" }, PASSES(1, SUSPECT), IS(SUSPECT) },
	    { .p = { .seq = 1009, .data = "02 003C 0003 'dev'" }, PASSES(1, SUSPECT), IS(SEEN) },
	    { .p = { .seq = 1017, MIDDLE }, PASSES(1, SEEN) } } },
	{ "ATTACKS 13: a CONNECT one byte a segment", { STRICT },
	  { { .p = { .seq = 1000, .data = "10" }, PASSES(1, SUSPECT), IS(SUSPECT) },
	    { .p = { .seq = 1001, .data = "0F" }, PASSES(1, SUSPECT), IS(SUSPECT) },
	    { .p = { .seq = 1002, .data = "00" }, PASSES(1, SUSPECT), IS(SUSPECT) },
	    { .p = { .seq = 1003, .data = "04" }, PASSES(1, SUSPECT), IS(SUSPECT) },
	    { .p = { .seq = 1004, .data = "'M'" }, PASSES(1, SUSPECT), IS(SUSPECT) },
	    { .p = { .seq = 1005, .data = "'QTT' 04 02 003C 0003 'de'" }, PASSES(1, SUSPECT),
	      IS(SUSPECT) },
	    { .p = { .seq = 1016, .data = "'v'" }, PASSES(1, SUSPECT), IS(SEEN) } } },
	{ "ATTACKS 25: a ClientHello one byte a segment", { STRICT_TLS },
	  { { .p = { .dport = 8883, .seq = 1000, .data = "16" }, PASSES(2, SUSPECT) },
	    { .p = { .dport = 8883, .seq = 1001, .data = "03" }, PASSES(2, SUSPECT) },
	    { .p = { .dport = 8883, .seq = 1002, .data = "01 00" }, PASSES(2, SUSPECT) },
	    { .p = { .dport = 8883, .seq = 1004, .data = "2D 01 00 00" }, PASSES(2, SUSPECT) },
	    { .p = { .dport = 8883, .seq = 1008, .data = "29 0303 AA*32 00 0002 1301 01" },
	      PASSES(2, SUSPECT), IS(SUSPECT) },
	    { .p = { .dport = 8883, .seq = 1049, .data = "00" }, PASSES(2, SUSPECT), IS(SEEN) } } },
	{ "a length that a later segment brings is learnt", { STRICT },
	  { { .p = { .data = "10" }, PASSES(1, SUSPECT) },
	    { .p = { .seq = 1001, .data = "F2" }, PASSES(1, SUSPECT) },
	    { .p = { .seq = 1002, .data = "03 0004 'MQTT' 04 02 003C 01E6" }, PASSES(1, SUSPECT) },
	    { .p = { .seq = 1015, .data = "61*400" }, PASSES(1, SUSPECT), IS(SUSPECT) },
	    { .p = { .seq = 1415, .data = "61*86" }, PASSES(1, SUSPECT), IS(SEEN) } } },
	{ "a head that becomes malformed in a later segment is dropped", { STRICT },
	  { { .p = { .data = "10" }, PASSES(1, SUSPECT) },
	    { .p = { .seq = 1001, .data = "0F 0004 'MQTX'" }, DROPS(1, MQTT_NAME) } } },
	{ "bytes of the head that were taken stay, whatever a retransmission says", { STRICT },
	  { { .p = { .data = "10" }, PASSES(1, SUSPECT) },
	    { .p = { .seq = 1001, .data = "80" }, PASSES(1, SUSPECT) },
	    { .p = { .seq = 1001, .data = "0F 01 0004 'MQTT' 04 02 003C 0076" },
	      PASSES(1, SUSPECT), IS(SUSPECT) },
	    { .p = { .seq = 1015, .data = "61*115" }, PASSES(1, SUSPECT), IS(SUSPECT) },
	    { .p = { .seq = 1130, .data = "61" }, PASSES(1, SUSPECT), IS(SEEN) } } },
	{ "a length lost to reordering has the benefit of the doubt", { STRICT },
	  { { .p = { .data = "10" }, PASSES(1, SUSPECT) },
	    { .p = { .seq = 1002, .data = "00 04" }, PASSES(1, SUSPECT), IS(SUSPECT) },
	    { .p = { .seq = 1004, .data = "'MQTT' 04 02 003C 0003" }, PASSES(1, SUSPECT),
	      IS(SUSPECT) },
	    { .p = { .seq = 1014, .data = "'dev'" }, PASSES(1, SUSPECT), IS(SEEN) } } },
	{ "ATTACKS 13: segments out of order complete too", { WAITING() },
	  { { .p = { .seq = 1016, .data = "'v'" }, PASSES(1, SUSPECT), IS(SEEN) },
	    { .p = { .seq = 1009, .data = "02 003C 0003 'de'" }, PASSES(1, SEEN) } } },
	{ "ATTACKS 30: the sequence number may wrap",
	  { FLOW_IS(SUSPECT, .first_seq = 0xFFFFFFF8, .need = 17, .segments = 1) },
	  { { .p = { .seq = 0xFFFFFFFC, .data = "'MQTT'" }, PASSES(1, SUSPECT), IS(SUSPECT) },
	    { .p = { .seq = 8, .data = "'v'" }, PASSES(1, SUSPECT), IS(SEEN) } } },
	{ "what lies before the first payload completes nothing", { WAITING() },
	  { { .p = { .seq = 900, .data = "00*50" }, PASSES(1, SUSPECT), IS(SUSPECT) } } },
	{ "what the sender goes on with tells that the first payload went by", { WAITING() },
	  { { .p = { .seq = 1000 + 17 + 65535, .data = "00" }, PASSES(1, SUSPECT), IS(SEEN) } } },
	{ "ATTACKS 20: what no window holds completes nothing", { WAITING() },
	  { { .p = { .seq = 1000 + 17 + 65536, .data = "00" }, PASSES(1, SUSPECT), IS(SUSPECT) },
	    { .p = { .seq = 0x7FFFFFFF, .data = "00" }, PASSES(1, SUSPECT), IS(SUSPECT) },
	    { .p = { .seq = 0x80001000, .data = "00" }, PASSES(1, SUSPECT), IS(SUSPECT) } } },
	{ "ATTACKS 13: a retransmission is judged again", { WAITING(), STRICT },
	  { { .p = { .seq = 1000, GOOD }, PASSES(1, FIRST), IS(SEEN) } } },
	{ "ATTACKS 13: a retransmission with different bytes is judged again",
	  { WAITING(), STRICT },
	  { { .p = { .seq = 1000, BAD }, DROPS(1, MQTT_FLAGS), IS(SUSPECT) },
	    { .p = { .seq = 1000, .data = "'GET / HTTP/1.1'" }, DROPS(1, MQTT_NOT_CONNECT) },
	    { .p = { .seq = 1000, .data = "10 0F 0004 'MQTT' 04 02 003C 0003 'd' 00 'v'" },
	      DROPS(1, MQTT_UTF8) } } },
	{ "ATTACKS 13: a shorter retransmission changes nothing", { WAITING(), STRICT },
	  { { .p = { .seq = 1000, .data = "10 0F" }, PASSES(1, SUSPECT), IS(SUSPECT) } } },
	{ "ATTACKS 13: an urgent pointer in a later segment changes nothing", { WAITING(), STRICT },
	  { { .p = { .flags = URG | PSH | ACK, .seq = 1009, .data = "02 003C" },
	      PASSES(1, SUSPECT), IS(SUSPECT) },
	    { .p = { .flags = URG | ACK, .seq = 1012, .data = "0003 'dev'" }, PASSES(1, SUSPECT),
	      IS(SEEN) } } },
	{ "ATTACKS 13: a length that overflows in the second segment is dropped", { STRICT },
	  { { .p = { .data = "10 FF FF" }, PASSES(1, SUSPECT), IS(SUSPECT) },
	    { .p = { .seq = 1003, .data = "FF FF 01" }, DROPS(1, MQTT_LENGTH_ENCODING),
	      IS(SUSPECT) } } },
	{ "ATTACKS 13: a length in the second segment that is over the limit is dropped",
	  { STRICT },
	  { { .p = { .data = "10 80" }, PASSES(1, SUSPECT), IS(SUSPECT) },
	    { .p = { .seq = 1002, .data = "C2 D7 2F 0004 'MQTT'" }, DROPS(1, MQTT_TOO_LONG),
	      IS(SUSPECT) } } },
	{ "ATTACKS 13: a field beyond the length, in the second segment: not for XDP to see",
	  { STRICT },
	  { { .p = { .data = "10 0F 0004 'MQTT' 04" }, PASSES(1, SUSPECT), IS(SUSPECT) },
	    { .p = { .seq = 1009, .data = "02 003C 00FF 'dev'" }, PASSES(1, SUSPECT),
	      IS(SEEN) } } },
	{ "ATTACKS 13: flags that the second segment brings: not for XDP to see", { STRICT },
	  { { .p = { .data = "10 0F 0004 'MQTT' 04" }, PASSES(1, SUSPECT), IS(SUSPECT) },
	    { .p = { .seq = 1009, .data = "01 003C 0003 'dev'" }, PASSES(1, SUSPECT),
	      IS(SEEN) } } },
	{ "ATTACKS 13: bytes beyond the declared length are the next packet's", { STRICT },
	  { { .p = { .data = "10 0F 0004 'MQTT' 04" }, PASSES(1, SUSPECT) },
	    { .p = { .seq = 1009, .data = "02 003C 0003 'dev' 30 FF FF FF 7F" },
	      PASSES(1, SUSPECT), IS(SEEN) } } },
	{ "ATTACKS 20: segments of an incomplete CONNECT are budgeted",
	  { STRICT, SVC(.flags = MQGATE_SVC_F_STRICT, .suspect_segments = 3) },
	  { { .p = { .data = "10 0F 0004" }, PASSES(1, SUSPECT), IS(SUSPECT) },
	    { .p = { .seq = 1004, .data = "'M'" }, PASSES(1, SUSPECT) },
	    { .p = { .seq = 1005, .data = "'Q'" }, PASSES(1, SUSPECT), IS(SUSPECT) },
	    { .p = { .seq = 1006, .data = "'T'" }, DROPS(1, SUSPECT_BUDGET), IS(REFUSED) },
	    { .p = { .seq = 1006, .data = "'T'" }, DROPS(1, FLOW_REFUSED), IS(REFUSED) } } },
	{ "ATTACKS 20: an incomplete CONNECT is budgeted in time",
	  { { .what = FLOW, .age_ms = 31000,
	      .flow = { .state = MQGATE_FLOW_SUSPECT, .first_seq = 1000, .need = 17 } } },
	  { { .p = { .seq = 1009, .data = "02" }, DROPS(1, SUSPECT_BUDGET), IS(REFUSED) } } },
	{ "29 s for an incomplete CONNECT are within the budget",
	  { { .what = FLOW, .age_ms = 29000,
	      .flow = { .state = MQGATE_FLOW_SUSPECT, .first_seq = 1000, .need = 17 } } },
	  { { .p = { .seq = 1009, .data = "02" }, PASSES(1, SUSPECT), IS(SUSPECT) } } },
	{ "the time of an incomplete CONNECT can be set",
	  { { .what = FLOW, .age_ms = 1000,
	      .flow = { .state = MQGATE_FLOW_SUSPECT, .first_seq = 1000, .need = 17 } },
	    SVC(.suspect_ms = 500) },
	  { { .p = { .seq = 1009, .data = "02" }, DROPS(1, SUSPECT_BUDGET), IS(REFUSED) } } },
	{ "a SYN begins a SUSPECT flow anew", { WAITING() },
	  { { .p = { .flags = SYN }, PASSES(1, CONTROL), .flow = ABSENT } } },
	{ "retransmissions of the beginning are budgeted too",
	  { WAITING(), SVC(.flags = MQGATE_SVC_F_STRICT, .suspect_segments = 2) },
	  { { .p = { .data = "10 0F 0004 'MQTT' 04" }, PASSES(1, SUSPECT) },
	    { .p = { .data = "10 0F 0004 'MQTT' 04" }, DROPS(1, SUSPECT_BUDGET) } } },

	/* ---- FIN, RST, retransmission and overlap while incomplete ---- */
	{ "ATTACKS 13: a FIN with the rest completes a CONNECT", { WAITING(), STRICT },
	  { { .p = { .flags = FIN | PSH | ACK, .seq = 1009, .data = "02 003C 0003 'dev'" },
	      PASSES(1, SUSPECT), IS(SEEN) } } },
	{ "ATTACKS 13: a FIN without it leaves the flow waiting", { WAITING(), STRICT },
	  { { .p = { .flags = FIN | ACK, .seq = 1009 }, PASSES(1, CONTROL), IS(SUSPECT) },
	    { .p = { .seq = 1009, .data = "02 003C 0003 'dev'" }, PASSES(1, SUSPECT),
	      IS(SEEN) } } },
	{ "ATTACKS 13: a RST, which may be forged, leaves the flow waiting", { WAITING(), STRICT },
	  { { .p = { .flags = RST, .seq = 1009 }, PASSES(1, CONTROL), IS(SUSPECT) },
	    { .p = { .flags = RST | ACK, .seq = 1009, .data = "02 003C 0003 'dev'" },
	      PASSES(1, CONTROL), IS(SUSPECT) } } },
	{ "ATTACKS 13: a RST does not begin a REFUSED flow anew", { FLOW_IS(REFUSED) },
	  { { .p = { .flags = RST | ACK }, PASSES(1, CONTROL), IS(REFUSED) },
	    { .p = { .flags = FIN | PSH | ACK, GOOD }, DROPS(1, FLOW_REFUSED), IS(REFUSED) } } },
	{ "ATTACKS 13: a retransmission that brings more is judged whole", { STRICT },
	  { { .p = { .data = "10 0F 0004" }, PASSES(1, SUSPECT), IS(SUSPECT) },
	    { .p = { GOOD }, PASSES(1, FIRST), IS(SEEN) } } },
	{ "ATTACKS 13: one that brings more of a malformed CONNECT is dropped", { STRICT },
	  { { .p = { .data = "10 0F 0004" }, PASSES(1, SUSPECT), IS(SUSPECT) },
	    { .p = { .data = "10 0F 0004 'MQTT' 06 02 003C 0003 'dev'" }, DROPS(1, MQTT_LEVEL),
	      IS(SUSPECT) } } },
	{ "ATTACKS 13: a retransmission after a good CONNECT passes, with other bytes too",
	  { STRICT },
	  { { .p = { GOOD }, PASSES(1, FIRST), IS(SEEN) }, { .p = { GOOD }, PASSES(1, SEEN) },
	    { .p = { BAD }, PASSES(1, SEEN), IS(SEEN) } } },
	{ "ATTACKS 13: an overlap that goes beyond completes a CONNECT", { WAITING(), STRICT },
	  { { .p = { .seq = 1004, .data = "'MQTT' 04 02 003C 0003 'dev'" }, PASSES(1, SUSPECT),
	      IS(SEEN) } } },
	{ "ATTACKS 13: an overlap that stays within completes nothing", { WAITING(), STRICT },
	  { { .p = { .seq = 1004, .data = "'MQ'" }, PASSES(1, SUSPECT), IS(SUSPECT) } } },
	{ "ATTACKS 13: which of two overlapping bytes counts is not for XDP to know", { WAITING() },
	  { { .p = { .seq = 1004, .data = "'XXXX'" }, PASSES(1, SUSPECT), IS(SUSPECT) },
	    { .p = { .seq = 1009, .data = "02 003C 0003 'dev'" }, PASSES(1, SUSPECT),
	      IS(SEEN) } } },
	{ "ATTACKS 13: a keep-alive probe of TCP disturbs nobody", { WAITING(), STRICT },
	  { { .p = { .seq = 999, .data = "00" }, PASSES(1, SUSPECT), IS(SUSPECT) },
	    { .p = { .seq = 1009, .data = "02 003C 0003 'dev'" }, PASSES(1, SUSPECT), IS(SEEN) },
	    { .p = { .seq = 1016, .data = "00" }, PASSES(1, SEEN), IS(SEEN) } } },
	{ "ATTACKS 13: strict: what arrives before the beginning is lost, and comes again",
	  { STRICT },
	  { { .p = { .seq = 1009, .data = "02 003C 0003 'dev'" }, DROPS(1, MQTT_NOT_CONNECT),
	      .flow = ABSENT },
	    { .p = { .data = "10 0F 0004 'MQTT' 04" }, PASSES(1, SUSPECT), IS(SUSPECT) },
	    { .p = { .seq = 1009, .data = "02 003C 0003 'dev'" }, PASSES(1, SUSPECT),
	      IS(SEEN) } } },
	{ "ATTACKS 13: lenient: what arrives before the beginning passes",
	  {},
	  { { .p = { .seq = 1009, .data = "02 003C 0003 'dev'" }, PASSES(1, UNDECIDED),
	      .flow = ABSENT },
	    { .p = { GOOD }, PASSES(1, FIRST), IS(SEEN) } } },
	{ "ATTACKS 13: lenient: a long CONNECT whose first byte comes alone passes",
	  {},
	  { { .p = { .data = "10" }, PASSES(1, UNDECIDED), .flow = ABSENT },
	    { .p = { .seq = 1001, .data = "E203 0004 'MQTT' 04 02 003C 01D6 61*470" },
	      PASSES(1, UNDECIDED), .flow = ABSENT } } },
	{ "ATTACKS 30: a CONNECT in two segments over the wrap of sequence numbers", { STRICT },
	  { { .p = { .seq = 0xFFFFFFFC, .data = "10 0F 0004" }, PASSES(1, SUSPECT), IS(SUSPECT) },
	    { .p = { .seq = 0xFFFFFFFF, .data = "04 'MQTT' 04 02 003C 0003 'de'" },
	      PASSES(1, SUSPECT), IS(SUSPECT) },
	    { .p = { .seq = 12, .data = "'v'" }, PASSES(1, SUSPECT), IS(SEEN) } } },
	{ "ATTACKS 30: data on a SYN is dropped on a flow of any state", { WAITING() },
	  { { .p = { .flags = SYN, .seq = 999, GOOD }, DROPS(1, SYN_DATA), IS(SUSPECT) } } },

	/* ---- observe, lease ---- */
	{ "observe passes and counts what would be dropped", { OBSERVE },
	  { { .p = { BAD }, WOULD(1, MQTT_FLAGS) },
	    { .p = { .flags = SYN | FIN }, WOULD(1, TCP_FLAGS) },
	    { .p = { .frag = 0x2000 }, WOULD(1, FRAGMENT) },
	    { .p = { GOOD }, PASSES(1, FIRST) } } },
	{ "observe passes a banned source", { OBSERVE, SOURCE_IS("198.51.100.1", DROP) },
	  { { .p = { .flags = SYN }, WOULD(1, SOURCE_BANNED) },
	    { .p = { GOOD }, WOULD(1, SOURCE_BANNED) } } },
	{ "observe holds for its service alone", { OBSERVE, STRICT_TLS },
	  { { .p = { .dport = 8883, .data = "'GET'" }, DROPS(2, TLS_NOT_HANDSHAKE) } } },
	{ "a service whose daemon is away takes no new connections",
	  { { .what = SERVICE, .number = 1, .lease_ms = -1 } },
	  { { .p = { .flags = SYN }, DROPS(1, DAEMON_AWAY) },
	    { .p = { .flags = ACK }, PASSES(1, CONTROL) },
	    { .p = { GOOD }, PASSES(1, FIRST) } } },
	{ "UDP: a service whose daemon is away takes what is ALLOWed",
	  { COAP_PORT, { .what = SERVICE, .number = 4, .svc = { .kind = MQGATE_KIND_COAP },
			 .lease_ms = -1 },
	    ALLOWED(.p = { COAP_FLOW }), SOURCE_IS("198.51.100.2", PASS) },
	  { { .p = { COAP_FLOW }, PASSES(4, ALLOW) },
	    { .p = { COAP_FLOW, .sport = 2 }, DROPS(4, DAEMON_AWAY) },
	    { .p = { COAP_FLOW, .src = "198.51.100.2" }, DROPS(4, DAEMON_AWAY) } } },
	{ "UDP: a banned source is dropped, a PASSed one passes",
	  { COAP, SOURCE_IS("198.51.100.1", DROP), SOURCE_IS("198.51.100.2", PASS) },
	  { { .p = { COAP_FLOW, .data = "40 01" }, DROPS(4, SOURCE_BANNED) },
	    { .p = { COAP_FLOW, .src = "198.51.100.2" }, PASSES(4, VERDICT) },
	    { .p = { COAP_FLOW, .src = "198.51.100.3" }, PASSES(4, DATAGRAM), .flow = ABSENT } } },
	{ "UDP: a ban that has expired is as good as absent",
	  { COAP, SOURCE_IS("198.51.100.1", DROP, .expires_ms = -1) },
	  { { .p = { COAP_FLOW }, PASSES(4, DATAGRAM) } } },
	{ "UDP: an IPv6 /64 ban covers the /64", { COAP, SOURCE_IS("2001:db8::", DROP) },
	  { { .p = { COAP_FLOW, .src = "2001:db8::7" }, DROPS(4, SOURCE_BANNED) },
	    { .p = { COAP_FLOW, .src = "2001:db8:0:1::7" }, PASSES(4, DATAGRAM) } } },
	{ "UDP: an ALLOWed flow passes before a ban",
	  { COAP, ALLOWED(.p = { COAP_FLOW }), SOURCE_IS("198.51.100.1", DROP) },
	  { { .p = { COAP_FLOW }, PASSES(4, ALLOW) },
	    { .p = { COAP_FLOW, .sport = 2 }, DROPS(4, SOURCE_BANNED) } } },
	{ "UDP: an ALLOW of TCP is not one of UDP",
	  { COAP, ALLOWED(.p = { .dport = 5683 }), SOURCE_IS("198.51.100.1", DROP) },
	  { { .p = { COAP_FLOW }, DROPS(4, SOURCE_BANNED) } } },
	{ "UDP: observe passes and counts what would be dropped",
	  { COAP_PORT, { .what = SERVICE, .number = 4,
			 .svc = { .kind = MQGATE_KIND_COAP, .mode = MQGATE_MODE_OBSERVE } },
	    SOURCE_IS("198.51.100.1", DROP) },
	  { { .p = { COAP_FLOW }, WOULD(4, SOURCE_BANNED) },
	    { .p = { COAP_FLOW, .src = "198.51.100.2", .udp_len = 7 }, WOULD(4, UDP_HEADER) },
	    { .p = { COAP_FLOW, .src = "198.51.100.2", .frag = 0x2000 }, WOULD(4, FRAGMENT) } } },
	{ "a lease that runs lets connections in",
	  { { .what = SERVICE, .number = 1, .lease_ms = 60000 } },
	  { { .p = { .flags = SYN }, PASSES(1, CONTROL) } } },
	{ "a ban names itself before the missing daemon",
	  { { .what = SERVICE, .number = 1, .lease_ms = -1 }, SOURCE_IS("198.51.100.1", DROP) },
	  { { .p = { .flags = SYN }, DROPS(1, SOURCE_BANNED) } } },
	{ "an operator's PASS does not replace the daemon",
	  { { .what = SERVICE, .number = 1, .lease_ms = -1 }, SOURCE_IS("198.51.100.1", PASS) },
	  { { .p = { .flags = SYN }, DROPS(1, DAEMON_AWAY) } } },
	{ "every malformed packet of a flood is counted", { STRICT },
	  { { .p = { BAD }, DROPS(1, MQTT_FLAGS), .often = true },
	    { .p = { .v6 = 1, BAD }, DROPS(1, MQTT_FLAGS), .often = true } } },
};

/* Every byte of @text in a segment of its own: none is dropped, and at the end the flow is SEEN. */
static bool byte_by_byte(struct xdp *x, int program, uint16_t port, bool strict, const char *text)
{
	struct before before = { .what = SERVICE, .number = port == 8883 ? 2 : 1,
				 .svc = { .flags = strict ? MQGATE_SVC_F_STRICT : 0 } };
	struct pkt p = { .dport = port, .seq = 0xFFFFFFFA };
	struct mqgate_flow flow;
	uint8_t bytes[64], frame[PKT_MAX];
	size_t len = pkt_bytes(text, bytes, sizeof(bytes));
	int state;

	xdp_reset(x);
	xdp_prepare(x, &before);
	for (size_t i = 0; i < len; i++, p.seq++) {
		char digits[3];
		size_t size;

		snprintf(digits, sizeof(digits), "%02X", bytes[i]);
		p.data = digits;
		size = pkt_build(&p, frame);
		if (xdp_run(x, program, frame, size, 0) == XDP_PASS)
			continue;
		printf("# byte %zu of %s is dropped\n", i + 1, text);
		return false;
	}
	state = xdp_flow_state(x, &p, &flow);
	/* What never named itself to a lenient service left no state. */
	if (state == (strict ? MQGATE_FLOW_SEEN : ABSENT))
		return true;
	printf("# %s: flow state %d\n", text, state);
	return false;
}

static bool bytes_pass(struct xdp *x, int program, bool strict)
{
	return byte_by_byte(x, program, 1883, strict, CONNECT_31) &&
	       byte_by_byte(x, program, 1883, strict, CONNECT_311) &&
	       byte_by_byte(x, program, 1883, strict, CONNECT_5) &&
	       byte_by_byte(x, program, 8883, strict, HELLO);
}

int main(void)
{
	struct xdp x = {};

	xdp_load(&x, NULL);
	ktap_plan(scenes_points(scenes, ARRAY_SIZE(scenes)) + 5);
	scenes_play(&x, scenes, ARRAY_SIZE(scenes));
	for (int program = 0; program < 2; program++)
		for (int strict = 0; strict < 2; strict++)
			ktap_point(bytes_pass(&x, program, strict),
				   "%s: ATTACKS 13: CONNECTs and ClientHello one byte a segment, "
				   "%s", xdp_program_names[program], strict ? "strict" : "lenient");
	/* The seven of that line, and what budgets are about. */
	ktap_point(scenes_attack(scenes, ARRAY_SIZE(scenes), 13) >= 7 &&
		   scenes_attack(scenes, ARRAY_SIZE(scenes), 20) >= 2,
		   "each example of ATTACKS 13, and of 20 what has a state, has a row");
	bpf_object__close(x.object);
	return ktap_end();
}
