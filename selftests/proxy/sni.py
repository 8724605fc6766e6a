#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""
Policies of one listener that the server name chooses: certificate, CAs, lists and rules of one are
nothing to another. ATTACKS 23, 24, 25.
"""
import os
import ssl

from proxyrig import *

VERSIONS = (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3)
A, B, UNDER_B = "a.example", "b.example", "x.b.example"
pki = Pki()
# Devices of the CA "ca" belong to A and to who names nothing; those of "other-ca" to B.
for _name in ("a", "b"):
    pki.shell(f"pki_server {pki.dir} {_name} DNS:{_name}.example")
for _name in ("device-1", "device-2"):
    pki.device(_name)
pki.make("stranger", "device-1", "stranger")
pki.shell(f"cp {pki.dir}/other/crl.pem {pki.dir}/other-crl.pem")

POLICY_A = ("-K", "a", "-n", A)
POLICY_B = ("-K", "b", "-A", "other-ca.pem", "-c", "other-crl.pem", "-n", f"{B},*.{B}")
DEFAULT = ("-K", "server", "-A", "ca.pem", "-c", "crl.pem")
BEFORE = ("-b", "127.0.0.1:1883")
LISTEN = ("-t", "127.0.0.1:8883")
BOTH = POLICY_A + POLICY_B + DEFAULT


def start(*options):
    return Rig(*BEFORE, *options, *LISTEN, pki=pki)


def change(rig, *options):
    answer = rig.ask(" ".join(("change", "-d", pki.dir, *BEFORE, *options, *LISTEN)))
    equal(answer["error"], 0, answer["why"])


def dial_name(name, device, version=None):
    return pki.context(device, version).wrap_socket(socket.create_connection(TLS, 10),
                                                    server_hostname=name)


def shown(sock):
    return dict(field[0] for field in sock.getpeercert()["subject"])["commonName"]


def comes_in(name, device, server, version=None, client_id="device-1"):
    """A session under @name, where @server's certificate was shown."""
    sock = dial_name(name, device, version)
    equal(shown(sock), server, f"certificate shown to who asks for {name}")
    sock.sendall(connect(client_id, 5))
    equal(read_packet(sock)[1][1], 0, "CONNACK")
    return sock


def is_refused(rig, reason, name, device, version=None):
    since = rig.mark()
    try:
        with dial_name(name, device, version) as sock:
            sock.sendall(connect("device-1", 5))
            told = read_all(sock)
    except (ssl.SSLError, ConnectionError) as failure:
        told = failure
    equal(rig.refused(since)["refused"], reason)
    return told


def alive(client):
    client.sendall(PINGREQ)
    equal(read_packet(client), (0xd0, b""), "PINGRESP")


def each_its_own(version):
    with Mosquitto(), start(*BOTH) as rig:
        for name, device, server in ((A, "device-1", "a"), ("A.Example", "device-1", "a"),
                                     (B, "stranger", "b"), (UNDER_B, "stranger", "b"),
                                     ("y.x.b.example", "device-1", "server"),
                                     ("example", "device-1", "server"),
                                     (None, "device-1", "server")):
            comes_in(name, device, server, version).close()
        equal(rig.refusals(), [])


def not_the_others(version):
    with Mosquitto(), start(*BOTH) as rig:
        for name, device in ((A, "stranger"), (B, "device-1"), (UNDER_B, "device-1"),
                             (None, "stranger"), ("other.example", "stranger")):
            told = is_refused(rig, "cert-untrusted", name, device, version)
            if isinstance(told, bytes):
                equal(told, b"", "client reads")
        equal(rig.upstream(), 0, "connections to the broker")


def unknown(version):
    with Mosquitto(), start("-R", *BOTH) as rig:
        for name in ("y.x.b.example", "example", "a.example.evil"):
            failure = is_refused(rig, "tls-name", name, "device-1", version)
            if "UNRECOGNIZED_NAME" not in str(failure).replace(" ", "_").upper():
                raise AssertionError(f"the client was told: {failure}")
        comes_in(None, "device-1", "server", version).close()
        comes_in(A, "device-1", "a", version).close()
        poll("sessions are given back", lambda: rig.open() == 0)


def rules(version):
    """The same CA under both names: what differs is what is asked of its devices."""
    if not os.path.exists(pki.path("less.pem")):
        pki.device("gone")
        pki.shell(f"cp {pki.dir}/crl.pem {pki.dir}/keep.pem; pki_revoke {pki.dir} gone && "
                  f"mv {pki.dir}/crl.pem {pki.dir}/less.pem; "
                  f"mv {pki.dir}/keep.pem {pki.dir}/crl.pem")
    with Mosquitto(), start("-c", "less.pem", "-n", A, "-c", "crl.pem", "-i", "san.uri", "-r",
                            "any", "-n", B, "-i", "cn", "-r", "equal") as rig:
        is_refused(rig, "cert-revoked", A, "gone", version)
        comes_in(B, "gone", "server", version, "anything").close()
        equal(rig.wait(lambda line: "allowed" in line)["said"]["id"], "anything")
        is_refused(rig, "identity-client-id", A, "device-2", version)


def followed(version):
    """A reload judges each by the policy under which it came in, wherever that stands now."""
    with Mosquitto(), start("-r", "prefix", *BOTH) as rig:
        one = comes_in(A, "device-1", "a", version, "device-1-a")
        two = comes_in(B, "stranger", "b", version, "device-1-b")
        three = comes_in(None, "device-1", "server", version, "device-1-c")
        change(rig, "-r", "prefix", *POLICY_B, *DEFAULT, *POLICY_A)
        for client in (one, two, three):
            alive(client)
        # A trusts the other CA alone: what is still trusted elsewhere does not help.
        since = rig.mark()
        change(rig, "-r", "prefix", *POLICY_B, "-K", "a", "-n", A, *DEFAULT)
        line = rig.wait(lambda line: "ended" in line, 1, since)
        equal((line["ended"], read_all(one)), ("cert-untrusted", b"\xe0\x01\x87"))
        alive(two)
        alive(three)
        since = rig.mark()
        change(rig, "-r", "prefix", *POLICY_A, *DEFAULT)
        line = rig.wait(lambda line: "ended" in line, 1, since)
        equal((line["ended"], read_all(two)), ("config", b"\xe0\x01\x98"))
        alive(three)
        comes_in(B, "device-1", "server", version).close()
        for client in (one, two, three):
            client.close()
        poll("sessions are given back", lambda: rig.open() == 0)


def cut(version):
    """The ClientHello of a real client, in records of one byte each."""
    inward, outward = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = pki.context("stranger", version).wrap_bio(inward, outward, server_hostname=UNDER_B)
    with Mosquitto(), start(*BOTH), socket.create_connection(TLS, 10) as sock:
        first = True
        while True:
            try:
                client.do_handshake()
                break
            except ssl.SSLWantReadError:
                data = outward.read()
                if first:
                    data = b"".join(data[:3] + b"\0\x01" + bytes([byte]) for byte in data[5:])
                first = False
                sock.sendall(data)
                inward.write(sock.recv(65536))
        equal(shown(client), "b")


for _version in VERSIONS:
    test(f"each server name has its certificate and its CA, {_version.name}")(
        lambda version=_version: each_its_own(version))
    test(f"a device of one name's CA is not taken under another's: cert-untrusted, "
         f"{_version.name} (ATTACKS 23)")(lambda version=_version: not_the_others(version))
    test(f"sni_unknown refuse: alert unrecognized_name, tls-name, {_version.name}")(
        lambda version=_version: unknown(version))
    test(f"lists and identity rules are those of the name, {_version.name} (ATTACKS 23)")(
        lambda version=_version: rules(version))
    test(f"reloads judge a session by the policy it came in by, {_version.name} (ATTACKS 24)")(
        lambda version=_version: followed(version))
    test(f"a server name in records of one byte, {_version.name} (ATTACKS 25)")(
        lambda version=_version: cut(version))


@test("TLS 1.3 alone for one name: a client of TLS 1.2 is refused there and nowhere else")
def versions():
    with Mosquitto(), start("-3", "-n", A, "-n", B) as rig:
        is_refused(rig, "tls-handshake", A, "device-1", VERSIONS[0])
    with Mosquitto(), start("-n", A, "-3", "-n", B) as rig:
        comes_in(A, "device-1", "server", VERSIONS[0]).close()
        is_refused(rig, "tls-handshake", B, "device-1", VERSIONS[0])


main()
