# SPDX-License-Identifier: BSD-2-Clause
"""
What the scripts of this directory share: a private network namespace, certificates, the gateway
(the rig, or with MQGATE_GATEWAY=daemon mqgated itself), brokers, and just enough MQTT to say one
wrong thing at a time. Everything that is started is ended by the object that started it.
"""
import atexit
import ctypes
import hashlib
import json
import os
import resource
import shutil
import socket
import ssl
import struct
import subprocess
import sys
import tempfile
import threading
import time

from gateway import BUILT, TOP
from ktap import equal, points, poll, skip_all, test

if os.environ.get("MQGATE_GATEWAY") == "daemon":
    from gateway_daemon import Daemon as Rig
else:
    from gateway import Rig

CLONE_NEWNET = 0x40000000

BROKER = ("127.0.0.1", 1883)
TLS = ("127.0.0.1", 8883)
PLAIN = ("127.0.0.1", 1884)


def main():
    """Runs the tests of the script in a network namespace of its own."""
    missing = [tool for tool in ("mosquitto", "mosquitto_pub", "mosquitto_sub", "openssl")
               if not shutil.which(tool, path=os.environ["PATH"] + ":/usr/sbin")]
    if os.geteuid() != 0 or missing:
        skip_all("needs " + (", ".join(missing) or "root: sudo make test"))
    isolate()
    # 500 sessions take 1000 descriptors; what is started inherits the limit.
    hard = max(8192, resource.getrlimit(resource.RLIMIT_NOFILE)[1])
    resource.setrlimit(resource.RLIMIT_NOFILE, (8192, hard))
    sys.exit(1 if points() else 0)


def isolate():
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), "unshare")
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)


# ---- certificates -----------------------------------------------------------------------

class Pki:
    """One CA in a directory of its own; certificates are made when they are asked for."""

    def __init__(self):
        self.dir = tempfile.mkdtemp(prefix=f"mqgate-proxy-{os.getpid()}-")
        atexit.register(shutil.rmtree, self.dir, True)
        self.shell(f"pki_init {self.dir} && pki_server {self.dir} server IP:127.0.0.1")

    def shell(self, command):
        subprocess.run(["bash", "-c", f". {TOP}/selftests/lib/pki.sh; {command}"], check=True,
                       stdin=subprocess.DEVNULL)

    def path(self, name):
        return os.path.join(self.dir, name)

    def make(self, kind, cn, name=None):
        name = name or cn
        if not os.path.exists(self.path(name + ".pem")):
            self.shell(f"pki_{kind} {self.dir} '{cn}' {name}")
        return name

    def device(self, cn):
        return self.make("device", cn)

    def odd(self, name, *names):
        """Names that openssl(1) would not write: (kind, bytes), the kinds as in oddcert.c."""
        subprocess.run([os.path.join(BUILT, "oddcert"), self.path("ca.pem"), self.path("ca.key"),
                        self.path(name), *(f"{kind}:{text.hex()}" for kind, text in names)],
                       check=True)
        return name

    def below(self, name, extensions, device="device-1", san=None):
        """@name: a device below an intermediate CA that has @extensions besides the usual ones."""
        self.shell(f"""
            set -e
            export PKI_SAN=DNS:none
            pki_init {self.dir}/{name}.ca
            sed 's|^keyUsage = critical,keyCertSign,cRLSign|&\\n{extensions}|' {self.dir}/ca.cnf \
                > {self.dir}/{name}.cnf
            pki_say openssl req -new -config {self.dir}/ca.cnf -key {self.dir}/{name}.ca/ca.key \
                -subj '/CN={name} CA' -out {self.dir}/{name}.csr
            pki_say openssl ca -batch -notext -config {self.dir}/{name}.cnf -extensions ca_ext \
                -cert {self.dir}/ca.pem -keyfile {self.dir}/ca.key -in {self.dir}/{name}.csr \
                -out {self.dir}/{name}.ca/ca.pem
            pki_issue {self.dir}/{name}.ca {device} {device} client_ext '{san or "DNS:" + device}'
            cat {self.dir}/{name}.ca/{device}.pem {self.dir}/{name}.ca/ca.pem \
                > {self.dir}/{name}.pem
            cp {self.dir}/{name}.ca/{device}.key {self.dir}/{name}.key""")
        return name

    def context(self, name=None, version=None):
        """A client's TLS context: certificate @name, and that TLS version only."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.load_verify_locations(self.path("ca.pem"))
        if name:
            context.load_cert_chain(self.path(name + ".pem"), self.path(name + ".key"))
        if version:
            context.minimum_version = version
            context.maximum_version = version
        return context


# ---- brokers ----------------------------------------------------------------------------------

class Mosquitto:
    def __init__(self, address=BROKER):
        self.address = address
        self.config = tempfile.NamedTemporaryFile("w", suffix=".conf")
        self.config.write(f"listener {address[1]} {address[0]}\nallow_anonymous true\n"
                          "persistence false\nmax_queued_messages 0\nmessage_size_limit 0\n"
                          "user root\nlog_type error\n")
        self.config.flush()
        self.process = None
        self.start()

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        self.stop()

    def start(self):
        path = os.environ["PATH"] + ":/usr/sbin"
        self.process = subprocess.Popen([shutil.which("mosquitto", path=path), "-c",
                                         self.config.name], stdout=subprocess.DEVNULL,
                                        stderr=subprocess.DEVNULL)
        poll("mosquitto listens", self.listens)

    def listens(self):
        try:
            socket.create_connection(self.address, 1).close()
            return True
        except OSError:
            return False

    def stop(self, hard=False):
        if self.process:
            self.process.kill() if hard else self.process.terminate()
            self.process.wait()
            self.process = None


class FakeBroker:
    """Accepts one connection after the other and runs @serve(socket) in a thread for each."""

    def __init__(self, serve, address=BROKER):
        self.serve = serve
        self.listener = socket.socket()
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.listener.bind(address)
        self.listener.listen(64)
        self.failures = []
        self.threads = []
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        for thread in self.threads:
            thread.join(20)
        if self.failures and kind is None:
            raise self.failures[0]

    def run(self):
        while True:
            try:
                connection = self.listener.accept()[0]
            except OSError:
                return
            thread = threading.Thread(target=self.one, args=(connection,), daemon=True)
            thread.start()
            self.threads.append(thread)

    def one(self, connection):
        connection.settimeout(20)
        try:
            with connection:
                self.serve(connection)
        except Exception as failure:
            self.failures.append(failure)


# Several of them are one broker: 127.0.0.1, ports 1901 and on.

def at(port):
    return ("127.0.0.1", port)


def servers(*ports):
    return ",".join(f"127.0.0.1:{port}" for port in ports)


def states(rig):
    return rig.counts()["brokers"][0]["servers"]


def are_up(rig, *wanted):
    poll(lambda: f"servers are {wanted}: {states(rig)}",
         lambda: [s["up"] for s in states(rig)] == list(wanted))


def spread(rig):
    return [s["open"] for s in states(rig)]


# ---- MQTT ---------------------------------------------------------------------------------------

def varint(number):
    out = b""
    while True:
        byte, number = number & 0x7f, number >> 7
        out += bytes([byte | (0x80 if number else 0)])
        if not number:
            return out


def text(value):
    value = value.encode() if isinstance(value, str) else value
    return struct.pack(">H", len(value)) + value


def packet(client_id, level=4, username=None, password=None, will=None, properties=b"", flags=None):
    """A CONNECT of any level; @flags in the place of the right ones."""
    if flags is None:
        flags = 2 | (0x80 if username is not None else 0) | (0x40 if password else 0) | \
            (0x2c if will else 0)
    body = text("MQIsdp" if level & 0x7f == 3 else "MQTT") + struct.pack(">BBH", level, flags, 60)
    if level == 5:
        body += varint(len(properties)) + properties
    body += text(client_id)
    if will:
        body += (b"\x05\x18\0\0\0\7" if level == 5 else b"") + text("w/t") + text(will)
    if username is not None:
        body += text(username)
    if password:
        body += text(password)
    return b"\x10" + varint(len(body)) + body


def connect(client_id, level=4, clean=True, password=None, will=None, keep_alive=60):
    flags = (2 if clean else 0) | (0xc0 if password else 0) | (4 if will else 0)
    body = text("MQIsdp" if level == 3 else "MQTT") + struct.pack(">BBH", level, flags, keep_alive)
    body += b"\0" if level == 5 else b""
    body += text(client_id)
    if will:
        body += (b"\0" if level == 5 else b"") + text("will") + text(will)
    if password:
        body += text("user") + text(password)
    return b"\x10" + varint(len(body)) + body


def publish(topic, payload, level=4):
    body = text(topic) + (b"\0" if level == 5 else b"") + payload
    return b"\x30" + varint(len(body)) + body


def subscribe(topic):
    body = struct.pack(">H", 1) + text(topic) + b"\0"
    return b"\x82" + varint(len(body)) + body


DISCONNECT = b"\xe0\0"
PINGREQ = b"\xc0\0"
PINGRESP = b"\xd0\0"
ACCEPTED = b"\x20\x02\0\0"


def read_exactly(sock, size):
    out = bytearray()
    while len(out) < size:
        part = sock.recv(min(size - len(out), 1 << 20))
        if not part:
            raise EOFError(f"{len(out)} of {size} bytes")
        out += part
    return bytes(out)


def read_packet(sock):
    """The next packet: type byte and body."""
    kind = read_exactly(sock, 1)[0]
    size = shift = 0
    while True:
        byte = read_exactly(sock, 1)[0]
        size |= (byte & 0x7f) << shift
        shift += 7
        if not byte & 0x80:
            return kind, read_exactly(sock, size)


def read_all(sock):
    """Until the peer closes in order; a reset is an exception."""
    out = bytearray()
    while True:
        part = sock.recv(65536)
        if not part:
            return bytes(out)
        out += part


def dial(address=PLAIN, context=None, timeout=10, source=None):
    """@source: the address that it comes from; all of 127.0.0.0/8 are there."""
    sock = socket.create_connection(address, timeout, source and (source, 0))
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return context.wrap_socket(sock) if context else sock


def can_connect(port):
    try:
        socket.create_connection(("127.0.0.1", port)).close()
        return True
    except OSError:
        return False


def session(client_id, address=PLAIN, context=None, level=4, source=None):
    """A connected client."""
    sock = dial(address, context, source=source)
    sock.sendall(connect(client_id, level))
    kind, body = read_packet(sock)
    equal((kind, body[1]), (0x20, 0), "CONNACK")
    return sock


def client_hello(context):
    """The first flight of a handshake, as bytes."""
    out = ssl.MemoryBIO()
    try:
        context.wrap_bio(ssl.MemoryBIO(), out).do_handshake()
    except ssl.SSLWantReadError:
        pass
    return out.read()


def noise(size, seed=1):
    """Bytes that repeat nowhere, the same for the same seed."""
    return hashlib.shake_128(str(seed).encode()).digest(size)
