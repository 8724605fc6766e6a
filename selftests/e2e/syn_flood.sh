#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# ATTACKS 20: a SYN flood from a million forged sources of each family, as fast as one core sends
# it. At a mosquitto of the guarded host XDP answers with SYN cookies: real clients connect over
# IPv4 and IPv6 meanwhile, and nothing that could grow does. Behind the host the budget drops:
# clients that are connected live on. Then the flood ends, and so do the cookies.
set -o pipefail

e2e=$(cd "$(dirname "$0")" && pwd)
for part in ../lib/ktap ../lib/netns ../lib/broker; do
	. "$e2e/$part.sh"
done
need_root
need_command mosquitto mosquitto_pub mosquitto_sub nft jq ss bpftool

top=${MQGATE_TOP:-$(cd "$e2e/../.." && pwd)}
build=${MQGATE_BUILD:-$top/build}
flood=$build/selftests/e2e/flood
mqgate=$build/mqgate
getent passwd mqgate > /dev/null || skip_all "needs the account mqgate: make test makes it"
dir=$(scratch)
on_exit rm -rf "$dir"
mkdir "$dir/here" "$dir/far"
chgrp mqgate "$dir" && chmod 0750 "$dir"
export MQGATE_BPFFS=/sys/fs/bpf/mqgate-test-$$ MQGATE_RUN=/run/mqgate-test-$$
install -d -o root -g mqgate -m 0770 "$MQGATE_RUN"
on_exit rm -rf "$MQGATE_RUN" "$MQGATE_BPFFS"

HERE4=198.18.0.1 HERE6=2001:db8:18::1 FAR=198.18.1.2 ROUTED=2883

stage() {
	ns_add dev gw far && ns_link dev dev0 gw gw0 && ns_link gw gw1 far far0 &&
		ns_addr dev dev0 198.18.0.2/24 2001:db8:18::2/64 &&
		ns_addr gw gw0 $HERE4/24 $HERE6/64 && ns_addr gw gw1 198.18.1.1/24 &&
		ns_addr far far0 $FAR/24 || return 1
	in_ns gw sysctl -qw net.ipv4.ip_forward=1 net.ipv4.conf.all.rp_filter=0 \
		net.ipv4.conf.gw0.rp_filter=0 net.ipv4.tcp_syncookies=1 &&
		in_ns gw ip route add default via 198.18.0.2 &&
		in_ns gw ip -6 route add default via 2001:db8:18::2 &&
		in_ns dev ip route add 198.18.1.0/24 via $HERE4 &&
		in_ns far ip route add default via 198.18.1.1 || return 1
	broker_start gw "$dir/here" '*' 1883 && broker_start far "$dir/far" $FAR $ROUTED || return 1
	# What XDP_TX sends reaches a veth only where there is a native program as well.
	in_ns dev ip link set dev dev0 xdp obj "$top/bpf/mqgate.bpf.o" sec xdp || return 1
	poll_until 10 in_ns dev ping -c 1 -W 1 $HERE4 &&
		poll_until 10 in_ns dev ping -c 1 -W 1 $HERE6
}

# Connections are tracked, where this kernel can.
track() {
	in_ns gw nft -f - <<-'END'
	table inet mqg {
		chain arriving {
			type filter hook prerouting priority 0; policy accept;
			ct state invalid counter
		}
	}
	END
}

daemon_start() {
	cat > "$dir/mqgate.yaml" <<-END
	services:
	  - {name: here, port: 1883, kind: mqtt, syn: {rate: 500, calm: 2s, cookies: on}}
	  - {name: behind, port: $ROUTED, kind: mqtt, syn: {rate: 500, calm: 2s}}
	user: mqgate
	group: mqgate
	http: "off"
	END
	nsenter --net="/run/netns/$(ns_name gw)" -- "$build/mqgated" -c "$dir/mqgate.yaml" \
		>> "$dir/mqgated.log" 2>&1 < /dev/null &
	on_exit stop $!
	poll_until 20 configured
}

gw() {
	in_ns gw "$mqgate" "$@"
}

configured() {
	gw -j status | jq -e '.services[] | select(.name == "here") | .syn.rate == 500'
}

# syn SERVICE MEMBER: what status says of the SYNs to a service.
syn() {
	gw -j status | jq -r --arg name "$1" ".services[] | select(.name == \$name) | .syn.$2"
}

# says SERVICE MEMBER VALUE
says() {
	[ "$(syn "$1" "$2")" = "$3" ]
}

# packets SERVICE REASON
packets() {
	gw -j stats | jq --arg name "$1" --arg reason "$2" \
		'[.. | objects | select(.name? == $name and .reason? == $reason) | .packets] |
			add // 0'
}

more_than() {
	[ "$(packets "$1" "$2")" -gt "$3" ]
}

entries() {
	bpftool -j map dump pinned "$MQGATE_BPFFS/$1" | jq length
}

half_open() {
	in_ns gw ss -Htan state syn-recv | wc -l
}

tracked() {
	in_ns gw cat /proc/sys/net/netfilter/nf_conntrack_count
}

# at_most LIMIT COMMAND...
at_most() {
	local limit=$1 value
	shift
	value=$("$@") || return 1
	diag "$*: $value, at most $limit"
	[ "$value" -le "$limit" ]
}

flood_start() {
	nsenter --net="/run/netns/$(ns_name dev)" -- "$flood" -i dev0 -g "$(ns_mac gw gw0)" -n 0 \
		-y -S 2097152 "$@" > "$dir/flood.json" 2> "$dir/flood.err" &
	flood_pid=$!
	on_exit stop $flood_pid
}

flood_stop() {
	stop $flood_pid
	diag "$(jq -c '{sent, ipv4, ipv6, sources, seconds, rate}' "$dir/flood.json")"
}

# publish ADDRESS TEXT [PORT]
publish() {
	in_ns dev timeout 60 mosquitto_pub -h "$1" -p "${3:-1883}" -t flood/syn -q 1 -m "$2"
}

heard() {
	grep -qx "$1" "$dir/$2"
}

# subscribe FILE ADDRESS PORT
subscribe() {
	nsenter --net="/run/netns/$(ns_name dev)" -- timeout 300 mosquitto_sub -h "$2" -p "$3" \
		-t flood/syn -q 1 > "$dir/$1" 2>&1 &
	on_exit stop $!
}

subscribed() {
	grep -q "Sending SUBACK" "$dir/$1/broker.log"
}

plan 42
check "a host, devices, a host behind, two mosquittos" stage || exit 1
conntrack=
track > /dev/null 2>&1 && tracked > /dev/null 2>&1 &&
	conntrack=yes
check "mqgate attach gw0 cookies" gw attach gw0 cookies
is "sets tcp_syncookies" "$(in_ns gw sysctl -n net.ipv4.tcp_syncookies)" 2
check "mqgated takes the configuration" daemon_start || diag "$(cat "$dir/mqgated.log")"
check "over IPv4 a client publishes" publish $HERE4 quiet
check "over IPv6 too" publish $HERE6 quiet
is "without a flood" "$(syn here floods)" 0

flood_start mqtt:$HERE4:1883 "mqtt:[$HERE6]:1883"
check "the flood is noticed" poll_until 60 says here flood true
check "and answered with cookies" poll_until 60 says here answer cookies
check "by the hundred thousand" poll_until 120 more_than here syn-cookie 100000
subscribe subscriber $HERE6 1883
check "a subscriber connects over IPv6" poll_until 60 subscribed here
for n in 1 2 3 4 5; do
	check "in the flood client $n publishes over IPv4" publish $HERE4 "four-$n"
	check "in the flood client $n publishes over IPv6" publish $HERE6 "six-$n"
done
check "the subscriber hears the first" poll_until 30 heard four-1 subscriber
check "and the last" poll_until 30 heard six-5 subscriber
# An ACK may be lost in the flood: the CONNECT behind it ends the handshake as well.
check "their ACKs brought good cookies" more_than here pass-cookie 4
before=$(packets here syn-cookie)
check "another hundred thousand later" poll_until 120 more_than here syn-cookie $((before + 100000))
check "no connection is half open" at_most 2 half_open
# The first 500 SYNs, before it was a flood, have passed.
check "sources of the flood are in no map of budgets" at_most 1500 entries mqgate_budgets
check "nor its flows" at_most 200 entries mqgate_flows
if [ -n "$conntrack" ]; then
	check "nor among tracked connections" at_most 1500 tracked
else
	skip "nor among tracked connections" "this kernel tracks none"
fi
flood_stop
check "status says that cookies are off again" poll_until 60 says here flood false
check "the log tells of the begin" grep -q "SYN flood at service here, .* SYN cookies" \
	"$dir/mqgated.log"
check "and the end" poll_until 30 grep -q "SYN flood at service here is over" "$dir/mqgated.log"
answered=$(packets here syn-cookie)
check "clients connect over IPv4" publish $HERE4 after
check "and IPv6" publish $HERE6 after
is "with the host's own SYN-ACK" "$(packets here syn-cookie)" "$answered"

# ---- behind the host ----
subscribe behind $FAR $ROUTED
check "a client connects through the host" poll_until 60 subscribed far
flood_start mqtt:$FAR:$ROUTED
check "a flood there is dropped beyond the rate" poll_until 60 more_than behind syn-rate 50000
in_ns far timeout 60 mosquitto_pub -h $FAR -p $ROUTED -t flood/syn -q 1 -m behind-1
check "who was connected hears all the same" poll_until 60 heard behind-1 behind
is "no SYN was answered" "$(packets behind syn-cookie)" 0
flood_stop
check "that ends as well" poll_until 60 says behind flood false
check "detach" gw detach gw0
is "sets tcp_syncookies back" "$(in_ns gw sysctl -n net.ipv4.tcp_syncookies)" 1
finish
