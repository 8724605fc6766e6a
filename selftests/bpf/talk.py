#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""A TCP peer that veth.sh drives, one word a line on standard input, one answer a line.

talk.py ADDRESS PORT            connects; then:
    send HEX                    one segment                     -> sent
    bytes HEX                   one byte a segment              -> sent
    read N                      the next N bytes                -> hex, "closed" or "silence"
    port                        the local port                  -> number
talk.py echo ADDRESS PORT       serves: gives back whatever comes
"""
import socket
import struct
import sys
import threading

PATIENCE = 5


def family(address):
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def read(sock, count):
    got = b""
    while len(got) < count:
        try:
            more = sock.recv(count - len(got))
        except socket.timeout:
            return got.hex() or "silence"
        except ConnectionResetError:
            return got.hex() or "closed"
        if not more:
            return got.hex() or "closed"
        got += more
    return got.hex()


def talk(address, port):
    sock = socket.socket(family(address), socket.SOCK_STREAM)
    sock.settimeout(PATIENCE)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    # The end is a reset: what was dropped must not come again after the test.
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    try:
        sock.connect((address, port))
    except (socket.timeout, OSError) as error:
        print("failed", type(error).__name__, flush=True)
        return 1
    print("connected", flush=True)
    for line in sys.stdin:
        word, _, rest = line.strip().partition(" ")
        if word == "send":
            sock.sendall(bytes.fromhex(rest))
            print("sent", flush=True)
        elif word == "bytes":
            for byte in bytes.fromhex(rest):
                sock.sendall(bytes([byte]))
            print("sent", flush=True)
        elif word == "read":
            print(read(sock, int(rest)), flush=True)
        elif word == "port":
            print(sock.getsockname()[1], flush=True)
        else:
            print("what is", word, flush=True)
            return 2
    return 0


def give_back(sock):
    try:
        while data := sock.recv(4096):
            sock.sendall(data)
    except OSError:
        pass
    sock.close()


def echo(address, port):
    server = socket.socket(family(address), socket.SOCK_STREAM)
    server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    server.bind((address, port))
    server.listen(64)
    while True:
        # A client whose bytes were dropped keeps its connection: the next one is not to wait.
        threading.Thread(target=give_back, args=server.accept()[:1], daemon=True).start()


if sys.argv[1] == "echo":
    echo(sys.argv[2], int(sys.argv[3]))
else:
    sys.exit(talk(sys.argv[1], int(sys.argv[2])))
