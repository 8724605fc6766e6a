#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""
The list of attacks with mosquitto behind, in clear text and TLS: who is subscribed to everything
there hears what was good before, and nothing of what was not. ATTACKS 1-12, 14-19, 26.
"""
import first_rows
import later_rows
from numbered import *

pki = Pki()
DEVICE = pki.context(pki.device("device-1"))
DOORS = ((PLAIN, None), (TLS, DEVICE))
LISTEN = ("-r", "any", "-b", "127.0.0.1:1883", "-p", "127.0.0.1:1884", "-t", "127.0.0.1:8883")
PROXY = "127.0.0.2"


class Watch(Mosquitto):
    """A mosquitto, and who hears everything that is published there."""

    def __enter__(self):
        self.ear = session("ear", BROKER)
        self.ear.sendall(subscribe("#"))
        equal(read_packet(self.ear)[0], 0x90, "SUBACK")
        return self

    def heard(self):
        """Topics since the last question. What the gateway has closed has come or never will."""
        with session("last", BROKER) as last:
            last.sendall(publish("last", b""))
            last.sendall(DISCONNECT)
        topics = []
        while "last" not in topics:
            body = read_packet(self.ear)[1]
            topics.append(body[2:2 + struct.unpack(">H", body[:2])[0]].decode())
        return topics[:-1]

    def stop(self, hard=False):
        self.ear.close()
        super().stop(hard)


def counted(rig, since, reason, what=""):
    equal(rig.refused(since)["refused"], reason, what)


def first(cases, door, context):
    """What is no good CONNECT, and a message behind it."""
    with Watch() as broker, Rig(*LISTEN, pki=pki) as rig:
        for what, levels, packets, reason, _ in cases:
            for level in levels:
                for data in packets(level):
                    since = rig.mark()
                    with dial(door, context) as client:
                        client.sendall(data)
                        client.sendall(publish("stolen", b"", level))
                        try:
                            read_all(client)
                        except ConnectionError:     # closed with bytes unread
                            pass
                    counted(rig, since, reason, what)
        equal(rig.upstream(), 0, "connections to the broker")
        equal(broker.heard(), [], "what mosquitto hears")


def later(rows, door, context):
    """A good message, the packet, and one that comes too late."""
    with Watch() as broker, Rig(*LISTEN, pki=pki) as rig:
        wanted = []
        for what, levels, packets, reason, _ in rows:
            for level in levels:
                for data in packets(level):
                    since = rig.mark()
                    wanted.append(f"good/{len(wanted)}")
                    with session("device-1", door, context, level) as client:
                        client.sendall(publish(wanted[-1], b"", level) + data +
                                       publish("stolen", b"", level))
                        read_all(client)
                    counted(rig, since, reason, what)
        equal(broker.heard(), wanted, "what mosquitto hears")


def numbers(rows):
    found = {}
    for row in rows:
        number = row[0].partition(":")[0] if row[0][0].isdigit() else ""
        found.setdefault(number, []).append(row)
    return found.items()


for _door, _context in DOORS:
    _where = "TLS" if _context else "clear text"
    for _number, _rows in numbers(first_rows.CASES):
        test(f"ATTACKS {_number}: CONNECTs, {_where}")(
            lambda rows=_rows, door=_door, context=_context: first(rows, door, context))
    for _number, _rows in numbers(later_rows.ROWS):
        test((f"ATTACKS {_number}" if _number else "others") + f": behind CONNECT, {_where}")(
            lambda rows=_rows, door=_door, context=_context: later(rows, door, context))


def each_door(name):
    """A point for each door: the function gets a mosquitto, address and TLS context."""
    def add(function):
        for door, context in DOORS:
            @test(f"ATTACKS {name}, {'TLS' if context else 'clear text'}")
            def point(door=door, context=context):
                with Watch() as broker:
                    function(broker, door, context)
        return function
    return add


@each_door("7: second CONNECT, and others before the first")
def order(broker, door, context):
    with Rig(*LISTEN, pki=pki) as rig:
        for level in (3, 4, 5):
            with session("device-1", door, context, level) as client:
                client.sendall(publish("good", b"", level) + connect("device-1", level) +
                               publish("stolen", b"", level))
                read_all(client)
            with dial(door, context) as client:
                client.sendall(publish("stolen", b"", level) + connect("device-1", level))
                try:
                    read_all(client)
                except ConnectionError:
                    pass
        equal(broker.heard(), ["good"] * 3)
        equal(rig.refusals(), ["connect-again", "mqtt-not-connect"] * 3)


OWN = ("-G", "allow,connect+publish+subscribe+receive+will+retain,2,own/${client_id}/#")


@each_door("10: wills to topics of others, and names that stand for more than one topic")
def wills(broker, door, context):
    with Rig(*OWN, *LISTEN, pki=pki) as rig:
        for topic in ("$CONTROL/dynamic-security/v1", "$SYS/broker", "own/device-2/w"):
            with dial(door, context) as client:
                client.sendall(hello(4, 6, text("device-1"), will(4, topic)))
                equal(read_all(client), b"\x20\2\0\5")
        equal(rig.refusals(), ["policy-will"] * 3)
        for name in ("#", "+", "a/b"):
            with session(name, door, context) as client:
                client.sendall(publish("own/a/b/x", b"") + PINGREQ)
                equal(read_packet(client)[0], 0xd0)
        with dial(door, context) as client:
            client.sendall(hello(4, 6, text("device-1"), will(4, "own/device-1/w")))
            equal(read_packet(client), (0x20, b"\0\0"))
        poll("sessions are given back", lambda: rig.open() == 0)
        poll("the will of who has gone", lambda: broker.heard() == ["own/device-1/w"])


@each_door("11: keep alive 0 or 65535 is capped: who is silent ends, and his will is told")
def silent(broker, door, context):
    with Rig("-L", "keep_alive=1", *LISTEN, pki=pki) as rig:
        clients = []
        for keep_alive in (0, 65535):
            clients.append(dial(door, context))
            clients[-1].sendall(connect(f"d{keep_alive}", keep_alive=keep_alive, will="gone"))
            equal(read_packet(clients[-1]), (0x20, b"\0\0"))
        for client in clients:
            equal(read_all(client), b"")
            client.close()
        equal(rig.refusals(), ["keep-alive"] * 2)
        told = []
        poll("both wills", lambda: told.extend(broker.heard()) or told == ["will"] * 2)


@test("ATTACKS 12: another protocol: ClientHello and HTTP in clear text, HTTP and CONNECT for TLS")
def others():
    http = b"GET / HTTP/1.1\r\n\r\n"
    with Watch() as broker, Rig(*LISTEN, pki=pki) as rig:
        for door, data in ((PLAIN, client_hello(pki.context())), (PLAIN, http), (TLS, http),
                           (TLS, connect("device-1") + publish("stolen", b""))):
            with dial(door) as client:
                client.sendall(data)
                try:
                    read_all(client)
                except ConnectionError:
                    pass
        equal(rig.refusals(), ["mqtt-flags", "mqtt-not-connect", "tls-not-handshake",
                               "tls-not-handshake"])
        equal((rig.upstream(), broker.heard()), (0, []))


@each_door("17: an alias that stands for a topic of another's, or for none")
def aliases(broker, door, context):
    def one(topic, number):
        return packet(0x30, text(topic) + b"\3\x23" + ident(number))

    with Rig(*OWN, *LISTEN, pki=pki) as rig:
        with session("device-1", door, context, 5) as client:
            client.sendall(one("own/device-1/a", 1) + one("", 1) + one("own/device-2/a", 1) +
                           one("", 1) + one("", 2) + one("own/device-1/late", 1))
            equal(read_all(client), b"\xe0\1\x94")
        equal(rig.refusals(), ["policy-publish", "mqtt-alias"])
        equal(rig.counts()["listeners"][bool(context)]["messages"], {"policy-publish": 2})
        equal(broker.heard(), ["own/device-1/a"] * 2)


@each_door("18: QoS 2 never completed, more than may be in flight; PUBREC for a QoS 1 flow")
def flows(broker, door, context):
    with Rig("-L", "inflight=10", *LISTEN, pki=pki) as rig:
        with session("device-1", door, context) as client:
            for number in range(1, 12):
                client.sendall(packet(0x34, text("never") + ident(number)))
            read_all(client)
        equal(rig.refusals(), ["limit-inflight"])
        with session("device-1", door, context) as client:
            client.sendall(packet(0x82, ident(1) + text("to/1") + b"\1"))
            equal(read_packet(client), (0x90, b"\0\1\1"))
            with session("other", BROKER) as other:
                other.sendall(packet(0x32, text("to/1") + ident(1)))
                kind, body = read_packet(client)
                equal((kind, body[2:6]), (0x32, b"to/1"))
                client.sendall(packet(0x50, body[6:8]) + publish("stolen", b""))
                read_all(client)
        equal(rig.refusals(), ["limit-inflight", "mqtt-flow"])
        equal(broker.heard(), ["to/1"])


def change(rig, *options):
    equal(rig.ask(" ".join(("change", "-d", pki.dir, *options, *LISTEN)))["error"], 0, "change")


@each_door("19: a permission withdrawn: subscription, retained message and session end with it")
def withdrawn(broker, door, context):
    less = ("-G", "allow,connect+publish+subscribe+receive,2,own/${client_id}/a")
    with Rig(*OWN, *LISTEN, pki=pki) as rig:
        with session("other", BROKER) as other, session("device-1", door, context) as client:
            client.sendall(subscribe("own/device-1/#"))
            equal(read_packet(client), (0x90, b"\0\1\0"))
            change(rig, *less)
            for topic in ("b", "a"):
                other.sendall(b"\x31" + publish(f"own/device-1/{topic}", b"kept")[1:])
            equal(read_packet(client), (0x30, text("own/device-1/a") + b"kept"))
            equal(broker.heard(), ["own/device-1/b", "own/device-1/a"])
            client.sendall(publish("own/device-1/b", b"") + subscribe("own/device-1/b"))
            equal(read_packet(client), (0x90, b"\0\1\x80"), "a retained message is there")
            client.sendall(publish("own/device-1/a", b""))
            equal(read_packet(client), (0x30, text("own/device-1/a")), "what is allowed")
            equal(broker.heard(), ["own/device-1/a"])
            equal(rig.counts()["listeners"][bool(context)]["messages"],
                  {"policy-receive": 1, "policy-publish": 1, "policy-subscribe": 1})
            since = rig.mark()
            change(rig, "-G", "allow,publish,2,#")
            equal(rig.wait(lambda line: "ended" in line, since=since)["ended"], "policy-connect")
            equal(read_all(client), b"")


@test("ATTACKS 26: a PROXY header that a trusted peer may not send, and a good one of a stranger")
def proxied():
    head = b"\r\n\r\n\0\r\nQUIT\n"
    good = head + bytes.fromhex("2111000c") + bytes.fromhex("c6336407c000020100010001")
    bad = {"proxy-signature": b"\r\n\r\n\0\r\nQUIX\n" + good[12:],
           "proxy-version": head + b"\x31" + good[13:],
           "proxy-command": head + b"\x23" + good[13:],
           "proxy-family": head + b"\x21\0" + good[14:],
           "proxy-addresses": head + b"\x21\x11\0\x0b" + good[16:-1],
           "proxy-tlv": head + b"\x21\x11\0\x10" + good[16:] + b"\1\0\2x"}
    with Watch() as broker, Rig("-I", PROXY, *LISTEN, pki=pki) as rig:
        for door, context in DOORS:
            for source, reason, data in [(PROXY, *each) for each in bad.items()] + [
                    ("127.0.0.3", "proxy-untrusted", good)]:
                since = rig.mark()
                with dial(door, source=source) as client:
                    client.sendall(data + connect("device-1") + publish("stolen", b""))
                    try:
                        equal(client.recv(1), b"")
                    except ConnectionError:
                        pass
                counted(rig, since, reason)
            with dial(door, source=PROXY) as client:
                client.sendall(good)
                client = context.wrap_socket(client) if context else client
                client.sendall(connect("device-1") + publish("good", b"") + PINGREQ)
                equal((read_packet(client)[0], read_packet(client)[0]), (0x20, 0xd0))
                client.close()
        equal(broker.heard(), ["good"] * 2)


main()
