#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""hold: store: what is acknowledged from the disk, under which identifiers it goes to the server,
and what a client finds again when it comes back."""
import contextlib

from holdrig import *

STORE = "hold=2"


def journal():
    place = tempfile.mkdtemp(prefix=f"mqgate-store-{os.getpid()}-")
    atexit.register(shutil.rmtree, place, True)
    return place


def stores(place, *settings, **more):
    return rig(STORE, *settings, options=("-J", place), **more)


@test("a message is acknowledged while its server says nothing; towards that one each has an "
      "identifier of its own")
def acknowledged():
    for address, context, level in doors():
        with Server(1901) as one, stores(journal(), ports=(1901,)) as gate, \
                begun(address, context, level, one) as (client, _, sock, _, _):
            for number, payload in enumerate((b"one", b"two", b"three"), 1):
                client.sendall(message(7, payload, level))
                gets(client, ack(PUBACK, 7))
                gets(sock, message(number, payload, level))
            equal(held(gate)["kept"] > 0, True)
            sock.sendall(b"".join(ack(PUBACK, n) for n in (1, 2, 3)))
            poll("the server has all", lambda: held(gate)["kept"] == 0)
            client.sendall(PINGREQ)
            gets(sock, PINGREQ)
            sock.sendall(PINGRESP)
            gets(client, PINGRESP, "no acknowledgement twice")


@test("QoS 2 ends with the client whatever the server does, and the other way round; the same "
      "message once more is no second one")
def twice():
    for address, context, level in doors():
        with Server(1901) as one, stores(journal(), ports=(1901,)) as gate, \
                begun(address, context, level, one) as (client, _, sock, _, _):
            client.sendall(message(9, b"two", level, qos=2))
            gets(client, ack(PUBREC, 9))
            gets(sock, message(1, b"two", level, qos=2))
            client.sendall(message(9, b"two", level, qos=2, dup=True))
            gets(client, ack(PUBREC, 9))
            client.sendall(ack(PUBREL, 9))
            gets(client, ack(PUBCOMP, 9))
            sock.sendall(ack(PUBREC, 1))
            gets(sock, ack(PUBREL, 1))
            sock.sendall(ack(PUBCOMP, 1))
            poll("the server has it", lambda: held(gate)["kept"] == 0)
            # Released: the identifier is of another message now.
            client.sendall(message(9, b"new", level, qos=2))
            gets(client, ack(PUBREC, 9))
            gets(sock, message(2, b"new", level, qos=2))
            equal(gate.refusals(), [])


@test("a subscription has an identifier of the gateway's as well; its SUBACK has the client's")
def subscriptions():
    for address, context, level in doors():
        with Server(1901) as one, stores(journal(), ports=(1901,)), \
                begun(address, context, level, one) as (client, _, sock, _, _):
            client.sendall(message(5, b"x", level))
            gets(sock, message(1, b"x", level))
            gets(client, ack(PUBACK, 5))
            client.sendall(ask(1, "a/b", level=level))
            gets(sock, ask(2, "a/b", level=level))
            sock.sendall(granted(2, 1, level=level))
            gets(client, granted(1, 1, level=level))


@test("without a server: acknowledged all the same; the next one gets everything in its order")
def away():
    for address, context, level in doors():
        with Server(1901) as one, stores(journal(), ports=(1901,)) as gate, \
                begun(address, context, level, one) as (client, _, sock, _, _):
            client.sendall(message(1, b"sent", level))
            gets(sock, message(1, b"sent", level))
            gets(client, ack(PUBACK, 1))
            one.die()
            is_held(gate)
            client.sendall(message(1, b"kept", level) + message(2, b"twice", level, qos=2))
            gets(client, ack(PUBACK, 1) + ack(PUBREC, 2))
            client.sendall(ack(PUBREL, 2))
            gets(client, ack(PUBCOMP, 2))
            one.open()
            sock, _ = one.take()
            sock.sendall(accepted(level))
            gets(sock, message(1, b"sent", level, dup=True) + message(2, b"kept", level) +
                 message(3, b"twice", level, qos=2))


@test("a server has no more of them under way than it takes (MQTT 5, 3.3.4)")
def window():
    with Server(1901) as one, stores(journal(), ports=(1901,)), \
            begun(PLAIN, None, 5, one, properties=b"\x21\0\2") as (client, _, sock, _, _):
        for number in range(1, 6):
            client.sendall(message(1, b"%d" % number, 5))
            gets(client, ack(PUBACK, 1))
        gets(sock, message(1, b"1", 5) + message(2, b"2", 5))
        equal(readable(sock, seconds=0.2), [])
        for number in range(1, 4):
            sock.sendall(ack(PUBACK, number))
            gets(sock, message(number + 2, b"%d" % (number + 2), 5))


@test("a client that comes back finds what it has left, in this process and in the next; with its "
      "session also the identifiers that it has not released")
def comes_back():
    for level in (4, 5):
        lasting = packet("device-1", level, flags=0,
                         properties=b"\x11\0\0\0\x3c" if level == 5 else b"")
        place = journal()

        def back(one, present):
            client = dial()
            client.sendall(lasting)
            sock, _ = one.take()
            sock.sendall(accepted(level, present))
            equal(read_packet(client)[0], 0x20)
            return client, sock

        with Server(1901) as one:
            with stores(place, ports=(1901,)) as gate:
                with begun(PLAIN, None, level, one, first=lasting) as (client, _, sock, _, _):
                    client.sendall(message(1, b"one", level) + message(2, b"two", level, qos=2))
                    gets(client, ack(PUBACK, 1) + ack(PUBREC, 2))
                    gets(sock, message(1, b"one", level) + message(2, b"two", level, qos=2))
                sock.close()
                poll("it has gone", lambda: gate.open() == 0)
                client, sock = back(one, True)
                gets(sock, message(1, b"one", level, dup=True) +
                     message(2, b"two", level, qos=2, dup=True))
                client.sendall(message(2, b"two", level, qos=2, dup=True))
                gets(client, ack(PUBREC, 2))
                sock.sendall(ack(PUBACK, 1))
                poll("one is done", lambda: held(gate)["kept"] < 30)
                client.close()
                sock.close()
                poll("it has gone", lambda: gate.open() == 0)
            with stores(place, ports=(1901,)) as gate:
                client, sock = back(one, True)
                gets(sock, message(2, b"two", level, qos=2, dup=True))
                client.sendall(message(2, b"two", level, qos=2, dup=True) + ack(PUBREL, 2))
                gets(client, ack(PUBREC, 2) + ack(PUBCOMP, 2))
                sock.sendall(ack(PUBREC, 2))
                gets(sock, ack(PUBREL, 2))
                sock.sendall(ack(PUBCOMP, 2))
                poll("it is done", lambda: held(gate)["kept"] == 0)
                client.close()
                sock.close()
                poll("it has gone", lambda: gate.open() == 0)
            with stores(place, ports=(1901,)) as gate:
                client, sock = back(one, True)
                client.sendall(PINGREQ)
                gets(sock, PINGREQ, "nothing comes again")
                client.close()


@test("a server that cannot keep up: the client is not read from beyond the bounds, and nothing is "
      "lost")
def slow():
    for level in (4, 5):
        with Server(1901) as one, stores(journal(), "hold_messages=5", ports=(1901,)) as gate, \
                begun(PLAIN, None, level, one) as (client, _, sock, _, _):
            for number in range(1, 9):
                client.sendall(message(number, b"x" * 10, level))
                if number <= 5:
                    gets(client, ack(PUBACK, number))
            for number in range(1, 9):
                gets(sock, message(number, b"x" * 10, level))
                sock.sendall(ack(PUBACK, number))
            gets(client, b"".join(ack(PUBACK, n) for n in (6, 7, 8)))
            equal(gate.refusals(), [])


@test("a payload that comes in parts goes when it is whole; the other packets pass it by")
def parts():
    large = noise(50000)
    for address, context, level in doors():
        whole = message(3, large, level)
        with Server(1901) as one, stores(journal(), ports=(1901,)), \
                begun(address, context, level, one) as (client, _, sock, _, _):
            client.sendall(whole[:30000])
            equal(readable(sock, seconds=0.1), [])
            client.sendall(whole[30000:] + PINGREQ)
            got = read_exactly(sock, len(whole) + 2)
            equal(message(1, large, level) in got and PINGREQ in got, True)
            gets(client, ack(PUBACK, 3))


main()
