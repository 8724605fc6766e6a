# SPDX-License-Identifier: BSD-2-Clause
"""What hold.py and hold_ends.py share: servers that do what the test says, and their packets."""
import contextlib
import select

from proxyrig import *

pki = Pki()
pki.device("device-1")


def rig(*settings, options=(), ports=(1901, 1902), **more):
    words = [word for setting in settings for word in ("-O", setting)]
    return Rig(*options, *words, "-b", servers(*ports), "-p", "127.0.0.1:1884", "-t",
               "127.0.0.1:8883", "-w", "1", pki=pki, **more)


def doors():
    yield PLAIN, None, 4
    yield PLAIN, None, 5
    yield TLS, pki.context("device-1"), 4
    yield TLS, pki.context("device-1"), 5


class Server:
    """One of a broker, in the hands of the test."""

    def __init__(self, port):
        self.port = port
        self.taken = []
        self.listener = None
        self.open()

    def open(self):
        self.listener = socket.socket()
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.listener.bind(at(self.port))
        self.listener.listen(64)
        self.listener.settimeout(10)

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        self.die()

    def take(self):
        """The next connection, and the CONNECT that came on it."""
        sock = self.listener.accept()[0]
        sock.settimeout(10)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.taken.append(sock)
        return sock, read_packet(sock)

    def die(self):
        self.listener.close()
        for sock in self.taken:
            sock.close()
        self.taken.clear()


def accepted(level, present=False, properties=b""):
    body = bytes((present, 0)) + (varint(len(properties)) + properties if level == 5 else b"")
    return b"\x20" + varint(len(body)) + body


def message(number, payload=b"", level=4, qos=1, dup=False, topic="t"):
    body = text(topic) + (struct.pack(">H", number) if qos else b"")
    body += (b"\0" if level == 5 else b"") + payload
    return bytes((0x30 | qos << 1 | dup << 3,)) + varint(len(body)) + body


def ask(number, *filters, level=4, options=1):
    body = struct.pack(">H", number) + (b"\0" if level == 5 else b"")
    body += b"".join(text(one) + bytes((options,)) for one in filters)
    return b"\x82" + varint(len(body)) + body


def granted(number, *codes, level=4):
    body = struct.pack(">H", number) + (b"\0" if level == 5 else b"") + bytes(codes)
    return b"\x90" + varint(len(body)) + body


def ack(kind, number):
    return bytes((kind, 2)) + struct.pack(">H", number)


PUBACK, PUBREC, PUBREL, PUBCOMP = 0x40, 0x50, 0x62, 0x70


def gets(sock, wanted, what=""):
    equal(read_exactly(sock, len(wanted)), wanted, what)


def readable(*socks, seconds=0):
    return select.select(socks, [], [], seconds)[0]


def held(gate):
    return gate.counts()["brokers"][0]


def is_held(gate, number=1):
    poll(f"{number} held", lambda: held(gate)["held"] == number)


@contextlib.contextmanager
def begun(address, context, level, *all_of_them, first=None, properties=b""):
    """A client whose CONNECT the first server that is asked has answered; that server, its
    connection, and the others."""
    with dial(address, context) as client:
        client.sendall(first or connect("device-1", level))
        ready = readable(*(s.listener for s in all_of_them), seconds=10)
        one = next(s for s in all_of_them if s.listener in ready)
        sock, said = one.take()
        sock.sendall(accepted(level, properties=properties))
        equal(read_packet(client)[0], 0x20)
        yield client, one, sock, said, [s for s in all_of_them if s is not one]
