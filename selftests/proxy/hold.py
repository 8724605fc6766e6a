#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""A session outlives its server: what the next one gets, what the client sees of it, and when it
ends all the same. Servers that do what the test says; hold_brokers.py has real ones."""
import contextlib
import select

from proxyrig import *

pki = Pki()
pki.device("device-1")
SECRET = "correct-horse-battery-staple"
CLOSED = b""


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


@test("QoS 1 that no server acknowledged goes to the next one with DUP, behind the subscriptions; "
      "the client sees its PUBACKs and nothing else")
def next_server():
    for address, context, level in doors():
        with Server(1901) as one, Server(1902) as two, rig() as gate, \
                begun(address, context, level, one, two) as (client, dies, sock, said, (other,)):
            for data in (ask(9, "a/+", "b", level=level), message(1, b"one", level)):
                client.sendall(data)
                gets(sock, data)
            sock.sendall(granted(9, 1, 1, level=level))
            gets(client, granted(9, 1, 1, level=level))
            dies.die()
            is_held(gate)
            client.sendall(PINGREQ + message(2, b"two", level))
            gets(client, PINGRESP)
            sock, again = other.take()
            equal(again, said, "its CONNECT")
            sock.sendall(accepted(level))
            again = read_packet(sock)[1]
            if again[-10:] not in (text("a/+") + b"\1" + text("b") + b"\1",
                                   text("b") + b"\1" + text("a/+") + b"\1"):
                raise AssertionError(f"filters: {again}")
            sock.sendall(granted(struct.unpack(">H", again[:2])[0], 1, 1, level=level))
            gets(sock, message(1, b"one", level, dup=True) + message(2, b"two", level))
            sock.sendall(ack(PUBACK, 1) + ack(PUBACK, 2))
            gets(client, ack(PUBACK, 1) + ack(PUBACK, 2))
            client.sendall(PINGREQ)
            gets(sock, PINGREQ)
            now = held(gate)
            equal([now[k] for k in ("held", "lost", "resumed", "kept", "again", "replayed",
                                    "dropped")], [0, 1, 1, 0, 1, 2, 0])
            equal(gate.refusals(), [])


@test("one server that is started again: Session Present 1, and nothing is asked for anew; QoS 2 "
      "goes on where it was")
def restarted():
    for address, context, level in doors():
        with Server(1901) as one, rig(ports=(1901,)) as gate, \
                begun(address, context, level, one) as (client, _, sock, _, _):
            for data in (ask(9, "a", level=level), message(1, b"1", level, qos=2),
                         message(2, b"2", level, qos=2), message(3, b"3", level, qos=2)):
                client.sendall(data)
                gets(sock, data)
            sock.sendall(granted(9, 1, level=level) + ack(PUBREC, 1) + ack(PUBREC, 2))
            gets(client, granted(9, 1, level=level) + ack(PUBREC, 1) + ack(PUBREC, 2))
            client.sendall(ack(PUBREL, 1))
            gets(sock, ack(PUBREL, 1))
            one.die()
            is_held(gate)
            client.sendall(ack(PUBREL, 2) + PINGREQ)
            gets(client, PINGRESP)
            one.open()
            sock, _ = one.take()
            sock.sendall(accepted(level, present=True))
            gets(sock, ack(PUBREL, 1) + ack(PUBREL, 2) +
                 message(3, b"3", level, qos=2, dup=True))
            answers = ack(PUBCOMP, 1) + ack(PUBCOMP, 2) + ack(PUBREC, 3)
            sock.sendall(answers)
            gets(client, answers)
            equal((held(gate)["replayed"], held(gate)["resumed"], gate.refusals()), (0, 1, []))


@test("MQTT 5: a session that outlives its connection is not begun anew; a name that a server made "
      "up stays")
def connects():
    expiry = b"\x11\0\0\0\x3c"
    for properties, flags in ((expiry, 0), (b"\x11\0\0\0\0", 2), (b"", 2)):
        with Server(1901) as one, rig(ports=(1901,)) as gate, \
                begun(PLAIN, None, 5, one, first=packet("device-1", 5, properties=properties)) as \
                (_, _, _, said, _):
            equal(said[1][7], 2)
            one.die()
            is_held(gate)
            one.open()
            equal(one.take()[1][1], said[1][:7] + bytes((flags,)) + said[1][8:])
    with Server(1901) as one, rig(ports=(1901,)) as gate, \
            begun(PLAIN, None, 5, one, first=packet("", 5),
                  properties=b"\x12" + text("a-name")) as (_, _, _, said, _):
        one.die()
        is_held(gate)
        one.open()
        equal(one.take()[1], (0x10, said[1][:-2] + text("a-name")))


@test("what may be kept: then a client is not read from; what alone is too much is refused")
def bounds():
    for level in (4, 5):
        with Server(1901) as one, rig("hold_messages=3", ports=(1901,)) as gate, \
                begun(PLAIN, None, level, one) as (client, _, sock, _, _):
            one.die()
            is_held(gate)
            for i in range(1, 9):
                client.sendall(message(i, b"x" * 20, level, qos=i % 2))
                if i == 3:
                    poll("three are kept", lambda: held(gate)["kept"] > 60)
            one.open()
            sock, _ = one.take()
            sock.sendall(accepted(level))
            gets(sock, b"".join(message(i, b"x" * 20, level, qos=i % 2) for i in range(1, 9)))
            equal((held(gate)["again"], held(gate)["dropped"], gate.refusals()), (0, 0, []))
        with Server(1901) as one, rig("hold_bytes=1000", ports=(1901,)) as gate, \
                begun(PLAIN, None, level, one) as (client, _, sock, _, _):
            one.die()
            is_held(gate)
            client.sendall(message(1, b"x" * 2000, level, qos=0))
            poll("dropped", lambda: held(gate)["dropped"] == 1)
            client.sendall(message(1, b"x" * 2000, level))
            if level == 4:
                equal(read_all(client), CLOSED)
                equal(gate.refused()["refused"], "hold-full")
                continue
            gets(client, b"\x40\3\0\1\x97")
            client.sendall(message(2, b"x" * 2000, level, qos=2) + message(3, b"ok", level))
            gets(client, b"\x50\3\0\2\x97")
            one.open()
            sock, _ = one.take()
            sock.sendall(accepted(level))
            gets(sock, message(3, b"ok", level))


@test("all the clients of a broker have a bound as well")
def bound_of_all():
    with Server(1901) as one, rig("hold_total=3000", ports=(1901,)) as gate, \
            begun(PLAIN, None, 5, one) as (client, *_), dial() as second:
        second.sendall(connect("device-2", 5))
        one.take()[0].sendall(accepted(5))
        equal(read_packet(second)[0], 0x20)
        one.die()
        is_held(gate, 2)
        client.sendall(message(1, b"x" * 2000, 5))
        poll("it is kept", lambda: held(gate)["kept"] > 2000)
        second.sendall(message(1, b"x" * 2000, 5))
        gets(second, b"\x40\3\0\1\x97")
        client.close()
        poll("it is given back", lambda: held(gate)["kept"] == 0)
        second.sendall(message(1, b"x" * 2000, 5))
        poll("there is room", lambda: held(gate)["kept"] > 2000)


@test("hold_time: then the client is told, or closed; without hold at once")
def over_time():
    for level, word in ((4, CLOSED), (5, b"\xe0\x01\x8b")):
        with Server(1901) as one, rig("hold_time=400", ports=(1901,)) as gate, \
                begun(PLAIN, None, level, one) as (client, *_):
            one.die()
            is_held(gate)
            equal(read_all(client)[:3], word)
            equal(gate.refusals(), ["hold-time"])
            equal((held(gate)["held"], held(gate)["kept"]), (0, 0))
        with Server(1901) as one, rig("hold=0", ports=(1901,)) as gate, \
                begun(PLAIN, None, level, one) as (client, *_):
            one.die()
            read_all(client)
            equal(held(gate)["lost"], 0)


@test("MQTT 5: a server that says it goes is not heard by the client; another word of it is, and "
      "ends the session")
def farewells():
    for code in (0x89, 0x8b, 0x9c, 0x9d):
        with Server(1901) as one, Server(1902) as two, rig() as gate, \
                begun(PLAIN, None, 5, one, two) as (client, dies, sock, _, (other,)):
            sock.sendall(b"\xe0\1" + bytes((code,)))
            equal(read_all(sock), b"", "what it still gets")
            dies.die()
            other.take()[0].sendall(accepted(5))
            poll("it goes on", lambda: held(gate)["resumed"] == 1)
            client.sendall(PINGREQ)
            other.taken[0].sendall(PINGRESP)
            gets(client, PINGRESP)
    with Server(1901) as one, rig(ports=(1901,)) as gate, \
            begun(PLAIN, None, 5, one) as (client, _, sock, _, _):
        sock.sendall(b"\xe0\1\x8e")
        sock.close()
        equal(read_all(client), b"\xe0\1\x8e")
        equal(held(gate)["lost"], 0)


@test("a server that closes one connection and keeps the others means that client")
def personal():
    with Server(1901) as one, rig(ports=(1901,)) as gate, contextlib.ExitStack() as stack:
        clients = []
        for i in range(4):
            client = stack.enter_context(dial())
            client.sendall(connect(f"device-{i}"))
            one.take()[0].sendall(ACCEPTED)
            gets(client, ACCEPTED)
            clients.append(client)
        one.taken[2].close()
        equal(read_all(clients[2]), CLOSED)
        equal(held(gate)["resumed"], 0)
        clients[0].sendall(PINGREQ)
        gets(one.taken[0], PINGREQ)


@test("a session that the next server gives up at once ends: who comes with the name of another "
      "does not fight with it")
def take_over():
    for level in (4, 5):
        with Mosquitto(at(1901)), rig(ports=(1901,)) as gate, session("same", level=level) as one:
            with session("same", level=level) as two:
                poll("one has ended", lambda: readable(one, two))
                lost = held(gate)["lost"]
                if lost > 3:
                    raise AssertionError(f"{lost} times")
                ended = readable(one, two)
                equal(len(ended), 1, "ended")
                other = two if ended[0] is one else one
                other.sendall(PINGREQ)
                gets(other, PINGRESP)
                equal(held(gate)["held"], 0)


@test("a client's own password is not kept, and its session is not; one of the configuration is "
      "put in again")
def passwords():
    with Server(1901) as one, rig(options=("-a",), ports=(1901,), asan=False) as gate, \
            begun(PLAIN, None, 4, one, first=packet("d", 4, "user", SECRET)) as (client, *_):
        equal(gate.copies(SECRET.encode()), 0)
        one.die()
        read_all(client)
        equal(held(gate)["lost"], 0)
    with Server(1901) as one, rig(options=("-a", "-C", "gate:open-sesame"), ports=(1901,),
                                  asan=False) as gate, \
            begun(PLAIN, None, 4, one, first=packet("d", 4, "user", SECRET, "gone")) as \
            (_, _, _, said, _):
        equal(said[1], packet("d", 4, "gate", "open-sesame", "gone")[2:])
        one.die()
        is_held(gate)
        equal(gate.copies(SECRET.encode()), 0)
        one.open()
        equal(one.take()[1], said)


@test("a server that cannot go on with it: the session ends, with its reason")
def cannot():
    answers = {"it takes less": (accepted(5, properties=b"\x21\0\1"), b""),
               "it refuses a subscription": (accepted(5), granted(1, 0x87, level=5))}
    for what, (answer, suback) in answers.items():
        with Server(1901) as one, rig(ports=(1901,)) as gate, \
                begun(PLAIN, None, 5, one, properties=b"\x21\0\2") as (client, _, sock, _, _):
            client.sendall(ask(1, "a", level=5))
            gets(sock, ask(1, "a", level=5))
            sock.sendall(granted(1, 1, level=5))
            gets(client, granted(1, 1, level=5))
            one.die()
            is_held(gate)
            one.open()
            sock, _ = one.take()
            sock.sendall(answer)
            if suback:
                gets(sock, ask(1, "a", level=5))
                sock.sendall(suback)
            equal(read_all(client)[:3], b"\xe0\x01\x8b", what)
            equal(gate.refusals(), ["hold-session"], what)


@test("a server that dies in the middle of a publish: the next one gets all of it; in the middle "
      "of a delivery: the session ends")
def cut_off():
    large = message(1, noise(100000))
    for address, context, _ in list(doors())[::2]:
        with Server(1901) as one, rig(ports=(1901,)) as gate, \
                begun(address, context, 4, one) as (client, _, sock, _, _):
            client.sendall(large[:60000])
            gets(sock, large[:60000])
            one.die()
            is_held(gate)
            client.sendall(large[60000:90000])
            one.open()
            sock, _ = one.take()
            sock.sendall(ACCEPTED)
            client.sendall(large[90000:] + PINGREQ)
            gets(sock, bytes((large[0] | 8,)) + large[1:] + PINGREQ)
            sock.sendall(large[:60000])
            gets(client, large[:60000])
            one.die()
            equal(read_all(client), CLOSED)
            equal(held(gate)["lost"], 1)


@test("a delivery of the server that died is acknowledged to nobody; QoS 2 ends with the client "
      "before the next one is asked for anything")
def deliveries():
    with Server(1901) as one, rig(ports=(1901,)) as gate, \
            begun(PLAIN, None, 4, one) as (client, _, sock, _, _):
        client.sendall(ask(1, "t"))
        gets(sock, ask(1, "t"))
        sock.sendall(granted(1, 2) + message(7, b"1") + message(8, b"2", qos=2))
        gets(client, granted(1, 2) + message(7, b"1") + message(8, b"2", qos=2))
        one.die()
        is_held(gate)
        one.open()
        sock, _ = one.take()
        sock.sendall(ACCEPTED)
        client.sendall(ack(PUBACK, 7) + PINGREQ)
        gets(sock, PINGREQ)
        client.sendall(ack(PUBREC, 8))
        gets(client, ack(PUBREL, 8))
        client.sendall(ack(PUBCOMP, 8))
        gets(sock, ask(1, "t"))
        sock.sendall(granted(1, 2) + message(7, b"3"))
        gets(client, message(7, b"3"))
        client.sendall(ack(PUBACK, 7))
        gets(sock, ack(PUBACK, 7))


@test("there is no room for what a client sends, and it has a delivery to end: it goes on")
def full_and_late():
    with Server(1901) as one, rig("hold_messages=2", ports=(1901,)) as gate, \
            begun(PLAIN, None, 5, one) as (client, _, sock, _, _):
        sock.sendall(message(8, b"2", 5, qos=2))
        gets(client, message(8, b"2", 5, qos=2))
        one.die()
        is_held(gate)
        client.sendall(message(1, b"a", 5) + message(2, b"b", 5) + ack(PUBREC, 8))
        one.open()
        sock, _ = one.take()
        sock.sendall(accepted(5))
        gets(client, ack(PUBREL, 8))
        client.sendall(ack(PUBCOMP, 8))
        gets(sock, message(1, b"a", 5) + message(2, b"b", 5))
        equal(gate.refusals(), [])


@test("many at once: each goes on, and all memory is given back")
def many():
    with Server(1901) as one, Server(1902) as two, rig("hold_time=20000") as gate, \
            contextlib.ExitStack() as stack:
        one.die()
        clients = []
        for i in range(100):
            client = stack.enter_context(dial())
            client.sendall(connect(f"device-{i}") + message(1, b"%d" % i))
            sock, _ = two.take()
            sock.sendall(ACCEPTED)
            gets(sock, message(1, b"%d" % i))
            gets(client, ACCEPTED)
            clients.append(client)
        two.die()
        is_held(gate, 100)
        one.open()
        for i in range(100):
            sock, said = one.take()
            number = int(said[1].rpartition(b"-")[2])
            sock.sendall(ACCEPTED)
            gets(sock, message(1, b"%d" % number, dup=True))
            sock.sendall(ack(PUBACK, 1))
        for client in clients:
            gets(client, ack(PUBACK, 1))
        now = held(gate)
        equal([now[k] for k in ("held", "lost", "resumed", "kept", "again")],
              [0, 100, 100, 0, 100])


main()
