#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""Brokers of several servers: choice, failure, checks, limits, drain, and what clients meet when
none is there."""
import contextlib
import signal

from proxyrig import *

pki = Pki()
PORTS = (1901, 1902, 1903)
DOOR = ("-p", "127.0.0.1:1884")
TCP, MQTT = "health=1", "health=2"
LEAST, TURNS, CLIENT = "balance=0", "balance=1", "balance=2"


def rig(*settings, to=None, options=(), **more):
    words = [word for setting in settings for word in ("-O", setting)]
    return Rig(*options, *words, "-b", to or servers(*PORTS), *DOOR, **more)


class Broker(FakeBroker):
    """Accepts every CONNECT and notes whose; ends with its clients, or hard."""

    def __init__(self, port, first=ACCEPTED):
        self.port = port
        self.first = first
        self.clients = []
        self.open = []
        super().__init__(self.talk, at(port))

    def talk(self, sock):
        self.open.append(sock)
        try:
            body = read_packet(sock)[1]
        except (EOFError, OSError):
            return                  # a check that only connects
        name = body[11 if body[6] == 5 else 10:]
        name = name[2:2 + struct.unpack(">H", name[:2])[0]].decode()
        if not name.startswith("mqgate-check-"):
            self.clients.append(name)
        if self.first is None:
            return
        sock.sendall(self.first)
        try:
            read_all(sock)
        except OSError:
            pass

    def kill(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        for sock in self.open:
            try:
                sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def __exit__(self, kind, value, trace):
        try:
            super().__exit__(kind, value, trace)
        except OSError:
            pass                    # killed before


def clients(number, first=0):
    return [session(f"client-{first + i}") for i in range(number)]


def leave(rig, *lots):
    for lot in lots:
        for client in lot:
            client.close()
    poll("all have left", lambda: rig.open() == 0)


@test("least-connections: each server gets the same number, and who left makes room")
def least():
    with Broker(1901), Broker(1902), Broker(1903), rig(LEAST) as gate:
        lot = clients(30)
        equal(spread(gate), [10, 10, 10])
        for client in lot[:6]:
            client.close()
        poll("six left", lambda: sum(spread(gate)) == 24)
        lot += clients(6, 100)
        equal(spread(gate), [10, 10, 10])
        leave(gate, lot)
        equal(spread(gate), [0, 0, 0], "connections are given back")


@test("weights: least-connections and round-robin give by them")
def weights():
    for balance in (LEAST, TURNS):
        with Broker(1901), Broker(1902), rig(balance, to="127.0.0.1:1901*3,127.0.0.1:1902*1",
                                              options=("-w", "1")) as gate:
            lot = clients(40)
            equal(spread(gate), [30, 10], balance)
            leave(gate, lot)


@test("round-robin: one after the other, whoever leaves")
def turns():
    with Broker(1901) as one, Broker(1902) as two, rig(TURNS, to=servers(1901, 1902),
                                                       options=("-w", "1")) as gate:
        for i in range(10):
            session(f"client-{i}").close()
            poll("it has left", lambda: gate.open() == 0)
        equal((len(one.clients), len(two.clients)), (5, 5))


@test("client-id: always the same server; of a dead one only its own clients move, and come back")
def sticky():
    names = [f"client-{i}" for i in range(60)]

    def round_of(brokers):
        for broker in brokers:
            broker.clients.clear()
        leave(gate, [session(name) for name in names])
        return {name: broker.port for broker in brokers for name in broker.clients}

    with Broker(1901) as one, Broker(1902) as two, rig(CLIENT, TCP, "slow_start=0") as gate:
        with Broker(1903) as three:
            are_up(gate, True, True, True)
            before = round_of((one, two, three))
            equal(before, round_of((one, two, three)), "a second time")
            numbers = [list(before.values()).count(port) for port in PORTS]
            if min(numbers) < 8:
                raise AssertionError(f"spread {numbers}")
            three.kill()
            are_up(gate, True, True, False)
            without = round_of((one, two))
        equal({n: p for n, p in without.items() if before[n] != 1903},
              {n: p for n, p in before.items() if p != 1903}, "those of the others stay")
        equal(sorted(without), sorted(names), "all are served")
        with Broker(1903) as three:
            are_up(gate, True, True, True)
            equal(round_of((one, two, three)), before, "when it is back")


@test("a server that refuses, is silent, closes, answers \"unavailable\" or nothing: the next one "
      "serves, nobody is refused")
def failing():
    subprocess.run("ip link add quiet0 type veth peer name quiet1 && ip link set quiet0 up && "
                   "ip addr add 10.9.9.1/24 dev quiet0", shell=True, check=True)
    cases = {"refuses": (None, "127.0.0.1:1901"), "is silent": (None, "10.9.9.2:1901"),
             "closes": (None, None), "unavailable": (b"\x20\x02\0\3", None),
             "says nothing": (b"", None)}
    for what, (first, address) in cases.items():
        bad = contextlib.nullcontext() if address or what == "refuses" else Broker(1901, first)
        with bad, Broker(1902) as good, rig(CLIENT, options=("-D", "300"), to=(
                address or "127.0.0.1:1901") + ",127.0.0.1:1902") as gate:
            lot = clients(12)
            equal(len(good.clients), 12, what)
            equal(gate.refusals(), [], what)
            equal(spread(gate), [0, 12], what)
            leave(gate, lot)


@test("what a client sent behind its CONNECT arrives once, though the first server closed")
def behind():
    got = []

    def serve(sock):
        read_packet(sock)
        sock.sendall(ACCEPTED)
        got.append(read_packet(sock))
        got.append(read_packet(sock))

    with Broker(1901, None) as closing, FakeBroker(serve, at(1902)), \
            rig(TURNS, "hold=0", to=servers(1901, 1902), options=("-w", "1")), \
            dial() as client:
        client.sendall(connect("client-1") + publish("a", b"1"))
        client.sendall(publish("b", b"2"))
        equal(read_exactly(client, 4), ACCEPTED)
        poll("both packets arrive", lambda: len(got) == 2)
        equal(closing.clients, ["client-1"], "the first was asked")
    equal(got, [(0x30, text("a") + b"1"), (0x30, text("b") + b"2")])


@test("checks: a dead server is found before a client meets it, and is back after two good ones")
def checks():
    for kind in (TCP, MQTT):
        with Broker(1901) as one, rig(kind, LEAST, to=servers(1901, 1902)) as gate:
            are_up(gate, True, False)
            lot = clients(5)
            equal([s["failed"] for s in states(gate)], [0, 0], "no client was sent there")
            equal(len(one.clients), 5)
            with Broker(1902):
                are_up(gate, True, True)
                if "reached again" not in gate.said():
                    raise AssertionError("nothing is said of it")
                leave(gate, lot)


@test("checks that speak MQTT find a broker that is stopped, and one that refuses; TCP does not")
def stopped():
    with Mosquitto(at(1901)) as one, Broker(1902, b"\x20\x02\0\5"), \
            rig(MQTT, "timeout=200", to=servers(1901, 1902)) as gate:
        are_up(gate, True, False)
        one.process.send_signal(signal.SIGSTOP)
        are_up(gate, False, False)
        one.process.send_signal(signal.SIGCONT)
        are_up(gate, True, False)
        with session("client-1"):
            pass
    with Broker(1902, b"\x20\x02\0\5"), rig(TCP, to=servers(1902)) as gate:
        poll("checks have passed", lambda: states(gate)[0]["checks"] > 5)
        are_up(gate, True)


@test("refused dials count, too: where checks are far between, clients find it out")
def passive():
    with Broker(1902), rig(TCP, LEAST, "interval=60000", to=servers(1901, 1902)) as gate:
        lot = clients(10)
        equal(states(gate)[0]["up"], False)
        failed = states(gate)[0]["failed"]
        equal(failed, 2, "dials that were wasted on it")
        leave(gate, lot)


@test("connection limits: a server gets no more; who finds no room is told busy, and served later")
def limits():
    with Broker(1901), Broker(1902), rig("max_connections=2", "answers=1", "reconnects=100",
                                         to=servers(1901, 1902)) as gate:
        lot = clients(4)
        equal(spread(gate), [2, 2])
        with dial() as client:
            client.sendall(connect("client-5", 5))
            equal(read_packet(client), (0x20, b"\0\x89\0"))
        equal(gate.refusals(), ["broker-full"])
        with dial() as client:
            client.sendall(connect("client-6"))
            poll("it waits", lambda: gate.counts()["brokers"][0]["waiting"] == 1)
            lot.pop().close()
            equal(read_exactly(client, 4), ACCEPTED, "there is room again")
        leave(gate, lot)


@test("slow start: a server that came back gets its share by and by")
def slow():
    with Broker(1901), rig(TCP, LEAST, "slow_start=3600000", to=servers(1901, 1902)) as gate:
        are_up(gate, True, False)
        with Broker(1902):
            are_up(gate, True, True)
            lot = clients(40)
            if spread(gate)[0] < 38:
                raise AssertionError(f"spread {spread(gate)}")
            leave(gate, lot)


@test("drain: no new clients, who is there stays; resume takes them again")
def drain():
    with Broker(1901), Broker(1902), rig(LEAST, "slow_start=0", to=servers(1901, 1902)) as gate:
        lot = clients(4)
        equal(gate.ask("drain 127.0.0.1:1901"), 1)
        lot += clients(4, 10)
        equal(spread(gate), [2, 6])
        lot[0].sendall(PINGREQ)
        equal(gate.ask("resume 127.0.0.1:1901"), 1)
        lot += clients(4, 20)
        equal(spread(gate), [6, 6])
        equal(gate.ask("drain "), 2)
        with dial() as client:
            client.sendall(connect("client-99"))
            equal(read_exactly(client, 4), b"\x20\x02\0\3", "all are drained")
        equal(gate.ask("drain 127.0.0.1:9"), 0)
        leave(gate, lot)


@test("all down: clients are answered at a pace, the others wait, bounded, and are served when one "
      "is back")
def away():
    with rig(TCP, "answers=5", "waiting=20", "reconnects=100", to=servers(1901, 1902)) as gate:
        are_up(gate, False, False)
        lot = [dial() for _ in range(30)]
        for i, client in enumerate(lot):
            client.sendall(connect(f"client-{i}"))
        poll("the queue is full", lambda: "broker-queue" in gate.refusals())
        poll("a few are answered", lambda: gate.counts()["brokers"][0]["answered"] >= 3)
        refusals = gate.refusals()
        if refusals.count("broker-unreachable") > 10:
            raise AssertionError(f"not at a pace: {refusals}")
        with Broker(1902):
            answers = [client.recv(16) for client in lot]
            if answers.count(b"\x20\x02\0\0") < 5 or set(answers) != {
                    b"\x20\x02\0\0", b"\x20\x02\0\3", b""}:
                raise AssertionError(f"answers {answers}")
            leave(gate, lot)
        if "clients are served again" not in gate.said():
            raise AssertionError("nothing is said of it")


@test("a client that leaves while it waits is forgotten; waiting ones end with their listener")
def waiting():
    with rig(TCP, "answers=1", to=servers(1901)) as gate:
        are_up(gate, False)
        lot = [dial() for _ in range(4)]
        for i, client in enumerate(lot):
            client.sendall(connect(f"client-{i}"))
        poll("three wait", lambda: gate.counts()["brokers"][0]["waiting"] == 3)
        lot.pop().close()
        poll("one has gone", lambda: gate.counts()["brokers"][0]["waiting"] == 2)
        equal(gate.ask(f"change -O {TCP} -b {servers(1901)} -p 127.0.0.1:1885")["error"], 0)
        poll("none is left", lambda: gate.counts()["brokers"][0]["waiting"] == 0)
        for client in lot:
            client.close()


@test("a change of the servers: sessions stay where they are, new ones go by it")
def change():
    with Broker(1901) as one, Broker(1902) as two, rig(TCP, LEAST, to=servers(1901)) as gate:
        lot = clients(3)
        equal(gate.ask(f"change -O {TCP} -O {LEAST} -b {servers(1902)} -p 127.0.0.1:1884")
              ["error"], 0)
        lot += clients(3, 10)
        equal((len(one.clients), len(two.clients), gate.open()), (3, 3, 6))
        equal(gate.ask(f"change -O {LEAST} -b {servers(1902, 1901)} -p 127.0.0.1:1884")
              ["error"], 0)
        equal(spread(gate), [3, 3], "counts are those of the server, whenever it was named")
        leave(gate, lot)


class Publisher(threading.Thread):
    """Publishes QoS 1 as fast as it is acknowledged; comes back when it is cut, and sends again."""

    def __init__(self, name, level=4):
        super().__init__(daemon=True)
        self.client = name
        self.level = level
        self.acked = []
        self.gap = 0.0              # longest time between two acknowledgements
        self.over = False

    def publish(self, sock, number, again):
        body = text("load") + struct.pack(">H", number) + (b"\0" if self.level == 5 else b"")
        body += f"{self.client} {number}".encode()
        sock.sendall(bytes((0x3a if again else 0x32,)) + varint(len(body)) + body)

    def once(self, sock, number, again):
        """Until @number is acknowledged and it is over."""
        while not self.over:
            self.publish(sock, number, again)
            while read_packet(sock)[0] != 0x40:
                pass
            now = time.monotonic()
            self.gap = max(self.gap, now - self.last)
            self.last = now
            self.acked.append(f"{self.client} {number}")
            number, again = number % 65535 + 1, False
            self.next = number

    def run(self):
        self.next, self.last, again = 1, time.monotonic(), False
        while not self.over:
            try:
                with session(self.client, level=self.level) as sock:
                    self.once(sock, self.next, again)
            except (OSError, EOFError, AssertionError):
                again = True


def load(gate, kill):
    """Some publishers, of whom those of one server meet its death; what they had acknowledged."""
    lot = [Publisher(f"client-{i}", level) for i, level in enumerate((4, 5) * 4)]
    for one in lot:
        one.start()
    poll("all publish", lambda: min(len(one.acked) for one in lot) > 50, 20)
    kill()
    before = [len(one.acked) for one in lot]
    poll("all go on", lambda: all(len(one.acked) > n + 50 for one, n in zip(lot, before)), 20)
    for one in lot:
        one.over = True
    for one in lot:
        one.join(20)
    if max(one.gap for one in lot) >= 2:
        raise AssertionError(f"silence of {max(one.gap for one in lot):.1f} s")
    equal([s["up"] for s in states(gate)], [False, True], "servers")
    return [message for one in lot for message in one.acked]


class Keeper(Broker):
    """Acknowledges what it has written down where the other one would find it."""

    def __init__(self, port, kept):
        self.kept = kept
        super().__init__(port)

    def talk(self, sock):
        body = read_packet(sock)[1]
        five = body[6] == 5
        self.open.append(sock)
        sock.sendall(b"\x20\x03\0\0\0" if five else ACCEPTED)
        try:
            while True:
                kind, body = read_packet(sock)
                if kind >> 4 != 3:
                    continue
                self.kept.add(body[9 if five else 8:].decode())
                sock.sendall(b"\x40\x02" + body[6:8])
        except (EOFError, OSError):
            pass


@test("a server dies under load: less than 2 s of silence, and where servers share state nothing "
      "is lost that was acknowledged")
def killed():
    kept = set()
    with Keeper(1901, kept) as one, Keeper(1902, kept), \
            rig(MQTT, LEAST, "interval=500", to=servers(1901, 1902)) as gate:
        acked = load(gate, one.kill)
    equal(set(acked) - kept, set(), "acknowledged and not there")


@test("a server that hangs under its sessions: with on_down: close they end and come to the other "
      "one, else they stay")
def hangs():
    for cut in (True, False):
        with Mosquitto(at(1901)) as one, Mosquitto(at(1902)), \
                rig(MQTT, LEAST, "timeout=200", f"cut={cut:d}", "hold=0", to=servers(1901, 1902),
                    options=("-w", "1")) as gate, contextlib.ExitStack() as stack:
            lot = [session(f"client-{i}", level=level) for i, level in enumerate((4, 5) * 4)]
            equal(spread(gate), [4, 4])
            stack.callback(one.process.send_signal, signal.SIGCONT)
            one.process.send_signal(signal.SIGSTOP)
            are_up(gate, False, True)
            if cut:
                poll("its sessions end", lambda: spread(gate) == [0, 4])
                equal(gate.refusals(), ["broker-closed"] * 4)
                ended = [client for client in lot if client.fileno() >= 0 and
                         closes(client)]
                equal(len(ended), 4, "clients that are told")
                lot += clients(4, 20)
                equal(spread(gate), [0, 8], "where they come back to")
            else:
                equal((spread(gate), gate.refusals()), ([4, 4], []))
            one.process.send_signal(signal.SIGCONT)
            leave(gate, lot)


def closes(client):
    """True where its connection is over, in order."""
    client.settimeout(0.2)
    try:
        return client.recv(10) in (b"", b"\xe0\x01\x80")
    except TimeoutError:
        return False


@test("of two mosquittos one is killed (SIGKILL) under load: less than 2 s of silence")
def killed_hard():
    with Mosquitto(at(1901)) as one, Mosquitto(at(1902)), \
            rig(MQTT, LEAST, "interval=500", to=servers(1901, 1902)) as gate:
        load(gate, lambda: one.stop(hard=True))


main()
