#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""A session outlives its server: what the next one gets, and what the client sees of it. Servers
that do what the test says; hold_brokers.py has real ones."""
import contextlib

from holdrig import *


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
            poll("it has gone on", lambda: held(gate)["resumed"] == 1)
            equal((held(gate)["replayed"], gate.refusals()), (0, []))


@test("another server that has a session of before is asked for all subscriptions")
def known_from_before():
    for level, options in ((4, 1), (5, 0x11)):
        with Server(1901) as one, Server(1902) as two, rig() as gate, \
                begun(PLAIN, None, level, one, two) as (client, dies, sock, _, (other,)):
            client.sendall(ask(9, "a", level=level))
            gets(sock, ask(9, "a", level=level))
            sock.sendall(granted(9, 1, level=level))
            gets(client, granted(9, 1, level=level))
            dies.die()
            is_held(gate)
            client.sendall(message(1, b"one", level))
            sock, _ = other.take()
            sock.sendall(accepted(level, present=True))
            gets(sock, ask(1, "a", level=level, options=options))
            sock.sendall(granted(1, 1, level=level))
            gets(sock, message(1, b"one", level))
            sock.sendall(ack(PUBACK, 1))
            gets(client, ack(PUBACK, 1))


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
            # What was read with the last that there is room for is kept as well.
            client.sendall(b"".join(message(i, b"x" * 20, level, qos=i % 2) for i in range(1, 6)))
            poll("five are kept", lambda: held(gate)["kept"] > 100)
            kept = held(gate)["kept"]
            for i in range(6, 9):
                client.sendall(message(i, b"x" * 20, level, qos=i % 2))
            equal(held(gate)["kept"], kept, "not read")
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
                equal(read_all(client), b"")
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
            equal(read_all(client), b"")
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


@test("a change of the servers while they are held: they go to those that there are now")
def changed():
    for level in (4, 5):
        with Server(1901) as one, Server(1902) as two, rig(ports=(1901,)) as gate, \
                begun(PLAIN, None, level, one) as (client, _, sock, said, _):
            client.sendall(message(1, b"one", level))
            gets(sock, message(1, b"one", level))
            one.die()
            is_held(gate)
            equal(gate.ask(f"change -d {pki.dir} -b {servers(1902)} -p 127.0.0.1:1884 -t "
                           "127.0.0.1:8883 -w 1")["error"], 0)
            sock, again = two.take()
            equal(again, said)
            sock.sendall(accepted(level))
            gets(sock, message(1, b"one", level, dup=True))
            sock.sendall(ack(PUBACK, 1))
            gets(client, ack(PUBACK, 1))


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
        poll("all have gone on", lambda: held(gate)["resumed"] == 100)
        now = held(gate)
        equal([now[k] for k in ("held", "lost", "kept", "again")], [0, 100, 0, 100])


main()
