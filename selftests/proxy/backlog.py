#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""
Deliveries beyond a client's Receive Maximum (MQTT 5, 3.3.4): the broker's are kept until the client
has room for them, whatever the broker does.
"""
import select

from proxyrig import *

LISTEN = ("-b", "127.0.0.1:1883", "-p", "127.0.0.1:1884")


def whole(kind, body):
    return bytes([kind]) + varint(len(body)) + body


def ident(number):
    return struct.pack(">H", number)


def delivery(number, payload=b"x", qos=1):
    return whole(0x30 | qos << 1, text("t") + ident(number) + b"\0" + payload)


def client_of(name, most):
    sock = dial()
    sock.sendall(packet(name, 5, properties=b"\x21" + ident(most)))
    equal(read_packet(sock)[1][1], 0, "CONNACK")
    return sock


def delayed(rig):
    return rig.counts()["listeners"][0]["delayed"]


class Pushing(FakeBroker):
    """Sends @chunks, one after the other, to whoever connects; keeps what it is told."""

    def __init__(self, *chunks):
        self.chunks, self.heard = chunks, bytearray()
        super().__init__(self.talk)

    def talk(self, sock):
        read_packet(sock)
        sock.sendall(b"\x20\x03\0\0\0")
        thread = threading.Thread(target=self.push, args=(sock,), daemon=True)
        thread.start()
        while part := sock.recv(65536):
            self.heard.extend(part)
        thread.join()

    def push(self, sock):
        for chunk in self.chunks:
            sock.sendall(chunk)


@test("a broker that sends too many: the client gets as many as it takes, and the others when it "
      "has acknowledged; what is no such message passes")
def scripted():
    many = [delivery(n + 1, b"%d" % n) for n in range(10)]
    with Pushing(b"".join(many) + PINGRESP) as broker, Rig(*LISTEN) as rig:
        client = client_of("d", 3)
        wanted = b"".join(many[:3]) + PINGRESP
        equal(read_exactly(client, len(wanted)), wanted)
        equal(delayed(rig), 7)
        for n, next_one in enumerate(many[3:]):
            client.sendall(whole(0x40, ident(n + 1)))
            equal(read_exactly(client, len(next_one)), next_one)
        for n in range(7, 10):
            client.sendall(whole(0x40, ident(n + 1)))
        acks = b"".join(whole(0x40, ident(n + 1)) for n in range(10))
        poll("the broker hears of all", lambda: broker.heard == acks)
        equal(rig.refusals(), [])
        client.close()


@test("a large message that has to wait is not collected: its broker waits")
def large():
    size, many = 1 << 20, 24
    bodies = [noise(size, n) for n in range(many)]
    with Pushing(*(delivery(n + 1, body) for n, body in enumerate(bodies))), \
            Rig(*LISTEN, asan=False) as rig:
        before = rig.status("VmHWM")
        client = client_of("d", 1)
        for n, body in enumerate(bodies):
            equal(read_packet(client)[1][5 + 1:] == body, True, f"message {n}")
            # The next is on its way before this one is acknowledged.
            if n + 1 < many:
                poll("the next one waits", lambda n=n: delayed(rig) == n + 1)
            client.sendall(whole(0x40, ident(n + 1)))
        if rig.status("VmHWM") - before > 4096:
            raise AssertionError(f"{rig.status('VmHWM') - before} kB for messages of {size >> 10}")
        equal(rig.refusals(), [])
        client.close()


@test("a QoS 2 message whose PUBREL comes behind many others is completed, whatever waits")
def completed():
    rest = [delivery(n + 2, b"x" * 8000, 2) for n in range(20)]
    got, heard = [], []

    def broker(sock):
        read_packet(sock)
        sock.sendall(b"\x20\x03\0\0\0" + delivery(1, qos=2))
        equal(read_packet(sock), (0x50, ident(1)))
        sock.sendall(b"".join(rest) + whole(0x62, ident(1)))
        while (said := read_packet(sock)) != (0x70, ident(1)):
            heard.append(said)
        sock.recv(1)

    with FakeBroker(broker), Rig(*LISTEN) as rig:
        client = client_of("d", 1)
        equal(read_packet(client)[1][3:5], ident(1))
        client.sendall(whole(0x50, ident(1)))
        while (said := read_packet(client)) != (0x62, ident(1)):
            got.append(said[1][3:5])
            client.sendall(whole(0x50, got[-1]))
        client.sendall(whole(0x70, ident(1)))
        # What is more than is kept had to go out first.
        equal(got, [ident(n + 2) for n in range(len(got))])
        equal(len(got) < len(rest), True, "some wait")
        poll("the broker hears of all", lambda: heard == [(0x50, number) for number in got])
        equal(rig.refusals(), [])
        client.close()


def slow(most, many):
    """Acknowledges one at a time, and only when nothing more comes. Return: most at once."""
    subscriber = client_of("slow", most)
    subscriber.sendall(whole(0x82, ident(1) + b"\0" + text("t") + b"\1"))
    equal(read_packet(subscriber)[0], 0x90)
    with session("pub", BROKER, level=5) as publisher:
        for n in range(many):
            publisher.sendall(delivery(n + 1, b"%d" % n))
        for _ in range(many):
            equal(read_packet(publisher)[0], 0x40)
    under_way, got, worst = [], [], 0
    while len(got) < many or under_way:
        while len(got) < many and (not under_way or select.select([subscriber], [], [], 0.01)[0]):
            body = read_packet(subscriber)[1]
            under_way.append(body[3:5])
            got.append(int(body[6:]))
            worst = max(worst, len(under_way))
        subscriber.sendall(whole(0x40, under_way.pop(0)))
    equal(got, list(range(many)), "what arrives, in its order")
    subscriber.close()
    return worst


@test("mosquitto: a slow client with Receive Maximum 1, 2, 10 never has more; all arrive in order")
def mosquitto():
    with Mosquitto(), Rig(*LISTEN) as rig:
        for most in (1, 2, 10):
            equal(slow(most, 60), most, f"most at once with {most}")
        equal(rig.refusals(), [])


main()
