# SPDX-License-Identifier: BSD-2-Clause
"""
The generic netlink family of the module, spoken from nothing but sockets: what it refuses has to
be sent by something that does not refuse it first. Numbers come from the header, types from
docs/netlink/mqgate.yaml; netlink_spec.py compares the two with the module.
"""
import os
import re
import socket
import struct
import time

import yaml

import world as w

HEADER = os.path.join(w.TOP, "include/uapi/linux/mqgate_netlink.h")
SPEC = os.path.join(w.TOP, "docs/netlink/mqgate.yaml")

REQUEST, ACK, DUMP = 1, 4, 0x300
ERROR, DONE = 2, 3
NESTED = 0x8000
SOL_NETLINK, ADD_MEMBERSHIP, CAP_ACK, EXT_ACK, STRICT = 270, 1, 10, 11, 12


def numbers():
    """MQGATE_CMD_* and MQGATE_A_*, by name."""
    found = {}
    with open(HEADER) as file:
        text = re.sub(r"/\*.*?\*/", "", file.read(), flags=re.S)
    for body in re.findall(r"enum \{(.*?)\};", text, re.S):
        number = 0
        for name, value in re.findall(r"(\w+)\s*(?:=\s*(\d+))?\s*,", body):
            number = int(value) if value else number + 1
            found[name] = number
    return found


NUMBERS = numbers()
with open(SPEC) as spec:
    SETS = {one["name"]: one for one in yaml.safe_load(spec)["attribute-sets"]}


def number_of(where, name):
    return NUMBERS[(SETS[where]["name-prefix"] + name).replace("-", "_").upper()]


FORMATS = {"u8": "B", "u16": "H", "u32": "I", "u64": "Q"}


class Refused(Exception):
    """The kernel said no: errno, and why in words."""

    def __init__(self, errno, text):
        super().__init__(f"{os.strerror(errno)}: {text!r}")
        self.errno, self.text = errno, text


def attribute(kind, payload):
    data = struct.pack("HH", 4 + len(payload), kind) + payload
    return data + bytes(-len(data) % 4)


def encode(values, where="mqgate"):
    """{"client": {"slot": 1}} as attributes; a list is one each, bytes are as they are."""
    data = b""
    known = {one["name"]: one for one in SETS[where]["attributes"]}
    for name, value in values.items():
        spec = known[name]
        kind = number_of(where, name)
        for one in value if isinstance(value, list) else [value]:
            if isinstance(one, bytes):
                data += attribute(kind, one)
            elif spec["type"] == "nest":
                data += attribute(kind | NESTED, encode(one, spec["nested-attributes"]))
            else:
                data += attribute(kind, struct.pack(FORMATS[spec["type"]], one))
    return data


def attributes(data):
    while len(data) >= 4:
        length, kind = struct.unpack_from("HH", data)
        if length < 4:
            raise AssertionError(f"attribute of {length} bytes")
        yield kind & 0x3fff, data[4:length]
        data = data[length + 3 & ~3:]


def decode(data, where="mqgate"):
    result = {}
    known = {number_of(where, one["name"]): one for one in SETS[where]["attributes"]}
    for kind, value in attributes(data):
        spec = known[kind]
        name = spec["name"]
        if spec["type"] == "pad":
            continue
        if spec["type"] == "nest":
            value = decode(value, spec["nested-attributes"])
        elif spec["type"] == "string":
            value = value.rstrip(b"\0").decode()
        elif spec.get("sub-type"):
            value = list(struct.unpack(f"{len(value) // 8}Q", value))
        elif spec["type"] != "binary":
            value = struct.unpack(FORMATS[spec["type"]], value)[0]
        if spec.get("multi-attr"):
            result.setdefault(name, []).append(value)
        else:
            result[name] = value
    return result


class Genl:
    """A socket of a namespace that speaks with the module."""

    def __init__(self, namespace, buffer=None):
        with namespace:
            self.sock = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 16)
        w.undo.append(self.sock.close)
        if buffer:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
        for option in (CAP_ACK, EXT_ACK, STRICT):
            self.sock.setsockopt(SOL_NETLINK, option, 1)
        self.sock.settimeout(w.LIMIT)
        self.sock.bind((0, 0))
        self.sequence = 0
        self.family, self.groups = 16, {}
        try:
            answer = self.exchange(3, attribute(2, b"mqgate\0"), 0)[0][1]
        except Refused:
            w.undo.remove(self.sock.close)
            self.sock.close()
            raise
        for kind, value in attributes(answer):
            if kind == 1:
                self.family = struct.unpack("H", value)[0]
            elif kind == 7:
                for _, group in attributes(value):
                    group = dict(attributes(group))
                    name = group[1].rstrip(b"\0").decode()
                    self.groups[name] = struct.unpack("I", group[2])[0]

    def send(self, command, data, flags, family=None, version=1):
        self.sequence += 1
        header = struct.pack("IHHII", 20 + len(data), family or self.family,
                             flags | REQUEST, self.sequence, 0)
        self.sock.send(header + struct.pack("BBH", command, version, 0) + data)

    def messages(self):
        """(type, sequence, payload) of a datagram."""
        data = self.sock.recv(1 << 17)
        while len(data) >= 16:
            length, kind, flags, sequence, _ = struct.unpack_from("IHHII", data)
            yield kind, flags, sequence, data[16:length]
            data = data[length + 3 & ~3:]

    def exchange(self, command, data, flags):
        """(command, attributes) a message of the answer."""
        self.send(command, data, flags if flags == DUMP else flags | ACK)
        answer = []
        while True:
            for kind, kinds, sequence, payload in self.messages():
                if sequence != self.sequence:
                    continue
                if kind in (ERROR, DONE):
                    verdict(kind, kinds, payload)
                    return answer
                answer.append((payload[0], payload[4:]))

    def ask(self, command, values=None, dump=False):
        """What the module answers, decoded: a dictionary a message."""
        number = NUMBERS["MQGATE_CMD_" + command.replace("-", "_").upper()]
        answer = self.exchange(number, encode(values or {}), DUMP if dump else 0)
        return [decode(data) for _, data in answer]

    def refused(self, errno, command, values=None, dump=False):
        """Has to be refused, with this errno, in words; returns the words."""
        try:
            got = self.ask(command, values, dump)
        except Refused as no:
            w.equal(no.errno, errno, f"errno of {values}: {no.text!r}")
            w.equal(len(no.text) > 5, True, f"words with {values}")
            return no.text
        raise AssertionError(f"{command} {values} was not refused: {got}")

    def join(self):
        self.sock.setsockopt(SOL_NETLINK, ADD_MEMBERSHIP, self.groups["events"])

    def events(self, until):
        """(command, event) until `until` says so of one."""
        names = {number: name[len("MQGATE_CMD_"):-len("_NTF")].removeprefix("CLIENT_").lower()
                 for name, number in NUMBERS.items() if name.endswith("_NTF")}
        seen = []
        end = time.monotonic() + w.LIMIT
        while time.monotonic() < end:
            for _, _, _, payload in self.messages():
                seen.append((names[payload[0]], decode(payload[4:])))
                if until(*seen[-1]):
                    return seen
        raise AssertionError(f"never: {seen}")


def verdict(kind, flags, payload):
    errno = -struct.unpack_from("i", payload)[0]
    if not errno:
        return
    text = ""
    if flags & 0x200:
        # NLM_F_CAPPED is set: an error carries the header of the request only.
        for number, value in attributes(payload[20 if kind == ERROR else 4:]):
            if number == 1:
                text = value.rstrip(b"\0").decode()
    raise Refused(errno, text)


def address(text):
    if ":" in text:
        return socket.inet_pton(socket.AF_INET6, text)
    return bytes(10) + b"\xff\xff" + socket.inet_aton(text)


def flow(sock):
    """The flow of a client's socket, as a request names it."""
    source, target = sock.getsockname()[:2], sock.getpeername()[:2]
    return {"saddr": address(source[0]), "sport": source[1],
            "daddr": address(target[0]), "dport": target[1]}
