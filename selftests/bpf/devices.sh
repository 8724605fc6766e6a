#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# VLAN, QinQ and bonding devices: the object as `ip link` attaches it below them, on them, in the
# driver and generic, with tags in the frame and with tags that the interface keeps beside it. Skips
# where the kernel has no such devices; selftests/vm runs it on kernels that do.
. "$(dirname "$0")/../lib/ktap.sh"
. "$(dirname "$0")/../lib/netns.sh"
. "$(dirname "$0")/xdp.sh"

need_root
need_command bpftool ethtool jq python3

good=100f00044d5154540402003c0003646576		# client id "dev", clean session
flags=1f0d00044d51545405020000000170		# ATTACKS 2

dir=$(scratch)
on_exit rm -rf "$dir"
modprobe -qa 8021q bonding
ns_add dev gw
in_ns gw ip link add probe type veth peer name peer
in_ns gw ip link add link probe name probe.1 type vlan id 1 2> /dev/null ||
	skip_all "this kernel has no VLAN devices (8021q)"
in_ns gw ip link add bond9 type bond mode active-backup 2> /dev/null ||
	skip_all "this kernel has no bonding devices"
in_ns gw ip link del bond9
in_ns gw ip link del probe

# tagged NS DEVICE NETWORK-PART: a VLAN of 100, and QinQ of 10 and 200, with addresses.
tagged() {
	in_ns "$1" ip link add link "$2" name "$2.100" type vlan id 100 &&
		in_ns "$1" ip link add link "$2" name "$2.10" type vlan proto 802.1ad id 10 &&
		in_ns "$1" ip link add link "$2.10" name "$2.q" type vlan id 200 &&
		in_ns "$1" ip link set "$2.100" up && in_ns "$1" ip link set "$2.10" up &&
		in_ns "$1" ip link set "$2.q" up &&
		ns_addr "$1" "$2.100" "198.18.$4.$3/24" && ns_addr "$1" "$2.q" "198.18.$5.$3/24"
}

ns_link dev dev0 gw gw0
ns_addr dev dev0 198.18.0.2/24
ns_addr gw gw0 198.18.0.1/24
tagged dev dev0 2 1 2 && tagged gw gw0 1 1 2 || skip_all "VLAN devices cannot be made"

# bonded NS VETH1 VETH2 LAST: two interfaces, one at work.
bonded() {
	in_ns "$1" ip link add bond0 type bond mode active-backup miimon 50 || return 1
	for slave in "$2" "$3"; do
		in_ns "$1" ip link set "$slave" down &&
			in_ns "$1" ip link set "$slave" master bond0 || return 1
	done
	in_ns "$1" ip link set bond0 up && ns_addr "$1" bond0 "198.18.10.$4/24" &&
		tagged "$1" bond0 "$4" 11 12
}

ns_link dev dev1 gw gw1
ns_link dev dev2 gw gw2
bonded dev dev1 dev2 2 && bonded gw gw1 gw2 1 || skip_all "bonding devices cannot be made"

nsenter --net="/run/netns/$(ns_name gw)" -- \
	/usr/bin/python3 "$xdp_top/selftests/bpf/talk.py" echo 0.0.0.0 1883 &
on_exit stop $!
poll_until 30 listening gw '*' 1883 || skip_all "the server does not start"

attach() {
	in_ns gw ip link set dev "$1" "$2" obj "$xdp_object" sec xdp &&
		stats=$(xdp_map gw "$1" mqgate_stats) && [ -n "$stats" ]
}

# speak ADDRESS HEX: says it on a new connection; the answer, as long as what was said, to stdout.
speak() {
	# shellcheck disable=SC2016
	exec nsenter --net="/run/netns/$(ns_name dev)" -- timeout 30 bash -c '
		exec 3<> "/dev/tcp/$0/1883" && printf "$1" >&3 && head -c "$2" <&3' \
		"$1" "$(sed 's/../\\x&/g' <<< "$2")" $((${#2} / 2))
}

answered() {
	[ "$( (speak "$1" "$2") | od -An -v -tx1 | tr -d ' \n')" = "$2" ]
}

# guarded ADDRESS: a good CONNECT arrives and is counted, a malformed one is dropped and counted.
guarded() {
	local before pid
	before=$(counter "$stats" 1 PASS_FIRST)
	answered "$1" $good && moved "$before" "$stats" 1 PASS_FIRST ||
		{ echo "the good CONNECT"; return 1; }
	before=$(counter "$stats" 1 MQTT_FLAGS)
	(speak "$1" $flags) > "$dir/answer" &
	pid=$!
	poll_until 30 moved "$before" "$stats" 1 MQTT_FLAGS || { echo "not dropped"; return 1; }
	stop $pid
	[ ! -s "$dir/answer" ]
}

# tags WHERE: kept "beside" the frame by the sender, or "in" it.
tags() {
	local on=on device
	[ "$1" = beside ] || on=off
	for device in dev0 dev1 dev2; do
		in_ns dev ethtool -K $device tx-vlan-offload $on tx-vlan-stag-hw-insert $on \
			> /dev/null 2>&1
	done
	in_ns dev ethtool -k dev0 | grep -q "^tx-vlan-offload: $on"
}

plan 32

check "without the program a malformed CONNECT arrives in a VLAN" answered 198.18.1.1 $flags
for where in in beside; do
	check "the sender's tags are $where the frame" tags $where
	for mode in xdp xdpgeneric; do
		check "$mode below the VLAN devices attaches" attach gw0 $mode
		check "$mode, tags $where: untagged traffic is guarded" guarded 198.18.0.1
		check "$mode, tags $where: ATTACKS 30: a VLAN is guarded" guarded 198.18.1.1
		check "$mode, tags $where: ATTACKS 30: QinQ is guarded" guarded 198.18.2.1
		in_ns gw ip link set dev gw0 $mode off
	done
done
check "on a VLAN device it attaches, generic" attach gw0.100 xdpgeneric
check "and guards that VLAN" guarded 198.18.1.1
check "not the others" answered 198.18.2.1 $flags
in_ns gw ip link set dev gw0.100 xdpgeneric off

tags in
for mode in xdp xdpgeneric; do
	check "$mode on a bond attaches" attach bond0 $mode || continue
	check "$mode: a bond is guarded" guarded 198.18.10.1
	check "$mode: a VLAN of a bond is guarded" guarded 198.18.11.1
	check "$mode: QinQ of a bond is guarded" guarded 198.18.12.1
	[ $mode = xdp ] || break
	in_ns gw ip link set dev gw1 down
	in_ns dev ip link set dev dev1 down
	check "the other interface of the bond is guarded as well" guarded 198.18.10.1
	in_ns gw ip link set dev gw1 up
	in_ns dev ip link set dev dev1 up
	in_ns gw ip link set dev bond0 $mode off
done
in_ns gw ip link set dev bond0 xdpgeneric off
check "without the program it arrives again" answered 198.18.10.1 $flags
finish
