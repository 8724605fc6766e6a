#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Runs the programs of one suite: runner.sh SUITE PROGRAM...; called by lib.mk, in the directory of
# the suite. What a program prints is shown behind "# ", as kselftest does, and judged by count.awk:
# a crash, a time-out, a missing or unfulfilled plan are failures, whatever the points say.
# One line a program goes to $MQGATE_RESULTS: SUITE PROGRAM PASSED FAILED SKIPPED WHY; of a red one,
# its red points go to $MQGATE_RESULTS.red.
set -u

suite=$1
shift
lib=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
alone=
if [ -z "${MQGATE_RESULTS:-}" ]; then
	alone=yes
	MQGATE_RESULTS=$(mktemp)
	trap 'rm -f "$MQGATE_RESULTS" "$MQGATE_RESULTS.red"' EXIT
fi
export CMOCKA_MESSAGE_OUTPUT=TAP

limit=120
if [ -f settings ]; then
	limit=$(sed -n 's/^timeout=\([0-9]\{1,\}\)$/\1/p' settings)
	if [ -z "$limit" ]; then
		echo "selftests/$suite/settings: expected timeout=SECONDS" >&2
		exit 1
	fi
fi

mkdir -p "$MQGATE_OUTPUT"
worst=0
number=0
echo "KTAP version 1"
echo "1..$#"
for program in "$@"; do
	number=$((number + 1))
	name=$(basename "$program")
	log=$MQGATE_OUTPUT/$name.log
	case $program in
	/*)	command=("$program") ;;
	*.sh)	command=(bash "./$program") ;;
	*.py)	command=(/usr/bin/python3 "./$program") ;;
	*)	command=("./$program") ;;
	esac
	echo "# selftests: $suite: $name"
	# TERM first, so that a script's trap can take its namespaces down.
	timeout --signal=TERM --kill-after=30 "$limit" "${command[@]}" < /dev/null 2>&1 |
		tee "$log" | sed -u 's/^/# /'
	rc=${PIPESTATUS[0]}
	read -r passed failed skipped why < <(awk -v rc="$rc" -v limit="$limit" \
		-f "$lib/count.awk" "$log")
	echo "$suite $name $passed $failed $skipped $why" >> "$MQGATE_RESULTS"
	if [ "$failed" -ne 0 ]; then
		awk -v keep=15 -f "$lib/red.awk" "$log" | sed "s|^|$suite $name: |" \
			>> "$MQGATE_RESULTS.red"
		echo "not ok $number selftests: $suite: $name${why:+ # $why}"
		worst=1
	elif [ "$passed" -eq 0 ]; then
		echo "ok $number selftests: $suite: $name # SKIP ${why:-everything}"
	else
		echo "ok $number selftests: $suite: $name"
	fi
done

if [ -n "$alone" ]; then
	awk '{ p += $3; f += $4; s += $5 }
		END { printf "%d passed, %d failed, %d skipped\n", p, f, s }' "$MQGATE_RESULTS"
	exit $worst
fi
