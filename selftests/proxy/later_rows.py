# SPDX-License-Identifier: BSD-2-Clause
"""
Packets behind CONNECT that never arrive: the examples of ATTACKS 1, 8, 9 and 14-17, by number, and
others. packets.py goes through them, and watched.py with mosquitto behind.
"""
from numbered import *


def of(level, kind, before, properties=b"", behind=b""):
    """A packet whose properties MQTT 5 alone has."""
    if level == 5:
        before += varint(len(properties)) + properties
    return packet(kind, before + behind)


def bits(level, *kinds):
    """Packets of those types, each with one wrong flag; those of QoS 1 may have DUP in MQTT 3.1."""
    for kind in kinds:
        right = 2 if kind in (6, 8, 10) else 0
        for bit in (1, 2, 4) if level == 3 and right else (1, 2, 4, 8):
            yield packet(kind << 4 | right ^ bit, ident(1))


def raw(data):
    return lambda level: [data]


def of_5(*arguments):
    return lambda level: [of(5, *arguments)]


def publishes(*topics):
    return lambda level: [of(level, 0x30, text(topic)) for topic in topics]


def subscribes(*each, number=1):
    return lambda level: [of(level, 0x82, ident(number), b"", one) for one in each]


ILL_FORMED = (b"a\0", b"\xed\xa0\x80", b"\xc0\xaf", b"\1")


def properties_of(kind, before, ids, behind=b""):
    """That packet with ill-formed strings in each of its properties that are strings."""
    def packets(level):
        for bad in ILL_FORMED if kind == 0x30 else ILL_FORMED[:2]:
            values = [bytes([i]) + text(bad) for i in ids] + [
                b"\x26" + text(bad) + text("v"), b"\x26" + text("k") + text(bad)]
            for value in values:
                yield of(5, kind, before, value, behind)
    return packets


ALL, OLD, NEW = (3, 4, 5), (3, 4), (5,)
DEEP = "/" * 65535
# The example, of ATTACKS where it has a number; levels; packets; the reason; a DISCONNECT's code.
ROWS = (
    ("1: length of five bytes", ALL, raw(b"\x30\x80\x80\x80\x80\1"), "mqtt-length-encoding",
     0x81),
    ("8: strings", ALL, lambda level: publishes(b"\xed\xa0\x80", b"\xc0\xaf", b"\1")(level) +
     subscribes(text(b"\xed\xa0\x80") + b"\0", text(b"\xc0\xaf") + b"\0", text(b"a\0") + b"\0",
                text(b"\1") + b"\0")(level), "mqtt-utf8", 0x81),
    ("8: strings, UNSUBSCRIBE", ALL, lambda level: [
        of(level, 0xa2, ident(1), b"", text("t") + text(bad)) for bad in ILL_FORMED],
     "mqtt-utf8", 0x81),
    ("8: strings in properties, PUBLISH", NEW, properties_of(
        0x30, text("t"), (0x03, 0x08)), "mqtt-utf8", 0x81),
    ("8: strings in properties, SUBSCRIBE", NEW, properties_of(
        0x82, ident(1), (), text("t") + b"\0"), "mqtt-utf8", 0x81),
    ("8: strings in properties, UNSUBSCRIBE", NEW, properties_of(
        0xa2, ident(1), (), text("t")), "mqtt-utf8", 0x81),
    *((f"8: strings in properties, {name}", NEW, properties_of(
        kind, ident(1) + b"\0", (0x1f,)), "mqtt-utf8", 0x81) for name, kind in (
            ("PUBACK", 0x40), ("PUBREC", 0x50), ("PUBREL", 0x62), ("PUBCOMP", 0x70))),
    ("8: strings in properties, DISCONNECT", NEW, properties_of(0xe0, b"\0", (0x1f,)),
     "mqtt-utf8", 0x81),
    ("8: strings in properties, AUTH", NEW, properties_of(0xf0, b"\x18", (0x15, 0x1f)),
     "mqtt-utf8", 0x81),
    ("9: unknown and foreign properties", NEW, lambda level: [
        of(5, 0x30, text("t"), p) for p in (b"\x7f\0", b"\0\0", b"\xff\x7f\0", b"\x0b\1")],
     "mqtt-property-id", 0x81),
    ("9: property length beyond the packet", NEW, raw(packet(0x30, text("t") + b"\x09")),
     "mqtt-property-length", 0x81),
    ("14: server-only packets, 20 02 00 00 and others", ALL, lambda level: [
        b"\x20\2\0\0", packet(0x90, b"\0\1\0"), packet(0xb0, b"\0\1"), PINGRESP],
     "mqtt-direction", 0x82),
    ("14: reserved flag nibbles", ALL, lambda level: bits(
        level, 4, 5, 6, 7, 8, 10, 12, 14), "mqtt-flags", 0x81),
    ("14: reserved flag nibbles, AUTH", NEW, lambda level: bits(5, 15), "mqtt-flags", 0x81),
    ("14: reserved flag nibbles, of a server", ALL, lambda level: bits(level, 2, 9, 11, 13),
     "mqtt-direction", 0x82),
    ("14: reserved flag nibbles, CONNECT", ALL, lambda level: [
        bytes([0x10 | bit]) + connect("device-1", level)[1:] for bit in (1, 2, 4, 8)],
     "connect-again", 0x82),
    ("14: QoS 3", ALL, lambda level: [of(level, kind, text("t") + ident(1))
                                      for kind in (0x36, 0x37, 0x3e)], "mqtt-qos", 0x81),
    ("14: DUP with QoS 0", ALL, lambda level: [of(level, 0x38, text("t"))], "mqtt-qos", 0x81),
    ("14: packet id 0", ALL, lambda level: [
        of(level, 0x32, text("t") + ident(0)), of(level, 0x34, text("t") + ident(0)),
        packet(0x40, ident(0)), packet(0x50, ident(0)), packet(0x62, ident(0)),
        packet(0x70, ident(0)), *subscribes(text("t") + b"\0", number=0)(level),
        of(level, 0xa2, ident(0), b"", text("t"))], "mqtt-packet-id", 0x82),
    ("14: type 0", ALL, raw(b"\0\0"), "mqtt-type", 0x81),
    ("14: AUTH of a v3 client", OLD, raw(b"\xf0\0"), "mqtt-type", None),
    ("15: topic empty, 30 09 0000", OLD, raw(b"\x30\x09\0\0" + b"payload"), "mqtt-topic", None),
    ("15: topic empty, the same bytes", NEW, raw(b"\x30\x09\0\0" + b"payload"),
     "mqtt-property-length", 0x81),
    ("15: topic empty, without alias", NEW, of_5(0x30, text("")), "mqtt-topic", 0x90),
    ("15: topic longer than the packet, 30 07 FFFF", ALL, raw(b"\x30\7\xff\xffABCDE"),
     "mqtt-too-short", 0x81),
    ("15: topic with wildcard", ALL, publishes("a/+", "#", "+/a", "a/#"), "mqtt-topic", 0x90),
    ("15: topic with U+0000", ALL, publishes("a\0b"), "mqtt-utf8", 0x81),
    ("15: topic of 65,535 slashes", ALL, publishes(DEEP), "mqtt-levels", 0x97),
    ("16: SUBSCRIBE without options byte", ALL, subscribes(text("t")), "mqtt-too-short", 0x81),
    # MQTT 3.1 does not use them.
    ("16: reserved option bits", (4,), subscribes(*(text("t") + bytes([bit]) for bit in (
        4, 8, 16, 32, 64, 128))), "mqtt-options", None),
    ("16: reserved option bits", NEW, subscribes(*(text("t") + bytes([bit]) for bit in (
        0x40, 0x80, 0x30))), "mqtt-options", 0x82),
    ("16: QoS 3", ALL, subscribes(text("t") + b"\3"), "mqtt-qos", 0x81),
    ("16: 65535 slashes", ALL, lambda level: subscribes(text(DEEP) + b"\0")(level) +
     [of(level, 0xa2, ident(1), b"", text(DEEP))], "mqtt-levels", 0x97),
    ("16: $share/p/p with no-local", NEW, subscribes(text("$share/p/p") + b"\4"), "mqtt-options",
     0x82),
    ("16: $share without a filter", NEW, subscribes(text("$share/p/") + b"\0"), "mqtt-filter",
     0x8f),
    ("16: subscription id 0", NEW, of_5(0x82, ident(1), b"\x0b\0", text("t") + b"\0"),
     "mqtt-property-value", 0x82),
    ("16: subscription id twice", NEW, of_5(0x82, ident(1), b"\x0b\1\x0b\2", text("t") + b"\0"),
     "mqtt-property-twice", 0x82),
    ("16: subscription id of five bytes", NEW,
     of_5(0x82, ident(1), b"\x0b\x80\x80\x80\x80\1", text("t") + b"\0"),
     "mqtt-property-value", 0x82),
    ("16: filter a#, and an empty one", ALL, subscribes(text("a#") + b"\0", text("") + b"\0"),
     "mqtt-filter", 0x8f),
    ("16: SUBSCRIBE with none", ALL, subscribes(b""), "mqtt-too-short", 0x81),
    ("16: UNSUBSCRIBE with none", ALL, lambda level: [of(level, 0xa2, ident(1))],
     "mqtt-too-short", 0x81),
    ("17: alias 0", NEW, of_5(0x30, text("t"), b"\x23\0\0"), "mqtt-property-value", 0x82),
    ("17: alias twice", NEW, of_5(0x30, text("t"), b"\x23\0\1\x23\0\1"),
     "mqtt-property-twice", 0x82),
    ("length that is not minimal", ALL, raw(b"\xc0\x80\0"), "mqtt-length-encoding", 0x81),
    ("PINGREQ with a body", ALL, raw(b"\xc0\1\0"), "mqtt-too-long", 0x81),
    ("DISCONNECT with a body", OLD, raw(b"\xe0\1\0"), "mqtt-too-long", None),
    ("codes that are none", NEW, lambda level: [
        packet(0x40, ident(1) + b"\5"), b"\xf0\0", packet(0xe0, b"\x8b")], "mqtt-reason-code",
     0x82),
)
