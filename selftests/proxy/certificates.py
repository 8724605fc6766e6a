#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""
Certificates that must not be let in: every example of ATTACKS 23, in TLS 1.2 and 1.3, judged by the
gateway's reason and by what the client reads first. A client of TLS 1.3 has then believed for a
while that its handshake succeeded (RFC 8446, 4.4.4: the server says nothing after Finished).
"""
import os
import socket
import ssl
import subprocess

from proxyrig import *

VERSIONS = (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3)
# Comparisons of names with name constraints that OpenSSL makes at most (crypto/x509/v3_ncons.c).
COMPARISONS = 1 << 20
REFUSED = b"\x20\x02\0\x05"
pki = Pki()


def once(name, make):
    if not os.path.exists(pki.path(name + ".pem")):
        make(name)
    return name


def self_signed(name):
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                    "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=device-1", "-days", "2",
                    "-keyout", pki.path(name + ".key"), "-out", pki.path(name + ".pem")],
                   check=True, stderr=subprocess.DEVNULL)


def revoked(name):
    pki.make("device", "device-1", name)
    pki.shell(f"pki_revoke {pki.dir} {name}")


def deep(count):
    """A device below @count intermediate CAs, with all of their certificates."""
    def make(name):
        pki.shell(f"""
            set -e
            export PKI_SAN=DNS:none
            signer={pki.dir}
            for i in $(seq {count}); do
                below={pki.dir}/{name}.$i
                pki_init $below
                pki_say openssl req -new -config {pki.dir}/ca.cnf -key $below/ca.key \
                    -subj "/CN={name} CA $i" -out $below/ca.csr
                pki_say openssl ca -batch -notext -config $signer/ca.cnf -extensions ca_ext \
                    -cert $signer/ca.pem -keyfile $signer/ca.key -in $below/ca.csr \
                    -out $below/ca.pem
                signer=$below
            done
            pki_device $signer device-1
            cp $signer/device-1.key {pki.dir}/{name}.key
            for i in $(seq {count} -1 1); do cat {pki.dir}/{name}.$i/ca.pem; done |
                cat $signer/device-1.pem - > {pki.dir}/{name}.pem""")
    return make


def long(copies):
    """The CA as often as that: a chain that says nothing new, some 450 bytes at a time."""
    def make(name):
        pki.make("device", "device-1", name)
        pki.shell(f"for i in $(seq {copies}); do cat {pki.dir}/ca.pem; done >> "
                  f"{pki.dir}/{name}.pem")
    return make


def explicit(name):
    pki.shell(f"""
        set -e
        export PKI_SAN=DNS:device-1
        openssl ecparam -name prime256v1 -genkey -noout -param_enc explicit \
            -out {pki.dir}/{name}.key
        pki_say openssl req -new -config {pki.dir}/ca.cnf -key {pki.dir}/{name}.key \
            -subj /CN=device-1 -out {pki.dir}/{name}.csr
        pki_say openssl ca -batch -notext -config {pki.dir}/ca.cnf -extensions client_ext \
            -cert {pki.dir}/ca.pem -keyfile {pki.dir}/ca.key -in {pki.dir}/{name}.csr \
            -out {pki.dir}/{name}.pem""")


def bound(constraints, names):
    """So many constraints in the CA, and so many names in the device's certificate."""
    def make(name):
        permitted = ",".join(["permitted;DNS:device-1"] +
                             [f"permitted;DNS:{i:x}" for i in range(1, constraints)])
        others = ",".join(["DNS:device-1"] + [f"DNS:{i:x}" for i in range(1, names)])
        pki.below(name, f"nameConstraints = {permitted}", san=others)
    return make


def odd(*names):
    return lambda name: pki.odd(name, *names)


# What the list of attacks has, in its words. Each is the beginning of the name of a point.
EXAMPLES = ("no certificate", "expired", "not yet valid", "revoked", "wrong CA", "wrong EKU",
            "self-signed", "chain deeper than 4", "chain larger than 16 kB", "NUL in CN",
            "NUL in SAN", "two URI SANs in SPIFFE mode", "explicit EC parameters",
            "many name constraints")

# What, its certificate, the reason, the alert (RFC 8446, 6.2) or the packet that the client reads
# first, options of the rig. Where it is an alert TLS 1.2 reads it within the handshake.
CASES = (
    ("no certificate", None, "cert-missing",
     {"TLSv1_2": "HANDSHAKE_FAILURE", "TLSv1_3": "CERTIFICATE_REQUIRED"}),
    ("expired", lambda name: pki.make("expired", "device-1", name), "cert-expired",
     "CERTIFICATE_EXPIRED"),
    ("not yet valid", lambda name: pki.make("future", "device-1", name), "cert-not-yet-valid",
     "BAD_CERTIFICATE"),
    ("revoked", revoked, "cert-revoked", "CERTIFICATE_REVOKED"),
    ("wrong CA", lambda name: pki.make("stranger", "device-1", name), "cert-untrusted",
     "UNKNOWN_CA"),
    ("wrong EKU, for servers", lambda name: pki.make("purpose", "device-1", name), "cert-purpose",
     "UNSUPPORTED_CERTIFICATE"),
    ("self-signed", self_signed, "cert-untrusted", "UNKNOWN_CA"),
    ("chain deeper than 4 intermediates", deep(5), "cert-other", "UNKNOWN_CA", "-N"),
    ("chain larger than 16 kB", long(40), "tls-handshake", "ILLEGAL_PARAMETER"),
    ("NUL in CN", odd(("cn", b"device-1\0.example")), "identity-none", REFUSED),
    ("NUL in SAN, DNS", odd(("cn", b"device-1"), ("dns", b"device-1\0.example")), "identity-none",
     REFUSED, "-i", "san.dns"),
    ("NUL in SAN, URI", odd(("cn", b"device-1"), ("uri", b"urn:device-1\0:x")), "identity-none",
     REFUSED, "-i", "san.uri"),
    ("NUL in SAN, e-mail", odd(("cn", b"device-1"), ("email", b"device-1@a.example\0b")),
     "identity-none", REFUSED, "-i", "san.email"),
    ("NUL in SAN, SPIFFE", odd(("cn", b"device-1"), ("uri", b"spiffe://a.example/device-1\0x")),
     "identity-none", REFUSED, "-i", "spiffe"),
    ("two URI SANs in SPIFFE mode", odd(
        ("cn", b"device-1"), ("uri", b"spiffe://a.example/device-1"),
        ("uri", b"spiffe://a.example/device-2")), "identity-none", REFUSED, "-i", "spiffe"),
    ("two URI SANs in SPIFFE mode, one of them none", odd(
        ("cn", b"device-1"), ("uri", b"urn:device-1"), ("uri", b"spiffe://a.example/device-1")),
     "identity-none", REFUSED, "-i", "spiffe"),
    ("two CNs", odd(("cn", b"device-1"), ("cn", b"device-2")), "identity-none", REFUSED),
    ("wildcard characters in CN", odd(("cn", b"device/+")), "identity-none", REFUSED),
    ("explicit EC parameters", explicit, "cert-other", "BAD_CERTIFICATE"),
    # There is no CA above it then, and OpenSSL does not look.
    ("explicit EC parameters, trusted by itself", explicit, "cert-other", "BAD_CERTIFICATE", "-N",
     "-x", "-A", "explicit-EC-parameters-trusted-by-itself.pem"),
    ("many name constraints, more than OpenSSL compares", bound(1400, 800), "cert-other",
     "INTERNAL_ERROR", "-N"),
)


def client_with(name, version):
    """Sends what its file has: OpenSSL adds the issuers that it finds among the trusted ones."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.minimum_version = context.maximum_version = version
    if name:
        context.load_cert_chain(pki.path(name + ".pem"), pki.path(name + ".key"))
    return context


def first_read(context, level=4):
    """Where the client learns it, and what: the name of an alert, or bytes."""
    with socket.create_connection(TLS, 10) as sock:
        client = context.wrap_socket(sock, do_handshake_on_connect=False)
        stage = "handshake"
        try:
            client.do_handshake()
            stage = "read"
            client.sendall(connect("device-1", level))
            return stage, client.recv(65536)
        except ssl.SSLError as error:
            return stage, error.reason.partition("ALERT_")[2]
        finally:
            client.close()


def refuse(version, name, make, reason, word, *options):
    context = client_with(make and once(name.replace(" ", "-").replace(",", ""), make), version)
    if isinstance(word, dict):
        word = word[version.name]
    early = isinstance(word, str) and version == VERSIONS[0]
    with Rig("-b", "127.0.0.1:1883", *options, "-t", "127.0.0.1:8883", pki=pki) as rig:
        equal(first_read(context), ("handshake" if early else "read", word), "client")
        equal(rig.refused()["refused"], reason)
        if isinstance(word, bytes):
            equal(first_read(context, 5), ("read", b"\x20\x03\0\x87\0"), "client of MQTT 5")
        equal(rig.upstream(), 0, "connections to the broker")
        poll("session is given back", lambda: rig.open() == 0)
        equal(set(rig.refusals()), {reason}, "the only reason")


for _name, *_rest in CASES:
    for _version in VERSIONS:
        test(f"ATTACKS 23: {_name}, {_version.name}: {_rest[1]}")(
            lambda version=_version, name=_name, rest=_rest: refuse(version, name, *rest))


@test("ATTACKS 23: every example has a point in both versions")
def all_there():
    names = [f"ATTACKS 23: {name}, {version.name}: {reason}"
             for name, _, reason, *_ in CASES for version in VERSIONS]
    for example in EXAMPLES:
        for version in VERSIONS:
            found = [name for name in names if name.startswith(f"ATTACKS 23: {example}") and
                     f"{version.name}: " in name]
            equal(bool(found), True, f"{example}, {version.name}")


@test("ATTACKS 23: what is just within the limits is let in: 4 intermediates, a chain of 9 kB")
def within():
    with Mosquitto(), Rig("-b", "127.0.0.1:1883", "-N", "-t", "127.0.0.1:8883", pki=pki) as rig:
        for version in VERSIONS:
            for name, make in (("four", deep(4)), ("nine", long(20))):
                session("device-1", TLS, pki.context(once(name, make), version)).close()
        equal(rig.refusals(), [])


def processor_time(rig):
    """Nanoseconds, of all its threads."""
    total = 0
    for task in os.listdir(f"/proc/{rig.process.pid}/task"):
        with open(f"/proc/{rig.process.pid}/task/{task}/schedstat") as stat:
            total += int(stat.read().split()[0])
    return total


def costly(version):
    """Some 7 times as much was seen for a million comparisons, which took 8 ms."""
    counts = (1, 1), (1000, 1000)
    equal(counts[1][0] * counts[1][1] in range(COMPARISONS * 9 // 10, COMPARISONS), True, "counts")
    took = []
    with Mosquitto(), Rig("-b", "127.0.0.1:1883", "-N", "-t", "127.0.0.1:8883", asan=False,
                          pki=pki) as rig:
        for constraints, names in counts:
            name = once(f"bound-{names}", bound(constraints, names))
            before = processor_time(rig)
            for _ in range(20):
                session("device-1", TLS, pki.context(name, version)).close()
            poll("sessions are given back", lambda: rig.open() == 0)
            took.append(processor_time(rig) - before)
    if took[1] > 20 * took[0]:
        raise AssertionError(f"{took[1] / took[0]:.1f} times")


for _version in VERSIONS:
    test(f"ATTACKS 23: many name constraints, as many as OpenSSL compares, {_version.name}: under "
         "20 times the processor time of one")(lambda version=_version: costly(version))

main()
