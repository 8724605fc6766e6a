#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# A few real connections through the object as `ip link` attaches it, in the driver: what has to be
# seen on every kernel. selftests/bpf/veth.sh looks far closer, and is slow on an emulated CPU. Run
# by xdp_debian.sh in a guest; runs on any host as well.
. "$(dirname "$0")/../lib/ktap.sh"
. "$(dirname "$0")/../lib/netns.sh"
. "$(dirname "$0")/../bpf/xdp.sh"

need_root
need_command bpftool jq python3

good=100f00044d5154540402003c0003646576		# client id "dev", clean session
flags=1f0d00044d51545405020000000170		# ATTACKS 2

dir=$(scratch)
on_exit rm -rf "$dir"
ns_add dev gw
ns_link dev dev0 gw gw0
ns_addr dev dev0 198.18.0.2/24 2001:db8:18::2/64
ns_addr gw gw0 198.18.0.1/24 2001:db8:18::1/64

# serve ADDRESS PORT: answers with what it hears.
serve() {
	nsenter --net="/run/netns/$(ns_name gw)" -- \
		/usr/bin/python3 ../bpf/talk.py echo "$1" "$2" &
	on_exit stop $!
}

# speak ADDRESS PORT HEX: says it on a new connection and writes the answer, as long as what was
# said, to stdout; without an answer it stays until it is stopped.
speak() {
	# shellcheck disable=SC2016
	exec nsenter --net="/run/netns/$(ns_name dev)" -- timeout 60 bash -c '
		exec 3<> "/dev/tcp/$0/$1" && printf "$2" >&3 && head -c "$3" <&3' \
		"$1" "$2" "$(sed 's/../\\x&/g' <<< "$3")" $((${#3} / 2))
}

# echoed ADDRESS PORT HEX: the answer in hex.
echoed() {
	(speak "$@") | od -An -v -tx1 | tr -d ' \n'
}

attach() {
	in_ns gw ip link set dev gw0 xdp obj "$xdp_object" sec xdp &&
		in_ns gw ip link show dev gw0 | grep -q ' xdp ' &&
		stats=$(xdp_map gw gw0 mqgate_stats) && [ -n "$stats" ]
}

# dropped HEX REASON: counted as such, and no answer came.
dropped() {
	local pid
	(speak 198.18.0.1 1883 "$1") > "$dir/answer" &
	pid=$!
	poll_until 30 moved 0 "$stats" 1 "$2" || return 1
	stop $pid
	[ ! -s "$dir/answer" ]
}

serve 198.18.0.1 1883
serve 2001:db8:18::1 1883
serve 198.18.0.1 22
poll_until 30 listening gw 198.18.0.1 1883 && poll_until 30 listening gw '[2001:db8:18::1]' 1883 &&
	poll_until 30 listening gw 198.18.0.1 22 || skip_all "the servers do not start"

plan 7
is "without the program a malformed CONNECT arrives" "$(echoed 198.18.0.1 1883 $flags)" $flags
check "ip link attaches the object, native" attach
is "a good CONNECT arrives" "$(echoed 198.18.0.1 1883 $good)" $good
is "over IPv6 too" "$(echoed 2001:db8:18::1 1883 $good)" $good
check "ATTACKS 2: a malformed CONNECT is dropped" dropped $flags MQTT_FLAGS
is "ssh carries even that" "$(echoed 198.18.0.1 22 $flags)" $flags
check "the good ones are counted" moved 1 "$stats" 1 PASS_FIRST
finish
