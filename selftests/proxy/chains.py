#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""
Chains that were verified once: when one is known, and everything that makes it unknown again.
ATTACKS 23, 24. The rig has one worker, so that its one table is asked, and says what it found.
"""
import base64
import datetime
import os
import shutil
import ssl

from proxyrig import *

VERSIONS = (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3)
BEFORE = ("-w", "1", "-b", "127.0.0.1:1883")
LISTEN = ("-t", "127.0.0.1:8883")
OTHER = ("127.0.0.1", 8884)
pki = Pki()


def start(*options, listen=LISTEN):
    return Rig(*BEFORE, *options, *listen, pki=pki)


def change(rig, *options, listen=LISTEN):
    equal(rig.ask(" ".join(("change", "-d", pki.dir, *BEFORE, *options, *listen)))["error"], 0)


def come(rig, context, known, address=TLS, listener=0):
    """A handshake with all that belongs to it; @known: its chain was not verified again."""
    before = rig.counts()["listeners"][listener]
    session("device-1", address, context).close()
    after = rig.counts()["listeners"][listener]
    equal((after["chain_hits"] - before["chain_hits"],
           after["chain_misses"] - before["chain_misses"]), (1, 0) if known else (0, 1),
          "chains known and verified")


def refused(rig, context, address=TLS):
    """The reason; the client reads nothing."""
    since = rig.mark()
    try:
        with dial(address, context) as client:
            client.sendall(connect("device-1"))
            equal(read_all(client), b"", "client reads")
    except (ssl.SSLError, ConnectionError):
        pass
    return rig.refused(since)["refused"]


def below(name):
    """A device-1 below an intermediate CA that it sends."""
    if not os.path.exists(pki.path(name + ".pem")):
        pki.shell(f"pki_middle {pki.dir} {name} && pki_device {pki.dir}/{name}.ca device-1 && "
                  f"cat {pki.dir}/{name}.ca/device-1.pem {pki.dir}/{name}.ca/ca.pem > "
                  f"{pki.dir}/{name}.pem && cp {pki.dir}/{name}.ca/device-1.key "
                  f"{pki.dir}/{name}.key")
    return name


def soon(seconds):
    """As openssl wants it, so that a moment has a whole second to come."""
    at = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=seconds)
    return at.strftime("%Y%m%d%H%M%SZ")


def until_refused(rig, context, reason):
    """It comes in until it does not; the chain is known from the second time on."""
    session("device-1", TLS, context).close()
    equal(rig.counts()["listeners"][0]["chain_hits"], 0, "known at once")
    session("device-1", TLS, context).close()
    equal(rig.counts()["listeners"][0]["chain_hits"], 1, "known while it is in time")

    def over():
        since = rig.mark()
        try:
            session("device-1", TLS, context).close()
        except (ssl.SSLError, ConnectionError, EOFError):
            equal(rig.refused(since)["refused"], reason)
            return True
        return False

    poll("it is refused", over)


def known(version, name):
    context = pki.context(name, version)
    with Mosquitto(), start("-N") as rig:
        come(rig, context, False)
        come(rig, context, True)
        come(rig, context, True)
        equal(rig.counts()["chains"], 1, "chains")
        for _ in range(2):
            equal(refused(rig, pki.context(pki.make("stranger", "device-1", "stranger"), version)),
                  "cert-untrusted")
        counts = rig.counts()
        equal((counts["listeners"][0]["chain_misses"], counts["chains"]), (3, 1),
              "what was refused is not remembered")


def private_of(name):
    """The DER key, and where the 32 bytes of its secret are (RFC 5915, 3)."""
    with open(pki.path(name + ".key")) as pem:
        der = base64.b64decode("".join(pem.read().splitlines()[1:-1]))
    return der, der.index(b"\x02\x01\x01\x04\x20") + 5


def thief(version):
    """The chain of device-1, sent by somebody who has another key and signs with that."""
    for name in ("device-1", "device-2"):
        pki.device(name)
    (own, at), (other, there) = private_of("device-1"), private_of("device-2")
    mixed = base64.b64encode(own[:at] + other[there:there + 32] + own[at + 32:]).decode()
    with open(pki.path("thief.key"), "w") as key:
        key.write(f"-----BEGIN PRIVATE KEY-----\n{mixed}\n-----END PRIVATE KEY-----\n")
    shutil.copy(pki.path("device-1.pem"), pki.path("thief.pem"))
    with Mosquitto(), start() as rig:
        come(rig, pki.context("device-1", version), False)
        equal(refused(rig, pki.context("thief", version)), "tls-handshake")
        equal(rig.counts()["listeners"][0]["chain_hits"], 1, "its chain was known")


def expiry(version):
    pki.shell(f"pki_issue {pki.dir} short device-1 client_ext DNS:device-1 -enddate {soon(5)}")
    with Mosquitto(), start() as rig:
        until_refused(rig, pki.context("short", version), "cert-expired")


def middle_expiry(version):
    pki.shell(f"rm -rf {pki.dir}/late.ca {pki.dir}/late.pem; "
              f"export MIDDLE_ENDS={soon(5)}; pki_middle {pki.dir} late && "
              f"pki_device {pki.dir}/late.ca device-1 && cat {pki.dir}/late.ca/device-1.pem "
              f"{pki.dir}/late.ca/ca.pem > {pki.dir}/late.pem && "
              f"cp {pki.dir}/late.ca/device-1.key {pki.dir}/late.key")
    with Mosquitto(), start("-N") as rig:
        until_refused(rig, pki.context("late", version), "cert-other")


def short_list():
    """A list that is out of date in a moment."""
    pki.device("device-1")
    begin = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(days=1)
    pki.shell(f"export PKI_SAN=DNS:none; pki_say openssl ca -batch -config {pki.dir}/ca.cnf "
              f"-cert {pki.dir}/ca.pem -keyfile {pki.dir}/ca.key -gencrl -crl_lastupdate "
              f"{begin:%Y%m%d%H%M%SZ} -crl_nextupdate {soon(5)} -out {pki.dir}/short-crl.pem")
    return "short-crl.pem"


def list_out_of_date(version):
    name = short_list()
    with Mosquitto(), start("-c", name) as rig:
        until_refused(rig, pki.context("device-1", version), "cert-crl")


@test("crl_stale: accept remembers a chain longer than the list is in date")
def stale():
    name = short_list()
    context = pki.context("device-1")
    with Mosquitto(), start("-c", name, "-S") as rig, start("-c", name, listen=(
            "-t", "127.0.0.1:8884")) as strict:
        come(rig, context, False)

        def out_of_date():
            try:
                session("device-1", OTHER, context).close()
            except (ssl.SSLError, ConnectionError, EOFError):
                return True
            return False

        poll("the list is out of date", out_of_date)
        equal(strict.refused()["refused"], "cert-crl")
        come(rig, context, True)


def taken_away(version):
    context = pki.context(pki.make("stranger", "device-1", "stranger"), version)
    pki.shell(f"cat {pki.dir}/ca.pem {pki.dir}/other-ca.pem > {pki.dir}/both.pem")
    with Mosquitto(), start("-N", "-A", "both.pem") as rig:
        come(rig, context, False)
        come(rig, context, True)
        change(rig, "-N", "-A", "both.pem")
        come(rig, context, False)
        change(rig, "-N")
        equal(refused(rig, context), "cert-untrusted")


def revoked_by_ca(version):
    name = pki.make("device", "device-1", f"lost-{version.name}")
    context = pki.context(name, version)
    with Mosquitto(), start() as rig:
        come(rig, context, False)
        come(rig, context, True)
        pki.shell(f"pki_revoke {pki.dir} {name}")
        change(rig)
        equal(refused(rig, context), "cert-revoked")


def revoked_here(version):
    pki.device("device-1")
    context = pki.context("device-1", version)
    with Mosquitto(), start() as rig:
        come(rig, context, False)
        come(rig, context, True)
        rig.ask("revoke identity device-2")
        come(rig, context, False)
        come(rig, context, True)
        equal(rig.counts()["chains"], 1, "what was older is gone")
        rig.ask("revoke identity device-1")
        equal(refused(rig, context), "revoked")
        equal(refused(rig, context), "revoked")
        misses = rig.counts()["listeners"][0]["chain_misses"]
        equal(misses, 4, "of one who is revoked no chain is remembered")


def across(version):
    """Two listeners of one worker, of which the second does not trust the other CA."""
    context = pki.context(pki.make("stranger", "device-1", "stranger"), version)
    pki.shell(f"cat {pki.dir}/ca.pem {pki.dir}/other-ca.pem > {pki.dir}/both.pem")
    both = ("-A", "both.pem", "-t", "127.0.0.1:8883", "-A", "ca.pem", "-t", "127.0.0.1:8884")
    with Mosquitto(), start("-N", listen=both) as rig:
        come(rig, context, False)
        come(rig, context, True)
        equal(refused(rig, context, OTHER), "cert-untrusted")


def other_intermediates(version):
    """The same certificate with something else behind it is another chain."""
    one = below("middle")
    pki.shell(f"cat {pki.dir}/{one}.ca/device-1.pem > {pki.dir}/bare.pem; "
              f"cp {pki.dir}/{one}.key {pki.dir}/bare.key")
    with Mosquitto(), start("-N") as rig:
        come(rig, pki.context(one, version), False)
        come(rig, pki.context(one, version), True)
        equal(refused(rig, pki.context("bare", version)), "cert-untrusted")


for _version in VERSIONS:
    pki.device("device-1")
    for _name in ("device-1", below("middle")):
        test(f"a chain is verified once, {_name}, {_version.name}")(
            lambda version=_version, name=_name: known(version, name))
    test(f"who sends a known chain without having its key is refused, {_version.name} "
         "(ATTACKS 23)")(lambda version=_version: thief(version))
    for _what, _run in (
            ("a certificate that expires, 23", expiry),
            ("an intermediate that expires, 23", middle_expiry),
            ("a list that goes out of date, 23", list_out_of_date),
            ("a reload, and a CA that is taken away, 24", taken_away),
            ("a list that revokes it, 24", revoked_by_ca),
            ("a local revocation, of others and of it, 24", revoked_here),
            ("another listener, 24", across),
            ("other intermediates, 23", other_intermediates)):
        _text, _, _number = _what.rpartition(", ")
        test(f"a known chain does not outlive {_text}, {_version.name} (ATTACKS {_number})")(
            lambda version=_version, run=_run: run(version))


@test("a chain is forgotten after the time limit, and without room or a size")
def limits():
    context = pki.context("device-1")
    others = [pki.context(pki.make("device", "device-1", f"one-{i}")) for i in range(4)]
    with Mosquitto(), start("-k", "64,1000") as rig:
        come(rig, context, False)
        come(rig, context, True)

        def forgotten():
            before = rig.counts()["listeners"][0]["chain_misses"]
            session("device-1", TLS, context).close()
            return rig.counts()["listeners"][0]["chain_misses"] > before

        poll("the time limit is over", forgotten)
        change(rig, "-k", "3,3600000")
        for other in others:
            come(rig, other, False)
        equal(rig.counts()["chains"], 3, "chains at most")
        come(rig, others[3], True)
        come(rig, others[1], True)
        come(rig, others[0], False)
        come(rig, others[1], True)
        change(rig, "-k", "0,3600000")
        equal(rig.counts()["chains"], 0, "none without a size")
        before = rig.counts()["listeners"][0]
        session("device-1", TLS, context).close()
        equal(rig.counts()["listeners"][0]["chain_misses"], before["chain_misses"], "asked")


main()
