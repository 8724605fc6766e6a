#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""
The handshake and a CONNECT by TLS in segments that no honest TCP sends (ATTACKS 13). What lies
behind the records is what was judged.
"""
from handmade import *

pki = Pki()
TLS_12, TLS_13 = (pki.context(pki.device("device-1"), version)
                  for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3))
PAIRS = (TLS_12, 4), (TLS_13, 3), (TLS_13, 5)
LISTEN = ("-b", "127.0.0.1:1883", "-t", f"{HOST}:8883")


class Client:
    """A TLS client whose bytes are cut by @shape: data -> [(at, bytes, flags, urgent)]."""

    def __init__(self, wire, context):
        self.wire, self.sent, self.fed = wire.open(), 0, 0
        self.inward, self.outward = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self.inward, self.outward)

    def flush(self, shape):
        data = self.outward.read()
        segments = shape(data) if data else []
        for at, part, *more in segments:
            self.wire.put(self.sent + at, part, *more)
        self.sent += max((at + len(part) for at, part, *_ in segments), default=0)

    def hear(self):
        """What has come goes to TLS. False: nothing, and nothing will."""
        poll("the gateway says more",
             lambda: (self.wire.take(), len(self.wire.heard) > self.fed or self.wire.ended)[1])
        if len(self.wire.heard) == self.fed:
            return False
        self.inward.write(self.wire.heard[self.fed:])
        self.fed = len(self.wire.heard)
        self.wire.put(self.sent, b"")
        return True

    def shake(self, shape):
        while True:
            try:
                self.tls.do_handshake()
                return self.flush(shape)
            except ssl.SSLWantReadError:
                self.flush(shape)
                equal(self.hear(), True, "the handshake goes on")

    def say(self, data, shape):
        self.tls.write(data)
        self.flush(shape)

    def reads(self, size):
        """So many bytes, or what came before the end."""
        out = b""
        while len(out) < size:
            try:
                part = self.tls.read(size - len(out))
            except ssl.SSLWantReadError:
                if not self.hear():
                    return out
                continue
            except ssl.SSLError:
                return out
            if not part:
                return out
            out += part
        return out


def plain(data):
    return [(at, data[at:at + 1000]) for at in range(0, len(data), 1000)]


def run(context, level, records, shape=plain, greeting=plain, heard=None, reason=None, word=b""):
    """
    The handshake by @greeting, each of @records by @shape. The broker hears @heard; with @reason it
    may hear nothing, and the client is told @word.
    """
    got = bytearray()

    def broker(sock):
        try:
            while part := sock.recv(65536):
                got.extend(part)
                if reason is None and got == heard:
                    sock.sendall(ACCEPT[level])
        except ConnectionError:
            pass

    with Wire(8883) as wire, FakeBroker(broker), Rig(
            *(("-T", "400") if reason == "connect-timeout" else ()), *LISTEN, pki=pki) as rig:
        client = Client(wire, context)
        client.shake(greeting)
        for data in records:
            client.say(data, shape)
        if reason:
            equal(rig.refused()["refused"], reason)
            equal(client.reads(100), word, "the client reads")
            equal(bytes(got) in (b"", heard), True, "what the broker hears")
        else:
            equal(client.reads(len(ACCEPT[level])), ACCEPT[level], "the client reads")
            equal(bytes(got), heard, "what the broker hears")
            equal(rig.refusals(), [])
        wire.put(client.sent, b"", RST | ACK)
        poll("session is given back", lambda: rig.open() == 0)


def arrives(*shapes):
    """By each, the handshake as well."""
    for context, level in PAIRS:
        whole = connect("device-1", level)
        for shape in shapes:
            run(context, level, [whole], shape, shape, whole)


@test("ATTACKS 13: CONNECT one byte a segment, by TLS")
def single():
    arrives(lambda data: [(at, data[at:at + 1]) for at in range(len(data))])


@test("ATTACKS 13: segments out of order, by TLS")
def disordered():
    def parts(data):
        return [(at, data[at:at + 40]) for at in range(0, len(data), 40)]

    arrives(lambda data: parts(data)[::-1], lambda data: parts(data)[1::2] + parts(data)[::2])


@test("ATTACKS 13: overlapping segments, by TLS")
def overlapping():
    arrives(lambda data: [(at, data[at:at + 70]) for at in range(0, len(data), 30)])


@test("ATTACKS 13: retransmitted with different bytes, by TLS: what came first counts")
def different():
    def good_first(data):
        return [(0, data[:-1]), (0, noise(len(data) - 1)), (len(data) - 1, data[-1:])]

    def bad_first(data):
        bad = data[:-2] + bytes([data[-2] ^ 1])
        return [(0, bad), (0, data[:-1]), (len(data) - 1, data[-1:])]

    arrives(good_first)
    for context, level in PAIRS:
        run(context, level, [connect("device-1", level)], bad_first, reason="tls-record")


@test("ATTACKS 13: an urgent pointer, by TLS: without its flag nothing, with it a byte out of the "
      "stream")
def urgent():
    def unflagged(data):
        return [(0, data, ACK | PSH, len(data) - 2)]

    def taken(data):
        return [(0, data, ACK | PSH | URG, len(data) - 2)]

    def between(data):
        at = len(data) - 3
        return [(0, data[:2]), (2, data[2:at] + b"\0" + data[at:], ACK | PSH | URG, at - 1)]

    for context, level in PAIRS:
        whole = connect("device-1", level)
        run(context, level, [whole], unflagged, heard=whole)
        run(context, level, [whole], between, heard=whole)
        run(context, level, [whole], taken, reason="connect-timeout")


@test("ATTACKS 13: length in the first segment and overflow in the second, by TLS")
def overflow():
    for context, level in PAIRS:
        whole = connect("device-1", level)
        field = len(whole) - 10
        longer = whole[:field] + b"\0\x60" + b"x" * 96
        run(context, level, [longer[:2], longer[2:]], reason="mqtt-too-short", word=refusal(level))
        run(context, level, [whole[:2], whole[2:] + b"\0\0"], heard=whole, reason="mqtt-type",
            word=refusal(level))


every_example(("13: CONNECT one byte a segment", "13: segments out of order", "13: overlapping",
               "13: retransmitted with different bytes", "13: an urgent pointer",
               "13: length in the first segment and overflow in the second"))
main()
