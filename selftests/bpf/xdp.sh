# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
#
# What the scripts of this directory share: the object, reasons by name, counters of an attached
# program, and a TCP peer to talk through. Sourced after ktap.sh and netns.sh; owns xdp_* and
# talk_*.

xdp_top=${MQGATE_TOP:-$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)}
xdp_object=$xdp_top/bpf/mqgate.bpf.o
xdp_header=$xdp_top/include/uapi/linux/mqgate.h

# reason NAME: its number, from the ABI.
reason() {
	sed -n "s/^\tX(\([0-9]*\), *$1,.*/\1/p" "$xdp_header"
}

# chain_refused NS IF: the kernel takes no program that changes packets into the place of a function
# that does not (Linux 6.12 and later), and the dispatcher that xdp-loader brings has only such.
chain_refused() {
	local said
	said=$(in_ns "$1" xdp-loader load -vv "$2" "$xdp_object" 2>&1) && return 1
	[[ $said == *"Extension program changes packet data, while original does not"* ]]
}
chain_why="this kernel lets no program that changes packets into the chain of this xdp-loader"

# The program on an interface, by number.
xdp_prog() {
	in_ns "$1" ip -j link show dev "$2" | jq '.[0].xdp.prog.id // empty'
}

# xdp_map NS IF NAME: number of that map of the program on the interface.
xdp_map() {
	local id
	for id in $(bpftool -j prog show id "$(xdp_prog "$1" "$2")" | jq '.map_ids[]'); do
		[ "$(bpftool -j map show id "$id" | jq -r .name)" != "$3" ] || echo "$id"
	done
}

# bytes WIDTH NUMBER: little-endian hex bytes, as bpftool takes them.
bytes() {
	local i
	for ((i = 0; i < $1; i++)); do
		printf '%02x ' $((($2 >> (8 * i)) & 255))
	done
}

# counter MAP-ID SERVICE REASON: packets, over all CPUs.
counter() {
	# shellcheck disable=SC2046
	bpftool -j map lookup id "$1" key hex $(bytes 4 $(($2 * 128 + $(reason "$3")))) |
		jq '[.formatted.values[].value.packets] | add'
}

# moved BEFORE MAP-ID SERVICE REASON: true when the counter is beyond BEFORE.
moved() {
	[ "$(counter "$2" "$3" "$4")" -gt "$1" ]
}

# talk_start NS ADDRESS PORT: a connection; its first answer is in talk_said.
talk_start() {
	coproc TALK { nsenter --net="/run/netns/$(ns_name "$1")" -- \
		/usr/bin/python3 "$xdp_top/selftests/bpf/talk.py" "$2" "$3" 2>&1; }
	talk_pid=$TALK_PID
	talk_in=${TALK[1]}
	talk_out=${TALK[0]}
	read -r -t 20 talk_said <&"$talk_out"
}

# talk WORD...: prints what the peer answers.
talk() {
	local answer
	echo "$*" >&"$talk_in"
	read -r -t 20 answer <&"$talk_out"
	echo "$answer"
}

talk_end() {
	[ -n "${talk_pid:-}" ] || return 0
	kill -KILL "$talk_pid" 2> /dev/null
	wait "$talk_pid" 2> /dev/null
	talk_pid=
}
