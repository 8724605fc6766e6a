# SPDX-License-Identifier: BSD-2-Clause
"""
KTAP for test scripts in Python: points, and the only way to wait. What ktap.sh is for those in
bash. Used by selftests/kmod/world.py and selftests/proxy/proxyrig.py, which find it by their own
place; a script belongs to one of the two.

    @test("a session is followed")
    def followed(): ...
    sys.exit(1 if points(clean) else 0)
"""
import os
import sys
import time
import traceback

tests = []


def test(name):
    """The function is a point of the plan: it passes when it returns."""
    def add(function):
        tests.append((name, function))
        return function
    return add


class Skip(Exception):
    """Raised by a test: this machine lacks what it needs; says what."""


def skip_all(why):
    """Ends a script of which nothing can run here."""
    print(f"KTAP version 1\n1..0 # SKIP {why}", flush=True)
    sys.exit(4)


def points(clean=lambda: True):
    """
    Runs every test; words given to the script (or one phrase in MQGATE_TESTS): those that have one
    of them in their name.
    `clean` follows each and says whether all is as before. Returns the number of failures.
    """
    words = sys.argv[1:] or [os.environ.get("MQGATE_TESTS", "")]
    tests[:] = [t for t in tests if any(word in t[0] for word in words)]
    print(f"KTAP version 1\n1..{len(tests)}", flush=True)
    failed = 0
    for number, (name, function) in enumerate(tests, 1):
        begun = time.monotonic()
        try:
            function()
            print(f"# {time.monotonic() - begun:.1f} s")
            print(f"ok {number} {name}", flush=True)
        except Skip as why:
            print(f"ok {number} {name} # SKIP {why}", flush=True)
        except Exception:
            failed += 1
            print("".join("# " + line for line in traceback.format_exc().splitlines(True)))
            print(f"not ok {number} {name}", flush=True)
        if not clean():
            failed += 1
    return failed


def poll(what, condition, seconds=10):
    """
    What the condition answers as soon as that is true; an AssertionError with `what` (words, or a
    function that gives them) when it stays false.
    """
    end = time.monotonic() + seconds
    while True:
        answer = condition()
        if answer:
            return answer
        if time.monotonic() > end:
            raise AssertionError(f"{what() if callable(what) else what}: not within {seconds} s")
        time.sleep(0.01)


def equal(got, wanted, what=""):
    if got != wanted:
        raise AssertionError(f"{what}: got {got!r:.2000}, wanted {wanted!r:.2000}")
