# SPDX-License-Identifier: BSD-2-Clause
"""The module's tracepoints, read from an instance of tracefs."""
import os
import re

from world import CONNECT, World, equal, main, session, test, undo, wait

TRACING = "/sys/kernel/tracing"


class Trace:
    def __init__(self):
        self.dir = f"{TRACING}/instances/mqg-{os.getpid()}"
        os.mkdir(self.dir)
        undo.append(self.remove)
        self.write("events/mqgate/enable", "1")

    def write(self, name, text):
        with open(f"{self.dir}/{name}", "w") as file:
            file.write(text)

    def remove(self):
        self.write("events/mqgate/enable", "0")
        os.rmdir(self.dir)

    def of(self, port, netns):
        """
        (event, fields) of the client with that port, in order, as one namespace saw it: those at
        its ends have the module as well.
        """
        with open(f"{self.dir}/trace") as file:
            lines = re.findall(r": mqgate_client_(\w+): (.*)", file.read())
        found = [(event, dict(re.findall(r"(\w+)=(\S+)", rest))) for event, rest in lines]
        return [(event, fields) for event, fields in found
                if fields["from"].endswith(f"]:{port}") and fields["netns"] == netns]


@test("begin, phase, violation and end of a session, with their fields")
def all_four():
    world = World()
    trace = Trace()
    client, accepted = world.pair(world.far, "198.18.1.2")
    port = client.getsockname()[1]
    session(client, accepted)
    world.gw.until(client, phase="connected")
    client.sendall(CONNECT)
    world.gw.until(client, reason="connect-again")
    client.close()
    accepted.close()
    netns = str(os.stat(f"/run/netns/{world.gw.name}").st_ino)
    wait(lambda: [event for event, _ in trace.of(port, netns)][-1:] == ["end"],
         lambda: trace.of(port, netns))
    seen = trace.of(port, netns)
    equal({fields["from"] for _, fields in seen}, {f"[::ffff:198.18.0.2]:{port}"}, "from")
    equal({fields["to"] for _, fields in seen}, {"[::ffff:198.18.1.2]:1883"}, "to")
    equal([event for event, _ in seen if event != "phase"], ["begin", "violation", "end"], "order")
    phases = [(fields["before"], fields["phase"]) for event, fields in seen if event == "phase"]
    equal(phases[:2], [("2", "3"), ("3", "4")], "CONNECT, CONNACK, CONNECTED")
    violation = next(fields for event, fields in seen if event == "violation")
    equal((violation["direction"], violation["reason"], violation["dropped"]), ("0", "163", "0"),
          "second CONNECT, observed")
    equal(int(seen[-1][1]["bytes_from"]), 2 * len(CONNECT), "bytes of the client")


main()
