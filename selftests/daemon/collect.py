#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""Waits for one connection and prints its first line: collect.py unix PATH | tcp PORT"""
import os
import socket
import sys

SECONDS = 20


def listen(kind, place):
    if kind == "unix":
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(place)
        os.chmod(place, 0o777)
    else:
        listener = socket.create_server(("127.0.0.1", int(place)))
    listener.listen()
    listener.settimeout(SECONDS)
    return listener


def main():
    connection = listen(*sys.argv[1:]).accept()[0]
    connection.settimeout(SECONDS)
    print(connection.makefile().readline(), end="", flush=True)


main()
