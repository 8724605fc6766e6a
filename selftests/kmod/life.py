# SPDX-License-Identifier: BSD-2-Clause
"""The module comes and goes: alone, under traffic, with namespaces dying; what it took it gives
back. The kernel's complaints are looked for by selftests/vm when the guest ends."""
import ctypes
import errno
import os
import re
import socket
import threading

import genl
import world as w
from genl import Genl, Refused
from world import (CONNECT, MODULE, Namespace, World, equal, load, loaded, main, run, session, take,
                   test, undo, unload, wait)

# Loads and unloads alone; under traffic a quarter of them.
ROUNDS = int(os.environ.get("MQGATE_RELOADS", "200"))
FINIT_MODULE, DELETE_MODULE = 313, 176


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


def insert():
    """insmod, without a process: an emulated CPU takes long to start one."""
    file = os.open(MODULE, os.O_RDONLY | os.O_CLOEXEC)
    failed = w.libc.syscall(FINIT_MODULE, file, b"", 0)
    os.close(file)
    if failed:
        raise OSError(ctypes.get_errno(), "finit_module")


def delete():
    """rmmod likewise. Whether it could be: not while a dump is under way."""
    if w.libc.syscall(DELETE_MODULE, b"mqgate", os.O_NONBLOCK):
        if ctypes.get_errno() != errno.EWOULDBLOCK:
            raise OSError(ctypes.get_errno(), "delete_module")
        return False
    return True


def taken():
    """kB of memory that do not come back by themselves."""
    with open("/proc/meminfo") as file:
        sizes = dict(re.findall(r"(\w+):\s+(\d+) kB", file.read()))
    return sum(int(sizes[name]) for name in ("SUnreclaim", "VmallocUsed", "Percpu"))


def own_cache():
    """Of the clients; where it was merged with another one of their size, there is but a link."""
    path = "/sys/kernel/slab/mqg_client"
    return os.path.exists(path) and not os.path.islink(path)


@test("loaded and unloaded again and again, it leaves no file, no cache, no user, no memory")
def reload():
    undo.append(again)
    before = None
    for number in range(ROUNDS):
        wait(delete, "unloaded")
        equal(os.path.exists("/proc/net/mqgate"), False, "/proc/net/mqgate")
        equal(own_cache(), False, "the clients' cache")
        # What the kernel keeps of a module that was there once is there by now.
        if number == ROUNDS // 4:
            before = taken()
        insert()
        with open("/sys/module/mqgate/refcnt") as file:
            equal(file.read().strip(), "0", "users")
    wait(delete, "unloaded")
    # A half-open table is 500 kB: one left behind a round would be seen by far.
    wait(lambda: taken() < before + 4096, lambda: f"{before} kB, now {taken()} kB")


@test("a dump that is under way keeps the module; its end lets it go")
def dump_holds():
    undo.append(again)
    world = World()
    pairs = many(world, 120)
    talk = Genl(world.gw)
    talk.send(genl.NUMBERS["MQGATE_CMD_CLIENT_GET"], b"", genl.DUMP)
    equal(delete(), False, "unloaded in the middle of a dump")
    rest(talk, len(pairs))
    wait(delete, "unloaded")


def many(world, count):
    """Connections to one listener, both ends of each."""
    listener = world.gw.listen("198.18.0.1")
    pairs = []
    for _ in range(count):
        pairs.append((world.dev.connect("198.18.0.1"), listener.accept()[0]))
        undo.append(pairs[-1][1].close)
    wait(lambda: world.gw.counter("clients") == count, f"{count} clients")
    return pairs


def rest(talk, count):
    """The dump to its end: `count` clients, in more than one message."""
    clients = datagrams = 0
    over = False
    while not over:
        datagrams += 1
        for kind, _, _, _ in talk.messages():
            over = over or kind == genl.DONE
            clients += kind != genl.DONE
    equal(clients, count, "clients in the dump")
    equal(datagrams > 1, True, "several messages")


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


class Onlooker:
    """Does `look` in a thread, again and again, whether the module is there or not."""

    def __init__(self, look):
        self.look, self.looks, self.wrong = look, 0, None
        self.done = threading.Event()
        self.thread = threading.Thread(target=self.loop)
        self.thread.start()
        undo.append(self.stop)

    def loop(self):
        # With a breath: the traffic has the same CPU.
        while not self.done.wait(0.02):
            try:
                self.looks += bool(self.look())
            except (OSError, Refused):
                continue
            except Exception as wrong:
                self.wrong = wrong
                return

    def stop(self):
        self.done.set()
        self.thread.join()
        wrong, self.wrong = self.wrong, None
        if wrong:
            raise wrong


def talker(gw):
    """A socket of its own for every look: the family's number changes with every load."""
    talk = Genl(gw)
    undo.remove(talk.sock.close)
    return talk


def dumps(gw):
    talk = talker(gw)
    try:
        talk.ask("client-get", dump=True)
        return True
    finally:
        talk.sock.close()


def listens(gw):
    """Joins, waits for an event, and stays in the group while the module goes."""
    talk = talker(gw)
    talk.sock.settimeout(1)
    try:
        talk.join()
        return list(talk.messages())
    finally:
        talk.sock.close()


def reads(gw):
    """A piece of /proc/net/mqgate, and the rest after a moment in which the module may go."""
    with gw:
        file = os.open("/proc/thread-self/net/mqgate", os.O_RDONLY)
    try:
        os.read(file, 64)
        os.sched_yield()
        return os.read(file, 1 << 16)
    finally:
        os.close(file)


@test("ATTACKS 31: unloaded under traffic, with dumps, events and /proc being read: none notices")
def unload_under_traffic():
    undo.append(again)
    world = World()
    local = Traffic(world.dev, world.gw, "198.18.0.1")
    routed = Traffic(world.dev, world.far, "198.18.1.2")
    onlookers = [Onlooker(lambda look=look: look(world.gw)) for look in (dumps, listens, reads)]
    for _ in range(max(ROUNDS // 4, 5)):
        before = local.sessions + routed.sessions
        wait(lambda: local.sessions + routed.sessions > before + 3 or local.wrong or
             routed.wrong, "traffic")
        wait(delete, "unloaded")
        insert()
    for each in (local, routed, *onlookers):
        each.stop()
    print("# looks: " + ", ".join(str(each.looks) for each in onlookers))
    equal([each.looks > 0 for each in onlookers], [True] * 3, "dumps, events and /proc were there")


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


@test("ATTACKS 31: a namespace destroyed in the middle of its flows, a dump open")
def namespace_dies():
    for _ in range(max(ROUNDS // 40, 2)):
        world = World()
        silent, _ = world.pair(world.gw, "198.18.0.1", 8883)
        world.gw.until(silent, phase="handshake")
        silent.close()
        pairs = many(world, 100)
        session(*pairs[0])
        world.gw.until(pairs[0][0], phase="connected")
        talk, listen = Genl(world.gw), Genl(world.gw)
        listen.join()
        talk.send(genl.NUMBERS["MQGATE_CMD_CLIENT_GET"], b"", genl.DUMP)
        world.gw.remove()
        world.dev.remove()
        # Sockets keep it alive, nameless; the last of them to go is one with half a dump.
        rest(talk, len(pairs))
        talk.send(genl.NUMBERS["MQGATE_CMD_CLIENT_GET"], b"", genl.DUMP)
        list(talk.messages())
        undo.remove(talk.sock.close)
        w.clean()
        talk.sock.close()
    # Waits for namespaces that are going.
    unload()
    load()


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
