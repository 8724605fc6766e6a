# SPDX-License-Identifier: BSD-2-Clause
"""
Namespaces, links, addresses and routes without a process: under an emulated CPU `ip` takes longer
to start than the test that wants it. Understands those lines of `ip -batch` that the tests use.
Called by world.py, which is in the namespace already.
"""
import ctypes
import os
import socket
import struct

NEWLINK, SETLINK, NEWADDR, NEWROUTE = 16, 19, 20, 24
REQUEST, ACK, EXCL, CREATE = 1, 4, 0x200, 0x400
UP = 1
IFNAME, MTU, MASTER, LINKINFO, NET_NS_FD = 3, 4, 10, 18, 28
CLONE_NEWNET, BIND, DETACH = 0x40000000, 4096, 2

libc = ctypes.CDLL(None, use_errno=True)


def call(name, *arguments):
    if getattr(libc, name)(*arguments):
        wrong = ctypes.get_errno()
        raise OSError(wrong, f"{name}: {os.strerror(wrong)}")


def namespace_add(name):
    """What `ip netns add` does. Leaves the thread in the new namespace: the caller goes back."""
    path = f"/run/netns/{name}"
    os.makedirs("/run/netns", exist_ok=True)
    os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDONLY, 0))
    call("unshare", CLONE_NEWNET)
    call("mount", b"/proc/thread-self/ns/net", path.encode(), None, BIND, None)


def namespace_del(name):
    path = f"/run/netns/{name}"
    call("umount2", path.encode(), DETACH)
    os.unlink(path)


def attribute(kind, payload):
    data = struct.pack("HH", 4 + len(payload), kind) + payload
    return data + bytes(-len(data) % 4)


def text(kind, word):
    return attribute(kind, word.encode() + b"\0")


def link_message(name="", index=0, flags=0, more=b""):
    head = struct.pack("BxHiII", 0, 0, index, flags, flags)
    return head + (text(IFNAME, name) if name else b"") + more


def address(word):
    """(family, bytes, length) of ADDRESS[/LENGTH]."""
    host, _, length = word.partition("/")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    packed = socket.inet_pton(family, host)
    return family, packed, int(length) if length else 8 * len(packed)


def link_add(words):
    """NAME [up] type KIND [peer name NAME netns NAMESPACE]"""
    name, flags, files = words[0], UP if "up" in words else 0, []
    kind = words[words.index("type") + 1]
    info = text(1, kind)
    if "peer" in words:
        files.append(os.open("/run/netns/" + words[words.index("netns") + 1], os.O_RDONLY))
        peer = link_message(words[words.index("peer") + 2],
                            more=attribute(NET_NS_FD, struct.pack("i", files[0])))
        info += attribute(2, attribute(1, peer))
    return NEWLINK, link_message(name, 0, flags, attribute(LINKINFO, info)), files


def link_set(words):
    """NAME up, NAME mtu BYTES, or NAME master BRIDGE"""
    index = socket.if_nametoindex(words[0])
    if words[1] == "up":
        return NEWLINK, link_message(index=index, flags=UP), []
    if words[1] == "mtu":
        mtu = struct.pack("I", int(words[2]))
        return NEWLINK, link_message(index=index, more=attribute(MTU, mtu)), []
    master = struct.pack("i", socket.if_nametoindex(words[2]))
    return NEWLINK, link_message(index=index, more=attribute(MASTER, master)), []


def addr_add(words):
    """ADDRESS/LENGTH dev NAME"""
    family, packed, length = address(words[0])
    head = struct.pack("BBBBi", family, length, 0, 0, socket.if_nametoindex(words[2]))
    return NEWADDR, head + attribute(1, packed) + attribute(2, packed), []


def route_add(words):
    """default|ADDRESS/LENGTH via GATEWAY | dev NAME"""
    if words[1] == "via":
        family, gateway, _ = address(words[2])
        out = attribute(5, gateway)
    else:
        family, out = None, attribute(4, struct.pack("i", socket.if_nametoindex(words[2])))
    length, target = 0, b""
    if words[0] != "default":
        family, packed, length = address(words[0])
        target = attribute(1, packed)
    scope = 0 if words[1] == "via" or family == socket.AF_INET6 else 253
    head = struct.pack("BBBBBBBBI", family, length, 0, 0, 254, 3, scope, 1, 0)
    return NEWROUTE, head + target + out, []


VERBS = {("link", "add"): link_add, ("link", "set"): link_set, ("addr", "add"): addr_add,
         ("route", "add"): route_add}


def do(*lines):
    """Each line in its turn, in the namespace of this thread; OSError with the line that failed."""
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0) as sock:
        for line in lines:
            words = line.split()
            kind, body, files = VERBS[words[0], words[1]](words[2:])
            flags = REQUEST | ACK | (0 if words[1] == "set" else CREATE | EXCL)
            sock.send(struct.pack("IHHII", 16 + len(body), kind, flags, 1, 0) + body)
            answer = sock.recv(1 << 16)
            for file in files:
                os.close(file)
            wrong = -struct.unpack_from("i", answer, 16)[0]
            if wrong:
                raise OSError(wrong, f"{line}: {os.strerror(wrong)}")
