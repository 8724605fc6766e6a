# SPDX-License-Identifier: BSD-2-Clause
"""The command and the module: conn list, show, kill, watch, and what status says of it."""
import json
import os
import subprocess

import genl
import world as w
from world import CONNECT, World, ended, equal, main, session, take, test, undo

MQGATE = os.path.join(os.environ.get("MQGATE_BUILD", os.path.join(w.TOP, "build")), "mqgate")


def command(world, *words):
    return ["nsenter", f"--net=/run/netns/{world.gw.name}", MQGATE, *words]


def mqgate(world, *words, code=0):
    done = subprocess.run(command(world, *words), capture_output=True, text=True)
    equal(done.returncode, code, f"exit code of {words}: {done.stderr}")
    return done.stdout if not code else done.stderr


def clients(world, *words):
    return json.loads(mqgate(world, "-j", "conn", *words))


def connect(name):
    body = b"\0\4MQTT\4\2\0\x3c" + len(name).to_bytes(2, "big") + name
    return bytes([0x10, len(body)]) + body


def live(world, name, address="198.18.0.1"):
    client, accepted = world.pair(world.gw, address)
    session(client, accepted, connect(name))
    world.gw.until(client, phase="connected")
    return client, accepted


@test("conn list and show: client id, level, keep alive, phase and bytes of a live client")
def lists():
    world = World()
    equal(clients(world, "list"), [], "nobody yet")
    client, _ = live(world, b"pump-7")
    (said,) = clients(world, "list")
    for name, value in {"source": "198.18.0.2", "sport": client.getsockname()[1],
                        "target": "198.18.0.1", "dport": 1883, "client_id": "pump-7", "level": 4,
                        "keep_alive": 60, "phase": "connected", "flags": ["local"],
                        "bytes": {"in": len(connect(b"pump-7")), "out": 4}}.items():
        equal(said[name], value, name)
    line = mqgate(world, "conn", "list").splitlines()[1].split()
    equal(line[0], f"198.18.0.2:{client.getsockname()[1]}", "client")
    equal(line[2:5] + [line[-1]], ["connected", "3.1.1", "60", "pump-7"], "line")
    text = mqgate(world, "conn", "show", "id", "pump-7")
    for words in ("client id   pump-7", "connected, MQTT 3.1.1, keep alive 60 s", "local"):
        equal(words in text, True, f"{words!r} in {text!r}")


@test("conn: filters are the kernel's; nobody to show or kill ends 1, a bad word 2")
def filters():
    world = World()
    client, _ = live(world, b"one")
    silent, _ = world.pair(world.gw, "198.18.0.1", 8883)
    one, tls = (sock.getsockname()[1] for sock in (client, silent))
    world.gw.until(silent, phase="handshake")
    for words, wanted in ((("source", "198.18.0.0/24"), [one, tls]), (("id", "one"), [one]),
                          (("id", "on"), []), (("phase", "handshake"), [tls]),
                          (("service", "1"), [one]), (("port", str(tls)), [tls]),
                          (("source", "198.18.0.3"), []), (("idle", "1h"), []),
                          (("id", "one", "phase", "handshake"), [])):
        equal(sorted(c["sport"] for c in clients(world, "list", *words)), sorted(wanted), words)
    mqgate(world, "conn", "show", "id", "nobody", code=1)
    mqgate(world, "conn", "kill", "id", "nobody", code=1)
    for words in (("show",), ("kill",), ("list", "phase", "x"), ("list", "source", "x"),
                  ("list", "source", "1.2.3.4/33"), ("list", "id"), ("list", "count", "1"),
                  ("list", "idle", "0"), ("list", "service", "32"), ("nonsense",), ()):
        mqgate(world, "conn", *words, code=2)
    equal(len(clients(world, "list")), 2, "clients, after all that")


@test("conn kill resets whom its filter names, and nobody else")
def kills():
    world = World()
    one, at_one = live(world, b"one")
    two, at_two = live(world, b"two", "2001:db8:18::1")
    equal(mqgate(world, "conn", "kill", "id", "one"), "1 killed\n", "said")
    equal((ended(one), ended(at_one)), ("reset", "reset"), "both ends")
    two.sendall(w.PINGREQ)
    equal(take(at_two, 2), w.PINGREQ, "the other one lives")


@test("conn watch tells begin, phases and violation as they happen, with the client id")
def watches():
    world = World()
    watch = subprocess.Popen(command(world, "-j", "conn", "watch", "count", "4"),
                             stdout=subprocess.PIPE, text=True)
    undo.append(watch.kill)
    w.wait(lambda: "events" in listeners(world), "the listener")
    client, accepted = live(world, b"seen")
    client.sendall(CONNECT)
    take(accepted, len(CONNECT))
    client.close()
    seen = [json.loads(line) for line in watch.stdout]
    equal(watch.wait(w.LIMIT), 0, "exit code")
    equal([one["event"] for one in seen][:3], ["begin", "phase", "phase"], "events")
    equal(seen[2]["client"]["client_id"], "seen", "client id")
    equal((seen[3]["event"], seen[3]["reason"], seen[3]["dropped"]),
          ("violation", "connect-again", False), "second CONNECT")
    equal((seen[1]["before"], seen[2]["before"]), ("connect", "connack"), "phases left")
    equal([one["lost"] for one in seen], [0, 0, 0, 0], "lost")


@test("conn sources: who comes from where, how much; filters are the kernel's; a bad word 2")
def sources():
    world = World()
    equal(mqgate(world, "conn", "sources"), "no sources\n", "nobody yet")
    listener = world.gw.listen("198.18.0.1")
    live(world, b"six", "2001:db8:18::1")
    for number in range(12):
        client = world.dev.connect("198.18.0.1")
        accepted, _ = listener.accept()
        undo.append(accepted.close)
        session(client, accepted, connect(b"n%d" % number))
        world.gw.until(client, phase="connected")
    # First what fades: 45 a minute now, 10 in twenty seconds.
    over = [one["source"] for one in clients(world, "sources", "rate", "10")]
    equal(over, ["198.18.0.2"], "rate")
    said = {one["source"]: one for one in clients(world, "sources")}
    equal(set(said), {"198.18.0.2", "2001:db8:18::/64"}, "sources")
    equal([said["198.18.0.2"][k] for k in ("sessions", "begun", "violations", "takeovers", "over")],
          [12, 12, 0, 0, []], "counts")
    for words, wanted in ((("over", "3"), ["198.18.0.2"]), (("over", "12"), []),
                          (("source", "2001:db8:18::2"), ["2001:db8:18::/64"]),
                          (("source", "198.18.0.0/24", "over", "0"), ["198.18.0.2"])):
        equal([one["source"] for one in clients(world, "sources", *words)], wanted, words)
    line = mqgate(world, "conn", "sources", "over", "3").splitlines()[1].split()
    equal((line[0], line[1], line[3:]), ("198.18.0.2", "12", ["12", "0", "0"]), "line")
    for words in (("over",), ("over", "x"), ("rate", "-1"), ("id", "x"), ("source", "x")):
        mqgate(world, "conn", "sources", *words, code=2)


@test("conn watch tells of a source over its threshold, and of two holders of a client id")
def watches_sources():
    world = World()
    world.dev.ip("addr add 198.18.0.77/24 dev dev0")
    genl.Genl(world.gw).ask("settings-set", {"settings": {"source-sessions": 1}})
    watch = subprocess.Popen(command(world, "-j", "conn", "watch"), stdout=subprocess.PIPE,
                             text=True)
    undo.append(watch.kill)
    w.wait(lambda: "events" in listeners(world), "the listener")
    listener = world.gw.listen("198.18.0.1")
    held = []
    for source in "198.18.0.2", "198.18.0.77", "198.18.0.2":
        client = world.dev.connect("198.18.0.1", source=(source, 0))
        held += [client, listener.accept()[0]]
        session(client, held[-1], connect(b"both"))
        world.gw.until(client, phase="connected")
    seen = {}
    for line in watch.stdout:
        one = json.loads(line)
        seen[one["event"]] = one
        if {"source", "holders"} <= set(seen):
            break
    equal(seen["source"]["source"]["source"], "198.18.0.2", "source")
    equal((seen["source"]["source"]["sessions"], seen["source"]["source"]["over"]),
          (2, ["sessions"]), "how many")
    equal((seen["holders"]["client"]["source"], seen["holders"]["client"]["client_id"]),
          ("198.18.0.2", "both"), "who")
    equal(set(seen["holders"]["client"]["flags"]), {"local", "id-shared", "two-holders"}, "flags")
    equal({one["lost"] for one in seen.values()}, {0}, "lost")
    for end in held:
        end.close()


def listeners(world):
    """"events" when a socket of generic netlink is in a group there."""
    with world.gw:
        with open("/proc/thread-self/net/netlink") as file:
            rows = [line.split() for line in file][1:]
    return ["events" for row in rows if row[1] == "16" and int(row[3], 16)]


@test("what a client calls itself cannot speak to the operator's terminal")
def tame():
    world = World()
    wild, accepted = world.pair(world.gw, "198.18.0.1")
    session(wild, accepted, connect(b"a\x1b[2Jb\nc"))
    world.gw.until(wild, offences=1)
    live(world, 'Füllstand "7"'.encode(), "2001:db8:18::1")
    text = mqgate(world, "conn", "list")
    equal(len(text.splitlines()), 3, text)
    equal("\x1b" in text or "\x1b" in mqgate(world, "conn", "show", "all"), False, repr(text))
    equal('Füllstand "7"' in text, True, repr(text))
    equal({one["client_id"] for one in clients(world, "list")}, {None, 'Füllstand "7"'}, "JSON")


@test("mqgate status: the module's version, mode and number of clients")
def status():
    world = World()
    live(world, b"x")
    done = subprocess.run(command(world, "-j", "status"), capture_output=True, text=True)
    said = json.loads(done.stdout)["module"]
    equal((said["mode"], said["clients"], said["begun"], said["abi"]), ("observe", 1, 1, w.ABI),
          "said")
    text = subprocess.run(command(world, "status"), capture_output=True, text=True).stdout
    equal("mode observe: 1 clients" in text, True, text)


if not os.path.exists(MQGATE):
    w.skip_all(f"no {MQGATE}: make")
main()
