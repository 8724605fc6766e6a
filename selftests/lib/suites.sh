#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Runs the suites named as arguments one after the other and ends with the red points once more and
# the summary line. Owns the file $MQGATE_RESULTS, to which runner.sh adds a line a program, and the
# one of the red points beside it; two runs at once do not share them.
# Called by selftests/Makefile.
set -u

cd "$(dirname "$0")/.." || exit 1
MQGATE_RESULTS=$(mktemp) || exit 1
export MQGATE_RESULTS
trap 'rm -f "$MQGATE_RESULTS" "$MQGATE_RESULTS.red"' EXIT

if [ $# -eq 0 ]; then
	echo "no suite to run: TARGETS is empty" >&2
	exit 1
fi

for suite in "$@"; do
	if [ ! -f "$suite/Makefile" ]; then
		echo "not ok - selftests: $suite: there is no selftests/$suite/Makefile"
		echo "$suite - 0 1 0 no such suite" >> "$MQGATE_RESULTS"
		continue
	fi
	before=$(wc -l < "$MQGATE_RESULTS")
	if ! make --no-print-directory -C "$suite" all; then
		echo "not ok - selftests: $suite: it does not build"
		echo "$suite - 0 1 0 it does not build" >> "$MQGATE_RESULTS"
		continue
	fi
	make --no-print-directory -C "$suite" run_tests
	if [ "$(wc -l < "$MQGATE_RESULTS")" -eq "$before" ] && [ -z "${PROGS:-}${UNIT:-}" ]; then
		echo "not ok - selftests: $suite: no program reported anything"
		echo "$suite - 0 1 0 no program ran" >> "$MQGATE_RESULTS"
	fi
done

if [ ! -s "$MQGATE_RESULTS" ]; then
	echo "not ok - nothing ran: no program of ${*} fits PROGS='${PROGS:-}'"
	echo "all - 0 1 0 nothing ran" >> "$MQGATE_RESULTS"
fi

[ ! -s "$MQGATE_RESULTS.red" ] || sed 's/^/# /' "$MQGATE_RESULTS.red"
awk '
	{ passed += $3; failed += $4; skipped += $5 }
	$4 > 0 {
		why = ""
		for (i = 6; i <= NF; i++)
			why = why " " $i
		printf "# failed: %s %s (%d)%s\n", $1, $2, $4, why
	}
	END {
		printf "%d passed, %d failed, %d skipped\n", passed, failed, skipped
		exit failed > 0
	}' "$MQGATE_RESULTS"
