#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""TLS towards brokers: whom the gateway goes on with, what it shows, resumption, changes."""
from proxyrig import *

pki = Pki()
pki.device("gateway")
pki.shell(f"pki_server {pki.dir} named DNS:broker.example")
pki.shell(f"mkdir {pki.dir}/other && pki_init {pki.dir}/other && "
          f"cp {pki.dir}/other/ca.pem {pki.dir}/foreign.pem")
SECURE = ("127.0.0.1", 1910)
DOOR = ("-p", "127.0.0.1:1884")


def rig(tls, *settings, to="127.0.0.1:1910", options=()):
    words = [word for setting in settings for word in ("-O", setting)]
    return Rig(*options, *words, "-Z", tls, "-b", to, *DOOR, pki=pki)


class Secured(Mosquitto):
    """A mosquitto that asks for a certificate."""

    def __init__(self, server="server"):
        self.server = server
        super().__init__(SECURE)

    def start(self):
        self.config.write(f"cafile {pki.path('ca.pem')}\ncertfile {pki.path(self.server)}.pem\n"
                          f"keyfile {pki.path(self.server)}.key\nrequire_certificate true\n"
                          f"use_identity_as_username true\n")
        self.config.flush()
        super().start()


def tls_server(version):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pki.path("server.pem"), pki.path("server.key"))
    context.load_verify_locations(pki.path("ca.pem"))
    context.verify_mode = ssl.CERT_REQUIRED
    context.minimum_version = context.maximum_version = version
    return context


def refused(gate, word):
    with dial() as client:
        client.sendall(connect("device-1"))
        equal(read_exactly(client, 4), b"\x20\x02\0\3", "CONNACK")
    if word == "broker-closed":
        equal(gate.refusals()[-1], word)
        return
    equal(gate.refusals()[-1], "broker-unreachable")
    if word not in gate.said():
        raise AssertionError(f"{word} is not in: {gate.said()}")


@test("mutual TLS to a mosquitto: by the address, and by the server name that is configured")
def mutual():
    for server, name in (("server", "-"), ("named", "broker.example")):
        with Secured(server), rig(f"ca,gateway,{name},1.2", options=("-w", "1")) as gate:
            with session("device-1") as client:
                client.sendall(subscribe("t"))
                equal(read_packet(client)[0], 0x90)
                client.sendall(publish("t", b"x" * 20000))
                equal(len(read_packet(client)[1]), 20003, "what comes back")
            equal(gate.counts()["brokers"][0]["servers"][0]["failed"], 0)


@test("a server of another CA, of another name, that wants a certificate, that is too old: none "
      "gets a CONNECT")
def wrong():
    for tls, server, word in (
            ("foreign,gateway,-,1.2", "server", "certificate"),
            ("ca,gateway,-,1.2", "named", "mismatch"),
            ("ca,gateway,other.example,1.2", "named", "mismatch"),
            # In TLS 1.3 the server's no comes behind the handshake.
            ("ca,-,-,1.2", "server", "broker-closed")):
        with Secured(server), rig(tls) as gate:
            refused(gate, word)
    with Mosquitto(SECURE), rig("ca,gateway,-,1.2") as gate:
        refused(gate, "broken off")
    old = tls_server(ssl.TLSVersion.TLSv1_2)

    def serve(sock):
        try:
            old.wrap_socket(sock, server_side=True)
        except OSError:
            pass

    with FakeBroker(serve, SECURE), rig("ca,gateway,-,1.3") as gate:
        refused(gate, "version")


@test("the session of a server is resumed with the next connection, in TLS 1.2 and 1.3")
def resumed():
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        context = tls_server(version)
        seen = []

        def serve(sock):
            with context.wrap_socket(sock, server_side=True) as secured:
                read_packet(secured)
                seen.append(secured.session_reused)
                secured.sendall(ACCEPTED)
                secured.recv(1)

        with FakeBroker(serve, SECURE), rig("ca,gateway,-,1.2", options=("-w", "1")) as gate:
            for _ in range(3):
                session("device-1").close()
                poll("it has left", lambda: gate.open() == 0)
        equal(seen, [False, True, True], str(version))


@test("checks speak TLS, and find a server with the wrong certificate down")
def checks():
    for kind in ("health=1", "health=2"):
        with Secured(), rig("ca,gateway,-,1.2", kind) as gate:
            poll("checked", lambda: gate.counts()["brokers"][0]["servers"][0]["checks"] > 4)
            state = gate.counts()["brokers"][0]["servers"][0]
            equal((state["up"], state["checks_failed"]), (True, 0))
        with Secured("named"), rig("ca,gateway,-,1.2", kind) as gate:
            poll("found", lambda: not gate.counts()["brokers"][0]["servers"][0]["up"])


@test("a silent server's handshake ends in time, and the next one serves")
def silent():
    def serve(sock):
        sock.recv(1)
        sock.recv(1000000)
        read_all(sock)

    with FakeBroker(serve, ("127.0.0.2", 1910)), Secured(), \
            rig("ca,gateway,127.0.0.1,1.2", "balance=1", to="127.0.0.2:1910,127.0.0.1:1910",
                options=("-w", "1", "-D", "300")) as gate:
        with session("device-1"):
            equal([s["failed"] for s in gate.counts()["brokers"][0]["servers"]], [1, 0])


@test("a change of CA and certificate is in force for the next client; who is there stays")
def change():
    common = ("-d", pki.dir)
    with Secured(), rig("ca,gateway,-,1.2") as gate, session("device-1") as before:
        equal(gate.ask(" ".join(("change", *common, "-Z", "foreign,gateway,-,1.2", "-b",
                                 "127.0.0.1:1910", *DOOR)))["error"], 0)
        refused(gate, "certificate")
        equal(gate.ask("revoke identity nobody")["error"], 0)
        refused(gate, "certificate")
        equal(gate.ask(" ".join(("change", *common, "-Z", "ca,gateway,-,1.2", "-b",
                                 "127.0.0.1:1910", *DOOR)))["error"], 0)
        with session("device-2"):
            pass
        before.sendall(PINGREQ)
        equal(read_exactly(before, 2), PINGRESP)


@test("a broker that is killed and started again: sessions go on")
def outlived():
    for version in ("1.2", "1.3"):
        with Secured() as broker, rig(f"ca,gateway,-,{version}") as gate, session("one") as client:
            broker.stop(hard=True)
            poll("it is held", lambda: gate.counts()["brokers"][0]["held"] == 1)
            client.sendall(b"\x32\x06\0\1t\0\1x")
            Mosquitto.start(broker)
            equal(read_packet(client), (0x40, b"\0\1"))


main()
