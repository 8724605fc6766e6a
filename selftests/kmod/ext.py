# SPDX-License-Identifier: BSD-2-Clause
"""XDP asks the module about routed flows: mqgate module link and unlink, and what is decided then.
Each decision is one that the program alone would not take; where it could, the test shows that."""
import json
import os
import shutil
import subprocess
import tempfile

from world import (ACK, CONNECT, PINGREQ, PUBLISH, TOP, Raw, World, equal, load, loaded, main,
                   quiet, run, sequence, session, take, test, undo, unload, wait)

COMMAND = os.path.join(os.environ.get("MQGATE_BUILD", os.path.join(TOP, "build")), "mqgate")
ROUNDS = int(os.environ.get("MQGATE_RELOADS", "10"))
GARBAGE = b"GET / HTTP/1.0\r\n\r\n"
FAR, FAR6 = "198.18.1.2", "2001:db8:19::2"
STRICT = 1


class Rig(World):
    """A world whose gateway has the program on gw0, with pins of its own."""

    def __init__(self, attach=True, link=True, strict=False, mtu=None, **parameters):
        super().__init__(**parameters)
        self.pins = f"/sys/fs/bpf/mqg-{os.getpid()}-{self.gw.name[-4:].strip('-')}"
        self.run_dir = tempfile.mkdtemp(prefix="mqg-")
        undo.append(self.remove_pins)
        if mtu:
            self.dev.ip(f"link set dev0 mtu {mtu}")
            self.gw.ip(f"link set gw0 mtu {mtu}")
        if attach:
            self.attach(link, strict)

    def attach(self, link=True, strict=False):
        self.done("attach", "gw0")
        if strict:
            self.service_flags(STRICT)
        if link:
            self.done("module", "link")

    def remove_pins(self):
        shutil.rmtree(self.pins, ignore_errors=True)
        shutil.rmtree(self.run_dir, ignore_errors=True)

    def mqgate(self, *words):
        """(exit code, all that it said)"""
        env = dict(os.environ, MQGATE_BPFFS=self.pins, MQGATE_RUN=self.run_dir)
        with self.gw:
            did = subprocess.run((COMMAND, *words), env=env, text=True,
                                 stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        return did.returncode, did.stdout

    def done(self, *words):
        code, said = self.mqgate(*words)
        equal(code, 0, f"mqgate {' '.join(words)}: {said}")
        return said

    def refused(self, words, *because):
        code, said = self.mqgate(*words)
        equal(code, 1, said)
        for part in because:
            equal(part in said, True, f"{part!r} in {said!r}")

    def bpftool(self, *words):
        return json.loads(run("bpftool", "-j", *words) or "null")

    def service_flags(self, flags, number=1):
        pinned = ("pinned", f"{self.pins}/mqgate_svc")
        size = self.bpftool("map", "show", *pinned)["bytes_value"]
        value = bytearray(size)
        value[24:28] = flags.to_bytes(4, "little")
        run("bpftool", "map", "update", *pinned, "key", str(number), "0", "0", "0", "value",
            *(str(byte) for byte in value))

    def meet(self, listener):
        """One more connection to a listener: both ends."""
        client = self.dev.connect(*listener.getsockname()[:2])
        accepted, _ = listener.accept()
        accepted.settimeout(10)
        undo.append(accepted.close)
        return client, accepted

    def flows(self):
        """What XDP itself remembers: states by flow."""
        entries = self.bpftool("map", "dump", "pinned", f"{self.pins}/mqgate_flows")
        return [entry["formatted"]["value"]["state"] for entry in entries]

    def count(self, reason):
        return sum(s["packets"] for s in json.loads(self.done("-j", "stats"))
                   if s["reason"] == reason)

    def until(self, reason, least=1):
        wait(lambda: self.count(reason) >= least, lambda: f"{reason} in {self.done('stats')}")

    def linked(self):
        return json.loads(self.mqgate("-j", "status")[1])["module"]["linked"]


def users():
    with open("/sys/module/mqgate/refcnt") as file:
        return int(file.read())


def again():
    if not loaded():
        load()


def defaults():
    unload()
    load()


def in_use():
    try:
        run("rmmod", "mqgate")
    except AssertionError as said:
        return "in use" in str(said)
    return False


# ---- link and unlink -------------------------------------------------------------------------

@test("link where nothing is attached says what to do first")
def not_attached():
    rig = Rig(attach=False)
    rig.refused(("module", "link"), "nothing is attached", "mqgate attach IF")
    equal("not linked" in rig.done("module", "unlink"), True, "unlink has nothing to do")


@test("linked, the module is in use; linked again, nothing changes; status tells")
def link():
    rig = Rig(link=False)
    equal((users(), rig.linked()), (0, False), "before")
    equal(json.loads(rig.done("-j", "module", "link")), {"linked": True, "already": False})
    equal((users(), rig.linked()), (2, True), "a flavour each")
    equal(in_use(), True, "rmmod answers in use")
    equal(json.loads(rig.done("-j", "module", "link")), {"linked": True, "already": True})
    equal(users(), 2, "once is enough")
    equal("linked: XDP asks it" in rig.done("status"), True, "status")


@test("unlinked, the module may go at once; then link says that it is not loaded")
def unlink():
    undo.append(again)
    rig = Rig()
    said = json.loads(rig.done("-j", "module", "unlink"))
    equal((said["linked"], said["already"]), (False, False), "unlink")
    equal((users(), rig.linked()), (0, False), "after")
    run("rmmod", "mqgate")
    rig.refused(("module", "link"), "not loaded", "modprobe mqgate")
    equal(json.loads(rig.done("-j", "module", "unlink"))["already"], True, "once more")


@test("a program attached anew is linked as the one before it was")
def attach_again():
    rig = Rig()
    rig.done("detach", "gw0", "keep")
    rig.done("attach", "gw0")
    equal((rig.linked(), users()), (True, 2), "linked")
    client, accepted = rig.pair(rig.far, FAR)
    client.sendall(GARBAGE)
    rig.until("mqtt-not-connect")
    equal(quiet(accepted), True, "dropped by the extension")
    rig.done("detach", "all")
    wait(lambda: users() == 0, "the module let go with the last pin")


@test("ATTACKS 31: loaded and unloaded again and again under an attached program and traffic")
def reload():
    undo.append(again)
    rig = Rig()
    client, accepted = rig.pair(rig.far, FAR)
    session(client, accepted)
    for _ in range(ROUNDS):
        rig.done("module", "unlink")
        run("rmmod", "mqgate")
        client.sendall(PINGREQ)
        equal(take(accepted, 2), PINGREQ, "without the module")
        load()
        rig.done("module", "link")
        client.sendall(PINGREQ)
        equal(take(accepted, 2), PINGREQ, "with it")


@test("modprobe knows the hooks")
def hooks():
    said = run("modprobe", "--showconfig", "-C", os.path.join(TOP, "packaging", "modprobe.d"))
    equal("install mqgate" in said and "module link" in said, True, "install")
    equal("remove mqgate" in said and "module unlink" in said, True, "remove")


# ---- what is decided -------------------------------------------------------------------------

def first_payload(rig, address, port, reason):
    client, accepted = rig.pair(rig.far, address, port)
    client.sendall(GARBAGE)
    rig.until(reason)
    equal(quiet(accepted), True, "it does not arrive")


@test("ATTACKS 3: lenient or not, the first payload of a routed flow has to be a CONNECT")
def strict_first():
    rig = Rig()
    first_payload(rig, FAR, 1883, "mqtt-not-connect")
    equal(rig.flows(), ["MQGATE_FLOW_REFUSED"], "its source is proven")
    rig.done("module", "unlink")
    client, accepted = rig.pair(rig.far, FAR6, 1883)
    client.sendall(GARBAGE)
    equal(take(accepted, len(GARBAGE)), GARBAGE, "the program alone cannot tell")


@test("the same over IPv6, and for a ClientHello")
def strict_others():
    rig = Rig()
    first_payload(rig, FAR6, 1883, "mqtt-not-connect")
    first_payload(rig, FAR, 8883, "tls-not-handshake")


@test("the same where the driver takes only the twin with frags")
def frags():
    rig = Rig(attach=False, mtu=9000)
    equal("with frags" in rig.done("attach", "gw0"), True, "the twin")
    rig.done("module", "link")
    first_payload(rig, FAR, 1883, "mqtt-not-connect")


@test("a session passes a strict service, and XDP need not remember it")
def good_session():
    rig = Rig(strict=True)
    client, accepted = rig.pair(rig.far, FAR)
    session(client, accepted)
    rig.gw.until(client, phase="connected")
    client.sendall(PUBLISH)
    equal(take(accepted, len(PUBLISH)), PUBLISH, "PUBLISH")
    equal((rig.count("pass-first"), rig.count("pass-seen")), (1, 1), "CONNECT and PUBLISH")
    equal(rig.flows(), [], "mqgate_flows")


@test("a CONNECT in two segments is SUSPECT, budgeted, and passes")
def in_parts():
    rig = Rig(strict=True)
    client, accepted = rig.pair(rig.far, FAR)
    client.sendall(CONNECT[:9])
    equal(take(accepted, 9), CONNECT[:9], "first part")
    equal(rig.flows(), ["MQGATE_FLOW_SUSPECT"], "mqgate_flows")
    client.sendall(CONNECT[9:])
    equal(take(accepted, len(CONNECT) - 9), CONNECT[9:], "second part")
    equal(rig.count("pass-suspect"), 2, "both")


@test("ATTACKS 6: a segment ahead of the first payload is the module's, which puts it in order")
def ahead():
    rig = Rig(strict=True)
    client, accepted = rig.pair(rig.far, FAR)
    rig.gw.until(client, phase="connect")
    send, receive = sequence(client)
    Raw(rig.dev).send(client.getsockname(), (FAR, 1883), ACK, send + 9, receive, CONNECT[9:])
    rig.until("pass-undecided")
    session(client, accepted)


@test("well-formed CONNECTs that nobody began a connection for are not remembered")
def forged():
    rig = Rig(strict=True)
    raw = Raw(rig.dev)

    def flood(port):
        for i in range(20):
            raw.send((f"198.18.0.{100 + i}", port), (FAR, 1883), ACK, 1000, 1000, CONNECT)
    flood(5000)
    rig.until("pass-first", 20)
    equal(rig.flows(), [], "mqgate_flows")
    rig.done("module", "unlink")
    flood(5001)
    rig.until("pass-first", 40)
    equal(len(rig.flows()), 20, "the program alone has to")


@test("on a strict service a payload of a flow that nobody knows is dropped")
def unknown():
    rig = Rig(strict=True)
    Raw(rig.dev).send(("198.18.0.2", 5000), (FAR, 1883), ACK, 1000, 1000, PUBLISH)
    rig.until("mqtt-not-connect")


@test("a flow older than program and module lives on at a strict service once its server spoke")
def older():
    undo.append(again)
    rig = Rig(attach=False)
    client, accepted = rig.pair(rig.far, FAR)
    session(client, accepted)
    unload()
    load()
    rig.attach(strict=True)
    equal(rig.gw.client(client), None, "the module does not know it")
    for _ in range(3):
        accepted.sendall(PUBLISH)
        equal(take(client, len(PUBLISH)), PUBLISH, "from the server")
    client.sendall(PINGREQ)
    equal(take(accepted, 2), PINGREQ, "from the client")
    equal(rig.count("pass-seen"), 1, "the module vouched for it")


@test("what is refused or killed is dropped before the stack sees it")
def refused():
    # What is refused stays in the table until the command has looked at its counter.
    rig = Rig(enforce=1, closing_timeout=300000)
    raw = Raw(rig.dev)
    listener = rig.far.listen(FAR)
    for way in ("violation", "kill"):
        client, accepted = rig.meet(listener)
        session(client, accepted)
        rig.gw.until(client, phase="connected")
        source = client.getsockname()
        send, receive = sequence(client)
        if way == "violation":
            client.sendall(CONNECT)
        else:
            rig.done("conn", "kill", "port", str(source[1]))
        rig.gw.until(client, phase="refused")
        before = rig.count("flow-refused")
        raw.send(source, (FAR, 1883), ACK, send, receive, PINGREQ)
        rig.until("flow-refused", before + 1)


@test("unlinked, the sessions of a strict service live on: they are handed over")
def handed_over():
    rig = Rig(strict=True)
    client, accepted = rig.pair(rig.far, FAR)
    session(client, accepted)
    rig.gw.until(client, phase="connected")
    equal(json.loads(rig.done("-j", "module", "unlink"))["handed_over"], 1, "clients")
    client.sendall(PINGREQ)
    equal(take(accepted, 2), PINGREQ, "PINGREQ")
    equal(rig.flows(), ["MQGATE_FLOW_SEEN"], "mqgate_flows")


@test("a port that is no service of the module is judged as without it")
def unfollowed():
    undo.append(defaults)
    unload()
    load(ports="1884")
    rig = Rig(strict=True)
    client, accepted = rig.pair(rig.far, FAR)
    session(client, accepted)
    client.sendall(PINGREQ)
    equal(take(accepted, 2), PINGREQ, "PINGREQ")
    equal(rig.flows(), ["MQGATE_FLOW_SEEN"], "XDP remembers what the module does not")


main()
