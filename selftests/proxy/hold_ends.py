#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""When a session ends with its server all the same, and what its client is told."""
import contextlib

from holdrig import *

SECRET = "correct-horse-battery-staple"
CLOSED = b""


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


@test("a session that loses its next server as well, in less than five seconds, ends")
def twice():
    for level in (4, 5):
        with Server(1901) as one, rig(ports=(1901,)) as gate, \
                begun(PLAIN, None, level, one) as (client, *_):
            one.die()
            is_held(gate)
            one.open()
            one.take()[0].sendall(accepted(level))
            poll("it goes on", lambda: held(gate)["resumed"] == 1)
            one.die()
            equal(read_all(client), CLOSED)
            equal((held(gate)["lost"], held(gate)["held"]), (1, 0))


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


@test("an identity that is revoked while its session is held: it ends at once")
def revoked():
    for level, word in ((4, CLOSED), (5, b"\xe0\x01\x87")):
        with Server(1901) as one, rig(ports=(1901,)) as gate, \
                begun(TLS, pki.context("device-1"), level, one) as (client, *_):
            one.die()
            is_held(gate)
            equal(gate.ask("revoke identity device-1")["error"], 0)
            equal(client.recv(3), word)
            poll("it has ended", lambda: held(gate)["held"] == 0)


main()
