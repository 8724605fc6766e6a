# SPDX-License-Identifier: BSD-2-Clause
"""
mqgated in the place of the rig: proxyrig.py takes this class where MQGATE_GATEWAY=daemon. It
understands the rig's options of listeners, limits and rights, and writes a configuration of them;
it is asked through the control socket and the metrics, as an operator would. Of other options, and
of lines that only the rig's judge can tell, it knows nothing: such tests are for the rig.
"""
import getopt
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import urllib.request

from gateway import TOP, Gateway
from ktap import poll

BUILD = os.environ.get("MQGATE_BUILD", os.path.join(TOP, "build"))
OPTIONS = "w:d:L:G:H:T:D:m:s:i:r:u:agI:O:b:t:p:"
METRICS = "127.0.0.1:9883"
LIMITS = {
    "packet_size": "max_packet_size", "topic_length": "max_topic_length",
    "topic_levels": "max_topic_levels", "topic_alias": "max_topic_alias",
    "inflight": "max_inflight_messages", "filters": "max_filters",
    "user_properties": "max_user_properties", "subscriptions": "max_subscriptions",
    "client_id": "max_client_id", "keep_alive": "max_keepalive",
}
# What the rig begins with is no limit.
UNLIMITED = {
    "max_packet_size": 268435460, "max_topic_alias": 65535, "max_inflight_messages": 65535,
    "max_filters": 65535, "max_user_properties": 65535,
}


class Configuration:
    """What the options say, in the words of mqgate.yaml."""

    def __init__(self, options, directory):
        self.directory = directory
        self.like = {"limits": dict(UNLIMITED), "handshake_timeout": "5s", "connect_timeout": "5s"}
        self.identity = {"username": "any"}
        self.connect_timeout = "2s"
        self.away = {}
        self.whole = {
            "brokers": [], "listeners": [], "workers": 2, "http": METRICS, "drain_time": "0s",
            # Nobody is to be banned for what the tests do one after the other.
            "score": {"threshold": 1000000, "limit": 0},
        }
        for option, value in getopt.getopt(options, OPTIONS)[0]:
            self.take(option[1], value)

    def take(self, option, value):
        texts = {"H": "handshake_timeout", "T": "connect_timeout"}
        numbers = {"m": "connect_max", "s": "sessions_max"}
        identity = {"i": "from", "r": "client_id", "u": "username"}
        if option in texts:
            self.like[texts[option]] = value + "ms"
        elif option in numbers:
            self.like[numbers[option]] = int(value)
        elif option in identity:
            self.identity[identity[option]] = value
        elif option in "ag":
            self.like["passwords"] = {"a": "allow", "g": "strip"}[option]
        elif option == "w":
            self.whole["workers"] = int(value)
        elif option == "d":
            self.directory = value
        elif option == "D":
            self.connect_timeout = value + "ms"
        elif option == "O":
            key, number = value.split("=")
            self.away = {key: {"hold": ["off", "memory"]}[key][int(number)]}
        elif option == "I":
            self.like["proxy_protocol_in"] = {"from": [value]}
        elif option == "L":
            self.limit(value)
        elif option == "G":
            self.rule(*value.split(",", 3))
        elif option == "b":
            self.broker(value)
        else:
            self.listener(option == "t", value)

    def limit(self, text):
        key, _, number = text.partition("=")
        if key in ("close", "close_over_rate"):
            self.like["limits"]["on_refused" if key == "close" else "over_rate"] = "close"
        else:
            self.like["limits"][LIMITS.get(key, key)] = int(number)

    def rule(self, verb, words, qos, topic):
        words = words.split("+")
        rules = [{verb: ["connect"]}] if "connect" in words else []
        others = [word for word in words if word != "connect"]
        if others:
            rules.append({verb: others, "topics": [topic]})
            if verb == "allow":
                rules[-1]["qos"] = int(qos)
        policies = self.whole.setdefault("policies", [])
        policies.append({"name": f"rule{len(policies)}", "rules": rules})

    def broker(self, text):
        one = {"name": f"broker{len(self.whole['brokers']) + 1}",
               "connect_timeout": self.connect_timeout, "away": self.away}
        if "," in text:
            one["servers"] = [{"address": each} for each in text.split(",")]
        else:
            one["address"] = text
        self.whole["brokers"].append(one)

    def listener(self, tls, address):
        kind = "mqtts" if tls else "mqtt"
        one = {"name": f"{kind}{len(self.whole['listeners']) + 1}", "address": address,
               "kind": kind, "broker": self.whole["brokers"][-1]["name"], **self.like}
        if tls:
            files = {"certificate": "server.pem", "key": "server.key", "client_ca": "ca.pem",
                     "crl": "crl.pem"}
            one["tls"] = {key: os.path.join(self.directory, name) for key, name in files.items()}
            one["identity"] = self.identity
            one.pop("passwords", None)
        else:
            del one["handshake_timeout"]
        self.whole["listeners"].append(one)


class Daemon(Gateway):
    def __init__(self, *options, asan=True, nofile=None, pki=None):
        self.pki = pki
        self.dir = tempfile.mkdtemp(prefix=f"mqgate-daemon-{os.getpid()}-")
        environment = dict(os.environ, MQGATE_BPFFS=os.path.join(self.dir, "bpffs"))
        for variable, name in (("MQGATE_RUN", "run"), ("MQGATE_STATE", "state")):
            environment[variable] = os.path.join(self.dir, name)
            os.mkdir(environment[variable])
            shutil.chown(environment[variable], group="mqgate")
            os.chmod(environment[variable], 0o770)
        os.chmod(self.dir, 0o711)
        self.control = os.path.join(self.dir, "run", "control.sock")
        self.config = os.path.join(self.dir, "mqgate.yaml")
        self.configure(options)
        command = [os.path.join(BUILD, "mqgated"), "-c", self.config]
        if nofile:
            command = ["prlimit", f"--nofile={nofile}", *command]
        self.log = tempfile.TemporaryFile()
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=self.log,
                                        stderr=self.log, env=environment)
        poll(lambda: "mqgated answers: " + self.said(), self.answers)

    def configure(self, options):
        """A file that mqgated can read, JSON being YAML, and so are certificates and keys."""
        with open(self.config, "w", encoding="utf-8") as f:
            json.dump(Configuration(options, self.pki and self.pki.dir).whole, f, indent=1)
        if self.pki:
            subprocess.run(["chmod", "-R", "a+rX", self.pki.dir], check=True)

    def answers(self):
        if self.process.poll() is not None:
            raise AssertionError("mqgated ended: " + self.said())
        try:
            return self.verb("status")["listeners"]
        except OSError:
            return None

    def verb(self, verb, **fields):
        with socket.socket(socket.AF_UNIX) as sock:
            sock.settimeout(10)
            sock.connect(self.control)
            sock.sendall(json.dumps({"do": verb, **fields}).encode() + b"\n")
            return json.loads(sock.makefile().readline())

    def metrics(self, name):
        """Labels and value of each sample of a metric."""
        with urllib.request.urlopen(f"http://{METRICS}/metrics", timeout=10) as answer:
            for labels, value in re.findall(rf"^mqgate_{name}{{(.*)}} (.*)$",
                                            answer.read().decode(), re.M):
                yield dict(re.findall(r'(\w+)="([^"]*)"', labels)), int(value)

    def counts(self):
        listeners = {one["name"]: {"sessions": one["sessions"], "accepted": one["accepted"],
                                   "refused": one["refused"], "messages": {}}
                     for one in self.verb("status")["listeners"]}
        for labels, value in self.metrics("messages_refused_total"):
            listeners[labels["listener"]]["messages"][labels["reason"]] = value
        for key, name in (("paused", "reads_paused_total"), ("bytes_in", "received_bytes_total"),
                          ("bytes_out", "sent_bytes_total"),
                          ("stripped", "passwords_stripped_total")):
            for labels, value in self.metrics(name):
                listeners[labels["listener"]][key] = value
        return {"listeners": list(listeners.values()), "brokers": self.verb("brokers")["brokers"]}

    def lines(self):
        notes = self.verb("refusals")["refusals"]
        if len(notes) == 1024:
            raise AssertionError("more refusals than the daemon keeps")
        return [{"ready": self.process.pid}] + [
            {"refused": note["reason"], "ended": note["reason"], "addr": note["source"],
             "client_id": note["client_id"], "identity": note["identity"]}
            for note in reversed(notes)]

    def mark(self):
        return len(self.lines())

    def wait(self, want, seconds=10, since=0):
        return poll("said by mqgated", lambda: next(filter(want, self.lines()[since:]), None),
                    seconds)

    def refusals(self):
        return [line["refused"] for line in self.lines() if "refused" in line]

    def ask(self, question):
        verb, *words = question.split()
        if verb == "change":
            self.configure(words)
            answer = self.verb("reload")
            return {"error": 0 if answer["ok"] else -1, "why": answer.get("error", "")}
        if verb == "sessions":
            return [{**one, "addr": one["source"]} for one in self.verb(verb)["sessions"]]
        raise AssertionError(f"{verb}: is asked of the rig only")

    def stop(self):
        if self.process.returncode is not None:
            return
        self.process.send_signal(signal.SIGTERM)
        code = self.leave()
        shutil.rmtree(self.dir)
        if code:
            raise AssertionError(f"mqgated ended with {code}: {self.said()}")
