#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""Vectors of a real broker against the packet validator.

Reads all but CONNECT.json and CONNACK.json of the directory that MQGATE_VECTORS names (it is not
part of the project; without it everything is skipped). What the broker refuses has to be refused,
but for what POLICY lists, which is no question of form; what it accepts, and what it sends, has to
be in order. One test point a vector.
"""
import json
import os
import sys

from foreign_vectors import ask, payload

# Refused by the broker, well-formed for us, and why.
CLOSES = "well-formed, and the connection ends with it by design"
FLOW = "which identifiers are under way is the session's concern"
ALIAS = "the largest alias is in a CONNACK that the broker wrote"
POLICY = {
    "v5.0   DISCONNECT: E0 long": CLOSES,
    "v5.0   DISCONNECT: E0 valid": CLOSES,
    "v5.0   DISCONNECT: E0 RC=0x04 (disconnect with will)": CLOSES,
    "v5.0   DISCONNECT: E0 RC=0x93 (receive maximum exceeded)": CLOSES,
    "v5.0   DISCONNECT: E0 RC=0x94 (topic alias invalid)": CLOSES,
    "v5.0   DISCONNECT: E0 RC=0x00 PL=5 P=0x11": CLOSES,
    "v5.0   DISCONNECT ALLOWED PROPERTIES: E0 with reason-string property": CLOSES,
    "v5.0   DISCONNECT ALLOWED PROPERTIES: E0 with user-property empty key": CLOSES,
    "v5.0   DISCONNECT ALLOWED PROPERTIES: E0 with user-property empty key,value": CLOSES,
    "v3.1.1 FLOW: QoS 1 PUBLISH-PUBREC": FLOW,
    "v3.1.1 FLOW: QoS 2 PUBLISH-PUBACK": FLOW,
    "v3.1.1 FLOW: QoS 2 PUBLISH-PUBCOMP": FLOW,
    "v5.0   FLOW: QoS 1 PUBLISH-PUBCOMP": FLOW,
    "v5.0   FLOW: QoS 2 PUBLISH-PUBREC-PUBREL-PUBACK": FLOW,
    "v3.1.1 PUBLISH: 34 QoS 2 Dup flow*3": FLOW,
    "v5.0   PUBLISH: 34 QoS 2 Dup flow*3": FLOW,
    "v5.0   PUBLISH ALLOWED PROPERTIES: topic alias > max topic alias": ALIAS,
}


def streams(directory):
    """Title, level, what a client sends, what comes back, whether the connection lives on."""
    for name in sorted(os.listdir(directory)):
        if not name.endswith(".json") or name in ("CONNECT.json", "CONNACK.json"):
            continue
        with open(os.path.join(directory, name), encoding="utf-8") as file:
            groups = json.load(file)
        for group in groups:
            for test in group["tests"]:
                settings = {**group, **test}
                if settings.get("disable") or not settings.get("connect", True):
                    continue
                said = {"send": b"", "recv": b""}
                for message in test["msgs"]:
                    if message["type"] in said:
                        said[message["type"]] += payload(message["payload"])
                yield f"{group['group']}: {test['name']}", settings.get("ver", 4), \
                    said["send"], said["recv"], not settings.get("expect_disconnect", True)


def main():
    directory = os.environ.get("MQGATE_VECTORS")
    print("KTAP version 1")
    if not directory:
        print("1..0 # SKIP MQGATE_VECTORS names no directory")
        return 4
    tests, lines = [], []
    for title, level, sent, came, lives in streams(directory):
        if sent:
            tests.append((title, lives))
            lines.append(f"packets{level}c {sent.hex()}\n")
        if came:
            tests.append((f"{title}: the answer", True))
            lines.append(f"packets{level}s {came.hex()}\n")
    print(f"1..{len(tests)}")
    failed = 0
    for number, ((title, good), answer) in enumerate(zip(tests, ask(lines)), 1):
        why = None if good else POLICY.get(title)
        wants_ok = good or why is not None
        fits = answer.startswith("ok ") == wants_ok
        if not fits:
            print(f"# {lines[number - 1].strip()[:200]}: answered {answer}")
            failed = 1
        note = f" ({why})" if why else ""
        title = title.replace("#", "")
        print(f"{'ok' if fits else 'not ok'} {number} {title}: "
              f"{'in order' if wants_ok else 'refused'}{note}")
    return failed


if __name__ == "__main__":
    sys.exit(main())
