#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""Stands in for the service manager: manager.py NOTIFY-SOCKET [NAME=PORT...] -- PROGRAM ARGUMENTS

Opens the sockets of NAME=PORT and passes them to the program, and keeps what the program gives it
with FDSTORE=1. Prints "ready" and "gone" as the program is. SIGHUP: the program is ended and, when
it has gone, and "go" is read from standard input, started again with all that was kept; SIGTERM:
it is ended.
"""
import array
import os
import select
import signal
import socket
import subprocess
import sys


class Manager:
    def __init__(self, path, doors, command):
        self.command = command
        self.kept = [(name, self.door(int(port))) for name, port in doors]
        self.notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.notify.bind(path)
        os.chmod(path, 0o666)
        self.environment = dict(os.environ, NOTIFY_SOCKET=path)

    @staticmethod
    def door(port):
        s = socket.create_server(("0.0.0.0", port), backlog=64)
        return s.detach()

    def start(self):
        """Descriptors from 3 on, as sd_listen_fds(3) has it."""
        names = ":".join(name for name, _ in self.kept)
        fds = [fd for _, fd in self.kept]
        moves = "".join(f" {3 + i}<&{fd}" for i, fd in enumerate(fds))
        shell = f'exec{moves}; LISTEN_PID=$$ LISTEN_FDS={len(fds)} LISTEN_FDNAMES="{names}" ' \
                'exec "$@"'
        # Out of the way of those that the shell makes of them.
        self.child = subprocess.Popen(["bash", "-c", shell, "bash", *self.command],
                                      pass_fds=fds, env=self.environment)

    def hear(self):
        text, ancillary, _, _ = self.notify.recvmsg(4096, socket.CMSG_SPACE(4 * 64))
        fields = dict(line.split("=", 1) for line in text.decode().splitlines() if "=" in line)
        if "FDSTOREREMOVE" in fields:
            self.kept = [(n, fd) for n, fd in self.kept if n != fields["FDNAME"]]
        for _, _, data in ancillary:
            fds = array.array("i")
            fds.frombytes(data)
            if "FDSTORE" in fields:
                self.kept += [(fields["FDNAME"], self.high(fd)) for fd in fds
                              if not any(os.path.sameopenfile(fd, k) for _, k in self.kept)]
        if fields.get("READY"):
            print("ready", len(self.kept), flush=True)

    @staticmethod
    def high(fd):
        import fcntl
        copy = fcntl.fcntl(fd, fcntl.F_DUPFD, 100)
        os.close(fd)
        return copy

    def end(self):
        self.child.send_signal(signal.SIGTERM)
        while self.child.poll() is None:
            if select.select([self.notify], [], [], 0.05)[0]:
                self.hear()
        print("gone", self.child.returncode, flush=True)


def main():
    split = sys.argv.index("--")
    doors = [word.split("=") for word in sys.argv[2:split]]
    manager = Manager(sys.argv[1], doors, sys.argv[split + 1:])
    manager.kept = [(n, manager.high(fd)) for n, fd in manager.kept]
    wanted = []
    signal.signal(signal.SIGHUP, lambda *_: wanted.append("again"))
    signal.signal(signal.SIGTERM, lambda *_: wanted.append("end"))
    manager.start()
    while "end" not in wanted:
        if select.select([manager.notify], [], [], 0.1)[0]:
            manager.hear()
        if wanted and wanted[0] == "again":
            wanted.pop(0)
            manager.end()
            sys.stdin.readline()
            manager.start()
    manager.end()


main()
