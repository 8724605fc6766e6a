# SPDX-License-Identifier: BSD-2-Clause
"""Generic netlink: what the module answers, refuses and tells, and that /proc says the same."""
import errno
import os
import random
import resource
import socket
import struct
import time

import genl
import world as w
from genl import Genl, Refused, flow
from world import World, ended, equal, main, quiet, session, take, test, wait

PHASES = {"handshake": 1, "connect": 2, "connack": 3, "connected": 4}
REASON_OPERATOR, REASON_SCORE, ACTION_PASS = 198, 199, 1
ROUNDS = int(os.environ.get("MQGATE_FUZZ", "4000"))


def connect(name, keep_alive=60):
    body = b"\0\4MQTT\4\2" + struct.pack("!HH", keep_alive, len(name)) + name
    return bytes([0x10, len(body)]) + body


def live(world, name=b"dev", there=None):
    """A session of the gateway's own broker, or of one behind it: client, broker's end."""
    address = "198.18.1.2" if there else "198.18.0.1"
    client, accepted = world.pair(there or world.gw, address)
    session(client, accepted, connect(name))
    world.gw.until(client, phase="connected")
    return client, accepted


def found(talk, sock):
    return talk.ask("client-get", {"client": flow(sock)})[0]["client"]


def ports(talk, **filters):
    answer = talk.ask("client-get", {"filter": filters} if filters else {}, dump=True)
    return sorted(one["client"]["sport"] for one in answer)


@test("one client by its flow or its slot, with every field")
def get():
    world = World()
    talk = Genl(world.gw)
    client, accepted = live(world, b"thermometer")
    said = found(talk, client)
    for name, value in dict(flow(client), service=1, phase=PHASES["connected"], level=4,
                            id=b"thermometer", offences=0, identity=0, verdict=0).items():
        equal(said[name], value, name)
    equal((said["keep-alive"], said["connect-flags"]), (60, 2), "keep alive, CONNECT flags")
    equal((said["bytes-in"], said["bytes-out"]), (len(connect(b"thermometer")), 4), "bytes")
    equal(said["last"] >= said["first"] > 0, True, "clocks")
    again = talk.ask("client-get", {"client": {"slot": said["slot"]}})[0]["client"]
    equal((again["sport"], again["first"]), (said["sport"], said["first"]), "by slot")


@test("a client that is not there, or not named, is refused in words")
def get_refused():
    world = World()
    talk = Genl(world.gw)
    client, _ = live(world)
    key = flow(client)
    talk.refused(errno.EINVAL, "client-get")
    talk.refused(errno.EINVAL, "client-get", {"client": {}})
    talk.refused(errno.EINVAL, "client-get", {"client": {"sport": 1}})
    talk.refused(errno.ENOENT, "client-get", {"client": {"slot": 2**32 - 1}})
    talk.refused(errno.ENOENT, "client-get", {"client": dict(key, dport=1884)})
    talk.refused(errno.ESTALE, "client-get", {"client": dict(key, first=1)})
    talk.refused(errno.EINVAL, "client-get", {"client": key, "filter": {"phase": 1}})
    talk.refused(errno.EINVAL, "client-get", {"client": key}, dump=True)
    talk.refused(errno.EINVAL, "client-get", {"filter": {"prefix": 8}}, dump=True)


@test("strict: what a policy does not name, or not in this range, is refused in words")
def strict():
    world = World()
    talk = Genl(world.gw)
    client, _ = live(world)
    key = flow(client)
    for command, values, dump in (
            ("client-get", {"client": dict(key, identity=1)}, False),
            ("client-get", {"client": dict(key, saddr=b"\0" * 15)}, False),
            ("client-get", {"client": dict(key, sport=0)}, False),
            ("client-get", {"settings": {}}, False),
            ("client-get", {"filter": {"phase": 7}}, True),
            ("client-get", {"filter": {"saddr": b"\0" * 17}}, True),
            ("client-get", {"filter": {"saddr": b"\0" * 16, "prefix": 129}}, True),
            ("client-get", {"filter": {"id": b"x" * 257}}, True),
            ("client-kill", {"client": dict(key, slot=1)}, False),
            ("client-kill", {"client": dict(key, reason=15)}, False),
            ("client-kill", {"client": dict(key, reason=250)}, False),
            ("client-bind", {"client": dict(key, identity=1, verdict=5)}, False),
            ("client-bind", {"client": key}, False),
            *(("client-bind", {"client": dict(key, **wrong)}, False) for wrong in (
                dict(identity=1, level=2), dict(identity=1, level=6),
                dict(identity=1, id=b"x" * 257), {"identity": 1, "keep-alive": 5},
                dict(identity=0, id=b"x"), dict(identity=0, level=4), dict(identity=1, flags=128),
                dict(identity=1, id=b"x", flags=1), {"identity": 1, "connect-flags": 2})),
            ("settings-get", {"abi": 1}, False),
            ("stats-get", {"abi": 1}, False),
            ("stats-get", {"filter": {}}, True),
            ("settings-set", {}, False),
            ("settings-set", {"settings": {"enforce": 2}}, False)):
        try:
            talk.ask(command, values, dump)
        except Refused as no:
            equal(no.errno in (errno.EINVAL, errno.ERANGE), True, f"{command} {values}: {no}")
            equal(len(no.text) > 5, True, f"words for {command} {values}")
            continue
        raise AssertionError(f"{command} {values} was not refused")
    equal(found(talk, client)["phase"], PHASES["connected"], "phase after all that")


@test("a dump has those that match its filter, and no other")
def filters():
    world = World()
    talk = Genl(world.gw)
    world.dev.ip("addr add 198.18.0.77/24 dev dev0")
    listener = world.gw.listen("198.18.0.1")
    listener6 = world.gw.listen("2001:db8:18::1")
    tls = world.gw.listen("198.18.0.1", 8883)
    one = world.dev.connect("198.18.0.1", source=("198.18.0.2", 0))
    accepted = [listener.accept()[0]]
    session(one, accepted[0], connect(b"one"))
    two = world.dev.connect("198.18.0.1", source=("198.18.0.77", 0))
    six = world.dev.connect("2001:db8:18::1")
    accepted.append(listener6.accept()[0])
    session(six, accepted[-1], connect(b"six"))
    hello = world.dev.connect("198.18.0.1", 8883)
    a, b, c, d = (sock.getsockname()[1] for sock in (one, two, six, hello))
    world.gw.until(one, phase="connected")
    world.gw.until(six, phase="connected")
    wait(lambda: len(ports(talk)) == 4, "four clients")
    v4 = genl.address("198.18.0.2")
    equal(ports(talk), sorted([a, b, c, d]), "no filter")
    equal(ports(talk, saddr=v4), sorted([a, d]), "address")
    equal(ports(talk, saddr=v4, prefix=120), sorted([a, b, d]), "/24 of IPv4")
    equal(ports(talk, saddr=genl.address("2001:db8:18::"), prefix=64), [c], "/64")
    equal(ports(talk, saddr=v4, prefix=0), sorted([a, b, c, d]), "/0")
    equal(ports(talk, id=b"one"), [a], "client id")
    equal(ports(talk, id=b"on"), [], "part of a client id")
    equal(ports(talk, id=b""), [], "the empty client id, which nobody has")
    equal(ports(talk, phase=PHASES["connect"]), [b], "phase")
    equal(ports(talk, phase=PHASES["handshake"]), [d], "handshake")
    equal(ports(talk, service=2), [d], "service")
    equal(ports(talk, phase=PHASES["connected"], saddr=v4, prefix=96), [a], "all have to match")
    equal(ports(talk, **{"idle-over": 3600000}), [], "idle for an hour")
    wait(lambda: ports(talk, **{"idle-over": 1}) == sorted([a, b, c, d]), "idle for 1 ms")
    equal(len(Genl(world.far).ask("client-get", dump=True)), 0, "of another namespace")


@test("who lives throughout a dump is in it once, whoever comes and goes meanwhile")
def dump_consistent():
    resource.setrlimit(resource.RLIMIT_NOFILE, (4096, 4096))
    world = World()
    talk = Genl(world.gw)
    listener = world.gw.listen("198.18.0.1")
    stay, held, gone = [], [], []
    for number in range(700):
        client = world.dev.connect("198.18.0.1")
        (gone if number % 3 == 0 else stay).append(client)
        held.append(listener.accept()[0])
    wait(lambda: world.gw.counter("clients") == 700, "700 clients")
    talk.send(genl.NUMBERS["MQGATE_CMD_CLIENT_GET"], b"", genl.DUMP)
    seen, over, datagrams = [], False, 0
    while not over:
        datagrams += 1
        for kind, _, _, payload in talk.messages():
            over = over or kind == genl.DONE
            if kind != genl.DONE:
                seen.append(genl.decode(payload[4:])["client"]["sport"])
        for client in gone[:8]:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            client.close()
            held.append(world.dev.connect("198.18.0.1"))
        del gone[:8]
    equal(datagrams > 3, True, "several messages")
    for client in stay:
        equal(seen.count(client.getsockname()[1]), 1, "times in the dump")
    for end in held:
        end.close()


@test("kill resets both ends, local or routed, and says why")
def kill():
    world = World()
    talk, listen = Genl(world.gw), Genl(world.gw)
    listen.join()
    for there, reason in ((None, REASON_OPERATOR), (world.far, REASON_SCORE)):
        client, accepted = live(world, b"x", there)
        said = found(talk, client)
        key = dict(flow(client), first=said["first"] + 1)
        talk.refused(errno.ESTALE, "client-kill", {"client": key})
        client.sendall(w.PINGREQ)
        equal(take(accepted, 2), w.PINGREQ, "it lives")
        key["first"] -= 1
        if reason != REASON_OPERATOR:
            key["reason"] = reason
        talk.ask("client-kill", {"client": key})
        equal((ended(client), ended(accepted)), ("reset", "reset"), "both ends")
        port = client.getsockname()[1]
        events = listen.events(lambda _, event: event["client"]["phase"] == 6 and
                               event["client"]["sport"] == port)
        equal(events[-1][1]["client"]["reason"], reason, "reason")


@test("bind: an identity and a verdict, seen by all; of a TLS client the end of the handshake")
def bind():
    world = World()
    talk = Genl(world.gw)
    client, _ = world.pair(world.gw, "198.18.0.1", 8883)
    world.gw.until(client, phase="handshake")
    talk.ask("client-bind", {"client": dict(flow(client), identity=77, verdict=ACTION_PASS)})
    said = found(talk, client)
    equal((said["identity"], said["verdict"], said["phase"]), (77, 1, PHASES["connected"]),
          "bound")
    equal(said["flags"] & 0x10, 0x10, "flag bound")
    equal(world.gw.client(client)["identity"], "77", "in /proc")
    talk.ask("client-bind", {"client": dict(flow(client), identity=0)})
    said = found(talk, client)
    equal((said["identity"], said["verdict"], said["flags"] & 0x10), (0, 0, 0), "taken away")


def bind_as(talk, client, number, **said):
    said = {name.replace("_", "-"): value for name, value in said.items()}
    talk.ask("client-bind", {"client": dict(flow(client), identity=number, verdict=ACTION_PASS,
                                            **said)})
    return found(talk, client)


@test("bind: client id, level and keep alive of a TLS client are shown, found and told")
def bind_said():
    world = World()
    talk, listen = Genl(world.gw), Genl(world.gw)
    listen.join()
    client, _ = world.pair(world.gw, "198.18.0.1", 8883)
    world.gw.until(client, phase="handshake")
    said = bind_as(talk, client, 77, id=b"pump-7", level=5, keep_alive=33, flags=0)
    equal((said["id"], said["level"], said["keep-alive"], said["flags"] & 0x80),
          (b"pump-7", 5, 33, 0), "bound")
    equal(world.gw.client(client)["id"], '"pump-7"', "in /proc")
    equal(ports(talk, id=b"pump-7"), [client.getsockname()[1]], "by its id")
    event = listen.events(lambda _, event: event["client"]["phase"] == 4)[-1][1]["client"]
    equal((event["id"], event["level"]), (b"pump-7", 5), "in the event of its phase")
    said = bind_as(talk, client, 78, id=b"other", level=4, keep_alive=44)
    equal((said["identity"], said["id"], said["level"], said["keep-alive"]),
          (78, b"pump-7", 4, 44), "bound anew: the identifier stays")
    talk.ask("client-bind", {"client": dict(flow(client), identity=0)})
    equal(found(talk, client)["id"], b"pump-7", "id of who is not bound any more")
    cut, _ = world.pair(world.gw, "2001:db8:18::1", 8883)
    world.gw.until(cut, phase="handshake")
    said = bind_as(talk, cut, 79, id=b"x" * 256, flags=0x80)
    equal((said["id"], said["flags"] & 0x80, said["level"]), (b"x" * 256, 0x80, 0), "one cut")


@test("bind: what the module has read in a CONNECT itself stays")
def bind_read():
    world = World()
    talk = Genl(world.gw)
    client, _ = live(world, b"dev")
    said = bind_as(talk, client, 77, id=b"other", level=5, keep_alive=1)
    equal((said["identity"], said["id"], said["level"], said["keep-alive"]),
          (77, b"dev", 4, 60), "bound")
    early, accepted = world.pair(world.gw, "2001:db8:18::1")
    world.gw.until(early, phase="connect")
    said = bind_as(talk, early, 78, id=b"other", level=5)
    equal(("id" in said, said["level"]), (False, 0), "before its CONNECT")
    session(early, accepted, connect(b"own"))
    world.gw.until(early, phase="connected")
    equal(found(talk, early)["id"], b"own", "its own")


@test("bind: a TLS client takes an identifier over as a plain one does")
def bind_takes():
    world = World()
    talk = Genl(world.gw)
    world.dev.ip("addr add 198.18.0.77/24 dev dev0")
    listener = world.gw.listen("198.18.0.1", 8883)
    clients = [world.dev.connect("198.18.0.1", 8883, source=(source, 0))
               for source in ("198.18.0.2", "198.18.0.77", "198.18.0.77")]
    flags = []
    for number, client in enumerate(clients, 1):
        w.undo.append(listener.accept()[0].close)
        world.gw.until(client, phase="handshake")
        flags.append(bind_as(talk, client, number, id=b"pump", level=4)["flags"] & 0x900)
    equal(flags, [0, 0x100, 0x800], "first, taken from elsewhere, reconnect")
    equal(bind_as(talk, clients[0], 1, id=b"pump", level=4)["flags"] & 0x900, 0,
          "bound anew it takes nothing")


@test("bind: the keep alive of a TLS client runs from its last payload, not before it was bound")
def bind_keep_alive():
    world = World()
    talk = Genl(world.gw)
    client, accepted = world.pair(world.gw, "198.18.0.1", 8883)
    world.gw.until(client, phase="handshake")
    bind_as(talk, client, 77, id=b"pump", level=4)
    wait(lambda: found(talk, client)["idle"] > 3500, "silence")
    begin = time.monotonic()
    bind_as(talk, client, 77, id=b"pump", level=4, keep_alive=2)
    wait(lambda: world.gw.counter("late-keep-alive"), "the deadline")
    equal(time.monotonic() - begin > 2.5, True, "one and a half keep alives since it was bound")
    before = world.gw.counter("late-keep-alive")
    for _ in range(6):
        client.sendall(b"\x17\x03\x03\0\x01x")
        take(accepted, 6)
        equal(quiet(client, 0.8), True, "an early end")
        # The same once more changes nothing.
        bind_as(talk, client, 77, id=b"pump", level=4, keep_alive=2)
    equal(world.gw.counter("late-keep-alive"), before, "late while it speaks")
    for _ in range(40):
        bind_as(talk, client, 77, id=b"pump", level=4, keep_alive=2)
        if world.gw.counter("late-keep-alive") > before:
            return
        equal(quiet(client, 0.25), True, "an end")
    raise AssertionError("being bound again and again, it is never late")


def settings(talk):
    return talk.ask("settings-get")[0]["settings"]


@test("settings are changed as a whole or not at all, in one namespace, and at once")
def settings_set():
    world = World()
    talk = Genl(world.gw)
    before = settings(talk)
    equal(talk.ask("settings-get")[0]["abi"], w.ABI, "ABI")
    equal((before["enforce"], before["reset"]), (0, 1), "defaults")
    equal([one["port"] for one in before["service"]], [1883, 8883], "ports")
    for wrong in ({"connect-timeout": 1}, {"max-clients": 0}, {"packet-max": 2**28},
                  {"idle-timeout": 2**31}, {"keep-alive-cap": 65536},
                  {"service": [{"port": 1, "number": 1}]},
                  {"service": [{"port": 5, "number": 3, "kind": 1}] * 2},
                  {"service": [{"port": 5, "number": 32, "kind": 1}]},
                  {"service": [{"port": n, "number": 1, "kind": 1} for n in range(1, 33)]}):
        try:
            talk.ask("settings-set", {"settings": dict({"enforce": 1}, **wrong)})
            raise AssertionError(f"{wrong} was not refused")
        except Refused as no:
            equal(len(no.text) > 5, True, f"words for {wrong}: {no}")
        equal(settings(talk), before, f"settings after {wrong}")
    wanted = {"enforce": 1, "reset": 0, "max-clients": 5, "connect-timeout": 1000,
              "connack-timeout": 2000, "closing-timeout": 3000, "idle-timeout": 4,
              "keep-alive-cap": 5, "packet-max": 6000, "mark": 7, "source-sessions": 8,
              "source-connect-rate": 9,
              "service": [{"port": 1999, "number": 9, "kind": 1, "observe": 1}]}
    talk.ask("settings-set", {"settings": wanted})
    equal(settings(talk), wanted, "settings")
    equal(settings(Genl(world.far)), before, "settings of another namespace")
    client, _ = world.pair(world.gw, "198.18.0.1", 1999)
    world.gw.until(client, service="9")


@test("counters: those of /proc; MQTT packets by service and type")
def stats():
    world = World()
    talk = Genl(world.gw)
    client, accepted = live(world)
    client.sendall(w.PINGREQ)
    take(accepted, 2)
    said = talk.ask("stats-get")[0]["stats"]
    counters = {one["name"]: one["value"] for one in said["counter"]}
    equal(said["clients"], 1, "clients")
    for name, value in counters.items():
        equal(world.gw.counter(name), value, name)
    equal(counters["begun"], 1, "begun")
    services = {one["service-stats"]["number"]: one["service-stats"]
                for one in talk.ask("stats-get", dump=True)}
    equal(sorted(services), [1, 2], "services")
    equal((services[1]["begun"], services[2]["begun"]), (1, 0), "begun by service")
    equal((services[1]["packets-in"][1], services[1]["packets-in"][12]), (1, 1),
          "CONNECT, PINGREQ")
    equal(services[1]["packets-out"][2], 1, "CONNACK")


@test("events tell begin, each phase, violation and end in order, numbered without a gap")
def events():
    world = World()
    listen = Genl(world.gw)
    listen.join()
    client, accepted = live(world, b"talker")
    client.close()
    accepted.close()
    seen = listen.events(lambda name, _: name == "end")
    bad, other = world.pair(world.gw, "2001:db8:18::1")
    bad.sendall(w.PINGREQ)
    take(other, 2)
    seen += listen.events(lambda name, _: name == "violation")
    numbers = [event["event"]["seq"] for _, event in seen]
    equal(numbers, list(range(numbers[0], numbers[0] + len(seen))), "numbers")
    port = seen[0][1]["client"]["sport"]
    mine = [(name, event) for name, event in seen if event["client"]["sport"] == port]
    equal([name for name, _ in mine][:3] + [mine[-1][0]], ["begin", "phase", "phase", "end"],
          "what happened")
    equal([event["event"].get("before") for _, event in mine[1:3]],
          [PHASES["connect"], PHASES["connack"]], "phases left")
    equal(mine[2][1]["client"]["id"], b"talker", "client id")
    last = seen[-1][1]
    equal((last["event"]["direction"], last["event"]["dropped"]), (0, 0), "violation")
    equal(last["event"]["reason"], last["client"]["reason"], "reason")


@test("lost events are told: ENOBUFS, and a gap in the numbers")
def events_lost():
    world = World()
    listen = Genl(world.gw, buffer=4096)
    listen.join()
    listener = world.gw.listen("198.18.0.1")
    for _ in range(60):
        client = world.dev.connect("198.18.0.1")
        listener.accept()[0].close()
        client.close()
    numbers, told = [], 0
    world.pair(world.gw, "198.18.0.1", 8883)
    total = Genl(world.gw).ask("stats-get")[0]["stats"]["events"]
    listen.sock.settimeout(0.5)
    while True:
        try:
            for _, _, _, payload in listen.messages():
                numbers.append(genl.decode(payload[4:])["event"]["seq"])
        except TimeoutError:
            break
        except OSError as wrong:
            equal(wrong.errno, errno.ENOBUFS, "errno")
            told += 1
    equal(told >= 1, True, "ENOBUFS")
    equal(numbers, sorted(numbers), "order")
    equal(len(numbers) < total, True, "lost by the numbers")


@test("ATTACKS 31: without CAP_NET_ADMIN no client is shown, killed or bound, no event heard")
def unprivileged():
    world = World()
    client, _ = live(world)
    key = flow(client)
    talk = Genl(world.gw)
    before = settings(talk)
    # The kernel asks for the rights of who opened the socket and of who speaks.
    with world.gw:
        child = os.fork()
        if not child:
            os._exit(unprivileged_child(world, key))
    equal(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), 0, "the unprivileged one")
    equal((settings(talk), found(talk, client)["identity"]), (before, 0), "unchanged")


def unprivileged_child(world, key):
    os.setgroups([])
    os.setgid(65534)
    try:
        talk = Genl.__new__(Genl)
        os.setuid(65534)
        Genl.__init__(talk, Here())
        settings(talk)
        for command, values, dump in (
                ("client-get", {"client": key}, False), ("client-get", {}, True),
                ("client-kill", {"client": key}, False),
                ("client-bind", {"client": dict(key, identity=5)}, False),
                ("settings-set", {"settings": {"enforce": 1}}, False)):
            try:
                talk.ask(command, values, dump)
                print(f"# {command} was answered")
                return 1
            except Refused as no:
                equal(no.errno, errno.EPERM, command)
        try:
            talk.join()
            print("# joined the group")
            return 1
        except PermissionError:
            return 0
    except Exception as wrong:
        print(f"# {wrong!r}", flush=True)
        return 2


class Here:
    """Where the process is already."""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass


@test("/proc escapes client identifiers: one line a client, whatever it calls itself")
def proc_escapes():
    world = World()
    name = 'a b="\\ü'.encode()
    client, _ = live(world, name)
    lines = [line for line in world.gw.table().splitlines() if not line.startswith("#")]
    equal(len(lines), 1, "lines")
    said = world.gw.client(client)["id"]
    equal(said, '"a\\x20b=\\x22\\x5c\\xc3\\xbc"', "id")
    equal(found(Genl(world.gw), client)["id"], name, "by netlink as it is")


@test("ATTACKS 31: attributes short, huge, cut off, too deep: refused; twice: the last one counts")
def crooked():
    world = World()
    talk = Genl(world.gw)
    client, _ = live(world)
    key = flow(client)
    get, kill = (genl.NUMBERS["MQGATE_CMD_CLIENT_" + name] for name in ("GET", "KILL"))
    outer, sport = genl.number_of("mqgate", "client"), genl.number_of("client", "sport")
    whole = genl.encode(key, "client")

    def nest(body, length=None):
        return struct.pack("HH", length or 4 + len(body), outer | genl.NESTED) + body

    deep = whole
    for _ in range(200):
        deep = struct.pack("HH", 4 + len(deep), outer | genl.NESTED) + deep
    for what, data in {
            "a header that is cut off": b"\x08\0",
            "a length below the header's": struct.pack("HH", 3, outer | genl.NESTED),
            "a length beyond the message": nest(whole, 4 + len(whole) + 64),
            "a length beyond the nest": nest(whole + struct.pack("HH", 400, sport)),
            "bytes behind the last": nest(whole) + b"\1\2\3\4\5\6",
            "an address that is short": nest(genl.encode(dict(key, saddr=b"\1" * 15), "client")),
            "a port that is short": nest(whole + struct.pack("HHBBH", 5, sport, 7, 0, 0)),
            "a port that is long": nest(whole + genl.attribute(sport, b"\1" * 8)),
            "an address of 60 kB": nest(genl.encode(dict(key, saddr=b"\1" * 60000), "client")),
            "no nest where one is": genl.attribute(outer, b""),
            "two hundred nests": deep}.items():
        for command in get, kill:
            try:
                talk.exchange(command, data, 0)
            except Refused as no:
                equal(no.errno in (errno.EINVAL, errno.ERANGE), True, f"{what}: {no}")
                continue
            raise AssertionError(f"{what} was not refused")
    for what, data, wanted in (
            ("a port twice", nest(genl.attribute(sport, b"\1\0") + whole), None),
            ("a port twice, the last a lie", nest(whole + genl.attribute(sport, b"\1\0")),
             errno.ENOENT),
            ("a client twice", nest(genl.encode(dict(key, sport=1), "client")) + nest(whole),
             None)):
        try:
            talk.exchange(get, data, 0)
            got = None
        except Refused as no:
            got = no.errno
        equal(got, wanted, what)
    equal(found(talk, client)["phase"], PHASES["connected"], "the client, after all that")


def noise(rng, key):
    """Attributes that are nearly right."""
    def payload():
        return rng.choice((rng.randbytes(rng.choice((0, 1, 2, 3, 4, 8, 16, 17, 256, 300))),
                           key["saddr"], struct.pack("H", key["sport"]), struct.pack("I", 1)))

    def some(depth):
        data = b""
        for _ in range(rng.randrange(6)):
            kind = rng.randrange(28) | rng.choice((0, 0, genl.NESTED, 0x4000))
            inner = some(depth + 1) if depth < 3 and rng.random() < 0.5 else payload()
            one = bytearray(genl.attribute(kind, inner))
            if rng.random() < 0.1:
                struct.pack_into("H", one, 0, rng.choice((0, 3, 5, 65535, len(one) + 4)))
            data += bytes(one)
        return data

    outer = rng.choice(range(1, 11))
    if rng.random() < 0.5:
        return some(0)
    return genl.attribute(outer | genl.NESTED, some(1))


@test("ATTACKS 31: random messages: the kernel answers each, and keeps answering sense")
def fuzz():
    seed = int(os.environ.get("MQGATE_SEED", "0")) or random.randrange(2**32)
    print(f"# MQGATE_SEED={seed}, {ROUNDS} messages", flush=True)
    rng = random.Random(seed)
    world = World()
    # What happens to make sense is done: settings that would end the client are another's.
    there, elsewhere = Genl(world.gw), Genl(world.far)
    client, accepted = live(world)
    key = flow(client)
    refused = 0
    for _ in range(ROUNDS):
        command = rng.choice((1, 1, 2, 3, 4, 5, 6, 12, 12, 0, 7, 14, 255))
        flags = rng.choice((0, 0, genl.DUMP, 0x100, 0x200))
        data = noise(rng, key)
        if rng.random() < 0.05:
            data = data[:rng.randrange(len(data) + 1)]
        talk = elsewhere if command == genl.NUMBERS["MQGATE_CMD_SETTINGS_SET"] else there
        talk.send(command, data, flags | genl.ACK)
        over = False
        while not over:
            for kind, _, sequence, payload in talk.messages():
                if sequence == talk.sequence and kind in (genl.ERROR, genl.DONE):
                    over = True
                    refused += bool(struct.unpack_from("i", payload)[0])
    equal(refused > ROUNDS / 2, True, "most are refused")
    equal(len(there.ask("client-get", dump=True)), 1, "clients")
    equal(found(there, client)["id"], b"dev", "the client")
    client.sendall(w.PINGREQ)
    equal(take(accepted, 2), w.PINGREQ, "its session")


main()
