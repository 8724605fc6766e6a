# SPDX-License-Identifier: BSD-2-Clause
"""Unit tests of the module's parts, in the kernel: loads mqgate_kunit.ko and takes what KUnit says
from the kernel's log. Only a kernel with KUnit built in has any: the debug kernel."""
import os
import re
import subprocess
import sys

import world as w

UNITS = os.path.join(w.TOP, "kmod", "mqgate_kunit.ko")


def log_since(mark):
    lines = subprocess.run(["dmesg", "--notime"], capture_output=True, text=True).stdout.split("\n")
    return lines[len(lines) - lines[::-1].index(mark):]


def points(lines):
    """(planned, [(good, suite: case)], [lines to show]) of all suites."""
    planned, found, shown, suite = 0, [], [], "?"
    for line in lines:
        head = re.fullmatch(r"    # Subtest: (\S+)", line)
        plan = re.fullmatch(r"    1\.\.(\d+)", line)
        point = re.fullmatch(r"    (ok|not ok) \d+ (?:- )?(\S+).*", line)
        if head:
            suite = head.group(1)
        elif plan:
            planned += int(plan.group(1))
        elif point:
            found.append((point.group(1) == "ok", f"{suite}: {point.group(2)}"))
        elif "EXPECTATION" in line or "ASSERTION" in line or line.startswith("        "):
            shown.append(line)
    return planned, found, shown


if os.geteuid() != 0:
    w.skip_all("needs root")
if not os.path.exists("/proc/modules"):
    w.skip_all("this kernel loads no modules: selftests/vm has a guest for that")
if not os.path.exists(UNITS):
    w.skip_all("no kmod/mqgate_kunit.ko: the kernel that the module was built for has no KUnit")
MARK = f"units.py {os.getpid()} begins"
with open("/dev/kmsg", "w") as kmsg:
    kmsg.write(MARK)
w.run("insmod", UNITS)
w.run("rmmod", "mqgate_kunit")
PLANNED, FOUND, SHOWN = points(log_since(MARK))
print(f"KTAP version 1\n1..{max(PLANNED, 1)}")
for line in SHOWN:
    print("#" + line)
for number, (good, name) in enumerate(FOUND, 1):
    print(f"{'ok' if good else 'not ok'} {number} {name}")
if not PLANNED:
    print("not ok 1 KUnit ran nothing of it")
sys.exit(0 if FOUND and all(good for good, _ in FOUND) and len(FOUND) == PLANNED else 1)
