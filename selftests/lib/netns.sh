# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
#
# Network namespaces for tests and for `make run`. Names carry the pid of the script; ktap.sh, which
# must be sourced before, takes them down with it. No interface outside of them is touched.
#
#	ns_add devices; ns_add gateway
#	ns_link devices dev0 gateway gw0
#	ns_addr devices dev0 198.18.0.2/24 2001:db8:18::2/64
#	in_ns devices ping -c1 198.18.0.1

# The full name of a namespace of this script.
ns_name() {
	echo "mqg-$$-$1"
}

# Runs a command inside; /sys/fs/bpf stays visible, which `ip netns exec` would hide.
in_ns() {
	local name=$1
	shift
	nsenter --net="/run/netns/$(ns_name "$name")" -- "$@"
}

# Removes what scripts left that were killed by SIGKILL: namespaces whose pid is no more.
ns_reap() {
	local path name pid
	for path in /run/netns/mqg-[0-9]*-*; do
		[ -e "$path" ] || continue
		name=${path##*/}
		pid=${name#mqg-}
		pid=${pid%%-*}
		[ -d "/proc/$pid" ] || ip netns del "$name"
	done
}

ns_add() {
	local name
	for name in "$@"; do
		ip netns add "$(ns_name "$name")" || return 1
		on_exit ns_del "$name"
		in_ns "$name" ip link set lo up || return 1
		# No duplicate address detection: an address works as soon as it is set.
		in_ns "$name" sysctl -qw net.ipv6.conf.all.accept_dad=0 \
			net.ipv6.conf.default.accept_dad=0 net.ipv6.conf.all.accept_ra=0 \
			net.ipv6.conf.default.accept_ra=0
	done
}

ns_del() {
	local name=$1 pid
	for pid in $(ip netns pids "$(ns_name "$name")" 2> /dev/null); do
		kill -KILL "$pid" 2> /dev/null
	done
	ip netns del "$(ns_name "$name")"
}

# ns_link NS1 IF1 NS2 IF2: a veth pair between two of the namespaces, up, with one queue a side.
ns_link() {
	ip link add "$2" netns "$(ns_name "$1")" type veth peer name "$4" netns "$(ns_name "$3")" ||
		return 1
	in_ns "$1" ip link set "$2" up && in_ns "$3" ip link set "$4" up
}

# ns_addr NS IF ADDRESS/LENGTH...
ns_addr() {
	local name=$1 dev=$2 addr
	shift 2
	for addr in "$@"; do
		in_ns "$name" ip addr add "$addr" dev "$dev" || return 1
	done
}

# ns_mac NS IF: prints its MAC address.
ns_mac() {
	in_ns "$1" cat "/sys/class/net/$2/address" 2> /dev/null |
		grep . || in_ns "$1" ip -o link show "$2" | sed 's/.*link\/ether \([^ ]*\).*/\1/'
}

# listening NS ADDRESS PORT: somebody accepts TCP connections there (address as `ss` prints it,
# or * for any).
listening() {
	in_ns "$1" ss -Hltn "sport = :$3" | awk -v want="$2:$3" '
		want ~ /^\*:/ || $4 == want || $4 ~ /^(0\.0\.0\.0|\*|\[::\]):/ { found = 1 }
		END { exit !found }'
}
