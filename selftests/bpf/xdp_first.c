// SPDX-License-Identifier: BSD-2-Clause
/*
 * What XDP makes of first payloads. Lenient (routed, nothing set): only what names MQTT and is
 * malformed as a CONNECT is dropped, since any bytes may be the middle of a flow. Strict:
 * everything but a first payload or a prefix of one is dropped.
 */
#include "harness.h"

#define STRICT_MQTT	{ .what = SERVICE, .number = 1, .svc = { .flags = MQGATE_SVC_F_STRICT } }
#define STRICT_TLS	{ .what = SERVICE, .number = 2, .svc = { .flags = MQGATE_SVC_F_STRICT } }

#define STRICT(text, bytes, ...)						\
	{ .name = "strict: " text, .before = { STRICT_MQTT },			\
	  .steps = { { .p = { .data = bytes }, __VA_ARGS__ } } }
#define LENIENT(text, bytes, ...)						\
	{ .name = "lenient: " text, .steps = { { .p = { .data = bytes }, __VA_ARGS__ } } }
#define TLS_STRICT(text, bytes, ...)						\
	{ .name = "strict TLS: " text, .before = { STRICT_TLS },			\
	  .steps = { { .p = { .dport = 8883, .data = bytes }, __VA_ARGS__ } } }
#define TLS_LENIENT(text, bytes, ...)						\
	{ .name = "lenient TLS: " text,						\
	  .steps = { { .p = { .dport = 8883, .data = bytes }, __VA_ARGS__ } } }
/* A CONNECT that names MQTT and is wrong is dropped either way. */
#define BOTH(text, bytes, ...)							\
	STRICT(text, bytes, __VA_ARGS__), LENIENT(text, bytes, __VA_ARGS__)

#define SEEN	.flow = MQGATE_FLOW_SEEN
#define SUSPECT	.flow = MQGATE_FLOW_SUSPECT
#define NONE	.flow = ABSENT

/* The variable header up to keep alive of a v5 CONNECT with clean start. */
#define V5	"0004 'MQTT' 05 02 003C "

static const struct scene scenes[] = {
	/* ---- good ones ---- */
	BOTH("MQTT 3.1", CONNECT_31, PASSES(1, FIRST), SEEN),
	BOTH("MQTT 3.1.1", CONNECT_311, PASSES(1, FIRST), SEEN),
	BOTH("MQTT 5", CONNECT_5, PASSES(1, FIRST), SEEN),
	BOTH("ATTACKS 5: bridge level 83", "10 11 0006 'MQIsdp' 83 02 003C 0003 'dev'",
	     PASSES(1, FIRST), SEEN),
	BOTH("ATTACKS 5: bridge level 84", "10 0F 0004 'MQTT' 84 02 003C 0003 'dev'",
	     PASSES(1, FIRST), SEEN),
	BOTH("ATTACKS 5: bridge level 85", "10 10 0004 'MQTT' 85 02 003C 00 0003 'dev'",
	     PASSES(1, FIRST), SEEN),
	BOTH("ATTACKS 4: password without username is legal in v5",
	     "10 14 0004 'MQTT' 05 42 003C 00 0003 'dev' 0002 'pw'", PASSES(1, FIRST), SEEN),
	BOTH("will, username and password",
	     "10 1E 0004 'MQTT' 04 F6 003C 0003 'dev' 0003 'w/t' 0001 'x' 0001 'u' 0002 'pw'",
	     PASSES(1, FIRST), SEEN),
	BOTH("a CONNECT with SUBSCRIBE right behind it",
	     CONNECT_311 "82 06 0001 0001 'a' 00", PASSES(1, FIRST), SEEN),
	BOTH("ATTACKS 6: an empty client id without clean session is owed a CONNACK",
	     "10 0C 0004 'MQTT' 04 00 003C 0000", PASSES(1, FIRST), SEEN),
	BOTH("ATTACKS 11: keep alive 0 and 65535 pass: the daemon caps them",
	     "10 0F 0004 'MQTT' 04 02 FFFF 0003 'dev'", PASSES(1, FIRST), SEEN),
	BOTH("a CONNECT of 500 bytes", "10 F203 0004 'MQTT' 04 02 003C 01E6 61*486",
	     PASSES(1, FIRST), SEEN),
	BOTH("a CONNECT longer than the copy has gone by whole",
	     "10 E807 0004 'MQTT' 04 02 003C 03DC 61*988", PASSES(1, SUSPECT), SEEN),

	/* ---- prefixes ---- */
	STRICT("the first byte alone", "10", PASSES(1, SUSPECT), SUSPECT),
	STRICT("a remaining length cut in the middle", "10 80", PASSES(1, SUSPECT), SUSPECT),
	STRICT("a name cut in the middle", "10 0F 0004 'MQ'", PASSES(1, SUSPECT), SUSPECT),
	STRICT("cut behind the flags", "10 0F 0004 'MQTT' 04 02", PASSES(1, SUSPECT), SUSPECT),
	STRICT("cut in the client id", "10 0F 0004 'MQTT' 04 02 003C 0003 'd'",
	       PASSES(1, SUSPECT), SUSPECT),
	STRICT("600 bytes of a longer CONNECT", "10 E807 0004 'MQTT' 04 02 003C 03DC 61*588",
	       PASSES(1, SUSPECT), SUSPECT),
	LENIENT("the first byte alone leaves no state", "10", PASSES(1, UNDECIDED), NONE),
	LENIENT("a prefix that names MQTT is watched", "10 0F 0004 'MQTT' 04 02 003C 0003",
		PASSES(1, SUSPECT), SUSPECT),
	LENIENT("600 bytes of a longer CONNECT are watched",
		"10 E807 0004 'MQTT' 04 02 003C 03DC 61*588", PASSES(1, SUSPECT), SUSPECT),

	/* ---- malformed: header ---- */
	STRICT("ATTACKS 1: five-byte remaining length", "10 80 80 80 80 01",
	       DROPS(1, MQTT_LENGTH_ENCODING), NONE),
	LENIENT("ATTACKS 1: five bytes of length may be the middle of a flow",
		"10 80 80 80 80 01", PASSES(1, UNDECIDED), NONE),
	LENIENT("ATTACKS 1: five-byte remaining length before the name",
		"10 80 80 80 80 01 0004 'MQTT' 04 02", DROPS(1, MQTT_LENGTH_ENCODING), NONE),
	BOTH("a remaining length that is not minimal", "10 8F 00 0004 'MQTT' 04 02 003C 0003 'dev'",
	     DROPS(1, MQTT_LENGTH_ENCODING), NONE),
	STRICT("ATTACKS 2: first byte 00", "00 0F 0004 'MQTT' 04 02", DROPS(1, MQTT_NOT_CONNECT)),
	STRICT("ATTACKS 2: first byte 01", "01 00", DROPS(1, MQTT_NOT_CONNECT), NONE),
	STRICT("ATTACKS 2: first byte 02", "02 00", DROPS(1, MQTT_NOT_CONNECT), NONE),
	STRICT("ATTACKS 2: first byte 04", "04 00", DROPS(1, MQTT_NOT_CONNECT), NONE),
	STRICT("ATTACKS 2: first byte 08", "08 00", DROPS(1, MQTT_NOT_CONNECT), NONE),
	STRICT("ATTACKS 2: AUTH first", "F0 00", DROPS(1, MQTT_NOT_CONNECT), NONE),
	LENIENT("ATTACKS 2: first byte 00 may be the middle of a flow", "00 00",
		PASSES(1, UNDECIDED), NONE),
	LENIENT("ATTACKS 2: any type that names MQTT is dropped",
		"F0 0F 0004 'MQTT' 04 02 003C 0003 'dev'", DROPS(1, MQTT_NOT_CONNECT), NONE),
	BOTH("ATTACKS 2: flag nibble F", "1F 0D 0004 'MQTT' 05 02 000A 0001 70",
	     DROPS(1, MQTT_FLAGS), NONE),
	STRICT("ATTACKS 7: PUBLISH before CONNECT", "30 05 0001 'a' 'xx'",
	       DROPS(1, MQTT_NOT_CONNECT), NONE),
	STRICT("ATTACKS 7: SUBSCRIBE that declares 100 MB", "82 80 C2 D7 2F 0001",
	       DROPS(1, MQTT_NOT_CONNECT), NONE),
	LENIENT("a PUBLISH to a topic called MQTT passes", "30 0B 0004 'MQTT' 'hello'",
		PASSES(1, UNDECIDED), NONE),
	LENIENT("a PINGREQ passes", "C0 00", PASSES(1, UNDECIDED), NONE),

	/* ---- malformed: lengths ---- */
	STRICT("ATTACKS 3: remaining length 0", "10 00", DROPS(1, MQTT_TOO_SHORT), NONE),
	STRICT("ATTACKS 3: remaining length 2", "10 02 0004", DROPS(1, MQTT_TOO_SHORT), NONE),
	STRICT("ATTACKS 3: a name and nothing else", "10 06 0004 'MQTT'",
	       DROPS(1, MQTT_TOO_SHORT), NONE),
	LENIENT("ATTACKS 3: a name and nothing else", "10 06 0004 'MQTT'",
		DROPS(1, MQTT_TOO_SHORT), NONE),
	BOTH("ATTACKS 3: a byte too many inside the remaining length",
	     "10 10 0004 'MQTT' 04 02 003C 0003 'devx'", DROPS(1, MQTT_TOO_LONG), NONE),
	BOTH("ATTACKS 3: a client id longer than the packet",
	     "10 0F 0004 'MQTT' 04 02 003C 00FF 'dev'", DROPS(1, MQTT_TOO_SHORT), NONE),
	BOTH("a remaining length over the limit of 1 MiB",
	     "10 81 80 C0 01 0004 'MQTT' 04 02 003C 0003 'dev'", DROPS(1, MQTT_TOO_LONG), NONE),
	{ .name = "the limit on the remaining length can be set",
	  .before = { { .what = SERVICE, .number = 1, .svc = { .first_max = 14 } } },
	  .steps = { { .p = { .data = CONNECT_311 }, DROPS(1, MQTT_TOO_LONG) } } },

	/* ---- malformed: flags ---- */
	BOTH("ATTACKS 4: reserved flag", "10 0F 0004 'MQTT' 04 01 003C 0003 'dev'",
	     DROPS(1, MQTT_CONNECT_FLAGS), NONE),
	BOTH("ATTACKS 4: flags 0A", "10 0F 0004 'MQTT' 04 0A 003C 0003 'dev'",
	     DROPS(1, MQTT_CONNECT_FLAGS), NONE),
	BOTH("ATTACKS 4: flags 12", "10 0F 0004 'MQTT' 04 12 003C 0003 'dev'",
	     DROPS(1, MQTT_CONNECT_FLAGS), NONE),
	BOTH("ATTACKS 4: will QoS 3", "10 16 0004 'MQTT' 04 1E 003C 0003 'dev' 0001 't' 0002 'xx'",
	     DROPS(1, MQTT_CONNECT_FLAGS), NONE),
	BOTH("ATTACKS 4: username flag without username",
	     "10 0F 0004 'MQTT' 04 82 003C 0003 'dev'", DROPS(1, MQTT_TOO_SHORT), NONE),
	BOTH("ATTACKS 4: password without username in v3",
	     "10 13 0004 'MQTT' 04 42 003C 0003 'dev' 0002 'pw'", DROPS(1, MQTT_CONNECT_FLAGS),
	     NONE),

	/* ---- malformed: name and level ---- */
	STRICT("ATTACKS 5: name MQTU", "10 0F 0004 'MQTU' 04 02 003C 0003 'dev'",
	       DROPS(1, MQTT_NAME), NONE),
	LENIENT("ATTACKS 5: name MQTU may be the middle of a flow",
		"10 0F 0004 'MQTU' 04 02 003C 0003 'dev'", PASSES(1, UNDECIDED), NONE),
	STRICT("ATTACKS 5: name MQTTT", "10 10 0005 'MQTTT' 04 02 003C 0003 'dev'",
	       DROPS(1, MQTT_NAME), NONE),
	STRICT("ATTACKS 5: empty name", "10 0C 0000 04 02 003C 0004 'devx'",
	       DROPS(1, MQTT_NAME), NONE),
	BOTH("ATTACKS 5: MQIsdp with level 4", "10 11 0006 'MQIsdp' 04 02 003C 0003 'dev'",
	     DROPS(1, MQTT_LEVEL), NONE),
	BOTH("ATTACKS 5: level 6", "10 0F 0004 'MQTT' 06 02 003C 0003 'dev'",
	     DROPS(1, MQTT_LEVEL), NONE),

	/* ---- malformed: contents ---- */
	BOTH("ATTACKS 8: U+0000 in the client id", "10 0F 0004 'MQTT' 04 02 003C 0003 'd' 00 'v'",
	     DROPS(1, MQTT_UTF8), NONE),
	BOTH("ATTACKS 8: a surrogate in the client id",
	     "10 0F 0004 'MQTT' 04 02 003C 0003 ED A0 80", DROPS(1, MQTT_UTF8), NONE),
	BOTH("ATTACKS 8: an overlong form in the client id",
	     "10 0E 0004 'MQTT' 04 02 003C 0002 C0 AF", DROPS(1, MQTT_UTF8), NONE),
	BOTH("ATTACKS 8: U+0001 in the client id", "10 0F 0004 'MQTT' 04 02 003C 0003 'd' 01 'v'",
	     DROPS(1, MQTT_UTF8), NONE),
	BOTH("ATTACKS 8: ill-formed UTF-8 at byte 500",
	     "10 F203 0004 'MQTT' 04 02 003C 01E6 61*484 FF 61", DROPS(1, MQTT_UTF8), NONE),
	BOTH("ATTACKS 9: property length of continuation bytes",
	     "10 14 " V5 "FF FF FF FF 01 00 0003 'dev'", DROPS(1, MQTT_PROPERTY_LENGTH), NONE),
	BOTH("ATTACKS 9: receive maximum 0", "10 13 " V5 "03 21 0000 0003 'dev'",
	     DROPS(1, MQTT_PROPERTY_VALUE), NONE),
	BOTH("ATTACKS 9: maximum packet size 0", "10 15 " V5 "05 27 00000000 0003 'dev'",
	     DROPS(1, MQTT_PROPERTY_VALUE), NONE),
	BOTH("ATTACKS 9: a property twice", "10 14 " V5 "04 17 01 17 01 0003 'dev'",
	     DROPS(1, MQTT_PROPERTY_TWICE), NONE),
	BOTH("ATTACKS 9: a property of another packet", "10 12 " V5 "02 24 01 0003 'dev'",
	     DROPS(1, MQTT_PROPERTY_ID), NONE),
	BOTH("ATTACKS 9: property 00", "10 12 " V5 "02 00 01 0003 'dev'",
	     DROPS(1, MQTT_PROPERTY_ID), NONE),
	BOTH("ATTACKS 9: property 7F", "10 12 " V5 "02 7F 01 0003 'dev'",
	     DROPS(1, MQTT_PROPERTY_ID), NONE),
	BOTH("ATTACKS 9: property FF7F", "10 13 " V5 "03 FF 7F 01 0003 'dev'",
	     DROPS(1, MQTT_PROPERTY_ID), NONE),
	BOTH("ATTACKS 9: a bad will property",
	     "10 1A 0004 'MQTT' 05 06 003C 00 0003 'dev' 02 01 02 0001 't' 0002 'xx'",
	     DROPS(1, MQTT_PROPERTY_VALUE), NONE),
	BOTH("ATTACKS 10: will topic with a wildcard",
	     "10 15 0004 'MQTT' 04 06 003C 0003 'dev' 0001 '#' 0001 'x'",
	     DROPS(1, MQTT_WILL_TOPIC), NONE),
	BOTH("ATTACKS 10: empty will topic",
	     "10 15 0004 'MQTT' 04 06 003C 0003 'dev' 0000 0002 'xx'", DROPS(1, MQTT_WILL_TOPIC),
	     NONE),

	/* ---- other protocols ---- */
	STRICT("ATTACKS 12: a ClientHello on the plain port", HELLO, DROPS(1, MQTT_FLAGS),
	       NONE),
	LENIENT("ATTACKS 12: a ClientHello on the plain port may be the middle of a flow", HELLO,
		PASSES(1, UNDECIDED), NONE),
	STRICT("HTTP on the plain port", "'GET / HTTP/1.1' 0D0A", DROPS(1, MQTT_NOT_CONNECT), NONE),
	TLS_STRICT("ATTACKS 12: HTTP on the TLS port", "'GET / HTTP/1.1' 0D0A",
		   DROPS(2, TLS_NOT_HANDSHAKE), NONE),
	TLS_STRICT("ATTACKS 12: a CONNECT on the TLS port", CONNECT_311,
		   DROPS(2, TLS_NOT_HANDSHAKE), NONE),
	TLS_LENIENT("ATTACKS 12: a CONNECT on the TLS port may be the middle of a flow",
		    CONNECT_311, PASSES(2, UNDECIDED), NONE),

	/* ---- ClientHello ---- */
	TLS_STRICT("a ClientHello", HELLO, PASSES(2, FIRST), SEEN),
	TLS_LENIENT("a ClientHello", HELLO, PASSES(2, FIRST), SEEN),
	TLS_STRICT("the first byte alone", "16", PASSES(2, SUSPECT), SUSPECT),
	TLS_STRICT("a ClientHello cut in the random", "16 0301 002D 01 000029 0303 AA*20",
		   PASSES(2, SUSPECT), SUSPECT),
	TLS_LENIENT("a ClientHello cut in the random leaves no state",
		    "16 0301 002D 01 000029 0303 AA*20", PASSES(2, UNDECIDED), NONE),
	TLS_STRICT("a ClientHello in records of 16 bytes",
		   "16 0301 0010 01 000029 0303 AA*10 16 0301 001D AA*22 00 0002 1301 01 00",
		   PASSES(2, FIRST), SEEN),
	TLS_STRICT("a ClientHello that offers SSL 2 framing", "80 2E 01 0301 0015 0000 0010",
		   DROPS(2, TLS_NOT_HANDSHAKE), NONE),
	TLS_STRICT("an alert first", "15 0301 0002 02 28", DROPS(2, TLS_NOT_HANDSHAKE), NONE),
	TLS_STRICT("a record of version 2", "16 0200 002D 01 000029 0303", DROPS(2, TLS_VERSION),
		   NONE),
	TLS_STRICT("an empty record", "16 0301 0000", DROPS(2, TLS_RECORD_LENGTH), NONE),
	TLS_STRICT("a record over 2^14 bytes", "16 0301 4001 01 000029",
		   DROPS(2, TLS_RECORD_LENGTH), NONE),
	TLS_STRICT("a ServerHello first", "16 0301 002D 02 000029 0303", DROPS(2, TLS_NOT_HELLO),
		   NONE),
	TLS_STRICT("a ClientHello of 40 bytes", "16 0301 002C 01 000028 0303",
		   DROPS(2, TLS_HELLO_LENGTH), NONE),
	TLS_STRICT("a session id of 33 bytes",
		   "16 0301 004E 01 00004A 0303 AA*32 21 BB*33 0002 1301 01 00",
		   DROPS(2, TLS_SESSION_ID), NONE),
	TLS_STRICT("an odd list of suites",
		   "16 0301 002E 01 00002A 0303 AA*32 00 0003 1301 00 01 00",
		   DROPS(2, TLS_SUITES), NONE),
	TLS_STRICT("compression without null",
		   "16 0301 002D 01 000029 0303 AA*32 00 0002 1301 01 01",
		   DROPS(2, TLS_COMPRESSION), NONE),
	TLS_STRICT("extensions that do not add up",
		   "16 0301 0033 01 00002F 0303 AA*32 00 0002 1301 01 00 0004 000A 0001",
		   DROPS(2, TLS_EXTENSIONS), NONE),
	TLS_STRICT("an empty list of server names",
		   "16 0301 0035 01 000031 0303 AA*32 00 0002 1301 01 00 0006 0000 0002 0000",
		   DROPS(2, TLS_SNI), NONE),
	TLS_STRICT("an empty list of ALPN names",
		   "16 0301 0035 01 000031 0303 AA*32 00 0002 1301 01 00 0006 0010 0002 0000",
		   DROPS(2, TLS_ALPN), NONE),
	TLS_LENIENT("malformed, but a renegotiation looks alike", "16 0301 002C 01 000028 0303",
		    PASSES(2, UNDECIDED), NONE),
	{ .name = "the limit on the ClientHello can be set",
	  .before = { { .what = SERVICE, .number = 2,
			.svc = { .flags = MQGATE_SVC_F_STRICT, .first_max = 41 } } },
	  .steps = { { .p = { .dport = 8883, .data = HELLO }, PASSES(2, FIRST) },
		     { .p = { .dport = 8883, .sport = 40001,
			      .data = "16 0301 002E 01 00002A 0303" },
		       DROPS(2, TLS_HELLO_LENGTH) } } },
};

int main(void)
{
	return scenes_main(scenes, ARRAY_SIZE(scenes));
}
