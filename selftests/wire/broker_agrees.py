#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""The CONNECT vectors against a real mosquitto.

The gateway must not be stricter than the broker by accident, nor let through what the broker would
have refused for its form. So every vector of connect.vec that is not a mere prefix goes to both,
and where they differ the difference has to stand below, with its reason. A listed difference that
is none any more is a failure too. docs/wire-parsers.md explains them to the reader.
"""
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading

CONF = "listener {port} 127.0.0.1\nallow_anonymous true\nmax_packet_size 2000000\n"
DEADLINE = 10

# Refused here, accepted by mosquitto 2.0.
STRICTER = {
    "flag nibble 1, version 3.1": "no client sets it; the first byte decides in XDP",
    "four bytes of length, not minimal": "MQTT 5, 1.5.5: minimal",
    "two bytes of length, not minimal": "MQTT 5, 1.5.5: minimal",
    "3.1 user name beyond the packet": "a length field that lies is not a missing field",
    "user name ill-formed, 3.1": "mosquitto ignores the user name: it would log in nobody",
    "authentication data without method": "MQTT 5, 3.1.2.11.10: protocol error",
    "response topic with +": "MQTT 5, 3.3.2-14: must not hold wildcards",
    "response topic with #": "MQTT 5, 3.3.2-14: must not hold wildcards",
    "payload format 2": "MQTT 5, 3.1.3.2.3: 0 or 1",
}

# Accepted here, refused by mosquitto 2.0.
LAXER = {
    "5, bridge": "2.0.11 does not know the bridge bit on version 5; later brokers do",
    "packet size 1": "the CONNACK would not fit; the packet is in order",
    "authentication method": "no such method is set up; the packet is in order",
    "authentication method and data": "no such method is set up; the packet is in order",
    "authentication data before method": "no such method is set up; the packet is in order",
    "every CONNECT property": "no such authentication method is set up; the packet is in order",
}


def start(path, conf):
    """A broker that says it runs; what else it has to say is read and dropped."""
    broker = subprocess.Popen([path, "-c", conf], stdin=subprocess.DEVNULL,
                              stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    running = threading.Event()

    def listen():
        for line in broker.stderr:
            if line.rstrip().endswith("running"):
                running.set()

    threading.Thread(target=listen, daemon=True).start()
    if not running.wait(DEADLINE):
        broker.kill()
        broker.wait()
        raise OSError("mosquitto does not start")
    return broker


def accepts(port, data):
    """Does the broker say yes? A close, a reset and a CONNACK with a code are a no."""
    with socket.create_connection(("127.0.0.1", port), timeout=DEADLINE) as client:
        try:
            client.sendall(data)
            answer = client.recv(4)
        except ConnectionError:
            return False
    return len(answer) == 4 and answer[0] == 0x20 and answer[3] == 0


def vectors():
    tool = os.path.join(os.environ["MQGATE_OUTPUT"], "wire_parse")
    done = subprocess.run([tool, "list", "connect.vec"], capture_output=True, text=True, check=True)
    for line in done.stdout.splitlines():
        answer, data, name = line.split(" ", 2)
        # A broker waits for the rest of what is shorter than it says.
        data = bytes.fromhex(data)
        if answer != "more" and whole(data):
            yield name, answer == "ok", data


def whole(data):
    length = shift = 0
    for i, byte in enumerate(data[1:5]):
        length |= (byte & 127) << shift
        shift += 7
        if not byte & 128:
            return len(data) >= 2 + i + length
    return len(data) > 5


def main():
    path = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin")
    print("KTAP version 1")
    if not path:
        print("1..0 # SKIP needs mosquitto: sudo selftests/lib/setup.sh")
        return 4
    cases = list(vectors())
    print(f"1..{len(cases) + 1}")
    stray = (set(STRICTER) | set(LAXER)) - {name for name, _, _ in cases}
    for name in stray:
        print(f"# no such vector: {name}")
    print(f"{'not ok' if stray else 'ok'} 1 every listed difference is a vector", flush=True)
    failed = 1 if stray else 0
    with tempfile.TemporaryDirectory(prefix=f"mqgate-test.{os.getpid()}.") as directory:
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        conf = os.path.join(directory, "broker.conf")
        with open(conf, "w", encoding="utf-8") as file:
            file.write(CONF.format(port=port))
        os.chmod(directory, 0o755)
        broker = start(path, conf)
        try:
            for number, (name, ours, data) in enumerate(cases, 2):
                theirs = accepts(port, data)
                listed = LAXER.get(name) if ours else STRICTER.get(name)
                good = (ours != theirs) == bool(listed)
                if not good:
                    print(f"# we {'accept' if ours else 'refuse'}, mosquitto "
                          f"{'accepts' if theirs else 'refuses'}: {data[:64].hex()}")
                    failed = 1
                what = f"differs as listed: {listed}" if listed else "mosquitto agrees"
                print(f"{'ok' if good else 'not ok'} {number} {name}: {what}", flush=True)
        finally:
            broker.kill()
            broker.wait()
    return failed


if __name__ == "__main__":
    sys.exit(main())
