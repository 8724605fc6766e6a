#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""CONNECTs and ClientHellos of real clients, caught on a loopback socket or in memory.

Each has to be OK, with the fields that the client was told to send. Tools that are not there are
skipped by name. Every process that is started here is ended here.
"""
import os
import shutil
import socket
import ssl
import subprocess
import sys
import tempfile

DEADLINE = 15  # seconds that a client may take to say its first words
BRIDGE_CONF = """listener 0 {directory}/broker.sock
allow_anonymous true
connection upstream
address 127.0.0.1:{port}
bridge_protocol_version {version}
try_private true
remote_clientid bridge-1
notifications true
topic # out 0
"""


class Skip(Exception):
    """The tool is not there."""


def need(tool):
    path = shutil.which(tool) or shutil.which(tool, path="/usr/sbin:/sbin")
    if not path:
        raise Skip(f"needs {tool}")
    return path


def mqtt_complete(data):
    length = shift = 0
    for i, byte in enumerate(data[1:5]):
        length |= (byte & 127) << shift
        shift += 7
        if not byte & 128:
            return len(data) >= 2 + i + length
    return False


def tls_complete(data):
    """Whole records, and in them the whole handshake message."""
    hello = b""
    while len(data) >= 5 and len(data) >= 5 + int.from_bytes(data[3:5], "big"):
        hello += data[5:5 + int.from_bytes(data[3:5], "big")]
        data = data[5 + int.from_bytes(data[3:5], "big"):]
    return len(hello) >= 4 and len(hello) >= 4 + int.from_bytes(hello[1:4], "big")


def catch(command, complete):
    """The first words of a client; {port} in its arguments becomes ours."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(DEADLINE)
        port = server.getsockname()[1]
        command = [need(command[0])] + [a.replace("{port}", str(port)) for a in command[1:]]
        with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL) as client:
            try:
                connection, _ = server.accept()
                with connection:
                    connection.settimeout(DEADLINE)
                    data = b""
                    while not complete(data):
                        more = connection.recv(65536)
                        if not more:
                            break
                        data += more
            finally:
                client.kill()
    return data


def mosquitto(version, *more, tool="mosquitto_pub"):
    command = [tool, "-h", "127.0.0.1", "-p", "{port}", "-V", version, "-t", "t", "-i", "dev-1"]
    return catch(command + (["-m", "m"] if tool == "mosquitto_pub" else []) + list(more),
                 mqtt_complete)


def bridge(version):
    need("mosquitto")
    with tempfile.TemporaryDirectory(prefix=f"mqgate-test.{os.getpid()}.") as directory:
        # the broker drops root's rights before it opens its socket there
        os.chmod(directory, 0o777)
        with socket.create_server(("127.0.0.1", 0)) as server:
            server.settimeout(DEADLINE)
            path = os.path.join(directory, "bridge.conf")
            with open(path, "w", encoding="utf-8") as file:
                file.write(BRIDGE_CONF.format(directory=directory, version=version,
                                              port=server.getsockname()[1]))
            with subprocess.Popen([need("mosquitto"), "-c", path], stdin=subprocess.DEVNULL,
                                  stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as broker:
                try:
                    connection, _ = server.accept()
                    with connection:
                        connection.settimeout(DEADLINE)
                        data = b""
                        while not mqtt_complete(data):
                            more = connection.recv(65536)
                            if not more:
                                break
                            data += more
                finally:
                    broker.kill()
        return data


def paho(version):
    try:
        from paho.mqtt import client as mqtt
    except ImportError:
        raise Skip("needs python3-paho-mqtt") from None
    script = ("import sys; from paho.mqtt import client as m; "
              f"c = m.Client('dev-1', protocol={version}); c.username_pw_set('user', 'secret'); "
              "c.will_set('will/t', 'gone', 1, True); "
              "c.connect('127.0.0.1', int(sys.argv[1])); c.loop_forever()")
    del mqtt
    return catch(["/usr/bin/python3", "-c", script, "{port}"], mqtt_complete)


def openssl(*more):
    return catch(["openssl", "s_client", "-connect", "127.0.0.1:{port}"] + list(more), tls_complete)


def python_tls(least, most):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version, context.maximum_version = least, most
    context.set_alpn_protocols(["mqtt", "x-mqtt"])
    out = ssl.MemoryBIO()
    session = context.wrap_bio(ssl.MemoryBIO(), out, server_hostname="broker.example")
    try:
        session.do_handshake()
    except ssl.SSLWantReadError:
        pass
    return out.read()


def gnutls(priority):
    return catch(["gnutls-cli", "-p", "{port}", "--insecure", "--alpn=mqtt", "--sni-hostname",
                  "broker.example", f"--priority={priority}", "127.0.0.1"], tls_complete)


def records(hello, size):
    """The same hello with its first record cut into records of `size` bytes."""
    body, out = hello[5:], b""
    while body:
        out += hello[:3] + len(body[:size]).to_bytes(2, "big") + body[:size]
        body = body[size:]
    return out


FULL = ("-u", "user", "-P", "secret", "--will-topic", "will/t", "--will-payload", "gone",
        "--will-qos", "1", "--will-retain", "-k", "77")
FULL_SAYS = {"id": "dev-1", "user": "user", "pass": "secret", "topic": "will/t", "payload": "gone",
             "keepalive": 77}
V5 = ("-D", "CONNECT", "session-expiry-interval", "600", "-D", "CONNECT", "receive-maximum", "7",
      "-D", "CONNECT", "maximum-packet-size", "65536", "-D", "CONNECT", "user-property", "k", "v",
      "-D", "CONNECT", "request-problem-information", "1",
      "-D", "WILL", "will-delay-interval", "5", "-D", "WILL", "content-type", "text",
      "-D", "WILL", "response-topic", "r/t", "-D", "WILL", "correlation-data", "c",
      "-D", "WILL", "payload-format-indicator", "1", "-D", "WILL", "message-expiry-interval", "9",
      "-D", "WILL", "user-property", "k", "v")
PYTHON_SAYS = {"sni": "broker.example", "alpn": "\x04mqtt\x06x-mqtt"}
T12, T13 = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3

CASES = [
    ("mosquitto_pub 3.1", "connect", lambda: mosquitto("mqttv31"), {"level": 3, "id": "dev-1"}),
    ("mosquitto_pub 3.1.1", "connect", lambda: mosquitto("mqttv311"), {"level": 4, "id": "dev-1"}),
    ("mosquitto_pub 5", "connect", lambda: mosquitto("mqttv5"), {"level": 5, "id": "dev-1"}),
    ("mosquitto_pub 3.1 with everything", "connect", lambda: mosquitto("mqttv31", *FULL),
     {"level": 3, **FULL_SAYS}),
    ("mosquitto_pub 3.1.1 with everything", "connect", lambda: mosquitto("mqttv311", *FULL),
     {"level": 4, **FULL_SAYS}),
    ("mosquitto_pub 5 with everything", "connect", lambda: mosquitto("mqttv5", *FULL, *V5),
     {"level": 5, **FULL_SAYS}),
    ("mosquitto_sub 3.1.1, persistent session", "connect",
     lambda: mosquitto("mqttv311", "-c", tool="mosquitto_sub"), {"flags": "00", "id": "dev-1"}),
    ("mosquitto_sub 5, persistent session", "connect",
     lambda: mosquitto("mqttv5", "-c", "-x", "60", tool="mosquitto_sub"),
     {"flags": "00", "id": "dev-1"}),
    ("mosquitto bridge 3.1", "connect", lambda: bridge("mqttv31"),
     {"level": 3, "bridge": 1, "id": "bridge-1"}),
    ("mosquitto bridge 3.1.1", "connect", lambda: bridge("mqttv311"),
     {"level": 4, "bridge": 1, "id": "bridge-1"}),
    ("mosquitto bridge 5", "connect", lambda: bridge("mqttv50"), {"level": 5, "id": "bridge-1"}),
    ("paho 3.1", "connect", lambda: paho(3), {"level": 3, "id": "dev-1", "topic": "will/t"}),
    ("paho 3.1.1", "connect", lambda: paho(4), {"level": 4, "id": "dev-1", "user": "user"}),
    ("paho 5", "connect", lambda: paho(5), {"level": 5, "id": "dev-1", "pass": "secret"}),
    ("openssl TLS 1.2", "hello", lambda: openssl("-tls1_2"), {"max": "303"}),
    ("openssl TLS 1.3", "hello", lambda: openssl("-tls1_3"), {"max": "304"}),
    ("openssl TLS 1.0", "hello",
     lambda: openssl("-tls1", "-cipher", "ALL:@SECLEVEL=0"), {"max": "301"}),
    ("openssl with SNI and ALPN", "hello",
     lambda: openssl("-servername", "broker.example", "-alpn", "mqtt"),
     {"max": "304", "sni": "broker.example", "alpn": "\x04mqtt"}),
    ("openssl without extensions to speak of", "hello",
     lambda: openssl("-tls1_2", "-noservername", "-no_ticket"), {"max": "303"}),
    ("python TLS 1.2", "hello", lambda: python_tls(T12, T12), {"max": "303", **PYTHON_SAYS}),
    ("python TLS 1.3", "hello", lambda: python_tls(T13, T13), {"max": "304", **PYTHON_SAYS}),
    ("python TLS 1.2 and 1.3", "hello", lambda: python_tls(T12, T13), {"max": "304"}),
    ("python hello in one-byte records", "hello",
     lambda: records(python_tls(T12, T13), 1), {"max": "304", "split": 1}),
    ("python hello in records of 100 bytes", "hello",
     lambda: records(python_tls(T12, T13), 100), {"max": "304", "split": 1}),
    ("gnutls TLS 1.2", "hello", lambda: gnutls("NORMAL:-VERS-ALL:+VERS-TLS1.2"), {"max": "303"}),
    ("gnutls TLS 1.3", "hello", lambda: gnutls("NORMAL"),
     {"max": "304", "sni": "broker.example", "alpn": "\x04mqtt"}),
    ("mosquitto_pub over TLS", "hello",
     lambda: catch(["mosquitto_pub", "-h", "127.0.0.1", "-p", "{port}", "--tls-use-os-certs",
                    "--tls-alpn", "mqtt", "-t", "t", "-m", "m"], tls_complete),
     {"max": "304", "alpn": "\x04mqtt"}),
    ("curl over TLS", "hello",
     lambda: catch(["curl", "-sk", "--resolve", "broker.example:{port}:127.0.0.1",
                    "https://broker.example:{port}/"], tls_complete), {"sni": "broker.example"}),
]
TEXT = ("id", "user", "pass", "topic", "payload", "sni", "alpn")


def ask(kind, data):
    tool = os.path.join(os.environ["MQGATE_OUTPUT"], "wire_parse")
    done = subprocess.run([tool], input=f"{kind} {data.hex()}\n", capture_output=True, text=True,
                          check=True)
    return done.stdout.strip()


def main():
    print("KTAP version 1")
    print(f"1..{len(CASES)}", flush=True)
    failed = 0
    for number, (title, kind, client, says) in enumerate(CASES, 1):
        try:
            data = client()
        except Skip as why:
            print(f"ok {number} {title} # SKIP {why}", flush=True)
            continue
        except OSError as why:
            print(f"# {why}\nnot ok {number} {title}", flush=True)
            failed = 1
            continue
        words = ask(kind, data).split()
        found = dict(word.split("=", 1) for word in words if "=" in word)
        wrong = [f"{key}={found.get(key)}, wanted {want}" for key, want in says.items()
                 if found.get(key) != (want.encode().hex() if key in TEXT else str(want))]
        if not words or words[0] != "ok":
            wrong.append(f"answered {' '.join(words)}")
        for line in wrong:
            print(f"# {line}")
        if wrong:
            print(f"# bytes: {data.hex()}")
            failed = 1
        print(f"{'not ok' if wrong else 'ok'} {number} {title}", flush=True)
    return failed


if __name__ == "__main__":
    sys.exit(main())
