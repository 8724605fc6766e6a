#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""
A will whose right a change of the configuration withdraws: the session ends, and its broker is told
so that the will is not published. ATTACKS 19.
"""
from devices import *

MAY = ("-G", "allow,connect+publish+subscribe+receive,2,#")
WILLS = (*MAY, "-G", "allow,will+retain,2,own/${identity}/#")
TOPIC = "own/device-1/gone"
DISCONNECT = b"\xe0\0"
# Topic, QoS and retain of a will, and of the rules after which it is no longer allowed.
WITHDRAWN = ((0x06, "policy-will", MAY),
             (0x06, "policy-will", (*WILLS, "-G", "deny,will,0,own/+/gone")),
             (0x16, "policy-will", (*MAY, "-G", "allow,will,1,own/#")),
             (0x26, "policy-retain", (*MAY, "-G", "allow,will,2,own/#")))


def leaving(level, flags=0x06):
    """Is let in with a will."""
    client = dial(TLS, DEVICE)
    client.sendall(with_will(level, TOPIC, flags))
    equal(read_packet(client)[1][1], 0, "CONNACK")
    return client


def ends(rig, client, level, reason, since):
    equal(read_all(client), b"\xe0\x01\x87" if level == 5 else b"", "last words")
    equal(rig.wait(lambda line: "ended" in line, since=since)["ended"], reason)
    poll("session is given back", lambda: rig.open() == 0)


@test("a will that is no longer allowed, for its topic, QoS or retain: the broker hears DISCONNECT")
def withdrawn():
    for level in (4, 5):
        for flags, reason, rules in WITHDRAWN:
            with Script(level) as broker, start(*WILLS) as rig:
                with leaving(level, flags) as client:
                    since = rig.mark()
                    change(rig, *rules)
                    ends(rig, client, level, reason, since)
                    broker.hears(DISCONNECT)


@test("one that still is, and a session without a will, stay")
def kept():
    for level in (4, 5):
        with Script(level) as broker, start(*WILLS) as rig:
            with leaving(level, 0x0e) as client:
                change(rig, *MAY, "-G", "allow,will,1,own/device-1/+")
                client.sendall(PINGREQ)
                broker.hears(PINGREQ)
        with Script(level) as broker, start(*WILLS) as rig:
            with device(level) as client:
                change(rig, *MAY)
                client.sendall(PINGREQ)
                broker.hears(PINGREQ)


@test("in the midst of a packet: DISCONNECT comes behind it, and nothing else of the client's")
def amidst():
    for level in (4, 5):
        first, other = (message("t", payload, level=level) for payload in (b"x" * 5000, b"y"))
        for rest in (b"", other, other * 3):
            with Script(level) as broker, start(*WILLS) as rig:
                with leaving(level) as client:
                    client.sendall(other + first[:3000])
                    broker.hears(other + first[:3000])
                    since = rig.mark()
                    change(rig, *MAY)
                    client.sendall(first[3000:4000])
                    broker.hears(first[3000:4000])
                    client.sendall(first[4000:] + rest)
                    ends(rig, client, level, "policy-will", since)
                    broker.hears(first[4000:] + DISCONNECT)


@test("a CONNECT that the broker has not answered: it hears DISCONNECT, too")
def unanswered():
    for level, word in ((4, b"\x20\x02\0\x05"), (5, b"\x20\x03\0\x87\0")):
        heard = bytearray()

        def broker(sock):
            try:
                while part := sock.recv(65536):
                    heard.extend(part)
            except ConnectionError:
                pass

        hello = with_will(level, TOPIC)
        with FakeBroker(broker), start(*WILLS) as rig, dial(TLS, DEVICE) as client:
            client.sendall(hello)
            poll("the broker hears it", lambda: heard == hello)
            change(rig, *MAY)
            equal(read_all(client), word)
            poll("and that it leaves", lambda: heard == hello + DISCONNECT)


@test("mosquitto never publishes it; of a session that ends otherwise it does")
def real():
    for level in (4, 5):
        for rules, published in ((MAY, False), (WILLS[2:], True)):
            with Mosquitto(), start(*WILLS) as rig, session("watch", BROKER, level=level) as watch:
                watch.sendall(request(level, "#"))
                equal(read_packet(watch)[0], 0x90)
                client = leaving(level)
                change(rig, *rules)
                read_all(client)
                poll("session is given back", lambda: rig.open() == 0)
                client.close()
                if published:
                    reads(watch, message(TOPIC, b"gone", level=level))
                # Behind whatever the end of that session brought about.
                with session("device-1", BROKER, level=level) as last:
                    last.sendall(message("end", level=level))
                    reads(watch, message("end", level=level))


main()
