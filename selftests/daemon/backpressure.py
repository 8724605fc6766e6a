#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""
Clients whose broker does not read, that do not read themselves, or that leave the gateway's own
answers lying, through mqgated: each is held, in bounded memory, and nothing of his is lost; others
on the same worker are as fast as before.
"""
import os
import statistics
import sys

os.environ["MQGATE_GATEWAY"] = "daemon"
sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "proxy"))
from numbered import *  # noqa: E402

pki = Pki()
DOORS = ((PLAIN, None), (TLS, pki.context(pki.device("device-1"))))
LISTEN = ("-w", "1", "-r", "any", "-b", "127.0.0.1:1883", "-p", "127.0.0.1:1884", "-t",
          "127.0.0.1:8883")
HELD = 3                    # through each door
BLOCK = 1000                # messages
BUFFER = 256 << 10          # bytes of a socket, each way, at most
MOST = 8 * BUFFER           # bytes that the four sockets of a way may take; the kernel counts amply
GROWTH = 2048               # kB


def numbered_messages(first):
    return b"".join(publish("t", b"%08d" % n + bytes(56)) for n in range(first, first + BLOCK))


ONE = len(publish("t", bytes(64)))


def refused_messages(first):
    return b"".join(packet(0x32, text("no") + ident(n % 65535 + 1))
                    for n in range(first, first + BLOCK))


def answers(count):
    return b"".join(b"\x40\2" + ident(n % 65535 + 1) for n in range(count))


class Pour(threading.Thread):
    """Sends blocks of messages, made by @block of the first one's number, until it is to end."""

    def __init__(self, sock, block=numbered_messages):
        super().__init__(daemon=True)
        self.sock, self.block, self.sent, self.last, self.enough = sock, block, 0, 0, False
        self.moved, self.done = time.monotonic(), False

    def run(self):
        self.sock.settimeout(60)
        while not self.enough:
            view = memoryview(self.block(self.last))
            while view:
                count = self.sock.send(view[:1 << 16])
                view = view[count:]
                self.sent += count
                self.moved = time.monotonic()
            self.last += BLOCK
        self.done = True

    def held(self):
        return self.sent and time.monotonic() - self.moved > 0.3


def hear_all(sock, pour, size):
    """What comes of all that was poured, @size bytes for a message; it may go on meanwhile."""
    heard = bytearray()
    sock.settimeout(0.1)
    end = time.monotonic() + 60
    while (not pour.done or len(heard) < size * pour.last) and time.monotonic() < end:
        try:
            heard += sock.recv(1 << 16)
        except TimeoutError:
            pass
    sock.settimeout(60)
    return bytes(heard)


class World(FakeBroker):
    """
    Who is called "deaf" is not listened to until the end, "poured" is sent more and more, "shouted"
    what he may not have; to everybody else comes back what he said.
    """

    def __init__(self):
        self.release, self.pours, self.poured, self.heard = threading.Event(), [], {}, {}
        for way in ("rmem", "wmem"):
            with open(f"/proc/sys/net/ipv4/tcp_{way}", "w", encoding="ascii") as f:
                f.write(f"4096 65536 {BUFFER}")
        super().__init__(self.talk)

    def talk(self, sock):
        sock.settimeout(60)
        name = read_packet(sock)[1][12:].decode()
        sock.sendall(ACCEPTED)
        if name.startswith("poured"):
            self.pours.append(Pour(sock))
            self.poured[name] = self.pours[-1]
            self.pours[-1].run()
            read_all(sock)
        elif name.startswith("shouted"):
            pour = Pour(sock, refused_messages)
            self.pours.append(pour)
            pour.start()
            self.release.wait(60)
            self.heard[name] = hear_all(sock, pour, 4)
            read_all(sock)
        elif name.startswith("deaf"):
            self.release.wait(60)
            self.heard[name] = read_all(sock)
        else:
            while part := sock.recv(65536):
                sock.sendall(part)


def trip(client, data):
    begun = time.monotonic()
    client.sendall(data)
    read_exactly(client, len(data))
    return time.monotonic() - begun


def pace(clients):
    """Seconds of a round trip of one message, and of a block, the middle of many."""
    single, block = publish("t", bytes(64)), publish("t", bytes(64)) * 200
    return [statistics.median(trip(client, data) for _ in range(rounds) for client in clients)
            for data, rounds in ((single, 300), (block, 30))]


def spared(rig, stop, pours):
    """Others meanwhile, before @stop lets the held go on, and what is held; and the memory."""
    others = [session(f"other-{i}", *door) for i, door in enumerate(DOORS)]
    before = pace(others)
    memory = rig.status("VmRSS")
    yield others
    poll("all are held", lambda: all(pour.held() for pour in pours()), 60)
    for pour in pours():
        if pour.sent > MOST:
            raise AssertionError(f"{pour.sent} bytes were taken")
    cpu = rig.cpu()
    end = time.monotonic() + 0.3
    poll("time passes", lambda: time.monotonic() > end)
    if rig.cpu() - cpu > 0.1:
        raise AssertionError("who is held costs processor time")
    during = pace(others)
    grown = rig.status("VmRSS") - memory
    stop()
    yield
    after = pace(others)
    print(f"# {max(pour.sent for pour in pours()) >> 10} kB were taken of one, {grown} kB more in "
          "use, round trips (us): " + ", ".join(
              f"{word} {one * 1e6:.0f} and {block * 1e6:.0f}" for word, (one, block) in
              (("before", before), ("meanwhile", during), ("after", after))))
    if grown > GROWTH:
        raise AssertionError(f"{grown} kB more in use")
    for calm, held in zip(map(max, before, after), during):
        # Other programs run, too: who had to wait for the held would wait for seconds.
        if held > 5 * calm + 0.001:
            raise AssertionError(f"{held * 1e6:.0f} us in the place of {calm * 1e6:.0f}")
    for client in others:
        client.close()
    equal(set(rig.refusals()) - {"policy-publish"}, set())


def in_order(data):
    """Whole messages from number 0 on; how many."""
    count = len(data) // ONE
    equal(data == b"".join(map(numbered_messages, range(0, count, BLOCK)))[:count * ONE], True,
          "what arrived is what was sent")
    return count


@test("six brokers' connections that do not read: their clients are held, the others are not")
def deaf_brokers():
    with World() as world, Rig(*LISTEN, pki=pki) as rig:
        clients, pours = [], []

        def stop():
            for pour in pours:
                pour.enough = True
            world.release.set()

        steps = spared(rig, stop, lambda: pours)
        next(steps)
        for door in DOORS:
            for i in range(HELD):
                clients.append(session(f"deaf-{door[0][1]}-{i}", *door))
                pours.append(Pour(clients[-1]))
                pours[-1].start()
        next(steps)
        for pour, client in zip(pours, clients):
            pour.join(60)
            client.unwrap() if isinstance(client, ssl.SSLSocket) else client.close()
        poll("brokers have heard them", lambda: len(world.heard) == len(clients), 60)
        equal(sorted(map(in_order, world.heard.values())), sorted(p.last for p in pours))
        next(steps, None)


@test("six clients that do not read: their brokers' connections are held, the others are not")
def deaf_clients():
    with World() as world, Rig(*LISTEN, pki=pki) as rig:
        clients = {}

        def stop():
            for pour in world.pours:
                pour.enough = True

        steps = spared(rig, stop, lambda: world.pours)
        next(steps)
        for door in DOORS:
            for i in range(HELD):
                name = f"poured-{door[0][1]}-{i}"
                clients[name] = session(name, *door)
        poll("brokers pour", lambda: len(world.pours) == len(clients))
        next(steps)
        for name, client in clients.items():
            pour = world.poured[name]
            equal(in_order(hear_all(client, pour, ONE)), pour.last)
            client.close()
        next(steps, None)


@test("six clients that do not read the gateway's own answers, to what they may not publish")
def deaf_to_answers():
    rules = ("-G", "allow,connect,2,#", "-G", "allow,publish+receive,2,t")
    with World(), Rig(*rules, *LISTEN, pki=pki) as rig:
        clients, pours = [], []

        def stop():
            for pour in pours:
                pour.enough = True

        steps = spared(rig, stop, lambda: pours)
        next(steps)
        # In clear text: two threads may not use Python's TLS at once.
        for i in range(2 * HELD):
            clients.append(session(f"loud-{i}"))
            pours.append(Pour(clients[-1], refused_messages))
            pours[-1].start()
        next(steps)
        for client, pour in zip(clients, pours):
            equal(hear_all(client, pour, 4) == answers(pour.last), True, "a PUBACK each")
            client.close()
        next(steps, None)
        equal(rig.counts()["listeners"][0]["messages"],
              {"policy-publish": sum(pour.last for pour in pours)})


@test("six brokers' connections that do not read the gateway's own answers, to what clients may "
      "not have")
def deaf_to_refusals():
    rules = ("-G", "allow,connect,2,#", "-G", "allow,publish+receive,2,t")
    with World() as world, Rig(*rules, *LISTEN, pki=pki) as rig:
        def stop():
            for pour in world.pours:
                pour.enough = True
            world.release.set()

        steps = spared(rig, stop, lambda: world.pours)
        next(steps)
        clients = [session(f"shouted-{door[0][1]}-{i}", *door)
                   for door in DOORS for i in range(HELD)]
        poll("brokers pour", lambda: len(world.pours) == len(clients))
        next(steps)
        poll("brokers have read", lambda: len(world.heard) == len(clients), 60)
        equal(sorted(len(heard) for heard in world.heard.values()),
              sorted(4 * pour.last for pour in world.pours))
        equal([heard == answers(len(heard) // 4) for heard in world.heard.values()],
              [True] * len(clients), "a PUBACK each")
        for client in clients:
            client.close()
        next(steps, None)


main()
