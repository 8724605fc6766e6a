#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""
Packets behind CONNECT: what is malformed, out of order or the other side's never arrives, on plain
and on TLS listeners, from clients and from brokers. ATTACKS 1, 7-9, 14-17.
"""
from later_rows import *

pki = Pki()
ONE = ("-b", "127.0.0.1:1883", "-p", "127.0.0.1:1884", "-t", "127.0.0.1:8883")
DOORS = ((PLAIN, None), (TLS, pki.context(pki.device("device-1"))))
ACCEPT = {3: ACCEPTED, 4: ACCEPTED, 5: b"\x20\x03\0\0\0"}


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


# In the words of the list, and the versions that have them.
EXAMPLES = (
    ("1: length of five bytes", ALL), ("8: strings", ALL), ("8: strings, UNSUBSCRIBE", ALL),
    *((f"8: strings in properties, {name}", NEW) for name in (
        "PUBLISH", "SUBSCRIBE", "UNSUBSCRIBE", "PUBACK", "PUBREC", "PUBREL", "PUBCOMP",
        "DISCONNECT", "AUTH")),
    ("14: server-only packets", ALL),
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
