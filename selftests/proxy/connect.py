#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""
The first CONNECT: what is forwarded, what a refused client is told (ATTACKS 13, 20); those that are
malformed are in malformed.py.
"""
import socket
import time

from numbered import *

pki = Pki()
ONE = ("-b", "127.0.0.1:1883", "-p", "127.0.0.1:1884")


@test("a refused client that stays is closed all the same")
def stays():
    with Rig(*ONE) as rig:
        with dial() as client:
            client.sendall(b"\x10\0")
            equal(read_all(client), b"")
            poll("session is given back", lambda: rig.open() == 0, 6)


@test("another device's client id: refused in the words of each version, broker not asked")
def foreign_id():
    context = pki.context(pki.device("device-1"))
    with Rig("-b", "127.0.0.1:1883", "-t", "127.0.0.1:8883", pki=pki) as rig:
        refuse_each(rig, [
            (connect("device-2"), b"\x20\x02\0\x05", "identity-client-id"),
            (connect("device-2", 3), b"\x20\x02\0\x05", "identity-client-id"),
            (connect("device-2", 5), b"\x20\x03\0\x87\0", "identity-client-id"),
            (connect("device-10"), b"\x20\x02\0\x05", "identity-client-id"),
            (connect("device-"), b"\x20\x02\0\x05", "identity-client-id"),
            (connect("", 5), b"\x20\x03\0\x87\0", "identity-client-id"),
        ], TLS, context)
        said = rig.wait(lambda line: line.get("client_id") == "device-10")
        equal((said["identity"], said["addr"], said["service"]), ("device-1", "127.0.0.1", 1))


@test("client id rules prefix and any; identities from san.dns, san.uri, fingerprint")
def rules():
    context = pki.context(pki.device("device-1"))
    finger = hashlib.sha256(ssl.PEM_cert_to_DER_cert(open(pki.path("device-1.pem")).read()))
    cases = [("cn", "prefix", ["device-1", "device-1-a", "device-1/b", "device-1:c"],
              ["device-10", "device"]),
             ("cn", "any", ["device-1", "other"], []),
             ("san.dns", "equal", ["device-1"], ["other"]),
             ("san.uri", "equal", ["urn:mqgate:device-1"], ["device-1"]),
             ("fingerprint", "equal", [finger.hexdigest()], ["device-1"])]
    with Mosquitto():
        for source, rule, good, bad in cases:
            with Rig("-b", "127.0.0.1:1883", "-i", source, "-r", rule, "-t", "127.0.0.1:8883",
                     pki=pki) as rig:
                for name in good:
                    session(name, TLS, context).close()
                for name in bad:
                    with dial(TLS, context) as client:
                        client.sendall(connect(name))
                        equal(read_all(client), b"\x20\x02\0\x05", f"{source} {rule} {name}")
                equal(rig.refusals(), ["identity-client-id"] * len(bad), f"{source} {rule}")


@test("password on the plain port: credential-clear, unless the listener allows it")
def clear_password():
    with Rig(*ONE) as rig:
        refuse_each(rig, [
            (connect("d", password="secret"), b"\x20\x02\0\x05", "credential-clear"),
            (connect("d", 5, password="secret"), b"\x20\x03\0\x87\0", "credential-clear"),
        ])
        if "secret" in json.dumps(rig.lines):
            raise AssertionError("the password was told")
    with Mosquitto(), Rig("-b", "127.0.0.1:1883", "-a", "-p", "127.0.0.1:1884"):
        with dial() as client:
            client.sendall(connect("d", password="secret"))
            equal(read_packet(client), (0x20, b"\0\0"))


@test("a password stays nowhere in the memory of the proxy, refused or connected")
def wiped():
    secret = "correct-horse-battery-staple"
    context = pki.context(pki.device("device-1"))

    def broker(sock):
        read_packet(sock)
        sock.sendall(ACCEPTED)
        sock.recv(1)

    with FakeBroker(broker), Rig("-b", "127.0.0.1:1883", "-w", "1", "-p", "127.0.0.1:1884", "-t",
                                 "127.0.0.1:8883", "-a", "-p", "127.0.0.1:1885", asan=False,
                                 pki=pki) as rig:
        clients = []
        # The refused come last, so that nobody's buffer is written over what they left.
        for address, tls, client_id, kept in ((TLS, context, "device-1", True),
                                              (("127.0.0.1", 1885), None, "other", True),
                                              (TLS, context, "other", False),
                                              (PLAIN, None, "other", False)):
            for split in (2000, 40):
                data = connect(client_id, password=secret * 40)
                client = dial(address, tls)
                for at in range(0, len(data), split):
                    client.sendall(data[at:at + split])
                equal(read_packet(client), (0x20, b"\0\0" if kept else b"\0\x05"))
                if kept:
                    clients.append(client)
                else:
                    client.close()
        poll("the refused are given back", lambda: rig.open() == len(clients))
        equal(rig.copies(secret.encode()), 0, "copies of the password")
        for client in clients:
            client.close()


@test("CONNECT one byte a segment works; 60 kB of will in it are forwarded as they came "
      "(ATTACKS 13)")
def slow_and_big():
    seen = []

    def broker(sock):
        seen.append(read_packet(sock))
        sock.sendall(ACCEPTED)
        sock.recv(1)

    big = connect("d", will=noise(60000))
    with FakeBroker(broker), Rig(*ONE) as rig:
        for data in (connect("d"), big):
            with dial() as client:
                for at in range(len(data) if len(data) < 100 else 50):
                    client.send(data[at:at + 1])
                client.sendall(data[50:] if len(data) > 100 else b"")
                equal(read_packet(client), (0x20, b"\0\0"))
        equal([b"\x10" + varint(len(body)) + body for kind, body in seen], [connect("d"), big])
        equal(rig.refusals(), [])


@test("CONNECT longer than connect_max: mqtt-too-long; as long as it: forwarded")
def longest():
    packet = connect("d" * 100)
    size = len(packet) - 2
    with Mosquitto(), Rig("-b", "127.0.0.1:1883", "-m", str(size), "-p", "127.0.0.1:1884") as rig:
        session("d" * 100).close()
        with dial() as client:
            client.sendall(connect("d" * 101))
            equal(read_all(client), b"")
        equal(rig.refused()["refused"], "mqtt-too-long")


@test("a CONNECT that stays incomplete: connect-timeout; the client that leaves it so: "
      "client-closed (ATTACKS 20)")
def never_complete():
    context = pki.context(pki.device("device-1"))
    with Rig("-b", "127.0.0.1:1883", "-T", "400", "-p", "127.0.0.1:1884", "-t", "127.0.0.1:8883",
             pki=pki) as rig:
        for address, tls in ((PLAIN, None), (TLS, context)):
            for data in (b"", connect("device-1")[:-1]):
                since = rig.mark()
                with dial(address, tls) as client:
                    client.sendall(data)
                    equal(read_all(client), b"")
                equal(rig.refused(since)["refused"], "connect-timeout")
        since = rig.mark()
        with dial() as client:
            client.sendall(connect("d")[:-1])
        equal(rig.refused(since)["refused"], "client-closed")


@test("one byte now and then does not put the timeout off (ATTACKS 20)")
def dripping():
    data = connect("x" * 200)
    with Rig("-b", "127.0.0.1:1883", "-T", "500", "-p", "127.0.0.1:1884") as rig:
        with dial() as client:
            client.settimeout(0.05)
            sent, began = 0, time.monotonic()
            while not rig.refusals():
                if time.monotonic() - began > 8:
                    raise AssertionError(f"{sent} bytes and still no timeout")
                client.send(data[sent:sent + 1])
                sent += 1
                try:
                    client.recv(1)
                except TimeoutError:
                    pass
        equal(rig.refusals(), ["connect-timeout"])


@test("CONNECT, PUBLISH, DISCONNECT and FIN in one go: all of it reaches the broker")
def pipelined():
    with Mosquitto(), Rig(*ONE):
        with session("listener") as listener:
            listener.sendall(subscribe("t"))
            equal(read_packet(listener)[0], 0x90)
            with dial() as client:
                client.sendall(connect("d") + publish("t", b"hello") + DISCONNECT)
                client.shutdown(socket.SHUT_WR)
                equal(read_all(client), ACCEPTED)
            equal(read_packet(listener), (0x30, text("t") + b"hello"))


def broker_counts(rig):
    broker = rig.counts()["brokers"][0]
    return tuple(broker[key] for key in ("connections", "failures", "up"))


@test("broker down: CONNACK 03 or 88, broker-unreachable; up again: connected")
def broker_down():
    with Rig(*ONE) as rig:
        for level, answer in ((4, b"\x20\x02\0\x03"), (5, b"\x20\x03\0\x88\0")):
            with dial() as client:
                client.sendall(connect("d", level))
                equal(read_all(client), answer)
        equal(rig.refusals(), ["broker-unreachable"] * 2)
        equal(broker_counts(rig), (0, 2, False))
        with Mosquitto():
            session("d").close()
            equal(broker_counts(rig), (1, 2, True))
            said = rig.said()
            equal([said.count(word) for word in ("Connection refused", "reached again")], [1, 1],
                  "log lines")


class Swallower:
    """Listens with a full queue: further SYNs meet silence."""

    def __init__(self, address):
        self.sockets = [socket.socket() for _ in range(4)]
        self.sockets[0].setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.sockets[0].bind(address)
        self.sockets[0].listen(0)
        for sock in self.sockets[1:]:
            sock.setblocking(False)
            sock.connect_ex(address)

    def close(self):
        for sock in self.sockets:
            sock.close()


@test("broker that swallows SYNs or stays silent: broker-unreachable after connect_timeout")
def broker_silent():
    def silent(sock):
        read_packet(sock)
        equal(sock.recv(1), b"", "the proxy gives up")

    swallower = Swallower(("127.0.0.1", 1885))
    with FakeBroker(silent), Rig("-D", "300", "-T", "60000", *ONE, "-b", "127.0.0.1:1885", "-p",
                                 "127.0.0.1:1886") as rig:
        for address in (PLAIN, ("127.0.0.1", 1886)):
            with dial(address) as client:
                client.sendall(connect("d"))
                equal(read_all(client), b"\x20\x02\0\x03", str(address))
        equal(rig.refusals(), ["broker-unreachable"] * 2)
        equal([broker["failures"] for broker in rig.counts()["brokers"]], [1, 1])
    swallower.close()


@test("what the broker answers: a refusal is forwarded, rubbish is not, a close is told")
def broker_answers():
    answers = {
        "refused": (b"\x20\x02\0\x05" + noise(50), b"\x20\x02\0\x05", "broker-refused"),
        "rubbish": (b"\x30\x02\0\0", b"\x20\x02\0\x03", "mqtt-connack"),
        "code": (b"\x20\x02\0\x77", b"\x20\x02\0\x03", "mqtt-connack"),
        "close": (b"", b"\x20\x02\0\x03", "broker-closed"),
    }

    def broker(sock):
        _, body = read_packet(sock)
        sock.sendall(answers[body[12:].decode()][0])

    with FakeBroker(broker), Rig(*ONE) as rig:
        for name, (_, answer, reason) in answers.items():
            since = rig.mark()
            with dial() as client:
                client.sendall(connect(name))
                equal(read_all(client), answer, name)
            equal(rig.refused(since)["refused"], reason, name)
        equal([line for line in rig.lines if "allowed" in line], [], "nobody is ALLOWed")


@test("a broker that spoils its CONNACK in the middle: its bytes and ours are never mixed")
def torn_answer():
    def broker(sock):
        read_packet(sock)
        sock.sendall(b"\x20\x02")
        equal(sock.recv(2), PINGREQ, "what comes behind the CONNECT")
        sock.sendall(b"\x77")

    with FakeBroker(broker), Rig(*ONE) as rig:
        with dial() as client:
            client.sendall(connect("d") + PINGREQ)
            equal(read_all(client), b"\x20\x02\0\x03")
        equal(rig.refusals(), ["mqtt-connack"])


@test("MQTT 5 authentication exchange before CONNACK is relayed (MQTT 5, 4.12)")
def enhanced_auth():
    def auth(data):
        properties = b"\x15" + text("method") + b"\x16" + text(data)
        body = b"\x18" + varint(len(properties)) + properties
        return b"\xf0" + varint(len(body)) + body

    challenge, response, accepted = auth(noise(300)), auth(b"answer"), b"\x20\x03\0\0\0"

    def broker(sock):
        read_packet(sock)
        for byte in challenge + challenge[:1] + b"\0":
            sock.send(bytes([byte]))
        equal(read_packet(sock), (0xf0, response[2:]), "AUTH")
        sock.sendall(accepted + PINGRESP)
        sock.recv(1)

    with FakeBroker(broker), Rig(*ONE) as rig:
        with dial() as client:
            client.sendall(connect("d", 5))
            equal(read_exactly(client, len(challenge) + 2), challenge + b"\xf0\0")
            equal(rig.ask("sessions")[0]["connected"], False, "before CONNACK")
            client.sendall(response)
            equal(read_exactly(client, len(accepted) + 2), accepted + PINGRESP)
            rig.wait(lambda line: "allowed" in line)


@test("a client that vanishes while the broker is being reached leaves nothing behind")
def vanishes():
    swallower = Swallower(BROKER)
    with Rig("-D", "60000", *ONE) as rig:
        client = dial()
        client.sendall(connect("d"))
        poll("the proxy dials",
             lambda: [s["client_id"] for s in rig.ask("sessions")] == ["d"])
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        client.close()
        poll("session is given back", lambda: rig.open() == 0)
    swallower.close()


@test("connections to the broker carry the mark")
def marked():
    def broker(sock):
        read_packet(sock)
        sock.sendall(ACCEPTED)
        sock.recv(1)

    with FakeBroker(broker), Rig("-M", "0x6d71", *ONE):
        with session("d"):
            shown = subprocess.run(["ss", "-tneH", "dport", "=", "1883"], capture_output=True,
                                   text=True, check=True).stdout
            if "fwmark:0x6d71" not in shown:
                raise AssertionError(shown)


main()
