#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# `make run` cleans up behind Ctrl-C, at whatever moment it comes, and refuses what it cannot do in
# words. Plays run.sh itself.
. "$(dirname "$0")/../lib/ktap.sh"
. "$(dirname "$0")/../lib/netns.sh"

need_root
need_command mosquitto jq nft setsid
dir=$(scratch)
on_exit rm -rf "$dir"
run=$(cd "$(dirname "$0")" && pwd)/run.sh

# start_run MARK [VARIABLE=VALUE...]: a run of its own session, and waits until it has printed MARK.
start_run() {
	local mark=$1
	shift
	# A process that bash starts in the background ignores SIGINT for ever; python does not.
	/usr/bin/python3 -c '
import os, signal, sys
signal.signal(signal.SIGINT, signal.SIG_DFL)
os.setsid()
os.environ.update(a.split("=", 1) for a in sys.argv[2:])
os.execv("/bin/bash", ["bash", sys.argv[1]])' "$run" TMPDIR="$dir" "$@" \
		> "$dir/out" 2>&1 < /dev/null &
	pid=$!
	on_exit stop $pid
	poll_until 60 grep -q "$mark" "$dir/out" && return 0
	diag "$(cat "$dir/out")"
	return 1
}

# As a terminal does it: the whole process group.
interrupt() {
	kill -INT -- "-$pid"
	poll_until 40 gone "$pid"
}

# Nothing with the pid of the run, and no process of its session, is left.
clean() {
	local left=0
	ip netns | grep "mqg-$pid-" && left=1
	ls -d /sys/fs/bpf/mqgate-run-$pid /run/mqgate-run-$pid "$dir"/mqgate-test.$pid.* \
		2> /dev/null && left=1
	ps -o pid,args -s "$pid" | grep -v -e PID -e defunct && left=1
	return $left
}

refused_with() {
	local text=$1
	shift
	env "$@" bash "$run" > "$dir/out" 2>&1 < /dev/null && return 1
	cat "$dir/out"
	grep -qF -- "$text" "$dir/out"
}

plan 12
check "a run begins" start_run "Setting the stage"
check "Ctrl-C while the stage is set ends it" interrupt
check "and leaves nothing" clean
check "a run comes to its control" start_run "Control: no XDP"
check "Ctrl-C during the control ends it" interrupt
check "and leaves nothing" clean
check "a run comes to its flood" start_run "subscribers are connected"
check "Ctrl-C during the flood ends it" interrupt
check "and leaves nothing" clean
check "MODULE=1 is refused in words" refused_with "not part of this version" MODULE=1
check "IF alone is refused: it says what is missing" \
	refused_with "missing: BROKER=HOST:PORT CONFIG=FILE" IF=lo
check "an unreadable CONFIG is refused by name" \
	refused_with "CONFIG=/does/not/exist: cannot be read" \
	IF=lo BROKER=127.0.0.1:1883 CONFIG=/does/not/exist
finish
