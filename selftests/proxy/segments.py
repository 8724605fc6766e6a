#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""
A CONNECT in segments that no honest TCP sends (ATTACKS 13): written by hand into a tun device, as a
peer would whose TCP is its own. What the broker hears is what was judged.
"""
import fcntl
import itertools
import select

from numbered import *

HOST, PEER = "10.99.0.1", "10.99.0.2"
DOOR = (HOST, 1884)
LISTEN = ("-b", "127.0.0.1:1883", "-p", f"{HOST}:{DOOR[1]}")
TUNSETIFF, IFF_TUN_NO_PI = 0x400454ca, 0x1001
FIN, SYN, RST, PSH, ACK, URG = 1, 2, 4, 8, 16, 32
ACCEPT = {3: ACCEPTED, 4: ACCEPTED, 5: b"\x20\x03\0\0\0"}
ALL = (3, 4, 5)
ports = itertools.count(20000)

if not os.access("/dev/net/tun", os.R_OK | os.W_OK):
    skip_all("needs /dev/net/tun (CONFIG_TUN)")


def checksum(data):
    total = sum(struct.unpack(f">{(len(data) + 1) // 2}H", data + b"\0" * (len(data) % 2)))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


class Wire:
    """The device and who is behind it; one connection at a time."""

    def __init__(self):
        self.tun = os.open("/dev/net/tun", os.O_RDWR)
        fcntl.ioctl(self.tun, TUNSETIFF, struct.pack("16sH22x", b"peer", IFF_TUN_NO_PI))
        for words in ("addr add 10.99.0.1/24 dev peer", "link set peer up"):
            subprocess.run(["ip", *words.split()], check=True)

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        os.close(self.tun)

    def open(self):
        self.port = next(ports)
        self.heard, self.ended, self.next = b"", False, 0
        self.put(-1, b"", SYN)
        poll("it is answered", lambda: self.take() & SYN)
        self.put(0, b"")
        return self

    def put(self, at, data, flags=ACK, urgent=0):
        """A segment whose first byte is number @at of the stream."""
        head = struct.pack(">HHIIBBHHH", self.port, DOOR[1], 5000 + at, self.next, 0x50, flags,
                           65535, 0, urgent)
        source, target = socket.inet_aton(PEER), socket.inet_aton(HOST)
        pseudo = source + target + struct.pack(">HH", 6, len(head) + len(data))
        head = head[:16] + struct.pack(">H", checksum(pseudo + head + data)) + head[18:]
        ip = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(head) + len(data), 1, 0, 64, 6, 0)
        ip += source + target
        ip = ip[:10] + struct.pack(">H", checksum(ip)) + ip[12:]
        os.write(self.tun, ip + head + data)

    def take(self):
        """What the next packet of this connection says, if one comes soon; its flags."""
        if not select.select([self.tun], [], [], 0.05)[0]:
            return 0
        packet = os.read(self.tun, 65536)
        if packet[0] >> 4 != 4 or packet[9] != 6:
            return 0
        tcp = packet[20:]
        flags, data = tcp[13], tcp[(tcp[12] >> 4) * 4:]
        if struct.unpack(">H", tcp[2:4])[0] != self.port:
            return 0
        at = struct.unpack(">I", tcp[4:8])[0]
        if flags & SYN:
            self.next = at + 1 & 0xffffffff
        elif at == self.next:
            self.heard += data
            self.next = at + len(data) + (flags & FIN) & 0xffffffff
            self.ended = self.ended or bool(flags & (FIN | RST))
        return flags

    def reads(self, wanted):
        poll(lambda: f"read {self.heard.hex()}, wanted {wanted.hex()}",
             lambda: (self.take(), self.heard == wanted or self.ended)[1])
        equal(self.heard, wanted, "the client reads")

    def ends(self):
        poll("the end", lambda: (self.take(), self.ended)[1])


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

    with Wire() as wire, FakeBroker(broker), Rig(
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


def refusal(level):
    return b"\x20\3\0\x81\0" if level == 5 else b""


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
