#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Makes a machine ready: packages, the account mqgate, bpffs, and a look at what the kernel can do.
# Called by the Makefile; changes something only where something is missing, and says what.
#
#	setup.sh check GROUP...		names missing packages and the command; exit 1 if any
#	setup.sh install GROUP...	installs them (apt-get), makes the account, mounts bpffs
#	setup.sh wish GROUP...		installs them too, and goes on where they cannot be had
#	setup.sh kernel OBJECT		what BPF and XDP can do here; exit 1 if mqgate cannot run
set -u
PATH=$PATH:/usr/sbin:/sbin
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
list=$here/packages

say() {
	echo "setup: $*"
}

# have PACKAGE [COMMAND-or-FILE]
have() {
	case ${2:-} in
	/*)	[ -e "$2" ] && return 0 ;;
	?*)	command -v "$2" > /dev/null && return 0 ;;
	esac
	command -v dpkg-query > /dev/null &&
		[ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2> /dev/null)" = installed ]
}

# Prints the packages of the groups that are not there, each once.
missing() {
	local group package probe
	while read -r group package probe; do
		case " $* " in
		*" $group "*)	have "$package" "$probe" || echo "$package" ;;
		esac
	done < <(grep -v '^#' "$list") | sort -u
}

one_line() {
	tr '\n' ' ' | sed 's/ $//'
}

check() {
	local absent
	absent=$(missing "$@" | one_line)
	[ -n "$absent" ] || return 0
	{
		say "missing: $absent"
		if command -v apt-get > /dev/null; then
			say "install them:  sudo apt-get install --no-install-recommends $absent"
		else
			say "install what holds the same in this distribution (names are Debian's)"
		fi
	} >&2
	return 1
}

as_root() {
	[ "$(id -u)" = 0 ] && return 0
	say "installing needs root: run it with sudo" >&2
	return 1
}

install_packages() {
	local absent still log package
	absent=$(missing "$@")
	[ -n "$absent" ] || return 0
	as_root || return 1
	if ! command -v apt-get > /dev/null; then
		check "$@"
		return 1
	fi
	say "installing $(one_line <<< "$absent")"
	log=$(mktemp)
	export DEBIAN_FRONTEND=noninteractive
	# The lists of a fresh image are empty or old; only then are they fetched.
	# shellcheck disable=SC2086
	if ! apt-get install -y --no-install-recommends $absent > "$log" 2>&1; then
		apt-get update >> "$log" 2>&1
		apt-get install -y --no-install-recommends $absent >> "$log" 2>&1
	fi
	still=$(missing "$@" | one_line)
	if [ -n "$still" ]; then
		tail -n 15 "$log" >&2
		say "cannot be had: $still (apt-get's own words are above; is the network up?)" >&2
		rm -f "$log"
		return 1
	fi
	rm -f "$log"
	# Debian starts brokers and a web server with their packages; nobody asked for them.
	for package in mosquitto nginx haproxy rabbitmq-server; do
		if grep -qx "$package" <<< "$absent" && [ -d /run/systemd/system ]; then
			systemctl disable --now "$package.service" > /dev/null 2>&1 &&
				say "stopped the $package.service that came with the package"
			# What finds Erlang's nodes, on 4369, comes with RabbitMQ.
			[ "$package" != rabbitmq-server ] ||
				systemctl disable --now epmd.socket epmd.service > /dev/null 2>&1
		fi
	done
	return 0
}

make_account() {
	getent passwd mqgate > /dev/null && getent group mqgate > /dev/null && return 0
	as_root || return 1
	if ! getent group mqgate > /dev/null; then
		groupadd --system mqgate || return 1
	fi
	if ! getent passwd mqgate > /dev/null; then
		useradd --system --gid mqgate --no-create-home --home-dir /nonexistent \
			--shell /usr/sbin/nologin mqgate || return 1
	fi
	say "made the system account mqgate"
}

mount_bpffs() {
	[ "$(stat -f -c %T /sys/fs/bpf 2> /dev/null)" = bpf_fs ] && return 0
	as_root || return 1
	if ! mount -t bpf bpf /sys/fs/bpf; then
		say "cannot mount bpffs on /sys/fs/bpf: the kernel needs CONFIG_BPF_SYSCALL" >&2
		return 1
	fi
	say "mounted bpffs on /sys/fs/bpf"
}

install() {
	install_packages "$@" && make_account || return 1
	case " $* " in
	*" run "* | *" test "*)	mount_bpffs ;;
	esac
}

# For tests that say themselves what they lack.
wish() {
	install_packages "$@" || say "going on: the tests that need them are skipped"
}

# A veth pair of its own shows whether the object loads, and whether it can run in the driver.
kernel() {
	local object=$1 ns="mqg-$$-probe" mode rc=1 said
	as_root || return 1
	if [ ! -e /sys/kernel/btf/vmlinux ]; then
		say "no /sys/kernel/btf/vmlinux: the kernel needs CONFIG_DEBUG_INFO_BTF" >&2
		return 1
	fi
	if ! ip netns add "$ns"; then
		say "cannot make a network namespace: root without CAP_SYS_ADMIN?" >&2
		return 1
	fi
	if ! ip -n "$ns" link add probe0 type veth peer name probe1; then
		say "cannot make a veth pair: the kernel needs CONFIG_VETH" >&2
		ip netns del "$ns"
		return 1
	fi
	for mode in xdpdrv xdpgeneric; do
		said=$(ip -n "$ns" link set dev probe0 "$mode" obj "$object" sec xdp 2>&1) && rc=0
		[ $rc -eq 0 ] && break
		say "$mode on veth: $(head -n 1 <<< "$said")" >&2
	done
	ip netns del "$ns"
	if [ $rc -ne 0 ]; then
		say "this kernel ($(uname -r)) does not run $object" >&2
	elif [ "$mode" = xdpgeneric ]; then
		say "veth runs XDP only in generic mode here: slower, and the same in all else" >&2
	fi
	return $rc
}

verb=${1:-}
[ $# -gt 0 ] && shift
case $verb in
check | install | wish)
	[ $# -gt 0 ] || set -- build test run
	"$verb" "$@"
	;;
kernel)
	kernel "${1:?OBJECT}"
	;;
*)
	sed -n '3,10s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" >&2
	exit 2
	;;
esac
