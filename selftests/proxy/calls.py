#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""
What mqgated itself asks of the kernel for messages: one read and one write a batch, whether it
comes as one record of TLS or as many, and fewer acknowledgements than messages. strace counts.
"""
import re
import signal

from gateway_daemon import Daemon
from proxyrig import *

READS = {"read", "readv", "recvfrom", "recvmsg", "recvmmsg"}
WRITES = {"write", "writev", "sendto", "sendmsg", "sendmmsg"}
ROUNDS = 20
BATCH = 100
TOPIC = "devices/device-1/telemetry"

pki = Pki()
DEVICE = pki.context(pki.device("device-1"))
OPTIONS = ("-w", "1", "-G", f"allow,connect+publish,0,{TOPIC}", "-b", "%s:%d" % BROKER,
           "-t", "%s:%d" % TLS)


class Records:
    """A session whose records leave when the test says so, several at a time if it likes."""

    def __init__(self):
        self.sock = dial(TLS)
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = DEVICE.wrap_bio(self.incoming, self.outgoing)
        self.until(self.tls.do_handshake)
        self.write(connect("device-1"))
        self.send()
        equal(self.until(lambda: self.tls.read(4)), ACCEPTED, "CONNACK")

    def until(self, step):
        while True:
            try:
                return step()
            except ssl.SSLWantReadError:
                self.send()
                self.incoming.write(self.sock.recv(65536))

    def write(self, data):
        self.tls.write(data)

    def send(self):
        self.sock.sendall(self.outgoing.read())


class Count:
    """Calls of mqgated's worker, until the end of the block."""

    def __init__(self, pid):
        self.pid = pid
        self.worker = next(tid for tid in os.listdir(f"/proc/{pid}/task")
                           if self.read(tid, "comm").startswith("worker/"))
        self.out = tempfile.NamedTemporaryFile("r")

    def read(self, tid, name):
        with open(f"/proc/{self.pid}/task/{tid}/{name}") as f:
            return f.read()

    def __enter__(self):
        self.strace = subprocess.Popen(
            ["strace", "-q", "-o", self.out.name, "-p", self.worker, "-e",
             "trace=" + ",".join(READS | WRITES)], stderr=subprocess.PIPE)
        poll("strace is there", lambda: "TracerPid:\t0\n" not in self.read(self.worker, "status"))
        return self

    def __exit__(self, kind, value, trace):
        self.strace.send_signal(signal.SIGINT)
        self.strace.communicate()
        calls = re.findall(r"^(\w+)\(", self.out.read(), re.M)
        self.reads = sum(call in READS for call in calls)
        self.writes = sum(call in WRITES for call in calls)


class Scene:
    """A device, mqgated, and the broker's end of the session."""

    def __enter__(self):
        self.gateway = Daemon(*OPTIONS, pki=pki)
        self.ours, theirs = socket.socketpair()
        self.broker = FakeBroker(lambda sock: self.serve(sock, theirs))
        self.device = Records()
        return self

    def __exit__(self, kind, value, trace):
        self.device.sock.close()
        self.broker.__exit__(kind, value, trace)
        self.gateway.stop()

    @staticmethod
    def serve(sock, theirs):
        try:
            read_packet(sock)
        except EOFError:    # a look whether it is there
            return
        sock.sendall(ACCEPTED)
        while part := sock.recv(65536):
            theirs.sendall(part)

    def arrives(self, packets):
        self.ours.settimeout(10)
        equal(read_exactly(self.ours, len(packets)), packets, "the broker gets")


def packets(number):
    return [publish(TOPIC, b"%06d" % (number * BATCH + i) * 4) for i in range(BATCH)]


def count(write):
    """ROUNDS batches, each awaited; @write(device, packets) makes records of one."""
    if not shutil.which("strace"):
        raise Skip("strace is not installed")
    with Scene() as scene:
        with Count(scene.gateway.process.pid) as calls:
            for number in range(ROUNDS):
                batch = packets(number)
                write(scene.device, batch)
                scene.arrives(b"".join(batch))
        return calls.reads, calls.writes


def one_record(device, batch):
    device.write(b"".join(batch))
    device.send()


def one_segment(device, batch):
    for each in batch:
        device.write(each)
    device.send()


@test("a hundred publishes in one record: one read and one write")
def in_one_record():
    equal(count(one_record), (ROUNDS, ROUNDS), "reads and writes")


@test("a hundred records that come together: one read and one write")
def in_one_segment():
    equal(count(one_segment), (ROUNDS, ROUNDS), "reads and writes")


@test("a record alone: one read and one write")
def alone():
    def write(device, batch):
        device.write(b"".join(batch[:1]))
        device.send()
        del batch[1:]
    equal(count(write), (ROUNDS, ROUNDS), "reads and writes")


def acknowledgements(sock):
    """Segments that came without data: struct tcp_info of linux/tcp.h."""
    info = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 160)
    return struct.unpack_from("I", info, 140)[0] - struct.unpack_from("I", info, 152)[0]


def one_by_one(scene, records):
    for number in range(records):
        one = packets(number)[0]
        scene.device.write(one)
        scene.device.send()
        scene.arrives(one)


@test("a client that sends fast is acknowledged for two records at a time")
def acknowledged():
    records = 1000
    with Scene() as scene:
        sock = scene.device.sock
        before = acknowledgements(sock)
        one_by_one(scene, 1)
        # From then on the kernel acknowledges at once.
        poll("the first is acknowledged", lambda: acknowledgements(sock) > before)
        before = acknowledgements(sock)
        one_by_one(scene, records)
        got = acknowledgements(sock) - before
    # The first 32 are acknowledged each, and so is who had to wait for the CPU for 40 ms.
    if not records * 0.4 < got < records * 0.8:
        raise AssertionError(f"{got} acknowledgements for {records} records")


main()
