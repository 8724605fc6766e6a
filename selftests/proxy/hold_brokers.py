#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""
Sessions that outlive real brokers: mosquittos that share nothing. One is killed while devices
publish; what a device was acknowledged has to be with one of them, which a subscriber at each
tells that does not come through the gateway.
"""
import contextlib
import signal

from proxyrig import *

pki = Pki()
LEAST, MQTT = "balance=0", "health=2"
KEEP, CLOSE, MOVE = "cut=0", "cut=1", "cut=2"
STORE = "hold=2"
DEVICES = 8
WINDOW = 4


def journal():
    place = tempfile.mkdtemp(prefix=f"mqgate-hold-{os.getpid()}-")
    atexit.register(shutil.rmtree, place, True)
    return place


def rig(*settings, ports=(1901, 1902), **more):
    words = [word for setting in settings for word in ("-O", setting)]
    # Where messages are stored.
    if STORE in settings:
        words += ["-J", journal()]
    return Rig(*words, "-b", servers(*ports), "-p", "127.0.0.1:1884", "-t", "127.0.0.1:8883",
               pki=pki, **more)


def held(gate):
    return gate.counts()["brokers"][0]


class Listener(threading.Thread):
    """Subscribes to everything and notes what it gets, until the connection ends."""

    def __init__(self, name, address=PLAIN, context=None, level=4, qos=1):
        super().__init__(daemon=True)
        self.level = level
        self.got = []
        self.ended = False
        self.sock = session(name, address, context, level)
        self.sock.sendall(b"\x82" + (b"\x07\0\1\0" if level == 5 else b"\x06\0\1") + text("#") +
                          bytes((qos,)))
        equal(read_packet(self.sock)[0], 0x90)
        self.sock.settimeout(None)
        self.start()

    def one(self, kind, body):
        at = 2 + struct.unpack(">H", body[:2])[0]
        if kind & 6:
            self.sock.sendall(b"\x40\x02" + body[at:at + 2])
            at += 2
        self.got.append(body[at + (1 if self.level == 5 else 0):].decode())

    def run(self):
        try:
            while True:
                kind, body = read_packet(self.sock)
                if kind >> 4 == 3:
                    self.one(kind, body)
        except (EOFError, OSError):
            self.ended = True

    def close(self):
        try:
            self.sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.join(10)
        self.sock.close()


class Device(threading.Thread):
    """Publishes QoS 1, some at a time; never connects again."""

    def __init__(self, name, address, context, level):
        super().__init__(daemon=True)
        self.client = name
        self.level = level
        self.acked = []
        self.sent = 0
        self.gap = 0.0              # longest time between two acknowledgements
        self.over = False
        self.failure = None
        self.sock = session(name, address, context, level)

    def publish(self):
        self.sent += 1
        body = text("load") + struct.pack(">H", self.sent) + (b"\0" if self.level == 5 else b"")
        body += f"{self.client} {self.sent}".encode()
        self.sock.sendall(b"\x32" + varint(len(body)) + body)

    def acknowledged(self):
        """In the order in which they were sent."""
        kind, body = read_packet(self.sock)
        equal((kind, body[:2]), (0x40, struct.pack(">H", len(self.acked) + 1)), self.client)
        self.acked.append(f"{self.client} {len(self.acked) + 1}")

    def run(self):
        last = time.monotonic()
        try:
            while not self.over or len(self.acked) < self.sent:
                while not self.over and self.sent - len(self.acked) < WINDOW:
                    self.publish()
                self.acknowledged()
                self.gap = max(self.gap, time.monotonic() - last)
                last = time.monotonic()
        except Exception as failure:
            self.failure = failure


def devices():
    """In clear text and TLS, of MQTT 3.1.1 and 5, on each server some of each."""
    lot = []
    for i in range(DEVICES):
        name = f"device-{i}"
        door = (TLS, pki.context(pki.device(name))) if i & 2 else (PLAIN, None)
        lot.append(Device(name, *door, 5 if i & 4 else 4))
    for one in lot:
        one.start()
    return lot


def go_on(lot, number=50):
    before = [len(one.acked) for one in lot]

    def all_of_them():
        for one in lot:
            if one.failure:
                raise AssertionError(f"{one.client}: {one.failure!r}")
        return all(len(one.acked) >= n + number for one, n in zip(lot, before))

    poll("all go on", all_of_them, 20)


def finish(lot):
    for one in lot:
        one.over = True
    for one in lot:
        one.join(20)
        if one.failure or one.is_alive():
            raise AssertionError(f"{one.client}: {one.failure!r}, {one.sent} sent, "
                                 f"{len(one.acked)} acknowledged")
        one.sock.close()
    return [message for one in lot for message in one.acked]


def is_there(acked, *places):
    """Each acknowledged message is in one of @places."""
    there = set()
    for place in places:
        there |= set(place.got)
    missing = set(acked) - there
    if missing:
        raise AssertionError(f"acknowledged and lost: {len(missing)} of {len(acked)}: "
                             f"{sorted(missing)[:5]}")


def survive(*settings, ends, silence=2.0, moved=True):
    """Two servers; @ends is what becomes of the first one under load."""
    with Mosquitto(at(1901)) as one, Mosquitto(at(1902)), contextlib.ExitStack() as stack, \
            rig(LEAST, *settings) as gate:
        stack.callback(one.process.send_signal, signal.SIGCONT) if ends == "stop" else None
        taps = [Listener("tap", at(1901), qos=0), Listener("tap", at(1902), qos=0)]
        through = [Listener(f"sub-{i}", level=level) for i, level in enumerate((4, 5))]
        lot = devices()
        go_on(lot)
        there = held(gate)["servers"][0]["open"]
        if ends == "stop":
            one.process.send_signal(signal.SIGSTOP)
        else:
            one.stop(hard=ends == "kill")
        go_on(lot)
        poll("all have gone on", lambda: held(gate)["resumed"] == held(gate)["lost"] and
             held(gate)["resumed"] >= there)
        # Of what is published from here on, nothing is lost for those who come through the gate.
        from_here = [one.sent + WINDOW for one in lot]
        go_on(lot)
        acked = finish(lot)
        later = [f"{one.client} {n}" for one, first in zip(lot, from_here)
                 for n in range(first, one.sent + 1)]
        if not later:
            raise AssertionError("nothing came later")
        # What a device had left behind when it went comes with the courier, after five seconds.
        poll("subscribers have it", lambda: set(later) <= set(taps[1].got) and all(
            set(later) <= set(sub.got) for sub in through), 30)
        equal([sub.ended for sub in through], [False, False], "subscribers ended")
        if ends == "stop":
            one.process.send_signal(signal.SIGCONT)
            poll("the first one's are there", lambda: len(taps[0].got) > 0)
        else:
            poll("the first one has ended", lambda: taps[0].ended)
        poll("the second one's are there",
             lambda: set(acked) <= set(taps[0].got) | set(taps[1].got) or not 1, 10)
        is_there(acked, *taps)
        gap = max(one.gap for one in lot)
        if gap >= silence:
            raise AssertionError(f"silence of {gap:.1f} s")
        equal((gate.refusals(), held(gate)["held"], held(gate)["kept"]), ([], 0, 0))
        for listener in taps + through:
            listener.close()


@test("of two mosquittos one is killed (SIGKILL) under load: no session ends, nothing that was "
      "acknowledged is lost, less than 2 s of silence")
def killed():
    survive(ends="kill")
    survive(MQTT, "interval=500", ends="kill")


@test("the same with hold: store: what is acknowledged from the disk reaches one of them")
def killed_stored():
    survive(STORE, ends="kill")


@test("one is told to end (SIGTERM): likewise")
def ended():
    survive(ends="end")
    survive(STORE, ends="end")


@test("one hangs (SIGSTOP): on_down: move brings its sessions to the other one")
def hangs():
    survive(MQTT, MOVE, "interval=100", "timeout=200", ends="stop")


class Lasting(Mosquitto):
    """One that remembers its sessions."""

    def __init__(self, address):
        self.dir = tempfile.mkdtemp(prefix=f"mqgate-hold-{os.getpid()}-")
        atexit.register(shutil.rmtree, self.dir, True)
        self.more = f"persistence true\npersistence_location {self.dir}/\n"
        super().__init__(address)

    def start(self):
        self.config.write(self.more)
        self.config.flush()
        self.more = ""
        super().start()


def persistent(name, level):
    sock = dial()
    sock.sendall(connect(name, level, False) if level == 4 else
                 packet(name, 5, flags=0, properties=b"\x11\0\0\0\x3c"))
    equal(read_packet(sock)[0], 0x20)
    return sock


@test("one mosquitto that is started again with its sessions: no subscription is asked for anew, "
      "nothing is lost")
def started_again():
    for level in (4, 5):
        with Lasting(at(1901)) as one, rig(ports=(1901,)) as gate, \
                persistent("sub", level) as sub, session("pub") as pub:
            sub.sendall(b"\x82" + (b"\x09\0\1\0" if level == 5 else b"\x08\0\1") + text("a/#") +
                        b"\1")
            equal(read_packet(sub)[0], 0x90)
            one.stop()
            poll("they are held", lambda: held(gate)["held"] == 2)
            pub.sendall(b"\x32\x07\0\3a/b\0\1")
            one.start()
            equal(read_packet(pub), (0x40, b"\0\1"))
            kind, body = read_packet(sub)
            equal((kind, body[:5]), (0x32, text("a/b")))
            sub.sendall(b"\x40\x02" + body[5:7])
            poll("both have gone on", lambda: held(gate)["resumed"] == 2)
            equal(held(gate)["replayed"], 0)


@test("one mosquitto that is killed and started again without any: all is asked for anew, and what "
      "was acknowledged is lost by it alone")
def forgotten():
    with Mosquitto(at(1901)) as one, rig(ports=(1901,)) as gate:
        subs = [Listener(f"sub-{i}", level=level) for i, level in enumerate((4, 5))]
        lot = devices()
        go_on(lot)
        one.stop(hard=True)
        poll("all are held", lambda: held(gate)["held"] == DEVICES + 2)
        one.start()
        poll("all go on", lambda: held(gate)["resumed"] == DEVICES + 2)
        from_here = [device.sent + WINDOW for device in lot]
        go_on(lot)
        finish(lot)
        later = {f"{device.client} {n}" for device, first in zip(lot, from_here)
                 for n in range(first, device.sent + 1)}
        poll("subscribers have it", lambda: all(later <= set(sub.got) for sub in subs))
        equal(held(gate)["replayed"], 2)
        for sub in subs:
            sub.close()


main()
