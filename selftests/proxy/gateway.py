# SPDX-License-Identifier: BSD-2-Clause
"""
The gateway under test, as the scripts of this directory drive it: the rig (the proxy with a judge
that tells what it hears, rig.c). gateway_daemon.py has mqgated in its place.
"""
import json
import os
import subprocess
import sys
import tempfile
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.environ.get("MQGATE_TOP", os.path.dirname(os.path.dirname(HERE)))
BUILT = os.environ.get("MQGATE_OUTPUT", os.path.join(TOP, "build", "selftests", "proxy"))
sys.path.append(os.path.join(TOP, "selftests", "lib"))


class Gateway:
    """
    A process, the file of its log, and what can be asked of either kind: counts(), mark() and
    wait(), whose lines are {"ready": ...} and then {"refused": REASON} and {"ended": REASON}.
    """

    process = log = None

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        self.stop()

    def refused(self, since=0, seconds=10):
        return self.wait(lambda line: "refused" in line, seconds, since)

    def upstream(self):
        """Connections that any broker was asked for."""
        return sum(b["connections"] + b["failures"] for b in self.counts()["brokers"])

    def open(self):
        return sum(listener["sessions"] for listener in self.counts()["listeners"])

    def said(self):
        self.log.seek(0)
        return self.log.read().decode(errors="replace")

    def copies(self, secret):
        """How often it stands in what the process can write to."""
        found = 0
        with open(f"/proc/{self.process.pid}/maps") as maps, \
                open(f"/proc/{self.process.pid}/mem", "rb", 0) as memory:
            for line in maps:
                span, mode = line.split()[:2]
                low, high = (int(part, 16) for part in span.split("-"))
                if "rw" in mode:
                    memory.seek(low)
                    found += memory.read(high - low).count(secret)
        return found

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))

    def status(self, field):
        with open(f"/proc/{self.process.pid}/status") as status:
            return next(int(line.split()[1]) for line in status if line.startswith(field + ":"))

    def cpu(self):
        with open(f"/proc/{self.process.pid}/stat") as stat:
            fields = stat.read().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def leave(self, seconds=30):
        """Its exit status, when it has been told to end."""
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise AssertionError("the gateway did not end: " + self.said())


class Rig(Gateway):
    def __init__(self, *options, asan=True, nofile=None, pki=None):
        environment = dict(os.environ, ASAN_OPTIONS="quarantine_size_mb=4:detect_leaks=1")
        program = os.path.join(BUILT, "rig-asan" if asan else "rig")
        command = [program, *(["-d", pki.dir] if pki else []), *options]
        if nofile:
            command = ["prlimit", f"--nofile={nofile}", *command]
        self.log = tempfile.TemporaryFile()
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=self.log, text=True, env=environment)
        self.lines = []
        self.changed = threading.Condition()
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()
        self.first = self.wait(lambda line: "ready" in line or "error" in line)

    def read(self):
        for line in self.process.stdout:
            with self.changed:
                self.lines.append(json.loads(line))
                self.changed.notify_all()
        with self.changed:
            self.lines.append({"gone": True})
            self.changed.notify_all()

    def wait(self, want, seconds=10, since=0):
        """The first line from number @since on that @want accepts."""
        end = time.monotonic() + seconds
        with self.changed:
            while True:
                for line in self.lines[since:]:
                    if want(line):
                        return line
                    if "gone" in line:
                        raise AssertionError("the rig ended: " + self.said())
                since = len(self.lines)
                left = end - time.monotonic()
                if left <= 0:
                    raise AssertionError(f"not said by the rig within {seconds} s")
                self.changed.wait(left)

    def mark(self):
        with self.changed:
            return len(self.lines)

    def refusals(self):
        """All reasons so far. The answer that is asked for comes after whatever was said before."""
        self.ask("counts")
        with self.changed:
            return [line["refused"] for line in self.lines if "refused" in line]

    def ask(self, question):
        since = self.mark()
        self.process.stdin.write(question + "\n")
        self.process.stdin.flush()
        return self.wait(lambda line: "answer" in line, since=since)["answer"]

    def counts(self):
        return self.ask("counts")

    def stop(self):
        """Ends it in order; a sanitizer's finding or a leak is an exit status that is not 0."""
        if self.process.stdin.closed:
            return
        try:
            self.process.stdin.write("quit\n")
            self.process.stdin.close()
        except BrokenPipeError:
            pass
        code = self.leave()
        self.reader.join()
        if code:
            raise AssertionError(f"the rig ended with {code}: {self.said()}")
