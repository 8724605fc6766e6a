# SPDX-License-Identifier: BSD-2-Clause
"""The stated limit of clients: what happens at it, and who has to go."""
from world import CONNECT, World, equal, main, session, take, test, undo, wait


def crowd(world, count, listener):
    """Connections that say nothing."""
    silent = []
    for _ in range(count):
        silent.append(world.dev.connect("198.18.0.1"))
        undo.append(listener.accept()[0].close)
    return silent


@test("ATTACKS 31: a full table takes new clients, and lets silent strangers go")
def evict():
    world = World(max_clients=20)
    listener = world.gw.listen("198.18.0.1")
    client = world.dev.connect("198.18.0.1")
    accepted, _ = listener.accept()
    session(client, accepted)
    world.gw.until(client, phase="connected")
    crowd(world, 60, listener)
    wait(lambda: world.gw.counter("begun") == 61, "the crowd")
    equal(world.gw.counter("clients"), 20, "entries")
    equal(world.gw.counter("evicted"), 41, "evicted")
    equal(world.gw.client(client)["phase"], "connected", "who had a session")


@test("ATTACKS 31: where all are connected and busy, the newcomer is not tracked, and passes")
def full():
    world = World(max_clients=3)
    listener = world.gw.listen("198.18.0.1")
    for _ in range(3):
        client = world.dev.connect("198.18.0.1")
        accepted, _ = listener.accept()
        undo.append(accepted.close)
        session(client, accepted)
        world.gw.until(client, phase="connected")
    client = world.dev.connect("198.18.0.1")
    accepted, _ = listener.accept()
    session(client, accepted)
    equal(world.gw.client(client), None, "its entry")
    equal(world.gw.counter("evicted"), 0, "evicted")
    equal(world.gw.counter("table-full") >= 1, True, "table full")


@test("the limit is a namespace's own")
def apart():
    one = World(max_clients=2)
    crowd(one, 4, one.gw.listen("198.18.0.1"))
    wait(lambda: one.gw.counter("begun") == 4, "the crowd")
    equal(one.gw.counter("clients"), 2, "entries")
    equal(one.dev.counter("clients"), 0, "entries of the neighbour")


@test("every client that lives throughout is listed exactly once while others come and go")
def listing():
    world = World()
    listener = world.gw.listen("198.18.0.1")
    staying = {sock.getsockname()[1] for sock in crowd(world, 300, listener)}
    for _ in range(6):
        leaving = crowd(world, 30, listener)
        listed = [int(c["from"].rpartition(":")[2]) for c in world.gw.clients()]
        equal(len(listed), len(set(listed)), "listed twice")
        equal(staying - set(listed), set(), "missing")
        for sock in leaving:
            sock.close()


main()
