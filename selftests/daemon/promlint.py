#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""Checks Prometheus text (format 0.0.4) on stdin the way its parser does and as this project
promises: every sample after its HELP and TYPE, prefix mqgate_, _total for counters and only for
them, no sample twice, numbers, and no label beyond the known ones. Says what is wrong, exits 1."""
import re
import sys

LABELS = {"service", "reason", "answer", "verdict", "listener", "broker", "server", "map",
          "version", "abi", "key", "days", "result", "kind"}
SAMPLE = re.compile(r'^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)$')
LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"(?:,|$)')

kinds, helped, seen, wrong = {}, set(), set(), []
text = sys.stdin.read()
if not text.endswith("\n"):
    wrong.append("the last line does not end")
for number, line in enumerate(text.splitlines(), 1):
    where = f"line {number}: {line}"
    if line.startswith("# HELP "):
        helped.add(line.split(" ", 3)[2])
        continue
    if line.startswith("# TYPE "):
        _, _, name, kind = line.split(" ")
        if name in kinds:
            wrong.append(f"{where}: TYPE twice")
        if kind not in ("counter", "gauge"):
            wrong.append(f"{where}: unknown type")
        kinds[name] = kind
        continue
    match = SAMPLE.match(line)
    if not match:
        wrong.append(f"{where}: no sample")
        continue
    name, labels, value = match.groups()
    if not name.startswith("mqgate_"):
        wrong.append(f"{where}: prefix")
    if name not in kinds or name not in helped:
        wrong.append(f"{where}: no HELP or TYPE before")
    elif (kinds[name] == "counter") != name.endswith("_total"):
        wrong.append(f"{where}: _total and counter do not go together")
    if labels and "".join(m.group(0) for m in LABEL.finditer(labels)) != labels:
        wrong.append(f"{where}: labels")
    for label, _ in LABEL.findall(labels or ""):
        if label not in LABELS:
            wrong.append(f"{where}: label {label}")
    if (name, labels) in seen:
        wrong.append(f"{where}: twice")
    seen.add((name, labels))
    try:
        if float(value) < 0:
            wrong.append(f"{where}: negative")
    except ValueError:
        wrong.append(f"{where}: no number")
print("\n".join(wrong))
sys.exit(1 if wrong or not seen else 0)
