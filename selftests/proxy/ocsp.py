#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""
OCSP for client certificates: the CONNECT waits for the answer, and what an answer must be to be
believed. `openssl ocsp` is the responder; what it would not say comes from one that lies.
ATTACKS 23, 24.
"""
import contextlib
import os
import ssl
import subprocess

from proxyrig import *

VERSIONS = (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3)
WHERE = ("127.0.0.1", 8888)
OFF, OPTIONAL, REQUIRE = 0, 1, 2
TIMEOUT = 1500
BEFORE = ("-b", "127.0.0.1:1883", "-w", "1", "-N")
LISTEN = ("-t", "127.0.0.1:8883")
pki = Pki()
for _name in ("device-1", "device-2", "device-3"):
    pki.device(_name)
pki.make("stranger", "device-1", "stranger")
pki.shell(f"""
    set -e
    sed 's/^\\[server_ext\\]/[ocsp_ext]\\nextendedKeyUsage = OCSPSigning\\n&/;
         s|^subjectAltName.*|&\\nauthorityInfoAccess = OCSP;URI:http://127.0.0.1:8888/from-aia|' \
        {pki.dir}/ca.cnf > {pki.dir}/new.cnf
    mv {pki.dir}/new.cnf {pki.dir}/ca.cnf
    pki_issue {pki.dir} responder responder ocsp_ext DNS:none
    pki_device {pki.dir} device-4
    cp {pki.dir}/index.txt {pki.dir}/all.txt""")


def ask(policy="hard", nonce=OPTIONAL, max_age=3600000, place="url"):
    return ("-o", f"{policy},{nonce},{TIMEOUT},{max_age},{place},{WHERE[0]}:{WHERE[1]}")


def start(*options):
    return Rig(*BEFORE, *(options or ask()), *LISTEN, pki=pki)


def change(rig, *options):
    answer = rig.ask(" ".join(("change", "-d", pki.dir, *BEFORE, *options, *LISTEN)))
    equal(answer["error"], 0, answer["why"])


@contextlib.contextmanager
def responder(signer="ca", without=()):
    """openssl ocsp, over the index of the CA; it knows nothing of certificates @without."""
    with open(pki.path("all.txt")) as index, open(pki.path("known.txt"), "w") as known:
        known.writelines(line for line in index if not any(
            f"CN={name}/" in line for name in without))
    process = subprocess.Popen(
        ["openssl", "ocsp", "-index", pki.path("known.txt"), "-port", str(WHERE[1]), "-rsigner",
         pki.path(signer + ".pem"), "-rkey", pki.path(signer + ".key"), "-CA",
         pki.path("ca.pem"), "-nmin", "5", "-ignore_err"],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        poll("the responder listens", lambda: f":{WHERE[1]} " in subprocess.run(
            ["ss", "-Hltn"], capture_output=True, text=True, check=True).stdout)
        yield process
    finally:
        process.kill()
        process.wait()


def revoked(name):
    """The index says that @name is revoked, while the context lasts."""
    with open(pki.path("all.txt")) as index:
        lines = index.readlines()
    for i, line in enumerate(lines):
        fields = line.rstrip("\n").split("\t")
        if f"CN={name}/" in fields[5]:
            fields[0], fields[2] = "R", "250101000000Z"
            lines[i] = "\t".join(fields) + "\n"
    return lines


@contextlib.contextmanager
def index_of(lines):
    with open(pki.path("all.txt")) as index:
        before = index.read()
    with open(pki.path("all.txt"), "w") as index:
        index.writelines(lines)
    try:
        yield
    finally:
        with open(pki.path("all.txt"), "w") as index:
            index.write(before)


class Liar(FakeBroker):
    """A responder that says what answer(request) gives it, and remembers what it was asked."""

    def __init__(self, answer):
        self.asked, self.answer = [], answer
        super().__init__(self.one_question, WHERE)

    def one_question(self, sock):
        data = b""
        while b"\r\n\r\n" not in data:
            part = sock.recv(65536)
            if not part:
                return
            data += part
        head, _, body = data.partition(b"\r\n\r\n")
        length = int([line.split(b":")[1] for line in head.split(b"\r\n")
                      if line.lower().startswith(b"content-length")][0])
        while len(body) < length:
            body += sock.recv(65536)
        self.asked.append(head)
        try:
            self.answer(sock, body)
        except (ConnectionError, TimeoutError):
            pass


def http(sock, body, kind=b"application/ocsp-response", status=b"200 OK"):
    sock.sendall(b"HTTP/1.0 " + status + b"\r\nContent-Type: " + kind + b"\r\nContent-Length: " +
                 str(len(body)).encode() + b"\r\n\r\n" + body)


def made(request, status="good", signer="ca", this=-10, after=60, about="device-1", nonce=True,
         issuer="ca"):
    words = [os.path.join(BUILT, "oddocsp"), pki.path(issuer + ".pem"), pki.path(about + ".pem"),
             pki.path(signer + ".pem"), pki.path(signer + ".key"), status, str(this), str(after)]
    with open(pki.path("request.der"), "wb") as out:
        out.write(request)
    return subprocess.run(words + ([out.name] if nonce else []), capture_output=True,
                          check=True).stdout


def saying(**keywords):
    return lambda sock, request: http(sock, made(request, **keywords))


def comes_in(name="device-1", version=None):
    return session(name, TLS, pki.context(name, version), 5)


def is_refused(rig, reason, code, name="device-1", version=None):
    since = rig.mark()
    with dial(TLS, pki.context(name, version)) as client:
        client.sendall(connect(name, 5))
        equal(read_packet(client)[1][1], code, "CONNACK")
    equal(rig.refused(since)["refused"], reason)


def answers(rig, **wanted):
    counted = rig.counts()["ocsp"]
    equal({key: counted[key] for key in wanted}, wanted, "counted")


def real(version):
    with Mosquitto():
        with index_of(revoked("device-2")), responder(without=["device-3"]), start() as rig:
            comes_in("device-1", version).close()
            is_refused(rig, "cert-revoked", 0x87, "device-2", version)
            is_refused(rig, "cert-ocsp", 0x88, "device-3", version)
            answers(rig, good=1, revoked=1, unknown=1, known=0)
            comes_in("device-1", version).close()
            is_refused(rig, "cert-revoked", 0x87, "device-2", version)
            answers(rig, good=1, revoked=1, known=2, entries=3)
        with index_of(revoked("device-2")), responder(without=["device-3"]), \
                start(*ask("soft")) as rig:
            is_refused(rig, "cert-revoked", 0x87, "device-2", version)
            comes_in("device-3", version).close()
            answers(rig, revoked=1, unknown=1, spared=1)


for _version in VERSIONS:
    test(f"openssl ocsp: good comes in, revoked does not, unknown by policy; asked once each, "
         f"{_version.name} (ATTACKS 23)")(lambda version=_version: real(version))


@test("an answer by the responder that the CA has made one, with the nonce required")
def delegated():
    with Mosquitto(), responder("responder"), start(*ask(nonce=REQUIRE)) as rig:
        comes_in().close()
        answers(rig, good=1)


@test("nobody there, or silence to the deadline: hard refuses, soft lets in and counts")
def silent():
    with Mosquitto():
        for open_it, word in ((None, "bad"), (lambda sock, request: sock.recv(1), "late")):
            with contextlib.ExitStack() as stack:
                if open_it:
                    stack.enter_context(Liar(open_it))
                with start() as rig:
                    is_refused(rig, "cert-ocsp", 0x88)
                    answers(rig, **{word: 1, "spared": 0})
                    equal(rig.upstream(), 0, "connections to the broker")
                with start(*ask("soft")) as rig:
                    comes_in().close()
                    answers(rig, **{word: 1, "spared": 1})


@test("answers that must not be believed: hard refuses each (ATTACKS 23)")
def lies():
    huge = made(b"", nonce=False)
    cases = {
        "of another CA": saying(signer="stranger", nonce=True),
        "of a device of the same CA": saying(signer="device-2"),
        "of the CA that is not its own": saying(signer="other/ca"),
        "out of date": saying(this=-100, after=-10),
        "from tomorrow": saying(this=86400, after=90000),
        "about another certificate": saying(about="device-2"),
        "about the same number of another CA": saying(issuer="other/ca", signer="other/ca"),
        "with another nonce": lambda sock, request: http(sock, made(other_nonce())),
        "garbage": lambda sock, request: http(sock, noise(500)),
        "cut": lambda sock, request: http(sock, huge[:-5]),
        "changed in one byte": lambda sock, request: http(sock, flip(made(request))),
        "of no type": lambda sock, request: http(sock, made(request), b"text/html"),
        "an error of HTTP": lambda sock, request: http(sock, b"no", status=b"500 No"),
        "a redirection": lambda sock, request: http(sock, b"", status=b"302 Found\r\nLocation: "
                                                    b"http://127.0.0.1:1883/"),
        "try later": lambda sock, request: http(sock, b"\x30\x03\x0a\x01\x03"),
    }
    with Mosquitto():
        for what, answer in cases.items():
            with Liar(answer) as liar, start() as rig:
                try:
                    is_refused(rig, "cert-ocsp", 0x88)
                    answers(rig, bad=1, good=0)
                    equal(len(liar.asked), 1, "questions")
                except AssertionError as failure:
                    raise AssertionError(f"{what}: {failure}") from failure
        with Liar(saying()), start() as rig:
            comes_in().close()


def flip(data):
    """Within what is signed: the time at which the answer was made."""
    place = data.index(b"Z", 40) - 1
    return data[:place] + bytes([data[place] ^ 1]) + data[place + 1:]


def other_nonce():
    return subprocess.run(["openssl", "ocsp", "-issuer", pki.path("ca.pem"), "-cert",
                           pki.path("device-1.pem"), "-reqout", "/dev/stdout"],
                          capture_output=True, check=True).stdout


@test("a nonce that is required is not left out; one that is optional may be")
def nonces():
    with Mosquitto(), Liar(saying(nonce=False)):
        with start(*ask(nonce=REQUIRE)) as rig:
            is_refused(rig, "cert-ocsp", 0x88)
        for nonce in (OPTIONAL, OFF):
            with start(*ask(nonce=nonce)) as rig:
                comes_in().close()


@test("an answer without end: given up, and memory does not grow")
def endless():
    def pour(sock, request):
        sock.sendall(b"HTTP/1.0 200 OK\r\nContent-Type: application/ocsp-response\r\n\r\n"
                     b"\x30\x84\x10\0\0\0")
        while True:
            sock.sendall(noise(65536))

    with Mosquitto(), Liar(pour), start() as rig:
        is_refused(rig, "cert-ocsp", 0x88)
        before = rig.status("VmRSS")
        # By its length, not by the deadline.
        answers(rig, bad=1, late=0)
        is_refused(rig, "cert-ocsp", 0x88)
        if rig.status("VmRSS") - before > 16384:
            raise AssertionError(f"{before} kB before, {rig.status('VmRSS')} kB now")


@test("whom a certificate names is asked only where the policy has it: AIA")
def aia():
    with Mosquitto(), Liar(saying(about="device-4")) as liar:
        with start(*ask(place="aia")) as rig:
            comes_in("device-4").close()
            if not liar.asked[0].startswith(b"POST /from-aia HTTP/1.0\r\n"):
                raise AssertionError(liar.asked[0])
            is_refused(rig, "cert-ocsp", 0x88, "device-1")
            answers(rig, good=1, unasked=1)
        with Rig(*BEFORE, "-o", f"hard,1,{TIMEOUT},1000,aia,127.0.0.1:8889", *LISTEN,
                 pki=pki) as rig:
            is_refused(rig, "cert-ocsp", 0x88, "device-4")
            answers(rig, unasked=1)
        equal(len(liar.asked), 1, "questions")


@test("the CONNECT is held, and forty devices that wait are served by one answer")
def held():
    gate = threading.Event()

    def later(sock, request):
        gate.wait(10)
        http(sock, made(request))

    with Mosquitto(), Liar(later) as liar, start("-r", "prefix", *ask()) as rig:
        clients = []
        for i in range(40):
            client = dial(TLS, pki.context("device-1"))
            client.sendall(connect(f"device-1-{i}", 5))
            clients.append(client)
        poll("it was asked", lambda: liar.asked)
        equal(rig.upstream(), 0, "connections to the broker")
        clients.pop().close()
        gate.set()
        for client in clients:
            equal(read_packet(client)[1][1], 0, "CONNACK")
        equal(len(liar.asked), 1, "questions")
        for client in clients:
            client.close()
        poll("sessions are given back", lambda: rig.open() == 0)


def live(version):
    """An answer that runs out is asked for again while somebody lives by it."""
    state = {"status": "good"}

    def now(sock, request):
        if state["status"]:
            http(sock, made(request, state["status"], after=2))

    with Mosquitto(), Liar(now) as liar, start() as rig:
        client = comes_in("device-1", version)
        poll("it is asked again", lambda: len(liar.asked) >= 2)
        state["status"] = None
        poll("nobody answers", lambda: rig.counts()["ocsp"]["bad"] >= 1)
        client.sendall(PINGREQ)
        equal(read_packet(client), (0xd0, b""), "PINGRESP")
        since = rig.mark()
        state["status"] = "revoked"
        line = rig.wait(lambda line: "ended" in line, 10, since)
        equal((line["ended"], read_all(client)), ("cert-revoked", b"\xe0\x01\x87"))
        is_refused(rig, "cert-revoked", 0x87, version=version)


for _version in VERSIONS:
    test(f"a live session is asked about again; silence does not end it, revoked does, "
         f"{_version.name} (ATTACKS 24)")(lambda version=_version: live(version))


def resumed(version):
    """Who is resumed sends no chain; the ticket names whom his certificate is from."""
    state = {"status": "good"}
    context = pki.context("device-1", version)

    def again():
        sock = context.wrap_socket(socket.create_connection(TLS, 10), session=kept)
        equal(sock.session_reused, True, "resumed")
        sock.sendall(connect("device-1", 5))
        code = read_packet(sock)[1][1]
        sock.close()
        return code

    with Mosquitto(), Liar(lambda sock, request: http(sock, made(request, state["status"],
                                                                 after=2))) as liar, \
            start() as rig:
        client = session("device-1", TLS, context, 5)
        kept = client.session
        client.close()
        for status, code in (("good", 0), ("revoked", 0x87)):
            poll("the answer is forgotten", lambda: not rig.counts()["ocsp"]["entries"])
            state["status"] = status
            equal(again(), code, status)
        equal(len(liar.asked), 3, "questions")


for _version in VERSIONS:
    test(f"a resumed session is asked about like another, {_version.name} (ATTACKS 24)")(
        lambda version=_version: resumed(version))


@test("a new trust epoch empties what was answered, and asks about who is there (ATTACKS 24)")
def epoch():
    state = {"status": "good"}
    with Mosquitto(), Liar(lambda sock, request: http(sock, made(request, state["status"]))) \
            as liar, start() as rig:
        client = comes_in()
        comes_in("device-1").close()
        equal(len(liar.asked), 1, "questions")
        read_all(client)
        client = comes_in()
        state["status"] = "revoked"
        since = rig.mark()
        change(rig, *ask())
        equal(rig.wait(lambda line: "ended" in line, 5, since)["ended"], "cert-revoked")
        read_all(client)
        is_refused(rig, "cert-revoked", 0x87)
        change(rig)
        comes_in().close()
        state["status"] = "good"
        change(rig, *ask())
        comes_in().close()
        answers(rig, good=2)


@test("OCSP that is switched on by a reload asks about those who are there")
def switched_on():
    with Mosquitto(), Liar(saying(status="revoked")), start("-r", "equal") as rig:
        client = comes_in()
        since = rig.mark()
        change(rig, *ask("soft"))
        equal(rig.wait(lambda line: "ended" in line, 5, since)["ended"], "cert-revoked")
        client.close()


@test("a reload while a CONNECT is held: judged by the new epoch's answer, or let go without OCSP")
def reload_held():
    gate = threading.Event()
    with Mosquitto(), Liar(lambda sock, request: gate.wait(10) and
                           http(sock, made(request, "revoked"))) as liar, start() as rig:
        with dial(TLS, pki.context("device-1")) as client:
            client.sendall(connect("device-1", 5))
            poll("it was asked", lambda: liar.asked)
            change(rig, *ask())
            gate.set()
            equal(read_packet(client)[1][1], 0x87, "CONNACK")
        equal(len(liar.asked), 2, "questions")
        gate.clear()
        change(rig, *ask())
        with dial(TLS, pki.context("device-1")) as client:
            client.sendall(connect("device-1", 5))
            poll("it was asked", lambda: len(liar.asked) == 3)
            change(rig)
            equal(read_packet(client)[1][1], 0, "CONNACK")
        gate.set()


main()
