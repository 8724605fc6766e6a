# SPDX-License-Identifier: BSD-2-Clause
"""
The daemon and the module: what the module sees reaches the maps of XDP, and neither a daemon that
died, nor events that were lost, nor a module that comes and goes leaves a wrong verdict behind.
"""
import hashlib
import json
import signal
import socket

import gate as g
import world as w
from gate import Gate, connect, session
from world import CONNECT, ended, equal, main, take, test, wait


def ready(**how):
    gate = Gate(**how)
    gate.broker()
    gate.attach()
    gate.start()
    gate.settled()
    return gate


@test("a routed client that the broker accepts is ALLOWed; at its end the ALLOW goes")
def allow():
    gate = ready()
    sock = session(gate, b"pump-7")
    found = gate.until_allowed(sock)
    equal((found["identity"], found["service"]), (0, 1), "entry")
    sock.sendall(w.PINGREQ)
    equal(take(sock, 2), bytes.fromhex("d000"), "PINGRESP")
    equal(gate.allowed(sock)["packets"] > 0, True, "XDP passes it by that entry")
    port = sock.getsockname()[1]
    sock.sendall(bytes.fromhex("e000"))
    sock.close()
    gate.until_not_allowed(port)
    equal(gate.followed()["vouched"], 0, "vouched")


@test("mosquitto_sub and _pub through the gateway: ALLOWed while they live, over IPv6 too")
def real():
    gate = ready()
    for address in ("198.18.1.2", "2001:db8:19::2"):
        sub = gate.spawn("mosquitto_sub", "-h", address, "-i", "sub", "-t", address, "-C", "1",
                         namespace=gate.dev, stdout=-1)
        wait(lambda: len(gate.map("mqgate_allow")) == 1, "ALLOW of the subscriber")
        # Retained: the broker may not have the subscription yet.
        pub = gate.spawn("mosquitto_pub", "-h", address, "-t", address, "-m", "hello", "-r",
                         namespace=gate.dev)
        equal(pub.wait(w.LIMIT), 0, "pub")
        equal(sub.communicate(timeout=w.LIMIT)[0], b"hello\n", "sub")
        wait(lambda: not gate.map("mqgate_allow"), "no ALLOW")


@test("who is not accepted is not ALLOWed: half a CONNECT, a broker's no, a picked up flow")
def not_allowed():
    gate = Gate(module="mode: observe")
    old, at_old = gate.pair(gate.far, "198.18.1.2")
    gate.attach()
    w.unload()
    w.session(old, at_old)
    w.load()
    gate.start()
    gate.settled()
    listener = gate.far.listen("2001:db8:19::2")
    half, refused, good = (gate.dev.connect("2001:db8:19::2") for _ in range(3))
    # Handshakes may end in another order than they began.
    at = {}
    for _ in range(3):
        accepted, (_, port, *_) = listener.accept()
        at[port] = accepted
    half.sendall(CONNECT[:5])
    refused.sendall(CONNECT)
    broker = at[refused.getsockname()[1]]
    take(broker, len(CONNECT))
    broker.sendall(bytes.fromhex("20020005"))
    gate.gw.until(refused, phase="refused")
    exchange(gate, old, at_old)
    w.session(good, at[good.getsockname()[1]])
    gate.until_allowed(good)
    equal([key["sport"] for key, _ in gate.map("mqgate_allow")], [good.getsockname()[1]],
          "ALLOWed")


def exchange(gate, sock, other):
    """Speaks both ways until the module has picked the flow up."""
    def picked_up():
        sock.sendall(w.PINGREQ)
        take(other, 2)
        other.sendall(bytes.fromhex("d000"))
        take(sock, 2)
        return gate.gw.client(sock)
    wait(picked_up, lambda: f"picked up: {gate.gw.table()}")


@test("a violation that is dropped ends the ALLOW, makes the flow REFUSED and weighs")
def violation():
    gate = ready(module="mode: enforce")
    sock = session(gate, b"pump-7")
    gate.until_allowed(sock)
    sock.sendall(CONNECT)
    flow = gate.until_refused(sock)
    equal(flow["reason"], "MQGATE_REASON_CONNECT_AGAIN", "reason")
    equal(gate.allowed(sock), None, "ALLOW")
    equal(ended(sock), "reset", "the client")
    said = gate.why()
    equal([(one["reason"], one["points"]) for one in said["evidence"]],
          [("connect-again", 25)], "evidence")
    equal([(one["reason"], one["client_id"]) for one in said["violations"]],
          [("connect-again", "pump-7")], "violations")
    equal(gate.metric('module_violations_total{service="mqtt",reason="connect-again",'
                      'verdict="dropped"}'), 1, "metric")


@test("five violations ban their source: its SYN does not come through, a neighbour's does")
def ban():
    gate = ready(module="mode: enforce")
    gate.dev.ip("addr add 198.18.0.3/24 dev dev0")
    # Four make a hundred points, less what decays between the first and the last.
    for number in range(5):
        sock = session(gate, b"bad%d" % number)
        sock.sendall(CONNECT)
        gate.until_refused(sock)
    wait(lambda: gate.why()["verdict"], lambda: f"a ban: {gate.why()}")
    equal((gate.why()["verdict"]["action"], gate.why()["verdict"]["reason"]),
          ("drop", "connect-again"), "verdict")
    session(gate, b"neighbour", source=("198.18.0.3", 0))
    with gate.dev:
        sock = socket.socket()
    w.undo.append(sock.close)
    sock.settimeout(0.5)
    try:
        sock.connect(("198.18.1.2", 1883))
    except OSError:
        return
    raise AssertionError("the banned source connects")


@test("a violation that is only observed weighs and is counted; the ALLOW stays")
def observed():
    gate = ready(module="mode: observe")
    sock = session(gate, b"pump-7")
    gate.until_allowed(sock)
    sock.sendall(CONNECT)
    wait(lambda: gate.why()["violations"], "the violation")
    said = gate.why()
    equal([one["reason"] for one in said["evidence"]], ["connect-again"], "evidence")
    equal(said["refusals"], [], "refusals")
    flow = gate.entry("mqgate_flows", sock)
    equal(flow["state"] if flow else None, "MQGATE_FLOW_SEEN", "XDP")
    equal(gate.metric('module_violations_total{service="mqtt",reason="connect-again",'
                      'verdict="observed"}'), 1, "metric")


@test("mqgate conn kill of a routed client reaches XDP: no ALLOW, REFUSED, and no evidence")
def kill():
    gate = ready()
    sock, other = session(gate, b"pump-7"), session(gate, b"pump-8")
    gate.until_allowed(sock)
    gate.until_allowed(other)
    gate.mqgate("conn", "kill", "id", "pump-7")
    equal(gate.until_refused(sock)["reason"], "MQGATE_REASON_OPERATOR", "reason")
    equal(gate.allowed(sock), None, "ALLOW")
    equal(ended(sock), "reset", "the client")
    equal((gate.why()["score"], gate.why()["evidence"]), (0, []), "score")
    other.sendall(w.PINGREQ)
    equal(take(other, 2), bytes.fromhex("d000"), "the other one lives")
    equal(gate.allowed(other) is None, False, "and keeps its ALLOW")


@test("a client of the daemon's own listener: a kill in the module ends the proxy's session")
def kill_local():
    gate = ready()
    sock = session(gate, b"own", "198.18.0.1", 2883)
    gate.until_allowed(sock)
    equal(gate.followed()["bound"], 1, "known")
    gate.mqgate("conn", "kill", "id", "own")
    gate.until_refused(sock)
    wait(lambda: not gate.ask(do="sessions")["sessions"], "the session's end")
    gate.until_not_allowed(sock.getsockname()[1])
    equal(ended(sock), "reset", "the client")


def listed(gate, **fields):
    """The clients of TLS services as `mqgate conn list` tells them, once all fields are so."""
    def there():
        found = [one for one in json.loads(gate.mqgate("-j", "conn", "list"))
                 if one["dport"] == 8883]
        return [one for one in found if fields.items() <= one.items()]
    return wait(there, lambda: f"{fields}: {gate.mqgate('-j', 'conn', 'list')}")


def tls_gate(device, **how):
    gate = Gate()
    context = gate.tls(device, **how)
    gate.broker()
    gate.attach()
    gate.start()
    return gate, context


@test("a TLS device shows identity, client id, level, keep alive and phase; a later module too")
def tls():
    gate, context = tls_gate("pump-7")
    gate.settled()
    sock = session(gate, b"pump-7", "198.18.0.1", 8883, context=context, keep_alive=33)
    number = int.from_bytes(hashlib.sha256(b"pump-7").digest()[:4], "big")
    wanted = dict(identity=number, client_id="pump-7", level=4, keep_alive=33, phase="connected",
                  sport=sock.getsockname()[1], offences=0)
    equal(len(listed(gate, **wanted)), 1, "clients")
    w.unload()
    wait(lambda: not gate.followed()["followed"], "without the module")
    w.load()
    gate.settled()

    def spoken():
        sock.sendall(w.PINGREQ)
        equal(take(sock, 2), bytes.fromhex("d000"), "PINGRESP")
        return gate.gw.client(sock)
    wait(spoken, "the module picks it up")
    equal(len(listed(gate, **wanted)), 1, "clients")


@test("a TLS client that is silent for 1.5 keep alives: the module sees it, the daemon acts")
def tls_silent():
    gate, context = tls_gate("pump-8", module="mode: observe")
    gate.settled()
    sock = session(gate, b"pump-8", "198.18.0.1", 8883, context=context, keep_alive=2)
    listed(gate, client_id="pump-8", keep_alive=2, offences=0)
    for _ in range(4):
        equal(w.quiet(sock, 1), True, "an early end")
        sock.sendall(w.PINGREQ)
        equal(take(sock, 2), bytes.fromhex("d000"), "PINGRESP")
    equal(gate.gw.counter("late-keep-alive"), 0, "late")
    # Awake, the daemon ends the session before the module looks.
    gate.daemon.send_signal(signal.SIGSTOP)
    wait(lambda: gate.gw.counter("late-keep-alive"), "the offence")
    gate.daemon.send_signal(signal.SIGCONT)
    sock.settimeout(20)
    equal(sock.recv(1), b"", "what the client is told")
    wait(lambda: [one for one in gate.why()["violations"]
                  if (one["reason"], one["client_id"]) == ("keep-alive", "pump-8")],
         lambda: f"the violation: {gate.why()}")


@test("ATTACKS 32: a daemon killed by KILL and started again keeps the ALLOW of who lives")
def restart():
    gate = ready()
    lives, dies = session(gate, b"lives"), session(gate, b"dies")
    for sock in (lives, dies):
        gate.until_allowed(sock)
    lives.sendall(w.PINGREQ)
    take(lives, 2)
    packets = gate.allowed(lives)["packets"]
    gate.kill()
    port = dies.getsockname()[1]
    dies.close()
    gate.gw.until_gone(("", port))
    equal(gate.allowed(port) is None, False, "nobody has taken it away")
    gate.start()
    equal(gate.allowed(port), None, "of the dead flow")
    kept = gate.allowed(lives)
    equal(kept is not None and kept["packets"] >= packets > 0, True, f"kept: {kept}")
    newcomer = session(gate, b"new")
    gate.until_allowed(newcomer)


@test("ATTACKS 32: events are lost while the daemon stands still, and a dump makes good for them")
def lost():
    gate = ready(module="events_buffer: 4096")
    stays, goes = session(gate, b"stays"), session(gate, b"goes")
    for sock in (stays, goes):
        gate.until_allowed(sock)
    gate.daemon.send_signal(signal.SIGSTOP)
    port = goes.getsockname()[1]
    crowd = [session(gate, b"crowd%d" % n) for n in range(12)]
    goes.close()
    gate.gw.until_gone(("", port))
    comes = session(gate, b"comes")
    gate.daemon.send_signal(signal.SIGCONT)
    gate.until_allowed(comes)
    gate.until_not_allowed(port)
    gate.settled()
    for sock in [stays, *crowd]:
        equal(gate.allowed(sock) is None, False, f"ALLOW of {sock.getsockname()}")
    said = gate.followed()
    equal((said["losses"] > 0, said["rebuilds"] > 1, said["vouched"]), (True, True, 14), said)


@test("the module goes and comes under a running daemon: nothing vouched for is left, then all is")
def reload():
    gate = ready()
    sock = session(gate, b"pump-7")
    gate.until_allowed(sock)
    w.unload()
    gate.until_not_allowed(sock)
    equal(gate.followed()["followed"], False, "followed")
    sock.sendall(w.PINGREQ)
    equal(take(sock, 2), bytes.fromhex("d000"), "without the module it goes on")
    w.load()
    gate.settled()
    newcomer = session(gate, b"new")
    gate.until_allowed(newcomer)
    equal(gate.allowed(sock), None, "a flow older than the module is not vouched for")


@test("without the module the daemon works as ever, and takes it when it comes")
def comes():
    w.unload()
    gate = Gate()
    gate.broker()
    gate.attach()
    gate.start()
    equal((gate.followed()["followed"], gate.metric("module_followed")), (False, 0), "module")
    own = session(gate, b"own", "198.18.0.1", 2883)
    gate.until_allowed(own)
    session(gate, b"routed")
    w.load()
    gate.settled()
    gate.until_allowed(session(gate, b"after"))


@test("module.use off: nothing of the module is used or changed")
def off():
    gate = Gate(module="use: off", mark=7)
    gate.broker()
    gate.attach()
    gate.start()
    sock = session(gate, b"pump-7")
    gate.gw.until(sock, phase="connected")
    equal(gate.followed()["use"], "off", "use")
    equal(gate.map("mqgate_allow"), [], "ALLOW")


@test("ATTACKS 20: a source with more sessions than the configured limit gathers evidence")
def sources():
    gate = ready(module="source_sessions: 2")
    for number in range(2):
        session(gate, b"in%d" % number)
    wait(lambda: gate.followed()["vouched"] == 2, "two sessions")
    equal(gate.why()["evidence"], [], "at the limit")
    session(gate, b"over")
    wait(lambda: gate.why()["evidence"], "evidence")
    found = gate.why()["evidence"][-1]
    equal((found["reason"], found["points"]), ("source-sessions", 10), "evidence")
    equal(gate.why()["verdict"], None, "with live sessions it is not banned")


def settings(gate):
    import genl
    return genl.Genl(gate.gw).ask("settings-get")[0]["settings"]


@test("the daemon gives services, mark and mode, leaves the other settings, and stays by them dead")
def push():
    gate = Gate(module="mode: enforce", idle_timeout=77, mark=1)
    gate.attach()
    gate.start()
    gate.settled()
    said = settings(gate)
    equal((said["enforce"], said["mark"], said["idle-timeout"]), (1, 0x6d71, 77), "settings")
    equal(sorted((s["port"], s["number"], s["kind"]) for s in said["service"]),
          [(1883, 1, 1), (2883, 3, 1), (8883, 2, 2)], "services")
    gate.kill(signal.SIGTERM)
    equal(settings(gate), said, "after an orderly stop")
    gate.configure(module="use: auto")
    gate.start()
    gate.settled()
    equal(settings(gate)["enforce"], 1, "mode, where the configuration does not say one")


if g.missing():
    w.skip_all(g.missing())
main()
