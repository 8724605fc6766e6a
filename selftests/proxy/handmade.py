# SPDX-License-Identifier: BSD-2-Clause
"""
Segments that no honest TCP sends, written by hand into a tun device, as a peer would whose TCP is
its own: what segments.py and segments_tls.py share.
"""
import fcntl
import itertools
import select

from numbered import *

HOST, PEER = "10.99.0.1", "10.99.0.2"
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
    """The device and who is behind it; one connection at a time, to that port of HOST."""

    def __init__(self, door):
        self.door = door
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
        head = struct.pack(">HHIIBBHHH", self.port, self.door, 5000 + at, self.next, 0x50, flags,
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


def refusal(level):
    return b"\x20\3\0\x81\0" if level == 5 else b""
