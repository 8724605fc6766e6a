# SPDX-License-Identifier: BSD-2-Clause
"""What one source, or one namespace, can take from the others: memory for segments that are kept,
and places for handshakes that are half done."""
import socket

from world import (ACK, PSH, PUBLISH, SYN, Raw, World, equal, main, sequence, session, take, test,
                   undo, wait)

MEMORY = 1 << 20
SEGMENT = b"\x30" * 1400


def crowd(world, listener, count):
    """Connections of one source, each with what it may hold of segments behind a gap."""
    raw = Raw(world.dev)
    for _ in range(count):
        client = world.dev.connect("198.18.0.1")
        accepted, _ = listener.accept()
        undo.append(accepted.close)
        world.gw.until(client, phase="connect")
        send, receive = sequence(client)
        for at in range(20):
            raw.send(client.getsockname(), ("198.18.0.1", 1883), ACK | PSH,
                     send + 1 + at * len(SEGMENT), receive, payload=SEGMENT)


@test("ATTACKS 13: who fills the memory for kept segments takes its share of it, not the others'")
def memory():
    world = World(enforce="Y")
    world.dev.ip("addr add 198.18.0.77/24 dev dev0", "addr add 198.18.0.78/24 dev dev0")
    listener = world.gw.listen("198.18.0.1")
    crowd(world, listener, 45)
    # 1.2 MB were offered; an eighth of a megabyte is what a source may have.
    wait(lambda: world.gw.counter("dropped") > 700, "segments that find no room")
    good = 0
    # One of two may by chance be in the same share.
    for source in "198.18.0.77", "198.18.0.78":
        client = world.dev.connect("198.18.0.1", source=(source, 0))
        accepted, _ = listener.accept()
        undo.append(accepted.close)
        accepted.settimeout(5)
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        before = world.gw.counter("dropped")
        session(client, accepted)
        send, receive = sequence(client)
        raw = Raw(world.dev)
        for at in reversed(range(len(PUBLISH))):
            raw.send(client.getsockname(), accepted.getsockname(), ACK | PSH, send + at, receive,
                     payload=PUBLISH[at:at + 1])
        equal(take(accepted, len(PUBLISH)), PUBLISH, "segments in reverse order")
        good += world.gw.counter("dropped") == before
    equal(good > 0, True, "nothing of it dropped")


@test("ATTACKS 20: a flood of SYNs in one namespace pushes no handshake of another out")
def half_open():
    quiet, noisy = World(), World()
    dev, far = Raw(quiet.dev), Raw(quiet.far)
    server = ("198.18.1.77", 1883)
    # Two at most share one of the buckets of five, so that the flood always has more of it.
    clients = [("198.18.0.77", 5000 + i) for i in range(2)]
    for client in clients:
        dev.send(client, server, SYN, 100)
    wait(lambda: quiet.gw.counter("half-open") == len(clients), "SYNs")
    for client in clients:
        far.send(server, client, SYN | ACK, 200, 101)
    flood = Raw(noisy.dev)
    for i in range(3000):
        flood.send((f"198.18.{64 + i // 250}.{i % 250 + 1}", 1024 + i), ("198.18.1.2", 1883), SYN,
                   i)
    wait(lambda: noisy.gw.counter("half-lost") >= 2500, "the flood")
    for client in clients:
        dev.send(client, server, ACK, 101, 201)
    wait(lambda: quiet.gw.counter("begun") == len(clients), "each of them an entry")
    equal(quiet.gw.counter("picked-up"), 0, "picked up")
    equal(noisy.gw.counter("begun"), 0, "entries by the flood")


main(stream_memory=MEMORY, half_open=64)
