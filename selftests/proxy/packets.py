#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""
Packets behind CONNECT: what is malformed, out of order or the other side's never arrives, on plain
and on TLS listeners, from clients and from brokers. ATTACKS 7, 8, 14-16.
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


# What is wrong, the packet, its reason; DISCONNECT's code for a client of MQTT 5.
EITHER = [
    ("packet of a server, CVE-2021-28166", b"\x20\x02\0\0", "mqtt-direction", 0x82),
    ("SUBACK", packet(0x90, b"\0\1\0"), "mqtt-direction", 0x82),
    ("UNSUBACK", packet(0xb0, b"\0\1"), "mqtt-direction", 0x82),
    ("PINGRESP", PINGRESP, "mqtt-direction", 0x82),
    ("type 0", b"\0\0", "mqtt-type", 0x81),
    ("PUBACK with flags", packet(0x41, ident(1)), "mqtt-flags", 0x81),
    ("PUBREC with flags", packet(0x52, ident(1)), "mqtt-flags", 0x81),
    ("PUBREL without its flag", packet(0x60, ident(1)), "mqtt-flags", 0x81),
    ("PUBCOMP with flags", packet(0x78, ident(1)), "mqtt-flags", 0x81),
    ("SUBSCRIBE without its flag", packet(0x80, ident(1) + text("t") + b"\0"), "mqtt-flags", 0x81),
    ("UNSUBSCRIBE without its flag", packet(0xa0, ident(1) + text("t")), "mqtt-flags", 0x81),
    ("PINGREQ with flags", b"\xc1\0", "mqtt-flags", 0x81),
    ("PINGREQ with a body", b"\xc0\1\0", "mqtt-too-long", 0x81),
    ("DISCONNECT with flags", b"\xe1\0", "mqtt-flags", 0x81),
    ("QoS 3", packet(0x36, text("t") + ident(1)), "mqtt-qos", 0x81),
    ("DUP with QoS 0", packet(0x38, text("t")), "mqtt-qos", 0x81),
    ("topic longer than the packet", b"\x30\x07\xff\xffABCDE", "mqtt-too-short", 0x81),
    ("topic with +", packet(0x30, text("a/+")), "mqtt-topic", 0x90),
    ("topic with #", packet(0x30, text("#")), "mqtt-topic", 0x90),
    ("topic with U+0000", packet(0x30, text("a\0b")), "mqtt-utf8", 0x81),
    ("topic with a surrogate", packet(0x30, text(b"\xed\xa0\x80")), "mqtt-utf8", 0x81),
    ("topic with an overlong form", packet(0x30, text(b"\xc0\xaf")), "mqtt-utf8", 0x81),
    ("topic with U+0001", packet(0x30, text(b"\1")), "mqtt-utf8", 0x81),
    ("65,535 slashes", packet(0x30, text("/" * 65535)), "mqtt-levels", 0x97),
    ("length of five bytes", b"\x30\x80\x80\x80\x80\1", "mqtt-length-encoding", 0x81),
    ("length that is not minimal", b"\xc0\x80\0", "mqtt-length-encoding", 0x81),
    ("PUBACK with id 0", packet(0x40, ident(0)), "mqtt-packet-id", 0x82),
]
V3 = [
    ("empty topic, CVE-2021-34432", b"\x30\x09\0\0" + b"payload", "mqtt-topic", 0),
    ("PUBLISH with id 0", packet(0x32, text("t") + ident(0)), "mqtt-packet-id", 0),
    ("AUTH", b"\xf0\0", "mqtt-type", 0),
    ("SUBSCRIBE without options", packet(0x82, ident(1) + text("t")), "mqtt-too-short", 0),
    ("SUBSCRIBE with reserved options", packet(0x82, ident(1) + text("t") + b"\4"),
     "mqtt-options", 0),
    ("SUBSCRIBE with none", packet(0x82, ident(1)), "mqtt-too-short", 0),
    ("SUBSCRIBE with id 0", packet(0x82, ident(0) + text("t") + b"\0"), "mqtt-packet-id", 0),
    ("filter with 65,535 slashes, CVE-2019-11779",
     packet(0x82, ident(1) + text("/" * 65535) + b"\0"), "mqtt-levels", 0),
    ("filter a#", packet(0x82, ident(1) + text("a#") + b"\0"), "mqtt-filter", 0),
    ("empty filter", packet(0x82, ident(1) + text("") + b"\0"), "mqtt-filter", 0),
    ("UNSUBSCRIBE with none", packet(0xa2, ident(1)), "mqtt-too-short", 0),
    ("DISCONNECT with a body", b"\xe0\1\0", "mqtt-too-long", 0),
]


def of_5(kind, before, properties, behind=b""):
    return packet(kind, before + varint(len(properties)) + properties + behind)


V5 = [
    ("PUBLISH with id 0", of_5(0x32, text("t") + ident(0), b""), "mqtt-packet-id", 0x82),
    ("empty topic without alias", of_5(0x30, text(""), b""), "mqtt-topic", 0x90),
    ("alias 0", of_5(0x30, text("t"), b"\x23\0\0"), "mqtt-property-value", 0x82),
    ("alias twice", of_5(0x30, text("t"), b"\x23\0\1\x23\0\1"), "mqtt-property-twice", 0x82),
    ("subscription id from a client", of_5(0x30, text("t"), b"\x0b\1"), "mqtt-property-id", 0x81),
    ("unknown property", of_5(0x30, text("t"), b"\x7f\0"), "mqtt-property-id", 0x81),
    ("property length beyond the packet", packet(0x30, text("t") + b"\x09"),
     "mqtt-property-length", 0x81),
    ("$share with no local", of_5(0x82, ident(1), b"", text("$share/p/p") + b"\4"),
     "mqtt-options", 0x82),
    ("$share without a filter", of_5(0x82, ident(1), b"", text("$share/p/") + b"\0"),
     "mqtt-filter", 0x8f),
    ("reserved options", of_5(0x82, ident(1), b"", text("t") + b"\x40"), "mqtt-options", 0x82),
    ("SUBSCRIBE without options", of_5(0x82, ident(1), b"", text("t")), "mqtt-too-short", 0x81),
    ("subscription id 0", of_5(0x82, ident(1), b"\x0b\0", text("t") + b"\0"),
     "mqtt-property-value", 0x82),
    ("subscription id twice", of_5(0x82, ident(1), b"\x0b\1\x0b\2", text("t") + b"\0"),
     "mqtt-property-twice", 0x82),
    ("subscription id of five bytes",
     of_5(0x82, ident(1), b"\x0b\x80\x80\x80\x80\1", text("t") + b"\0"),
     "mqtt-property-value", 0x82),
    ("UNSUBSCRIBE with none", of_5(0xa2, ident(1), b""), "mqtt-too-short", 0x81),
    ("PUBACK with an unknown code", packet(0x40, ident(1) + b"\x05"), "mqtt-reason-code", 0x82),
    ("AUTH of length 0", b"\xf0\0", "mqtt-reason-code", 0x82),
    ("DISCONNECT with a server's code", packet(0xe0, b"\x8b"), "mqtt-reason-code", 0x82),
]


def farewell(level, code):
    return bytes([0xe0, 1, code]) if level == 5 and code else b""


def refuse_each(level, cases, address, context):
    """Each behind a good packet, in one write: that one arrives, and nothing of the bad one."""
    with Listening(level) as broker, Rig(*ONE, pki=pki) as rig:
        for what, data, reason, code in cases:
            since = rig.mark()
            with session("device-1", address, context, level) as client:
                client.sendall(PINGREQ + data + PINGREQ)
                equal(read_all(client), farewell(level, code), what)
            equal(rig.refused(since)["refused"], reason, what)
            poll("session is given back", lambda: rig.open() == 0)
        for one in broker.threads:
            one.join(10)
        for (what, *_), heard in zip(cases, broker.heard):
            equal(bytes(heard), PINGREQ, what)
        equal(len(broker.heard), len(cases), "sessions")


for _level, _cases in ((3, EITHER[:6]), (4, EITHER + V3), (5, EITHER[:17] + V5)):
    for _address, _context in DOORS:
        test(f"malformed packets of a client, level {_level}, "
             f"{'TLS' if _context else 'plain'} (ATTACKS 8, 14-16)")(
                 lambda level=_level, cases=_cases, address=_address, context=_context:
                 refuse_each(level, cases, address, context))


@test("second CONNECT ends the session and never arrives, behind the first and later (ATTACKS 7)")
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


@test("a head that is never whole costs 128 kB and no more (ATTACKS 7)")
def endless_head():
    subscribe_much = b"\x82" + varint(100 << 20) + ident(1)
    filters = text("a") + b"\0"
    with Listening(4), Rig(*ONE, asan=False, pki=pki) as rig:
        before = rig.status("VmRSS")
        for _ in range(5):
            with session("d") as client:
                try:
                    client.sendall(subscribe_much)
                    for _ in range(1000):
                        client.sendall(filters * 1000)
                    raise AssertionError("all of it was taken")
                except ConnectionError:
                    pass
        equal(rig.refusals(), ["mqtt-too-long"] * 5)
        if rig.status("VmRSS") - before > 2048:
            raise AssertionError(f"{before} kB became {rig.status('VmRSS')} kB")


main()
