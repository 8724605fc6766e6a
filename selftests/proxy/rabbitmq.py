#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""
RabbitMQ as the broker: it understands headers of the PROXY protocol, the longest too, goes by the
client's address that they tell, answers health checks, and takes the broker's own credentials.
"""
from proxyrig import *

BIN = "/usr/lib/rabbitmq/bin"
PORT, SECURE = 1885, 1886
USER, PASSWORD = "gate", "the-key-of-the-broker"
IDENTITY, SSL, CN, CIPHER, AUTHORITY, CRC32C = 2, 4, 8, 16, 32, 1
LONG_URI = "urn:" + "d" * 251
LONG_NAME = ".".join(["n" * 62] * 4)

pki = Pki()


class Node:
    """RabbitMQ with its MQTT plugin: its files in one directory, its processes end with this."""

    def __init__(self):
        self.name = f"mqg{os.getpid()}@localhost"
        self.dir = os.path.join(pki.dir, "rabbitmq")
        os.mkdir(self.dir)
        self.write("plugins", "[rabbitmq_mqtt].\n")
        self.write("rabbitmq.conf", f"""
            listeners.tcp = none
            mqtt.listeners.tcp.1 = 127.0.0.1:{PORT}
            mqtt.listeners.ssl.1 = 127.0.0.1:{SECURE}
            mqtt.proxy_protocol = true
            ssl_options.cacertfile = {pki.path("ca.pem")}
            ssl_options.certfile = {pki.path("server.pem")}
            ssl_options.keyfile = {pki.path("server.key")}
            mqtt.allow_anonymous = false
            default_user = {USER}
            default_pass = {PASSWORD}
        """)
        self.environment = dict(
            os.environ, HOME=self.dir, ERL_EPMD_ADDRESS="127.0.0.1",
            RABBITMQ_NODENAME=self.name, RABBITMQ_LOG_BASE=self.dir,
            RABBITMQ_MNESIA_BASE=os.path.join(self.dir, "mnesia"),
            RABBITMQ_CONFIG_FILE=os.path.join(self.dir, "rabbitmq.conf"),
            RABBITMQ_CONF_ENV_FILE=os.devnull,
            RABBITMQ_ENABLED_PLUGINS_FILE=os.path.join(self.dir, "plugins"),
            RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS="-kernel inet_dist_use_interface {127,0,0,1}")
        # Erlang starts many: they are in a PID namespace, whose end is the end of all.
        self.process = subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", "unshare", "--pid", "--fork", "--kill-child",
             "--mount-proc", "sh", "-c", f"epmd & exec {BIN}/rabbitmq-server"],
            env=self.environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL)
        atexit.register(self.stop)

    def write(self, name, words):
        with open(os.path.join(self.dir, name), "w", encoding="ascii") as f:
            f.write(words)

    def stop(self):
        self.process.kill()
        self.process.wait()

    def connections(self):
        """The client identifier, name and user of each."""
        told = subprocess.run([f"{BIN}/rabbitmqctl", "-q", "--formatter", "json", "-n", self.name,
                               "list_mqtt_connections", "client_id", "conn_name", "user"],
                              env=self.environment, check=True, stdout=subprocess.PIPE)
        return [tuple(one.values()) for one in json.loads(told.stdout)]


node = []


def gate(words, longest, password=PASSWORD, health="health=0", tls=False):
    to = ("-Z", "ca,-,-,1.2", "-b", f"127.0.0.1:{SECURE}") if tls else ("-b", f"127.0.0.1:{PORT}")
    return Rig("-X", f"{words:x},{longest}", "-C", f"{USER}:{password}", "-i", "san.uri", "-r",
               "any", "-O", health, *to, "-p", "127.0.0.1:1884",
               "-t", "127.0.0.1:8883", "-t", "[::1]:8883", pki=pki)


def server(rig):
    return rig.counts()["brokers"][0]["servers"][0]


def shown(sock):
    """A connection as RabbitMQ names it."""
    return " -> ".join(f"[{end[0]}]:{end[1]}" if len(end) > 2 else f"{end[0]}:{end[1]}"
                       for end in (sock.getsockname(), sock.getpeername()))


def talk(name, level, address, context):
    """A client that has published to itself."""
    client = dial(address)
    if context:
        client = context.wrap_socket(client, server_hostname=LONG_NAME)
    client.sendall(connect(name, level))
    equal(read_packet(client), (0x20, b"\0\0"), "CONNACK")
    client.sendall(subscribe(name + "/+"))
    equal(read_packet(client), (0x90, b"\0\1\0"), "SUBACK")
    client.sendall(publish(name + "/b", b"x" * 1000))
    equal(read_packet(client), (0x30, text(name + "/b") + b"x" * 1000), "own message")
    return client


@test("a node with the MQTT plugin starts")
def starts():
    node.append(Node())
    poll("RabbitMQ listens", lambda: can_connect(PORT), 100)


@test("headers of every length: it knows clients by their own addresses; messages come and go; "
      "so with TLS to it")
def headers():
    everything = IDENTITY | SSL | CN | CIPHER | AUTHORITY | CRC32C
    pki.shell(f"pki_issue {pki.dir} long long client_ext URI:{LONG_URI}")
    context = pki.context("long")
    for words, longest, tls in ((0, 52, False), (everything, 536, False), (everything, 1024, False),
                                (everything, 1024, True)):
        with gate(words, longest, tls=tls) as rig, talk("one", 4, PLAIN, None) as one, \
                talk("two", 3, TLS, context) as two, \
                talk("three", 4, ("::1", 8883), context) as three:
            equal(sorted(node[0].connections()), sorted((
                ("one", shown(one), USER), ("two", shown(two), USER),
                ("three", shown(three), USER))), "connections that RabbitMQ tells of")
            equal(rig.refusals(), [])
            if "no room" in rig.said():
                equal(longest, 536, "the header that has no room for everything")


@test("health checks of both kinds find it well, with TLS to it and without")
def healthy():
    for health, tls in (("health=1", False), ("health=2", False), ("health=1", True),
                        ("health=2", True)):
        with gate(IDENTITY | CRC32C, 536, health=health, tls=tls) as rig:
            poll("checks were made", lambda: server(rig)["checks"] > 5)
            told = server(rig)
            equal((told["up"], told["checks_failed"]), (True, 0), (health, tls))


@test("credentials that are wrong are found by a check, and by clients")
def wrong():
    with gate(IDENTITY, 536, password="wrong", health="health=2") as rig:
        poll("the server is down", lambda: not server(rig)["up"])
    with gate(IDENTITY, 536, password="wrong"), dial() as client:
        client.sendall(connect("one"))
        equal(read_packet(client), (0x20, b"\0\4"), "CONNACK")


if not os.path.isdir(BIN):
    skip_all("needs rabbitmq-server: sudo selftests/lib/setup.sh install test")
main()
