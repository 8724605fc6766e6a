#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""Many clients, and what runs out: sessions, descriptors, the proxy's own life. ATTACKS 32."""
from proxyrig import *

pki = Pki()
ONE = ("-b", "127.0.0.1:1883", "-p", "127.0.0.1:1884")
WITH_TLS = (*ONE, "-r", "any", "-t", "127.0.0.1:8883")


def steady(read, seconds=10):
    """The value of @read once it has been the same for a quarter of a second."""
    seen = [read(), time.monotonic()]

    def same():
        now = read()
        if now != seen[0]:
            seen[:] = [now, time.monotonic()]
        return time.monotonic() - seen[1] > 0.25

    poll("it settles", same, seconds)
    return seen[0]


@test("500 clients at once, half of them TLS: all are listed, each gets its own message")
def five_hundred():
    context = pki.context(pki.device("device-1"))
    with Mosquitto(), Rig(*WITH_TLS, pki=pki) as rig:
        clients = [session(f"c{i}", *((TLS, context) if i % 2 else (PLAIN, None)))
                   for i in range(500)]
        equal(rig.open(), 500, "sessions")
        listed = rig.ask("sessions")
        equal(sorted(s["client_id"] for s in listed), sorted(f"c{i}" for i in range(500)))
        equal({(s["connected"], s["allowed"]) for s in listed}, {(True, True)})
        equal({s["identity"] for s in listed if s["listener"] == 1}, {"device-1"})
        for i, client in enumerate(clients):
            client.sendall(subscribe(f"t/{i}") + publish(f"t/{i}", b"for %d" % i))
        for i, client in enumerate(clients):
            packets = [read_packet(client), read_packet(client)]
            if (0x30, text(f"t/{i}") + b"for %d" % i) not in packets:
                raise AssertionError(f"client {i} got {packets}")
        before = rig.cpu()
        end = time.monotonic() + 0.5
        poll("half a second passes", lambda: time.monotonic() > end)
        if rig.cpu() - before > 0.1:
            raise AssertionError(f"idle sessions took {rig.cpu() - before} s of processor time")
        for client in clients:
            client.close()
        poll("all are given back", lambda: rig.open() == 0)
        poll("every ALLOW is given back",
             lambda: sum("closed" in line for line in rig.lines) == 500)
        equal(rig.refusals(), [])


@test("200 sessions and 200 refusals later the descriptors are those of before")
def descriptors():
    context = pki.context(pki.device("device-1"))
    with Mosquitto(), Rig(*WITH_TLS, pki=pki) as rig:
        session("first").close()
        poll("it is given back", lambda: rig.open() == 0)
        before = rig.descriptors()
        for i in range(100):
            session(f"p{i}").close()
            session(f"t{i}", TLS, context).close()
        for i in range(200):
            with dial() as client:
                client.sendall(b"\x10\0")
                read_all(client)
        poll("all are given back", lambda: rig.open() == 0)
        equal(rig.descriptors(), before)
        counts = rig.counts()["listeners"]
        equal([c["accepted"] for c in counts], [301, 100])
        equal([c["refused"] for c in counts], [200, 0])


@test("sessions_max: the next client is refused with limit-sessions, and is let in after one left")
def sessions_max():
    with Mosquitto(), Rig("-s", "3", *ONE) as rig:
        clients = [session(f"c{i}") for i in range(3)]
        with dial() as client:
            client.sendall(connect("late"))
            try:
                equal(client.recv(1), b"")
            except ConnectionResetError:
                pass
        equal(rig.refused()["refused"], "limit-sessions")
        equal(rig.open(), 3)
        clients.pop().close()
        poll("one is given back", lambda: rig.open() == 2)
        session("late").close()
        for client in clients:
            client.close()


@test("descriptors exhausted: nobody spins, sessions live, and new ones come in later (ATTACKS 32)")
def exhausted():
    # Two workers take 3 descriptors each and a listening socket; 8 sessions fit into the rest.
    with Mosquitto(), Rig(*ONE, asan=False, nofile=30) as rig:
        first = session("first")
        crowd = [dial() for _ in range(60)]
        rig.wait(lambda line: line.get("refused") == "limit-sessions")
        steady(lambda: rig.counts()["listeners"][0]["accepted"])
        used = rig.cpu()
        end = time.monotonic() + 0.5
        poll("half a second passes", lambda: time.monotonic() > end)
        if rig.cpu() - used > 0.2:
            raise AssertionError(f"{rig.cpu() - used} s of processor time in half a second")
        first.sendall(PINGREQ)
        equal(read_packet(first), (0xd0, b""))
        for client in crowd:
            client.close()
        poll("the crowd is given back", lambda: rig.open() == 1)
        session("later").close()
        first.close()


@test("no descriptor left for the broker's side: the client is told, the broker is not blamed")
def no_upstream_descriptor():
    with Mosquitto(), Rig(*ONE, "-w", "1", asan=False, nofile=40) as rig:
        waiting = []
        while not rig.refusals():
            waiting.append(dial())
            steady_count = len(waiting)
            poll("it is taken or refused",
                 lambda: rig.counts()["listeners"][0]["accepted"] >= steady_count)
        since = rig.mark()
        waiting[0].sendall(connect("d", 5))
        equal(read_all(waiting[0]), b"\x20\x03\0\x89\0")
        equal(rig.refused(since)["refused"], "limit-sessions")
        equal(rig.counts()["brokers"][0]["failures"], 0)
        for client in waiting:
            client.close()


@test("stopping with sessions in every stage: clients see the end, nothing leaks")
def teardown():
    context = pki.context(pki.device("device-1"))

    def broker(sock):
        _, body = read_packet(sock)
        if b"unanswered" not in body:
            sock.sendall(ACCEPTED + publish("t", noise(1 << 20)))
        try:
            read_all(sock)
        except ConnectionError:
            pass

    with FakeBroker(broker), Rig(*WITH_TLS, pki=pki) as rig:
        silent, hello, half, unanswered = dial(TLS), dial(TLS), dial(), dial()
        hello.sendall(b"\x16\x03\x01\x02\0\1")
        half.sendall(connect("half")[:-1])
        unanswered.sendall(connect("unanswered"))
        clients = [silent, hello, half, unanswered, session("plain"),
                   session("tls", TLS, context)]
        poll("all are there", lambda: rig.open() == 6)
        rig.stop()
        for client in clients[:4]:
            equal(client.recv(1), b"")
        equal(sum("allowed" in line for line in rig.lines),
              sum("closed" in line for line in rig.lines), "every ALLOW is given back")
        for client in clients:
            client.close()


@test("an IPv6 listener is dual stack; flows are told as they came")
def dual_stack():
    with Mosquitto(), Rig("-b", "127.0.0.1:1883", "-p", "[::]:1884") as rig:
        for address in (("127.0.0.1", 1884), ("::1", 1884)):
            since = rig.mark()
            with session("d", address) as client:
                allowed = rig.wait(lambda line: "allowed" in line, since=since)
                own = client.getsockname()
                equal((allowed["saddr"], allowed["sport"], allowed["daddr"], allowed["dport"]),
                      (own[0], own[1], *address))


def wakes(rig):
    """How often each worker has gone to sleep, by thread."""
    slept = {}
    for task in os.listdir(f"/proc/{rig.process.pid}/task"):
        with open(f"/proc/{rig.process.pid}/task/{task}/status") as status:
            fields = dict(line.split(":\t", 1) for line in status.read().splitlines())
        if fields["Name"].startswith("worker/"):
            slept[task] = int(fields["voluntary_ctxt_switches"])
    return slept


@test("every worker of a listener serves sessions")
def spread():
    with Mosquitto(), Rig("-w", "4", *ONE) as rig:
        before = steady(lambda: wakes(rig))
        equal(len(before), 4, "worker threads")
        clients = [session(f"c{i}") for i in range(64)]
        equal(len(rig.ask("sessions")), 64)
        poll("each has been woken", lambda: all(wakes(rig)[task] > count
                                                for task, count in before.items()))
        for client in clients:
            client.close()


main()
