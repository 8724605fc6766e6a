#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""
identity.renewal: newest. Once a device was let in with a newer certificate its older one is of no
use any more: not for a session, not for one that is up, not by a ticket. ATTACKS 22, 24. The rig
runs with sanitizers and two workers.
"""
import datetime
import socket
import ssl

from proxyrig import *

VERSIONS = (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3)
BEFORE = ("-b", "127.0.0.1:1883")
LISTEN = ("-t", "127.0.0.1:8883")
OTHER = ("127.0.0.1", 8884)
NEWEST = ("-E", "-r", "prefix")
OVERLAP = ("-r", "prefix")
WORD = b"\xe0\x01\x87"
pki = Pki()


def stamp(**ago):
    at = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(**ago)
    return at.strftime("%Y%m%d%H%M%SZ")


def issue(name, since, until=None, cn="device-1"):
    pki.shell(f"pki_issue {pki.dir} {name} {cn} client_ext DNS:{cn} -startdate {since} "
              f"-enddate {until or stamp(days=-9)}")


issue("old", stamp(days=3))
issue("new", stamp(days=2))
_same = stamp(days=1)
for _name in ("newest", "equal"):
    issue(_name, _same)
issue("other", stamp(days=4), cn="device-2")


def start(*options, listen=LISTEN):
    return Rig(*BEFORE, *options, *listen, pki=pki)


def change(rig, *options, listen=LISTEN):
    equal(rig.ask(" ".join(("change", "-d", pki.dir, *BEFORE, *options, *listen)))["error"], 0)


def alive(client):
    client.sendall(PINGREQ)
    equal(read_packet(client), (0xd0, b""), "PINGRESP")


def come(name, version=None, client_id="device-1", address=TLS):
    return session(client_id, address, pki.context(name, version), 5)


def refused(rig, name, version=None, reason="cert-superseded", address=TLS):
    """In the handshake: the client reads nothing."""
    since = rig.mark()
    try:
        with dial(address, pki.context(name, version)) as client:
            client.sendall(connect("device-1", 5))
            equal(read_all(client), b"", "client reads")
    except (ssl.SSLError, ConnectionError):
        pass
    equal(rig.refused(since)["refused"], reason)


def ended(rig, since, reason="cert-superseded", count=1):
    """Within a second of what ends them."""
    tickets = set()

    def is_last(line):
        if "ended" in line:
            equal((line["ended"], line["identity"]), (reason, "device-1"))
            tickets.add(line["ticket"])
        return len(tickets) == count

    rig.wait(is_last, 1, since)


def succeeds(version):
    with Mosquitto(), start(*NEWEST) as rig:
        others = come("other", version, "device-2")
        # Any worker: those of them that are not the newer one's have to learn it.
        older = [come("old", version, f"device-1-{i}") for i in range(6)]
        since = rig.mark()
        newer = come("new", version)
        ended(rig, since, count=6)
        for client in older:
            equal(read_all(client), WORD, "last words")
        poll("all six are closed", lambda: rig.open() == 2)
        for _ in range(4):
            refused(rig, "old", version)
        come("new", version, "device-1-x").close()
        alive(newer)
        alive(others)
        newer.close()
        others.close()


for _version in VERSIONS:
    test(f"a newer certificate ends the sessions of the older one within a second, on every "
         f"worker, and that comes in no more, {_version.name} (ATTACKS 24)")(
             lambda version=_version: succeeds(version))


def by_ticket(version):
    with Mosquitto(), start(*NEWEST) as rig:
        def resume(context, kept):
            with context.wrap_socket(socket.create_connection(TLS, 10), session=kept) as client:
                client.sendall(connect("device-1", 5))
                return client.session_reused, read_packet(client), client.session

        context = pki.context("old", version)
        _, _, kept = resume(context, None)
        reused, _, kept = resume(context, kept)
        equal(reused, True, "resumed before")
        come("new", version).close()
        before, since = rig.counts()["listeners"][0], rig.mark()
        try:
            reused, _, _ = resume(context, kept)
            raise AssertionError("let in by its ticket")
        except (ssl.SSLError, ConnectionError, EOFError):
            pass
        equal(rig.refused(since)["refused"], "cert-superseded")
        after = rig.counts()["listeners"][0]
        equal(after["declined"]["superseded"] - before["declined"]["superseded"], 1, "declined")
        equal(after["resumed"], before["resumed"], "resumed")


for _version in VERSIONS:
    test(f"the ticket of the older certificate is declined, {_version.name} (ATTACKS 24)")(
        lambda version=_version: by_ticket(version))


@test("who was in the middle is asked when his CONNECT comes: 0x87, 5")
def middle():
    with Mosquitto(), start(*NEWEST) as rig:
        for level, word in ((5, b"\x20\x03\0\x87\0"), (4, b"\x20\x02\0\x05")):
            name, next_ = ("old", "new") if level == 5 else ("new", "newest")
            with dial(TLS, pki.context(name)) as client:
                since = rig.mark()
                poll("handshake is over", lambda: [
                    s["identity"] for s in rig.ask("sessions")] == ["device-1"])
                come(next_).close()
                poll("newer one has gone", lambda: len(rig.ask("sessions")) == 1)
                client.sendall(connect("device-1", level))
                equal(read_all(client), word, "answer")
                equal(rig.refused(since)["refused"], "cert-superseded")


@test("certificates that begin at the same second are both good")
def equals():
    with Mosquitto(), start(*NEWEST) as rig:
        one = come("newest")
        two = come("equal", client_id="device-1-2")
        come("newest", client_id="device-1-3").close()
        refused(rig, "new")
        alive(one)
        alive(two)
        one.close()
        two.close()


@test("a newer one that is refused supersedes nothing")
def refused_newer():
    with Mosquitto(), start(*NEWEST) as rig:
        one = come("old")
        since = rig.mark()
        with dial(TLS, pki.context("new")) as client:
            client.sendall(connect("device-2", 5))
            equal(read_packet(client)[1][1], 0x87, "answer")
        equal(rig.refused(since)["refused"], "identity-client-id")
        pki.make("stranger", "device-1", "stranger")
        refused(rig, "stranger", reason="cert-untrusted")
        come("old", client_id="device-1-2").close()
        alive(one)
        one.close()


@test("policies are apart: what came by another listener is nothing to this one")
def apart():
    with Mosquitto(), start(*NEWEST, listen=LISTEN + ("-t", "127.0.0.1:8884")) as rig:
        one = come("old")
        come("new", client_id="device-1-1", address=OTHER).close()
        refused(rig, "old", address=OTHER)
        come("old", client_id="device-1-2").close()
        alive(one)
        one.close()


@test("overlap, the default: both are good; a reload to newest ends the older, one back lets it in")
def reloads():
    with Mosquitto(), start(*OVERLAP) as rig:
        older = [come("old", client_id=f"device-1-{i}") for i in range(3)]
        newer = [come("new", client_id=f"device-1-n{i}") for i in range(3)]
        for client in older + newer:
            alive(client)
        since = rig.mark()
        change(rig, *NEWEST)
        ended(rig, since, count=3)
        for client in older:
            equal(read_all(client), WORD, "last words")
        refused(rig, "old")
        # What was seen is kept.
        change(rig, *NEWEST)
        refused(rig, "old")
        change(rig, *OVERLAP)
        come("old").close()
        for client in newer:
            alive(client)
            client.close()


@test("a newest certificate that has expired supersedes nothing any more")
def expired():
    issue("short", stamp(hours=1), stamp(seconds=-4))
    with Mosquitto(), start(*NEWEST) as rig:
        come("short").close()
        refused(rig, "old")
        poll("it has expired, and the older one is good", lambda: good("old"))


def good(name):
    try:
        come(name).close()
        return True
    except (ssl.SSLError, ConnectionError, EOFError):
        return False


def stays(version):
    with Mosquitto(), start(*NEWEST) as rig:
        numbers = []
        for name in ("old", "new"):
            since = rig.mark()
            client = come(name, version)
            numbers.append(rig.wait(lambda line: "allowed" in line, since=since)["identity"])
        equal(len(set(numbers)), 1, f"numbers of the identity in {numbers}")
        since = rig.mark()
        equal(rig.ask("revoke identity device-1")["error"], 0)
        ended(rig, since, "revoked")
        client.close()
        for name in ("new", "newest", "old"):
            refused(rig, name, version, "revoked")


for _version in VERSIONS:
    test(f"the renewed device is the same one: bound alike, and revoked alike, {_version.name}")(
        lambda version=_version: stays(version))

main()
