#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Real TCP through the object as `ip link` attaches it, with nothing else of mqgate there: a
# mosquitto on the guarded host (local), a second one behind it (routed), and ssh's port. Once in
# the driver (native), once generic. Namespaces and traffic of its own only.
. "$(dirname "$0")/../lib/ktap.sh"
. "$(dirname "$0")/../lib/netns.sh"
. "$(dirname "$0")/../lib/broker.sh"
. "$(dirname "$0")/xdp.sh"

need_root
need_command bpftool mosquitto mosquitto_pub jq python3

good=100f00044d5154540402003c0003646576		# client id "dev", clean session
good5=101000044d5154540502003c000003646576
flags=1f0d00044d51545405020000000170		# ATTACKS 2
utf8=100f00044d5154540402003c0003640076		# U+0000: only a full parse finds it
http=474554202f20485454502f312e310d0a

dir=$(scratch)
on_exit rm -rf "$dir"
mkdir "$dir/v4" "$dir/v6" "$dir/far"

ns_add dev gw far
ns_link dev dev0 gw gw0
ns_link gw gw1 far far0
ns_addr dev dev0 198.18.0.2/24 2001:db8:18::2/64
ns_addr gw gw0 198.18.0.1/24 2001:db8:18::1/64
ns_addr gw gw1 198.18.1.1/24
ns_addr far far0 198.18.1.2/24
in_ns dev ip route add 198.18.1.0/24 via 198.18.0.1
in_ns far ip route add default via 198.18.1.1
in_ns gw sysctl -qw net.ipv4.ip_forward=1
in_ns dev sysctl -qw net.ipv4.tcp_syn_retries=2

attach() {
	in_ns gw ip link set dev gw0 "$1" obj "$xdp_object" sec "$2" || return 1
	stats=$(xdp_map gw gw0 mqgate_stats)
	flows=$(xdp_map gw gw0 mqgate_flows)
	sources=$(xdp_map gw gw0 mqgate_sources)
	allow=$(xdp_map gw gw0 mqgate_allow)
	[ -n "$stats" ] && [ -n "$flows" ] && [ -n "$sources" ] && [ -n "$allow" ]
}

detach() {
	in_ns gw ip link set dev gw0 "$1" off
}

# answers ADDRESS PORT WORD HEX COUNT: what the first COUNT bytes of the answer are.
answers() {
	talk_start dev "$1" "$2"
	if [ "$talk_said" = connected ]; then
		talk "$3" "$4" > /dev/null
		talk read "$5"
	else
		echo "$talk_said"
	fi
	talk_end
}

# dropped ADDRESS HEX REASON: the payload on a new connection is dropped and counted.
dropped() {
	local before
	before=$(counter "$stats" 1 "$3")
	talk_start dev "$1" 1883
	[ "$talk_said" = connected ] || { echo "connect: $talk_said"; return 1; }
	talk send "$2"
	poll_until 5 moved "$before" "$stats" 1 "$3" || return 1
	refused_port=$(talk port)
	talk_end
}

# refused PORT: the flow from that port is REFUSED.
refused() {
	bpftool -j map dump id "$flows" | jq -e --argjson port "$1" \
		'any(.[]; .formatted.key.sport == $port and
		     .formatted.value.state == "MQGATE_FLOW_REFUSED")'
}

published() {
	in_ns dev timeout 10 mosquitto_pub -V "$1" -h "$2" -t a/b -m hello -q 1
}

# never LOG: the broker saw no malformed packet, hence no client but good ones.
never() {
	! grep -qiE 'protocol error|malformed|bad (client|protocol)|invalid' "$1"
}

broker_start gw "$dir/v4" 0.0.0.0 1883 || skip_all "mosquitto does not start"
broker_start gw "$dir/v6" :: 1883 || skip_all "mosquitto does not start"
broker_start far "$dir/far" 0.0.0.0 1883 || skip_all "mosquitto does not start"
nsenter --net="/run/netns/$(ns_name gw)" -- \
	/usr/bin/python3 "$xdp_top/selftests/bpf/talk.py" echo 198.18.0.1 22 &
on_exit stop $!
poll_until 10 listening gw 198.18.0.1 22 || skip_all "no server on port 22"

plan 63

for mode in xdp xdpgeneric; do
	check "$mode: ip link attaches the object" attach $mode xdp || continue
	is "$mode: a good CONNECT is answered" "$(answers 198.18.0.1 1883 send $good 4)" 20020000
	contains "$mode: a good v5 CONNECT is answered" \
		"$(answers 198.18.0.1 1883 send $good5 4 | sed 's/^20../CONNACK /')" "CONNACK 0000"
	is "$mode: ATTACKS 13: one byte a segment is answered" \
		"$(answers 198.18.0.1 1883 bytes $good 4)" 20020000
	is "$mode: over IPv6 it is answered" "$(answers 2001:db8:18::1 1883 send $good 4)" 20020000
	is "$mode: behind the gateway it is answered" \
		"$(answers 198.18.1.2 1883 send $good 4)" 20020000
	check "$mode: mosquitto_pub -V 311" published 311 198.18.0.1
	check "$mode: mosquitto_pub -V 5 through the gateway" published 5 198.18.1.2
	is "$mode: ssh carries even a malformed CONNECT" \
		"$(answers 198.18.0.1 22 send $flags 15)" $flags
	check "$mode: ATTACKS 2: a malformed CONNECT is dropped" \
		dropped 198.18.0.1 $flags MQTT_FLAGS
	check "$mode: and its flow REFUSED" refused "$refused_port"
	check "$mode: ATTACKS 8: one that only a full parse finds is dropped" \
		dropped 198.18.0.1 $utf8 MQTT_UTF8
	check "$mode: and its flow REFUSED" refused "$refused_port"
	check "$mode: HTTP is dropped" dropped 198.18.0.1 $http MQTT_NOT_CONNECT
	check "$mode: over IPv6 a malformed CONNECT is dropped" \
		dropped 2001:db8:18::1 $flags MQTT_FLAGS
	check "$mode: behind the gateway a malformed CONNECT is dropped" \
		dropped 198.18.1.2 $utf8 MQTT_UTF8
	check "$mode: the local broker saw none of them" never "$dir/v4/broker.log"
	check "$mode: nor the one behind the gateway" never "$dir/far/broker.log"
	detach $mode
done

# ---- a flow older than the attach ----
talk_start dev 198.18.0.1 1883
talk send $good > /dev/null
talk read 4 > /dev/null
check "attach under a live connection" attach xdp xdp
talk send c000 > /dev/null
is "it lives on" "$(talk read 2)" d000
check "because its socket answers for it" moved 0 "$stats" 1 PASS_SEEN
talk_end

# ---- verdicts by hand ----
read -r uptime _ < /proc/uptime		# CLOCK_BOOTTIME, hundredths of a second
now=${uptime/./}0000000
source=(00 00 00 00 00 00 00 00 00 00 ff ff c6 12 00 02)

# verdict ACTION EXPIRES: on 198.18.0.2
verdict() {
	# shellcheck disable=SC2046
	bpftool map update id "$sources" key hex "${source[@]}" value hex $(bytes 8 "$2") \
		$(bytes 16 0) $(bytes 4 "$1") $(bytes 36 0)
}

check "bpftool bans a source" verdict 4 $((now + 600000000000))
is "its connections fail" "$(answers 198.18.0.1 1883 send $good 4)" "failed TimeoutError"
check "and are counted" moved 0 "$stats" 1 SOURCE_BANNED
contains "the verdict reads like text" "$(bpftool map dump id "$sources")" MQGATE_ACTION_DROP
is "ssh is not touched" "$(answers 198.18.0.1 22 send $good 17)" $good
check "bpftool sets the ban to have expired" verdict 4 $((now - 1))
is "the source connects again" "$(answers 198.18.0.1 1883 send $good 4)" 20020000

# ---- ALLOW by hand ----
talk_start dev 198.18.0.1 1883
talk send $good > /dev/null
talk read 4 > /dev/null
# shellcheck disable=SC2046
check "bpftool ALLOWs a flow" bpftool map update id "$allow" \
	key hex "${source[@]}" "${source[@]:0:12}" c6 12 00 01 $(bytes 2 "$(talk port)") \
	$(bytes 2 1883) $(bytes 4 6) value hex $(bytes 8 $((now + 600000000000))) $(bytes 24 0)
check "and bans its source" verdict 4 $((now + 600000000000))
talk send c000 > /dev/null
is "the ALLOWed flow passes all the same" "$(talk read 2)" d000
check "and is counted" moved 0 "$stats" 1 PASS_ALLOW
contains "the counters read like text" \
	"$(bpftool map dump id "$stats" | grep -A10 'packets": [1-9]')" MQGATE_REASON_PASS_ALLOW
talk_end
detach xdp

# ---- UDP, only when it is named ----
check "attach" attach xdp xdp
ports=$(xdp_map gw gw0 mqgate_ports)
svc=$(xdp_map gw gw0 mqgate_svc)

# datagram ADDRESS: one to 5683; whether somebody is there to take it does not matter.
datagram() {
	in_ns dev bash -c 'printf "\x40\x01\0\1" > "/dev/udp/$0/5683"' "$1"
}

# named: 5683/udp leads to service 4, which is CoAP.
named() {
	# shellcheck disable=SC2046
	bpftool map update id "$svc" key hex $(bytes 4 4) value hex $(bytes 16 0) \
		$(bytes 4 17) $(bytes 396 0) &&
		bpftool map update id "$ports" key hex $(bytes 4 $((65536 + 5683))) \
			value hex $(bytes 4 4)
}

# counts ADDRESS REASON: a datagram to that address is counted with service 4.
counts() {
	local before
	before=$(counter "$stats" 4 "$2")
	datagram "$1"
	poll_until 10 moved "$before" "$stats" 4 "$2"
}

check "bpftool names a CoAP service" named
check "its datagrams are counted" counts 198.18.0.1 PASS_DATAGRAM
check "behind the gateway too" counts 198.18.1.2 PASS_DATAGRAM
check "over IPv6 too" counts 2001:db8:18::1 PASS_DATAGRAM
check "a ban is put on the source" verdict 4 $((now + 600000000000))
check "its datagrams are dropped" counts 198.18.0.1 SOURCE_BANNED
is "TCP services are as they were" "$(answers 198.18.0.1 22 send $good 17)" $good
detach xdp

# ---- large frames ----
in_ns dev ip link set dev0 mtu 9000
check "MTU 9000 wants xdp.frags" in_ns gw ip link set gw0 mtu 9000
check "ip link attaches the twin" attach xdp xdp.frags
large=10c03e00044d5154540402003c1f34$(printf '61%.0s' {1..7988})
check "a malformed CONNECT is dropped there too" dropped 198.18.0.1 $flags MQTT_FLAGS
is "a CONNECT of 8000 bytes in one frame is answered" \
	"$(answers 198.18.0.1 1883 send "$large" 1)" 20
detach xdp
finish
