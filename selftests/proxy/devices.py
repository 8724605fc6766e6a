# SPDX-License-Identifier: BSD-2-Clause
"""
What the scripts share that look at what devices may: two of them with certificates, packets of any
kind, and a broker that shows what it hears and says what the test wants.
"""
from numbered import *

pki = Pki()
DEVICE = pki.context(pki.device("device-1"))
OTHER = pki.context(pki.device("device-2"))
LISTEN = ("-b", "127.0.0.1:1883", "-t", "127.0.0.1:8883")
OWN = ("-G", "allow,connect+publish+will+retain,2,own/${identity}/#",
       "-G", "allow,subscribe+receive,1,own/${identity}/#",
       "-G", "allow,subscribe+receive,2,news/+")
ACCEPT = {3: ACCEPTED, 4: ACCEPTED, 5: b"\x20\x06\0\0\3\x22\0\x0a"}


def start(*options, **keywords):
    return Rig(*options, *LISTEN, pki=pki, **keywords)


def change(rig, *options):
    equal(rig.ask(" ".join(("change", "-d", pki.dir, *options, *LISTEN)))["error"], 0, "change")


def message(topic, payload=b"x", qos=0, number=7, level=4, retain=False, properties=b"", dup=False):
    body = text(topic) + (ident(number) if qos else b"")
    body += varint(len(properties)) + properties if level == 5 else b""
    return packet(0x30 | qos << 1 | retain | dup << 3, body + payload)


def request(level, *filters, number=1, qos=0):
    body = ident(number) + (b"\0" if level == 5 else b"")
    return packet(0x82, body + b"".join(text(f) + bytes([qos]) for f in filters))


def suback(level, *codes, number=1):
    return packet(0x90, ident(number) + (b"\0" if level == 5 else b"") + bytes(codes))


def alias(number):
    return b"\x23" + ident(number)


class Script(FakeBroker):
    """A broker for one client: accepts it, keeps what it says, and says what the test wants."""

    def __init__(self, level):
        self.level, self.heard, self.sock = level, bytearray(), None
        super().__init__(self.talk)

    def talk(self, sock):
        try:
            read_packet(sock)
        except EOFError:
            return
        sock.sendall(ACCEPT[self.level])
        self.sock = sock
        try:
            while part := sock.recv(65536):
                self.heard += part
        except ConnectionError:
            pass

    def hears(self, wanted):
        poll(lambda: f"heard {bytes(self.heard).hex()}, wanted {wanted.hex()}",
             lambda: self.heard == wanted, 5)
        self.heard.clear()

    def says(self, data):
        poll("the broker has a client", lambda: self.sock)
        self.sock.sendall(data)


def device(level, context=DEVICE, name="device-1"):
    return session(name, TLS, context, level)


def reads(client, wanted):
    equal(read_exactly(client, len(wanted)), wanted, "the client reads")


def refused(rig, **counts):
    got = rig.counts()["listeners"][0]["messages"]
    equal(got, {key.replace("_", "-"): n for key, n in counts.items()}, "packets refused")


def with_will(level, topic, flags=0x06):
    body = text("MQTT") + bytes([level, flags]) + b"\0\x3c" + (b"\0" if level == 5 else b"")
    body += text("device-1") + (b"\0" if level == 5 else b"") + text(topic) + text("gone")
    return packet(0x10, body)
