#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""hold: store. What a client has left that does not come back, in the hands of a server."""
import tempfile

from holdrig import *


@test("what an absent client left is brought in order; a connection that fails repeats no QoS 2 "
      "that was released, and loses nothing")
def brought():
    with tempfile.TemporaryDirectory() as store, Server(1901) as one, \
            rig("hold=2", options=("-J", store), ports=(1901,)) as gate, \
            begun(PLAIN, None, 4, one) as (client, *_):
        one.die()
        is_held(gate)
        client.sendall(message(1, b"a") + message(2, b"b", qos=2) + message(3, b"c"))
        gets(client, ack(PUBACK, 1) + ack(PUBREC, 2) + ack(PUBACK, 3))
        client.sendall(ack(PUBREL, 2))
        gets(client, ack(PUBCOMP, 2))
        client.sendall(b"\xe0\0")
        client.close()
        poll("it is stored", lambda: held(gate)["stored"] == 3)
        one.open()
        sock, said = one.take()
        equal((said[0], b"mqgate-hold-" in said[1], said[1][7] & 2), (0x10, True, 2))
        sock.sendall(ACCEPTED)
        gets(sock, message(1, b"a"))
        sock.sendall(ack(PUBACK, 1))
        gets(sock, message(1, b"b", qos=2) + message(2, b"c"))
        sock.close()
        poll("what was under way goes back", lambda: held(gate)["stored"] == 2)
        sock, _ = one.take()
        sock.sendall(ACCEPTED)
        gets(sock, message(1, b"b", qos=2))
        sock.sendall(ack(PUBREC, 1))
        gets(sock, ack(PUBREL, 1))
        sock.sendall(ack(PUBCOMP, 1))
        gets(sock, message(1, b"c"))
        sock.sendall(ack(PUBACK, 1))
        poll("it is counted", lambda: held(gate)["stored_delivered"] == 3)
        equal(read_packet(sock), (0xe0, b""))
        equal(read_all(sock), b"")
        equal((gate.refusals(), held(gate)["stored_refused"]), ([], 0))


main()
