#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""A client of the control socket that knows nothing of the daemon but its protocol.

    ctl.py SOCKET REQUEST [FIELD]    one request; prints the answer, or a field (a.b.0.c) of it
    ctl.py SOCKET --raw              what stdin holds is sent as it is; prints all that comes back
    ctl.py SOCKET --events N SECONDS subscribes, prints the first N events (one JSON a line)
    ctl.py SOCKET --fill N           opens N connections and tells whether one more is served
"""
import json
import socket
import sys


def connect(path):
    sock = socket.socket(socket.AF_UNIX)
    sock.connect(path)
    sock.settimeout(10)
    return sock


def pick(answer, path):
    for part in path.split("."):
        if answer is None:
            break
        answer = answer[int(part)] if isinstance(answer, list) else answer[part]
    return answer


def ask(path, request, field=None):
    sock = connect(path)
    sock.sendall(request.encode() + b"\n")
    answer = json.loads(sock.makefile().readline())
    value = pick(answer, field) if field else answer
    print(value if isinstance(value, str) else json.dumps(value))


def raw(path):
    sock = connect(path)
    sock.sendall(sys.stdin.buffer.read())
    sock.shutdown(socket.SHUT_WR)
    while True:
        try:
            piece = sock.recv(65536)
        except ConnectionResetError:    # closed before it had read all that was sent
            return
        if not piece:
            return
        sys.stdout.buffer.write(piece)
        sys.stdout.flush()


def events(path, count, seconds):
    sock = connect(path)
    sock.settimeout(seconds)
    stream = sock.makefile("rw")
    stream.write('{"do":"events"}\n')
    stream.flush()
    print(stream.readline().strip(), flush=True)
    for _ in range(count):
        print(stream.readline().strip(), flush=True)


def fill(path, count):
    held = [connect(path) for _ in range(count)]
    for sock in held:
        sock.sendall(b'{"do":"pins"}\n')
        if not json.loads(sock.makefile().readline())["ok"]:
            sys.exit("one of the connections is not served")
    late = connect(path)
    print(late.makefile().readline().strip())
    held[0].close()


def main(args):
    if args[1] == "--raw":
        raw(args[0])
    elif args[1] == "--events":
        events(args[0], int(args[2]), float(args[3]))
    elif args[1] == "--fill":
        fill(args[0], int(args[2]))
    else:
        ask(*args)


main(sys.argv[1:])
