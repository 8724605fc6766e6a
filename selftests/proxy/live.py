#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""
Changes under running sessions: who is no longer allowed is ended with the reason, who is goes on.
ATTACKS 24. The rig runs with sanitizers; it goes over to a configuration as a reload does.
"""
import hashlib
import os
import socket
import ssl
import subprocess

from proxyrig import *

VERSIONS = (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3)
BEFORE = ("-b", "127.0.0.1:1883")
LISTEN = ("-t", "127.0.0.1:8883")
OTHER = ("127.0.0.1", 8884)
pki = Pki()


def start(*options, **keywords):
    return Rig(*BEFORE, *options, *LISTEN, pki=pki, **keywords)


def change(rig, *options, before=BEFORE, listen=LISTEN):
    return rig.ask(" ".join(("change", "-d", pki.dir, *before, *options, *listen)))


def alive(client, level=4):
    client.sendall(PINGREQ)
    equal(read_packet(client), (0xd0, b""), "PINGRESP")


def over(client, word):
    """What the client reads to the end of the connection."""
    equal(read_all(client), word, "last words")
    client.close()


def ended(rig, reason, since=0, seconds=1):
    """It is within a second that a session ends which is not allowed any more."""
    line = rig.wait(lambda line: "ended" in line, seconds, since)
    equal(line["ended"], reason)
    rig.wait(lambda said: said.get("closed") == line["ticket"], since=since)
    return line


def refused_by(rig, reason, name, version=None):
    """A new handshake is refused, and the client learns it with its first read."""
    since = rig.mark()
    try:
        with dial(TLS, pki.context(name, version)) as client:
            client.sendall(connect("device-1"))
            equal(read_all(client), b"", "client reads")
    except (ssl.SSLError, ConnectionError):
        pass
    equal(rig.refused(since)["refused"], reason)


def revoke_by_ca(name):
    """A list that revokes @name; crl.pem itself stays as it is."""
    pki.shell(f"cp {pki.dir}/crl.pem {pki.dir}/keep.pem; cp {pki.dir}/index.txt {pki.dir}/keep.txt;"
              f"pki_revoke {pki.dir} {name} && mv {pki.dir}/crl.pem {pki.dir}/less-{name}.pem;"
              f"mv {pki.dir}/keep.pem {pki.dir}/crl.pem; mv {pki.dir}/keep.txt {pki.dir}/index.txt")
    return f"less-{name}.pem"


def taken_back(version, level):
    pki.device("device-1")
    pki.device("device-2")
    word = b"\xe0\x01\x87" if level == 5 else b""
    with Mosquitto(), start() as rig:
        one = session("device-1", TLS, pki.context("device-1", version), level)
        two = session("device-2", TLS, pki.context("device-2", version), level)
        equal(change(rig)["error"], 0, "reload without a change")
        alive(one)
        since = rig.mark()
        equal(change(rig, "-c", revoke_by_ca("device-1"))["epoch"], 3, "epoch")
        equal(ended(rig, "cert-revoked", since)["identity"], "device-1")
        over(one, word)
        alive(two)
        refused_by(rig, "cert-revoked", "device-1", version)
        poll("the one that is left is known", lambda: [
            s["identity"] for s in rig.ask("sessions")] == ["device-2"])
        change(rig)
        session("device-1", TLS, pki.context("device-1", version), level).close()
        alive(two)
        two.close()


for _version in VERSIONS:
    for _level in (4, 5):
        test(f"a list that revokes one ends its session with the reason, and no other, "
             f"{_version.name}, MQTT level {_level} (ATTACKS 24)")(
                 lambda version=_version, level=_level: taken_back(version, level))


def authority_gone(version):
    pki.device("device-1")
    pki.make("stranger", "device-2", "stranger")
    pki.shell(f"cat {pki.dir}/ca.pem {pki.dir}/other-ca.pem > {pki.dir}/both.pem")
    with Mosquitto(), start("-N", "-A", "both.pem") as rig:
        one = session("device-1", TLS, pki.context("device-1", version), 5)
        two = session("device-2", TLS, pki.context("stranger", version), 5)
        since = rig.mark()
        change(rig, "-N")
        equal(ended(rig, "cert-untrusted", since)["identity"], "device-2")
        over(two, b"\xe0\x01\x87")
        alive(one)
        refused_by(rig, "cert-untrusted", "stranger", version)
        one.close()


for _version in VERSIONS:
    test(f"a CA that is taken away ends the sessions of its devices, {_version.name} "
         "(ATTACKS 24)")(lambda version=_version: authority_gone(version))


def here(version, kind):
    pki.device("device-1")
    pki.device("device-2")
    with open(pki.path("device-1.pem")) as pem:
        der = ssl.PEM_cert_to_DER_cert(pem.read())
    serial = subprocess.run(["openssl", "x509", "-noout", "-serial", "-in",
                             pki.path("device-1.pem")], check=True, capture_output=True,
                            text=True).stdout.strip().partition("=")[2]
    value = {"identity": "device-1", "serial": "0x" + serial,
             "fingerprint": hashlib.sha256(der).hexdigest().upper()}[kind]
    with Mosquitto(), start() as rig:
        one = session("device-1", TLS, pki.context("device-1", version), 5)
        two = session("device-2", TLS, pki.context("device-2", version), 5)
        since = rig.mark()
        equal(rig.ask(f"revoke {kind} {value}")["error"], 0)
        ended(rig, "revoked", since)
        over(one, b"\xe0\x01\x87")
        refused_by(rig, "revoked", "device-1", version)
        equal(change(rig)["error"], 0, "reload")
        refused_by(rig, "revoked", "device-1", version)
        alive(two)
        two.close()


for _version in VERSIONS:
    for _kind in ("identity", "serial", "fingerprint"):
        test(f"revoked here by {_kind}: its session ends, it comes in no more, also after a "
             f"reload, {_version.name} (ATTACKS 24)")(
                 lambda version=_version, kind=_kind: here(version, kind))


def renewed(version):
    for name in ("device-1", "renewed"):
        pki.make("device", "device-1", name)
    with Mosquitto(), start("-r", "prefix") as rig:
        clients, numbers = [], []
        for name in ("device-1", "renewed", "device-1"):
            since = rig.mark()
            clients.append(session(f"device-1-{len(clients)}", TLS, pki.context(name, version), 5))
            numbers.append(rig.wait(lambda line: "allowed" in line, since=since)["identity"])
        equal(len(set(numbers)), 1, f"numbers of the identity in {numbers}")
        for client in clients:
            alive(client)
        rig.ask("revoke identity device-1")
        for client in clients:
            over(client, b"\xe0\x01\x87")
        for name in ("device-1", "renewed"):
            refused_by(rig, "revoked", name, version)


for _version in VERSIONS:
    test(f"a renewed certificate is the same device, beside the old one: bound alike, revoked "
         f"alike, {_version.name} (ATTACKS 24)")(lambda version=_version: renewed(version))


@test("rules for identity and TLS that refuse a session end it")
def rules():
    pki.device("device-1")
    cases = [(("-r", "equal"), "identity-client-id", b"\xe0\x01\x87"),
             (("-r", "prefix", "-i", "fingerprint"), "identity-client-id", b"\xe0\x01\x87"),
             (("-r", "any", "-3"), "config", b"\xe0\x01\x98")]
    with Mosquitto(), start("-r", "any") as rig:
        for options, reason, word in cases:
            change(rig, "-r", "any")
            one = session("device-1-x", TLS, pki.context("device-1", VERSIONS[0]), 5)
            change(rig, "-r", "prefix")
            alive(one)
            since = rig.mark()
            change(rig, *options)
            ended(rig, reason, since)
            over(one, word)


@test("another rule that fits gives the session its new identity, and its flow too")
def another_identity():
    pki.device("device-1")
    with Mosquitto(), start() as rig:
        one = session("device-1", TLS, pki.context("device-1"))
        rig.wait(lambda line: "allowed" in line)
        since = rig.mark()
        change(rig, "-i", "san.uri", "-r", "any")
        allowed = rig.wait(lambda line: "allowed" in line, since=since)
        digest = hashlib.sha256(b"urn:mqgate:device-1").digest()
        equal(allowed["identity"], int.from_bytes(digest[:4], "big"), "number of the identity")
        equal(rig.ask("sessions")[0]["identity"], "urn:mqgate:device-1")
        alive(one)
        one.close()


@test("listeners come and go: those that stay lose nobody, those that go say so")
def listeners():
    pki.device("device-1")
    context = pki.context("device-1")
    with Mosquitto(), start() as rig:
        one = session("device-1", TLS, context, 5)
        equal(change(rig, listen=LISTEN + ("-p", "127.0.0.1:1884"))["error"], 0)
        plain = session("x", PLAIN)
        alive(one)
        equal(change(rig, listen=("-t", "127.0.0.1:8884", "-p", "127.0.0.1:1884"))["error"], 0)
        ended(rig, "config")
        over(one, b"\xe0\x01\x98")
        alive(plain)
        session("device-1", OTHER, context).close()
        try:
            dial(TLS).close()
            raise AssertionError("the port that has gone is still open")
        except ConnectionRefusedError:
            pass
        plain.close()
        poll("sessions are given back", lambda: rig.open() == 0)
        descriptors = rig.descriptors()
        for _ in range(3):
            change(rig)
            change(rig, listen=("-p", "127.0.0.1:1884"))
            change(rig, listen=("-t", "127.0.0.1:8884", "-p", "127.0.0.1:1884"))
        equal(rig.descriptors(), descriptors, "descriptors")


@test("a listener that changes its kind keeps its port: TLS in place of clear text")
def kind():
    pki.device("device-1")
    with Mosquitto(), Rig(*BEFORE, "-p", "127.0.0.1:8883", pki=pki) as rig:
        old = session("x", TLS)
        equal(change(rig)["error"], 0)
        ended(rig, "config")
        over(old, b"")
        session("device-1", TLS, pki.context("device-1")).close()


@test("a change that cannot be made changes nothing")
def impossible():
    pki.device("device-1")
    with Mosquitto(), socket.create_server(OTHER), start() as rig:
        one = session("device-1", TLS, pki.context("device-1"))
        descriptors = rig.descriptors()
        answer = change(rig, "-3", listen=LISTEN + ("-t", "127.0.0.1:8884"))
        if "127.0.0.1:8884: Address already in use" not in answer["why"]:
            raise AssertionError(answer)
        equal(answer["epoch"], 1, "epoch")
        equal(rig.descriptors(), descriptors, "descriptors")
        alive(one)
        session("device-1", TLS, pki.context("device-1", VERSIONS[0])).close()
        one.close()


@test("a broker that moves: new sessions go to the new place, old ones stay")
def broker():
    pki.device("device-1")
    there = ("127.0.0.1", 1885)
    with Mosquitto() as here_, Mosquitto(there), \
            Rig("-O", "hold=0", *BEFORE, *LISTEN, pki=pki) as rig:
        one = session("device-1", TLS, pki.context("device-1"))
        equal(change(rig, before=("-O", "hold=0", "-b", "127.0.0.1:1885"))["error"], 0)
        alive(one)
        here_.stop()
        over(one, b"")
        session("device-1", TLS, pki.context("device-1")).close()


def half_way(version):
    pki.device("device-1")
    less = revoke_by_ca("device-1")
    with Mosquitto(), start() as rig, dial(TLS) as sock:
        inward, outward = ssl.MemoryBIO(), ssl.MemoryBIO()
        client = pki.context("device-1", version).wrap_bio(inward, outward)
        for flight in range(2):
            while not outward.pending:
                try:
                    client.do_handshake()
                except ssl.SSLWantReadError:
                    pass
                if not outward.pending:
                    inward.write(sock.recv(65536))
            # The second flight has the certificate in it.
            if flight:
                change(rig, "-c", less)
            sock.sendall(outward.read())
        equal(rig.refused()["refused"], "cert-revoked")


for _version in VERSIONS:
    test(f"a handshake that began before the change is judged by what holds when it is over, "
         f"{_version.name} (ATTACKS 24)")(lambda version=_version: half_way(version))


@test("a packet of the broker's that is cut is not continued with a DISCONNECT")
def cut():
    pki.device("device-1")

    def serve(sock):
        read_packet(sock)
        sock.sendall(b"\x20\x03\0\0\0" + publish("a", b"x" * 1000, 5)[:500])
        equal(sock.recv(1), b"", "what the broker hears")

    with FakeBroker(serve), start() as rig:
        with dial(TLS, pki.context("device-1")) as client:
            client.sendall(connect("device-1", 5))
            equal(len(read_exactly(client, 505)), 505)
            rig.ask("revoke identity device-1")
            equal(read_all(client), b"", "last words")


@test("a slow reader who is not allowed any more is given nothing that was kept for him")
def slow():
    pki.device("device-1")

    def serve(sock):
        read_packet(sock)
        sock.sendall(b"\x20\x03\0\0\0")
        try:
            while True:
                sock.sendall(publish("a", noise(60000), 5))
        except (ConnectionError, TimeoutError):
            pass

    with FakeBroker(serve), start() as rig:
        with dial(TLS, pki.context("device-1")) as client:
            client.sendall(connect("device-1", 5))
            read_exactly(client, 5)
            size = []
            poll("nothing moves any more", lambda: size.append(
                rig.counts()["listeners"][0]["bytes_out"]) or size[-3:].count(size[-1]) == 3)
            since = rig.mark()
            rig.ask("revoke identity device-1")
            rig.wait(lambda line: "ended" in line, 1, since)
            # While it parts from him: what was kept could reach him now.
            got = 5
            try:
                while part := client.recv(65536):
                    got += len(part)
            except (ssl.SSLError, ConnectionError):
                pass
            if not 5 < got < size[-1]:
                raise AssertionError(f"the broker's {size[-1]} bytes, of which he has {got}")
            ended(rig, "revoked", since)
            poll("session is given back", lambda: rig.open() == 0)


@test("of 300 sessions one is revoked: 299 go on, whatever was changed around them")
def many():
    names = [pki.device(f"device-{i}") for i in (1, 2)]
    contexts = [pki.context(name) for name in names]
    with Mosquitto(), start("-r", "prefix") as rig:
        clients = [session(f"device-2-{i}", TLS, contexts[1]) for i in range(299)]
        one = session("device-1", TLS, contexts[0])
        for _ in range(5):
            equal(change(rig, "-r", "prefix")["error"], 0)
        since = rig.mark()
        change(rig, "-r", "prefix", "-c", revoke_by_ca("device-1"))
        ended(rig, "cert-revoked", since)
        over(one, b"")
        for client in clients:
            alive(client)
        equal(rig.open(), 299, "sessions")
        for client in clients:
            client.close()


@test("a list that is out of date ends nobody; it keeps new ones out, or not, as configured")
def stale():
    pki.device("device-1")
    pki.shell(f"cp {pki.dir}/crl.pem {pki.dir}/keep.pem; pki_crl {pki.dir} 0 && "
              f"mv {pki.dir}/crl.pem {pki.dir}/late.pem; mv {pki.dir}/keep.pem {pki.dir}/crl.pem")
    with Mosquitto(), start() as rig:
        one = session("device-1", TLS, pki.context("device-1"))
        change(rig, "-c", "late.pem")
        refused_by(rig, "cert-crl", "device-1")
        alive(one)
        change(rig, "-c", "late.pem", "-S")
        alive(one)
        session("device-1", TLS, pki.context("device-1")).close()


@test("a directory of lists, one of them in DER form")
def directory():
    for name in ("device-1", "device-2"):
        pki.device(name)
    less = revoke_by_ca("device-1")
    pki.shell(f"mkdir -p {pki.dir}/lists; cp {pki.dir}/crl.pem {pki.dir}/lists/a.pem; openssl crl "
              f"-in {pki.dir}/{less} -outform DER -out {pki.dir}/lists/b.crl; "
              f"echo no list > {pki.dir}/lists/.new")
    with Mosquitto(), start("-c", "lists") as rig:
        refused_by(rig, "cert-revoked", "device-1")
        session("device-2", TLS, pki.context("device-2")).close()


def pin_of(name):
    der = subprocess.run(f"openssl x509 -noout -pubkey -in {pki.path(name)} | "
                         "openssl pkey -pubin -outform DER", shell=True, check=True,
                         capture_output=True).stdout
    return hashlib.sha256(der).hexdigest()


def pins(version):
    for name in ("device-1", "device-2"):
        pki.device(name)
    with Mosquitto(), start("-P", pin_of("device-1.pem")) as rig:
        one = session("device-1", TLS, pki.context("device-1", version))
        refused_by(rig, "cert-untrusted", "device-2", version)
        change(rig, "-P", pin_of("ca.pem"))
        alive(one)
        session("device-2", TLS, pki.context("device-2", version)).close()
        since = rig.mark()
        change(rig, "-P", pin_of("device-2.pem"))
        ended(rig, "cert-untrusted", since)
        over(one, b"")


for _version in VERSIONS:
    test(f"pins of public keys: one of them has to be in the chain, {_version.name}")(
        lambda version=_version: pins(version))


@test("client_ca that holds an intermediate alone: chain partial lets in, chain whole does not")
def partial():
    pki.below("middle", "")
    pki.shell(f"cp {pki.dir}/middle.ca/ca.pem {pki.dir}/middle-ca.pem")
    with Mosquitto(), start("-N", "-A", "middle-ca.pem", "-x") as rig:
        one = session("device-1", TLS, pki.context("middle"))
        change(rig, "-N", "-A", "middle-ca.pem", "-x")
        alive(one)
        since = rig.mark()
        change(rig, "-N", "-A", "middle-ca.pem")
        ended(rig, "cert-untrusted", since)
        refused_by(rig, "cert-untrusted", "middle")
        one.close()


main()
