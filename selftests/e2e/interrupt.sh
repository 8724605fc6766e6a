#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# `make run` cleans up behind Ctrl-C, at whatever moment it comes, and refuses what it cannot do in
# words. Plays run.sh itself.
. "$(dirname "$0")/../lib/ktap.sh"
. "$(dirname "$0")/../lib/netns.sh"

. "$(dirname "$0")/session.sh"

need_root
need_command mosquitto jq nft ps
dir=$(scratch)
on_exit rm -rf "$dir"

# start_run TEXT: a run that has come so far as to print that.
start_run() {
	session_start "$dir" /dev/null && session_says "$1"
}

# Nothing with the pid of the run, and no process of its session, is left.
clean() {
	local left=0 pid=$session_pid
	ip netns | grep "mqg-$pid-" && left=1
	ls -d "/sys/fs/bpf/mqgate-run-$pid" "/run/mqgate-run-$pid" \
		"$dir/mqgate-test.$pid".* 2> /dev/null && left=1
	session_empty || left=1
	return $left
}

refused_with() {
	local text=$1
	shift
	env "$@" bash "$run" > "$dir/out" 2>&1 < /dev/null && return 1
	cat "$dir/out"
	grep -qF -- "$text" "$dir/out"
}

# Where MODULE=1 would play, there is nothing to refuse.
module_refused() {
	local name="MODULE=1 without a module for this kernel is refused, and VM=1 named"
	if [ -e /sys/module/mqgate ] ||
	   { [ -e /proc/modules ] && [ -e "$MQGATE_TOP/kmod/mqgate.ko" ]; }; then
		skip "$name" "this machine has one"
	else
		check "$name" refused_with 'sudo make run VM=1' MODULE=1
	fi
}

plan 13
check "a run begins" start_run "Setting the stage"
check "Ctrl-C while the stage is set ends it" session_interrupt
check "and leaves nothing" clean
check "a run comes to its control" start_run "Control: no XDP"
check "Ctrl-C during the control ends it" session_interrupt
check "and leaves nothing" clean
check "a run comes to its flood" start_run "subscribers are connected"
check "Ctrl-C during the flood ends it" session_interrupt
check "and leaves nothing" clean
module_refused
check "VM=1 with what a guest cannot have is refused" \
	refused_with "KEEP=1 means nothing there" VM=1 KEEP=1
check "IF alone is refused: it says what is missing" \
	refused_with "missing: BROKER=HOST:PORT CONFIG=FILE" IF=lo
check "an unreadable CONFIG is refused by name" \
	refused_with "CONFIG=/does/not/exist: cannot be read" \
	IF=lo BROKER=127.0.0.1:1883 CONFIG=/does/not/exist
finish
