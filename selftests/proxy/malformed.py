#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""
First packets that must not pass, by number: the examples of ATTACKS 1-10 and 12, in every version
that has them, on plain and on TLS listeners; and the legal ones beside them, which arrive as sent.
"""
from numbered import *

pki = Pki()
DOORS = ((PLAIN, None), (TLS, pki.context(pki.device("device-1"))))
BOTH = ("-b", "127.0.0.1:1883", "-r", "any", "-p", "127.0.0.1:1884", "-t", "127.0.0.1:8883")
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


def answer(level, code):
    if isinstance(code, dict):
        return b"\x20\x02\0" + bytes([code[level]])
    return b"\x20\x03\0" + bytes([code, 0]) if level == 5 and code else b""


def refuse(levels, packets, reason, code):
    cases = [(data, answer(level, code), reason) for level in levels for data in packets(level)]
    for door in DOORS:
        with Rig(*BOTH, pki=pki) as rig:
            refuse_each(rig, cases, *door)


for _what, *_rest in CASES:
    test(f"ATTACKS {_what}: {_rest[2]}")(lambda rest=_rest: refuse(*rest))


@test("ATTACKS 7: any other packet before CONNECT, each type, with a declared 100 MB body: no "
      "memory")
def pours():
    with Rig(*BOTH[:2], "-p", "127.0.0.1:1884", asan=False) as rig:
        before = rig.status("VmRSS")
        kinds = (*range(0, 0x10), *range(0x20, 0x100, 0x10), 0x62, 0x82, 0xa2)
        for kind in kinds:
            with dial() as client:
                try:
                    client.sendall(bytes([kind]) + varint(100 << 20))
                    for _ in range(100):
                        client.sendall(bytes(1 << 20))
                    raise AssertionError(f"100 MB were taken behind {kind:02x}")
                except ConnectionError:
                    pass
        equal(rig.refusals(), ["mqtt-not-connect"] * len(kinds))
        equal(rig.upstream(), 0, "connections to the broker")
        if rig.status("VmRSS") - before > 4096:
            raise AssertionError(f"{before} kB became {rig.status('VmRSS')} kB")


@test("ATTACKS 7: a CONNECT that is refused, and 100 kB behind it: the answer is read all the same")
def pours_on():
    with Rig(*BOTH, pki=pki) as rig:
        refuse_each(rig, [(hello(5, 3, ID) + bytes(100000), answer(5, 0x81), "mqtt-connect-flags")])


def arrives(packets, *options):
    """Each reaches the broker as it came."""
    heard = []

    def broker(sock):
        kind, body = read_packet(sock)
        heard.append(bytes([kind]) + varint(len(body)) + body)
        sock.sendall(b"\x20\x03\0\0\0" if body[6] & 0x7f == 5 else ACCEPTED)
        sock.recv(1)

    with FakeBroker(broker), Rig("-b", "127.0.0.1:1883", *options, "-p", "127.0.0.1:1884") as rig:
        for data in packets:
            with dial() as client:
                client.sendall(data)
                kind, body = read_packet(client)
                equal((kind, body[1]), (0x20, 0), "CONNACK")
        equal(heard, list(packets))
        equal(rig.refusals(), [])


@test("ATTACKS 4: 42 is legal in v5")
def password_alone():
    arrives([hello(5, 0x42, ID, text("secret"))], "-a")


@test("ATTACKS 5: bridge levels 83/84/85 are legal")
def bridges():
    arrives([hello(level, 2, ID) for level in (0x83, 0x84, 0x85)])


def processor_time(rig):
    """Nanoseconds, of all its threads."""
    total = 0
    for task in os.listdir(f"/proc/{rig.process.pid}/task"):
        with open(f"/proc/{rig.process.pid}/task/{task}/schedstat") as stat:
            total += int(stat.read().split()[0])
    return total


@test("ATTACKS 9: 5,000 user properties: under 20 times the CPU of a plain CONNECT")
def many_properties():
    took = []
    with Mosquitto(), Rig("-L", "user_properties=5000", *BOTH[:2], "-p", "127.0.0.1:1884",
                          asan=False) as rig:
        for count in (0, 5000):
            before = processor_time(rig)
            for _ in range(50):
                with dial() as client:
                    client.sendall(hello(5, 2, ID, properties=b"\x26\0\1a\0\1b" * count))
                    equal(read_packet(client)[1][1], 0, "CONNACK")
            poll("sessions are given back", lambda: rig.open() == 0)
            took.append(processor_time(rig) - before)
    if took[1] > 20 * took[0]:
        raise AssertionError(f"{took[1] / took[0]:.1f} times")


@test("ATTACKS 12: a TLS ClientHello on the plain port; HTTP, too")
def other_protocols():
    with Rig(*BOTH, pki=pki) as rig:
        refuse_each(rig, [(client_hello(pki.context()), b"", "mqtt-flags"),
                          (b"GET / HTTP/1.1\r\n\r\n", b"", "mqtt-not-connect")])


@test("ATTACKS 12: HTTP on the TLS port, a plain CONNECT on the TLS port")
def not_tls():
    with Rig(*BOTH, pki=pki) as rig:
        refuse_each(rig, [(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"", "tls-not-handshake")] +
                    [(connect("d", level), b"", "tls-not-handshake") for level in ALL], TLS)


every_example((
    "1: five-byte length", "2: first byte 00/01/02/04/08", "2: F0 from a v3 client", "2: 1F",
    "3: 10 00", "3: 10 02 0004", "3: 10 06 0004 4D515454", "3: a trailing byte",
    "3: a body longer", "4: connect flags 01", "4: connect flags 0A", "4: connect flags 12",
    "4: connect flags 1E", "4: 82 without username", "4: 42 in v3", "4: 42 is legal in v5",
    "5: MQTU, MQTTT, empty", "5: MQIsdp with level 4", "5: level 6", "5: bridge levels 83/84/85",
    "6: empty client id", "7: any other packet before CONNECT", "8: strings",
    "9: property length of continuation bytes", "9: receive maximum 0, packet size 0",
    "9: duplicate", "9: foreign", "9: unknown ids 00, 7F, FF7F", "9: bad will properties",
    "9: 5,000 user properties", "10: will to $CONTROL/#, $SYS/#",
    "10: will topic with wildcard or empty", "12: a TLS ClientHello on the plain port",
    "12: HTTP on the TLS port, a plain CONNECT on the TLS port"))
main()
