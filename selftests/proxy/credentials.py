#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""Usernames and passwords: taken out in clear text, and those that a broker wants put in."""
from proxyrig import *

pki = Pki()
SECRET = "correct-horse-battery-staple"
BROKER = "the-key-of-the-broker"


def through(rig_options, sent, wanted, context=None, behind=b"\xc0\0"):
    """@sent arrives as @wanted, and what came behind it still does. What the rig counted."""
    got = []

    def serve(connection):
        got.append(read_exactly(connection, len(wanted) + len(behind)))

    with FakeBroker(serve), Rig(*rig_options, pki=pki if context else None) as rig:
        with dial(TLS if context else PLAIN, context) as client:
            client.sendall(sent + behind)
            poll("the broker has it", lambda: got)
        poll("session is given back", lambda: rig.open() == 0)
        equal(got[0], wanted + behind, "what the broker gets")
        if SECRET in json.dumps(rig.lines) or BROKER in json.dumps(rig.lines):
            raise AssertionError("a password was told")
        return rig.counts()["listeners"][0]


def plain(*options):
    return [*options, "-b", "127.0.0.1:1883", "-p", "127.0.0.1:1884"]


@test("passwords: strip: the broker gets neither username nor password, and it is counted")
def strip():
    for level in (3, 4, 0x83, 0x84, 5):
        for will in (None, "gone"):
            counts = through(plain("-g"), packet("d", level, "user", SECRET, will),
                             packet("d", level, will=will))
            equal(counts["stripped"], 1, "passwords that were counted")


@test("passwords: strip: a username alone goes as well; without either nothing changes")
def strip_less():
    equal(through(plain("-g"), packet("d", 5, "user"), packet("d", 5))["stripped"], 0)
    equal(through(plain("-g"), packet("d", 4), packet("d", 4))["stripped"], 0)


@test("passwords: allow: both go on as they came")
def allow():
    sent = packet("d", 4, "user", SECRET)
    equal(through(plain("-a"), sent, sent)["stripped"], 0)


@test("a broker's own credentials take the place of none and of others")
def injected():
    own = ["-C", f"gate:{BROKER}"]
    for level in (3, 4, 5):
        wanted = packet("d", level, "gate", BROKER, "gone")
        through(plain(*own), packet("d", level, will="gone"), wanted)
        through(plain("-a", *own), packet("d", level, "user", SECRET, "gone"), wanted)
        through(plain("-g", *own), packet("d", level, "user", SECRET, "gone"), wanted)


@test("they do on a TLS listener, and come before username: inject")
def injected_tls():
    context = pki.context(pki.device("device-1"))
    for rule in ("any", "inject"):
        through(["-u", rule, "-C", f"gate:{BROKER}", "-b", "127.0.0.1:1883", "-t",
                 "127.0.0.1:8883"], packet("device-1", 5, "user", SECRET),
                packet("device-1", 5, "gate", BROKER), context)


@test("with a username alone the client's password does not reach the broker")
def username_alone():
    through(plain("-a", "-C", "gate"), packet("d", 4, "user", SECRET), packet("d", 4, "gate"))


@test("checks that speak MQTT have a broker's own credentials")
def checks():
    got = []

    def serve(connection):
        got.append(read_packet(connection)[1])
        connection.sendall(ACCEPTED)
        read_all(connection)

    with FakeBroker(serve), Rig("-O", "health=2", *plain("-C", f"gate:{BROKER}")):
        poll("a check came", lambda: got)
    equal((got[0][7], got[0][-len(text("gate") + text(BROKER)):]),
          (0xc2, text("gate") + text(BROKER)), "flags and end of the CONNECT")


@test("a client's password that was taken out, or replaced, stays nowhere in memory")
def wiped():
    def broker(sock):
        read_packet(sock)
        sock.sendall(ACCEPTED)
        sock.recv(1)

    for options in (plain("-g"), plain("-a", "-C", f"gate:{BROKER}")):
        with FakeBroker(broker), Rig(*options, "-w", "1", asan=False) as rig:
            for split in (2000, 40):
                data = packet("d", 4, "user", SECRET * 40)
                with dial() as client:
                    for at in range(0, len(data), split):
                        client.sendall(data[at:at + split])
                    equal(read_packet(client), (0x20, b"\0\0"))
                    equal(rig.copies(SECRET.encode()), 0, "copies of the password")


main()
