# SPDX-License-Identifier: BSD-2-Clause
"""
The whole gateway for a test: a world whose gw routes to a mosquitto in far, XDP on gw's side of the
devices, and mqgated in gw, all under a directory of this process.
"""
import ctypes
import json
import os
import signal
import socket
import ssl
import subprocess
import urllib.request

import world as w

BUILD = os.environ.get("MQGATE_BUILD", os.path.join(w.TOP, "build"))
MQGATE = os.path.join(BUILD, "mqgate")
MQGATED = os.path.join(BUILD, "mqgated")
NEEDED = (MQGATE, MQGATED, os.path.join(w.TOP, "bpf", "mqgate.bpf.o"))

CONFIG = """
brokers:
  - {{name: main, address: "198.18.1.2:1883"}}
listeners:
{listeners}
services:
  - {{name: mqtt, port: 1883, kind: mqtt}}
score: {{threshold: 100, ban: 60s{weights}}}
module: {{{module}}}
workers: 1
user: root
group: root
http: "127.0.0.1:9883"
"""

TLS = """
  - name: mqtts
    address: "198.18.0.1:8883"
    kind: mqtts
    broker: main
    tls: {{certificate: {0}/gateway.pem, key: {0}/gateway.key, client_ca: {0}/ca.pem}}
    identity: {{from: cn, client_id: equal}}
"""
PLAIN = """  - {name: plain, address: "198.18.0.1:2883", kind: mqtt, broker: main}"""


def missing():
    """Why these tests cannot run; None when they can."""
    for path in NEEDED:
        if not os.path.exists(path):
            return f"no {path}: make"
    for command in ("bpftool", "mosquitto", "mosquitto_sub", "mosquitto_pub", "nsenter"):
        if subprocess.run(["which", command], capture_output=True).returncode:
            return f"no {command}"
    # SECCOMP_GET_ACTION_AVAIL, of SECCOMP_RET_ALLOW: the daemon runs behind a filter or not at all.
    if w.libc.syscall(317, 2, 0, ctypes.byref(ctypes.c_uint32(0x7fff0000))):
        return "this kernel has no CONFIG_SECCOMP_FILTER, which mqgated wants"
    return None


class Gate(w.World):
    def __init__(self, listeners=PLAIN, module="", weights="", **parameters):
        super().__init__(**parameters)
        self.dir = f"/tmp/mqgate-gate-{os.getpid()}-{next(w.numbers)}"
        self.pins = f"/sys/fs/bpf/mqgate-test-{os.path.basename(self.dir)}"
        self.log = os.path.join(self.dir, "log")
        self.config = os.path.join(self.dir, "mqgate.yaml")
        self.daemon = None
        os.makedirs(os.path.join(self.dir, "run"))
        w.undo.append(lambda: w.run("rm", "-rf", self.dir, self.pins))
        self.environment = dict(os.environ, MQGATE_BPFFS=self.pins,
                                MQGATE_RUN=os.path.join(self.dir, "run"),
                                MQGATE_OBJ=NEEDED[2])
        self.listeners = listeners
        self.configure(module, weights)

    def configure(self, module="", weights=""):
        weights = f", weights: {{{weights}}}" if weights else ""
        with open(self.config, "w") as file:
            file.write(CONFIG.format(listeners=self.listeners, module=module or "use: auto",
                                     weights=weights))

    def tls(self, device, **configure):
        """A TLS listener on 8883 as well; returns the context of that device."""
        pki = os.path.join(self.dir, "pki")
        subprocess.run(["bash", "-c", '. "$0"; pki_init "$1" && pki_device "$1" "$2" && '
                        'pki_server "$1" gateway IP:198.18.0.1',
                        os.path.join(w.TOP, "selftests/lib/pki.sh"), pki, device], check=True,
                       stdin=subprocess.DEVNULL)
        self.listeners += TLS.format(pki)
        self.configure(**configure)
        context = ssl.create_default_context(cafile=os.path.join(pki, "ca.pem"))
        context.load_cert_chain(*(os.path.join(pki, device + end) for end in (".pem", ".key")))
        return context

    def inside(self, *words, namespace=None):
        return ["nsenter", f"--net=/run/netns/{(namespace or self.gw).name}", *words]

    def spawn(self, *words, namespace=None, **how):
        child = subprocess.Popen(self.inside(*words, namespace=namespace), env=self.environment,
                                 stdin=subprocess.DEVNULL, **how)
        w.undo.append(lambda: stop(child))
        return child

    # ---- what runs in it -------------------------------------------------------------------

    def attach(self):
        self.mqgate("attach", "gw0")
        w.undo.append(lambda: self.mqgate("detach", "gw0"))

    def broker(self):
        """A real one in far, on 1883."""
        path = os.path.join(self.dir, "mosquitto.conf")
        with open(path, "w") as file:
            file.write("listener 1883\nallow_anonymous true\nuser root\n")
        self.spawn("mosquitto", "-c", path, namespace=self.far, stdout=subprocess.DEVNULL,
                   stderr=subprocess.DEVNULL)
        w.wait(lambda: self.listening(self.far, 1883), "mosquitto listens")

    def listening(self, namespace, port):
        with namespace:
            with open("/proc/thread-self/net/tcp") as file:
                return any(row.split()[1].endswith(f":{port:04X}") and row.split()[3] == "0A"
                           for row in list(file)[1:])

    def start(self):
        with open(self.log, "a") as log:
            self.daemon = self.spawn(MQGATED, "-c", self.config, stdout=log, stderr=log)
        w.wait(lambda: self.daemon.poll() is not None or self.answers(), self.logged)
        if self.daemon.poll() is not None:
            raise AssertionError(f"mqgated ended: {self.logged()}")

    def kill(self, number=signal.SIGKILL):
        self.daemon.send_signal(number)
        self.daemon.wait(w.LIMIT)

    def logged(self):
        with open(self.log) as file:
            return file.read()

    # ---- what it says ----------------------------------------------------------------------

    def mqgate(self, *words, code=0):
        done = subprocess.run(self.inside(MQGATE, *words), env=self.environment,
                              capture_output=True, text=True, stdin=subprocess.DEVNULL)
        w.equal(done.returncode, code, f"exit code of {words}: {done.stderr}{done.stdout}")
        return done.stdout

    def ask(self, **request):
        with socket.socket(socket.AF_UNIX) as sock:
            sock.settimeout(w.LIMIT)
            sock.connect(os.path.join(self.dir, "run", "control.sock"))
            sock.sendall(json.dumps(request).encode() + b"\n")
            answer = b""
            while not answer.endswith(b"\n"):
                more = sock.recv(65536)
                if not more:
                    raise AssertionError("the daemon hung up")
                answer += more
        return json.loads(answer)

    def answers(self):
        try:
            return self.ask(do="status")["pid"] == self.daemon.pid
        except OSError:
            return False

    def followed(self):
        """What the daemon tells of the module."""
        return self.ask(do="status")["module"]

    def settled(self):
        """Waits until the daemon follows the module and nothing is missing."""
        w.wait(lambda: self.followed()["complete"], lambda: f"complete: {self.followed()}")

    def why(self, subject="198.18.0.2"):
        return self.ask(do="why", subject=subject)

    def map(self, name):
        """(key, value) of every entry, as bpftool reads them."""
        done = subprocess.run(["bpftool", "-j", "map", "dump", "pinned",
                               os.path.join(self.pins, name)], capture_output=True, text=True)
        w.equal(done.returncode, 0, done.stderr)
        return [(one["formatted"]["key"], one["formatted"]["value"])
                for one in json.loads(done.stdout)]

    def entry(self, name, sock):
        """The value of a client's flow in a map, or None; `sock`: a socket, or its port."""
        port = sock if isinstance(sock, int) else sock.getsockname()[1]
        return next((value for key, value in self.map(name)
                     if (key["sport"], key["proto"]) == (port, socket.IPPROTO_TCP)), None)

    def allowed(self, sock):
        return self.entry("mqgate_allow", sock)

    def until_allowed(self, sock):
        w.wait(lambda: self.allowed(sock),
               lambda: f"ALLOW: {self.map('mqgate_allow')}\n{self.gw.table()}\n{self.logged()}")
        return self.allowed(sock)

    def until_not_allowed(self, sock):
        port = sock if isinstance(sock, int) else sock.getsockname()[1]
        w.wait(lambda: not self.allowed(port), lambda: f"no ALLOW: {self.map('mqgate_allow')}")

    def until_refused(self, sock):
        def refused():
            flow = self.entry("mqgate_flows", sock)
            return flow and flow["state"] == "MQGATE_FLOW_REFUSED" and flow
        return w.wait(refused, lambda: f"REFUSED: {self.map('mqgate_flows')}\n{self.logged()}")

    def metric(self, name):
        """Of one without labels; with labels write them as they are shown."""
        with self.gw:
            opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
            with opener.open("http://127.0.0.1:9883/metrics", timeout=w.LIMIT) as page:
                text = page.read().decode()
        for line in text.splitlines():
            if line.startswith(f"mqgate_{name} "):
                return float(line.split()[-1])
        return None


def stop(child):
    if child.poll() is None:
        child.terminate()
        try:
            child.wait(w.LIMIT)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()


def connect(name, keep_alive=60):
    body = (b"\0\4MQTT\4\2" + keep_alive.to_bytes(2, "big") + len(name).to_bytes(2, "big") +
            name)
    return bytes([0x10, len(body)]) + body


def session(gate, name, address="198.18.1.2", port=1883, source=None, context=None, **how):
    """
    A client of the broker, through the gateway: a socket on which CONNACK has come. With a
    context, over TLS.
    """
    sock = gate.dev.connect(address, port, source=source)
    if context:
        sock = context.wrap_socket(sock, server_hostname=address)
        w.undo.append(sock.close)
    sock.sendall(connect(name, **how))
    w.equal(w.take(sock, 4), w.CONNACK, "CONNACK")
    return sock
