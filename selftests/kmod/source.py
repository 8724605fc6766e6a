# SPDX-License-Identifier: BSD-2-Clause
"""Where clients come from: sessions, CONNECT rate, violations, takeovers by source; whose a client
identifier is: a device that reconnects, a takeover, or two that both believe it is theirs."""
import errno
import socket
import struct

import genl
import world as w
from genl import Genl, address
from world import (ACK, CONNACK, PINGREQ, PSH, SYN, Raw, World, equal, main, session, take, test,
                   undo, wait)

ID_SHARED, RECONNECT, TWO_HOLDERS = 0x100, 0x800, 0x1000
SOURCES = "198.18.0.2", "198.18.0.77", "198.18.0.78"


def connect(name, keep_alive=60):
    body = b"\0\4MQTT\4\2" + struct.pack("!HH", keep_alive, len(name)) + name
    return bytes([0x10, len(body)]) + body


class Place:
    """A broker on the gateway, and devices with several addresses before it."""

    def __init__(self, **parameters):
        self.world = World(**parameters)
        self.talk = Genl(self.world.gw)
        for source in SOURCES[1:]:
            self.world.dev.ip(f"addr add {source}/24 dev dev0")
        self.listeners = {}

    def open(self, source=SOURCES[0], target="198.18.0.1", port=1883):
        key = target, port
        if key not in self.listeners:
            self.listeners[key] = self.world.gw.listen(target, port)
        client = self.world.dev.connect(target, port, source=(source, 0))
        accepted, _ = self.listeners[key].accept()
        accepted.settimeout(w.LIMIT)
        undo.append(accepted.close)
        return client, accepted

    def live(self, name, source=SOURCES[0], **how):
        client, accepted = self.open(source, **how)
        session(client, accepted, connect(name))
        self.world.gw.until(client, phase="connected")
        return client, accepted

    def source(self, text):
        return self.talk.ask("source-get", {"source": {"addr": address(text)}})[0]["source"]

    def sources(self, **filters):
        answer = self.talk.ask("source-get", {"source-filter": filters} if filters else {},
                               dump=True)
        return {one["source"]["addr"]: one["source"] for one in answer}

    def flags(self, client):
        return int(self.world.gw.client(client)["flags"], 16) & \
            (ID_SHARED | RECONNECT | TWO_HOLDERS)

    def counted(self):
        """(reconnects, takeovers, shared ids)"""
        gw = self.world.gw
        return gw.counter("reconnects"), gw.counter("takeovers"), gw.counter("shared-ids")


def close(place, client, accepted):
    name = client.getsockname()
    client.close()
    accepted.close()
    place.world.gw.until_gone(name)


@test("a source: sessions now, sessions begun, CONNECTs a minute, violations")
def counts():
    place = Place()
    first, at_first = place.live(b"one")
    place.live(b"two")
    place.live(b"three", SOURCES[1])
    said = place.source(SOURCES[0])
    equal((said["sessions"], said["begun"], said["prefix"]), (2, 2, 128), "two")
    equal(0 < said["rate"] <= 8, True, f"rate {said}")
    equal(place.source(SOURCES[1])["sessions"], 1, "the other one")
    first.sendall(CONNACK)
    wait(lambda: place.source(SOURCES[0])["violations"] == 1, "the violation")
    close(place, first, at_first)
    said = place.source(SOURCES[0])
    equal((said["sessions"], said["begun"], said["violations"]), (1, 2, 1), "one is left")
    equal(place.source(SOURCES[1])["violations"], 0, "nobody else's fault")
    equal(place.world.gw.counter("sources"), 2, "sources")


@test("IPv6 sources are their /64, whichever address of it a client has")
def slash64():
    place = Place()
    place.world.dev.ip("addr add 2001:db8:18::abcd/64 dev dev0")
    place.live(b"one", "2001:db8:18::2", target="2001:db8:18::1")
    place.live(b"two", "2001:db8:18::abcd", target="2001:db8:18::1")
    said = place.source("2001:db8:18::9999")
    equal((said["addr"], said["prefix"], said["sessions"]),
          (address("2001:db8:18::"), 64, 2), "the /64")
    equal(list(place.sources(addr=address("2001:db8:18::2"))), [said["addr"]], "by an address")
    equal(place.sources(addr=address("198.18.0.2")), {}, "no IPv4")


@test("of a service over TLS a connection counts for the CONNECT that is not seen")
def tls():
    place = Place()
    for _ in range(8):
        place.open(port=8883)
    equal(place.source(SOURCES[0])["rate"] >= 15, True, place.source(SOURCES[0]))


@test("a dump of sources has those that match its filter, and no other; strict, in words")
def filters():
    place = Place()
    for number in range(8):
        place.live(b"c%d" % number, SOURCES[number % 4 == 3])
    a, b = address(SOURCES[0]), address(SOURCES[1])
    equal(set(place.sources()), {a, b}, "all")
    equal(set(place.sources(addr=a, prefix=120)), {a, b}, "/24")
    equal(set(place.sources(addr=b)), {b}, "address")
    equal(set(place.sources(**{"sessions-over": 2})), {a}, "sessions over 2")
    equal(set(place.sources(**{"sessions-over": 6})), set(), "sessions over 6")
    equal(set(place.sources(**{"rate-over": 12})), {a}, "rate over 12")
    equal(set(place.sources(**{"rate-over": 12, "addr": b})), set(), "all have to match")
    equal(Genl(place.world.far).ask("source-get", dump=True), [], "of another namespace")
    talk = place.talk
    talk.refused(errno.EINVAL, "source-get")
    talk.refused(errno.EINVAL, "source-get", {"source": {}})
    talk.refused(errno.EINVAL, "source-get", {"source": {"sessions": 1}})
    talk.refused(errno.EINVAL, "source-get", {"source": {"addr": a}}, dump=True)
    talk.refused(errno.EINVAL, "source-get", {"source-filter": {"prefix": 8}}, dump=True)
    talk.refused(errno.EINVAL, "source-get", {"source": {"addr": a}, "source-filter": {}})
    talk.refused(errno.ENOENT, "source-get", {"source": {"addr": address("198.18.0.99")}})
    talk.refused(errno.ERANGE, "source-get",
                 {"source-filter": {"addr": a, "prefix": 129}}, dump=True)


@test("ATTACKS 20: half-open handshakes and bare ACKs from forged sources make no source")
def half_open():
    place = Place()
    place.world.far.listen("198.18.1.2")
    place.world.gw.listen("198.18.0.1")
    raw = Raw(place.world.dev)
    for number in range(500):
        source = (f"198.18.{64 + number // 250}.{number % 250 + 1}", 1024 + number)
        for target in ("198.18.1.2", 1883), ("198.18.0.1", 1883):
            raw.send(source, target, SYN, number)
            raw.send(source, target, ACK | PSH, number + 1, 77, payload=connect(b"x"))
    wait(lambda: place.world.gw.counter("untracked") >= 900, "segments at the gateway")
    equal((place.world.gw.counter("sources"), place.sources()), (0, {}), "sources")


@test("a source without a client is forgotten when its rate has faded, and no sooner")
def forgotten():
    place = Place()
    close(place, *place.live(b"one"))
    equal(place.source(SOURCES[0])["sessions"], 0, "sessions")
    end = w.LIMIT
    w.LIMIT = 60
    undo.append(lambda: setattr(w, "LIMIT", end))
    wait(lambda: not place.sources(), "faded")
    place.live(b"two", SOURCES[1])
    equal(list(place.sources()), [address(SOURCES[1])], "who is left")
    place.talk.refused(errno.ENOENT, "source-get", {"source": {"addr": address(SOURCES[0])}})


@test("many sources: each is found, and in a dump once; no more than the limit (max_sources)")
def many():
    place = Place(max_sources=256)
    gw = place.world.gw
    listener = gw.listen("198.18.0.1")
    place.world.dev.ip(*[f"addr add 198.18.0.{n}/32 dev dev0" for n in range(100, 250)])
    place.world.dev.ip("addr add 198.18.7.0/24 dev dev0",
                       *[f"addr add 198.18.7.{n}/32 dev dev0" for n in range(1, 250)])
    gw.ip("route add 198.18.7.0/24 dev gw0")
    hosts = [f"198.18.0.{n}" for n in range(100, 250)] + [f"198.18.7.{n}" for n in range(1, 250)]
    clients = []

    def begin(host):
        clients.append(place.world.dev.connect("198.18.0.1", source=(host, 0)))
        undo.append(listener.accept()[0].close)
    for host in hosts[:200]:
        begin(host)
    wait(lambda: gw.counter("clients") == 200, "two hundred")
    equal(set(place.sources()), {address(host) for host in hosts[:200]}, "in a dump")
    for host in hosts[:200]:
        equal(place.source(host)["sessions"], 1, host)
    for host in hosts[200:300]:
        begin(host)
    wait(lambda: gw.counter("clients") == 300, "three hundred")
    equal(gw.counter("sources") <= 256, True, "at the limit")
    equal(gw.counter("sources-full"), 300 - gw.counter("sources"), "not counted")
    for client in clients:
        client.close()
    wait(lambda: not [s for s in place.sources().values() if s["sessions"]], "all gone")
    begin(hosts[0])
    equal(place.source(hosts[0])["sessions"], 1, "room again")


@test("thresholds: an event when a source has more, once a second at most, numbered as all are")
def thresholds():
    place = Place()
    place.talk.ask("settings-set", {"settings": {"source-sessions": 3}})
    place.talk.refused(errno.ERANGE, "settings-set", {"settings": {"source-connect-rate": 15001}})
    listen = Genl(place.world.gw)
    listen.join()
    for number in range(6):
        place.open()
    seen = listen.events(lambda name, _: name == "source")
    equal([name for name, _ in seen], ["begin"] * 4 + ["source"], "at the fourth, no sooner")
    said = seen[-1][1]["source"]
    equal((said["addr"], said["sessions"], said["over"]), (address(SOURCES[0]), 4, 1), "which")
    place.talk.ask("settings-set", {"settings": {"source-sessions": 0,
                                                 "source-connect-rate": 20}})
    for number in range(20):
        place.live(b"n%d" % number, SOURCES[1])
    close(place, *place.live(b"last", SOURCES[2]))
    seen += listen.events(lambda name, event: name == "end" and
                          event["client"]["saddr"] == address(SOURCES[2]))
    told = [event["source"] for name, event in seen if name == "source"]
    rates = [one for one in told if one["addr"] == address(SOURCES[1])]
    equal({one["over"] for one in rates}, {2}, "over the rate")
    equal(min(one["rate"] for one in rates) > 20, True, "rate")
    equal(len(rates) < 13, True, "not one an event")
    numbers = [event["event"]["seq"] for _, event in seen]
    equal(numbers, list(range(numbers[0], numbers[0] + len(seen))), "numbers")


@test("a device that reconnects from where it was, or when its old connection is closed")
def reconnect():
    place = Place()
    old, at_old = place.live(b"dev")
    new, _ = place.live(b"dev")
    equal((place.flags(old), place.flags(new)), (0, RECONNECT), "flags")
    equal(place.counted(), (1, 0, 0), "counted")
    close(place, old, at_old)
    one, at_one = place.live(b"roamer", SOURCES[0])
    close(place, one, at_one)
    two, _ = place.live(b"roamer", SOURCES[1])
    equal(place.flags(two), 0, "nobody had it any more")
    equal(place.counted(), (1, 0, 0), "counted")
    place.world.dev.ip("addr add 2001:db8:18::abcd/64 dev dev0")
    place.live(b"private", "2001:db8:18::2", target="2001:db8:18::1")
    six, _ = place.live(b"private", "2001:db8:18::abcd", target="2001:db8:18::1")
    equal(place.flags(six), RECONNECT, "another address of its /64")
    equal(place.counted(), (2, 0, 0), "counted")


@test("a device whose old connection is silent for a keep alive reconnects from anywhere")
def roams():
    place = Place()
    old, accepted = place.open()
    session(old, accepted, connect(b"dev", 1))
    wait(lambda: float(place.world.gw.client(old)["idle"]) > 1.1, "silence")
    new, _ = place.live(b"dev", SOURCES[1])
    equal(place.flags(new), RECONNECT, "flags")
    equal(place.counted(), (1, 0, 0), "counted")


@test("ATTACKS 22: an identifier taken from a live client elsewhere is a takeover, of that source")
def takeover():
    place = Place()
    victim, _ = place.live(b"dev", SOURCES[0])
    thief, _ = place.live(b"dev", SOURCES[1])
    equal((place.flags(victim), place.flags(thief)), (0, ID_SHARED), "flags")
    equal(place.counted(), (0, 1, 0), "counted")
    equal((place.source(SOURCES[0])["takeovers"], place.source(SOURCES[1])["takeovers"]), (0, 1),
          "caused by")


@test("who is refused takes nothing: the broker's answer decides")
def refused():
    place = Place()
    victim, at_victim = place.live(b"dev", SOURCES[0])
    thief, at_thief = place.open(SOURCES[1])
    thief.sendall(connect(b"dev"))
    take(at_thief, len(connect(b"dev")))
    at_thief.sendall(bytes.fromhex("20020005"))
    place.world.gw.until(thief, phase="refused")
    for _ in range(30):
        victim.sendall(PINGREQ)
        take(at_victim, 2)
        w.quiet(victim, 0.1)
    equal((place.flags(victim), place.flags(thief)), (0, 0), "flags")
    equal(place.counted(), (0, 0, 0), "counted")


@test("ATTACKS 21: a takeover loop with one client id is two holders, told with the first return")
def loop():
    place = Place()
    listen = Genl(place.world.gw)
    listen.join()
    held = place.live(b"dev", SOURCES[0])
    for source in SOURCES[1], SOURCES[0]:
        client, accepted = place.open(source)
        client.sendall(connect(b"dev"))
        take(accepted, len(connect(b"dev")))
        # As a broker does: the old connection is closed, then the new one accepted.
        close(place, *held)
        accepted.sendall(CONNACK)
        take(client, 4)
        held = client, accepted
        place.world.gw.until(client, phase="connected")
    equal(place.flags(client), ID_SHARED | TWO_HOLDERS, "flags")
    equal(place.counted(), (0, 2, 1), "counted")
    event = listen.events(lambda name, _: name == "holders")[-1][1]
    equal((event["client"]["id"], event["client"]["sport"]), (b"dev", client.getsockname()[1]),
          "who")


@test("ATTACKS 22: a connection that speaks on after its identifier was taken: two holders")
def speaks_on():
    for source in SOURCES[:2]:
        place = Place()
        listen = Genl(place.world.gw)
        listen.join()
        old, at_old = place.live(b"dev")
        place.live(b"dev", source)

        def ping():
            old.sendall(PINGREQ)
            take(at_old, 2)
            return place.flags(old) & TWO_HOLDERS
        wait(ping, "two holders")
        equal(place.counted()[2], 1, "counted")
        event = listen.events(lambda name, _: name == "holders")[-1][1]
        equal(event["client"]["sport"], old.getsockname()[1], "who")


@test("one identifier at two brokers, and identifiers that the broker makes up, are nobody's")
def apart():
    place = Place()
    place.world.gw.ip("addr add 198.18.0.9/24 dev gw0")
    place.live(b"dev", SOURCES[0])
    place.live(b"dev", SOURCES[1], target="198.18.0.9")
    place.live(b"", SOURCES[0])
    place.live(b"", SOURCES[1])
    equal(place.counted(), (0, 0, 0), "counted")


main()
