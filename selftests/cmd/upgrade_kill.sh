#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# mqgate attach over another version, killed (SIGKILL) before every step that changes something:
# what is left is whole, and the next command ends what was begun.
. "$(dirname "$0")/stage.sh"
. "$(dirname "$0")/upgrade_stage.sh"
plan 8
attach_three

# killed N OBJECT: true when it was; false when it came to its end.
killed() {
	MQGATE_OBJ=$2 in_ns gw "$tools/kill_at" "$1" "$mqgate" attach gw0 > "$MQGATE_RUN/kill" 2>&1
	[ $? -eq 3 ]
}

# whole: each interface has a program that reads the pinned verdicts, and drops by them.
whole() {
	local interface
	for interface in gw0 gw1 gw2; do
		uses mqgate_sources $interface > /dev/null || { echo "$interface: maps"; return 1; }
		drops $interface || { echo "$interface: does not drop"; return 1; }
	done
	[ "$(banned)" = 192.0.2.7 ] || { echo "verdicts: $(banned)"; return 1; }
}

# one NAME OBJECT: all interfaces have it, nothing is left over.
one() {
	local id
	with "$1" attach gw0 > /dev/null || return 1
	id=$(bpftool -j prog show pinned "$MQGATE_BPFFS/prog" | jq .id)
	[ "$(xdp_id gw gw0) $(xdp_id gw gw1)" = "$id $id" ] || { echo "not one program"; return 1; }
	[ "$(xdp_id gw gw2)" = "$(bpftool -j prog show pinned "$MQGATE_BPFFS/prog_frags" |
		jq .id)" ] || { echo "not one twin"; return 1; }
	[ ! -e "$MQGATE_BPFFS-next" ] || { echo "left over"; return 1; }
}

every_step() {
	local n=1 object=$newer other=$MQGATE_OBJ spare
	while killed $n "$object"; do
		whole || { echo "step $n: $(cat "$MQGATE_RUN/kill")"; return 1; }
		one "$object" || { echo "after step $n: $(cat "$MQGATE_RUN/kill")"; return 1; }
		spare=$object
		object=$other
		other=$spare
		n=$((n + 1))
	done
	steps=$n
	[ $n -gt 20 ] || { cat "$MQGATE_RUN/kill"; return 1; }
}

with "$MQGATE_OBJ" attach gw0 > /dev/null
check "killed before each step it leaves something whole, and the next attach ends it" every_step
diag "$steps steps"

# By hand, to see that a writer of verdicts ends it as well: exchanged, and no link changed.
between() {
	local n=1
	while killed $n "$1"; do
		! grep -q "link update" "$MQGATE_RUN/kill" || return 0
		n=$((n + 1))
		one "$1" && with "$2" attach gw0 > /dev/null
	done
	return 1
}
with "$MQGATE_OBJ" attach gw0 > /dev/null
check "killed between the pins and the first interface" between "$newer" "$MQGATE_OBJ"
check "the interfaces go on with what they had" whole
says "status says so" 0 "another program than the pinned one" gw status
says "a new verdict ends what was begun" 0 "" gw verdict add 192.0.2.8 drop
is "the interfaces have the new program" "$(xdp_id gw gw0) $(xdp_id gw gw1)" \
	"$(bpftool -j prog show pinned "$MQGATE_BPFFS/prog" | jq -r '"\(.id) \(.id)"')"
check "and nothing is left over" test ! -e "$MQGATE_BPFFS-next"
gw detach all > /dev/null

# ended: by whichever command comes next, the interface has the program that is pinned.
ended() {
	if m status > /dev/null 2>&1; then
		gw verdict add 192.0.2.9 drop > /dev/null || return 1
		uses mqgate_sources gw0 > /dev/null || { echo "not ended"; return 1; }
	fi
	gw attach gw0 > /dev/null || return 1
	uses mqgate_sources gw0 > /dev/null && drops gw0 && [ ! -e "$MQGATE_BPFFS-next" ] &&
		banned | grep -q 192.0.2.7
}

every_step_from_old() {
	local n=1
	old_one
	while killed $n "$MQGATE_OBJ"; do
		drops gw0 || { echo "step $n: $(cat "$MQGATE_RUN/kill")"; return 1; }
		ended || { echo "after step $n: $(cat "$MQGATE_RUN/kill")"; return 1; }
		old_one
		n=$((n + 1))
	done
	steps=$n
	[ $n -gt 20 ] || { cat "$MQGATE_RUN/kill"; return 1; }
}
check "killed before each step the ban holds, and the next command ends it" every_step_from_old
diag "$steps steps"
finish
