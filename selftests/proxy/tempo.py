#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""
How much, how fast, how silent: the limits of a listener. ATTACKS 11, 16-18.
"""
from numbered import *

pki = Pki()
DEVICE = pki.context(pki.device("device-1"))
LISTEN = ("-r", "any", "-b", "127.0.0.1:1883", "-p", "127.0.0.1:1884", "-t", "127.0.0.1:8883")
DOORS = {"plain": (PLAIN, None), "TLS": (TLS, DEVICE)}
door = DOORS["plain"]


def each_door(name):
    """A point for each door: its clients come by that."""
    def add(function):
        for where in DOORS:
            @test(f"{name}, {where}")
            def point(where=where):
                global door
                door = DOORS[where]
                try:
                    function()
                finally:
                    door = DOORS["plain"]
        return function
    return add


def limited(**limits):
    options = [option for key, value in limits.items()
               for option in ("-L", key if value is True else f"{key}={value}")]
    return Rig(*options, *LISTEN, pki=pki)


def request(level, *filters, number=1, kind=0x82):
    body = ident(number) + (b"\0" if level == 5 else b"")
    tail = b"\0" if kind == 0x82 else b""
    return packet(kind, body + b"".join(text(f) + tail for f in filters))


def client_of(level, keep_alive=0, name="d"):
    sock = dial(*door)
    sock.sendall(connect(name, level, keep_alive=keep_alive))
    kind, body = read_packet(sock)
    equal((kind, body[1]), (0x20, 0), "CONNACK")
    return sock, body[2:]


def ends(client, level, code):
    equal(read_all(client), bytes([0xe0, 1, code]) if level == 5 else b"", "last words")
    client.close()


@test("a client that is silent for 1.5 keep alives is ended, one that is not goes on")
def silent():
    for level in (4, 5):
        with Hearing(level), limited() as rig:
            quiet, lively, careless = (client_of(level, n, f"d{n}{i}")[0] for i, n in
                                       enumerate((1, 1, 0)))
            begun = time.monotonic()
            word = bytes([0xe0, 1, 0x8d]) if level == 5 else b""
            got = []
            thread = threading.Thread(target=lambda: got.append(read_all(quiet)), daemon=True)
            thread.start()
            while not got:
                lively.sendall(PINGREQ)
                thread.join(0.3)
            took = time.monotonic() - begun
            equal(got, [word], "last words")
            if not 1.4 < took < 3:
                raise AssertionError(f"it took {took} s")
            equal(rig.refusals(), ["keep-alive"])
            poll("the others stay", lambda: rig.open() == 2)
            for client in (quiet, lively, careless):
                client.close()


@each_door("ATTACKS 11: keep alive 0 or 65535: MQTT 5 is told the cap, 3 is held to it; a lower "
           "one stays")
def capped():
    with Hearing(5), limited(keep_alive=1) as rig:
        for asked in (0, 65535):
            client, said = client_of(5, asked)
            equal(said, b"\3\x13\0\1", "Server Keep Alive")
            ends(client, 5, 0x8d)
        equal(rig.refusals(), ["keep-alive"] * 2)
    with Hearing(4), limited(keep_alive=1) as rig:
        clients = [client_of(level, asked, f"d{level}{asked}")[0]
                   for level in (3, 4) for asked in (0, 65535)]
        for client in clients:
            ends(client, 4, 0)
        equal(rig.refusals(), ["keep-alive"] * 4)
    with Hearing(5, b"\x13\0\7"), limited(keep_alive=60):
        equal(client_of(5, 30)[1], b"\3\x13\0\7", "what the broker says")


@test("a client over its rate is not read from until it has tokens again; nothing is lost")
def waits():
    for limits, many, size in (({"messages_rate": 20, "messages_burst": 10}, 30, 1),
                               ({"bytes_rate": 20000, "bytes_burst": 10000}, 30, 1000)):
        with Hearing() as broker, limited(**limits) as rig:
            client, _ = client_of(4)
            burst = publish("t", b"x" * size) * many
            begun = time.monotonic()
            client.sendall(burst)
            poll("the burst arrives", lambda n=len(burst): len(broker.heard[0]) == n)
            client.sendall(PINGREQ)
            poll("what follows arrives, too",
                 lambda n=len(burst): len(broker.heard[0]) == n + 2)
            if broker.at[0] - begun < 0.7:
                raise AssertionError(f"{broker.at[0] - begun} s are too few for {many}")
            if not 1 <= rig.counts()["listeners"][0]["paused"] <= many:
                raise AssertionError("it did not wait")
            equal(rig.refusals(), [])
            client.close()


@test("over_rate: close ends who is over his own rate: DISCONNECT 96")
def over():
    for level in (4, 5):
        with Hearing(level), limited(messages_rate=10, messages_burst=5,
                                     close_over_rate=True) as rig:
            client, _ = client_of(level)
            client.sendall(publish("t", b"", level) * 4)
            client.sendall(publish("t", b"", level) * 40)
            ends(client, level, 0x96)
            equal(rig.refused()["refused"], "limit-rate")


@test("the rate of all clients of a listener is shared by the workers")
def together():
    with Hearing() as broker, Rig("-w", "2", "-L", "all_messages_rate=20", "-L",
                                  "all_messages_burst=10", *LISTEN, pki=pki) as rig:
        clients = [client_of(4, name=f"d{i}")[0] for i in range(6)]
        begun = time.monotonic()
        for client in clients:
            client.sendall(publish("t", b"x") * 5)
        for client in clients:
            client.sendall(PINGREQ)
        poll("all of it arrives", lambda: sum(map(len, broker.heard)) ==
             6 * (5 * len(publish("t", b"x")) + 2), 20)
        if max(broker.at) - begun < 0.7:
            raise AssertionError("30 messages at 20 a second take longer")
        equal(rig.refusals(), [])
        for client in clients:
            client.close()


@test("subscriptions are counted: one too many gets 97 or 80, one given up makes room")
def subscriptions():
    for level, code in ((4, 0x80), (5, 0x97)):
        head = b"\0" if level == 5 else b""
        with Hearing(level) as broker, limited(subscriptions=2) as rig:
            client, _ = client_of(level)
            client.sendall(request(level, "a", "b", "c", "a"))
            wanted = request(level, "a", "b", "a")
            poll("two of them arrive", lambda: broker.heard[0] == wanted)
            broker.socks[0].sendall(packet(0x90, ident(1) + head + b"\0\0\0"))
            equal(read_packet(client), (0x90, ident(1) + head + bytes([0, 0, code, 0])))
            client.sendall(request(level, "c", number=2))
            equal(read_packet(client), (0x90, ident(2) + head + bytes([code])))
            client.sendall(request(level, "b", number=3, kind=0xa2) + request(level, "c", number=4))
            wanted += request(level, "b", number=3, kind=0xa2) + request(level, "c", number=4)
            poll("there is room", lambda: broker.heard[0] == wanted)
            equal(rig.counts()["listeners"][0]["messages"], {"limit-subscriptions": 2})
            client.close()


def beyond(level, limits, data, reason, code, properties=b""):
    with Hearing(level, properties) as broker, limited(**limits) as rig:
        client, _ = client_of(level)
        client.sendall(PINGREQ + data)
        ends(client, level, code)
        equal(rig.refused()["refused"], reason)
        poll("what was before it arrived", lambda: broker.heard[0] == PINGREQ)


@test("what is longer, deeper or more than the limits: the reason, and its code in MQTT 5 "
      "(ATTACKS 16)")
def limits():
    for level in (4, 5):
        head = b"\0" if level == 5 else b""
        beyond(level, {"packet_size": 200}, publish("t", b"x" * 200, level), "limit-packet", 0x95)
        beyond(level, {"packet_size": 200}, b"\x30" + varint(200 << 20), "limit-packet", 0x95)
        beyond(level, {"topic_length": 9}, publish("t" * 10, b"", level), "limit-topic", 0x97)
        beyond(level, {"topic_levels": 3}, publish("a/b/c/d", b"", level), "mqtt-levels", 0x97)
        beyond(level, {"topic_levels": 3}, request(level, "a/b/c/d"), "mqtt-levels", 0x97)
        beyond(level, {"filters": 2}, request(level, "a", "b", "c"), "limit-filters", 0x97)
    pair = b"\x26" + text("a") + text("b")
    beyond(5, {"user_properties": 1}, packet(0x30, text("t") + varint(14) + pair * 2),
           "limit-properties", 0x97)
    beyond(5, {}, packet(0x34, text("t") + ident(1) + b"\0"), "mqtt-unavailable", 0x9b, b"\x24\1")
    beyond(5, {}, packet(0x31, text("t") + b"\0"), "mqtt-unavailable", 0x9a, b"\x25\0")


@each_door("ATTACKS 17: topic alias over the maximum, of the listener and of the broker: E0 01 94")
def alias_over():
    one = packet(0x30, text("t") + b"\3\x23\0\x0b")
    beyond(5, {"topic_alias": 10}, one, "mqtt-alias", 0x94, b"\x22\1\0")
    beyond(5, {"topic_alias": 100}, one, "mqtt-alias", 0x94, b"\x22\0\x0a")
    beyond(5, {}, one, "mqtt-alias", 0x94)


@each_door("ATTACKS 17: empty topic + unknown alias: E0 01 94")
def alias_unknown():
    beyond(5, {}, packet(0x30, text("") + b"\3\x23\0\1"), "mqtt-alias", 0x94, b"\x22\0\1")


@each_door("ATTACKS 18: QoS 2 never completed (CVE-2023-28366) counts; over the limit: 93, and "
           "memory is given back")
def inflight():
    for level in (3, 4, 5):
        tail = b"\0" if level == 5 else b""
        with Hearing(level), limited(inflight=100) as rig:
            client = dial(*door)
            client.sendall(connect("d", level))
            said = read_packet(client)[1]
            equal(said[2:], b"\3\x21\0\x64" if level == 5 else b"", "Receive Maximum")
            before = rig.status("VmRSS")
            for number in range(1, 101):
                client.sendall(packet(0x34, text("t") + ident(number) + tail))
            client.sendall(packet(0x34, text("t") + ident(101) + tail))
            ends(client, level, 0x93)
            equal(rig.refused()["refused"], "limit-inflight")
            poll("session is given back", lambda: rig.open() == 0)
            if rig.status("VmRSS") - before > 4096:
                raise AssertionError("memory is not given back")


@each_door("ATTACKS 18: 65,535 in flight: all of them where they are allowed, and memory is given "
           "back")
def all_inflight():
    for level in (4, 5):
        tail = b"\0" if level == 5 else b""
        flood = b"".join(packet(0x34, text("t") + ident(number) + tail)
                         for number in range(1, 65536))
        with Hearing(level), limited(inflight=1000) as rig:
            client, _ = client_of(level)
            client.sendall(flood[:len(flood) // 65535 * 1001])
            ends(client, level, 0x93)
            equal(rig.refused()["refused"], "limit-inflight")
        with Hearing(level) as broker, Rig("-L", "inflight=65535", *LISTEN, asan=False,
                                           pki=pki) as rig:
            before = rig.status("VmRSS")
            client, _ = client_of(level)
            client.sendall(flood)
            poll("all arrive", lambda: len(broker.heard[0]) == len(flood), 20)
            equal(bytes(broker.heard[0]) == flood, True, "what arrives is what was sent")
            if rig.status("VmRSS") - before > 8192:
                raise AssertionError(f"{rig.status('VmRSS') - before} kB for 65,535")
            client.close()
            poll("session is given back", lambda: rig.open() == 0)
            equal(rig.refusals(), [])
            if rig.status("VmRSS") - before > 2048:
                raise AssertionError(f"{rig.status('VmRSS') - before} kB are not given back")


@each_door("ATTACKS 18: PUBREC/PUBCOMP for a QoS 1 flow, and others of another QoS, end the "
           "session; one to nothing goes no further")
def answers():
    for level in (3, 4, 5):
        tail = b"\0" if level == 5 else b""
        for qos, answer in ((1, 0x50), (1, 0x70), (2, 0x40), (2, 0x70)):
            with Hearing(level) as broker, limited() as rig:
                client, _ = client_of(level)
                delivery = packet(0x30 | qos << 1, text("t") + ident(9) + tail)
                broker.socks[0].sendall(delivery)
                equal(read_exactly(client, len(delivery)), delivery)
                client.sendall(packet(answer, ident(9)))
                ends(client, level, 0x82)
                equal(rig.refused()["refused"], "mqtt-flow")
        with Hearing(level) as broker, limited() as rig:
            client, _ = client_of(level)
            client.sendall(packet(0x40, ident(5)) + packet(0x62, ident(5)) + PINGREQ)
            equal(read_packet(client), (0x70, ident(5) + (b"\x92" if level == 5 else b"")))
            poll("the rest arrives", lambda: broker.heard[0] == PINGREQ)
            listener = rig.counts()["listeners"][list(DOORS.values()).index(door)]
            equal(listener["messages"], {"mqtt-flow": 2})
            client.close()


@test("a client identifier over the limit: CONNACK 85 or 02, the broker is not asked")
def client_id():
    with limited(client_id=10) as rig:
        for level, word in ((4, b"\x20\x02\0\x02"), (5, b"\x20\x03\0\x85\0")):
            with dial() as client:
                client.sendall(connect("d" * 11, level))
                equal(read_all(client), word)
        equal(rig.refusals(), ["limit-client-id"] * 2)
        equal(rig.upstream(), 0, "connections to the broker")


every_example(("11: keep alive 0 or 65535", "17: topic alias over the maximum",
               "17: empty topic + unknown alias", "18: QoS 2 never completed (CVE-2023-28366)",
               "18: PUBREC/PUBCOMP for a QoS 1 flow", "18: 65,535 in flight"))
main()
