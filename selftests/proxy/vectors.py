#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""
Vectors of a real broker, sent through the gateway to mosquitto.

Reads the directory that MQGATE_VECTORS names (it is not part of the project; without it everything
is skipped). A connection that is to close closes, and one that is to live lives: there is no vector
that the gateway is stricter with. What an answer says may differ: a PUBREC or PUBREL of nothing is
answered with 0x92 by the gateway. One test point a vector.
"""
import os

from proxyrig import *

sys.path.append(os.path.join(TOP, "selftests", "wire"))
from foreign_vectors import payload  # noqa: E402

def vectors(directory):
    for name in sorted(os.listdir(directory)):
        if not name.endswith(".json"):
            continue
        with open(os.path.join(directory, name), encoding="utf-8") as file:
            for group in json.load(file):
                for one in group["tests"]:
                    settings = {**group, **one}
                    if not settings.get("disable"):
                        yield f"{group['group']}: {one['name']}", settings, one["msgs"]


def external(message):
    command = ["mosquitto_pub", "-p", str(BROKER[1]), "-t", message["topic"], "-q",
               str(message.get("qos", 0)), "-m", message.get("payload", "")]
    subprocess.run(command + (["-r"] if message.get("retain") else []), check=True, timeout=10)


def lives(client):
    """A PINGREQ is answered, whatever else comes before."""
    try:
        client.sendall(PINGREQ)
        while True:
            if read_packet(client)[0] == 0xd0:
                return True
    except (EOFError, ConnectionError):
        return False


def outcome(settings, messages):
    """Whether the connection is there when everything has been said."""
    level = settings.get("ver", 4)
    with dial() as client:
        client.settimeout(2)
        try:
            if settings.get("connect", True):
                client.sendall(connect("vectors", level))
                read_packet(client)
            for message in messages:
                if message["type"] == "send":
                    client.sendall(payload(message["payload"]))
                elif message["type"] == "recv":
                    read_packet(client)
                elif message["type"] in ("external_publish", "publish"):
                    external(message)
        except (EOFError, ConnectionError, TimeoutError):
            pass
        return lives(client)


def replay(rig, settings, messages):
    wanted = not settings.get("expect_disconnect", True)
    got = outcome(settings, messages)
    if got and not wanted:
        raise AssertionError("it goes on, and was to be closed")
    if wanted and not got:
        raise AssertionError(f"it is closed, for {rig.refusals()[-1:]}, and was to go on")


directory = os.environ.get("MQGATE_VECTORS")
if not directory:
    skip_all("MQGATE_VECTORS names no directory")
world = {}


def through(settings, messages):
    if not world:
        world["broker"] = Mosquitto()
        world["rig"] = Rig("-b", "127.0.0.1:1883", "-p", "127.0.0.1:1884")
        atexit.register(lambda: (world["rig"].stop(), world["broker"].stop()))
    replay(world["rig"], settings, messages)


for _title, _settings, _messages in vectors(directory):
    test(_title.replace("#", ""))(lambda settings=_settings, messages=_messages:
                                  through(settings, messages))
main()
