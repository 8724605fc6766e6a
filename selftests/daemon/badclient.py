#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""A client that misbehaves: connects from SOURCE to ADDRESS:PORT COUNT times, each time sends the
bytes given in hex and waits until the other side closes or SECONDS have gone. Prints what came
back, one line a connection: hex, "-" for a close without a byte, "..." for silence."""
import socket
import sys

source, address, port, count, payload, seconds = sys.argv[1:]
for _ in range(int(count)):
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    sock = socket.socket(family)
    sock.settimeout(float(seconds))
    sock.bind((source, 0))
    got = b""
    try:
        sock.connect((address, int(port)))
        sock.sendall(bytes.fromhex(payload))
        while True:
            piece = sock.recv(4096)
            if not piece:
                break
            got += piece
        print(got.hex() or "-", flush=True)
    except (ConnectionError, BrokenPipeError):
        print(got.hex() or "-", flush=True)
    except TimeoutError:
        print(got.hex() + "...", flush=True)
    sock.close()
