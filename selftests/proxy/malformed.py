#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""
First packets that must not pass, by number: the examples of ATTACKS 1-10 and 12, in every version
that has them, on plain and on TLS listeners; and the legal ones beside them, which arrive as sent.
"""
from first_rows import *

pki = Pki()
DOORS = ((PLAIN, None), (TLS, pki.context(pki.device("device-1"))))
BOTH = ("-b", "127.0.0.1:1883", "-r", "any", "-p", "127.0.0.1:1884", "-t", "127.0.0.1:8883")


def answer(level, code):
    if isinstance(code, dict):
        return b"\x20\x02\0" + bytes([code[level]])
    return b"\x20\x03\0" + bytes([code, 0]) if level == 5 and code else b""


def refuse(levels, packets, reason, code):
    cases = [(data, answer(level, code), reason) for level in levels for data in packets(level)]
    for door in DOORS:
        with Rig(*BOTH, pki=pki) as rig:
            refuse_each(rig, cases, *door)


for _what, *_rest in CASES:
    test(f"ATTACKS {_what}: {_rest[2]}")(lambda rest=_rest: refuse(*rest))


@test("ATTACKS 7: any other packet before CONNECT, each type, with a declared 100 MB body: no "
      "memory")
def pours():
    with Rig(*BOTH[:2], "-p", "127.0.0.1:1884", asan=False) as rig:
        before = rig.status("VmRSS")
        kinds = (*range(0, 0x10), *range(0x20, 0x100, 0x10), 0x62, 0x82, 0xa2)
        for kind in kinds:
            with dial() as client:
                try:
                    client.sendall(bytes([kind]) + varint(100 << 20))
                    for _ in range(100):
                        client.sendall(bytes(1 << 20))
                    raise AssertionError(f"100 MB were taken behind {kind:02x}")
                except ConnectionError:
                    pass
        equal(rig.refusals(), ["mqtt-not-connect"] * len(kinds))
        equal(rig.upstream(), 0, "connections to the broker")
        if rig.status("VmRSS") - before > 4096:
            raise AssertionError(f"{before} kB became {rig.status('VmRSS')} kB")


@test("ATTACKS 7: a CONNECT that is refused, and 100 kB behind it: the answer is read all the same")
def pours_on():
    with Rig(*BOTH, pki=pki) as rig:
        refuse_each(rig, [(hello(5, 3, ID) + bytes(100000), answer(5, 0x81), "mqtt-connect-flags")])


def arrives(packets, *options):
    """Each reaches the broker as it came."""
    heard = []

    def broker(sock):
        kind, body = read_packet(sock)
        heard.append(bytes([kind]) + varint(len(body)) + body)
        sock.sendall(b"\x20\x03\0\0\0" if body[6] & 0x7f == 5 else ACCEPTED)
        sock.recv(1)

    with FakeBroker(broker), Rig("-b", "127.0.0.1:1883", *options, "-p", "127.0.0.1:1884") as rig:
        for data in packets:
            with dial() as client:
                client.sendall(data)
                kind, body = read_packet(client)
                equal((kind, body[1]), (0x20, 0), "CONNACK")
        equal(heard, list(packets))
        equal(rig.refusals(), [])


@test("ATTACKS 4: 42 is legal in v5")
def password_alone():
    arrives([hello(5, 0x42, ID, text("secret"))], "-a")


@test("ATTACKS 5: bridge levels 83/84/85 are legal")
def bridges():
    arrives([hello(level, 2, ID) for level in (0x83, 0x84, 0x85)])


def processor_time(rig):
    """Nanoseconds, of all its threads."""
    total = 0
    for task in os.listdir(f"/proc/{rig.process.pid}/task"):
        with open(f"/proc/{rig.process.pid}/task/{task}/schedstat") as stat:
            total += int(stat.read().split()[0])
    return total


@test("ATTACKS 9: 5,000 user properties: under 20 times the CPU of a plain CONNECT")
def many_properties():
    took = []
    with Mosquitto(), Rig("-L", "user_properties=5000", *BOTH[:2], "-p", "127.0.0.1:1884",
                          asan=False) as rig:
        for count in (0, 5000):
            before = processor_time(rig)
            for _ in range(50):
                with dial() as client:
                    client.sendall(hello(5, 2, ID, properties=b"\x26\0\1a\0\1b" * count))
                    equal(read_packet(client)[1][1], 0, "CONNACK")
            poll("sessions are given back", lambda: rig.open() == 0)
            took.append(processor_time(rig) - before)
    if took[1] > 20 * took[0]:
        raise AssertionError(f"{took[1] / took[0]:.1f} times")


@test("ATTACKS 12: a TLS ClientHello on the plain port; HTTP, too")
def other_protocols():
    with Rig(*BOTH, pki=pki) as rig:
        refuse_each(rig, [(client_hello(pki.context()), b"", "mqtt-flags"),
                          (b"GET / HTTP/1.1\r\n\r\n", b"", "mqtt-not-connect")])


@test("ATTACKS 12: HTTP on the TLS port, a plain CONNECT on the TLS port")
def not_tls():
    with Rig(*BOTH, pki=pki) as rig:
        refuse_each(rig, [(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"", "tls-not-handshake")] +
                    [(connect("d", level), b"", "tls-not-handshake") for level in ALL], TLS)


every_example((
    "1: five-byte length", "2: first byte 00/01/02/04/08", "2: F0 from a v3 client", "2: 1F",
    "3: 10 00", "3: 10 02 0004", "3: 10 06 0004 4D515454", "3: a trailing byte",
    "3: a body longer", "4: connect flags 01", "4: connect flags 0A", "4: connect flags 12",
    "4: connect flags 1E", "4: 82 without username", "4: 42 in v3", "4: 42 is legal in v5",
    "5: MQTU, MQTTT, empty", "5: MQIsdp with level 4", "5: level 6", "5: bridge levels 83/84/85",
    "6: empty client id", "7: any other packet before CONNECT", "8: strings",
    "9: property length of continuation bytes", "9: receive maximum 0, packet size 0",
    "9: duplicate", "9: foreign", "9: unknown ids 00, 7F, FF7F", "9: bad will properties",
    "9: 5,000 user properties", "10: will to $CONTROL/#, $SYS/#",
    "10: will topic with wildcard or empty", "12: a TLS ClientHello on the plain port",
    "12: HTTP on the TLS port, a plain CONNECT on the TLS port"))
main()
