#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""Stands in for the service manager: takes sd_notify messages on SOCKET, appends them to FILE."""
import os
import socket
import sys

sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
sock.bind(sys.argv[1])
os.chmod(sys.argv[1], 0o666)
with open(sys.argv[2], "a", encoding="ascii") as out:
    while True:
        out.write(sock.recv(4096).decode() + "\n")
        out.flush()
