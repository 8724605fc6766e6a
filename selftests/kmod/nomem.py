# SPDX-License-Identifier: BSD-2-Clause
"""ATTACKS 31: allocation failure at every allocation, one after the other: at load, in namespaces,
per netlink request, per packet. Nothing crashes, leaks or is half done, and what is lost is
counted. Wants the kernel's failslab: the debug kernel has it, and a leak detector that looks when
the guest ends."""
import ctypes
import errno
import functools
import os
import socket

import world as w
from genl import Genl, Refused, flow
from world import CONNECT, Namespace, equal, loaded, main, session, take, test, undo, wait

FAILSLAB = "/sys/kernel/debug/failslab/"
STEP = int(os.environ.get("MQGATE_FAIL_STEP", "1"))
INIT_MODULE, DELETE_MODULE = 175, 176
CLONE_NEWNET = 0x40000000
OUT_OF_MEMORY = (errno.ENOMEM, errno.ENOBUFS)


def put(name, value):
    with open(FAILSLAB + name, "w") as file:
        file.write(str(value))


def off():
    put("probability", 0)
    put("times", -1)
    put("interval", 1)
    put("task-filter", "N")
    put("cache-filter", "N")
    put("ignore-gfp-wait", "N")


def of_the_module():
    """From the caches that the module takes from on a packet's path; TCP has its own."""
    with open("/sys/kernel/slab/mqg_client/failslab") as file:
        equal(file.read(), "1\n", "marked when the kernel started (slub_debug=a)")
    put("cache-filter", "Y")
    # Of what may not wait only: that is what the path of a packet asks for.
    put("ignore-gfp-wait", "Y")


class Failing:
    """The nth allocation of this thread in the block fails; .failed: whether there was one."""

    def __init__(self, nth):
        self.nth = nth
        self.file = os.open("/proc/thread-self/fail-nth", os.O_RDWR)

    def __enter__(self):
        os.pwrite(self.file, b"%d" % self.nth, 0)
        return self

    def __exit__(self, *_):
        self.left = int(os.pread(self.file, 16, 0))
        os.pwrite(self.file, b"0", 0)
        os.close(self.file)
        self.failed = not self.left


@functools.cache
def image():
    with open(w.MODULE, "rb") as file:
        return file.read()


def insert(parameters=b""):
    """insmod without a process, and from memory: a file system that is refused memory on the way
    may take its file for lost from then on. 0 or the errno."""
    if w.libc.syscall(INIT_MODULE, image(), len(image()), parameters):
        return ctypes.get_errno()
    return 0


def remove():
    """rmmod without a process."""
    if loaded() and w.libc.syscall(DELETE_MODULE, b"mqgate", os.O_NONBLOCK):
        raise OSError(ctypes.get_errno(), "mqgate is not removed")


def allocations(parameters=b""):
    """How many a load makes."""
    many = 10**6
    with Failing(many) as counting:
        insert(parameters)
    return many - counting.left


@test("ATTACKS 31: load: each of its allocations fails once; nothing stays but a whole module")
def load_fails():
    remove()
    undo.append(lambda: loaded() or w.load())
    image()
    # What the kernel itself takes for a module comes first: a refused parameter ends behind it.
    first = allocations(b"max_clients=0") - 2
    equal(loaded(), False, "loaded with max_clients=0")
    last = allocations()
    equal(loaded(), True, "loaded")
    remove()
    print(f"# allocations {first} to {last} of a load are the module's")
    equal(last - first > 30, True, "allocations of its own")
    refused = 0
    for nth in range(first, last + 1, STEP):
        with Failing(nth) as failing:
            wrong = insert()
        if wrong:
            equal(wrong in OUT_OF_MEMORY, True, f"errno {wrong} at {nth}")
            equal(loaded(), False, f"loaded after failure {nth}")
            equal(os.path.exists("/proc/net/mqgate"), False, "/proc/net/mqgate")
            refused += 1
        else:
            remove()
    print(f"# {refused} of {len(range(first, last + 1, STEP))} refused the load")
    equal(refused > (last - first) / STEP / 3, True, "failures that refuse the load")


def make_namespace(nth):
    """In a child, which takes it with it: (errno or 0, allocations that were left of nth)."""
    ear, mouth = os.pipe()
    child = os.fork()
    if not child:
        wrong = left = 255
        try:
            with Failing(nth) as failing:
                wrong = ctypes.get_errno() if w.libc.unshare(CLONE_NEWNET) else 0
            left = failing.left
        finally:
            os.write(mouth, b"%d %d" % (wrong, left))
            os._exit(0)
    os.waitpid(child, 0)
    wrong, left = os.read(ear, 64).split()
    os.close(ear)
    os.close(mouth)
    return int(wrong), int(left)


def namespace_takes():
    wrong, left = make_namespace(10**6)
    equal(wrong, 0, "a namespace with all the memory it wants")
    return 10**6 - left


@test("ATTACKS 31: a namespace is made: each allocation of the module's part fails once")
def namespace_fails():
    undo.append(lambda: loaded() or w.load())
    remove()
    without = namespace_takes()
    # The kernel's own parts say what they please where they find no memory (ENODEV, EAFNOSUPPORT).
    said = {make_namespace(nth)[0] for nth in range(1, without + 1, 3 * STEP)}
    w.load()
    total = namespace_takes()
    ours = total - without
    # Where among them nobody says: loopback comes behind, and many of its may fail unnoticed.
    steps = range(1, total + 1, 3 * STEP)
    bad = []
    for nth in steps:
        wrong, _ = make_namespace(nth)
        equal(wrong in {0, *OUT_OF_MEMORY, *said}, True, f"errno {wrong} at {nth}")
        if wrong:
            bad.append(nth)
    print(f"# {ours} of {total} allocations are the module's; {len(bad)} of {len(steps)} refused,"
          f" the last at {max(bad, default=0)}")
    equal(ours > 10, True, "allocations of the module's own")
    equal(len(bad) > len(steps) / 5, True, "refused")
    equal(make_namespace(10**6)[0], 0, "afterwards")


def requests(talk, key, slot):
    """What can be asked, by name."""
    said = talk.ask("settings-get")[0]["settings"]
    changed = dict(said, **{"max-clients": 4711, "service": said["service"] + [
        {"port": 2883, "number": 7, "kind": 1}]})
    return {
        "get": lambda: talk.ask("client-get", {"client": key}),
        "get by slot": lambda: talk.ask("client-get", {"client": {"slot": slot}}),
        "dump": lambda: talk.ask("client-get", {}, True),
        "filtered dump": lambda: talk.ask("client-get", {"filter": {"id": b"dev"}}, True),
        "bind": lambda: talk.ask("client-bind", {"client": dict(key, identity=5)}),
        "settings": lambda: talk.ask("settings-get"),
        "change": lambda: talk.ask("settings-set", {"settings": changed}),
        "back": lambda: talk.ask("settings-set", {"settings": said}),
        "counters": lambda: talk.ask("stats-get"),
        "services": lambda: talk.ask("stats-get", {}, True),
    }


@test("ATTACKS 31: each netlink request, each of its allocations: an error or the answer, no half")
def netlink_fails():
    host = Namespace("host")
    listener = host.listen("127.0.0.1")
    client = host.connect("127.0.0.1")
    accepted, _ = listener.accept()
    session(client, accepted)
    host.until(client, phase="connected")
    talk = Genl(host)
    slot = talk.ask("client-get", {"client": flow(client)})[0]["client"]["slot"]
    before = talk.ask("settings-get")[0]["settings"]
    for name, request in requests(talk, flow(client), slot).items():
        wrong, nth, failing = 0, 0, None
        while failing is None or failing.failed:
            nth += 1
            # A new socket: what an interrupted dump leaves behind is none of the next one's.
            talk.sock.close()
            talk.__init__(host)
            with Failing(nth) as failing:
                try:
                    request()
                except (Refused, OSError) as no:
                    equal(no.errno in OUT_OF_MEMORY, True, f"{name}, allocation {nth}: {no}")
                    wrong += 1
            equal(nth < 300, True, f"{name} comes to an end")
            now = talk.ask("settings-get")[0]["settings"]
            equal(now["max-clients"] in (before["max-clients"], 4711), True, "settings")
            equal(len(now["service"]) - len(before["service"]), now["max-clients"] == 4711,
                  f"{name}: services go with the rest")
        print(f"# {name}: {nth - 1} allocations, {wrong} errors")
        equal(wrong > 0, True, f"errors of {name}")
        client.sendall(w.PINGREQ)
        equal(take(accepted, 2), w.PINGREQ, "the session meanwhile")
    equal(talk.ask("client-get", {"client": flow(client)})[0]["client"]["identity"], 5, "bound")


def whole_session(host, listener, number):
    """From SYN to FIN, with a packet in pieces; raises when TCP does not get it through."""
    connect = bytes([16, 17]) + b"\0\4MQTT\4\2\0\x3c\0\5" + b"%05d" % number
    client = host.connect("127.0.0.1")
    undo.remove(client.close)
    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    accepted, _ = listener.accept()
    accepted.settimeout(w.LIMIT)
    session(client, accepted, connect)
    for piece in w.PUBLISH[:3], w.PUBLISH[3:]:
        client.sendall(piece)
    equal(take(accepted, len(w.PUBLISH)), w.PUBLISH, "PUBLISH")
    client.close()
    accepted.close()


def leave(host, listener):
    """Without memory TCP may end a connection that neither side is told of; the module is."""
    listener.settimeout(0)
    try:
        while True:
            listener.accept()[0].close()
    except BlockingIOError:
        listener.settimeout(w.LIMIT)
    talk = Genl(host)
    for message in talk.ask("client-get", {}, True):
        whose = {name: message["client"][name] for name in ("saddr", "daddr", "sport", "dport")}
        try:
            talk.ask("client-kill", {"client": whose})
        except Refused as no:
            equal(no.errno, errno.ENOENT, "killed")
    wait(lambda: host.counter("clients") == 0, lambda: f"nobody left in\n{host.table()}")


@test("ATTACKS 31: packets: the nth allocation fails, for each n of a session, in both modes")
def packets_fail():
    undo.append(off)
    for mode in "N", "Y":
        w.parameter(enforce=mode)
        host = Namespace("host")
        listener = host.listen("127.0.0.1")
        listener.settimeout(w.LIMIT)
        listen = Genl(host)
        listen.join()
        lost = 0
        for nth in range(1, 40, STEP):
            of_the_module()
            put("times", 1)
            put("interval", nth)
            put("probability", 100)
            try:
                whole_session(host, listener, nth)
            except OSError as no:
                print(f"# {nth}: {no}")
                lost += 1
            off()
        print(f"# {lost} of TCP's own did not come through")
        equal(lost < 20, True, "sessions that TCP gave up")
        leave(host, listener)
        equal(host.counter("begun"), host.counter("ended"), "begun and ended")
        equal(host.counter("violations"), 0, "violations")


@test("ATTACKS 31: packets: a quarter of the allocations fails: counted, given back, and over")
def packets_fail_often():
    undo.append(off)
    host = Namespace("host")
    listener = host.listen("127.0.0.1")
    listener.settimeout(w.LIMIT)
    put("ignore-gfp-wait", "Y")
    put("times", -1)
    put("probability", 25)
    lost = 0
    for number in range(24 // min(STEP, 6)):
        try:
            whole_session(host, listener, number)
        except OSError:
            lost += 1
    off()
    print(f"# {lost} of TCP's own did not come through; no-memory {host.counter('no-memory')}")
    leave(host, listener)
    equal(host.counter("begun"), host.counter("ended"), "begun and ended")
    equal(host.counter("no-memory") > 0, True, "no-memory")
    begun = host.counter("begun")
    client = host.connect("127.0.0.1")
    accepted, _ = listener.accept()
    session(client, accepted, CONNECT)
    host.until(client, phase="connected", id='"dev"', offences=0)
    equal(host.counter("begun"), begun + 1, "with memory again")


if not os.path.exists(FAILSLAB):
    w.skip_all("this kernel has no failslab: the debug kernel has")
off()
put("verbose", 0)
# Some of what fails shows its stack as a warning: to the log only, a serial line is slow.
with open("/proc/sys/kernel/printk", "w") as printk:
    printk.write("4")
main()
