#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# libxdp's dispatcher: xdp-loader puts mqgate into one chain with somebody else's program, before
# it, takes out each alone, and `mqgate attach` leaves the chain alone. Needs a kernel that replaces
# functions of a program (freplace); selftests/vm runs it on kernels that do.
. "$(dirname "$0")/../lib/ktap.sh"
. "$(dirname "$0")/../lib/netns.sh"
. "$(dirname "$0")/xdp.sh"

need_root
need_command bpftool xdp-loader jq python3

build=${MQGATE_BUILD:-$xdp_top/build}
neighbour=${MQGATE_OUTPUT:-$build/selftests/bpf}/neighbour.bpf.o
[ -r "$neighbour" ] || skip_all "needs $neighbour: make -C selftests TARGETS=bpf"
good=100f00044d5154540402003c0003646576		# client id "dev", clean session
flags=1f0d00044d51545405020000000170		# ATTACKS 2

ns_add dev gw
ns_link dev dev0 gw gw0
ns_addr dev dev0 198.18.0.2/24
ns_addr gw gw0 198.18.0.1/24
in_ns dev sysctl -qw net.ipv4.tcp_syn_retries=2

loader() {
	in_ns gw xdp-loader "$@"
}

on_exit loader unload --all gw0
loader load gw0 "$neighbour" > /dev/null 2>&1
[ "$(bpftool -j prog show id "$(xdp_prog gw gw0)" | jq -r .name)" = xdp_dispatcher ] ||
	skip_all "this kernel replaces no function of a program (freplace), which chaining needs"
loader unload --all gw0
! chain_refused gw gw0 || skip_all "$chain_why"
loader unload --all gw0 > /dev/null 2>&1

nsenter --net="/run/netns/$(ns_name gw)" -- \
	/usr/bin/python3 "$xdp_top/selftests/bpf/talk.py" echo 198.18.0.1 1883 &
on_exit stop $!
poll_until 30 listening gw 198.18.0.1 1883 || skip_all "the server does not start"

# map_named NAME: the number of that map of the chain's programs.
map_named() {
	bpftool -j map show | jq "[.[] | select(.name == \"$1\")] | last | .id"
}

# In the chain the programs have the numbers that xdp-loader says, and maps by the last of the name.
chain() {
	stats=$(map_named mqgate_stats)
	seen=$(map_named neighbour_seen)
}

seen() {
	bpftool -j map lookup id "$seen" key 0 0 0 0 | jq .formatted.value
}

order() {
	loader status gw0 | awk '$1 == "=>" { print $3 }' | xargs
}

# echoed HEX: says it on a new connection, and it comes back.
echoed() {
	local answer
	talk_start dev 198.18.0.1 1883
	talk send "$1" > /dev/null
	answer=$(talk read $((${#1} / 2)))
	talk_end
	[ "$answer" = "$1" ]
}

# dropped HEX REASON: says it, and it is counted; the neighbour has not seen it.
dropped() {
	local before saw
	before=$(counter "$stats" 1 "$2")
	saw=$(seen)
	talk_start dev 198.18.0.1 1883
	talk send "$1" > /dev/null
	poll_until 20 moved "$before" "$stats" 1 "$2" || { echo "not counted"; return 1; }
	talk_end
	[ "$(seen)" = "$saw" ] || { echo "the neighbour saw it"; return 1; }
}

passed_both() {
	local saw
	saw=$(seen)
	echoed "$1" || { echo "no echo"; return 1; }
	[ "$(seen)" -gt "$saw" ]
}

plan 21
for mode in native skb; do
	check "$mode: the neighbour is there first" loader load -m $mode gw0 "$neighbour"
	check "$mode: xdp-loader puts mqgate beside it" loader load -m $mode gw0 "$xdp_object"
	chain
	is "$mode: its metadata brings it to the front" "$(order)" "mqgate_xdp neighbour"
	contains "$mode: its priority, and that the chain goes on from PASS" \
		"$(loader status gw0 | grep mqgate_xdp | tr -s ' ')" " 10 mqgate_xdp "
	check "$mode: what it passes the neighbour sees" passed_both $good
	check "$mode: what it drops the neighbour does not see" dropped $flags MQTT_FLAGS
	said=$(MQGATE_BPFFS=/sys/fs/bpf/mqgate-test-$$ in_ns gw "$build/mqgate" attach gw0 2>&1)
	contains "$mode: mqgate attach leaves the chain alone and names it" "$said" \
		"chain of libxdp (mqgate_xdp, neighbour)"
	is "$mode: and it is there as before" "$(order)" "mqgate_xdp neighbour"
	id=$(loader status gw0 | awk '$3 == "mqgate_xdp" { print $4 }')
	check "$mode: xdp-loader takes mqgate out alone" loader unload -i "$id" gw0
	is "$mode: the neighbour stays" "$(order)" neighbour
	loader unload --all gw0
done
check "all is gone" test -z "$(xdp_prog gw gw0)"
finish
