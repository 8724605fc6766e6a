# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
#
# Starts run.sh as a terminal would: in a session of its own, with Ctrl-C working. For the tests of
# run.sh; needs ktap.sh. Owns the variables session_pid and session_out.

run=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)/run.sh
session_pid=
session_out=

# session_start DIR INPUT [NETNS] VARIABLE=VALUE...: output to DIR/out, input from the file INPUT.
session_start() {
	local dir=$1 input=$2 ns=()
	shift 2
	case ${1:-} in
	/run/netns/*)
		ns=(nsenter --net="$1" --)
		shift
		;;
	esac
	session_out=$dir/out
	: > "$session_out"
	# A process that bash starts in the background ignores SIGINT for ever; python undoes that.
	"${ns[@]}" /usr/bin/python3 -c '
import os, signal, sys
signal.signal(signal.SIGINT, signal.SIG_DFL)
os.setsid()
os.environ.update(a.split("=", 1) for a in sys.argv[2:])
os.execv("/bin/bash", ["bash", sys.argv[1]])' "$run" TMPDIR="$dir" "$@" \
		> "$session_out" 2>&1 < "$input" &
	session_pid=$!
	on_exit stop $session_pid
}

# session_says TEXT: waits for it in the output.
session_says() {
	poll_until 60 grep -qF -- "$1" "$session_out" && return 0
	cat "$session_out"
	return 1
}

# Ctrl-C reaches the whole process group.
session_interrupt() {
	kill -INT -- "-$session_pid" || return 1
	poll_until 40 gone "$session_pid" || { cat "$session_out"; return 1; }
}

session_ends() {
	poll_until "$1" gone "$session_pid"
}

# The exit status, once it has ended.
session_status() {
	wait "$session_pid"
	echo $?
}

# No process of the session is left.
session_empty() {
	! ps -o pid,args -s "$session_pid" | grep -v -e 'PID COMMAND' -e '<defunct>'
}
