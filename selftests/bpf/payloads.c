// SPDX-License-Identifier: BSD-2-Clause
/*
 * What XDP makes of first payloads, in the order of the list of attacks: see payloads.h. Every
 * example of a line of that list is a row that begins with the line's number.
 *
 * Lenient (routed, nothing set): only what names MQTT and is malformed as a CONNECT is dropped,
 * since any bytes may be the middle of a flow. Strict: everything but a first payload or a
 * prefix of one is dropped. What a row says to be another's to judge passes here.
 */
#include "payloads.h"

#define GOOD	.data = CONNECT_311
#define BAD	.data = "1F 0D 0004 'MQTT' 05 02 000A 0001 70"	/* ATTACKS 2 */

#define SVC(...)	{ .what = SERVICE, .number = 1, .svc = { __VA_ARGS__ } }
#define STRICT_MQTT	SVC(.flags = MQGATE_SVC_F_STRICT)
#define STRICT_TLS	{ .what = SERVICE, .number = 2, .svc = { .flags = MQGATE_SVC_F_STRICT } }

#define STRICT(text, bytes, ...)						\
	{ .name = text ", strict", .before = { STRICT_MQTT },			\
	  .steps = { { .p = { .data = bytes }, __VA_ARGS__ } } }
#define LENIENT(text, bytes, ...)						\
	{ .name = text ", lenient", .steps = { { .p = { .data = bytes }, __VA_ARGS__ } } }
#define TLS_STRICT(text, bytes, ...)						\
	{ .name = text ", strict TLS", .before = { STRICT_TLS },		\
	  .steps = { { .p = { .dport = 8883, .data = bytes }, __VA_ARGS__ } } }
#define TLS_LENIENT(text, bytes, ...)						\
	{ .name = text ", lenient TLS",						\
	  .steps = { { .p = { .dport = 8883, .data = bytes }, __VA_ARGS__ } } }
/* A CONNECT that names MQTT and is wrong is dropped either way. */
#define BOTH(text, bytes, ...)							\
	STRICT(text, bytes, __VA_ARGS__), LENIENT(text, bytes, __VA_ARGS__)

#define SEEN	.flow = MQGATE_FLOW_SEEN
#define SUSPECT	.flow = MQGATE_FLOW_SUSPECT
#define NONE	.flow = ABSENT

/* A first byte of a type that is none; before a name no honest flow has it in its middle. */
#define TYPE_0(byte)								\
	STRICT("ATTACKS 2: first byte " byte, byte " 00",			\
	       DROPS(1, MQTT_NOT_CONNECT), NONE),				\
	LENIENT("ATTACKS 2: first byte " byte " may be the middle of a flow",	\
		byte " 00", PASSES(1, UNDECIDED), NONE),			\
	BOTH("ATTACKS 2: first byte " byte " before the name of MQTT",		\
	     byte " 0F 0004 'MQTT' 04 02 003C 0003 'dev'",			\
	     DROPS(1, MQTT_NOT_CONNECT), NONE)

#define NIBBLE(byte)								\
	LENIENT("ATTACKS 2: flag nibble, first byte " byte,			\
		byte " 0F 0004 'MQTT' 04 02 003C 0003 'dev'", DROPS(1, MQTT_FLAGS), NONE)

/* Connect flags that no further field makes good, as MQTT 3.1.1 and as 5. */
#define CONNECT_FLAGS(flags, what)						\
	BOTH("ATTACKS 4: flags " flags ", " what,				\
	     "10 0F 0004 'MQTT' 04 " flags " 003C 0003 'dev'",			\
	     DROPS(1, MQTT_CONNECT_FLAGS), NONE),				\
	BOTH("ATTACKS 4: flags " flags ", " what ", in v5",			\
	     "10 10 0004 'MQTT' 05 " flags " 003C 00 0003 'dev'",		\
	     DROPS(1, MQTT_CONNECT_FLAGS), NONE)

/* A first packet that is no CONNECT; its fixed header may be the middle of a flow. */
#define BEFORE_CONNECT(type, bytes)						\
	STRICT("ATTACKS 7: " type " before CONNECT", bytes,			\
	       DROPS(1, MQTT_NOT_CONNECT), NONE),				\
	LENIENT("ATTACKS 7: " type " may be the middle of a flow", bytes,	\
		PASSES(1, UNDECIDED), NONE)

/* Three bytes of text in a field. */
#define TEXT(what, field, before, text, behind)					\
	LENIENT("ATTACKS 8: " what " in the " field, before text behind,	\
		DROPS(1, MQTT_UTF8), NONE)
#define TEXTS(field, before, behind)						\
	TEXT("U+0000", field, before, "'d' 00 'v'", behind),			\
	TEXT("a surrogate", field, before, "ED A0 80", behind),			\
	TEXT("an overlong form", field, before, "E0 80 AF", behind),		\
	TEXT("U+0001", field, before, "'d' 01 'v'", behind)
#define CLIENT_ID	"10 0F 0004 'MQTT' 04 02 003C 0003 "

/* The variable header up to keep alive of a v5 CONNECT with clean start, and with a will. */
#define V5	"0004 'MQTT' 05 02 003C "
#define V5_WILL	"0004 'MQTT' 05 06 003C 00 0003 'dev' "

#define FOREIGN(id)								\
	LENIENT("ATTACKS 9: property " id " of another packet",			\
		"10 12 " V5 "02 " id " 01 0003 'dev'", DROPS(1, MQTT_PROPERTY_ID), NONE)
#define FOREIGN_WILL(id)							\
	LENIENT("ATTACKS 9: property " id " is none of a will",			\
		"10 19 " V5_WILL "02 " id " 01 0001 't' 0001 'x'",		\
		DROPS(1, MQTT_PROPERTY_ID), NONE)
/* @length: of the whole; @twice: the length of the properties, and they */
#define TWICE(id, length, twice)						\
	LENIENT("ATTACKS 9: property " id " twice",				\
		"10 " length " " V5 twice " 0003 'dev'", DROPS(1, MQTT_PROPERTY_TWICE), NONE)
#define TWICE_WILL(id, length, twice)						\
	LENIENT("ATTACKS 9: will property " id " twice",			\
		"10 " length " " V5_WILL twice " 0001 't' 0001 'x'",		\
		DROPS(1, MQTT_PROPERTY_TWICE), NONE)

/* 80 bytes: ten user properties. */
#define USER1	" 26 0002 'k1' 0001 'v'"
#define USER10	USER1 USER1 USER1 USER1 USER1 USER1 USER1 USER1 USER1 USER1
#define USER40	USER10 USER10 USER10 USER10

/* What a will, a user name and a password add. */
#define CONNECT_FULL	\
	"10 1E 0004 'MQTT' 04 F6 003C 0003 'dev' 0003 'w/t' 0001 'x' 0001 'u' 0002 'pw'"
#define TLS(n)		.dport = 8883, .sport = (n)
#define FROM(n)		.src = "198.51.100." #n

const struct scene payload_scenes[] = {
	/* ---- good ones ---- */
	BOTH("MQTT 3.1", CONNECT_31, PASSES(1, FIRST), SEEN),
	BOTH("MQTT 3.1.1", CONNECT_311, PASSES(1, FIRST), SEEN),
	BOTH("MQTT 5", CONNECT_5, PASSES(1, FIRST), SEEN),
	BOTH("will, username and password", CONNECT_FULL, PASSES(1, FIRST), SEEN),
	BOTH("a CONNECT with SUBSCRIBE right behind it",
	     CONNECT_311 "82 06 0001 0001 'a' 00", PASSES(1, FIRST), SEEN),
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

	/* ---- 1: remaining length ---- */
	STRICT("ATTACKS 1: five-byte remaining length", "10 80 80 80 80 01",
	       DROPS(1, MQTT_LENGTH_ENCODING), NONE),
	STRICT("ATTACKS 1: the fourth byte of a length says that it goes on", "10 FF FF FF FF",
	       DROPS(1, MQTT_LENGTH_ENCODING), NONE),
	STRICT("ATTACKS 1: three bytes of length may still end well", "10 80 80 80",
	       PASSES(1, SUSPECT), SUSPECT),
	LENIENT("ATTACKS 1: five bytes of length may be the middle of a flow",
		"10 80 80 80 80 01", PASSES(1, UNDECIDED), NONE),
	BOTH("ATTACKS 1: five-byte remaining length before the name",
	     "10 80 80 80 80 01 0004 'MQTT' 04 02", DROPS(1, MQTT_LENGTH_ENCODING), NONE),
	BOTH("a remaining length that is not minimal", "10 8F 00 0004 'MQTT' 04 02 003C 0003 'dev'",
	     DROPS(1, MQTT_LENGTH_ENCODING), NONE),
	BOTH("a remaining length that is not minimal, of three bytes",
	     "10 8F 80 00 0004 'MQTT' 04 02 003C 0003 'dev'", DROPS(1, MQTT_LENGTH_ENCODING), NONE),
	BOTH("a remaining length that is not minimal, of four bytes",
	     "10 8F 80 80 00 0004 'MQTT' 04 02 003C 0003 'dev'", DROPS(1, MQTT_LENGTH_ENCODING),
	     NONE),
	BOTH("a remaining length over the limit of 1 MiB",
	     "10 81 80 C0 01 0004 'MQTT' 04 02 003C 0003 'dev'", DROPS(1, MQTT_TOO_LONG), NONE),
	BOTH("the largest remaining length that four bytes say",
	     "10 FF FF FF 7F 0004 'MQTT' 04 02 003C 0003 'dev'", DROPS(1, MQTT_TOO_LONG), NONE),
	{ .name = "the limit on the remaining length can be set",
	  .before = { SVC(.first_max = 14) },
	  .steps = { { .p = { .data = CONNECT_311 }, DROPS(1, MQTT_TOO_LONG) } } },

	/* ---- 2: the first byte ---- */
	TYPE_0("00"), TYPE_0("01"), TYPE_0("02"), TYPE_0("04"), TYPE_0("08"),
	STRICT("ATTACKS 2: F0 of a v3 client", "F0 00", DROPS(1, MQTT_NOT_CONNECT), NONE),
	LENIENT("ATTACKS 2: F0 may be the middle of a flow", "F0 00", PASSES(1, UNDECIDED), NONE),
	LENIENT("ATTACKS 2: a PUBACK that names MQTT is dropped",
		"40 0F 0004 'MQTT' 04 02 003C 0003 'dev'", DROPS(1, MQTT_NOT_CONNECT), NONE),
	BOTH("ATTACKS 2: flag nibble F", "1F 0D 0004 'MQTT' 05 02 000A 0001 70",
	     DROPS(1, MQTT_FLAGS), NONE),
	NIBBLE("11"), NIBBLE("12"), NIBBLE("13"), NIBBLE("14"), NIBBLE("15"), NIBBLE("16"),
	NIBBLE("17"), NIBBLE("18"), NIBBLE("19"), NIBBLE("1A"), NIBBLE("1B"), NIBBLE("1C"),
	NIBBLE("1D"), NIBBLE("1E"),

	/* ---- 3: lengths ---- */
	STRICT("ATTACKS 3: remaining length 0", "10 00", DROPS(1, MQTT_TOO_SHORT), NONE),
	STRICT("ATTACKS 3: remaining length 2", "10 02 0004", DROPS(1, MQTT_TOO_SHORT), NONE),
	LENIENT("ATTACKS 3: remaining length 0 may be the middle of a flow", "10 00",
		PASSES(1, UNDECIDED), NONE),
	LENIENT("ATTACKS 3: remaining length 2 may be the middle of a flow", "10 02 0004",
		PASSES(1, UNDECIDED), NONE),
	BOTH("ATTACKS 3: a name and nothing else", "10 06 0004 'MQTT'", DROPS(1, MQTT_TOO_SHORT),
	     NONE),
	BOTH("ATTACKS 3: remaining length 11", "10 0B 0004 'MQTT' 04 02 003C 00",
	     DROPS(1, MQTT_TOO_SHORT), NONE),
	BOTH("ATTACKS 3: a byte too many inside the remaining length",
	     "10 10 0004 'MQTT' 04 02 003C 0003 'devx'", DROPS(1, MQTT_TOO_LONG), NONE),
	BOTH("ATTACKS 3: a byte too many inside the remaining length of v5",
	     "10 11 " V5 "00 0003 'devx'", DROPS(1, MQTT_TOO_LONG), NONE),
	BOTH("ATTACKS 3: a client id longer than the packet",
	     "10 0F 0004 'MQTT' 04 02 003C 00FF 'dev'", DROPS(1, MQTT_TOO_SHORT), NONE),
	BOTH("ATTACKS 3: a body longer than the remaining length, cut in the client id",
	     "10 0D 0004 'MQTT' 04 02 003C 0003 'dev'", DROPS(1, MQTT_TOO_SHORT), NONE),
	BOTH("ATTACKS 3: what goes on behind a whole CONNECT is the next packet: not for XDP",
	     "10 0C 0004 'MQTT' 04 02 003C 0000 0003 'dev'", PASSES(1, FIRST), SEEN),

	/* ---- 4: connect flags ---- */
	CONNECT_FLAGS("01", "reserved"),
	CONNECT_FLAGS("03", "reserved"),
	CONNECT_FLAGS("0A", "will QoS 1 without will"),
	CONNECT_FLAGS("12", "will QoS 2 without will"),
	CONNECT_FLAGS("1A", "will QoS 3 without will"),
	CONNECT_FLAGS("22", "will retain without will"),
	BOTH("ATTACKS 4: flags 1E, will QoS 3",
	     "10 16 0004 'MQTT' 04 1E 003C 0003 'dev' 0001 't' 0002 'xx'",
	     DROPS(1, MQTT_CONNECT_FLAGS), NONE),
	BOTH("ATTACKS 4: flags 1E, will QoS 3, in v5",
	     "10 17 " "0004 'MQTT' 05 1E 003C 00 0003 'dev' 00 0001 't' 0001 'x'",
	     DROPS(1, MQTT_CONNECT_FLAGS), NONE),
	BOTH("ATTACKS 4: flags 1E, will QoS 3, in 3.1",
	     "10 18 0006 'MQIsdp' 03 1E 003C 0003 'dev' 0001 't' 0002 'xx'",
	     DROPS(1, MQTT_CONNECT_FLAGS), NONE),
	BOTH("ATTACKS 4: flags 01 have no meaning in 3.1",
	     "10 11 0006 'MQIsdp' 03 01 003C 0003 'dev'", PASSES(1, FIRST), SEEN),
	BOTH("ATTACKS 4: flags 0A have no meaning in 3.1",
	     "10 11 0006 'MQIsdp' 03 0A 003C 0003 'dev'", PASSES(1, FIRST), SEEN),
	BOTH("ATTACKS 4: flags 82 without username",
	     "10 0F 0004 'MQTT' 04 82 003C 0003 'dev'", DROPS(1, MQTT_TOO_SHORT), NONE),
	BOTH("ATTACKS 4: flags 82 without username in v5",
	     "10 10 0004 'MQTT' 05 82 003C 00 0003 'dev'", DROPS(1, MQTT_TOO_SHORT), NONE),
	BOTH("ATTACKS 4: flags 82 without username are legal in 3.1",
	     "10 11 0006 'MQIsdp' 03 82 003C 0003 'dev'", PASSES(1, FIRST), SEEN),
	BOTH("ATTACKS 4: flags 42, password without username, in v3",
	     "10 13 0004 'MQTT' 04 42 003C 0003 'dev' 0002 'pw'", DROPS(1, MQTT_CONNECT_FLAGS),
	     NONE),
	BOTH("ATTACKS 4: flags 42, password without username, in 3.1",
	     "10 15 0006 'MQIsdp' 03 42 003C 0003 'dev' 0002 'pw'", DROPS(1, MQTT_CONNECT_FLAGS),
	     NONE),
	BOTH("ATTACKS 4: flags 42, password without username, are legal in v5",
	     "10 14 0004 'MQTT' 05 42 003C 00 0003 'dev' 0002 'pw'", PASSES(1, FIRST), SEEN),

	/* ---- 5: name and level ---- */
	STRICT("ATTACKS 5: name MQTU", "10 0F 0004 'MQTU' 04 02 003C 0003 'dev'",
	       DROPS(1, MQTT_NAME), NONE),
	STRICT("ATTACKS 5: name MQTTT", "10 10 0005 'MQTTT' 04 02 003C 0003 'dev'",
	       DROPS(1, MQTT_NAME), NONE),
	STRICT("ATTACKS 5: empty name", "10 0C 0000 04 02 003C 0004 'devx'",
	       DROPS(1, MQTT_NAME), NONE),
	STRICT("ATTACKS 5: name mqtt", "10 0F 0004 'mqtt' 04 02 003C 0003 'dev'",
	       DROPS(1, MQTT_NAME), NONE),
	STRICT("ATTACKS 5: a name of 260 bytes", "10 0F 0104 'MQTT' 04 02 003C 0003 'dev'",
	       DROPS(1, MQTT_NAME), NONE),
	LENIENT("ATTACKS 5: name MQTU may be the middle of a flow",
		"10 0F 0004 'MQTU' 04 02 003C 0003 'dev'", PASSES(1, UNDECIDED), NONE),
	LENIENT("ATTACKS 5: name MQTTT may be the middle of a flow",
		"10 10 0005 'MQTTT' 04 02 003C 0003 'dev'", PASSES(1, UNDECIDED), NONE),
	LENIENT("ATTACKS 5: empty name may be the middle of a flow",
		"10 0C 0000 04 02 003C 0004 'devx'", PASSES(1, UNDECIDED), NONE),
	BOTH("ATTACKS 5: MQIsdp with level 4", "10 11 0006 'MQIsdp' 04 02 003C 0003 'dev'",
	     DROPS(1, MQTT_LEVEL), NONE),
	BOTH("ATTACKS 5: MQIsdp with level 5", "10 12 0006 'MQIsdp' 05 02 003C 00 0003 'dev'",
	     DROPS(1, MQTT_LEVEL), NONE),
	BOTH("ATTACKS 5: MQIsdp with bridge level 84", "10 11 0006 'MQIsdp' 84 02 003C 0003 'dev'",
	     DROPS(1, MQTT_LEVEL), NONE),
	BOTH("ATTACKS 5: MQTT with level 3", "10 0F 0004 'MQTT' 03 02 003C 0003 'dev'",
	     DROPS(1, MQTT_LEVEL), NONE),
	BOTH("ATTACKS 5: MQTT with bridge level 83", "10 0F 0004 'MQTT' 83 02 003C 0003 'dev'",
	     DROPS(1, MQTT_LEVEL), NONE),
	BOTH("ATTACKS 5: level 6", "10 0F 0004 'MQTT' 06 02 003C 0003 'dev'",
	     DROPS(1, MQTT_LEVEL), NONE),
	BOTH("ATTACKS 5: level 0", "10 0F 0004 'MQTT' 00 02 003C 0003 'dev'",
	     DROPS(1, MQTT_LEVEL), NONE),
	BOTH("ATTACKS 5: bridge level 86", "10 0F 0004 'MQTT' 86 02 003C 0003 'dev'",
	     DROPS(1, MQTT_LEVEL), NONE),
	BOTH("ATTACKS 5: bridge level 83 is legal", "10 11 0006 'MQIsdp' 83 02 003C 0003 'dev'",
	     PASSES(1, FIRST), SEEN),
	BOTH("ATTACKS 5: bridge level 84 is legal", "10 0F 0004 'MQTT' 84 02 003C 0003 'dev'",
	     PASSES(1, FIRST), SEEN),
	BOTH("ATTACKS 5: bridge level 85 is legal", "10 10 0004 'MQTT' 85 02 003C 00 0003 'dev'",
	     PASSES(1, FIRST), SEEN),

	/* ---- 6: the refusal that is answered ---- */
	BOTH("ATTACKS 6: an empty client id without clean session is owed a CONNACK: not for XDP",
	     "10 0C 0004 'MQTT' 04 00 003C 0000", PASSES(1, FIRST), SEEN),
	BOTH("ATTACKS 6: so is any empty client id in 3.1", "10 0E 0006 'MQIsdp' 03 02 003C 0000",
	     PASSES(1, FIRST), SEEN),
	BOTH("ATTACKS 6: with another fault it is owed none",
	     "10 0D 0004 'MQTT' 04 00 003C 0000 00", DROPS(1, MQTT_TOO_LONG), NONE),
	BOTH("ATTACKS 6: with clean session it is legal", "10 0C 0004 'MQTT' 04 02 003C 0000",
	     PASSES(1, FIRST), SEEN),
	BOTH("ATTACKS 6: in v5 it is legal", "10 0D 0004 'MQTT' 05 00 003C 00 0000",
	     PASSES(1, FIRST), SEEN),

	/* ---- 7: what is not the one CONNECT; each other type declares a body of 100 MB ---- */
	{ .name = "ATTACKS 7: a second CONNECT is not for XDP to see: the flow is SEEN",
	  .before = { STRICT_MQTT },
	  .steps = { { .p = { GOOD }, PASSES(1, FIRST), .flow = MQGATE_FLOW_SEEN },
		     { .p = { .seq = 1017, GOOD }, PASSES(1, SEEN) } } },
	BOTH("ATTACKS 7: nor is one behind the first in the same segment",
	     CONNECT_311 CONNECT_311, PASSES(1, FIRST), SEEN),
	BOTH("ATTACKS 7: a CONNECT of 100 MB", "10 80 C2 D7 2F 0004 'MQTT' 04 02 003C 0003 'dev'",
	     DROPS(1, MQTT_TOO_LONG), NONE),
	STRICT("ATTACKS 7: a whole PUBLISH before CONNECT", "30 05 0001 'a' 'xx'",
	       DROPS(1, MQTT_NOT_CONNECT), NONE),
	BEFORE_CONNECT("type 0", "00 80 C2 D7 2F 0001"),
	BEFORE_CONNECT("CONNACK", "20 80 C2 D7 2F 0001"),
	BEFORE_CONNECT("PUBLISH", "30 80 C2 D7 2F 0001"),
	BEFORE_CONNECT("PUBACK", "40 80 C2 D7 2F 0001"),
	BEFORE_CONNECT("PUBREC", "50 80 C2 D7 2F 0001"),
	BEFORE_CONNECT("PUBREL", "60 80 C2 D7 2F 0001"),
	BEFORE_CONNECT("PUBCOMP", "70 80 C2 D7 2F 0001"),
	BEFORE_CONNECT("SUBSCRIBE", "80 80 C2 D7 2F 0001"),
	BEFORE_CONNECT("SUBACK", "90 80 C2 D7 2F 0001"),
	BEFORE_CONNECT("UNSUBSCRIBE", "A0 80 C2 D7 2F 0001"),
	BEFORE_CONNECT("UNSUBACK", "B0 80 C2 D7 2F 0001"),
	BEFORE_CONNECT("PINGREQ", "C0 80 C2 D7 2F 0001"),
	BEFORE_CONNECT("PINGRESP", "D0 80 C2 D7 2F 0001"),
	BEFORE_CONNECT("DISCONNECT", "E0 80 C2 D7 2F 0001"),
	BEFORE_CONNECT("AUTH", "F0 80 C2 D7 2F 0001"),
	LENIENT("a PUBLISH to a topic called MQTT passes", "30 0B 0004 'MQTT' 'hello'",
		PASSES(1, UNDECIDED), NONE),
	LENIENT("a PINGREQ passes", "C0 00", PASSES(1, UNDECIDED), NONE),

	/* ---- 8: text, in every field that is one ---- */
	BOTH("ATTACKS 8: U+0000 in the client id", CLIENT_ID "'d' 00 'v'",
	     DROPS(1, MQTT_UTF8), NONE),
	BOTH("ATTACKS 8: a surrogate in the client id", CLIENT_ID "ED A0 80",
	     DROPS(1, MQTT_UTF8), NONE),
	BOTH("ATTACKS 8: an overlong form in the client id",
	     "10 0E 0004 'MQTT' 04 02 003C 0002 C0 AF", DROPS(1, MQTT_UTF8), NONE),
	BOTH("ATTACKS 8: U+0001 in the client id", CLIENT_ID "'d' 01 'v'",
	     DROPS(1, MQTT_UTF8), NONE),
	TEXTS("will topic", "10 17 0004 'MQTT' 04 06 003C 0003 'dev' 0003 ", " 0001 'x'"),
	TEXTS("user name", "10 14 0004 'MQTT' 04 82 003C 0003 'dev' 0003 ", ""),
	TEXTS("authentication method", "10 16 " V5 "06 15 0003 ", " 0003 'dev'"),
	TEXTS("name of a user property", "10 19 " V5 "09 26 0003 ", " 0001 'v' 0003 'dev'"),
	TEXTS("value of a user property", "10 19 " V5 "09 26 0001 'k' 0003 ", " 0003 'dev'"),
	TEXTS("content type of a will", "10 1F " V5_WILL "06 03 0003 ", " 0003 'w/t' 0001 'x'"),
	TEXTS("response topic of a will", "10 1F " V5_WILL "06 08 0003 ", " 0003 'w/t' 0001 'x'"),
	TEXT("the last surrogate", "client id", CLIENT_ID, "ED BF BF", ""),
	TEXT("U+0000 in two bytes", "client id", CLIENT_ID, "C0 80 'v'", ""),
	TEXT("an overlong U+007F", "client id", CLIENT_ID, "C1 BF 'v'", ""),
	TEXT("an overlong form of three bytes", "client id", CLIENT_ID, "E0 9F BF", ""),
	TEXT("a non-character", "client id", CLIENT_ID, "EF BF BE", ""),
	TEXT("U+0085", "client id", CLIENT_ID, "C2 85 'v'", ""),
	TEXT("U+007F", "client id", CLIENT_ID, "'d' 7F 'v'", ""),
	TEXT("a continuation byte alone", "client id", CLIENT_ID, "80 'ev'", ""),
	TEXT("a sequence that does not end", "client id", CLIENT_ID, "'de' C3", ""),
	LENIENT("ATTACKS 8: an overlong form of four bytes in the client id",
		"10 10 0004 'MQTT' 04 02 003C 0004 F0 80 80 AF", DROPS(1, MQTT_UTF8), NONE),
	LENIENT("ATTACKS 8: beyond U+10FFFF in the client id",
		"10 10 0004 'MQTT' 04 02 003C 0004 F4 90 80 80", DROPS(1, MQTT_UTF8), NONE),
	BOTH("ATTACKS 8: U+D7FF is legal", CLIENT_ID "ED 9F BF", PASSES(1, FIRST), SEEN),
	BOTH("ATTACKS 8: U+E000 is legal", CLIENT_ID "EE 80 80", PASSES(1, FIRST), SEEN),
	BOTH("ATTACKS 8: U+1F600 is legal", "10 10 0004 'MQTT' 04 02 003C 0004 F0 9F 98 80",
	     PASSES(1, FIRST), SEEN),
	BOTH("ATTACKS 8: a password is no text",
	     "10 14 0004 'MQTT' 05 42 003C 00 0003 'dev' 0002 00 FF", PASSES(1, FIRST), SEEN),
	BOTH("ATTACKS 8: a will message is no text",
	     "10 16 0004 'MQTT' 04 06 003C 0003 'dev' 0001 't' 0002 00 FF", PASSES(1, FIRST), SEEN),
	BOTH("ATTACKS 8: ill-formed UTF-8 at byte 500",
	     "10 F203 0004 'MQTT' 04 02 003C 01E6 61*484 FF 61", DROPS(1, MQTT_UTF8), NONE),
	BOTH("ATTACKS 8: ill-formed UTF-8 at byte 600 is not for XDP to see",
	     "10 D604 0004 'MQTT' 04 02 003C 024A 61*584 FF 61", PASSES(1, SUSPECT), SEEN),

	/* ---- 9: properties ---- */
	BOTH("ATTACKS 9: property length of continuation bytes",
	     "10 14 " V5 "FF FF FF FF 01 00 0003 'dev'", DROPS(1, MQTT_PROPERTY_LENGTH), NONE),
	BOTH("ATTACKS 9: the largest property length",
	     "10 13 " V5 "FF FF FF 7F 0003 'dev'", DROPS(1, MQTT_PROPERTY_LENGTH), NONE),
	BOTH("ATTACKS 9: a property length that is not minimal",
	     "10 11 " V5 "80 00 0003 'dev'", DROPS(1, MQTT_PROPERTY_LENGTH), NONE),
	BOTH("ATTACKS 9: property length of a will of continuation bytes",
	     "10 1B " V5_WILL "FF FF FF FF 01 0001 't' 0001 'x'",
	     DROPS(1, MQTT_PROPERTY_LENGTH), NONE),
	BOTH("ATTACKS 9: receive maximum 0", "10 13 " V5 "03 21 0000 0003 'dev'",
	     DROPS(1, MQTT_PROPERTY_VALUE), NONE),
	BOTH("ATTACKS 9: maximum packet size 0", "10 15 " V5 "05 27 00000000 0003 'dev'",
	     DROPS(1, MQTT_PROPERTY_VALUE), NONE),
	BOTH("ATTACKS 9: request problem information 2", "10 12 " V5 "02 17 02 0003 'dev'",
	     DROPS(1, MQTT_PROPERTY_VALUE), NONE),
	BOTH("ATTACKS 9: request response information 2", "10 12 " V5 "02 19 02 0003 'dev'",
	     DROPS(1, MQTT_PROPERTY_VALUE), NONE),
	BOTH("ATTACKS 9: authentication data without a method",
	     "10 14 " V5 "04 16 0001 01 0003 'dev'", DROPS(1, MQTT_PROPERTY_ID), NONE),
	BOTH("ATTACKS 9: session expiry and topic alias maximum may be 0",
	     "10 18 " V5 "08 11 00000000 22 0000 0003 'dev'", PASSES(1, FIRST), SEEN),
	BOTH("ATTACKS 9: a property twice", "10 14 " V5 "04 17 01 17 01 0003 'dev'",
	     DROPS(1, MQTT_PROPERTY_TWICE), NONE),
	TWICE("11", "1A", "0A 11 00000001 11 00000001"),
	TWICE("15", "1A", "0A 15 0002 'ab' 15 0002 'ab'"),
	TWICE("16", "1C", "0C 15 0001 'a' 16 0001 01 16 0001 01"),
	TWICE("19", "14", "04 19 01 19 01"),
	TWICE("21", "16", "06 21 0001 21 0001"),
	TWICE("22", "16", "06 22 0001 22 0001"),
	TWICE("27", "1A", "0A 27 00000100 27 00000100"),
	TWICE_WILL("01", "1B", "04 01 01 01 01"),
	TWICE_WILL("02", "21", "0A 02 00000001 02 00000001"),
	TWICE_WILL("03", "1F", "08 03 0001 't' 03 0001 't'"),
	TWICE_WILL("08", "1F", "08 08 0001 't' 08 0001 't'"),
	TWICE_WILL("09", "1F", "08 09 0001 01 09 0001 01"),
	TWICE_WILL("18", "21", "0A 18 00000001 18 00000001"),
	BOTH("ATTACKS 9: a property of another packet", "10 12 " V5 "02 24 01 0003 'dev'",
	     DROPS(1, MQTT_PROPERTY_ID), NONE),
	FOREIGN("01"), FOREIGN("02"), FOREIGN("03"), FOREIGN("08"), FOREIGN("09"), FOREIGN("0B"),
	FOREIGN("12"), FOREIGN("13"), FOREIGN("18"), FOREIGN("1A"), FOREIGN("1C"), FOREIGN("1F"),
	FOREIGN("23"), FOREIGN("25"), FOREIGN("28"), FOREIGN("29"), FOREIGN("2A"),
	FOREIGN_WILL("0B"), FOREIGN_WILL("11"), FOREIGN_WILL("15"), FOREIGN_WILL("16"),
	FOREIGN_WILL("17"), FOREIGN_WILL("19"), FOREIGN_WILL("21"), FOREIGN_WILL("22"),
	FOREIGN_WILL("23"), FOREIGN_WILL("27"), FOREIGN_WILL("00"), FOREIGN_WILL("7F"),
	BOTH("ATTACKS 9: property 00", "10 12 " V5 "02 00 01 0003 'dev'",
	     DROPS(1, MQTT_PROPERTY_ID), NONE),
	BOTH("ATTACKS 9: property 7F", "10 12 " V5 "02 7F 01 0003 'dev'",
	     DROPS(1, MQTT_PROPERTY_ID), NONE),
	BOTH("ATTACKS 9: property FF7F", "10 13 " V5 "03 FF 7F 01 0003 'dev'",
	     DROPS(1, MQTT_PROPERTY_ID), NONE),
	BOTH("ATTACKS 9: property 17 in two bytes", "10 13 " V5 "03 97 00 01 0003 'dev'",
	     DROPS(1, MQTT_PROPERTY_ID), NONE),
	BOTH("ATTACKS 9: a bad will property, format 2",
	     "10 1A " V5_WILL "02 01 02 0001 't' 0002 'xx'", DROPS(1, MQTT_PROPERTY_VALUE), NONE),
	BOTH("ATTACKS 9: a bad will property, a wildcard in the response topic",
	     "10 1B " V5_WILL "04 08 0001 '#' 0001 't' 0001 'x'", DROPS(1, MQTT_PROPERTY_VALUE),
	     NONE),
	BOTH("ATTACKS 9: a bad will property, cut off",
	     "10 1A " V5_WILL "03 02 0000 0001 't' 0001 'x'", DROPS(1, MQTT_PROPERTY_LENGTH), NONE),
	BOTH("ATTACKS 9: forty user properties pass",
	     "10 D102 " V5 "C002" USER40 "0003 'dev'", PASSES(1, FIRST), SEEN),
	BOTH("ATTACKS 9: the first segment of 5,000 user properties: XDP sees no more of them",
	     "10 D2B802 " V5 "C0B802" USER40 USER40 USER40 USER40, PASSES(1, SUSPECT), SUSPECT),
	BOTH("ATTACKS 9: a user property that ends behind the properties",
	     "10 16 " V5 "06 26 0001 'k' 0002 'v' 0003 'dev'",
	     DROPS(1, MQTT_PROPERTY_LENGTH), NONE),

	/* ---- 10: will topics ---- */
	BOTH("ATTACKS 10: will topic with a wildcard",
	     "10 15 0004 'MQTT' 04 06 003C 0003 'dev' 0001 '#' 0001 'x'",
	     DROPS(1, MQTT_WILL_TOPIC), NONE),
	BOTH("ATTACKS 10: empty will topic",
	     "10 15 0004 'MQTT' 04 06 003C 0003 'dev' 0000 0002 'xx'", DROPS(1, MQTT_WILL_TOPIC),
	     NONE),

	/* ---- 11: keep alive ---- */
	BOTH("ATTACKS 11: keep alive 65535 passes: the daemon caps it",
	     "10 0F 0004 'MQTT' 04 02 FFFF 0003 'dev'", PASSES(1, FIRST), SEEN),
	BOTH("ATTACKS 11: keep alive 0 passes: the daemon caps it",
	     "10 0F 0004 'MQTT' 04 02 0000 0003 'dev'", PASSES(1, FIRST), SEEN),
	BOTH("ATTACKS 11: keep alive 65535 in v5 passes: the daemon caps it",
	     "10 10 0004 'MQTT' 05 02 FFFF 00 0003 'dev'", PASSES(1, FIRST), SEEN),

	/* ---- 12: other protocols ---- */
	STRICT("ATTACKS 12: a ClientHello on the plain port", HELLO, DROPS(1, MQTT_FLAGS),
	       NONE),
	LENIENT("ATTACKS 12: a ClientHello on the plain port may be the middle of a flow", HELLO,
		PASSES(1, UNDECIDED), NONE),
	STRICT("HTTP on the plain port", "'GET / HTTP/1.1' 0D0A", DROPS(1, MQTT_NOT_CONNECT), NONE),
	LENIENT("HTTP on the plain port may be the middle of a flow", "'GET / HTTP/1.1' 0D0A",
		PASSES(1, UNDECIDED), NONE),
	TLS_STRICT("ATTACKS 12: HTTP on the TLS port", "'GET / HTTP/1.1' 0D0A",
		   DROPS(2, TLS_NOT_HANDSHAKE), NONE),
	TLS_LENIENT("ATTACKS 12: HTTP on the TLS port may be the middle of a flow",
		    "'GET / HTTP/1.1' 0D0A", PASSES(2, UNDECIDED), NONE),
	TLS_STRICT("ATTACKS 12: a CONNECT on the TLS port", CONNECT_311,
		   DROPS(2, TLS_NOT_HANDSHAKE), NONE),
	TLS_LENIENT("ATTACKS 12: a CONNECT on the TLS port may be the middle of a flow",
		    CONNECT_311, PASSES(2, UNDECIDED), NONE),

	/* ---- 13: one packet of what segments may do; the rest is in xdp_state.c ---- */
	LENIENT("ATTACKS 13: an AUTH that names MQTT may be a CONNECT without its first byte",
		"F0 0F 0004 'MQTT' 04 02 003C 0003 'dev'", PASSES(1, UNDECIDED), NONE),
	{ .name = "ATTACKS 13: an urgent pointer hides nothing",
	  .steps = { { .p = { .flags = URG | PSH | ACK, BAD }, DROPS(1, MQTT_FLAGS) } } },
	{ .name = "ATTACKS 13: an urgent pointer does not spoil a CONNECT",
	  .steps = { { .p = { .flags = URG | PSH | ACK, GOOD }, PASSES(1, FIRST) } } },
	{ .name = "ATTACKS 13: nor one that is half there",
	  .before = { STRICT_MQTT },
	  .steps = { { .p = { .flags = URG | PSH | ACK, .data = "10 0F 0004 'MQTT'" },
		       PASSES(1, SUSPECT), SUSPECT },
		     { .p = { .flags = URG | ACK, .seq = 1008, .data = "04 02 003C 0003 'dev'" },
		       PASSES(1, SUSPECT), SEEN } } },

	/* ---- 20: floods: what one packet cannot decide passes, or is over a budget ---- */
	{ .name = "ATTACKS 20: SYNs from strangers pass and leave no state",
	  .steps = { { .p = { .sport = 1, .flags = SYN }, PASSES(1, CONTROL), .flow = ABSENT,
		       .often = true } } },
	{ .name = "ATTACKS 20: bare ACKs from strangers pass and leave no state",
	  .steps = { { .p = { .sport = 1, .flags = ACK }, PASSES(1, CONTROL), .flow = ABSENT,
		       .often = true } } },
	{ .name = "ATTACKS 20: a flood of well-formed CONNECTs passes where no budget is set",
	  .steps = { { .p = { .sport = 1, GOOD }, PASSES(1, FIRST) },
		     { .p = { .sport = 2, GOOD }, PASSES(1, FIRST) },
		     { .p = { .sport = 3, .data = CONNECT_FULL }, PASSES(1, FIRST) } } },
	{ .name = "ATTACKS 20: a flood of ClientHellos passes where no budget is set",
	  .steps = { { .p = { TLS(1), .data = HELLO }, PASSES(2, FIRST) },
		     { .p = { TLS(2), .data = HELLO }, PASSES(2, FIRST) } } },
	{ .name = "ATTACKS 20: a flood of malformed CONNECTs is dropped and leaves no state",
	  .steps = { { .p = { BAD }, DROPS(1, MQTT_FLAGS), .flow = ABSENT, .often = true } } },
	{ .name = "ATTACKS 20: CONNECTs of a source, basic, delayed and with a will, are budgeted",
	  .before = { SVC(.flags = MQGATE_SVC_F_STRICT, .source_rate = 1, .source_burst = 3) },
	  .steps = { { .p = { .sport = 1, GOOD }, PASSES(1, FIRST), SEEN },
		     { .p = { .sport = 2, .data = "10" }, PASSES(1, SUSPECT), SUSPECT },
		     { .p = { .sport = 3, .data = CONNECT_FULL }, PASSES(1, FIRST), SEEN },
		     { .p = { .sport = 4, GOOD }, DROPS(1, SOURCE_BUDGET), NONE },
		     { .p = { .sport = 1, .seq = 1017, .data = "C000" }, PASSES(1, SEEN) } } },
	{ .name = "ATTACKS 20: over the budget of a source half a CONNECT is dropped",
	  .before = { SVC(.flags = MQGATE_SVC_F_STRICT, .source_rate = 1) },
	  .steps = { { .p = { .sport = 1, GOOD }, PASSES(1, FIRST), SEEN },
		     { .p = { .sport = 2, .data = "10" }, DROPS(1, SOURCE_BUDGET), NONE } } },
	{ .name = "ATTACKS 20: and one with a will message",
	  .before = { SVC(.source_rate = 1) },
	  .steps = { { .p = { .sport = 1, GOOD }, PASSES(1, FIRST), SEEN },
		     { .p = { .sport = 2, .data = CONNECT_FULL }, DROPS(1, SOURCE_BUDGET),
		       NONE } } },
	{ .name = "ATTACKS 20: CONNECTs of many sources are budgeted together",
	  .before = { SVC(.service_rate = 1, .service_burst = 2) },
	  .steps = { { .p = { FROM(1), GOOD }, PASSES(1, FIRST) },
		     { .p = { FROM(2), GOOD }, PASSES(1, FIRST) },
		     { .p = { FROM(3), GOOD }, DROPS(1, SERVICE_BUDGET), NONE } } },
	{ .name = "ATTACKS 20: ClientHellos are budgeted",
	  .before = { { .what = SERVICE, .number = 2, .svc = { .source_rate = 1 } } },
	  .steps = { { .p = { TLS(1), .data = HELLO }, PASSES(2, FIRST), SEEN },
		     { .p = { TLS(2), .data = HELLO }, DROPS(2, SOURCE_BUDGET), NONE } } },
	{ .name = "ATTACKS 20: and the beginnings of such",
	  .before = { { .what = SERVICE, .number = 2,
			.svc = { .flags = MQGATE_SVC_F_STRICT, .source_rate = 1 } } },
	  .steps = { { .p = { TLS(1), .data = "16 0301" }, PASSES(2, SUSPECT), SUSPECT },
		     { .p = { TLS(2), .data = "16 0301" }, DROPS(2, SOURCE_BUDGET), NONE } } },
	{ .name = "ATTACKS 20: SYNs of a source are budgeted",
	  .before = { SVC(.syn_source = 1) },
	  .steps = { { .p = { .flags = SYN, .sport = 1 }, PASSES(1, CONTROL), NONE },
		     { .p = { .flags = SYN, .sport = 2 }, DROPS(1, SYN_SOURCE), NONE } } },
	{ .name = "ATTACKS 20: SYNs of forged sources are budgeted together",
	  .before = { SVC(.syn_rate = 1) },
	  .steps = { { .p = { .flags = SYN, FROM(1) }, PASSES(1, CONTROL), NONE },
		     { .p = { .flags = SYN, FROM(2) }, DROPS(1, SYN_RATE), NONE } } },
	{ .name = "ATTACKS 20: a handshake and then silence is not for XDP to see",
	  .steps = { { .p = { .flags = SYN, .seq = 999 }, PASSES(1, CONTROL), NONE },
		     { .p = { .flags = ACK }, PASSES(1, CONTROL), NONE } } },
	{ .name = "ATTACKS 20: half a CONNECT has so many segments",
	  .before = { SVC(.flags = MQGATE_SVC_F_STRICT, .suspect_segments = 2) },
	  .steps = { { .p = { .data = "10 0F 0004" }, PASSES(1, SUSPECT), SUSPECT },
		     { .p = { .seq = 1004, .data = "'M'" }, PASSES(1, SUSPECT), SUSPECT },
		     { .p = { .seq = 1005, .data = "'Q'" }, DROPS(1, SUSPECT_BUDGET),
		       .flow = MQGATE_FLOW_REFUSED } } },
	{ .name = "ATTACKS 20: half a CONNECT has so much time",
	  .before = { { .what = FLOW, .age_ms = 30100,
			.flow = { .state = MQGATE_FLOW_SUSPECT, .first_seq = 1000, .need = 17,
				  .segments = 1 } } },
	  .steps = { { .p = { .seq = 1004, .data = "'M'" }, DROPS(1, SUSPECT_BUDGET),
		       .flow = MQGATE_FLOW_REFUSED } } },

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

const size_t payload_count = ARRAY_SIZE(payload_scenes);
