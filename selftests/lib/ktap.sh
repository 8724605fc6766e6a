# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
#
# KTAP for test scripts: a plan, points, and the only ways to wait and to clean up. Sourced by every
# test script; owns the variables ktap_* and the EXIT, INT and TERM traps of the script.
#
#	. "$(dirname "$0")/../lib/ktap.sh"
#	plan 3
#	check "good CONNECT passes" send_connect good.bin
#	refuse "bad CONNECT is refused" send_connect bad.bin
#	is "counter moved by one" "$(counter)" 1
#	finish

ktap_number=0
ktap_failed=0
ktap_skipped=0
ktap_planned=0
ktap_undo=()
ktap_said=

# on_exit COMMAND...: runs it when the script ends, however it ends; the last one first.
on_exit() {
	ktap_undo+=("$(printf '%q ' "$@")")
}

ktap_cleanup() {
	local i
	trap - EXIT
	trap '' INT TERM
	for ((i = ${#ktap_undo[@]} - 1; i >= 0; i--)); do
		eval "${ktap_undo[i]}" > /dev/null 2>&1
	done
	ktap_undo=()
	[ -z "$ktap_said" ] || rm -f "$ktap_said"
}

trap ktap_cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

diag() {
	printf '%s\n' "$*" | sed 's/^/# /'
}

plan() {
	ktap_planned=$1
	echo "KTAP version 1"
	echo "1..$1"
}

# skip_all REASON: nothing here can run on this machine.
skip_all() {
	echo "KTAP version 1"
	echo "1..0 # SKIP $*"
	exit 4
}

ok() {
	ktap_number=$((ktap_number + 1))
	echo "ok $ktap_number $*"
}

not_ok() {
	ktap_number=$((ktap_number + 1))
	ktap_failed=$((ktap_failed + 1))
	echo "not ok $ktap_number $*"
}

# skip NAME REASON
skip() {
	ktap_number=$((ktap_number + 1))
	ktap_skipped=$((ktap_skipped + 1))
	echo "ok $ktap_number $1 # SKIP $2"
}

# ktap_run COMMAND...: in this shell, so that what it registers or sets stays; output to a file.
ktap_run() {
	[ -n "$ktap_said" ] || ktap_said=$(mktemp "${TMPDIR:-/tmp}/mqgate-test.$$.XXXXXX")
	"$@" > "$ktap_said" 2>&1
}

ktap_blame() {
	local rc=$1
	shift
	diag "exit $rc of: $*"
	[ ! -s "$ktap_said" ] || sed 's/^/# /' "$ktap_said"
}

# check NAME COMMAND...: passes when the command succeeds; shows what it said when it does not.
check() {
	local name=$1 rc
	shift
	ktap_run "$@"
	rc=$?
	if [ $rc -eq 0 ]; then
		ok "$name"
		return 0
	fi
	ktap_blame $rc "$@"
	not_ok "$name"
	return 1
}

# refuse NAME COMMAND...: passes when the command fails by its own will (not by a signal or because
# it is not there).
refuse() {
	local name=$1 rc
	shift
	ktap_run "$@"
	rc=$?
	if [ $rc -gt 0 ] && [ $rc -lt 126 ]; then
		ok "$name"
		return 0
	fi
	ktap_blame $rc "$@"
	not_ok "$name"
	return 1
}

# is NAME GOT WANTED
is() {
	if [ "$2" = "$3" ]; then
		ok "$1"
		return 0
	fi
	diag "got:    $2"
	diag "wanted: $3"
	not_ok "$1"
	return 1
}

# contains NAME TEXT EXPECTED-PART
contains() {
	if [[ $2 == *"$3"* ]]; then
		ok "$1"
		return 0
	fi
	diag "in:     $2"
	diag "wanted: $3"
	not_ok "$1"
	return 1
}

# says NAME CODE PART COMMAND...: it ends with exactly this code, and its words hold the part.
says() {
	local name=$1 want=$2 part=$3 rc said
	shift 3
	said=$("$@" 2>&1 < /dev/null)
	rc=$?
	if [ $rc -eq "$want" ] && [[ $said == *"$part"* ]]; then
		ok "$name"
		return 0
	fi
	diag "exit $rc, wanted $want, of: $*"
	diag "said:   $said"
	diag "wanted: $part"
	not_ok "$name"
	return 1
}

# poll_until SECONDS COMMAND...: true as soon as the command is; false when time is up. Nothing
# else in the tests waits. MQGATE_SLOW=N: N times as long, for an emulated CPU.
poll_until() {
	local now end
	now=$(date +%s%N)
	end=$((now + $1 * ${MQGATE_SLOW:-1} * 1000000000))
	shift
	until "$@" > /dev/null 2>&1; do
		now=$(date +%s%N)
		[ "$now" -lt "$end" ] || return 1
		sleep 0.02
	done
}

# gone PID: true when the process has ended (a zombie has).
gone() {
	local state
	state=$(sed -n 's/^State:[[:space:]]*\(.\).*/\1/p' "/proc/$1/status" 2> /dev/null)
	[ -z "$state" ] || [ "$state" = Z ]
}

# stop PID: TERM, then KILL to a process of this script that stays. FUNCTION & runs in a copy of
# this shell, which waits for what it has started: that ends with it.
stop() {
	local started=
	cmp -s "/proc/$1/cmdline" "/proc/$$/cmdline" && started=$(pgrep -P "$1")
	if ! gone "$1"; then
		kill -TERM "$1" 2> /dev/null
		poll_until 5 gone "$1" || kill -KILL "$1" 2> /dev/null
		wait "$1" 2> /dev/null
	fi
	for started in $started; do
		stop "$started"
	done
	return 0
}

# scratch: prints a new directory; use as DIR=$(scratch); on_exit rm -rf "$DIR"
scratch() {
	mktemp -d "${TMPDIR:-/tmp}/mqgate-test.$$.XXXXXX"
}

need_root() {
	[ "$(id -u)" = 0 ] || skip_all "needs root: sudo make test"
}

# need_command NAME...
need_command() {
	local name
	for name in "$@"; do
		command -v "$name" > /dev/null ||
			skip_all "needs $name: sudo selftests/lib/setup.sh"
	done
}

# finish: ends the script with the exit status that its points ask for.
finish() {
	[ $ktap_failed -eq 0 ] || exit 1
	[ $ktap_number -eq "$ktap_planned" ] || exit 1
	[ $ktap_skipped -lt $ktap_number ] || exit 4
	exit 0
}
