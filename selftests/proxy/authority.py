#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""
What a device's certificate lets it do, and nothing else: publishes, subscriptions, deliveries,
wills, retained messages, in front of a real broker and of one that shows what it hears.
ATTACKS 10, 17-19.
"""
from devices import *

@test("a device publishes under its own topic and nowhere else; what is refused is acknowledged")
def own_topic():
    for level in (3, 4, 5):
        with Script(level) as broker, start(*OWN) as rig:
            with device(level) as client:
                good = message("own/device-1/a", level=level)
                for topic in ("own/device-2/a", "own", "$SYS/x", "own/device-10/a",
                              "OWN/device-1/a"):
                    client.sendall(message(topic, level=level) + good)
                    broker.hears(good)
                client.sendall(message("else", qos=1, level=level))
                reads(client, packet(0x40, ident(7) + (b"\x87" if level == 5 else b"")))
                client.sendall(message("else", qos=2, level=level))
                reads(client, packet(0x50, ident(7) + (b"\x87" if level == 5 else b"")))
                if level != 5:
                    client.sendall(packet(0x62, ident(7)))
                    reads(client, packet(0x70, ident(7)))
                client.sendall(good)
                broker.hears(good)
            refused(rig, policy_publish=7)


@test("a payload of a refused publish is dropped as it streams, and the next packet arrives")
def payload():
    with Script(4) as broker, start(*OWN) as rig:
        with device(4) as client:
            big, good = message("else", noise(300000)), message("own/device-1/a")
            client.sendall(good + big[:50000])
            broker.hears(good)
            client.sendall(big[50000:] + good)
            broker.hears(good)
        refused(rig, policy_publish=1)


@test("on_refused: close ends the session: DISCONNECT 87, or the close")
def closes():
    for level, word in ((4, b""), (5, b"\xe0\x01\x87")):
        with Script(level) as broker, start("-L", "close", *OWN) as rig:
            with device(level) as client:
                client.sendall(PINGREQ + message("else", qos=1, level=level))
                equal(read_all(client), word)
            broker.hears(PINGREQ)
            equal(rig.refused()["refused"], "policy-publish")


@test("QoS beyond the limit of a rule, and a retained message without the right, are refused")
def qos_and_retain():
    rules = ("-G", "allow,connect+publish,1,#", "-G", "allow,retain,2,kept/#")
    with Script(4) as broker, start(*rules) as rig:
        with device(4) as client:
            client.sendall(message("a", qos=2))
            reads(client, packet(0x50, ident(7)))
            client.sendall(packet(0x62, ident(7)))
            reads(client, packet(0x70, ident(7)))
            kept = message("kept/a", retain=True)
            client.sendall(message("a", retain=True) + kept)
            broker.hears(kept)
        refused(rig, policy_publish=1, policy_retain=1)


@test("filters that are refused are taken out of a SUBSCRIBE; the answer has their codes")
def filters():
    for level, code in ((3, 0x80), (4, 0x80), (5, 0x87)):
        with Script(level) as broker, start(*OWN) as rig:
            with device(level) as client:
                client.sendall(request(level, "else", "own/device-1/#", "#", "own/+/x", "news/a",
                                       "$share/g/else", "own/device-2/#", qos=2))
                own = request(level, "own/device-1/#", qos=1)
                news = text("news/a") + b"\2"
                broker.hears(packet(0x82, own[2:] + news))
                broker.says(suback(level, 1, 2))
                reads(client, suback(level, code, 1, code, code, 2, code, code))
                client.sendall(request(level, "a", "$share/g/#"))
                reads(client, suback(level, code, code))
                client.sendall(PINGREQ)
                broker.hears(PINGREQ)
            refused(rig, policy_subscribe=7)


@test("ATTACKS 16: a shared subscription is asked for what it shares")
def shared():
    with Script(5) as broker, start(*OWN):
        with device(5) as client:
            wanted = request(5, "$share/g/own/device-1/#", qos=1)
            client.sendall(request(5, "$share/g/own/device-2/#", "$share/g/own/device-1/#",
                                   "$share/own/device-1/#", qos=1))
            broker.hears(wanted)
            broker.says(suback(5, 1))
            reads(client, suback(5, 0x87, 1, 0x87))


@test("deliveries that are not the client's are dropped and acknowledged towards the broker")
def deliveries():
    for level in (3, 4, 5):
        code = b"\x87" if level == 5 else b""
        with Script(level) as broker, start(*OWN) as rig:
            with device(level) as client:
                good = message("news/a", level=level)
                broker.says(message("else", level=level) + good)
                reads(client, good)
                broker.says(message("else", noise(100000), qos=1, level=level))
                broker.hears(packet(0x40, ident(7) + code))
                broker.says(message("else", qos=2, level=level, retain=True))
                broker.hears(packet(0x50, ident(7) + code))
                if level != 5:
                    broker.says(packet(0x62, ident(7)))
                    broker.hears(packet(0x70, ident(7)))
                broker.says(good)
                reads(client, good)
            refused(rig, policy_receive=3)
            equal(rig.refusals(), [], "the client is not to blame")


@test("ATTACKS 17: an alias stands for its topic, whoever said it, and is no way round")
def aliases():
    with Script(5) as broker, start(*OWN, "-G", "deny,retain,0,own/+/plain") as rig:
        with device(5) as client:
            def one(topic, number, **keywords):
                return message(topic, level=5, properties=alias(number), **keywords)

            first = one("own/device-1/a", 1) + one("", 1)
            client.sendall(first + one("else", 1) + one("", 1) + one("own/device-1/b", 1))
            broker.hears(first + one("own/device-1/b", 1))
            refused(rig, policy_publish=2)
            # What set the alias was refused: the broker has not heard of it.
            client.sendall(one("own/device-1/plain", 2, retain=True) + one("", 2) + one("", 2))
            broker.hears(one("own/device-1/plain", 2) + one("", 2))
            client.sendall(one("", 3))
            equal(read_all(client), b"\xe0\x01\x94")
        equal(rig.refused()["refused"], "policy-publish")


@test("an alias of the broker is resolved before a delivery is judged")
def aliases_down():
    # The client takes three aliases.
    hello = connect("device-1", 5)
    hello = packet(0x10, hello[2:12] + b"\3\x22\0\3" + hello[13:])
    with Script(5) as broker, start(*OWN) as rig:
        with dial(TLS, DEVICE) as client:
            client.sendall(hello)
            reads(client, ACCEPT[5])

            def one(topic, number):
                return message(topic, level=5, properties=alias(number))

            broker.says(one("else", 1) + one("", 1) + one("news/a", 2) + one("", 2))
            reads(client, one("news/a", 2) + one("", 2))
            refused(rig, policy_receive=2)
            broker.says(one("news/a", 4))
            equal(read_all(client), b"\xe0\x01\x80")
        equal(rig.refused()["refused"], "mqtt-broker")


@test("ATTACKS 10: will to $CONTROL, $SYS and others: asked for topic, QoS and retain")
def wills():
    rules = ("-G", "allow,connect+will,1,own/${identity}/#", "-G", "deny,will,0,own/+/no")
    for level, word in ((4, b"\x20\x02\0\x05"), (5, b"\x20\x03\0\x87\0")):
        with Script(level) as broker, start(*rules) as rig:
            for topic, flags, reason in (
                    ("$CONTROL/dynamic-security/v1", 0x06, "policy-will"),
                    ("$SYS/broker", 0x06, "policy-will"), ("else", 0x06, "policy-will"),
                    ("own/device-1/no", 0x06, "policy-will"),
                    ("own/device-1/a", 0x16, "policy-will"),
                    ("own/device-1/a", 0x26, "policy-retain")):
                since = rig.mark()
                with dial(TLS, DEVICE) as client:
                    client.sendall(with_will(level, topic, flags))
                    equal(read_all(client), word, topic)
                equal(rig.refused(since)["refused"], reason, topic)
            equal(rig.upstream(), 0, "connections to the broker")
            with dial(TLS, DEVICE) as client:
                client.sendall(with_will(level, "own/device-1/a", 0x0e))
                reads(client, ACCEPT[level])


@test("ATTACKS 10: client id or username containing # + / (CVE-2017-7650): no way to other topics")
def names():
    rules = ("-G", "allow,connect,2,#", "-G", "allow,publish+subscribe+receive,2,id/${client_id}/#",
             "-G", "allow,publish+subscribe+receive,2,user/${username}/#")
    others = "id/x/y", "user/x/y", "id/a/b/c", "user/a/b/c", "x"
    filters = *others, "#", "+/#", "id/#", "user/#", "id/+/y", "user/+/y"
    for level in (3, 4, 5):
        with Script(level) as broker, Rig(*rules, "-b", "127.0.0.1:1883", "-p",
                                          "127.0.0.1:1884") as rig:
            for name in ("#", "+", "a/b", "+/+", "x/#", "/"):
                with dial() as client:
                    client.sendall(hello(level, 0x82, text(name), text(name)))
                    reads(client, ACCEPT[level])
                    client.sendall(request(level, *filters))
                    reads(client, suback(level, *[0x87 if level == 5 else 0x80] * len(filters)))
                    client.sendall(b"".join(message(t, level=level) for t in others) + PINGREQ)
                    broker.hears(PINGREQ)
                    broker.says(b"".join(message(t, level=level) for t in others) + PINGRESP)
                    reads(client, PINGRESP)
                broker.sock = None
            refused(rig, policy_subscribe=6 * len(filters), policy_publish=6 * len(others),
                    policy_receive=6 * len(others))


@test("ATTACKS 10: client id containing # + /, behind a certificate: another's, broker not asked")
def certified_names():
    with start() as rig:
        refuse_each(rig, [(connect(name, level), word, "identity-client-id")
                          for level, word in ((3, b"\x20\2\0\5"), (4, b"\x20\2\0\5"),
                                              (5, b"\x20\3\0\x87\0"))
                          for name in ("#", "+", "device-1/#", "+/device-1", "device-1/")],
                    TLS, DEVICE)


@test("who may not connect is told so, and the broker is not asked")
def no_connect():
    with start("-G", "allow,publish,2,#") as rig:
        with dial(TLS, DEVICE) as client:
            client.sendall(connect("device-1"))
            equal(read_all(client), b"\x20\x02\0\x05")
        equal(rig.refused()["refused"], "policy-connect")
        equal(rig.upstream(), 0, "connections to the broker")


@test("ATTACKS 19: a permission withdrawn: existing subscription, retained message, unfinished QoS "
      "2 and the session itself are asked again")
def withdrawn():
    less = ("-G", "allow,connect,2,#", "-G", "allow,subscribe+receive+publish,2,news/#")
    for level in (3, 4, 5):
        with Script(level) as broker, start(*OWN) as rig:
            with device(level) as client:
                client.sendall(request(level, "own/device-1/#") + message(
                    "own/device-1/two", qos=2, number=9, level=level))
                broker.hears(request(level, "own/device-1/#") + message(
                    "own/device-1/two", qos=2, number=9, level=level))
                broker.says(suback(level, 0) + packet(0x50, ident(9)))
                own, news = message("own/device-1/a", level=level, retain=True), message(
                    "news/a", level=level)
                broker.says(own)
                reads(client, suback(level, 0) + packet(0x50, ident(9)) + own)
                change(rig, *less)
                broker.says(own + news)
                reads(client, news)
                # Its second half: the broker is not told to go on, the client is done with it.
                client.sendall(packet(0x62, ident(9)))
                reads(client, packet(0x70, ident(9)))
                client.sendall(message("own/device-1/a", level=level) + PINGREQ)
                broker.hears(PINGREQ)
                refused(rig, policy_receive=1, policy_publish=2)
                since = rig.mark()
                change(rig, "-G", "allow,publish,2,#")
                equal(read_all(client), b"\xe0\x01\x87" if level == 5 else b"")
                equal(rig.wait(lambda line: "ended" in line, since=since)["ended"],
                      "policy-connect")


@test("in front of mosquitto: two devices, each hears its own, neither the other's")
def real():
    for level in (3, 4, 5):
        with Mosquitto(), start(*OWN) as rig:
            with device(level) as one, device(level, OTHER, "device-2") as two:
                for client, name in ((one, "device-1"), (two, "device-2")):
                    client.sendall(request(level, "#", f"own/{name}/#", qos=1))
                    reads(client, suback(level, 0x87 if level == 5 else 0x80, 1))
                two.sendall(message("own/device-1/in", qos=1, level=level))
                reads(two, packet(0x40, ident(7) + (b"\x87" if level == 5 else b"")))
                one.sendall(message("own/device-1/in", b"mine", level=level))
                reads(one, message("own/device-1/in", b"mine", level=level))
                two.sendall(PINGREQ)
                reads(two, PINGRESP)
            refused(rig, policy_subscribe=2, policy_publish=1)


@test("without policies everything is allowed, and a plain listener has them, too")
def plain():
    with Script(4) as broker, Rig("-b", "127.0.0.1:1883", "-p", "127.0.0.1:1884") as rig:
        with session("d") as client:
            client.sendall(message("any", retain=True))
            broker.hears(message("any", retain=True))
        refused(rig)
    with Script(4) as broker, Rig("-G", "allow,connect+publish,1,${client_id}/#", "-b",
                                  "127.0.0.1:1883", "-p", "127.0.0.1:1884") as rig:
        with session("d") as client:
            client.sendall(message("any") + message("d/a"))
            broker.hears(message("d/a"))
        refused(rig, policy_publish=1)


every_example(("10: will to $CONTROL, $SYS", "10: client id or username containing # + /",
               "16: a shared subscription", "17: an alias", "19: a permission withdrawn: existing "
               "subscription, retained message, unfinished QoS 2"))
main()
