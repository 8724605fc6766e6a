# SPDX-License-Identifier: BSD-2-Clause
"""
The examples of ATTACKS 1-6 and 8-10 that are one malformed CONNECT each, or no CONNECT: by number,
with what refuses them. malformed.py goes through them, and watched.py with mosquitto behind.
"""
from numbered import *

ILL_FORMED = (b"a\0b", b"\xed\xa0\x80", b"\xc0\xaf", b"\1")
ID = text("d")


def longer(packet, extra=b"\0"):
    """A byte within the remaining length that no field has."""
    return b"\x10" + varint(len(packet) - 2 + len(extra)) + packet[2:] + extra


def shorter(packet):
    """A remaining length that ends within the last field; all of its bytes come."""
    return packet[:1] + bytes([packet[1] - 1]) + packet[2:]


def flags(value, *fields):
    return lambda level: [hello(level, value, *fields)]


def with_properties(*each):
    return lambda level: [hello(5, 2, ID, properties=p) for p in each]


def will_properties(*each):
    return lambda level: [hello(5, 6, ID, will(5, "w", properties=p)) for p in each]


def strings(level):
    for bad in ILL_FORMED:
        yield hello(level, 2, text(bad))
        yield hello(level, 6, ID, will(level, bad))
        yield hello(level, 0x82, ID, text(bad))
        if level == 5:
            yield hello(5, 2, ID, properties=b"\x26" + text("k") + text(bad))
            yield hello(5, 6, ID, will(5, "w", properties=b"\x03" + text(bad)))


def will_topics(*topics):
    return lambda level: [hello(level, 6, ID, will(level, topic)) for topic in topics]


def raw(*each):
    return lambda level: [bytes.fromhex(one) for one in each]


ALL, OLD, NEW = (3, 4, 5), (3, 4), (5,)
# Where no version is known yet nothing is answered, but that a level is none. What MQTT 3.1 leaves
# open (the reserved connect flag, fields that are missing) is not asked of it.
UNKNOWN = (0,)

# The example; levels; packets; the reason; the code of a CONNACK: of MQTT 5, or by level.
CASES = (
    ("1: five-byte length", UNKNOWN, raw("108080808001"), "mqtt-length-encoding", None),
    ("2: first byte 00/01/02/04/08", UNKNOWN,
     lambda level: [bytes([b]) + connect("d", v)[1:] for b in (0, 1, 2, 4, 8) for v in ALL],
     "mqtt-not-connect", None),
    ("2: F0 from a v3 client", UNKNOWN, raw("f000", "f0020000"), "mqtt-not-connect", None),
    ("2: 1F, flag nibble", UNKNOWN, raw("1f0d00044d5154540502000a000170"), "mqtt-flags", None),
    ("2: reserved flags of a CONNECT", UNKNOWN,
     lambda level: [bytes([0x10 | bit]) + connect("d", v)[1:] for bit in (1, 2, 4, 8)
                    for v in ALL],
     "mqtt-flags", None),
    ("3: 10 00", UNKNOWN, raw("1000"), "mqtt-too-short", None),
    ("3: 10 02 0004", UNKNOWN, raw("10020004"), "mqtt-too-short", None),
    ("3: 10 06 0004 4D515454", UNKNOWN, raw("100600044d515454"), "mqtt-too-short", None),
    ("3: a trailing byte", ALL, lambda level: [longer(connect("d", level))], "mqtt-too-long", 0x81),
    ("3: a body longer than its length", ALL, lambda level: [shorter(connect("d", level))],
     "mqtt-too-short", 0x81),
    ("3: 268 MB are declared", UNKNOWN, raw("10ffffff7f"), "mqtt-too-long", None),
    ("4: connect flags 01", (4, 5), flags(0x01, ID), "mqtt-connect-flags", 0x81),
    ("4: connect flags 0A", (4, 5), flags(0x0a, ID), "mqtt-connect-flags", 0x81),
    ("4: connect flags 12", (4, 5), flags(0x12, ID), "mqtt-connect-flags", 0x81),
    ("4: connect flags 1E", ALL, lambda level: [hello(level, 0x1e, ID, will(level, "w"))],
     "mqtt-connect-flags", 0x81),
    ("4: 82 without username", (4, 5), flags(0x82, ID), "mqtt-too-short", 0x81),
    ("4: 42 in v3", OLD, flags(0x42, ID, text("secret")), "mqtt-connect-flags", None),
    ("5: MQTU, MQTTT, empty", UNKNOWN,
     lambda level: [hello(4, 2, ID, name=name) for name in ("MQTU", "MQTTT")] +
     [b"\x10\x12" + text("") + hello(4, 2, text("d" * 10))[8:]],
     "mqtt-name", None),
    ("5: MQIsdp with level 4", UNKNOWN, lambda level: [hello(4, 2, ID, name="MQIsdp")],
     "mqtt-level", {0: 1}),
    ("5: level 6, level 0", UNKNOWN, lambda level: [hello(6, 2, ID), hello(0, 2, ID)], "mqtt-level",
     {0: 1}),
    ("6: empty client id with clean session 0", OLD, flags(0, text("")), "mqtt-client-id",
     {3: 2, 4: 2}),
    ("8: strings", ALL, strings, "mqtt-utf8", 0x81),
    ("9: property length of continuation bytes", NEW,
     lambda level: [b"\x10\x0f" + hello(5, 2)[2:12] + b"\xff\xff\xff\xff\x01",
                    b"\x10\x0e" + hello(5, 2)[2:12] + b"\x80\x80\x80\x80"],
     "mqtt-property-length", 0x81),
    ("9: receive maximum 0, packet size 0", NEW, with_properties(b"\x21\0\0", b"\x27\0\0\0\0"),
     "mqtt-property-value", 0x82),
    ("9: duplicate ids", NEW, with_properties(b"\x21\0\1\x21\0\1", b"\x11" + bytes(4) +
                                              b"\x11" + bytes(4)), "mqtt-property-twice", 0x82),
    ("9: foreign ids", NEW, with_properties(b"\x23\0\1", b"\x0b\1", b"\x13\0\1"),
     "mqtt-property-id", 0x81),
    ("9: unknown ids 00, 7F, FF7F", NEW, with_properties(b"\0\0", b"\x7f\0", b"\xff\x7f\0"),
     "mqtt-property-id", 0x81),
    ("9: bad will properties, foreign or unknown", NEW,
     will_properties(b"\x21\0\1", b"\x7f\0", b"\x23\0\1"), "mqtt-property-id", 0x81),
    ("9: bad will properties, twice", NEW, will_properties(b"\x18" + bytes(4) + b"\x18" + bytes(4)),
     "mqtt-property-twice", 0x82),
    ("9: bad will properties, out of range", NEW, will_properties(b"\1\2"), "mqtt-property-value",
     0x82),
    ("9: bad will properties, too long", NEW, lambda level: [hello(5, 6, ID, b"\x7f" + text("w"))],
     "mqtt-property-length", 0x81),
    ("10: will to $CONTROL/#, $SYS/#", ALL, will_topics("$CONTROL/#", "$SYS/#"), "mqtt-will-topic",
     0x82),
    ("10: will topic with wildcard or empty", ALL, will_topics("a/+", "#", "a/#", ""),
     "mqtt-will-topic", 0x82),
)
