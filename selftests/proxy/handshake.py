#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""The TLS listener: who is let in, and the reason for everybody who is not. ATTACKS 12, 25."""
import hashlib
import os
import socket
import ssl
import subprocess

from proxyrig import *

VERSIONS = (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3)
pki = Pki()


def attempt(context, packet):
    """What the client reads; whatever TLS tells it counts as nothing."""
    try:
        with dial(TLS, context) as client:
            client.sendall(packet)
            return read_all(client)
    except (ssl.SSLError, ConnectionError):
        return b""


def refuse_certificate(reason, name, version, options=()):
    with Rig("-b", "127.0.0.1:1883", *options, "-t", "127.0.0.1:8883", pki=pki) as rig:
        equal(attempt(pki.context(name, version), connect("device-1")), b"", "client reads")
        equal(rig.refused()["refused"], reason)
        equal(rig.upstream(), 0, "connections to the broker")
        poll("session is given back", lambda: rig.open() == 0)
        equal(rig.refusals(), [reason], "one refusal")


def good(version):
    pki.device("device-1")
    with Mosquitto(), Rig("-b", "127.0.0.1:1883", "-t", "127.0.0.1:8883", pki=pki) as rig:
        with session("device-1", TLS, pki.context("device-1", version)) as client:
            equal(client.version(), version.name.replace("_", "."), "negotiated")
            allowed = rig.wait(lambda line: "allowed" in line)
            equal((allowed["saddr"], allowed["sport"], allowed["daddr"], allowed["dport"],
                   allowed["proto"], allowed["service"]),
                  (*client.getsockname(), *TLS, 6, 1), "flow that is ALLOWed")
            digest = hashlib.sha256(b"device-1").digest()
            equal(allowed["identity"], int.from_bytes(digest[:4], "big"), "its identity")
            equal(allowed["said"], {"id": "device-1", "level": 4, "keep_alive": 60, "cut": False},
                  "what its CONNECT said")
            info, = rig.ask("sessions")
            equal((info["client_id"], info["identity"], info["connected"], info["allowed"],
                   info["port"]), ("device-1", "device-1", True, True, client.getsockname()[1]))
            client.sendall(PINGREQ)
            equal(read_packet(client), (0xd0, b""), "PINGRESP")
        equal(rig.wait(lambda line: "closed" in line)["closed"], allowed["allowed"], "ticket")
        equal(rig.refusals(), [])


for _version in VERSIONS:
    test(f"device with its own certificate is connected and ALLOWed, {_version.name}")(
        lambda version=_version: good(version))


@test("of an identifier longer than is kept the judge is told the beginning, and that it is one")
def long_name():
    pki.device("device-1")
    with Mosquitto(), Rig("-b", "127.0.0.1:1883", "-r", "any", "-t", "127.0.0.1:8883",
                          pki=pki) as rig:
        for name, kept, cut in (("x" * 256, 256, False), ("x" * 257, 256, True)):
            since = rig.mark()
            with session(name, TLS, pki.context("device-1"), 5):
                told = rig.wait(lambda line: "allowed" in line, since=since)["said"]
                equal(told, {"id": "x" * kept, "level": 5, "keep_alive": 60, "cut": cut})


@test("issuer without a CRL, or with an expired one: cert-crl")
def crl_of_issuer():
    pki.device("device-1")
    pki.shell(f"pki_init {pki.dir}/else && cp {pki.dir}/else/crl.pem {pki.dir}/foreign.pem")
    refuse_certificate("cert-crl", "device-1", None, ["-c", "foreign.pem"])
    pki.shell(f"cp {pki.dir}/crl.pem {pki.dir}/keep.pem; pki_crl {pki.dir} 0 && "
              f"mv {pki.dir}/crl.pem {pki.dir}/late.pem; mv {pki.dir}/keep.pem {pki.dir}/crl.pem")
    refuse_certificate("cert-crl", "device-1", None, ["-c", "late.pem"])


def chain():
    """root (ca.pem) -> middle -> device; CRLs of both in the directory of the root."""
    top = f"{pki.dir}/chain"
    pki.shell(f"""
        set -e
        pki_init {top}; pki_server {top} server IP:127.0.0.1; pki_init {top}/mid
        export PKI_SAN=DNS:none
        pki_say openssl req -new -config {top}/mid/ca.cnf -key {top}/mid/ca.key \
            -subj '/CN=middle CA' -out {top}/mid/ca.csr
        pki_say openssl ca -batch -notext -config {top}/ca.cnf -extensions ca_ext \
            -cert {top}/ca.pem -keyfile {top}/ca.key -in {top}/mid/ca.csr -out {top}/mid/ca.pem
        pki_device {top}/mid device-1; pki_crl {top}/mid
        cat {top}/mid/device-1.pem {top}/mid/ca.pem > {top}/device-1.pem
        cp {top}/mid/device-1.key {top}/device-1.key
        cp {top}/mid/crl.pem {top}/leaf-only.pem
        cat {top}/crl.pem {top}/mid/crl.pem > {top}/both.pem
        cp {top}/mid/ca.pem {top}/middle.pem; pki_revoke {top} middle
        cat {top}/crl.pem {top}/mid/crl.pem > {top}/revoked.pem
        cp {top}/crl.pem {top}/root-only.pem""")
    made = Pki.__new__(Pki)
    made.dir = top
    return made


@test("intermediate CA: checked where its issuer has a CRL, devices always")
def intermediate():
    own = chain()
    wanted = {"leaf-only.pem": None, "both.pem": None, "revoked.pem": "cert-revoked",
              "root-only.pem": "cert-crl"}
    with Mosquitto():
        for crl, reason in wanted.items():
            with Rig("-b", "127.0.0.1:1883", "-c", crl, "-t", "127.0.0.1:8883", pki=own) as rig:
                if reason:
                    equal(attempt(own.context("device-1"), connect("device-1")), b"", crl)
                    equal(rig.refused()["refused"], reason, crl)
                else:
                    session("device-1", TLS, own.context("device-1")).close()


@test("HTTP or a plain CONNECT on the TLS port: refused at the first byte (ATTACKS 12)")
def not_tls():
    with Rig("-b", "127.0.0.1:1883", "-t", "127.0.0.1:8883", pki=pki) as rig:
        for data in (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", connect("device-1"),
                     connect("device-1", will=noise(60000))):
            since = rig.mark()
            with dial(TLS) as client:
                client.sendall(data)
                equal(read_all(client), b"", "nothing is answered, and no reset")
            equal(rig.refused(since)["refused"], "tls-not-handshake")


@test("records that are no ClientHello have their own reasons (ATTACKS 25)")
def no_hello():
    cases = {b"\x16\x02\x01\x00\x10": "tls-version", b"\x16\x03\x01\x00\x00": "tls-record-length",
             b"\x16\x03\x01\x7f\xff": "tls-record-length",
             b"\x16\x03\x01\x00\x40\x02": "tls-not-hello",
             b"\x16\x03\x01\x40\x00\x01\xff\xff\xff": "tls-hello-length"}
    with Rig("-b", "127.0.0.1:1883", "-t", "127.0.0.1:8883", pki=pki) as rig:
        for data, reason in cases.items():
            since = rig.mark()
            with dial(TLS) as client:
                client.sendall(data)
                equal(read_all(client), b"")
            equal(rig.refused(since)["refused"], reason, data.hex())


@test("silence, half a ClientHello and half a handshake: tls-timeout (ATTACKS 20)")
def too_slow():
    hello = client_hello(pki.context())
    with Rig("-b", "127.0.0.1:1883", "-H", "300", "-t", "127.0.0.1:8883", pki=pki) as rig:
        for data in (b"", hello[:40], hello):
            since = rig.mark()
            with dial(TLS) as client:
                client.sendall(data)
                read_all(client)
            equal(rig.refused(since)["refused"], "tls-timeout", f"{len(data)} bytes")


@test("whoever comes and goes without a byte is not refused; with half a hello he is")
def health_check():
    with Rig("-b", "127.0.0.1:1883", "-t", "127.0.0.1:8883", pki=pki) as rig:
        dial(TLS).close()
        poll("session is given back", lambda: rig.counts()["listeners"][0]["accepted"] == 1 and
             rig.open() == 0)
        equal(rig.refusals(), [])
        with dial(TLS) as client:
            client.sendall(b"\x16\x03\x01\x00")
        equal(rig.refused()["refused"], "tls-handshake")


@test("min_version 1.3 refuses a TLS 1.2 client: tls-handshake")
def version_floor():
    refuse_certificate("tls-handshake", pki.device("device-1"), VERSIONS[0], ["-3"])


@test("TLS 1.2 renegotiation is refused (ATTACKS 25)")
def no_renegotiation():
    pki.device("device-1")
    with Rig("-b", "127.0.0.1:1883", "-t", "127.0.0.1:8883", pki=pki):
        client = subprocess.run(
            ["openssl", "s_client", "-connect", "127.0.0.1:8883", "-tls1_2", "-cert",
             pki.path("device-1.pem"), "-key", pki.path("device-1.key")],
            input="R\n", capture_output=True, text=True, timeout=20)
        if "no renegotiation" not in client.stderr:
            raise AssertionError("renegotiation was not refused: " + client.stderr)


@test("a second daemon on the same address is refused at start, with the remedy")
def address_in_use():
    with Rig("-b", "127.0.0.1:1883", "-t", "127.0.0.1:8883", pki=pki):
        second = Rig("-b", "127.0.0.1:1883", "-t", "127.0.0.1:8883", pki=pki)
        second.process.stdin.close()
        equal(second.process.wait(20), 1, "exit status")
        if "127.0.0.1:8883: Address already in use; another program" not in second.first["why"]:
            raise AssertionError(second.first["why"])


@test("files that do not hold what they should are refused at start by name")
def bad_files():
    for option, name in (("-c", "server.key"), ("-c", "missing.pem")):
        rig = Rig("-b", "127.0.0.1:1883", option, name, "-t", "127.0.0.1:8883", pki=pki)
        rig.process.stdin.close()
        equal(rig.process.wait(20), 1, "exit status")
        if f"{pki.path(name)}: " not in rig.first["why"]:
            raise AssertionError(rig.first["why"])


main()
