#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""
Packets behind CONNECT: what is malformed, out of order or the other side's never arrives, on plain
and on TLS listeners, from clients and from brokers. ATTACKS 1, 7-9, 14-17.
"""
from proxyrig import *

pki = Pki()
ONE = ("-b", "127.0.0.1:1883", "-p", "127.0.0.1:1884", "-t", "127.0.0.1:8883")
DOORS = ((PLAIN, None), (TLS, pki.context(pki.device("device-1"))))
ACCEPT = {3: ACCEPTED, 4: ACCEPTED, 5: b"\x20\x03\0\0\0"}


def packet(kind, body):
    return bytes([kind]) + varint(len(body)) + body


def ident(number):
    return struct.pack(">H", number)


class Listening(FakeBroker):
    """Accepts clients of that level, says @words to each, and keeps what each says."""

    def __init__(self, level, words=b"", resumed=False):
        self.words, self.heard = words, []
        self.accept = ACCEPT[level][:2] + bytes([resumed]) + ACCEPT[level][3:]
        super().__init__(self.talk)

    def talk(self, sock):
        try:
            read_packet(sock)
        except EOFError:    # refused meanwhile
            return
        heard = bytearray()
        self.heard.append(heard)
        sock.sendall(self.accept + self.words)
        try:
            while part := sock.recv(65536):
                heard += part
        except ConnectionError:
            pass


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


ALL, OLD, NEW = (3, 4, 5), (3, 4), (5,)
DEEP = "/" * 65535
# The example, of ATTACKS where it has a number; levels; packets; the reason; a DISCONNECT's code.
ROWS = (
    ("1: length of five bytes", ALL, raw(b"\x30\x80\x80\x80\x80\1"), "mqtt-length-encoding",
     0x81),
    ("8: strings", ALL, lambda level: publishes(b"\xed\xa0\x80", b"\xc0\xaf", b"\1")(level) +
     subscribes(text(b"\xed\xa0\x80") + b"\0", text(b"\xc0\xaf") + b"\0", text(b"a\0") + b"\0",
                text(b"\1") + b"\0")(level), "mqtt-utf8", 0x81),
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
# In the words of the list, and the versions that have them.
EXAMPLES = (
    ("1: length of five bytes", ALL), ("8: strings", ALL), ("14: server-only packets", ALL),
    ("14: reserved flag nibbles", ALL), ("14: QoS 3", ALL), ("14: DUP with QoS 0", ALL),
    ("14: packet id 0", ALL), ("15: topic empty", ALL), ("15: topic longer than the packet", ALL),
    ("15: topic with wildcard", ALL), ("15: topic with U+0000", ALL),
    ("16: SUBSCRIBE without options byte", ALL), ("16: reserved option bits", (4, 5)),
    ("16: 65535 slashes", ALL), ("16: $share/p/p with no-local", NEW),
    ("16: subscription id 0", NEW), ("16: subscription id twice", NEW),
    ("16: subscription id of five bytes", NEW), ("16: UNSUBSCRIBE with none", ALL),
)


def farewell(level, code):
    return bytes([0xe0, 1, code]) if level == 5 and code else b""


def refuse_each(level, rows, address, context):
    """Each behind a good packet, in one write: that one arrives, and nothing of the bad one."""
    cases = [(what, data, *rest) for what, _, packets, *rest in rows for data in packets(level)]
    with Listening(level) as broker, Rig(*ONE, pki=pki) as rig:
        for what, data, reason, code in cases:
            what += f": {data[:20].hex()}"
            since = rig.mark()
            with session("device-1", address, context, level) as client:
                client.sendall(PINGREQ + data + PINGREQ)
                equal(read_all(client), farewell(level, code), what)
            equal(rig.refused(since)["refused"], reason, what)
        equal(len(rig.refusals()), len(cases), "one refusal each")
        poll("sessions are given back", lambda: rig.open() == 0)
        for one in broker.threads:
            one.join(10)
        equal([bytes(heard) for heard in broker.heard], [PINGREQ] * len(cases), "broker")


def number(row):
    return row[0].partition(":")[0] if row[0][0].isdigit() else ""


for _number in dict.fromkeys(map(number, ROWS)):
    for _level in ALL:
        _rows = [row for row in ROWS if number(row) == _number and _level in row[1]]
        for _address, _context in DOORS if _rows else ():
            test((f"ATTACKS {_number}" if _number else "others") + ": malformed packets of a "
                 f"client, level {_level}, {'TLS' if _context else 'plain'}")(
                     lambda level=_level, rows=_rows, address=_address, context=_context:
                     refuse_each(level, rows, address, context))


@test("ATTACKS 1, 8, 14-16: every example has a row in its versions")
def all_there():
    equal([(example, level) for example, levels in EXAMPLES for level in levels
           if not any(row[0].startswith(example) and level in row[1] for row in ROWS)], [],
          "without a row")


@test("ATTACKS 7: second CONNECT ends the session and never arrives, behind the first and later")
def second_connect():
    for level, word in ((3, b""), (4, b""), (5, farewell(5, 0x82))):
        with Listening(level) as broker, Rig(*ONE, pki=pki) as rig:
            with session("d", level=level) as client:
                client.sendall(connect("d", level))
                equal(read_all(client), word)
            equal(rig.refused()["refused"], "connect-again")
            with dial() as client:
                client.sendall(connect("d", level) + connect("d", level))
                equal(read_all(client), b"\x20\x03\0\x82\0" if level == 5 else b"")
            equal(rig.refusals(), ["connect-again"] * 2)
            equal([bytes(heard) for heard in broker.heard], [b""], "what the broker heard")


@test("what a client sends before CONNACK is judged, and answered by a CONNACK of ours")
def early():
    for level, word in ((4, b""), (5, b"\x20\x03\0\x90\0")):
        heard = []

        def serve(sock):
            equal(read_packet(sock)[0], 0x10)
            heard.append(read_all(sock))

        with FakeBroker(serve), Rig(*ONE, pki=pki) as rig:
            with dial() as client:
                client.sendall(connect("d", level) + PINGREQ)
                rig.wait(lambda line: "ready" in line)
                poll("it has been forwarded",
                     lambda: rig.counts()["brokers"][0]["connections"] == 1)
                client.sendall(publish("a/#", b"", level))
                equal(read_all(client), word)
            equal(rig.refused()["refused"], "mqtt-topic")
            poll("the broker sees the end", lambda: heard == [PINGREQ])


@test("nothing may come behind a DISCONNECT")
def behind_disconnect():
    for level in (4, 5):
        with Listening(level) as broker, Rig(*ONE, pki=pki) as rig:
            with session("d", level=level) as client:
                client.sendall(DISCONNECT + publish("t", b"late", level))
                equal(read_all(client), farewell(level, 0x82))
            equal(rig.refused()["refused"], "mqtt-order")
            poll("the DISCONNECT arrives", lambda: broker.heard[0] == DISCONNECT)


BROKERS = [
    ("a client's packet", PINGREQ), ("CONNACK", ACCEPTED), ("type 0", b"\0\0"),
    ("a length of five bytes", b"\x30\x80\x80\x80\x80\1"),
    ("a topic with a wildcard", packet(0x30, text("a/#"))),
    ("a topic with U+0000", packet(0x30, text("a\0"))),
    ("QoS 3", packet(0x36, text("t") + b"\0\1")),
    ("PUBREL without its flag", packet(0x60, ident(1))),
]


@test("a malformed packet of the broker ends the session with a reason of its own, and never "
      "reaches the client")
def broker_malformed():
    good = {4: publish("t", b"good"), 5: publish("t", b"good", 5)}
    for level in (4, 5):
        for what, data in BROKERS + ([("DISCONNECT", DISCONNECT)] if level == 4 else []):
            with Listening(level, good[level] + data + good[level]), Rig(*ONE, pki=pki) as rig:
                with session("d", level=level) as client:
                    equal(read_all(client), good[level] + farewell(level, 0x80), what)
                equal(rig.refused()["refused"], "mqtt-broker", what)


def stream(level):
    """Packets of all kinds that a client sends."""
    tail = b"\0" if level == 5 else b""
    sub = packet(0x82, ident(7) + tail + text("a/+") + b"\1" + text("b/#") + b"\0")
    out = PINGREQ + publish("a/b", b"x" * 70, level) + sub + publish("\u00fc/\u20ac", b"", level)
    out += packet(0x32, text("q/1") + ident(2) + tail + b"one") + packet(0x40, ident(9))
    out += packet(0x34, text("q/2") + ident(3) + tail + b"two" * 60) + packet(0x62, ident(3))
    return out + packet(0xa2, ident(8) + tail + text("a/+")) + publish("end", b"z" * 300, level)


@test("however the bytes are cut, all arrive, each at once when it has been judged")
def cuts():
    for address, context in DOORS:
        for level in (3, 4, 5):
            whole = stream(level)
            with Listening(level, resumed=level > 3) as broker, Rig(*ONE, pki=pki) as rig:
                for number, size in enumerate((1, 2, 3, 5, 7, 64, 1000)):
                    with dial(address, context) as client:
                        client.sendall(connect("device-1", level, clean=False))
                        equal(read_packet(client)[0], 0x20, "CONNACK")
                        for at in range(0, len(whole), size):
                            client.sendall(whole[at:at + size])
                        poll("all have arrived",
                             lambda n=number: len(broker.heard[n]) == len(whole))
                    equal(bytes(broker.heard[number]), whole, f"{size} bytes at a time")
                equal(rig.refusals(), [])


@test("a payload streams through; of a head that is not whole nothing does")
def cut_through():
    for level in (4, 5):
        big = publish("some/topic", noise(1 << 20), level)
        head = 1 + 3 + 2 + 10 + (level == 5)
        with Listening(level) as broker, Rig(*ONE, pki=pki):
            with session("d", level=level) as client:
                heard = broker.heard[0]
                client.sendall(PINGREQ + big[:head - 1])
                poll("what is before it has arrived", lambda: heard == PINGREQ)
                client.sendall(big[head - 1:head + 10])
                poll("head and what there is", lambda: heard == PINGREQ + big[:head + 10])
                client.sendall(big[head + 10:])
                poll("all of it", lambda: heard == PINGREQ + big, 20)


@test("ATTACKS 7: a head that is never whole costs 128 kB and no more")
def endless_head():
    subscribe_much = b"\x82" + varint(100 << 20) + ident(1)
    filters = text("a") + b"\0"
    with Listening(4), Rig(*ONE, asan=False, pki=pki) as rig:
        before = rig.status("VmRSS")
        for _ in range(5):
            with session("d") as client:
                try:
                    client.sendall(subscribe_much)
                    for _ in range(250):
                        client.sendall(filters * 100000)
                    raise AssertionError("all of it was taken")
                except ConnectionError:
                    pass
        equal(rig.refusals(), ["mqtt-too-long"] * 5)
        if rig.status("VmRSS") - before > 2048:
            raise AssertionError(f"{before} kB became {rig.status('VmRSS')} kB")


main()
