#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""The CONNECT as the broker gets it, byte by byte, and usernames that are not the client's own."""
from proxyrig import *

pki = Pki()
OTHER = b"\x26" + text("seen") + text("by me")


def forwarded(options, sent, size):
    """What the broker gets of @sent, of which it reads @size bytes."""
    got = []

    def serve(connection):
        got.append(read_exactly(connection, size))

    pki.device("device-1")
    with FakeBroker(serve), Rig("-b", "127.0.0.1:1883", *options, "-t", "127.0.0.1:8883",
                                pki=pki) as rig:
        with dial(TLS, pki.context("device-1")) as client:
            client.sendall(sent)
            poll("the broker has it", lambda: got)
        poll("session is given back", lambda: rig.open() == 0)
    return got[0]


def becomes(sent, wanted, *options, behind=b"\xc0\0"):
    """@sent arrives as @wanted, and what came behind it still does."""
    equal(forwarded(options, sent + behind, len(wanted) + len(behind)), wanted + behind,
          "what the broker gets")


def user_property(name, value):
    return b"\x26" + text(name) + text(value)


@test("without a rule the CONNECT goes on as it came")
def untouched():
    sent = packet("device-1", 5, "u", "secret", "gone", OTHER)
    becomes(sent, sent)


@test("username: inject, where there was none")
def inject_none():
    becomes(packet("device-1"), packet("device-1", username="device-1"), "-u", "inject")


@test("username: inject, in the place of another; the password stays")
def inject_other():
    for level in (3, 4, 0x83, 0x84, 5):
        becomes(packet("device-1", level, "root", "secret", "gone"),
                packet("device-1", level, "device-1", "secret", "gone"), "-u", "inject")


@test("username: inject, with an empty one")
def inject_empty():
    becomes(packet("device-1", username=""), packet("device-1", username="device-1"),
            "-u", "inject")


@test("flags of fields that MQTT 3.1 leaves out say what is there")
def inject_31():
    becomes(packet("device-1", 3, flags=0xc2), packet("device-1", 3, username="device-1"),
            "-u", "inject")


@test("client_id: inject, whatever it was")
def inject_id():
    for client_id in ("x", "", "other"):
        becomes(packet(client_id, username="u"), packet("device-1", username="u"), "-r", "inject")


@test("client_id: inject, MQTT 5: no client is named without being told")
def inject_id_5():
    pki.device("device-1")
    with Rig("-b", "127.0.0.1:1883", "-r", "inject", "-t", "127.0.0.1:8883", pki=pki) as rig:
        with dial(TLS, pki.context("device-1")) as client:
            client.sendall(packet("", 5))
            equal(read_all(client), b"\x20\x03\0\x87\0", "client reads")
        equal(rig.refused()["refused"], "identity-client-id")
        equal(rig.upstream(), 0, "connections to the broker")


@test("the client identifier that is told of is the injected one")
def inject_id_said():
    pki.device("device-1")
    with Mosquitto(), Rig("-b", "127.0.0.1:1883", "-r", "inject", "-t", "127.0.0.1:8883",
                          pki=pki) as rig:
        with session("whoever", TLS, pki.context("device-1")):
            equal(rig.wait(lambda line: "allowed" in line)["said"]["id"], "device-1")


@test("user_property, among others of the client")
def property_added():
    becomes(packet("device-1", 5, properties=b"\x21\0\7" + OTHER),
            packet("device-1", 5,
                   properties=b"\x21\0\7" + OTHER + user_property("identity", "device-1")),
            "-U", "identity")


@test("user_property: no client says it of itself")
def property_forged():
    forged = user_property("identity", "root")
    kept = b"\x11\0\0\0\7" + user_property("identity2", "root") + b"\x15" + text("m") + \
        b"\x16" + text("data")
    becomes(packet("device-1", 5, "u", properties=forged + kept + forged),
            packet("device-1", 5, "u", properties=kept + user_property("identity", "device-1")),
            "-U", "identity")


@test("user_property: a section whose length grows by a byte")
def property_long():
    long = user_property("n", "v" * 100)
    becomes(packet("device-1", 5, "u", "p", "gone", long),
            packet("device-1", 5, "u", "p", "gone", long + user_property("identity", "device-1")),
            "-U", "identity")


@test("user_property: nothing for MQTT 3")
def property_3():
    sent = packet("device-1", 4, "u")
    becomes(sent, sent, "-U", "identity")


@test("everything at once")
def everything():
    becomes(packet("x", 5, "root", "secret", "gone", user_property("identity", "root")),
            packet("device-1", 5, "device-1", "secret", "gone",
                   user_property("identity", "device-1")),
            "-U", "identity", "-u", "inject", "-r", "inject")


@test("a real broker takes it, and knows the client by the injected name")
def real():
    pki.device("device-1")
    with Mosquitto(), Rig("-b", "127.0.0.1:1883", "-U", "identity", "-u", "inject", "-r", "inject",
                          "-t", "127.0.0.1:8883", pki=pki):
        for level in (3, 4, 5):
            with session("any-name", TLS, pki.context("device-1"), level) as first:
                # A second one of the same name takes the first over: the broker sees one client.
                with session("another", TLS, pki.context("device-1"), level):
                    read_all(first)


def refused(rule, username, reason):
    """In MQTT 3.1.1 and 5: by its own answer, and without the broker."""
    pki.device("device-1")
    with Rig("-b", "127.0.0.1:1883", "-u", rule, "-t", "127.0.0.1:8883", pki=pki) as rig:
        for level, answer in ((4, b"\x20\x02\0\5"), (5, b"\x20\x03\0\x87\0")):
            since = rig.mark()
            with dial(TLS, pki.context("device-1")) as client:
                client.sendall(packet("device-1", level, username, "secret"))
                equal(read_all(client), answer, f"answer to {username!r}")
            equal(rig.refused(since)["refused"], reason)
        equal(rig.upstream(), 0, "connections to the broker")


@test("username: equal refuses every other: identity-username")
def equal_refuses():
    for username in ("root", "device-10", "device-1-a", ""):
        refused("equal", username, "identity-username")


@test("username: prefix refuses what does not go on with a separator: identity-username")
def prefix_refuses():
    for username in ("device-12", "device", "x"):
        refused("prefix", username, "identity-username")


@test("username: equal and prefix let the own one, and none, through as it is")
def own():
    for rule, username in (("equal", "device-1"), ("equal", None), ("prefix", "device-1/a"),
                           ("prefix", None)):
        sent = packet("device-1", username=username)
        becomes(sent, sent, "-u", rule)


main()
