# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
#
# What the tests of the command share: a gateway namespace, a directory of pins and a run directory
# of this script alone, and ways to look at what the command did. Sourced by each of them.

. "$(dirname "${BASH_SOURCE[0]}")/../lib/ktap.sh"
. "$(dirname "${BASH_SOURCE[0]}")/../lib/netns.sh"

MQGATE_TOP=${MQGATE_TOP:-$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)}
MQGATE_BUILD=${MQGATE_BUILD:-$MQGATE_TOP/build}
export MQGATE_BPFFS=/sys/fs/bpf/mqgate-test-$$
MQGATE_OBJ=$MQGATE_TOP/bpf/mqgate.bpf.o
export MQGATE_OBJ
mqgate=$MQGATE_BUILD/mqgate

# stage NAMESPACE...: skips where it cannot run, else makes everything; undone when the script ends.
stage() {
	need_root
	need_command jq bpftool ip nsenter
	[ -x "$mqgate" ] || skip_all "needs build/mqgate: make"
	[ -r "$MQGATE_OBJ" ] || skip_all "needs bpf/mqgate.bpf.o: make"
	MQGATE_RUN=$(scratch)
	export MQGATE_RUN
	on_exit rm -rf "$MQGATE_RUN"
	on_exit clear_pins
	[ $# -eq 0 ] || ns_add "$@" || skip_all "network namespaces cannot be made"
}

clear_pins() {
	"$mqgate" detach all
	rm -f "$MQGATE_BPFFS"/*
	rmdir "$MQGATE_BPFFS"
}

# m WORDS...: the command. gw WORDS...: the command inside the namespace gw.
m() {
	"$mqgate" "$@"
}

gw() {
	in_ns gw "$mqgate" "$@"
}

# xdp_id NAMESPACE IF: the id of the XDP program there, or nothing.
xdp_id() {
	in_ns "$1" ip -j -d link show dev "$2" | jq -r '.[0].xdp.prog.id // empty'
}

# no_xdp NAMESPACE IF
no_xdp() {
	[ -z "$(xdp_id "$1" "$2")" ]
}

# bytes HEX: as bpftool takes them.
bytes() {
	sed 's/../0x& /g' <<< "$1"
}

# le NUMBER BYTES: hexadecimal digits, least significant byte first.
le() {
	local number=$1 i
	for ((i = 0; i < $2; i++)); do
		printf '%02x' $((number >> 8 * i & 255))
	done
}

# put_verdict LAST-BYTE ACTION ORIGIN: a verdict on 192.0.2.LAST-BYTE for ever, as bpftool
# writes it.
put_verdict() {
	# shellcheck disable=SC2046
	bpftool map update pinned "$MQGATE_BPFFS/mqgate_sources" \
		key $(bytes "00000000000000000000ffffc00002$(le "$1" 1)") \
		value $(bytes \
			"$(le 0 8)$(le 1 8)$(le 0 8)$(le "$2" 4)$(le "$3" 4)$(le 199 4)$(le 1 4)") \
			$(bytes "$(le 0 24)")
}

# put_allow LAST-BYTE PORT: an ALLOWed flow from 192.0.2.LAST-BYTE and that port.
put_allow() {
	# shellcheck disable=SC2046
	bpftool map update pinned "$MQGATE_BPFFS/mqgate_allow" \
		key $(bytes "00000000000000000000ffffc00002$(le "$1" 1)") \
			$(bytes "00000000000000000000ffffc0000201") \
			$(bytes "$(le "$2" 2)$(le 8883 2)$(le 6 4)") \
		value $(bytes "$(le 0 8)$(le 0 8)$(le 5 8)$(le 1 4)$(le 2 4)")
}

# daemon DIRECTORY: a daemon that answers what the files there say, and logs requests to "asked".
daemon() {
	/usr/bin/python3 "$(dirname "${BASH_SOURCE[0]}")/fake_daemon.py" \
		"$MQGATE_RUN/control.sock" "$1" &
	fake_pid=$!
	on_exit stop $fake_pid
	poll_until 10 test -S "$MQGATE_RUN/control.sock" || diag \
		"the daemon's stand-in did not start"
}
