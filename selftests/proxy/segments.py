#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""
A CONNECT in segments that no honest TCP sends (ATTACKS 13): written by hand into a tun device, as a
peer would whose TCP is its own. What the broker hears is what was judged.
"""
from handmade import *

LISTEN = ("-b", "127.0.0.1:1883", "-p", f"{HOST}:1884")


def run(segments, level, heard, reason=None, word=b""):
    """
    Those: (at, bytes, flags, urgent). The broker hears @heard and nothing else; with @reason it may
    hear nothing, and the client is told @word.
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

    with Wire(1884) as wire, FakeBroker(broker), Rig(
            *(("-T", "400") if reason == "connect-timeout" else ()), *LISTEN) as rig:
        client, last = wire.open(), max(at + len(data) for at, data, *_ in segments)
        # Its first byte is an event of its own.
        poll("it is accepted", lambda: rig.open() == 1)
        for at, data, *more in segments:
            client.put(at, data, *more)
        if reason:
            equal(rig.refused()["refused"], reason)
            client.ends()
            equal(client.heard, word)
            client.put(last, b"", RST | ACK)
            poll("session is given back", lambda: rig.open() == 0)
            equal(bytes(got) in (b"", heard), True, "what the broker hears")
            if not heard:
                equal(rig.upstream(), 0, "connections to the broker")
        else:
            client.reads(ACCEPT[level])
            equal(bytes(got), heard, "what the broker hears")
            equal(rig.refusals(), [])
            client.put(last, b"", RST | ACK)


@test("ATTACKS 13: CONNECT one byte a segment")
def single():
    for level in ALL:
        whole = connect("device", level)
        run([(at, whole[at:at + 1]) for at in range(len(whole))], level, whole)


@test("ATTACKS 13: segments out of order")
def disordered():
    for level in ALL:
        whole = connect("device", level)
        parts = [(at, whole[at:at + 4]) for at in range(0, len(whole), 4)]
        run(parts[::-1], level, whole)
        run(parts[1::2] + parts[::2], level, whole)


@test("ATTACKS 13: overlapping segments")
def overlapping():
    for level in ALL:
        whole = connect("device", level)
        run([(at, whole[at:at + 7]) for at in range(0, len(whole), 3)], level, whole)


@test("ATTACKS 13: retransmitted with different bytes: what came first is judged and forwarded")
def different():
    for level in ALL:
        good, other, bad = (connect(name, level) for name in ("device", "devils", b"dev\0ce"))
        half = len(good) - 1
        run([(0, good[:half]), (0, other[:half]), (0, bad[:half]), (half, good[half:])], level,
            good)
        run([(0, bad[:half]), (0, good[:half]), (half, good[half:])], level, None, "mqtt-utf8",
            refusal(level))


@test("ATTACKS 13: an urgent pointer: without its flag nothing, with it a byte out of the stream")
def urgent():
    for level in ALL:
        whole = connect("device", level)
        at = len(whole) - 3
        run([(0, whole, ACK | PSH, at + 1)], level, whole)
        run([(0, whole, ACK | PSH | URG, at + 1)], level, None, "connect-timeout")
        # recv(2) stops before that byte, which must not look as if no more was there.
        longer = whole[:at] + b"\0" + whole[at:]
        run([(0, longer, ACK | PSH | URG, at + 1)], level, whole)
        run([(0, longer[:2]), (2, longer[2:], ACK | PSH | URG, at - 1)], level, whole)
        run([(2, longer[2:], ACK | PSH | URG, at - 1), (0, longer[:2])], level, whole)


@test("ATTACKS 13: length in the first segment and overflow in the second")
def overflow():
    for level in ALL:
        whole = connect("device", level)
        field = len(whole) - 8
        # The identifier's length goes beyond the packet; the bytes that it wants are there.
        longer = whole[:field] + b"\0\x60" + b"x" * 96
        run([(0, longer[:2]), (2, longer[2:])], level, None, "mqtt-too-short", refusal(level))
        # One more than the length says is another packet.
        run([(0, whole[:2]), (2, whole[2:] + b"\0\0")], level, whole, "mqtt-type", refusal(level))


every_example(("13: CONNECT one byte a segment", "13: segments out of order", "13: overlapping",
               "13: retransmitted with different bytes", "13: an urgent pointer",
               "13: length in the first segment and overflow in the second"))
main()
