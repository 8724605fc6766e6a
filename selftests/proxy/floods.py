#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""
Clients that wear the gateway out within TLS: every example of ATTACKS 25, in both versions where
both have it. The rig runs with sanitizers, but where memory is measured.
"""
import os
import resource
import ssl
import subprocess

from proxyrig import *

VERSIONS = (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3)
BOTH = tuple(version.name for version in VERSIONS)
pki = Pki()
device = pki.device("device-1")

# What the list of attacks has, in its words, and the versions that have it.
EXAMPLES = {"renegotiation": BOTH[:1], "KeyUpdate flood": BOTH[1:], "empty records": BOTH,
            "split ClientHello": BOTH, "oversize record": BOTH, "garbage after ClientHello": BOTH,
            "parallel handshakes that stop half way": BOTH}
told = []


def attack(example, version, what):
    """A point of ATTACKS 25."""
    told.append((example, version.name))
    return test(f"ATTACKS 25: {example}, {version.name}: {what}")


def start(*options, **keywords):
    return Rig("-b", "127.0.0.1:1883", "-r", "any", *options, "-t", "127.0.0.1:8883", pki=pki,
               **keywords)


def raw(version, kind, count, *stay):
    """A client of rawtls.c, to its end; one that stays ends only when it is cut off."""
    done = subprocess.run([os.path.join(BUILT, "rawtls"), version.name[-3:].replace("_", "."),
                           TLS[0], str(TLS[1]), pki.path(device + ".pem"),
                           pki.path(device + ".key"), kind, str(count),
                           *stay],
                          capture_output=True, text=True, timeout=60)
    equal((done.returncode, done.stdout), (0, "over\n"), done.stderr)


def others(rig, function):
    """Runs it while a session of the only worker is used."""
    with session("other", TLS, pki.context(device)) as other:
        function()
        other.sendall(PINGREQ)
        equal(read_packet(other), (0xd0, b""), "a neighbour's PINGRESP")
    poll("all are given back", lambda: rig.open() == 0)


def cut(version, kind, few, many, reason):
    with Mosquitto(), start("-w", "1") as rig:
        raw(version, kind, few)
        poll("it is given back", lambda: rig.open() == 0)
        equal(rig.refusals(), [], "after a few")
        others(rig, lambda: raw(version, kind, many, "stay"))
        equal(rig.refusals(), [reason])


attack("renegotiation", VERSIONS[0], "refused with a warning 32 times, and then tls-rekey")(
    lambda: cut(VERSIONS[0], "renegotiate", 32, 20000, "tls-rekey"))
attack("KeyUpdate flood", VERSIONS[1], "32 in a minute, and then tls-rekey")(
    lambda: cut(VERSIONS[1], "key-update", 32, 20000, "tls-rekey"))
for _version in VERSIONS:
    # OpenSSL's own limit, MAX_EMPTY_RECORDS in a row.
    attack("empty records", _version, "32 in a row, and then tls-record")(
        lambda version=_version: cut(version, "empty", 32, 20000, "tls-record"))
    attack("oversize record", _version, "tls-record")(
        lambda version=_version: cut(version, "oversize", 0, 1, "tls-record"))


@test("what rawtls says within the rules reaches the broker: 100 PINGREQs in each version")
def honest():
    heard = []

    def serve(sock):
        read_packet(sock)
        sock.sendall(ACCEPTED)
        heard.append(len(read_all(sock)))

    with FakeBroker(serve), start() as rig:
        for version in VERSIONS:
            raw(version, "ping", 100)
        equal(rig.refusals(), [])
        poll("the broker has heard them", lambda: heard == [200, 200])


class Trickle:
    """A TLS client over memory, whose bytes leave one in a segment."""

    def __init__(self, sock, context):
        self.sock, self.inward, self.outward = sock, ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self.inward, self.outward)

    def flush(self):
        for byte in self.outward.read():
            self.sock.send(bytes([byte]))

    def run(self, function, *arguments):
        while True:
            try:
                answer = function(*arguments)
                self.flush()
                return answer
            except ssl.SSLWantReadError:
                self.flush()
                self.inward.write(self.sock.recv(65536))


def trickle(version):
    with Mosquitto(), start() as rig:
        with dial(TLS) as sock:
            client = Trickle(sock, pki.context(device, version))
            client.run(client.tls.do_handshake)
            client.run(client.tls.write, connect("x"))
            equal(client.run(client.tls.read, 4), ACCEPTED)
        equal(rig.refusals(), [])


def in_records(version):
    """The ClientHello in records of one byte each (RFC 8446, 5.1: fragments may be any size)."""
    hello = client_hello(pki.context(device, version))
    split = b"".join(hello[:3] + b"\0\1" + hello[i:i + 1] for i in range(5, len(hello)))
    with start() as rig, dial(TLS) as sock:
        sock.sendall(split)
        equal(sock.recv(1), b"\x16", "a ServerHello comes back")
        equal(rig.refusals(), [])


def garbage(version):
    hello = client_hello(pki.context(device, version))
    with start() as rig:
        for behind in (noise(3000), b"\x16\x03\x03\0\4" + noise(4), b"\x17\x03\x03\xff\xff", hello,
                       connect("x")):
            since = rig.mark()
            with dial(TLS) as sock:
                sock.sendall(hello + behind)
                try:
                    read_all(sock)
                except ConnectionError:
                    pass
            equal(rig.refused(since)["refused"], "tls-handshake", behind[:8].hex())
        equal(rig.upstream(), 0)


def tries(version, source):
    try:
        session("x", TLS, pki.context(device, version), source=source).close()
        return True
    except (ssl.SSLError, ConnectionError):
        return False


PLACES, HALF, ADDRESSES = 1000, 10000, 50


def descriptors(number):
    """For this process, and for those that it starts from now on."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < number:
        resource.setrlimit(resource.RLIMIT_NOFILE, (number, max(number, hard)))


def half_way(version):
    """
    @HALF clients from @ADDRESSES addresses send a ClientHello and no more. There are @PLACES
    places. Honest clients get in, one that is known and one that was never seen before.
    """
    hello = client_hello(pki.context(device, version))
    limits = (f"in_flight={PLACES}", f"queue={HALF}", "queue_time=20000", "patience=500")
    words = [word for limit in limits for word in ("-B", limit)] + ["-s", str(2 * HALF)]
    descriptors(HALF + 1000)
    with Mosquitto(), start(*words, "-H", "20000", asan=False) as rig:
        session("x", TLS, pki.context(device, version), source="127.0.3.1").close()
        poll("it is given back", lambda: rig.open() == 0)
        before, crowd = rig.status("VmRSS"), []
        for i in range(HALF):
            crowd.append(dial(TLS, source=f"127.0.2.{1 + i % ADDRESSES}"))
            crowd[-1].sendall(hello)
        most = 0

        def full():
            nonlocal most
            now = rig.ask("handshakes")
            most = max(most, now["in_flight"])
            return now["in_flight"] + now["waiting"] + now["cut"] >= HALF

        poll("all have been taken", full, 20)
        grown = rig.status("VmRSS") - before
        # Who is known has a place at once, whoever else waits.
        session("x", TLS, pki.context(device, version), source="127.0.3.1").close()
        # A stranger comes behind those who wait; each 500 ms the oldest give their places up. Here
        # that may be too short for himself, and then he comes again as devices do.
        poll("a stranger gets in", lambda: tries(version, "127.0.3.2"), 30)
        poll("nobody hangs any more", full, 20)
        equal(most <= PLACES, True, f"{most} at once, {PLACES} places")
        # 150 places of some 60 kB, and 3 kB for each that waits.
        equal(grown < PLACES * 80 + HALF * 4, True, f"{grown} kB")
        print(f"# {grown} kB for {HALF} clients, {most} at once")
        for client in crowd:
            client.close()
        poll("all are given back", lambda: rig.open() == 0)
        equal(rig.ask("handshakes")["in_flight"], 0)
        equal(set(rig.refusals()) - {"tls-handshake"}, {"tls-timeout"})


for _version in VERSIONS:
    attack("split ClientHello", _version, "one byte a segment is an honest client's right")(
        lambda version=_version: trickle(version))
    attack("split ClientHello", _version, "one byte a record, too")(
        lambda version=_version: in_records(version))
    attack("garbage after ClientHello", _version, "tls-handshake")(
        lambda version=_version: garbage(version))
    attack("parallel handshakes that stop half way", _version, "bounded in number and memory, and "
           "honest clients get in")(lambda version=_version: half_way(version))


@test("ATTACKS 25: every example has a point in the versions that have it")
def all_there():
    for example, versions in EXAMPLES.items():
        for version in versions:
            equal((example, version) in told, True, f"{example}, {version}")


main()
