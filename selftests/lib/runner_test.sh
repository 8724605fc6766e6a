#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Feeds runner.sh programs that pass, fail, lie, crash and hang, and checks what it makes of them.
# Called by the runner itself; touches only a directory of its own.
. "$(dirname "$0")/ktap.sh"

lib=$(cd "$(dirname "$0")" && pwd)
dir=$(scratch)
on_exit rm -rf "$dir"
mkdir "$dir/suite"
echo "timeout=1" > "$dir/suite/settings"

# program NAME: takes its text from stdin.
program() {
	cat > "$dir/suite/$1.sh"
}

# verdict NAME: "passed failed skipped" by the runner's results file, then its exit status.
verdict() {
	local rc
	rm -f "$dir/results"
	(cd "$dir/suite" && MQGATE_OUTPUT=$dir/out MQGATE_RESULTS=$dir/results \
		bash "$lib/runner.sh" suite "$1.sh") > "$dir/said" 2>&1
	rc=$?
	echo "$(cut -d' ' -f3-5 "$dir/results") exit $rc"
}

program good <<< 'echo "1..2"; echo "ok 1 a"; echo "ok 2 b"'
program cmocka <<< 'echo "1..1"; echo "ok 1 - a"; echo "1..1"; echo "ok 1 - b"'
program nested <<< 'echo "1..1"; echo "  1..2"; echo "  ok 1 a"; echo "  ok 2 b"; echo "ok 1 c"'
program bad <<< 'echo "1..2"; echo "ok 1 a"; echo "not ok 2 b"; exit 1'
program liar <<< 'echo "1..2"; echo "ok 1 a"; echo "not ok 2 b"; exit 0'
program silent <<< 'exit 0'
program planless <<< 'echo "ok 1 a"'
program short <<< 'echo "1..3"; echo "ok 1 a"; echo "ok 2 b"'
program long <<< 'echo "1..1"; echo "ok 1 a"; echo "ok 2 b"'
program crash <<< 'echo "1..1"; echo "ok 1 a"; kill -SEGV $$'
program hang <<< 'echo "1..1"; echo "ok 1 a"; tail -f /dev/null'
program bail <<< 'echo "1..1"; echo "ok 1 a"; echo "Bail out! no"'
program status <<< 'echo "1..1"; echo "ok 1 a"; exit 3'
program skipped <<< 'echo "1..0 # SKIP no such kernel"; exit 4'
program onlyfour <<< 'exit 4'
program partly <<< 'echo "1..2"; echo "ok 1 a"; echo "ok 2 b # SKIP no root"'
program sneaky <<< 'echo "1..1"; echo "ok 1 a"; exit 4'

plan 29
is "two good points pass"			"$(verdict good)"	"2 0 0 exit 0"
is "two plans in a row add up"			"$(verdict cmocka)"	"2 0 0 exit 0"
is "indented subtests belong to their point"	"$(verdict nested)"	"1 0 0 exit 0"
is "a red point is a failure"			"$(verdict bad)"	"1 1 0 exit 0"
is "a red point with exit 0 is a failure"	"$(verdict liar)"	"1 1 0 exit 0"
is "a program that says nothing fails"		"$(verdict silent)"	"0 1 0 exit 0"
is "points without a plan fail"			"$(verdict planless)"	"1 1 0 exit 0"
is "fewer points than planned fail"		"$(verdict short)"	"2 1 0 exit 0"
is "more points than planned fail"		"$(verdict long)"	"2 1 0 exit 0"
is "a crash after the points fails"		"$(verdict crash)"	"1 1 0 exit 0"
is "a time-out fails"				"$(verdict hang)"	"1 1 0 exit 0"
is "Bail out! fails"				"$(verdict bail)"	"1 1 0 exit 0"
is "an exit status without a red point fails"	"$(verdict status)"	"1 1 0 exit 0"
is "a plan of none is one skip"		"$(verdict skipped)"	"0 0 1 exit 0"
is "exit 4 alone is one skip"			"$(verdict onlyfour)"	"0 0 1 exit 0"
is "a skipped point is counted as such"		"$(verdict partly)"	"1 0 1 exit 0"
is "exit 4 without a skipped point fails"	"$(verdict sneaky)"	"1 1 0 exit 0"

# Alone, the runner says it in its last line and its exit status.
alone() {
	(cd "$dir/suite" && unset MQGATE_RESULTS && MQGATE_OUTPUT=$dir/out \
		bash "$lib/runner.sh" suite "$@") > "$dir/said" 2>&1
}
check "alone, a green program exits 0" alone good.sh
is "alone, the last line counts" "$(tail -n 1 "$dir/said")" "2 passed, 0 failed, 0 skipped"
refuse "alone, a red program exits 1" alone good.sh bad.sh
is "alone, the last line counts the red" "$(tail -n 1 "$dir/said")" \
	"3 passed, 1 failed, 0 skipped"

# The end of all says once more what was red, with what was said before it, nested points too.
program deep << 'END'
echo "1..1"; echo "# early"; echo "  ok 1 a"; echo "  # it was Tuesday"; echo "  not ok 2 b"
echo "# none of mine"; echo "not ok 1 c"
END
cat > "$dir/suite/Makefile" << END
run_tests all:
	@[ \$@ = all ] || MQGATE_OUTPUT=$dir/out bash $lib/runner.sh suite good.sh deep.sh
END
mkdir "$dir/lib"
cp "$lib/suites.sh" "$dir/lib"
TMPDIR=$dir bash "$dir/lib/suites.sh" suite > "$dir/said" 2>&1
is "the end names the red points and what led to them" \
	"$(sed -n 's/^# suite deep.sh: *//p' "$dir/said")" \
	"# it was Tuesday"$'\n'"not ok 2 b"$'\n'"# none of mine"$'\n'"not ok 1 c"
is "then it counts" "$(tail -n 1 "$dir/said")" "2 passed, 1 failed, 0 skipped"
check "nothing of it is left" test -z "$(find "$dir" -name 'tmp.*')"

# The helpers of ktap.sh, in a script of their own.
helper() {
	bash -c ". '$lib/ktap.sh'; $1" > "$dir/said" 2>&1
}
refuse "check of a failing command ends red" helper 'plan 1; check x false; finish'
refuse "refuse of a command that is not there ends red" \
	helper 'plan 1; refuse x /does/not/exist; finish'
refuse "an unfulfilled plan ends red" helper 'plan 2; ok x; finish'
refuse "poll_until gives up" helper 'poll_until 1 false'
helper "on_exit touch '$dir/undone'; kill -TERM \$\$; tail -f /dev/null"
check "what on_exit registered runs after TERM" test -e "$dir/undone"
finish
