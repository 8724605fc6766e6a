# SPDX-License-Identifier: BSD-2-Clause
"""The module comes and goes: alone, under traffic, with namespaces dying; what it took it gives
back. The kernel's complaints are looked for by selftests/vm when the guest ends."""
import os
import re
import socket
import threading

import world as w
from world import (CONNECT, MODULE, Namespace, World, equal, load, loaded, main, run, session, take,
                   test, undo, unload, wait)

ROUNDS = int(os.environ.get("MQGATE_RELOADS", "20"))


def again():
    """What a test leaves behind: the module, with its defaults."""
    if not loaded():
        load()


@test("modinfo says of every parameter what it is")
def modinfo():
    said = run("modinfo", MODULE)
    for name in os.listdir(w.PARAMETERS):
        lines = [line for line in said.splitlines() if line.startswith("parm:") and
                 line.split(":", 2)[1].strip() == name]
        equal(len(lines), 1, name)
        equal(len(lines[0].split(":", 2)[2]) > 20, True, name)


@test("it observes by default")
def observes():
    with open(w.PARAMETERS + "enforce") as file:
        equal(file.read().strip(), "N")


@test("parameters that make no sense are refused at load")
def parameters():
    unload()
    undo.append(again)
    for wrong in ({"max_clients": 0}, {"max_clients": 2**25}, {"connect_timeout": 1},
                  {"ports": "0"}, {"ports": "1883,1883"}, {"ports": "8883"},
                  {"half_open": 1}, {"idle_timeout": 10**7}, {"packet_max": 2**29}):
        try:
            load(**wrong)
        except AssertionError:
            equal(loaded(), False, "loaded")
            continue
        raise AssertionError(f"loaded with {wrong}")


@test("loaded and unloaded again and again, it leaves nothing in /proc and no module user")
def reload():
    undo.append(again)
    for _ in range(ROUNDS):
        unload()
        equal(os.path.exists("/proc/net/mqgate"), False, "/proc/net/mqgate")
        load()
        with open("/sys/module/mqgate/refcnt") as file:
            equal(file.read().strip(), "0", "users")


class Traffic:
    """Sessions that begin, speak and end in a thread, as fast as they can."""

    def __init__(self, there, server, address):
        self.there, self.address = there, address
        self.listener = server.listen(address)
        self.done = False
        self.sessions = 0
        self.wrong = None
        self.thread = threading.Thread(target=self.loop)
        self.thread.start()
        undo.append(self.stop)

    def one(self):
        client = self.there.connect(self.address)
        accepted, _ = self.listener.accept()
        accepted.settimeout(w.LIMIT)
        session(client, accepted)
        client.close()
        accepted.close()
        # At once: the other thread changes the list as well.
        undo.remove(client.close)

    def loop(self):
        try:
            while not self.done:
                self.one()
                self.sessions += 1
        except Exception as wrong:
            self.wrong = wrong

    def stop(self):
        self.done = True
        self.thread.join()
        wrong, self.wrong = self.wrong, None
        if wrong:
            raise wrong


@test("ATTACKS 31: unloaded under traffic and loaded again: no session notices")
def unload_under_traffic():
    undo.append(again)
    world = World()
    local = Traffic(world.dev, world.gw, "198.18.0.1")
    routed = Traffic(world.dev, world.far, "198.18.1.2")
    for _ in range(ROUNDS):
        before = local.sessions + routed.sessions
        wait(lambda: local.sessions + routed.sessions > before + 3 or local.wrong or
             routed.wrong, "traffic")
        unload()
        load()
    local.stop()
    routed.stop()


@test("ATTACKS 31: unloaded with live entries of every phase")
def unload_with_entries():
    undo.append(again)
    world = World()
    silent, _ = world.pair(world.gw, "198.18.0.1")
    client, accepted = world.pair(world.far, "198.18.1.2")
    session(client, accepted)
    world.gw.until(client, phase="connected")
    world.gw.until(silent, phase="connect")
    unload()
    client.sendall(b"\xc0\0")
    equal(take(accepted, 2), b"\xc0\0", "PINGREQ")


@test("ATTACKS 31: a namespace destroyed in the middle of its flows")
def namespace_dies():
    for _ in range(5):
        world = World()
        sockets = [world.pair(world.gw, "198.18.0.1", port) for port in (1883, 8883)]
        session(*sockets[0])
        world.gw.until(sockets[0][0], phase="connected")
        world.gw.remove()
        world.dev.remove()


def crowd(world, listener, count):
    """Sessions that end by RST: nothing of them may stay, not even TIME_WAIT."""
    held = []
    for _ in range(count):
        client = world.dev.connect("198.18.0.1")
        undo.remove(client.close)
        client.sendall(CONNECT)
        held.append((client, listener.accept()[0]))
    for client, accepted in held:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        client.close()
        accepted.close()
    wait(lambda: world.gw.counter("clients") == 0, "entries gone")


@test("memory is back where it was when the entries are gone")
def memory():
    def unreclaimable():
        with open("/proc/meminfo") as file:
            return int(re.search(r"SUnreclaim:\s+(\d+)", file.read()).group(1))
    world = World()
    listener = world.gw.listen("198.18.0.1")
    crowd(world, listener, 400)
    first = unreclaimable()
    for _ in range(8):
        crowd(world, listener, 400)
    equal(world.gw.counter("begun"), world.gw.counter("ended"), "begun and ended")
    # Had each of the 3200 left its entry behind, it would be 900 kB.
    wait(lambda: unreclaimable() < first + 400, lambda: f"{first} kB, now {unreclaimable()}")


main()
