# SPDX-License-Identifier: BSD-2-Clause
"""A stand-in for the daemon: answers on a control socket as a test wants it.

fake_daemon.py SOCKET DIRECTORY: a request {"do":"X"} is answered with the lines of the file
DIRECTORY/X ("hang" in it: never), and appended to DIRECTORY/asked.
"""
import json
import os
import socket
import sys
import threading


def serve(conn, directory):
    for line in conn.makefile("rb"):
        what = json.loads(line)["do"]
        with open(os.path.join(directory, "asked"), "ab") as log:
            log.write(line)
        try:
            with open(os.path.join(directory, what), "rb") as answer:
                said = answer.read()
        except FileNotFoundError:
            said = b'{"ok":false,"error":"not known here","remedy":"ask another"}\n'
        if said != b"hang\n":
            conn.sendall(said)


def main():
    path, directory = sys.argv[1:]
    listener = socket.socket(socket.AF_UNIX)
    # Bound under another name first: who sees the socket can connect to it.
    listener.bind(path + ".new")
    listener.listen(8)
    os.rename(path + ".new", path)
    while True:
        conn, _ = listener.accept()
        threading.Thread(target=serve, args=(conn, directory), daemon=True).start()


main()
