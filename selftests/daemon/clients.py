#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""One attempt of a real client: clients.py CLIENT VERSION PORT CLIENTID ROOT CERT KEY [...]

CLIENT is openssl, gnutls, paho or mqttjs; more arguments go to openssl or gnutls-cli. Prints
"accepted" when a CONNACK says yes, "refused" when the connection ends without one, else what is
missing. Every process that is started here is ended here.
"""
import os
import select
import shutil
import subprocess
import sys
import time

SECONDS = 15
MQTTJS = """
const mqtt = require('mqtt'), fs = require('fs');
const [port, id, ca, cert, key, version] = process.argv.slice(1);
const end = word => { console.log(word); process.exit(0); };
const client = mqtt.connect({protocol: 'mqtts', host: '127.0.0.1', port: +port, clientId: id,
  servername: 'localhost', ca: fs.readFileSync(ca), cert: fs.readFileSync(cert),
  key: fs.readFileSync(key), minVersion: 'TLSv' + version, maxVersion: 'TLSv' + version,
  reconnectPeriod: 0});
client.on('connect', () => end('accepted'));
client.on('error', () => end('refused'));
client.on('close', () => end('refused'));
"""
PAHO = """
import ssl, sys
from paho.mqtt import client as mqtt
port, name, ca, cert, key, version = sys.argv[1:]
context = ssl.create_default_context(cafile=ca)
context.load_cert_chain(cert, key)
context.minimum_version = context.maximum_version = getattr(ssl.TLSVersion, version)
words = []
client = mqtt.Client(name)
client.tls_set_context(context)
def on_connect(c, userdata, flags, rc):
    words.append("refused" if rc else "accepted")
    c.disconnect()
client.on_connect = on_connect
client.on_disconnect = lambda c, userdata, rc: words.append("refused")
try:
    client.connect("127.0.0.1", int(port))
    while not words:
        client.loop(1)
except OSError:
    words.append("refused")
print(words[0])
"""


def connect(client_id):
    body = b"\0\4MQTT\4\2\0\x3c" + len(client_id).to_bytes(2, "big") + client_id.encode()
    return b"\x10" + bytes([len(body)]) + body


def pipe(command, client_id):
    """A tool that carries its standard input over TLS."""
    end = time.monotonic() + SECONDS
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL) as tool:
        try:
            tool.stdin.write(connect(client_id))
            tool.stdin.flush()
            got = b""
            while len(got) < 4:
                left = end - time.monotonic()
                if left <= 0 or not select.select([tool.stdout], [], [], left)[0]:
                    return "silence"
                part = os.read(tool.stdout.fileno(), 65536)
                if not part:
                    return "refused"
                got += part
            return "accepted" if got[:4] == b"\x20\2\0\0" else "refused"
        except BrokenPipeError:
            return "refused"
        finally:
            tool.kill()
            try:
                tool.stdin.close()
            except BrokenPipeError:
                pass


def script(command):
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          timeout=SECONDS, check=False)
    return (done.stdout.split() or ["failed: " + done.stderr.strip()])[0]


def main():
    client, version, port, name, root, cert, key, *more = sys.argv[1:]
    if client == "openssl":
        return pipe(["openssl", "s_client", "-quiet", "-connect", f"127.0.0.1:{port}", "-CAfile",
                     root, "-verify_return_error", "-cert", cert, "-cert_chain", cert, "-key", key,
                     "-tls" + version.replace(".", "_"), *more], name)
    if client == "gnutls":
        return pipe(["gnutls-cli", "--logfile=/dev/null", "-p", port, "--x509cafile", root,
                     "--x509certfile", cert, "--x509keyfile", key, "--sni-hostname", "localhost",
                     "--verify-hostname", "localhost",
                     f"--priority=NORMAL:-VERS-ALL:+VERS-TLS{version}", *more, "127.0.0.1"], name)
    if client == "paho":
        return script(["/usr/bin/python3", "-c", PAHO, port, name, root, cert, key,
                       "TLSv" + version.replace(".", "_")])
    if not shutil.which("node"):
        return "missing"
    if subprocess.run(["node", "-e", "require('mqtt')"], capture_output=True,
                      check=False).returncode:
        return "missing"
    return script(["node", "-e", MQTTJS, "--", port, name, root, cert, key, version])


print(main())
