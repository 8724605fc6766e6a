# SPDX-License-Identifier: BSD-2-Clause
"""The byte stream and the session as the module follows them, with real TCP at both ends: what is
refused with which reason, and what an honest client may do however badly its network behaves."""
import socket
import threading

from world import (ACK, CONNACK, CONNECT, PINGREQ, PSH, PUBLISH, RST, Raw, Skip, World, ended,
                   equal, main, run, sequence, session, take, test, wait)

UNVALIDATED = 8
LARGEST = (1 << 20) - 3		# payload of publish() that packet_max just allows
PLACES = ("far", "198.18.1.2"), ("gw", "198.18.0.1")


def begin(place, address):
    world = World(enforce="Y")
    client, accepted = world.pair(getattr(world, place), address)
    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    session(client, accepted)
    world.gw.until(client, phase="connected")
    return world, client, accepted


def refused(world, client, accepted, reason):
    """Both ends are reset, and the entry says why."""
    found = world.gw.until(client, phase="refused", offences=1)
    equal(found["reason"], reason, "reason")
    equal((ended(client), ended(accepted)), ("reset", "reset"), "both ends")
    equal(world.gw.counter("violations"), 1, "violations")


def offence(data, reason):
    for place, address in PLACES:
        world, client, accepted = begin(place, address)
        client.sendall(data)
        refused(world, client, accepted, reason)


@test("ATTACKS 7: a second CONNECT ends the session, and the broker does not see it")
def second_connect():
    offence(CONNECT, "connect-again")


@test("ATTACKS 14: a server-only packet from a client ends the session")
def server_only():
    offence(CONNACK, "mqtt-direction")


@test("ATTACKS 15: a PUBLISH to an empty topic ends the session")
def empty_topic():
    offence(bytes.fromhex("30090000") + b"payload", "mqtt-topic")


@test("ATTACKS 7: a PUBLISH before CONNECT ends the connection")
def before_connect():
    for place, address in PLACES:
        world = World(enforce="Y")
        client, accepted = world.pair(getattr(world, place), address)
        client.sendall(PUBLISH)
        refused(world, client, accepted, "mqtt-not-connect")


@test("ATTACKS 13: an urgent byte ends the session")
def urgent():
    world, client, accepted = begin(*PLACES[0])
    client.send(b"\xc0", socket.MSG_OOB)
    refused(world, client, accepted, "tcp-urgent")


@test("ATTACKS 13: one byte a segment is a session like any other")
def one_byte():
    for place, address in PLACES:
        world = World(enforce="Y")
        client, accepted = world.pair(getattr(world, place), address)
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for at in range(len(CONNECT)):
            client.sendall(CONNECT[at:at + 1])
            equal(take(accepted, 1), CONNECT[at:at + 1])
        accepted.sendall(CONNACK)
        for at in range(len(PUBLISH)):
            client.sendall(PUBLISH[at:at + 1])
        equal(take(accepted, len(PUBLISH)), PUBLISH)
        found = world.gw.until(client, phase="connected", id='"dev"')
        equal(found["offences"], "0", "offences")


@test("ATTACKS 13: segments in reverse order are a packet in the end")
def reversed_segments():
    for place, address in PLACES:
        world, client, accepted = begin(place, address)
        send, receive = sequence(client)
        raw = Raw(world.dev)
        for at in reversed(range(len(PUBLISH))):
            raw.send(client.getsockname(), accepted.getsockname(), ACK | PSH, send + at, receive,
                     payload=PUBLISH[at:at + 1])
        equal(take(accepted, len(PUBLISH)), PUBLISH)
        equal(world.gw.client(client)["offences"], "0", "offences")


@test("ATTACKS 13: bytes behind a gap, sent again as others, end the session")
def lie():
    for place, address in PLACES:
        world, client, accepted = begin(place, address)
        send, receive = sequence(client)
        raw = Raw(world.dev)
        ends = client.getsockname(), accepted.getsockname()
        raw.send(*ends, ACK | PSH, send + 2, receive, payload=PUBLISH[2:])
        raw.send(*ends, ACK | PSH, send + 2, receive, payload=PUBLISH[2:-2] + b"#x")
        found = world.gw.until(client, phase="refused", offences=1)
        equal(found["reason"], "stream-overlap", "reason")


@test("ATTACKS 30: a reset that the broker would not take is dropped, and ends no entry")
def blind_reset():
    for place, address in PLACES:
        world, client, accepted = begin(place, address)
        send, receive = sequence(client)
        raw = Raw(world.dev)
        dropped = world.gw.counter("dropped")
        for guess in 1, 1000, 2**31, -1, -1000:
            raw.send(client.getsockname(), accepted.getsockname(), RST, send + guess, receive)
        wait(lambda: world.gw.counter("dropped") == dropped + 5, "five resets dropped")
        client.sendall(PINGREQ)
        equal(take(accepted, 2), PINGREQ)
        equal(world.gw.client(client)["phase"], "connected", "phase")


@test("ATTACKS 30: a reset that dies on its way does not make a flow that is not followed")
def reset_lost():
    world, client, accepted = begin(*PLACES[0])
    far = "nsenter", f"--net=/run/netns/{world.far.name}", "nft"
    run(*far, "add table ip hole; "
        "add chain ip hole in { type filter hook prerouting priority -300; }; "
        "add rule ip hole in tcp flags rst drop")
    send, receive = sequence(client)
    raw = Raw(world.dev)
    ends = client.getsockname(), accepted.getsockname()
    raw.send(*ends, RST, send, receive)
    world.gw.until(client, phase="closing")
    client.sendall(PINGREQ)
    equal(take(accepted, 2), PINGREQ)
    found = world.gw.until(client, phase="connected")
    equal(int(found["flags"], 16) & UNVALIDATED, 0, "still followed")
    run(*far, "delete table ip hole")
    client.sendall(CONNACK)
    refused(world, client, accepted, "mqtt-direction")


@test("a reset that goes through is an end: no offence, and its entry goes with closing_timeout")
def reset_through():
    world = World(closing_timeout=500)
    client, accepted = world.pair(world.far, "198.18.1.2")
    session(client, accepted)
    name = client.getsockname()
    world.gw.until(client, phase="connected")
    early, _ = world.pair(world.far, "2001:db8:19::2")
    early_name = early.getsockname()
    world.gw.until(early, phase="connect")
    for sock in client, early:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        sock.close()
    world.gw.until_gone(name)
    world.gw.until_gone(early_name)
    equal(world.gw.counter("violations"), 0, "violations")
    equal(world.gw.counter("late-connect"), 0, "late")


def publish(length):
    body = b"\0\1t" + bytes(i * 7 % 251 for i in range(length))
    size, left = b"", len(body)
    while True:
        left, low = left >> 7, left & 127
        size += bytes([low | (128 if left else 0)])
        if not left:
            return b"\x30" + size + body


def both_ways(client, accepted, data):
    """`data` from each end to the other at once."""
    senders = [threading.Thread(target=sock.sendall, args=(data,)) for sock in (client, accepted)]
    for sender in senders:
        sender.start()
    equal(take(accepted, len(data)) == data, True, "what the broker got is what was sent")
    equal(take(client, len(data)) == data, True, "what the client got is what was sent")
    for sender in senders:
        sender.join()


def undisturbed(world, client):
    found = world.gw.client(client)
    equal((found["offences"], found["phase"]), ("0", "connected"), "offences, phase")
    equal(int(found["flags"], 16) & UNVALIDATED, 0, "still followed")


@test("a megabyte each way at once, local and routed, is followed to its last byte")
def volume():
    for place, address in PLACES:
        world, client, accepted = begin(place, address)
        both_ways(client, accepted, publish(LARGEST))
        client.sendall(PINGREQ)
        equal(take(accepted, 2), PINGREQ)
        undisturbed(world, client)


@test("ATTACKS 3: a packet a byte longer than the limit ends the session at its length")
def too_long():
    offence(publish(LARGEST + 1)[:64], "mqtt-too-long")


@test("ATTACKS 13: loss, duplicates and reordering on both links break no honest client")
def bad_network():
    try:
        run("modprobe", "sch_netem")
    except AssertionError as lacking:
        raise Skip("no sch_netem") from lacking
    world, client, accepted = begin(*PLACES[0])
    for namespace, device in ((world.dev, "dev0"), (world.gw, "gw0"), (world.gw, "gw1"),
                              (world.far, "far0")):
        run("tc", "-n", namespace.name, "qdisc", "add", "dev", device, "root", "netem", "delay",
            "2ms", "1ms", "loss", "2%", "duplicate", "2%", "reorder", "20%")
    for sock in client, accepted:
        sock.settimeout(120)
    both_ways(client, accepted, publish(200000))
    undisturbed(world, client)


main()
