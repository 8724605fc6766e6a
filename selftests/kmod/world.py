# SPDX-License-Identifier: BSD-2-Clause
"""
What the tests of the module share: loading it, a world of namespaces around a gateway, sockets
inside of them, packets made by hand, and a look at what the module says. Everything made here is
unmade when the script ends. The module has to be there as kmod/mqgate.ko for the running kernel:
selftests/vm brings a guest for that.

    dev ---- gw ---- far        dev and far are hosts, gw routes between them and is a host itself
"""
import atexit
import ctypes
import errno
import itertools
import os
import re
import select
import socket
import struct
import subprocess
import sys
import threading

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.environ.get("MQGATE_TOP", os.path.dirname(os.path.dirname(HERE)))
sys.path.append(os.path.join(TOP, "selftests", "lib"))
import rtnl  # noqa: E402
from ktap import Skip, equal, points, poll, skip_all, test  # noqa: E402,F401

MODULE = os.path.join(TOP, "kmod", "mqgate.ko")
PARAMETERS = "/sys/module/mqgate/parameters/"
LIMIT = float(os.environ.get("MQGATE_PATIENCE", "20"))
# Also for what a listener accepts: no test waits for ever for bytes that do not come.
socket.setdefaulttimeout(LIMIT)

with open(os.path.join(TOP, "include", "uapi", "linux", "mqgate.h")) as header:
    ABI = int(re.search(r"^#define MQGATE_ABI_VERSION\s+(\d+)$", header.read(), re.M).group(1))
CONNECT = bytes.fromhex("100f00044d5154540402003c0003646576")	# client id "dev", keep alive 60
CONNECT_1S = bytes.fromhex("100f00044d515454040200010003646576")	# keep alive 1
CONNACK = bytes.fromhex("20020000")
PUBLISH = bytes.fromhex("30060003612f6278")
PINGREQ = bytes.fromhex("c000")

os.environ["PATH"] += ":/usr/sbin:/sbin"
libc = ctypes.CDLL(None, use_errno=True)


def main(**parameters):
    """Loads the module with `parameters`, runs the tests, says how it went, unloads."""
    if os.geteuid() != 0:
        skip_all("needs root")
    if not os.path.exists("/proc/modules"):
        skip_all("this kernel loads no modules: selftests/vm has a guest for that")
    if not os.path.exists(MODULE):
        skip_all("no kmod/mqgate.ko: make module")
    atexit.register(unload)
    load(**parameters)
    sys.exit(1 if points(clean) else 0)


undo = []


def clean():
    """What the test made goes, the last first. Whatever does not go is told, once."""
    good = True
    while undo:
        try:
            undo.pop()()
        except Exception as wrong:
            print(f"# not undone: {wrong}")
            good = False
    return good


def run(*command):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode:
        raise AssertionError(f"{' '.join(command)}: {done.stdout}")
    return done.stdout


def wait(condition, what):
    """The only way to wait: until `condition` is true; an AssertionError when it stays false."""
    return poll(what, condition, LIMIT)


def bind(sock, address):
    """An IPv6 address is tentative for a moment, also where nothing looks for duplicates."""
    def bound():
        try:
            sock.bind(address)
        except OSError as refused:
            if refused.errno != errno.EADDRNOTAVAIL:
                raise
            return False
        return True
    wait(bound, f"{address} to be usable")


# ---- the module -------------------------------------------------------------------------

def loaded():
    return os.path.exists("/sys/module/mqgate")


def load(**parameters):
    run("insmod", MODULE, *(f"{key}={value}" for key, value in parameters.items()))


def unload():
    if loaded():
        run("rmmod", "mqgate")


def parameter(**values):
    """For namespaces that are made from now on; as it was after the test."""
    for key, value in values.items():
        path = PARAMETERS + key
        with open(path) as file:
            before = file.read().strip()
        with open(path, "w") as file:
            file.write(str(value))
        undo.append(lambda path=path, before=before: open(path, "w").write(before))


# ---- namespaces ----------------------------------------------------------------------------

numbers = itertools.count()
back = threading.local()


class Namespace:
    def __init__(self, name):
        self.name = f"mqg-{os.getpid()}-{name}{next(numbers)}"
        home = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
        undo.append(self.remove)
        try:
            rtnl.namespace_add(self.name)
        finally:
            enter(home)
            os.close(home)
        self.sysctl("net.ipv6.conf.all.accept_dad=0", "net.ipv6.conf.default.accept_dad=0")
        self.ip("link set lo up")

    def remove(self):
        if self.name:
            rtnl.namespace_del(self.name)
            self.name = None

    def ip(self, *commands):
        """Lines as for ip -batch; rtnl.py knows which."""
        with self:
            rtnl.do(*commands)

    def sysctl(self, *settings):
        with self:
            for setting in settings:
                name, value = setting.split("=")
                with open("/proc/sys/" + name.replace(".", "/"), "w") as file:
                    file.write(value)

    def __enter__(self):
        """This thread, and the sockets that it makes, are in the namespace for a while."""
        back.fd = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
        inside = os.open(f"/run/netns/{self.name}", os.O_RDONLY)
        enter(inside)
        os.close(inside)

    def __exit__(self, *_):
        enter(back.fd)
        os.close(back.fd)

    def listen(self, address, port=1883, options=()):
        with self:
            family = socket.AF_INET6 if ":" in address else socket.AF_INET
            sock = socket.socket(family)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        for option in options:
            sock.setsockopt(*option)
        bind(sock, (address, port))
        sock.listen(1024)
        undo.append(sock.close)
        return sock

    def connect(self, address, port=1883, source=None, options=()):
        with self:
            family = socket.AF_INET6 if ":" in address else socket.AF_INET
            sock = socket.socket(family)
        sock.settimeout(LIMIT)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        for option in options:
            sock.setsockopt(*option)
        if source:
            bind(sock, source)
        sock.connect((address, port))
        undo.append(sock.close)
        return sock

    # ---- what the module says --------------------------------------------------------------

    def table(self):
        with self:
            with open("/proc/thread-self/net/mqgate") as file:
                return file.read()

    def clients(self):
        """A dictionary a client, with the words of /proc/net/mqgate."""
        return [dict(re.findall(r"(\w+)=(\S*)", line)) for line in self.table().splitlines()
                if not line.startswith("#")]

    def client(self, sock):
        """That of a client's socket, or None."""
        host, port = sock.getsockname()[:2]
        found = [c for c in self.clients() if c["from"] in (f"{host}:{port}", f"[{host}]:{port}")]
        return found[0] if found else None

    def counter(self, word):
        found = re.search(rf"^# {word}=(\d+)$", self.table(), re.M)
        if not found:
            raise AssertionError(f"no counter {word}")
        return int(found.group(1))

    def until(self, sock, **fields):
        """Waits until the socket's client is as `fields` say; None: until it has no entry."""
        def there():
            client = self.client(sock)
            return client and all(client.get(k) == str(v) for k, v in fields.items())
        wait(there, lambda: f"{fields} of {sock.getsockname()[:2]} in\n{self.table()}")
        return self.client(sock)

    def until_gone(self, address):
        def absent():
            return not [c for c in self.clients() if c["from"].endswith(f":{address[1]}")]
        wait(absent, lambda: f"{address} gone from\n{self.table()}")


def enter(fd):
    if libc.setns(fd, 0x40000000):
        raise OSError(ctypes.get_errno(), "setns")


def link(one, name_one, other, name_other):
    one.ip(f"link add {name_one} up type veth peer name {name_other} netns {other.name}")
    other.ip(f"link set {name_other} up")


class World:
    """
    dev, gw, far; with parameters of the module for gw. The module is in the other two as well,
    with its defaults: it observes there.
    """

    def __init__(self, **parameters):
        self.dev, self.far = Namespace("dev"), Namespace("far")
        # Back at once: another world of the same test would have them in its dev and far.
        before = len(undo)
        parameter(**parameters)
        restore, undo[before:] = undo[before:], []
        try:
            self.gw = Namespace("gw")
        finally:
            while restore:
                restore.pop()()
        link(self.dev, "dev0", self.gw, "gw0")
        link(self.gw, "gw1", self.far, "far0")
        self.gw.ip("addr add 198.18.0.1/24 dev gw0", "addr add 2001:db8:18::1/64 dev gw0",
                   "addr add 198.18.1.1/24 dev gw1", "addr add 2001:db8:19::1/64 dev gw1")
        self.dev.ip("addr add 198.18.0.2/24 dev dev0", "addr add 2001:db8:18::2/64 dev dev0",
                    "route add default via 198.18.0.1",
                    "route add default via 2001:db8:18::1")
        self.far.ip("addr add 198.18.1.2/24 dev far0", "addr add 2001:db8:19::2/64 dev far0",
                    "route add default via 198.18.1.1",
                    "route add default via 2001:db8:19::1")
        self.gw.sysctl("net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1")

    def pair(self, server, address, port=1883, **how):
        """A connection from dev to a listener in `server`: both ends."""
        listener = server.listen(address, port)
        client = self.dev.connect(address, port, **how)
        accepted, _ = listener.accept()
        accepted.settimeout(LIMIT)
        undo.append(accepted.close)
        return client, accepted


def session(client, accepted, connect=CONNECT):
    """CONNECT and CONNACK."""
    client.sendall(connect)
    equal(take(accepted, len(connect)), connect, "CONNECT")
    accepted.sendall(CONNACK)
    equal(take(client, 4), CONNACK, "CONNACK")


def take(sock, count):
    got = b""
    while len(got) < count:
        more = sock.recv(count - len(got))
        if not more:
            raise AssertionError(f"closed after {got.hex()}")
        got += more
    return got


def ended(sock):
    """How the other side, or somebody between, ended the connection: "reset" or "closed"."""
    try:
        while True:
            if not sock.recv(4096):
                return "closed"
    except ConnectionResetError:
        return "reset"


def quiet(sock, seconds=0.5):
    """Nothing arrives for a while: to be used only where arriving would be at once."""
    readable, _, _ = select.select([sock], [], [], seconds)
    return not readable


# ---- packets made by hand --------------------------------------------------------------------

FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16


def checksum(data):
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def segment(source, target, flags, seq=0, ack=0, payload=b"", spoil=0):
    """An IPv4 packet; spoil: added to the TCP checksum."""
    saddr, daddr = socket.inet_aton(source[0]), socket.inet_aton(target[0])
    header = struct.pack("!HHIIBBHHH", source[1], target[1], seq % 2**32, ack % 2**32, 5 << 4,
                         flags, 64000, 0, 0)
    pseudo = saddr + daddr + struct.pack("!BBH", 0, 6, len(header) + len(payload))
    total = (checksum(pseudo + header + payload) + spoil) & 0xffff
    header = header[:16] + struct.pack("!H", total) + header[18:]
    return struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(header) + len(payload), 0, 0x4000, 64,
                       6, 0, saddr, daddr) + header + payload


class Raw:
    """Sends packets with any source from a namespace."""

    def __init__(self, namespace):
        with namespace:
            self.sock = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
        undo.append(self.sock.close)

    def send(self, *arguments, **named):
        packet = segment(*arguments, **named)
        self.sock.sendto(packet, (socket.inet_ntoa(packet[16:20]), 0))


def sequence(sock):
    """(next to send, next to receive) of a socket: TCP_REPAIR reads them."""
    repair, queue, number = 19, 20, 21
    sock.setsockopt(socket.IPPROTO_TCP, repair, 1)
    sock.setsockopt(socket.IPPROTO_TCP, queue, 2)
    send = sock.getsockopt(socket.IPPROTO_TCP, number)
    sock.setsockopt(socket.IPPROTO_TCP, queue, 1)
    receive = sock.getsockopt(socket.IPPROTO_TCP, number)
    # -1: no window probe, which the module would see.
    sock.setsockopt(socket.IPPROTO_TCP, repair, -1)
    return send % 2**32, receive % 2**32
