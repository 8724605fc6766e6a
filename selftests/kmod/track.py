# SPDX-License-Identifier: BSD-2-Clause
"""Which connections get an entry, where, and what in it is right; and what never makes one."""
import socket

from world import (ACK, CONNACK, CONNECT, FIN, PINGREQ, PSH, RST, SYN, Namespace, Raw, Skip,
                   World, equal, link, main, run, sequence, session, take, test, undo, wait)

LOCAL, BRIDGED, PICKUP = 1, 2, 4


def flags(client):
    return int(client["flags"], 16)


def follow(world, server, address, kind):
    """One plain session from begin to end, seen by the gateway."""
    client, accepted = world.pair(server, address)
    found = world.gw.until(client, phase="connect")
    equal(flags(found) & (LOCAL | BRIDGED | PICKUP), kind, "kind")
    session(client, accepted)
    found = world.gw.until(client, phase="connected")
    equal(found["bytes"], f"{len(CONNECT)}/{len(CONNACK)}", "payload each way")
    equal(found["offences"], "0", "offences")
    address = client.getsockname()
    client.close()
    wait(lambda: accepted.recv(1) == b"", "FIN at the broker")
    accepted.close()
    world.gw.until_gone(address)
    equal(world.gw.counter("clients"), 0, "entries left")
    equal(world.gw.counter("picked-up"), 0, "picked up")


@test("a session with a broker of this host is followed over IPv4")
def local_ipv4():
    world = World()
    follow(world, world.gw, "198.18.0.1", LOCAL)


@test("a session with a broker of this host is followed over IPv6")
def local_ipv6():
    world = World()
    follow(world, world.gw, "2001:db8:18::1", LOCAL)


@test("a routed session is followed over IPv4")
def routed_ipv4():
    world = World()
    follow(world, world.far, "198.18.1.2", 0)


@test("a routed session is followed over IPv6")
def routed_ipv6():
    world = World()
    follow(world, world.far, "2001:db8:19::2", 0)


@test("a broker on loopback is followed, once and not once for each end")
def loopback():
    host = Namespace("host")
    listener = host.listen("127.0.0.1")
    client = host.connect("127.0.0.1")
    accepted, _ = listener.accept()
    session(client, accepted)
    host.until(client, phase="connected")
    equal(host.counter("clients"), 1, "entries")


@test("a bridged session is followed, and once with br_netfilter too")
def bridged():
    try:
        run("modprobe", "br_netfilter")
    except AssertionError as lacking:
        raise Skip("no br_netfilter") from lacking
    dev, gw, far = Namespace("dev"), Namespace("gw"), Namespace("far")
    link(dev, "dev0", gw, "gw0")
    link(gw, "gw1", far, "far0")
    gw.ip("link add br0 up type bridge", "link set gw0 master br0", "link set gw1 master br0")
    gw.sysctl("net.bridge.bridge-nf-call-iptables=1")
    dev.ip("addr add 198.18.0.2/24 dev dev0")
    far.ip("addr add 198.18.0.3/24 dev far0")
    listener = far.listen("198.18.0.3")
    client = dev.connect("198.18.0.3")
    accepted, _ = listener.accept()
    session(client, accepted)
    found = gw.until(client, phase="connected")
    equal(flags(found) & (LOCAL | BRIDGED), BRIDGED, "kind")
    equal(found["bytes"], f"{len(CONNECT)}/{len(CONNACK)}", "payload each way")
    equal(gw.counter("begun"), 1, "entries made")


@test("a port that is no service is left alone")
def other_port():
    world = World()
    client, accepted = world.pair(world.gw, "198.18.0.1", port=2222)
    client.sendall(b"SSH-2.0-x")
    take(accepted, 9)
    equal(world.gw.counter("clients"), 0, "entries")
    equal(world.gw.counter("untracked"), 0, "segments looked at")


@test("a TLS service is followed by phase: the handshake comes first")
def tls():
    world = World()
    client, _ = world.pair(world.gw, "198.18.0.1", port=8883)
    world.gw.until(client, phase="handshake")


@test("what carries the daemon's mark is left alone: its own way to a broker on this host")
def marked():
    host = Namespace("host")
    listener = host.listen("127.0.0.1")
    client = host.connect("127.0.0.1", options=[(socket.SOL_SOCKET, socket.SO_MARK, 0x6d71)])
    accepted, _ = listener.accept()
    session(client, accepted)
    equal(host.counter("begun"), 0, "entries made")


@test("a socket with another mark is not")
def marked_otherwise():
    host = Namespace("host")
    listener = host.listen("127.0.0.1")
    client = host.connect("127.0.0.1", options=[(socket.SOL_SOCKET, socket.SO_MARK, 0x6d72)])
    accepted, _ = listener.accept()
    session(client, accepted)
    host.until(client, phase="connected")


@test("a CONNECT in the segment that ends the handshake is the first payload, not a pickup")
def data_on_ack():
    first_with_ack(Namespace("host"), "127.0.0.1")


@test("and so it is when the handshake went by SYN cookie")
def data_on_cookie():
    for address in "127.0.0.1", "::1":
        host = Namespace("host")
        host.sysctl("net.ipv4.tcp_syncookies=2")
        first_with_ack(host, address)


def first_with_ack(host, address):
    listener = host.listen(address)
    with host:
        client = socket.socket(listener.family)
    undo.append(client.close)
    # Holds the bare ACK back until there is something to send with it.
    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 0)
    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_DEFER_ACCEPT, 1)
    client.connect((address, 1883))
    equal(host.counter("begun"), 0, "entries before the ACK")
    client.sendall(CONNECT)
    accepted, _ = listener.accept()
    equal(take(accepted, len(CONNECT)), CONNECT)
    host.until(client, phase="connack")
    equal(host.counter("picked-up"), 0, "picked up")


@test("with SYN cookies the entry begins with the first payload, and validated")
def cookies():
    world = World()
    world.gw.sysctl("net.ipv4.tcp_syncookies=2")
    client, accepted = world.pair(world.gw, "198.18.0.1")
    session(client, accepted)
    found = world.gw.until(client, phase="connected")
    equal(flags(found) & PICKUP, 0, "picked up")


@test("the same ports used for a new connection make a new entry")
def reuse():
    world = World()
    source = ("198.18.0.2", 41000)
    listener = world.far.listen("198.18.1.2")
    client = world.dev.connect("198.18.1.2", source=source)
    accepted, _ = listener.accept()
    session(client, accepted)
    world.gw.until(client, phase="connected")
    # Both ends lose their state without a word on the wire, as after a power cut.
    for sock in client, accepted:
        sock.setsockopt(socket.IPPROTO_TCP, 19, 1)
        sock.close()
    client = world.dev.connect("198.18.1.2", source=source)
    accepted, _ = listener.accept()
    world.gw.until(client, phase="connect")
    session(client, accepted)
    world.gw.until(client, phase="connected")
    equal((world.gw.counter("begun"), world.gw.counter("ended")), (2, 1), "entries begun, ended")
    equal(world.gw.counter("picked-up"), 0, "picked up")


@test("RST from the client ends the entry")
def client_resets():
    world = World()
    client, accepted = world.pair(world.gw, "198.18.0.1")
    session(client, accepted)
    address = client.getsockname()
    world.gw.until(client, phase="connected")
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    client.close()
    world.gw.until_gone(address)


@test("ATTACKS 20: a flood of SYNs with forged sources makes no entry (routed)")
def syn_flood_routed():
    world = World()
    world.far.listen("198.18.1.2")
    raw = Raw(world.dev)
    for i in range(3000):
        raw.send((f"198.18.{64 + i // 250}.{i % 250 + 1}", 1024 + i), ("198.18.1.2", 1883), SYN, i)
    wait(lambda: world.gw.counter("half-open") >= 2900, "SYNs at the gateway")
    equal(world.gw.counter("begun"), 0, "entries made")
    follow(world, world.far, "2001:db8:19::2", 0)


@test("ATTACKS 20: a flood of SYNs makes no entry (local)")
def syn_flood_local():
    world = World()
    listener = world.gw.listen("198.18.0.1")
    raw = Raw(world.dev)
    for i in range(1000):
        raw.send((f"198.18.{64 + i // 250}.{i % 250 + 1}", 1024 + i), ("198.18.0.1", 1883), SYN, i)
    client = world.dev.connect("198.18.0.1")
    accepted, _ = listener.accept()
    session(client, accepted)
    world.gw.until(client, phase="connected")
    equal(world.gw.counter("begun"), 1, "entries made")


@test("ATTACKS 20: a flood of bare ACKs and of payload makes no entry, routed or local")
def ack_flood():
    world = World()
    world.far.listen("198.18.1.2")
    world.gw.listen("198.18.0.1")
    raw = Raw(world.dev)
    for round_ in range(2):
        for i in range(500):
            source = (f"198.18.{64 + i // 250}.{i % 250 + 1}", 1024 + i)
            payload = CONNECT if i % 2 else b""
            for target in "198.18.1.2", "198.18.0.1":
                raw.send(source, (target, 1883), ACK | PSH, 7000 * round_, 9000, payload=payload)
    wait(lambda: world.gw.counter("untracked") >= 1900, "segments at the gateway")
    equal(world.gw.counter("begun"), 0, "entries made")


@test("the server's number has to be known: an ACK that guesses it makes no entry (routed)")
def wrong_ack():
    world = World()
    # A listener whose host never answers the handshake's end: nobody has that address.
    source = ("198.18.0.77", 5000)
    world.far.listen("198.18.1.2")
    raw = Raw(world.dev)
    raw.send(source, ("198.18.1.2", 1883), SYN, 100)
    wait(lambda: world.gw.counter("half-open") == 1, "SYN at the gateway")
    for guess in range(0, 2**32, 2**27):
        raw.send(source, ("198.18.1.2", 1883), ACK | PSH, 101, guess, payload=CONNECT)
    wait(lambda: world.gw.counter("untracked") >= 30, "guesses at the gateway")
    equal(world.gw.counter("begun"), 0, "entries made")


@test("a flow older than its namespace's entry is picked up, unvalidated (local)")
def pickup_local():
    world = World()
    client, accepted = older(world, world.gw, "198.18.0.1")
    found = world.gw.until(client, phase="connected")
    equal(flags(found) & PICKUP, PICKUP, "picked up")
    equal(world.gw.counter("violations"), 0, "violations")


@test("a flow older than its entry is picked up after two-way traffic (routed)")
def pickup_routed():
    world = World()
    client, accepted = older(world, world.far, "198.18.1.2")
    found = world.gw.until(client, phase="connected")
    equal(flags(found) & PICKUP, PICKUP, "picked up")
    equal(world.gw.counter("violations"), 0, "violations")


def older(world, server, address):
    """A session that begins while its packets carry the daemon's mark, and are not looked at."""
    mark = (socket.SOL_SOCKET, socket.SO_MARK, 0x6d71)
    run("nsenter", f"--net=/run/netns/{world.gw.name}", "nft", "add table ip old; "
        "add chain ip old pre { type filter hook prerouting priority -300; }; "
        "add rule ip old pre mark set 0x6d71")
    client, accepted = world.pair(server, address)
    accepted.setsockopt(*mark)
    session(client, accepted)
    equal(world.gw.counter("begun"), 0, "entries made")
    run("nsenter", f"--net=/run/netns/{world.gw.name}", "nft", "delete table ip old")
    accepted.setsockopt(mark[0], mark[1], 0)
    for _ in range(4):
        client.sendall(PINGREQ)
        take(accepted, 2)
        accepted.sendall(b"\xd0\x00")
        take(client, 2)
    return client, accepted


@test("a segment with a wrong checksum is not what the receiver gets, and is not followed")
def bad_checksum():
    world = World()
    client, accepted = world.pair(world.gw, "198.18.0.1")
    world.gw.until(client, phase="connect")
    send, receive = sequence(client)
    raw = Raw(world.dev)
    raw.send(client.getsockname(), ("198.18.0.1", 1883), ACK | PSH, send, receive,
             payload=b"\xee" * 17, spoil=1)
    wait(lambda: world.gw.counter("bad-header") == 1, "the segment")
    session(client, accepted)
    equal(world.gw.until(client, phase="connected")["offences"], "0", "offences")


@test("what has no entry is not answered: a stray FIN or RST makes nothing and passes")
def strays():
    world = World()
    raw = Raw(world.dev)
    for bits in FIN | ACK, RST, RST | ACK, SYN | FIN, 0:
        raw.send(("198.18.0.66", 1234), ("198.18.0.1", 1883), bits, 1, 1)
    wait(lambda: world.gw.counter("untracked") >= 4, "segments at the gateway")
    equal(world.gw.counter("begun"), 0, "entries made")


@test("services follow the parameters: another port of a namespace made later")
def ports():
    host = Namespace("host")
    listener = host.listen("127.0.0.1", 1884)
    client = host.connect("127.0.0.1", 1884)
    accepted, _ = listener.accept()
    session(client, accepted)
    host.until(client, phase="connected")


main(ports="1883,1884")
