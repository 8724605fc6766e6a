# SPDX-License-Identifier: BSD-2-Clause
"""
What the scripts share that go through the list of attacks by number: packets that no honest client
sends, a broker that keeps what it hears, and the last point, which looks whether every example has
one.
"""
from proxyrig import *
from ktap import tests  # noqa: E402


def refuse_each(rig, cases, address=PLAIN, context=None):
    """Every case: bytes sent, what the client reads before an orderly close, reason."""
    for data, answer, reason in cases:
        since = rig.mark()
        with dial(address, context) as client:
            client.sendall(data)
            equal(read_all(client), answer, f"answer to {data[:24].hex()}")
        equal(rig.refused(since)["refused"], reason, data[:24].hex())
    equal(rig.upstream(), 0, "connections to the broker")
    equal(len(rig.refusals()), len(cases), "one refusal each")
    poll("sessions are given back", lambda: rig.open() == 0)


def packet(kind, body):
    return bytes([kind]) + varint(len(body)) + body


def ident(number):
    return struct.pack(">H", number)


def hello(level, flags, *fields, properties=b"", name=None):
    """A CONNECT of @fields as they are, with its length."""
    name = name or ("MQIsdp" if level & 0x7f == 3 else "MQTT")
    body = text(name) + bytes([level, flags]) + b"\0\x3c"
    if level & 0x7f == 5:
        body += varint(len(properties)) + properties
    body += b"".join(fields)
    return b"\x10" + varint(len(body)) + body


def will(level, topic, payload="gone", properties=b""):
    return (varint(len(properties)) + properties if level == 5 else b"") + \
        text(topic) + text(payload)


class Hearing(FakeBroker):
    """Accepts everybody and keeps what each says, with the time of its last byte."""

    def __init__(self, level=4, properties=b""):
        body = b"\0\0" + (varint(len(properties)) + properties if level == 5 else b"")
        self.accept = b"\x20" + varint(len(body)) + body
        self.heard, self.socks, self.at = [], [], []
        super().__init__(self.talk)

    def talk(self, sock):
        try:
            read_packet(sock)
        except EOFError:
            return
        mine = bytearray()
        self.heard.append(mine)
        self.at.append(time.monotonic())
        place = len(self.at) - 1
        self.socks.append(sock)
        sock.sendall(self.accept)
        try:
            while part := sock.recv(65536):
                mine.extend(part)
                self.at[place] = time.monotonic()
        except (ConnectionError, TimeoutError):
            pass


def every_example(examples):
    """The last point: each of @examples, in the words of the list, begins the name of one."""
    names = [name for name, _ in tests]

    @test("ATTACKS " + ", ".join(sorted({e.partition(":")[0] for e in examples}, key=int)) +
          ": every example has a point")
    def all_there():
        equal([e for e in examples if not any(n.startswith(f"ATTACKS {e}") for n in names)], [],
              "without a point")
