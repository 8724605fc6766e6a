#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# The object as other people's tools see it: ip link, bpftool and xdp-loader load and unload it, and
# its maps read like text. Loads into namespaces and bpffs directories of its own only.
. "$(dirname "$0")/../lib/ktap.sh"
. "$(dirname "$0")/../lib/netns.sh"
. "$(dirname "$0")/xdp.sh"

need_root
need_command bpftool xdp-loader jq readelf

pins=/sys/fs/bpf/mqgate-test-$$
on_exit rm -rf "$pins"
mkdir "$pins" "$pins/maps" || skip_all "no bpffs on /sys/fs/bpf"
dir=$(scratch)
on_exit rm -rf "$dir"
ns_add gw
in_ns gw ip link add dev0 type veth peer name gw0
in_ns gw ip link set dev0 up
in_ns gw ip link set gw0 up

# attached MODE PROGRAM: that and nothing else is on the interface.
attached() {
	in_ns gw ip -d link show dev gw0 | grep -qE "mtu 1500 $1 " &&
		[ "$(bpftool -j prog show id "$(xdp_prog gw gw0)" | jq -r .name)" = "$2" ]
}

bare() {
	[ -z "$(xdp_prog gw gw0)" ]
}

# programs SECTION: the functions in it.
programs() {
	local number
	number=$(readelf -SW "$xdp_object" | sed -n "s/^ *\[ *\([0-9]*\)\] $1 .*/\1/p")
	readelf -sW "$xdp_object" |
		awk -v n="$number" '$4 == "FUNC" && $7 == n { print $8 }' | xargs
}

load_pinned() {
	bpftool prog load "$xdp_object" "$pins/prog" pinmaps "$pins/maps"
}

plan 27

is "one program in section xdp" "$(programs xdp)" mqgate_xdp
is "one program in section xdp.frags" "$(programs xdp.frags)" mqgate_xdp_frags
is "the read-only data is struct mqgate_rodata alone" \
	"$(readelf -SW "$xdp_object" | awk '$2 == ".rodata" || $3 == ".rodata" { print }' |
		grep -o ' 000018 ')" " 000018 "

# ---- ip link ----
for mode in xdp xdpgeneric; do
	check "ip link loads, $mode" in_ns gw ip link set dev gw0 $mode obj "$xdp_object" sec xdp
	check "it is mqgate_xdp, $mode" attached $mode mqgate_xdp
	in_ns gw ip link set dev gw0 $mode off
	check "ip link unloads, $mode" bare
done
check "ip link loads the twin" in_ns gw ip link set dev gw0 xdp obj "$xdp_object" sec xdp.frags
check "it is mqgate_xdp_frags" attached xdp mqgate_xdp_frags
in_ns gw ip link set dev gw0 xdp off
check "nothing was pinned by anybody" test -z "$(find /sys/fs/bpf \
	-path '/sys/fs/bpf/mqgate*' -prune -o -name 'mqgate_*' -newer "$dir" -print)"

# ---- xdp-loader ----
chained=true
! chain_refused gw gw0 || chained=false
in_ns gw xdp-loader unload --all gw0 > /dev/null 2>&1
for mode in native skb; do
	if ! $chained; then
		for point in loads "is attached" unloads; do
			skip "xdp-loader: $point, $mode" "$chain_why"
		done
		continue
	fi
	want=xdp
	[ $mode = native ] || want=xdpgeneric
	check "xdp-loader loads, $mode" in_ns gw xdp-loader load -m $mode gw0 "$xdp_object"
	contains "it is attached, $mode" "$(in_ns gw ip link show dev gw0)" " $want "
	check "xdp-loader unloads, $mode" in_ns gw xdp-loader unload --all gw0
done

# ---- bpftool ----
check "bpftool loads and pins" load_pinned
wanted="mqgate_allow mqgate_budgets mqgate_control mqgate_events mqgate_flows mqgate_index4
	mqgate_index6 mqgate_known mqgate_ports mqgate_prefix4 mqgate_prefix6 mqgate_sources
	mqgate_stats mqgate_svc mqgate_top"
missing=
for map in $wanted; do
	[ -e "$pins/maps/$map" ] || missing="$missing $map"
done
is "every map of the ABI is pinned under its name" "$missing" ""
check "ip link attaches the pin" in_ns gw ip link set dev gw0 xdp pinned "$pins/prog"
bpftool map update pinned "$pins/maps/mqgate_sources" \
	key hex 00 00 00 00 00 00 00 00 00 00 ff ff c6 33 64 07 \
	value hex $(bytes 24 0) $(bytes 4 4) $(bytes 4 1) $(bytes 4 54) $(bytes 4 3) $(bytes 24 0)
text=$(bpftool map dump pinned "$pins/maps/mqgate_sources")
contains "mqgate_sources reads like text: the action" "$text" '"action": "MQGATE_ACTION_DROP"'
contains "mqgate_sources reads like text: the origin" "$text" '"origin": "MQGATE_ORIGIN_OPERATOR"'
contains "mqgate_sources reads like text: the reason" "$text" \
	'"reason": "MQGATE_REASON_MQTT_LEVEL"'
# 1883 is 5b 07; a SYN with FIN from 198.51.100.1
printf '\2\2\2\2\2\2\2\2\2\2\2\2\10\0\105\0\0\50\0\0\0\0\100\6\0\0\306\63\144\1\300\0\2\1%b' \
	'\234\100\007\133\0\0\0\1\0\0\0\0\120\003\372\360\0\0\0\0' > "$dir/frame"
check "bpftool runs a frame" bpftool prog run pinned "$pins/prog" data_in "$dir/frame" repeat 3
text=$(bpftool map dump pinned "$pins/maps/mqgate_stats" | grep -A9 '"packets": 3,')
contains "mqgate_stats reads like text" "$(tr -d ' \n' <<< "$text")" \
	'"service":1,"reason":"MQGATE_REASON_TCP_FLAGS"'
in_ns gw ip link set dev gw0 xdp off

# ---- what it costs the verifier ----
mkdir "$pins/all"
bpftool -d prog loadall "$xdp_object" "$pins/all" > "$dir/log" 2>&1
sed -n 's/^processed \([0-9]* insns\).*/\1/p' "$dir/log" | paste -d' ' - - |
	while read -r line; do diag "verifier, mqgate_xdp and mqgate_xdp_frags: $line"; done
check "the verifier needs less than a tenth of its limit for each" \
	awk '/^processed/ { n++; if ($2 > 100000) bad = 1 } END { exit bad || n != 2 }' "$dir/log"
finish
