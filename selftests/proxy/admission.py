#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""
Who may begin a TLS handshake: budgets of sources and of all, the number at once, the queue, and who
comes first in it. ATTACKS 20, 22, 25. The rig runs with sanitizers. Clients come from addresses of
127.0.0.0/8, each a source of its own.
"""
import ssl
import subprocess
import threading

from proxyrig import *

VERSIONS = (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3)
ANY6 = "[::]:8883"
pki = Pki()
device = pki.device("device-1")


def start(*limits, options=(), listen="127.0.0.1:8883", extra=(), **keywords):
    words = [word for limit in limits for word in ("-B", limit)]
    return Rig("-b", "127.0.0.1:1883", *words, "-r", "any", *options, "-t", listen, *extra,
               pki=pki, **keywords)


def offer(sock, hello):
    """It may be refused before it has said a word."""
    try:
        sock.sendall(hello)
    except ConnectionError:
        pass


def half(rig, source, version=None):
    """A client that stops half way; returned when OpenSSL has begun to serve it, or it waits."""
    before = reached(rig)
    sock = dial(TLS, source=source)
    offer(sock, client_hello(pki.context(version=version)))
    poll("it is begun, waits or is refused", lambda: reached(rig) > before)
    return sock


def reached(rig):
    now = rig.ask("handshakes")
    return (now["begun"] + now["waiting"] + now["waiting_known"] + now["refused_rate"] +
            now["refused_source"])


def whole(source, version=None, address=TLS):
    return session("x", address, pki.context(device, version), source=source)


def known(rig, source):
    """From there a device had a session."""
    since = rig.mark()
    whole(source).close()
    rig.wait(lambda line: "closed" in line, since=since)
    poll("it is given back", lambda: rig.open() == 0)


def turned_away(sock):
    """An end, or a reset where its ClientHello was not read; no alert was computed either."""
    try:
        equal(sock.recv(1), b"", "what a refused client reads")
    except ConnectionResetError:
        pass
    sock.close()


def finish(client, name):
    client.settimeout(10)
    client.do_handshake()
    client.sendall(connect(name))
    equal(client.recv(4), ACCEPTED)


def close(*socks):
    for sock in socks:
        sock.close()


def source_budget(version):
    hello = client_hello(pki.context(version=version))
    with Mosquitto(), start("per_source=1", "per_source_burst=3") as rig:
        for _ in range(3):
            whole("127.0.0.2", version).close()
        for _ in range(5):
            with dial(TLS, source="127.0.0.3") as sock:
                offer(sock, hello)
        poll("those are over", lambda: rig.open() == 0)
        since, begun = rig.mark(), rig.ask("handshakes")["begun"]
        equal(begun, 6, "begun")
        for source, spared in (("127.0.0.2", True), ("127.0.0.3", False)):
            since = rig.mark()
            with dial(TLS, source=source) as sock:
                offer(sock, hello)
                turned_away(sock)
            line = rig.refused(since)
            equal((line["refused"], line["addr"], line["spared"]),
                  ("handshake-source", source, spared))
        now = rig.ask("handshakes")
        equal((now["begun"], now["refused_source"]), (begun, 4), "counted")
        whole("127.0.0.4", version).close()


for _version in VERSIONS:
    test("a source over its budget is refused before OpenSSL knows of it, others are not; it is no "
         f"evidence against one that had a session, {_version.name}")(
             lambda version=_version: source_budget(version))


@test("of a source over its rate not even the ClientHello is read, on a TLS port alone")
def unread():
    with Mosquitto(), start("per_source=1", "per_source_burst=1", options=("-a",),
                            extra=("-p", "127.0.0.1:1884")) as rig:
        whole("127.0.0.2").close()
        since = rig.mark()
        with dial(TLS, source="127.0.0.2") as sock:
            equal(sock.recv(1), b"", "an end without a word of ours")
        equal(rig.refused(since)["refused"], "handshake-source")
        session("plain", PLAIN, source="127.0.0.2").close()


@test("an IPv6 /64 is one source, another /64 another")
def subnet():
    for address in ("2001:db8:1::1", "2001:db8:1::2", "2001:db8:2::1"):
        subprocess.run(["ip", "addr", "add", address + "/128", "dev", "lo", "nodad"], check=True)
    with Mosquitto(), start("per_source=1", "per_source_burst=1", listen=ANY6) as rig:
        there = ("::1", 8883)
        whole("2001:db8:1::1", address=there).close()
        with dial(there, source="2001:db8:1::2") as sock:
            offer(sock, client_hello(pki.context()))
            turned_away(sock)
        equal(rig.refused()["refused"], "handshake-source")
        whole("2001:db8:2::1", address=there).close()


@test("a source has so many at once, waiting ones among them, and the next when one is over")
def at_once():
    with Mosquitto(), start("per_source_in_flight=2", "in_flight=1") as rig:
        first, second = half(rig, "127.0.0.2"), half(rig, "127.0.0.2")
        equal(rig.ask("handshakes")["waiting"], 1, "waiting")
        turned_away(half(rig, "127.0.0.2"))
        equal(rig.refused()["refused"], "handshake-source")
        close(second, first)
        poll("both are over", lambda: rig.open() == 0)
        whole("127.0.0.2").close()


@test("at the cap a stranger waits, and goes on when a place is given back")
def cap():
    with Mosquitto(), start("in_flight=2") as rig:
        one, two = half(rig, "127.0.0.2"), half(rig, "127.0.0.3")
        equal(rig.ask("handshakes")["in_flight"], 2)
        with dial(TLS, source="127.0.0.4") as sock:
            client = pki.context(device).wrap_socket(sock, do_handshake_on_connect=False)
            client.setblocking(False)
            try:
                client.do_handshake()
            except ssl.SSLWantReadError:
                pass
            poll("it waits", lambda: rig.ask("handshakes")["waiting"] == 1)
            one.close()
            client.settimeout(10)
            client.do_handshake()
            client.sendall(connect("x"))
            equal(client.recv(4), ACCEPTED)
            now = rig.ask("handshakes")
            equal((now["in_flight"], now["waiting"], now["waited"]), (1, 0, 1))
        two.close()
        equal(rig.refusals(), ["tls-handshake"] * 2)


@test("known sources come first: a quarter of the places is theirs, and they do not wait for it")
def reserve():
    with Mosquitto(), start("in_flight=4") as rig:
        known(rig, "127.0.0.9")
        crowd = [half(rig, f"127.0.1.{i}") for i in range(1, 6)]
        now = rig.ask("handshakes")
        equal((now["in_flight"], now["waiting"]), (3, 2), "strangers")
        whole("127.0.0.9").close()
        close(*crowd)


@test("known sources come first: in the queue they are in front of strangers who came before")
def order():
    with Mosquitto(), start("in_flight=1", "queue_time=20000") as rig:
        known(rig, "127.0.0.9")
        holder = half(rig, "127.0.0.2")
        clients = []
        for source in ("127.0.0.3", "127.0.0.4", "127.0.0.9"):
            client = pki.context(device).wrap_socket(dial(TLS, source=source),
                                                     do_handshake_on_connect=False)
            client.setblocking(False)
            try:
                client.do_handshake()
            except ssl.SSLWantReadError:
                pass
            clients.append(client)
            poll("it waits", lambda: sum(rig.ask("handshakes")[key] for key in (
                "waiting", "waiting_known")) == len(clients))
        equal(rig.ask("handshakes")["waiting_known"], 1)
        holder.close()
        # Strangers cannot go on before it has finished its own handshake, and it does so now.
        finish(clients[2], "known")
        # Of strangers it depends on the worker who of them is next.
        threads = [threading.Thread(target=finish, args=pair) for pair in zip(clients, "ab")]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        poll("all have been let in, the known one first", lambda: [
            line["saddr"] for line in rig.lines if "allowed" in line][:2] == ["127.0.0.9"] * 2 and
             sum("allowed" in line for line in rig.lines) == 4)
        close(*clients)


@test("the queue is bounded: a stranger more is refused at once, a known one takes the place of "
      "the last")
def bounded():
    with Mosquitto(), start("in_flight=1", "queue=2", options=("-w", "1")) as rig:
        known(rig, "127.0.0.9")
        crowd = [half(rig, f"127.0.1.{i}") for i in range(3)]
        turned_away(half(rig, "127.0.1.4"))
        equal(rig.refused()["addr"], "127.0.1.4")
        since = rig.mark()
        late = half(rig, "127.0.0.9")
        turned_away(crowd.pop())
        line = rig.refused(since)
        equal((line["refused"], line["addr"]), ("handshake-rate", "127.0.1.2"))
        poll("it waits in its place", lambda: [
            rig.ask("handshakes")[key] for key in ("waiting", "waiting_known", "begun")] ==
             [1, 1, 2])
        close(late, *crowd)


@test("who waits for too long is refused; who goes meanwhile leaves the queue")
def deadline():
    with start("in_flight=1", "queue_time=300") as rig:
        holder, waits = half(rig, "127.0.0.2"), half(rig, "127.0.0.3")
        turned_away(waits)
        line = rig.refused()
        equal((line["refused"], line["spared"]), ("handshake-rate", False))
        half(rig, "127.0.0.4").close()
        poll("it has left", lambda: rig.ask("handshakes")["waiting"] == 0)
        equal(rig.refusals(), ["handshake-rate"])
        holder.close()


@test("the deadline of a handshake gives its place back")
def timeout():
    with Mosquitto(), start("in_flight=1", options=("-H", "300")) as rig:
        holder = half(rig, "127.0.0.2")
        whole("127.0.0.3").close()
        equal(rig.refusals(), ["tls-timeout"])
        holder.close()


def patience(version):
    with Mosquitto(), start("in_flight=4", "patience=300") as rig:
        known(rig, "127.0.0.9")
        crowd = [half(rig, source, version) for source in ("127.0.0.2", "127.0.0.3", "127.0.0.9",
                                                           "127.0.0.9")]
        end = time.monotonic() + 0.6
        poll("twice the patience passes", lambda: time.monotonic() > end)
        equal(rig.ask("handshakes")["in_flight"], 4, "nobody waits, nobody is cut")
        since = rig.mark()
        whole("127.0.0.4", version).close()
        equal({line["addr"] for line in rig.lines[since:] if line.get("refused") == "tls-timeout"},
              {"127.0.0.2", "127.0.0.3"}, "strangers alone are cut")
        equal(rig.ask("handshakes")["cut"], 2)
        close(*crowd)


for _version in VERSIONS:
    test(f"while others wait a stranger's handshake has less time, one of a known source has not, "
         f"{_version.name}")(lambda version=_version: patience(version))


@test("the rate of all: a quarter of the burst is for known sources, the rest wait for tokens")
def rate():
    with Mosquitto(), start("rate=1", "burst=8", "queue_time=300") as rig:
        known(rig, "127.0.0.9")
        crowd = [half(rig, f"127.0.1.{i}") for i in range(8)]
        now = rig.ask("handshakes")
        equal(now["begun"] in (6, 7), True, f"begun of 1 and 8: {now}")
        whole("127.0.0.9").close()
        rig.wait(lambda line: line.get("refused") == "handshake-rate")
        close(*crowd)


@test("a reload changes the budgets of the running proxy")
def reload():
    with Mosquitto(), start() as rig:
        for _ in range(5):
            whole("127.0.0.2").close()
        rig.ask(f"change -d {pki.dir} -b 127.0.0.1:1883 -B per_source=1 -r any -t 127.0.0.1:8883")
        whole("127.0.0.2").close()
        turned_away(half(rig, "127.0.0.2"))
        equal(rig.refused()["refused"], "handshake-source")


@test("a listener that goes takes those who wait with it")
def gone():
    with start("in_flight=1") as rig:
        crowd = [half(rig, f"127.0.1.{i}") for i in range(4)]
        rig.ask(f"change -d {pki.dir} -b 127.0.0.1:1883 -B in_flight=1 -t 127.0.0.1:8884")
        poll("nobody waits", lambda: rig.open() == 0)
        equal(rig.ask("handshakes")["in_flight"], 0)
        close(*crowd)


main()
