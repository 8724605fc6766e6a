#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""Vectors of a real broker against the CONNECT parser.

Reads CONNECT.json and CONNACK.json of the directory that MQGATE_VECTORS names (it is not part of
the project; without it everything is skipped). What the broker refuses has to be refused, but for
the refusals of POLICY, which are no question of form; what it accepts has to be OK. One test point
a vector.
"""
import json
import os
import re
import subprocess
import sys

# Well-formed packets that the broker refuses: its settings or its state say no, not the format.
POLICY = {
    "Will topic with $CONTROL": "access to a topic is a matter of policy",
    "tiny max packet": "the CONNACK would not fit what the client takes; the packet is in order",
    "duplicate CONNECT": "the first CONNECT was in order; a second one is the session's concern",
}


def varint(value):
    out = b""
    while True:
        value, low = value >> 7, value & 127
        out += bytes([low | (128 if value else 0)])
        if not value:
            return out


def payload(words):
    """The notation: 'text', iN kN LN vN ... with decimal numbers, else hex digits."""
    out = b""
    for match in re.finditer(r"'[^']*'|\S+", words):
        word = match.group(0)
        kind, number = word[0], word[1:]
        if kind == "'":
            out += word[1:-1].encode()
        elif kind == "i":
            out += bytes([int(number)])
        elif kind in "Hkms":
            out += int(number).to_bytes(2, "big")
        elif kind == "L":
            out += int(number).to_bytes(4, "big")
        elif kind in "vr":
            out += varint(int(number))
        else:
            out += bytes.fromhex(word)
    return out


def cases(directory, name):
    """Name, level, first packet sent, what comes back, whether the connection lives on."""
    with open(os.path.join(directory, name), encoding="utf-8") as file:
        for group in json.load(file):
            for test in group["tests"]:
                if test.get("disable") or group.get("disable"):
                    continue
                level = test.get("ver", group.get("ver", 4))
                messages = test["msgs"]
                sent = next(m for m in messages if m["type"] == "send")
                answer = next((m for m in messages if m["type"] == "recv"), None)
                lives = not test.get("expect_disconnect", group.get("expect_disconnect", True))
                yield group["group"], test["name"], level, payload(sent["payload"]), \
                    payload(answer["payload"]) if answer else b"", lives


def ask(lines):
    tool = os.path.join(os.environ["MQGATE_OUTPUT"], "wire_parse")
    done = subprocess.run([tool], input="".join(lines), capture_output=True, text=True, check=True)
    return done.stdout.splitlines()


def main():
    directory = os.environ.get("MQGATE_VECTORS")
    print("KTAP version 1")
    if not directory:
        print("1..0 # SKIP MQGATE_VECTORS names no directory")
        return 4
    tests, lines = [], []
    for group, name, _, sent, _, lives in cases(directory, "CONNECT.json"):
        tests.append((f"{group}: {name}", lives, None if lives else POLICY.get(name)))
        lines.append(f"connect {sent.hex()}\n")
    # What the broker's own CONNACKs look like, one for each CONNECT that it accepts.
    for group, name, level, _, answer, lives in cases(directory, "CONNECT.json"):
        if lives and answer:
            tests.append((f"{group}: {name}: its CONNACK", True, None))
            lines.append(f"connack{level} {answer.hex()}\n")
    print(f"1..{len(tests)}")
    failed = 0
    for number, ((title, good, policy), answer) in enumerate(zip(tests, ask(lines)), 1):
        title = title.replace("#", "")
        wanted = "ok" if good or policy else "a refusal"
        fits = answer.startswith("ok ") if good or policy else answer not in ("more",) and \
            not answer.startswith("ok ")
        if not fits:
            print(f"# {lines[number - 1].strip()}: answered {answer}, wanted {wanted}")
            failed = 1
        note = f" (policy: {policy})" if policy else ""
        print(f"{'ok' if fits else 'not ok'} {number} {title}: {wanted}{note}")
    return failed


if __name__ == "__main__":
    sys.exit(main())
