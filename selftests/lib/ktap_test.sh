#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# What ktap.sh does for scripts beyond counting: functions in the background end with what they have
# started, and words are looked at together with the exit status.
. "$(dirname "$0")/ktap.sh"

dir=$(scratch)
on_exit rm -rf "$dir"

# A function that waits for a program, whose pid lies in $dir/pid then.
asleep() {
	sh -c 'echo $$ > "$1/pid"; exec tail -f /dev/null' - "$dir"
	echo "it has ended"
}

# said NAME CODE PART COMMAND...: what says prints, in a script of its own
said() {
	bash -c '. ./ktap.sh; says "$@"' - "$@"
}

plan 6
asleep > "$dir/said" &
waits=$!
on_exit stop "$waits"
check "a function in the background starts a program" poll_until 10 test -s "$dir/pid"
stop "$waits"
check "stop ends the program" gone "$(cat "$dir/pid")"
check "and the function" gone "$waits"
is "which does not go on behind it" "$(cat "$dir/said")" ""
is "says passes what has code and words" \
	"$(said name 1 word sh -c 'echo a word; exit 1')" "ok 1 name"
contains "and nothing else" "$(said name 1 word sh -c 'echo a word')" "not ok 1 name"
finish
