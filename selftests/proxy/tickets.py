#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""
Resumption by tickets: that it works, and everything that must not survive in one. ATTACKS 24. The
client is Python's ssl, which is OpenSSL's; what the gateway did is told by its own counters, and by
what the client learns of it.
"""
import datetime
import os
import socket
import ssl
import subprocess
import time

from proxyrig import *

VERSIONS = (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3)
BEFORE = ("-b", "127.0.0.1:1883")
LISTEN = ("-t", "127.0.0.1:8883")
OTHER = ("127.0.0.1", 8884)
NO_EXTENDED_MASTER_SECRET = 1       # SSL_OP_NO_EXTENDED_MASTER_SECRET
pki = Pki()
for _name in ("device-1", "device-2"):
    pki.device(_name)


def start(*options, listen=LISTEN):
    return Rig(*BEFORE, *options, *listen, pki=pki)


def change(rig, *options, listen=LISTEN):
    equal(rig.ask(" ".join(("change", "-d", pki.dir, *BEFORE, *options, *listen)))["error"], 0)


class Client:
    """One device: its context, and the session that it keeps from one connection to the next."""

    def __init__(self, version, name="device-1", options=0):
        self.context = pki.context(name, version)
        self.context.options |= options
        self.session = None
        self.reused = None

    def dial(self, address=TLS, name=None, source=None):
        sock = socket.create_connection(address, 10, source and (source, 0))
        try:
            client = self.context.wrap_socket(sock, server_hostname=name, session=self.session)
        except Exception:
            sock.close()
            raise
        self.reused = client.session_reused
        return client

    def connect(self, level=4, client_id="device-1", **keywords):
        """An MQTT session; the ticket comes before CONNACK."""
        client = self.dial(**keywords)
        client.sendall(connect(client_id, level))
        kind, body = read_packet(client)
        equal((kind, body[1]), (0x20, 0), "CONNACK")
        self.session = client.session
        return client


def counts(rig, listener=0):
    line = rig.counts()["listeners"][listener]
    return {word: line[word] for word in ("full", "resumed")} | line["declined"]


def came(rig, before, listener=0, **wanted):
    """What the counters have gone up by."""
    after = counts(rig, listener)
    equal({word: after[word] - before[word] for word in after if after[word] != before[word]},
          wanted, "handshakes and tickets")


def resumes(rig, client, listener=0, **keywords):
    before = counts(rig, listener)
    client.connect(**keywords).close()
    equal(client.reused, True, "resumed, says the client")
    came(rig, before, listener, resumed=1)


def full(rig, client, declined=None, listener=0, **keywords):
    """It is let in, and has to prove itself for that."""
    before = counts(rig, listener)
    client.connect(**keywords).close()
    equal(client.reused, False, "resumed, says the client")
    came(rig, before, listener, full=1, **({declined: 1} if declined else {}))


def refused(rig, client, reason, declined, **keywords):
    """Its ticket is declined, and its certificate refused; the client reads nothing."""
    before, since = counts(rig), rig.mark()
    try:
        with client.dial(**keywords) as sock:
            equal(client.reused, False, "resumed, says the client")
            sock.sendall(connect("device-1"))
            equal(read_all(sock), b"", "client reads")
    except (ssl.SSLError, ConnectionError):
        pass
    equal(rig.refused(since)["refused"], reason)
    came(rig, before, **{declined: 1})


def soon(seconds):
    at = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=seconds)
    return at.strftime("%Y%m%d%H%M%SZ")


def middle():
    """A device-1 below an intermediate CA that it sends."""
    if not os.path.exists(pki.path("middle.pem")):
        pki.shell(f"pki_middle {pki.dir} middle && pki_device {pki.dir}/middle.ca device-1 && "
                  f"cat {pki.dir}/middle.ca/device-1.pem {pki.dir}/middle.ca/ca.pem > "
                  f"{pki.dir}/middle.pem && cp {pki.dir}/middle.ca/device-1.key "
                  f"{pki.dir}/middle.key")
    return "middle"


def two_cas():
    pki.make("stranger", "device-1", "stranger")
    pki.shell(f"cat {pki.dir}/ca.pem {pki.dir}/other-ca.pem > {pki.dir}/both.pem")
    return "both.pem"


def plain(version):
    client = Client(version)
    with Mosquitto(), start() as rig:
        full(rig, client)
        line = rig.wait(lambda line: "allowed" in line)
        since = rig.mark()
        for _ in range(3):
            resumes(rig, client)
        allowed = rig.wait(lambda line: "allowed" in line, since=since)
        equal((allowed["identity"], allowed["said"]), (line["identity"], line["said"]),
              "who is ALLOWed")
        # Any worker, so that a ticket of one is taken by the others, too.
        for _ in range(20):
            resumes(rig, client)


def binding(version):
    """A resumed session speaks for the identity of its certificate and for nobody else."""
    client = Client(version)
    with Mosquitto(), start() as rig:
        full(rig, client)
        since = rig.mark()
        with client.dial() as sock:
            equal(client.reused, True, "resumed")
            sock.sendall(connect("device-2"))
            equal(read_all(sock), b"\x20\x02\0\x05", "CONNACK")
        said = rig.refused(since)
        equal((said["refused"], said["identity"]), ("identity-client-id", "device-1"))


def once(version):
    """One ticket a handshake: of TLS 1.2 the ticket is kept, in 1.3 each is another one."""
    client = Client(version)
    with Mosquitto(), start() as rig:
        full(rig, client)
        first = client.session
        resumes(rig, client)
        equal(client.session.id != first.id, version == VERSIONS[1], "another ticket")


def revoked(version, kind):
    serial = subprocess.run(["openssl", "x509", "-noout", "-serial", "-in",
                             pki.path("device-1.pem")], check=True, capture_output=True,
                            text=True).stdout.strip().partition("=")[2]
    with open(pki.path("device-1.pem")) as pem:
        digest = hashlib.sha256(ssl.PEM_cert_to_DER_cert(pem.read())).hexdigest()
    value = {"identity": "device-1", "serial": serial, "fingerprint": digest}[kind]
    client = Client(version)
    other = Client(version, "device-2")
    with Mosquitto(), start("-r", "any") as rig:
        full(rig, client)
        full(rig, other)
        up = client.connect(5)
        equal(client.reused, True, "resumed")
        since = rig.mark()
        rig.ask(f"revoke {kind} {value}")
        line = rig.wait(lambda line: "ended" in line, 1, since)
        equal((line["ended"], line["identity"]), ("revoked", "device-1"))
        equal(read_all(up), b"\xe0\x01\x87", "last words")
        up.close()
        chains = rig.counts()["listeners"][0]["chain_hits"]
        refused(rig, client, "revoked", "revoked")
        equal(rig.counts()["listeners"][0]["chain_hits"], chains, "its chain is known no more")
        resumes(rig, other)


def revoked_by_ca(version):
    name = pki.make("device", "device-1", f"lost-{version.name}")
    client, other = Client(version, name), Client(version, "device-2")
    with Mosquitto(), start("-r", "any") as rig:
        full(rig, client)
        full(rig, other)
        pki.shell(f"pki_revoke {pki.dir} {name}")
        change(rig, "-r", "any")
        refused(rig, client, "cert-revoked", "policy")
        full(rig, other, "policy")


def authority_gone(version):
    both = two_cas()
    client = Client(version, "stranger")
    with Mosquitto(), start("-N", "-A", both) as rig:
        full(rig, client)
        change(rig, "-N", "-A", both)
        resumes(rig, client)
        change(rig, "-N")
        refused(rig, client, "cert-untrusted", "policy")


def rules(version):
    """Whatever a client was let in by is asked anew when it has changed."""
    with Mosquitto(), start() as rig:
        for options in (("-S",), ("-x",), ("-N",), ("-P", pin_of("ca.pem")),
                        ("-i", "san.uri", "-r", "any"),
                        ("-3",) if version == VERSIONS[1] else ("-S", "-x")):
            client = Client(version)
            change(rig)
            full(rig, client)
            change(rig)
            resumes(rig, client)
            change(rig, *options)
            full(rig, client, "policy")


def pin_of(name):
    der = subprocess.run(f"openssl x509 -noout -pubkey -in {pki.path(name)} | "
                         "openssl pkey -pubin -outform DER", shell=True, check=True,
                         capture_output=True).stdout
    return hashlib.sha256(der).hexdigest()


def across(version):
    client = Client(version)
    with Mosquitto(), start(listen=(*LISTEN, "-t", "127.0.0.1:8884")) as rig:
        full(rig, client)
        kept = client.session
        full(rig, client, "policy", listener=1, address=OTHER)
        client.session = kept
        resumes(rig, client)


def server_name(version):
    client = Client(version)
    with Mosquitto(), start() as rig:
        full(rig, client, name="one.example")
        kept = client.session
        resumes(rig, client, name="one.example")
        for name in ("two.example", None):
            client.session = kept
            full(rig, client, "policy", name=name)


def address(version):
    """Devices move, and share addresses: a ticket is not bound to one."""
    client = Client(version)
    with Mosquitto(), start() as rig:
        full(rig, client)
        resumes(rig, client, source="127.0.0.2")


def rotation(version):
    client = Client(version)
    with Mosquitto(), start() as rig:
        full(rig, client)
        first = client.session
        equal(rig.ask("later 599"), 1, "keys before the first rotation")
        equal(rig.ask("later 601"), 2, "keys after it")
        resumes(rig, client)
        equal(client.session.id != first.id or version == VERSIONS[0], True, "another ticket")
        second, client.session = client.session, first
        equal(rig.ask("later 4300"), 2, "keys when the first is out and there is a third")
        full(rig, client, "key")
        client.session = second
        resumes(rig, client)


def file_keys(path, *keys):
    with open(pki.path(path), "w") as out:
        os.fchmod(out.fileno(), 0o600)
        out.write("# keys\n\n" + "".join(key.hex() + "\n" for key in keys))
    return pki.path(path)


def not_seen(version):
    """A gateway that has seen its CAs, and never its certificate, reads that from the ticket."""
    client, other = Client(version), Client(version, "device-2")
    keys = ("-N", "-f", file_keys("not-seen", noise(80, f"{version}")))
    elsewhere = ("-t", "127.0.0.1:8884")
    with Mosquitto(), start(*keys) as here, start(*keys, listen=elsewhere) as there:
        full(here, client)
        full(there, other, client_id="device-2", address=OTHER)
        resumes(there, client, address=OTHER)
        with client.connect(address=OTHER):
            equal([s["identity"] for s in there.ask("sessions")], ["device-1"], "identity")
        resumes(there, client, address=OTHER)


def keys_in_a_file(version):
    """Gateways that share a file; one that has never seen the CAs of a client learns them."""
    one, two, three = (noise(80, f"{version}{i}") for i in range(3))
    client = Client(version, middle())
    first = ("-N", "-f", file_keys("tickets", one))
    elsewhere = ("-t", "127.0.0.1:8884")
    with Mosquitto(), start(*first) as here, start(*first, listen=elsewhere) as there:
        full(here, client)
        kept = client.session
        full(there, client, "path", address=OTHER)
        client.session = kept
        resumes(there, client, address=OTHER)
        file_keys("tickets", two, one)
        change(here, *first)
        client.session = kept
        resumes(here, client)
        newer = client.session
        file_keys("tickets", three, two)
        change(here, *first)
        client.session = kept
        full(here, client, "key")
        if version == VERSIONS[1]:
            client.session = newer
            resumes(here, client)
        kept = client.session
        change(here, "-N")
        full(here, client, "key")
        change(here, *first)
        client.session = kept
        resumes(here, client)


def certificate_over(version):
    pki.shell(f"pki_issue {pki.dir} short device-1 client_ext DNS:device-1 -enddate {soon(5)}")
    client = Client(version, "short")
    with Mosquitto(), start() as rig:
        full(rig, client)
        resumes(rig, client)
        over(rig, client, "cert-expired", version)


def list_over(version):
    begin = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(days=1)
    pki.shell(f"export PKI_SAN=DNS:none; pki_say openssl ca -batch -config {pki.dir}/ca.cnf "
              f"-cert {pki.dir}/ca.pem -keyfile {pki.dir}/ca.key -gencrl -crl_lastupdate "
              f"{begin:%Y%m%d%H%M%SZ} -crl_nextupdate {soon(5)} -out {pki.dir}/short-crl.pem")
    client = Client(version)
    with Mosquitto(), start("-c", "short-crl.pem") as rig:
        full(rig, client)
        resumes(rig, client)
        over(rig, client, "cert-crl", version)


def over(rig, client, reason, version):
    """It comes with the same ticket until it is refused. OpenSSL's client keeps a ticket of TLS 1.3
    to itself when the time is over that it was told."""
    end = time.monotonic() + 20
    while time.monotonic() < end:
        before, since, kept = counts(rig), rig.mark(), client.session
        try:
            client.connect().close()
        except (ssl.SSLError, ConnectionError, EOFError):
            equal(rig.refused(since)["refused"], reason)
            if version == VERSIONS[0] or counts(rig) != before:
                came(rig, before, expired=1)
            return
        came(rig, before, resumed=1)
        client.session = kept
    raise AssertionError("it still comes in")


def age(version):
    """A session cannot be prolonged by resuming it: the key is proven once a lifetime."""
    client = Client(version)
    with Mosquitto(), start() as rig:
        full(rig, client)
        begun = time.monotonic()
        while time.monotonic() < begun + 3:
            resumes(rig, client)
        change(rig, "-l", "3000")
        resumes(rig, client)
        change(rig, "-l", "2")
        full(rig, client, "age")


def off(version):
    client = Client(version)
    with Mosquitto(), start() as rig:
        full(rig, client)
        change(rig, "-l", "0")
        full(rig, client)
        equal(client.session.has_ticket, False, "ticket")


def under_a_session(version):
    """A session that was resumed is judged again like any other, by a chain it did not send."""
    both = two_cas()
    client, other = Client(version, middle()), Client(version, "stranger")
    with Mosquitto(), start("-r", "any", "-N", "-A", both) as rig:
        full(rig, client)
        full(rig, other)
        one, two = client.connect(5, "one"), other.connect(5, "two")
        equal((client.reused, other.reused), (True, True), "resumed")
        for options in ((), ("-x",), ("-P", pin_of("middle.ca/ca.pem")), ()):
            since = rig.mark()
            change(rig, "-r", "any", "-N", "-A", both, *options)
            if "-P" in options:
                line = rig.wait(lambda line: "ended" in line, 1, since)
                equal((line["ended"], line["client_id"]), ("cert-untrusted", "two"))
                equal(read_all(two), b"\xe0\x01\x87", "last words")
            one.sendall(PINGREQ)
            equal(read_packet(one), (0xd0, b""), "PINGRESP")
        since = rig.mark()
        change(rig, "-r", "any", "-N", "-A", "other-ca.pem")
        line = rig.wait(lambda line: "ended" in line, 1, since)
        equal((line["ended"], line["client_id"]), ("cert-untrusted", "one"))
        one.close()
        two.close()


def half_way(version):
    """A ticket that was taken, and a change before the handshake is over."""
    client = Client(version)
    with Mosquitto(), start() as rig:
        full(rig, client)
        with socket.create_connection(TLS, 10) as sock:
            inward, outward = ssl.MemoryBIO(), ssl.MemoryBIO()
            tls = client.context.wrap_bio(inward, outward, session=client.session)
            try:
                tls.do_handshake()
            except ssl.SSLWantReadError:
                pass
            sock.sendall(outward.read())
            inward.write(sock.recv(65536))
            try:
                tls.do_handshake()
            except ssl.SSLWantReadError:
                pass
            since = rig.mark()
            rig.ask("revoke identity device-1")
            sock.sendall(outward.read())
            equal(rig.refused(since)["refused"], "revoked")
        equal(counts(rig)["resumed"], 1, "it was being resumed")


def changed(version):
    """A ticket in which any byte was changed is no ticket."""
    command = ["openssl", "s_client", "-connect", "127.0.0.1:8883", "-cert",
               pki.path("device-1.pem"), "-key", pki.path("device-1.key"),
               "-tls1_2" if version == VERSIONS[0] else "-tls1_3"]
    kept = pki.path("session.pem")

    def s_client(*arguments):
        with subprocess.Popen([*command, *arguments], stdin=subprocess.PIPE,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as process:
            process.stdin.write(connect("device-1"))
            process.stdin.flush()
            said = b""
            while ACCEPTED not in said:
                part = process.stdout.read1(65536)
                if not part:
                    break
                said += part
            process.stdin.close()
            process.wait(20)
            return said

    with Mosquitto(), start() as rig:
        s_client("-sess_out", kept)
        before = counts(rig)
        s_client("-sess_in", kept)
        came(rig, before, resumed=1)
        der = subprocess.run(["openssl", "sess_id", "-in", kept, "-outform", "DER"], check=True,
                             capture_output=True).stdout
        said = subprocess.run(["openssl", "sess_id", "-in", kept, "-noout", "-text"], check=True,
                              capture_output=True, text=True).stdout
        start_ = bytes.fromhex(next(line for line in said.splitlines() if "0000 -" in line)
                               .split(" - ")[1][:47].replace("-", " "))
        at, size = der.index(start_), ticket_size(said)
        print(f"# a ticket of {version.name} takes {size} bytes")
        equal(size <= 1100, True, "a ticket fits a segment with its ClientHello")
        for place in (0, 16, 32, size // 2, size - 1):
            bad = bytearray(der)
            bad[at + place] ^= 1
            subprocess.run(["openssl", "sess_id", "-inform", "DER", "-out", kept], input=bad,
                           check=True)
            before = counts(rig)
            s_client("-sess_in", kept)
            came(rig, before, full=1, key=1)


def ticket_size(text):
    """Of what `openssl sess_id -text` dumps of it, 16 bytes a line."""
    lines = [line for line in text.splitlines() if " - " in line and line.strip()[:4].isalnum()]
    last = lines[-1].strip().split(" - ")
    return int(last[0], 16) + len(last[1][:47].replace("-", " ").split())


for _version in VERSIONS:
    for _kind in ("identity", "serial", "fingerprint"):
        test(f"revoked here by {_kind} while it is up: ended within a second, its ticket is "
             f"declined, {_version.name} (ATTACKS 24)")(
                 lambda version=_version, kind=_kind: revoked(version, kind))
    for _what, _run in (
            ("a ticket is taken by every worker, of any age", plain),
            ("a resumed session is bound to the identity of its certificate", binding),
            ("one ticket a handshake", once),
            ("a list that revokes it: its ticket is declined (ATTACKS 24)", revoked_by_ca),
            ("a CA that is taken away: its devices' tickets are declined (ATTACKS 24)",
             authority_gone),
            ("another policy: tickets are declined (ATTACKS 24)", rules),
            ("a ticket of another listener is declined (ATTACKS 24)", across),
            ("a ticket for another server name is declined (ATTACKS 24)", server_name),
            ("a ticket is taken from another address: devices move (ATTACKS 24)", address),
            ("keys rotate; a ticket of one that is out is declined (ATTACKS 24)", rotation),
            ("keys in a file are shared by gateways, and go with it (ATTACKS 24)", keys_in_a_file),
            ("a ticket tells a gateway what it has not seen before", not_seen),
            ("a ticket does not outlive its certificate (ATTACKS 24)", certificate_over),
            ("a ticket does not outlive the list that was asked (ATTACKS 24)", list_over),
            ("a session cannot be prolonged by resuming it (ATTACKS 24)", age),
            ("resumption off: no tickets, and none is taken", off),
            ("a resumed session is judged again by its chain (ATTACKS 24)", under_a_session),
            ("a change while a session is being resumed (ATTACKS 24)", half_way),
            ("a ticket that was changed is none (ATTACKS 24)", changed)):
        test(f"{_what}, {_version.name}")(lambda version=_version, run=_run: run(version))


@test("TLS 1.2 without extended master secret gets no ticket (ATTACKS 24)")
def no_extended_master_secret():
    client = Client(VERSIONS[0], options=NO_EXTENDED_MASTER_SECRET)
    with Mosquitto(), start() as rig:
        full(rig, client)
        equal(client.session.has_ticket, False, "ticket")
        full(rig, client)


@test("0-RTT stays off: no ticket allows early data")
def early_data():
    command = ["openssl", "s_client", "-connect", "127.0.0.1:8883", "-cert",
               pki.path("device-1.pem"), "-key", pki.path("device-1.key"), "-tls1_3",
               "-sess_out", pki.path("early.pem")]
    with Mosquitto(), start():
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                              stderr=subprocess.DEVNULL) as process:
            process.stdin.write(connect("device-1"))
            process.stdin.flush()
            said = b""
            while ACCEPTED not in said:
                said += process.stdout.read1(65536)
            process.stdin.close()
            process.wait(20)
        text = subprocess.run(["openssl", "sess_id", "-in", pki.path("early.pem"), "-noout",
                               "-text"], check=True, capture_output=True, text=True).stdout
        equal("Max Early Data: 0" in text, True, text)


main()
