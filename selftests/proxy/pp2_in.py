#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""The PROXY protocol from proxies in front: who is believed, and what is refused (ATTACKS 26)."""
import tempfile

from proxyrig import *
from ktap import Skip  # noqa: E402

pki = Pki()
pki.device("device-1")
PROXY = "127.0.0.2"                     # trusted
CLIENT = ("198.51.100.7", 40000)
SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
BOTH = ("-I", PROXY, "-b", "127.0.0.1:1883", "-p", "127.0.0.1:1884", "-t", "127.0.0.1:8883")
V4 = socket.inet_aton(CLIENT[0]) + socket.inet_aton("192.0.2.1") + struct.pack(">HH", CLIENT[1], 1)


def header(body=V4, command=0x21, family=0x11, length=None):
    return SIGNATURE + bytes((command, family)) + struct.pack(
        ">H", len(body) if length is None else length) + body


def tlv(kind, value, length=None):
    return bytes((kind,)) + struct.pack(">H", len(value) if length is None else length) + value


def summed(body, bad=0):
    def crc(data):
        value = 0xFFFFFFFF
        for byte in data:
            value ^= byte
            for _ in range(8):
                value = value >> 1 ^ (0x82F63B78 if value & 1 else 0)
        return value ^ 0xFFFFFFFF

    zero = header(body + tlv(3, b"\0\0\0\0"))
    return header(body + tlv(3, struct.pack(">I", crc(zero) ^ bad)))


def known(gate):
    return [(s["addr"], s["port"]) for s in gate.ask("sessions")]


def through(first, door=PLAIN, source=PROXY, pieces=False):
    """A session behind @first, which a proxy sent; its socket."""
    raw = socket.create_connection(door, 10, (source, 0))
    if pieces:
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in first:
            raw.sendall(bytes((byte,)))
    elif door == PLAIN:
        raw.sendall(first + connect("device-1"))
    else:
        raw.sendall(first)
    if door == TLS:
        raw = pki.context("device-1").wrap_socket(raw)
    if door == TLS or pieces:
        raw.sendall(connect("device-1"))
    equal(read_exactly(raw, 4), ACCEPTED)
    return raw


@test("a client is the one that the proxy names, in clear text and TLS; the flow is the proxy's")
def named():
    v6 = socket.inet_pton(socket.AF_INET6, "2001:db8::7") * 2 + struct.pack(">HH", CLIENT[1], 1)
    for door in (PLAIN, TLS):
        for first, who in ((header(), CLIENT), (summed(V4 + tlv(0xE0, b"x")), CLIENT),
                           (header(v6, family=0x21), ("2001:db8::7", CLIENT[1]))):
            for pieces in (False, True):
                with Mosquitto(), Rig(*BOTH, pki=pki) as gate:
                    with through(first, door, pieces=pieces) as client:
                        equal(known(gate), [who])
                        flow = gate.wait(lambda line: "allowed" in line)
                        own = client.getsockname()
                        equal((flow["saddr"], flow["sport"]), own, "the ALLOWed flow")


@test("LOCAL is the proxy itself, whatever the rest says; connections without a byte are checks")
def local():
    for first in (header(b"", 0x20, 0), header(b"junk", 0x20, 0x99)):
        with Mosquitto(), Rig(*BOTH, pki=pki) as gate:
            with through(first) as client:
                equal(known(gate), [client.getsockname()])
            socket.create_connection(PLAIN, 10, (PROXY, 0)).close()
            poll("all have left", lambda: gate.open() == 0)
            equal(gate.refusals(), [])


REFUSED = {
    "26. bad magic": ("proxy-signature", b"\r\n\r\n\0\r\nQUIX\n" + header()[12:]),
    "26. no header, a CONNECT": ("proxy-signature", connect("device-1")),
    "26. a header that ends early": ("proxy-signature", header()[:20]),
    "26. version 31": ("proxy-version", header(command=0x31)),
    "26. command 23": ("proxy-command", header(command=0x23)),
    "26. family 00": ("proxy-family", header(family=0)),
    "26. family UNIX": ("proxy-family", header(V4 * 18, family=0x31)),
    "26. family UDP": ("proxy-family", header(family=0x12)),
    "26. short addresses": ("proxy-addresses", header(V4[:11])),
    "26. short addresses of IPv6": ("proxy-addresses", header(V4, family=0x21)),
    "26. TLV overrun": ("proxy-tlv", header(V4 + tlv(1, b"x", 2))),
    "26. a TLV that is cut": ("proxy-tlv", header(V4 + b"\1\0")),
    "26. TLVs without end": ("proxy-tlv", header(V4 + b"\4\xff\xf0", length=65535)),
    "26. a wrong sum": ("proxy-tlv", summed(V4, 1)),
}


@test("ATTACKS 26: what a trusted proxy may not send ends unanswered, each with its reason; no "
      "broker hears of it")
def refused():
    with Rig(*BOTH, pki=pki) as gate:
        for door in (PLAIN, TLS):
            for what, (reason, first) in REFUSED.items():
                since = gate.mark()
                with socket.create_connection(door, 10, (PROXY, 0)) as raw:
                    try:
                        raw.sendall(first)
                        raw.shutdown(socket.SHUT_WR)
                        equal(raw.recv(100), b"", what)
                    except OSError:
                        pass        # it is closed with bytes unread: a reset
                line = gate.refused(since)
                equal((line["refused"], line["addr"]), (reason, PROXY), what)
        poll("all is given back", lambda: gate.open() == 0)
        equal(gate.upstream(), 0)


@test("ATTACKS 26: a header of a peer that is not trusted is refused; without one it is a client")
def untrusted():
    with Mosquitto(), Rig(*BOTH, pki=pki) as gate:
        for door in (PLAIN, TLS):
            since = gate.mark()
            with socket.create_connection(door, 10, ("127.0.0.3", 0)) as raw:
                raw.sendall(header())
                raw.recv(100)
            line = gate.refused(since)
            equal((line["refused"], line["addr"]), ("proxy-untrusted", "127.0.0.3"))
        poll("both are gone", lambda: gate.open() == 0)
        with session("device-1", source="127.0.0.3") as client:
            equal(known(gate), [client.getsockname()])
        equal(gate.upstream(), 1)


@test("a silent proxy is given up in time; what comes behind the header belongs to the client")
def silent():
    with Rig("-T", "200", "-H", "200", *BOTH, pki=pki) as gate:
        for door in (PLAIN, TLS):
            since = gate.mark()
            with socket.create_connection(door, 10, (PROXY, 0)) as raw:
                raw.sendall(header()[:10])
                equal(raw.recv(1), b"")
            equal(gate.refused(since)["refused"], "proxy-signature")
        since = gate.mark()
        with socket.create_connection(PLAIN, 10, (PROXY, 0)) as raw:
            raw.sendall(header() + b"\xf0\0")
            raw.recv(100)
        line = gate.refused(since)
        equal((line["refused"], line["addr"]), ("mqtt-not-connect", CLIENT[0]), "whose fault")


@test("the budget of handshakes is the client's, not the proxy's")
def budget():
    def knock(gate, addr):
        body = socket.inet_aton(addr) + V4[4:]
        since = gate.mark()
        with socket.create_connection(TLS, 10, (PROXY, 0)) as raw:
            raw.sendall(header(body) + client_hello(pki.context("device-1")))
            raw.settimeout(10)
            try:
                return raw.recv(5)[:1]
            except ConnectionResetError:
                return b""
            finally:
                del since

    with Rig("-B", "per_source=1", "-B", "per_source_burst=2", *BOTH, pki=pki) as gate:
        answers = [knock(gate, f"198.51.100.{i}") for i in range(8)]
        equal(answers, [b"\x16"] * 8, "eight clients behind one proxy")
        answers = [knock(gate, "198.51.100.99") for _ in range(6)]
        equal(answers.count(b"\x16"), 2, "one client")
        equal(set(gate.refusals()) - {"tls-handshake"}, {"handshake-source"})


@test("haproxy in front: the client is the one that came to it, and the broker is told of that one")
def haproxy():
    if not shutil.which("haproxy", path=os.environ["PATH"] + ":/usr/sbin"):
        raise Skip("haproxy is not installed")
    work = tempfile.mkdtemp(dir=pki.dir)
    with open(os.path.join(work, "cfg"), "w", encoding="ascii") as f:
        f.write("""
defaults
    mode tcp
    timeout connect 5s
    timeout client 30s
    timeout server 30s
frontend in
    bind 127.0.0.1:1886
    default_backend gate
backend gate
    server gate 127.0.0.1:8883 source 127.0.0.2 send-proxy-v2
""")
    proxy = subprocess.Popen(["haproxy", "-db", "-q", "-f", os.path.join(work, "cfg")],
                             env=dict(os.environ, PATH=os.environ["PATH"] + ":/usr/sbin"))
    try:
        with Mosquitto(), Rig(*BOTH, pki=pki) as gate:
            poll("haproxy listens", lambda: can_connect(1886))
            with session("device-1", ("127.0.0.1", 1886), pki.context("device-1"),
                         source="127.0.0.9") as client:
                equal(known(gate), [client.getsockname()])
    finally:
        proxy.kill()
        proxy.wait()


main()
