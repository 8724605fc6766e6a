#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""
How fast the members of a group may send together: across workers, in several groups, and after a
change of the configuration.
"""
from numbered import *

pki = Pki()
NAMES = ("sensor-1", "sensor-2", "sensor-3", "pump-1")
DEVICES = {name: pki.context(pki.device(name)) for name in NAMES}
LISTEN = ("-G", "allow,all,2,#", "-b", "127.0.0.1:1883", "-t", "127.0.0.1:8883")
MESSAGE = publish("t", b"x")


def group(name, pattern, *numbers):
    """@numbers: messages a second, at once, bytes a second, at once"""
    return "-G", ",".join(map(str, ("group", name, pattern, *numbers)))


def start(*options):
    return Rig("-w", "2", *options, *LISTEN, pki=pki)


def device(name):
    return session(name, TLS, DEVICES[name])


def heard(broker):
    return sum(map(len, broker.heard))


def send(broker, clients, many, data=MESSAGE):
    """@many of each, in one read; what comes behind it waits with who has to wait."""
    for client in clients:
        before = heard(broker)
        client.sendall(data * many)
        poll("it was read", lambda: heard(broker) >= before + many * len(data))
        client.sendall(PINGREQ)


def arrives(broker, packets):
    poll("all of it arrives", lambda: heard(broker) == packets)


def paused(rig):
    return rig.counts()["groups"]


@test("a group's rate is that of its members together, on all workers; others have none of it")
def together():
    for numbers, data in (((20, 10, 0, 1), MESSAGE),
                          ((0, 1, 20000, 10000), publish("t", b"x" * 995))):
        with Hearing() as broker, start(*group("sensors", "sensor-*", *numbers)) as rig:
            clients = [device(name) for name in NAMES]
            send(broker, clients[3:], 30, data)
            arrives(broker, 30 * len(data) + 2)
            equal(paused(rig), {"sensors": 0})
            begun = time.monotonic()
            send(broker, clients[:3], 10, data)
            arrives(broker, 60 * len(data) + 8)
            if max(broker.at) - begun < 0.7:
                raise AssertionError("30 at 20 a second, 10 at once, take longer")
            equal(paused(rig)["sensors"] > 0, True, "somebody waited")
            equal(rig.refusals(), [])
            for client in clients:
                client.close()


@test("who is in several groups is charged in each, and waits for the slowest")
def several():
    tight, loose = (20, 10, 0, 1), (1000, 1000, 0, 1)
    for sensors, ones in ((tight, tight), (tight, loose), (loose, tight)):
        with Hearing() as broker, start(*group("sensors", "sensor-*", *sensors),
                                        *group("ones", "*-1", *ones)) as rig:
            client, begun = device("sensor-1"), time.monotonic()
            send(broker, [client], 20)
            arrives(broker, 20 * len(MESSAGE) + 2)
            if broker.at[0] - begun < 0.4:
                raise AssertionError("20 at 20 a second, 10 at once, take longer")
            equal({name: n > 0 for name, n in paused(rig).items()},
                  {"sensors": sensors is tight, "ones": ones is tight}, "what it waited for")
            client.close()


@test("a change of the configuration: another rate, and another membership, hold for who waits")
def changed():
    slow = group("sensors", "sensor-*", 1, 1, 0, 1)
    for after in (group("sensors", "sensor-*", 10000, 10000, 0, 1),
                  group("sensors", "pump-*", 1, 1, 0, 1), ()):
        with Hearing() as broker, start(*slow) as rig:
            client = device("sensor-1")
            send(broker, [client], 1000)
            poll("it waits", lambda: paused(rig)["sensors"])
            equal(rig.ask(" ".join(("change", "-d", pki.dir, "-w", "2", *after, *LISTEN)))["error"],
                  0, "change")
            arrives(broker, 1000 * len(MESSAGE) + 2)
            client.close()
    # And the other way round: who was free is held.
    with Hearing() as broker, start() as rig:
        client = device("sensor-1")
        send(broker, [client], 100)
        arrives(broker, 100 * len(MESSAGE) + 2)
        equal(rig.ask(" ".join(("change", "-d", pki.dir, "-w", "2", *slow, *LISTEN)))["error"], 0)
        send(broker, [client], 100)
        poll("it waits", lambda: paused(rig)["sensors"])
        client.close()


main()
