#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""Sessions in clear text that stay until they are ended: sessions.py PORT COUNT LEVEL

Prints "open" when all are there. When the first has been ended it prints "others N", how many are
not told yet; at the end "last BYTES N" for each different last word: the bytes in hex that came
behind the CONNACK.
"""
import collections
import select
import socket
import sys

SECONDS = 30


def connect(level, number):
    name = b"s%d-%05d" % (level, number)
    body = b"\0\4MQTT" + bytes([level]) + b"\2\0\x3c" + (b"\0" if level == 5 else b"")
    body += len(name).to_bytes(2, "big") + name
    return b"\x10" + bytes([len(body)]) + body


def begin(port, level, number):
    s = socket.create_connection(("127.0.0.1", port), SECONDS)
    s.settimeout(SECONDS)
    s.sendall(connect(level, number))
    head = s.recv(2)
    rest = s.recv(head[1])
    if head[0] != 0x20 or rest[1]:
        sys.exit("not accepted")
    return s


def main():
    port, count, level = map(int, sys.argv[1:])
    open_ones = {begin(port, level, i): b"" for i in range(count)}
    print("open", flush=True)
    words, first = collections.Counter(), True
    while open_ones:
        readable = select.select(list(open_ones), [], [], SECONDS)[0]
        if not readable:
            sys.exit("they are not ended")
        if first:
            print("others", count - len(readable), flush=True)
            first = False
        for s in readable:
            try:
                data = s.recv(64)
            except ConnectionResetError:
                data = b""
            open_ones[s] += data
            if not data:
                words[open_ones.pop(s).hex()] += 1
                s.close()
    for word, n in words.items():
        print("last", word or "nothing", n)


main()
