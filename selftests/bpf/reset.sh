#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Resets with real TCP and a real mosquitto: a malformed CONNECT closes the broker's socket at once
# and tells the client, a RESET source is refused instead of left waiting. In the driver (native,
# both programs) and generic, over IPv4 and IPv6. Namespaces and traffic of its own only.
. "$(dirname "$0")/../lib/ktap.sh"
. "$(dirname "$0")/../lib/netns.sh"
. "$(dirname "$0")/../lib/broker.sh"
. "$(dirname "$0")/xdp.sh"

need_root
need_command bpftool mosquitto jq python3 ss

good=100f00044d5154540402003c0003646576		# client id "dev", clean session
flags=1f0d00044d51545405020000000170		# ATTACKS 2
utf8=100f00044d5154540402003c0003640076		# U+0000: only a full parse finds it
http=474554202f20485454502f312e310d0a

dir=$(scratch)
on_exit rm -rf "$dir"
ns_add dev gw
ns_link dev dev0 gw gw0
ns_addr dev dev0 198.18.0.2/24 2001:db8:18::2/64
ns_addr gw gw0 198.18.0.1/24 2001:db8:18::1/64
mkdir "$dir/v4" "$dir/v6"
broker_start gw "$dir/v4" 0.0.0.0 1883 || skip_all "mosquitto does not start"
broker_start gw "$dir/v6" :: 1883 || skip_all "mosquitto does not start"

# What a program sends back (XDP_TX) a veth only takes where its peer has one, too.
attach() {
	in_ns gw ip link set dev gw0 "$1" obj "$xdp_object" sec "$2" &&
		in_ns dev ip link set dev dev0 "$1" obj "$xdp_object" sec "$2" || return 1
	stats=$(xdp_map gw gw0 mqgate_stats)
	sources=$(xdp_map gw gw0 mqgate_sources)
	svc=$(xdp_map gw gw0 mqgate_svc)
	[ -n "$stats" ] && [ -n "$sources" ] && [ -n "$svc" ]
}

detach() {
	in_ns gw ip link set dev gw0 "$1" off
	in_ns dev ip link set dev dev0 "$1" off
}

# service FLAGS: service 1 is as it is by default, with these flags.
service() {
	# shellcheck disable=SC2046
	bpftool map update id "$svc" key hex $(bytes 4 1) value hex $(bytes 24 0) \
		$(bytes 4 "$1") $(bytes 388 0)
}

# verdict ACTION: on both addresses of dev.
verdict() {
	local source
	for source in "00 00 00 00 00 00 00 00 00 00 ff ff c6 12 00 02" \
		      "20 01 0d b8 00 18 00 00 00 00 00 00 00 00 00 02"; do
		# shellcheck disable=SC2046,SC2086
		bpftool map update id "$sources" key hex $source value hex $(bytes 24 0) \
			$(bytes 4 "$1") $(bytes 36 0) || return 1
	done
}

# sockets COUNT: so many connections do the brokers have.
sockets() {
	[ "$(in_ns gw ss -Htn state all sport = :1883 | grep -vc LISTEN)" -eq "$1" ]
}

# reset_by ADDRESS HEX REASON: counted for the reason; the broker is rid of it, the client told.
reset_by() {
	local before told
	before=$(counter "$stats" 1 "$3")
	told=$(counter "$stats" 1 FLOW_RESET)
	talk_start dev "$1" 1883
	[ "$talk_said" = connected ] || { echo "connect: $talk_said"; return 1; }
	poll_until 5 sockets 1 || { echo "the broker has no connection"; return 1; }
	talk send "$2" > /dev/null
	poll_until 5 sockets 0 || { in_ns gw ss -tn; return 1; }
	moved "$before" "$stats" 1 "$3" || { echo "$3 was not counted"; return 1; }
	[ "$(talk read 1)" = closed ] || { echo "the client was not told"; return 1; }
	talk_end
	moved "$told" "$stats" 1 FLOW_RESET
}

# connection ADDRESS: how an attempt ends.
connection() {
	talk_start dev "$1" 1883
	echo "$talk_said"
	[ "$talk_said" != connected ] || talk_end
}

# live ADDRESS: a connection that is there when its source becomes RESET.
live() {
	verdict 0
	talk_start dev "$1" 1883
	[ "$talk_said" = connected ] || return 1
	talk send $good > /dev/null
	[ "$(talk read 4)" = 20020000 ] || return 1
	verdict 3
	talk send c000 > /dev/null
	poll_until 5 sockets 0 || { in_ns gw ss -tn; return 1; }
	[ "$(talk read 2)" = closed ] || return 1
	talk_end
}

plan $((3 * 14))

for way in "xdp xdp" "xdp xdp.frags" "xdpgeneric xdp"; do
	read -r mode section <<< "$way"
	name="$mode, $section"
	check "$name: attach" attach "$mode" "$section"
	check "$name: the service resets what is malformed" service 8
	for address in 198.18.0.1 2001:db8:18::1; do
		check "$name: ATTACKS 2: a malformed CONNECT to $address" \
			reset_by $address $flags MQTT_FLAGS
		check "$name: ATTACKS 8: one that only a full parse finds, to $address" \
			reset_by $address $utf8 MQTT_UTF8
		check "$name: HTTP to $address" reset_by $address $http MQTT_NOT_CONNECT
		check "$name: a source becomes RESET while connected to $address" live $address
		is "$name: it is refused a connection to $address" "$(connection $address)" \
			"failed ConnectionRefusedError"
		verdict 0
	done
	check "$name: another one is good" test "$(connection 198.18.0.1)" = connected
	check "$name: and nothing is left" poll_until 5 sockets 0
	detach "$mode"
done
finish
