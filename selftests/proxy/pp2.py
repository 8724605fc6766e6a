#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""The PROXY protocol towards brokers: what is sent, and that others understand it."""
import struct
import tempfile

from proxyrig import *
from ktap import Skip  # noqa: E402

pki = Pki()
SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
IDENTITY, SSL, CN, CIPHER, AUTHORITY, CRC32C = 2, 4, 8, 16, 32, 1
HAPROXY_PORT = 1885
CONNECT = bytes.fromhex("1014" "00044d515454" "04" "02" "003c" "0008") + b"device-1"


def header_of(connection):
    """The addresses and the TLVs that a connection begins with."""
    fixed = read_exactly(connection, 16)
    equal(fixed[:13], SIGNATURE + b"\x21", "signature, version and command")
    body = read_exactly(connection, struct.unpack(">H", fixed[14:])[0])
    equal(fixed[13], 0x11, "family")
    source, target, sport, dport = struct.unpack(">4s4sHH", body[:12])
    return (socket.inet_ntoa(source), sport), (socket.inet_ntoa(target), dport), tlvs(body[12:])


def tlvs(data):
    found = {}
    while data:
        kind, size = struct.unpack(">BH", data[:3])
        found[kind] = data[3:3 + size]
        data = data[3 + size:]
    return found


def introduced(words, door=TLS, server_name=None):
    """What a broker is told of one client, and where that client was."""
    got = []

    def serve(connection):
        got.append((header_of(connection), read_exactly(connection, len(CONNECT))))

    pki.device("device-1")
    with FakeBroker(serve), Rig("-X", f"{words:x},536", "-b", "127.0.0.1:1883", "-t",
                                "127.0.0.1:8883", "-p", "127.0.0.1:1884", pki=pki) as rig:
        raw = socket.create_connection(door)
        own = raw.getsockname()
        client = raw
        if door == TLS:
            client = pki.context("device-1").wrap_socket(raw, server_hostname=server_name)
        with client:
            client.sendall(CONNECT)
            poll("the broker has it", lambda: got)
        poll("session is given back", lambda: rig.open() == 0)
    (source, target, found), packet = got[0]
    equal(packet, CONNECT, "what comes behind the header")
    equal((source, target), (own, door), "the client's address and the one that it came to")
    return found


@test("a broker is told addresses, identity, TLS and the server name, then gets the CONNECT")
def everything():
    found = introduced(IDENTITY | SSL | CN | CIPHER | AUTHORITY, server_name="gw.example")
    equal(found[0xE0], b"device-1", "identity")
    equal(found[0x02], b"gw.example", "authority")
    inner = tlvs(found[0x20][5:])
    equal(found[0x20][:5], b"\7\0\0\0\0", "a verified certificate of this connection")
    equal(inner[0x21][:3], b"TLS", "version")
    equal(inner[0x22], b"device-1", "common name")
    equal(b"GCM" in inner[0x23] or b"CHACHA" in inner[0x23], True, "cipher")


@test("a client in clear text has addresses alone")
def clear():
    equal(introduced(IDENTITY | SSL | CN | AUTHORITY, door=PLAIN), {}, "TLVs")


@test("checks that speak MQTT begin with one: of the gateway itself, by the command PROXY")
def checks():
    got = []

    def serve(connection):
        told = header_of(connection)
        got.append((told, connection.getpeername(), read_packet(connection)[0]))
        connection.sendall(ACCEPTED)
        read_all(connection)

    for words, tlv in ((0, []), (IDENTITY | SSL | CRC32C, [3])):
        with FakeBroker(serve), Rig("-X", f"{words:x},536", "-O", "health=2", "-b",
                                    "127.0.0.1:1883", "-p", "127.0.0.1:1884"):
            poll("a check came", lambda: got)
        (source, target, found), peer, kind = got.pop(0)
        equal((source, target, list(found), kind), (peer, BROKER, tlv, 0x10))
        got.clear()


HAPROXY = """
global
    log {work}/log local0
defaults
    mode tcp
    timeout connect 5s
    timeout client 30s
    timeout server 30s
frontend in
    bind 127.0.0.1:{port} accept-proxy {tls}
    log global
    log-format "from %ci:%cp to %[dst]:%[dst_port] for %[fc_pp_authority]"
    default_backend broker
backend broker
    server broker 127.0.0.1:1883
"""


def shown_to_haproxy(log, settings):
    """Where a client came from and to, and for whom it asked, by the log of HAProxy."""
    words = IDENTITY | SSL | CN | CIPHER | AUTHORITY | CRC32C
    with Mosquitto(), Rig("-X", f"{words:x},536", "-O", "health=2", *settings, "-b",
                          f"127.0.0.1:{HAPROXY_PORT}", "-t", "127.0.0.1:8883", pki=pki) as rig:
        raw = socket.create_connection(TLS)
        own = raw.getsockname()
        with pki.context("device-1").wrap_socket(raw, server_hostname="gw.example") as client:
            client.sendall(CONNECT)
            equal(read_exactly(client, 4), b"\x20\2\0\0", "mosquitto's CONNACK")
        wanted = f"from {own[0]}:{own[1]} to 127.0.0.1:8883 for gw.example"
        while not log.recv(4096).decode().rstrip().endswith(wanted):
            pass
        server = poll("checks", lambda: [one for one in rig.counts()["brokers"][0]["servers"]
                                         if one["checks"] > 3])[0]
        equal((server["up"], server["checks_failed"]), (True, 0), "checks")


@test("haproxy takes the header, its sum included, and shows the broker's side the client; with "
      "TLS to haproxy as well")
def haproxy():
    if not shutil.which("haproxy", path=os.environ["PATH"] + ":/usr/sbin"):
        raise Skip("haproxy is not installed")
    pki.device("device-1")
    pki.shell(f"cat {pki.path('server.pem')} {pki.path('server.key')} > {pki.path('both.pem')}")
    for tls, settings in (("", ()), (f"ssl crt {pki.path('both.pem')}", ("-Z", "ca,-,-,1.2"))):
        work = tempfile.mkdtemp(dir=pki.dir)
        log = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        log.bind(os.path.join(work, "log"))
        log.settimeout(10)
        with open(os.path.join(work, "cfg"), "w", encoding="ascii") as f:
            f.write(HAPROXY.format(work=work, port=HAPROXY_PORT, tls=tls))
        proxy = subprocess.Popen(["haproxy", "-db", "-q", "-f", os.path.join(work, "cfg")],
                                 env=dict(os.environ, PATH=os.environ["PATH"] + ":/usr/sbin"))
        try:
            poll("haproxy listens", lambda: can_connect(HAPROXY_PORT))
            shown_to_haproxy(log, settings)
        finally:
            proxy.kill()
            proxy.wait()
            log.close()


main()
