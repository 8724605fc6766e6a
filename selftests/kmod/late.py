# SPDX-License-Identifier: BSD-2-Clause
"""Deadlines: CONNECT, CONNACK, keep alive x 1.5, idle; what is told in observe, what ends in
enforce. Times are short and waited for; none is measured."""
import socket
import time

from genl import Genl
from world import (CONNACK, CONNECT, CONNECT_1S, LIMIT, PINGREQ, World, ended, equal, main, quiet,
                   session, take, test, undo, wait)


def late(world, server, address, reset):
    client, accepted = world.pair(server, address)
    name = client.getsockname()
    found = world.gw.until(client, phase="refused" if reset else "connect", offences=1)
    if reset:
        equal((ended(client), ended(accepted)), ("reset", "reset"), "both ends")
    equal(world.gw.counter("late-connect"), 1, "late")
    return client, accepted, name, found


@test("ATTACKS 20: who connects and says nothing is reset at both ends (local, enforce)")
def connect_local():
    world = World(enforce="Y", connect_timeout=1000)
    late(world, world.gw, "198.18.0.1", True)


@test("ATTACKS 20: who connects and says nothing is reset at both ends (routed, enforce)")
def connect_routed():
    world = World(enforce="Y", connect_timeout=1000)
    late(world, world.far, "198.18.1.2", True)


@test("the same over IPv6, local and routed")
def connect_ipv6():
    world = World(enforce="Y", connect_timeout=1000)
    late(world, world.gw, "2001:db8:18::1", True)
    world = World(enforce="Y", connect_timeout=1000)
    late(world, world.far, "2001:db8:19::2", True)


@test("in observe it is told once, nothing is reset, and a late CONNECT is welcome")
def connect_observe():
    world = World(connect_timeout=500)
    client, accepted, _, _ = late(world, world.far, "198.18.1.2", False)
    session(client, accepted)
    equal(world.gw.until(client, phase="connected")["offences"], "1", "offences")
    equal(world.gw.counter("late-connect"), 1, "late")
    equal(world.gw.counter("resets"), 0, "resets")


@test("ATTACKS 11: a CONNECT that trickles in does not move the deadline (SlowITe, enforce)")
def trickle():
    world = World(enforce="Y", connect_timeout=2000)
    client, _ = world.pair(world.gw, "198.18.0.1")
    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    endless = bytes.fromhex("10ff7f00044d5154540402003c3ff3") + b"a" * 10**6
    sent = 0

    def drip():
        nonlocal sent
        try:
            client.send(endless[sent:sent + 1])
            sent += 1
        except OSError:
            return True
        return False
    wait(drip, "the reset")
    equal(world.gw.counter("late-connect"), 1, "late")


@test("one and a half keep alives without a packet: reset at both ends (enforce)")
def keep_alive():
    world = World(enforce="Y")
    client, accepted = world.pair(world.far, "198.18.1.2")
    session(client, accepted, CONNECT_1S[:11] + b"\3" + CONNECT_1S[12:])
    equal(world.gw.until(client, phase="connected")["keep_alive"], "3", "keep alive")
    for _ in range(6):
        # Two keep alives' worth of time, never near one and a half without a packet.
        equal(quiet(client, 1), True, "an early end")
        client.sendall(PINGREQ)
        take(accepted, 2)
    equal(world.gw.counter("late-keep-alive"), 0, "late")
    world.gw.until(client, phase="refused")
    equal((ended(client), ended(accepted)), ("reset", "reset"), "both ends")
    equal(world.gw.counter("late-keep-alive"), 1, "late")


@test("what the broker sends does not keep a silent client alive")
def keep_alive_is_the_clients():
    world = World(enforce="Y")
    client, accepted = world.pair(world.gw, "198.18.0.1")
    session(client, accepted, CONNECT_1S)

    def push():
        try:
            accepted.send(b"\x30\x06\x00\x03a/bx")
        except OSError:
            return True
        return False
    wait(push, "the reset")
    equal(world.gw.counter("late-keep-alive"), 1, "late")


@test("a cap shortens a long keep alive, and gives one to who asks for none")
def cap():
    world = World(enforce="Y", keep_alive_cap=1)
    client, accepted = world.pair(world.gw, "198.18.0.1")
    session(client, accepted)
    equal(ended(client), "reset", "the client")


@test("in observe a missed keep alive is told, and the session lives")
def keep_alive_observe():
    world = World()
    client, accepted = world.pair(world.far, "198.18.1.2")
    session(client, accepted, CONNECT_1S)
    wait(lambda: world.gw.counter("late-keep-alive") >= 1, "the deadline")
    client.sendall(PINGREQ)
    equal(take(accepted, 2), PINGREQ)
    equal(world.gw.counter("resets"), 0, "resets")


@test("a broker that does not answer CONNECT: reset at both ends (enforce)")
def connack():
    world = World(enforce="Y", connack_timeout=1000)
    client, accepted = world.pair(world.far, "198.18.1.2")
    client.sendall(CONNECT)
    take(accepted, len(CONNECT))
    world.gw.until(client, phase="refused")
    equal((ended(client), ended(accepted)), ("reset", "reset"), "both ends")


@test("an idle session is forgotten, not ended, and picked up when it speaks")
def idle():
    world = World(enforce="Y", idle_timeout=1)
    client, accepted = world.pair(world.gw, "198.18.0.1")
    session(client, accepted)
    world.gw.until_gone(client.getsockname())
    equal(world.gw.counter("idle"), 1, "idle")
    client.sendall(PINGREQ)
    equal(take(accepted, 2), PINGREQ)
    equal(world.gw.counter("picked-up"), 1, "picked up")


@test("a refused connection lets nothing pass until it is gone (enforce)")
def refused():
    world = World(enforce="Y")
    client, accepted = world.pair(world.far, "198.18.1.2")
    client.sendall(b"\xee" * 20)
    equal((ended(client), ended(accepted)), ("reset", "reset"), "both ends")
    equal(world.gw.counter("violations"), 1, "violations")
    equal(world.gw.counter("dropped") >= 1, True, "dropped")


@test("in observe the same bytes reach the broker")
def observed():
    world = World()
    client, accepted = world.pair(world.far, "198.18.1.2")
    client.sendall(b"\xee" * 20)
    equal(take(accepted, 20), b"\xee" * 20)
    equal(world.gw.counter("violations"), 1, "violations")
    equal(world.gw.counter("dropped"), 0, "dropped")


@test("a limit that becomes shorter holds at once, also for who is there already")
def shorter():
    world = World(enforce="Y", connect_timeout=600000, connack_timeout=600000, idle_timeout=0)
    talk = Genl(world.gw)
    silent, at_silent = world.pair(world.gw, "198.18.0.1")
    world.gw.until(silent, phase="connect")
    talk.ask("settings-set", {"settings": {"connect-timeout": 300}})
    equal((ended(silent), ended(at_silent)), ("reset", "reset"), "both ends")
    talk.ask("settings-set", {"settings": {"connect-timeout": 600000}})
    live, accepted = world.pair(world.far, "198.18.1.2")
    session(live, accepted)
    world.gw.until(live, phase="connected")
    talk.ask("settings-set", {"settings": {"idle-timeout": 1}})
    world.gw.until_gone(live.getsockname())
    equal(world.gw.counter("idle"), 1, "idle")


@test("a link-local client is reset like any other")
def link_local():
    world = World(enforce="Y", connect_timeout=600000)
    ends = []
    for namespace, device in (world.gw, "gw0"), (world.dev, "dev0"):
        with namespace:
            ends.append((link_local_of(device), socket.if_nametoindex(device)))
    with world.gw:
        listener = socket.socket(socket.AF_INET6)
    undo.append(listener.close)
    listener.bind((ends[0][0], 1883, 0, ends[0][1]))
    listener.listen()
    with world.dev:
        client = socket.socket(socket.AF_INET6)
    undo.append(client.close)
    client.settimeout(LIMIT)
    client.connect((ends[0][0], 1883, 0, ends[1][1]))
    accepted, _ = listener.accept()
    accepted.settimeout(LIMIT)
    undo.append(accepted.close)
    client.sendall(PINGREQ)
    equal((ended(client), ended(accepted)), ("reset", "reset"), "both ends")


def link_local_of(device):
    """The address, once nobody else may have it."""
    def ready():
        with open("/proc/thread-self/net/if_inet6") as file:
            for line in file:
                address, _, _, scope, flags, name = line.split()
                if name == device and scope == "20" and not int(flags, 16) & 0x40:
                    return socket.inet_ntop(socket.AF_INET6, bytes.fromhex(address))
        return None
    return wait(ready, f"a link-local address of {device}")


@test("a closed connection that does not finish closing is forgotten in time")
def closing():
    world = World(closing_timeout=500)
    client, accepted = world.pair(world.gw, "198.18.0.1")
    session(client, accepted)
    client.shutdown(socket.SHUT_WR)
    world.gw.until_gone(client.getsockname())


@test("ATTACKS 31: the clock jumps a year either way: no deadline comes early, none is lost")
def clock_jumps():
    year = 365 * 86400
    right = time.time() - time.monotonic()

    def jump(ahead):
        time.clock_settime(time.CLOCK_REALTIME, right + time.monotonic() + ahead)
    world = World(enforce="Y", connect_timeout=4000)
    client, accepted = world.pair(world.far, "198.18.1.2")
    session(client, accepted)
    world.gw.until(client, phase="connected")
    listener = world.gw.listen("198.18.0.1")
    undo.append(lambda: jump(0))
    for ahead in year, -year, 0:
        silent = world.dev.connect("198.18.0.1")
        other, _ = listener.accept()
        undo.append(other.close)
        jump(ahead)
        equal(world.gw.until(silent, phase="connect")["offences"], "0", "early")
        client.sendall(PINGREQ)
        equal(take(accepted, 2), PINGREQ)
        world.gw.until(silent, phase="refused", offences=1)
        equal((ended(silent), ended(other)), ("reset", "reset"), "both ends")
    found = world.gw.client(client)
    equal((found["phase"], found["offences"]), ("connected", "0"), "who was there throughout")
    equal(world.gw.counter("picked-up"), 0, "entries that were lost and made again")


main()
