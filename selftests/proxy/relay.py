#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""The relay: content, back-pressure, half-closes, and brokers that die."""
import fcntl
import queue
import socket
import termios

import paho.mqtt.client as paho

from proxyrig import *

pki = Pki()
ONE = ("-b", "127.0.0.1:1883", "-p", "127.0.0.1:1884", "-t", "127.0.0.1:8883")
# Sessions end with their server.
ENDS = ("-O", "hold=0", *ONE)
MB = 1 << 20
BOTH = {"plain": (PLAIN, None), "TLS 1.2": (TLS, ssl.TLSVersion.TLSv1_2),
        "TLS 1.3": (TLS, ssl.TLSVersion.TLSv1_3)}


def door(kind):
    """Address and TLS context of a client that comes that way."""
    address, version = BOTH[kind]
    return address, pki.context(pki.device("device-1"), version) if version else None


def each_door(name):
    def add(function):
        for kind in BOTH:
            test(f"{name}, {kind}")(lambda kind=kind: function(kind))
        return function
    return add


def arguments(name, version):
    """Of mosquitto_pub and mosquitto_sub; no TLS version means the plain port."""
    port = TLS[1] if version else PLAIN[1]
    return ["-h", "127.0.0.1", "-p", str(port), "-i", name] + (
        ["--cafile", pki.path("ca.pem"), "--cert", pki.path(name + ".pem"), "--key",
         pki.path(name + ".key"), "--tls-version", version] if version else [])


def publish_and_compare(sub_tls, pub_tls, mqtt, qos):
    # mosquitto 2.0.11 itself loses count of its receive maximum (20) with MQTT 5 and QoS 2.
    many = 15 if (mqtt, qos) == ("mqttv5", 2) else 100
    lines = [f"message {i} " + noise(20, i).hex() for i in range(many)]
    common = ["-V", mqtt, "-q", str(qos), "-t", "t"]
    with subprocess.Popen(["stdbuf", "-oL", "mosquitto_sub", *arguments("sub", sub_tls), *common,
                           "-d", "-C", str(len(lines)), "-W", "20"],
                          stdout=subprocess.PIPE, text=True) as sub:
        while "SUBACK" not in (line := sub.stdout.readline()):
            if not line:
                raise AssertionError("mosquitto_sub was refused")
        subprocess.run(["mosquitto_pub", *arguments("pub", pub_tls), *common, "-l"],
                       input="\n".join(lines) + "\n", text=True, check=True, timeout=20)
        got = [line for line in sub.stdout.read().splitlines() if line.startswith("message")]
    equal(got, lines, f"{sub_tls} {pub_tls} {mqtt} QoS {qos}")


@test("mosquitto_pub to mosquitto_sub, QoS 0, 1, 2, MQTT 3.1, 3.1.1, 5, TLS 1.2, 1.3: content "
      "arrives")
def mosquitto_clients():
    pki.device("sub")
    pki.device("pub")
    with Mosquitto(), Rig(*ONE, pki=pki) as rig:
        for number, mqtt in enumerate(("mqttv31", "mqttv311", "mqttv5")):
            for qos in (0, 1, 2):
                tls = ("tlsv1.2", "tlsv1.3", None)
                publish_and_compare(tls[number], tls[qos], mqtt, qos)
        equal(rig.refusals(), [])
        poll("ALLOWs are given back", lambda: sum("closed" in line for line in rig.lines) == 18)


@each_door("8 MB up and down through mosquitto with paho: content arrives")
def large(kind):
    payload = noise(8 * MB)
    got = queue.Queue()
    address, context = door(kind)
    client = paho.Client("device-1")
    if context:
        client.tls_set_context(context)
    client.on_subscribe = lambda *_: client.publish("big", payload, 1)
    client.on_message = lambda _client, _data, message: got.put(message.payload)
    with Mosquitto(), Rig(*ONE, pki=pki) as rig:
        client.connect(*address)
        client.subscribe("big", 1)
        client.loop_start()
        if got.get(timeout=30) != payload:
            raise AssertionError("other content")
        client.disconnect()
        client.loop_stop()
        counts = rig.counts()["listeners"][0 if kind == "plain" else 1]
        for direction in ("bytes_in", "bytes_out"):
            if not 8 * MB < counts[direction] < 8.1 * MB:
                raise AssertionError(f"{direction}: {counts[direction]}")


def resident(rig, before):
    """Growth of the rig's memory in kB; kernel buffers are not in it."""
    return rig.status("VmRSS") - before


@each_door("slow reader: the broker is held back, memory stays, nothing is lost")
def slow_client(kind):
    content = publish("t", noise(64 * MB, kind))
    sent = []

    def broker(sock):
        read_packet(sock)
        sock.sendall(ACCEPTED)
        view = memoryview(content)
        while view:
            count = sock.send(view[:1 << 16])
            view = view[count:]
            sent.append(count)
        sock.shutdown(socket.SHUT_WR)
        sock.recv(1)

    address, context = door(kind)
    with FakeBroker(broker), Rig(*ENDS, asan=False, pki=pki) as rig:
        before = rig.status("VmRSS")
        with session("device-1", address, context) as client:
            stalled(sent)
            if sum(sent) > 32 * MB:
                raise AssertionError(f"{sum(sent)} bytes were taken for a client that reads none")
            cpu = rig.cpu()
            hold(0.3)
            if rig.cpu() - cpu > 0.1:
                raise AssertionError("a blocked session burns the processor")
            got = read_all(client)
            if got != content:
                raise AssertionError(f"{len(got)} bytes of other content")
            if resident(rig, before) > 4096:
                raise AssertionError(f"grew by {resident(rig, before)} kB")


@each_door("slow broker: the client is held back, memory stays, nothing is lost")
def slow_broker(kind):
    content = publish("t", noise(48 * MB, kind))
    release, result = threading.Event(), []

    def broker(sock):
        read_packet(sock)
        sock.sendall(ACCEPTED)
        release.wait(20)
        result.append(read_all(sock) == content)

    address, context = door(kind)
    with FakeBroker(broker) as fake, Rig(*ONE, asan=False, pki=pki) as rig:
        before = rig.status("VmRSS")
        with session("device-1", address, context) as client:
            sent = []

            def pour():
                view = memoryview(content)
                while view:
                    count = client.send(view[:1 << 16])
                    view = view[count:]
                    sent.append(count)
                (client.unwrap if context else lambda: client.shutdown(socket.SHUT_WR))()

            thread = threading.Thread(target=pour, daemon=True)
            client.settimeout(30)
            thread.start()
            stalled(sent)
            if sum(sent) > 32 * MB:
                raise AssertionError(f"{sum(sent)} bytes were taken for a broker that reads none")
            release.set()
            thread.join(30)
            for one in fake.threads:
                one.join(30)
            equal(result, [True], "content at the broker")
            if resident(rig, before) > 4096:
                raise AssertionError(f"grew by {resident(rig, before)} kB")


def hold(seconds):
    end = time.monotonic() + seconds
    poll("time passes", lambda: time.monotonic() > end, seconds + 5)


def stalled(sent):
    """The sender has sent something and then nothing for a quarter of a second."""
    seen = [0, time.monotonic()]

    def still():
        if len(sent) != seen[0]:
            seen[:] = [len(sent), time.monotonic()]
        return seen[0] and time.monotonic() - seen[1] > 0.25

    poll("the sender is held back", still, 30)


@each_door("both directions at once, with odd sizes: content arrives")
def duplex(kind):
    up = publish("up", noise(5 * MB + 77, "up"))
    down = publish("down", noise(3 * MB + 13, "down"))

    def broker(sock):
        read_packet(sock)
        sock.sendall(ACCEPTED)
        writer = threading.Thread(target=trickle, args=(sock, down, 7777), daemon=True)
        writer.start()
        if read_exactly(sock, len(up)) != up:
            raise AssertionError("other content at the broker")
        writer.join()

    address, context = door(kind)
    with FakeBroker(broker), Rig(*ENDS, pki=pki) as rig:
        with session("device-1", address, context) as client:
            if context:
                # One thread at a time may use Python's TLS: both ways in turns.
                got, view = bytearray(), memoryview(up)
                client.settimeout(0.001)
                while view or len(got) < len(down):
                    try:
                        view = view[client.send(view[:5555]):] if view else view
                    except TimeoutError:
                        pass
                    try:
                        got += client.recv(1 << 16)
                    except TimeoutError:
                        pass
            else:
                writer = threading.Thread(target=trickle, args=(client, up, 5555), daemon=True)
                writer.start()
                got = read_exactly(client, len(down))
                writer.join()
            if got != down:
                raise AssertionError("other content at the client")
        # Stopping the rig ends sessions at once: the last bytes may still be on their way.
        poll("session is given back", lambda: rig.open() == 0)


def trickle(sock, content, size):
    for at in range(0, len(content), size):
        sock.sendall(content[at:at + size])


@each_door("client half-close: what it sent and what it is still sent both arrive")
def half_close(kind):
    up, down = publish("t", noise(2 * MB, "up")), publish("t", noise(2 * MB, "down"))

    def broker(sock):
        read_packet(sock)
        sock.sendall(ACCEPTED)
        if read_all(sock) != up + DISCONNECT:
            raise AssertionError("other content at the broker")
        sock.sendall(down)

    address, context = door(kind)
    with FakeBroker(broker), Rig(*ONE, pki=pki) as rig:
        client = session("device-1", address, context)
        client.sendall(up + DISCONNECT)
        if context:
            half_close_tls(client, down)
        else:
            client.shutdown(socket.SHUT_WR)
            if read_all(client) != down:
                raise AssertionError("other content at the client")
            client.close()
        poll("session is given back", lambda: rig.open() == 0)


def half_close_tls(client, down):
    """Python reads nothing after its own close_notify: a bare FIN says the same."""
    twin = socket.socket(fileno=os.dup(client.fileno()))
    twin.shutdown(socket.SHUT_WR)
    twin.close()
    got = b""
    while len(got) < len(down):
        got += client.recv(1 << 16)
    if got != down:
        raise AssertionError("other content at the client")
    client.close()


@each_door("broker that is killed: clients see the end, ALLOW is given back, the next one connects")
def broker_dies(kind):
    address, context = door(kind)
    with Mosquitto() as broker, Rig(*ENDS, pki=pki) as rig:
        client = session("device-1", address, context)
        client.sendall(PINGREQ)
        equal(read_packet(client), (0xd0, b""))
        broker.stop(hard=True)
        equal(read_all(client), b"")
        client.close()
        rig.wait(lambda line: "closed" in line)
        poll("session is given back", lambda: rig.open() == 0)
        broker.start()
        session("device-1", address, context).close()
        equal(rig.refusals(), [])


@each_door("last words of a broker that closes are not lost")
def last_words(kind):
    words = publish("t", noise(MB, "words"))

    def broker(sock):
        read_packet(sock)
        sock.sendall(ACCEPTED + words)

    address, context = door(kind)
    with FakeBroker(broker), Rig(*ENDS, pki=pki) as rig:
        with session("device-1", address, context) as client:
            if read_all(client) != words:
                raise AssertionError("other content")
        poll("session is given back", lambda: rig.open() == 0)


@each_door("what a broker said before it reset the connection is not lost")
def before_reset(kind):
    words = publish("t", noise(200000, "words"))
    gone = threading.Event()

    def broker(sock):
        read_packet(sock)
        sock.sendall(ACCEPTED + words)
        equal(sock.recv(2), PINGREQ)        # the others stay unread: close becomes a reset
        poll("words are with the proxy", lambda: unsent(sock) == 0)
        sock.close()
        gone.set()

    address, context = door(kind)
    with FakeBroker(broker), Rig(*ENDS, pki=pki) as rig:
        # A small window: most of the words wait in the proxy while the client meets the reset.
        with socket.socket() as plain:
            plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            plain.settimeout(20)
            plain.connect(address)
            with context.wrap_socket(plain) if context else plain as client:
                client.sendall(connect("device-1"))
                equal(read_packet(client), (0x20, b"\0\0"))
                client.sendall(PINGREQ * 1000)
                gone.wait(20)
                client.sendall(PINGREQ)
                poll("the proxy has met the reset", lambda: unsent(client) == 0)
                got = read_all(client)
                if got != words:
                    raise AssertionError(f"{len(got)} of {len(words)} bytes")
        poll("session is given back", lambda: rig.open() == 0)


def unsent(sock):
    """SIOCOUTQ: bytes that the peer has not acknowledged."""
    return struct.unpack("i", fcntl.ioctl(sock, termios.TIOCOUTQ, bytes(4)))[0]


@test("client that resets: broker's connection is closed at once, ALLOW is given back")
def reset():
    ended = []

    def broker(sock):
        read_packet(sock)
        sock.sendall(ACCEPTED)
        try:
            ended.append(sock.recv(1))
        except ConnectionError:
            ended.append(b"")

    with FakeBroker(broker), Rig(*ONE, pki=pki) as rig:
        client = session("d")
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        client.close()
        rig.wait(lambda line: "closed" in line)
        poll("broker sees the end", lambda: ended == [b""])


main()
