# SPDX-License-Identifier: BSD-2-Clause
"""Real brokers and real clients under the module: what `mqgate conn list` says of a plain session,
and how each offence ends one, with its own reason and event. mosquitto is the broker and speaks
for the clients; what it would never say, a socket says to the same broker."""
import json
import os
import shutil
import signal
import subprocess
import tempfile

import world as w
from world import CONNECT, CONNACK, PINGREQ, World, ended, equal, main, take, test, undo, wait

MQGATE = os.path.join(os.environ.get("MQGATE_BUILD", os.path.join(w.TOP, "build")), "mqgate")
SUBSCRIBE = bytes.fromhex("820800010003612f6200")
SUBACK_FROM_A_CLIENT = bytes.fromhex("9003000100")


def inside(namespace, *command):
    return ["nsenter", f"--net=/run/netns/{namespace.name}", "--", *command]


def start(namespace, *command):
    process = subprocess.Popen(inside(namespace, *command), stdin=subprocess.DEVNULL,
                               stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    undo.append(lambda: (process.kill(), process.wait(), process.stdout.close()))
    return process


def broker(namespace, address):
    """mosquitto on port 1883 there, which answers when this returns."""
    conf = tempfile.NamedTemporaryFile("w", prefix=f"mqgate-test-{os.getpid()}-", suffix=".conf")
    undo.append(conf.close)
    conf.write("listener 1883\nallow_anonymous true\nuser root\npersistence false\n")
    conf.flush()
    start(namespace, "mosquitto", "-c", conf.name)

    def answers():
        try:
            namespace.connect(address).close()
        except OSError:
            return False
        return True
    wait(answers, "mosquitto")


def subscriber(world, address, name, keep_alive, version):
    """A mosquitto_sub whose subscription the broker has; its messages are lines."""
    process = start(world.dev, "stdbuf", "-oL", "mosquitto_sub", "-h", address, "-i", name, "-t",
                    f"to/{name}", "-k", str(keep_alive), "-V", version)
    wait(lambda: publish(world, address, name, version) and heard(process), "a message")
    return process


def publish(world, address, name, version):
    done = subprocess.run(inside(world.dev, "mosquitto_pub", "-h", address, "-i", f"{name}-pub",
                                 "-t", f"to/{name}", "-m", "for you", "-V", version),
                          capture_output=True, text=True)
    equal(done.returncode, 0, f"mosquitto_pub: {done.stderr}")
    return True


def heard(process):
    return w.select.select([process.stdout], [], [], 0.2)[0] and \
        process.stdout.readline() == "for you\n"


def clients(world):
    done = subprocess.run(inside(world.gw, MQGATE, "-j", "conn", "list"), capture_output=True,
                          text=True, check=True)
    return json.loads(done.stdout)


def told(world, name):
    """What the module says of a client identifier: the fields of a session."""
    found = [c for c in clients(world) if c["client_id"] == name]
    return [(c["level"], c["keep_alive"], c["phase"], c["offences"], c["flags"]) for c in found]


class Watch:
    """`mqgate conn watch`, from when it listens."""

    def __init__(self, world):
        self.process = start(world.gw, MQGATE, "-j", "conn", "watch")
        self.seen = []
        wait(lambda: self.listens(world), "the listener")

    @staticmethod
    def listens(world):
        with world.gw:
            with open("/proc/thread-self/net/netlink") as file:
                rows = [line.split() for line in file][1:]
        return any(row[1] == "16" and int(row[3], 16) for row in rows)

    def until_end(self, sock_port):
        """(event, reason, dropped) of what happened to that client but its phases, to its end."""
        def over():
            while w.select.select([self.process.stdout], [], [], 0)[0]:
                self.seen.append(json.loads(self.process.stdout.readline()))
            return [e for e in self.seen if e["event"] == "end" and
                    e["client"]["sport"] == sock_port]
        wait(over, lambda: f"an end among {self.seen}")
        return [(e["event"], e.get("reason"), e.get("dropped")) for e in self.seen
                if e["client"]["sport"] == sock_port and e["event"] in ("violation", "end")]


def plain(server, address, flags, version, level):
    world = World()
    broker(getattr(world, server), address)
    process = subscriber(world, address, "pump-7", 30, version)
    equal(told(world, "pump-7"), [(level, 30, "connected", 0, flags)], "the subscriber")
    process.send_signal(signal.SIGTERM)
    wait(lambda: not clients(world), lambda: f"nobody left in {clients(world)}")
    equal(world.gw.counter("violations"), 0, "violations")


@test("mosquitto_sub and _pub: client id, level, keep alive and phase, MQTT 3.1.1, local")
def local():
    plain("gw", "198.18.0.1", ["local"], "311", 4)


@test("mosquitto_sub and _pub: the same of MQTT 5.0, routed, over IPv6")
def routed():
    plain("far", "2001:db8:19::2", [], "5", 5)


@test("mosquitto_sub and _pub: the same of MQTT 3.1, routed")
def oldest():
    plain("far", "198.18.1.2", [], "31", 3)


def offended(world, watch, address, packet, reason):
    """One who has a session with the broker and then says `packet`."""
    client = world.dev.connect(address)
    client.sendall(CONNECT)
    equal(take(client, 4), CONNACK, "CONNACK")
    port = client.getsockname()[1]
    client.sendall(packet)
    equal(ended(client), "reset", "the client")
    equal(watch.until_end(port), [("violation", reason, True), ("end", reason, None)], "events")


def enforced(**parameters):
    """A broker behind the gateway, a subscriber that has to live through it all, a watcher."""
    # An entry that is refused ends when an end of the connection answers, or by this.
    world = World(enforce="Y", closing_timeout=1000, **parameters)
    broker(world.far, "198.18.1.2")
    return world, subscriber(world, "198.18.1.2", "honest", 60, "311"), Watch(world)


def lives(world, process):
    equal(publish(world, "198.18.1.2", "honest", "311"), True)
    wait(lambda: heard(process), "the honest subscriber's message")
    equal(told(world, "honest"), [(4, 60, "connected", 0, [])], "the honest subscriber")


@test("ATTACKS 7: a second CONNECT ends the session with its reason and event")
def again():
    world, honest, watch = enforced()
    offended(world, watch, "198.18.1.2", CONNECT, "connect-again")
    lives(world, honest)


@test("ATTACKS 14: a server-only packet ends the session with its reason and event")
def direction():
    world, honest, watch = enforced()
    offended(world, watch, "198.18.1.2", SUBSCRIBE + SUBACK_FROM_A_CLIENT, "mqtt-direction")
    lives(world, honest)


@test("ATTACKS 11: a CONNECT that takes too long ends the connection with its reason and event")
def slow():
    world, honest, watch = enforced(connect_timeout=1500)
    client = world.dev.connect("198.18.1.2")
    client.sendall(CONNECT[:-1])
    equal(ended(client), "reset", "the client")
    equal(watch.until_end(client.getsockname()[1]),
          [("violation", "connect-timeout", True), ("end", "connect-timeout", None)], "events")
    lives(world, honest)


@test("ATTACKS 11: mosquitto_sub stopped, a missed keep alive: its reason and event")
def missed():
    world, honest, watch = enforced()
    stopped = subscriber(world, "198.18.1.2", "stopped", 5, "311")
    (port,) = [c["sport"] for c in clients(world) if c["client_id"] == "stopped"]
    stopped.send_signal(signal.SIGSTOP)
    equal(watch.until_end(port),
          [("violation", "keep-alive", True), ("end", "keep-alive", None)], "events")
    stopped.send_signal(signal.SIGCONT)
    lives(world, honest)


for tool in MQGATE, "mosquitto", "mosquitto_sub", "mosquitto_pub":
    if not shutil.which(tool):
        w.skip_all(f"needs {tool}")
main()
