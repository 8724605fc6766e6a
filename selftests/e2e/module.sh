# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
#
# The kernel module's part in the end-to-end runs (MODULE=1): it is loaded before the devices come,
# and its table of clients is held against their sockets. Sourced by run.sh after scenario.sh.
# Without MODULE=1 there is nothing of it; a module that was loaded before is asked, and stays.

# What is missing to load the module here, in words; nothing if it can be.
module_lacks() {
	local ko=$top/kmod/mqgate.ko release
	release=$(uname -r)
	if [ -e /sys/module/mqgate ]; then
		return
	elif [ ! -e /proc/modules ]; then
		echo "this kernel ($release) loads no modules"
	elif [ ! -e "$ko" ]; then
		echo "there is no kmod/mqgate.ko: make module"
	elif [ "$(modinfo -F vermagic "$ko" | cut -d' ' -f1)" != "$release" ]; then
		echo "kmod/mqgate.ko is not for this kernel ($release): make module"
	fi
}

module_load() {
	[ ! -e /sys/module/mqgate ] || return 0
	insmod "$top/kmod/mqgate.ko" && on_exit module_unload
}

# XDP holds it as long as it is linked.
module_unload() {
	mqgate module unlink
	rmmod mqgate
}

# The name of who has that address, by devices.sh's numbering.
module_name_of() {
	local n=${1##*[.:]}
	case $1 in
	198.18.1.* | 2001:db8:18::1:*)
		[ "$n" -le 20 ] && printf 'dev%02d\n' "$n" || echo "plain$((n - 20))"
		;;
	esac
}

# Every connection of a device to a service, from the devices' own sockets, as
# ADDRESS PORT SERVICE-PORT NAME LEVEL.
module_sockets() {
	local from to address name level
	in_ns devices ss -Htn state established '( dport = :1883 or dport = :8883 )' |
		awk '{ print $(NF - 1), $NF }' | tr -d '[]' | while read -r from to; do
		address=${from%:*}
		name=$(module_name_of "$address")
		[ -n "$name" ] || continue
		level=4
		[ $(($(device_number "$name") % 4)) -ne 0 ] || level=5
		echo "$address ${from##*:} ${to##*:} $name $level"
	done | sort
}

# The same as the module tells it, and the phase.
module_clients() {
	mqgate -j conn list | jq -r '.[] | [.source, .sport, .dport, .client_id // "-",
		.level // 0, .phase] | map(tostring) | join(" ")' | sort
}

# module_knows COUNT: of as many live clients at least, every one has its entry with its client
# identifier, level and phase, whether it comes by TLS or not.
module_knows() {
	local before
	before=$(module_sockets)
	module_clients > "$WORK/module.clients"
	[ "$before" = "$(module_sockets)" ] || return 1
	[ "$(wc -l <<< "$before")" -ge "$1" ] || { echo "$before"; return 1; }
	awk -v sockets="$before" '
		{ told[$1 " " $2 " " $3] = $4 " " $5 " " $6 }
		END {
			count = split(sockets, line, "\n")
			for (i = 1; i <= count; i++) {
				split(line[i], is, " ")
				got = told[is[1] " " is[2] " " is[3]]
				want = is[4] " " is[5] " connected"
				if (got == want)
					continue
				print line[i] ": told " got ", wanted " want
				bad = 1
			}
			exit bad
		}' "$WORK/module.clients"
}

# A client may be between two connections, and says why the last try fell short.
module_settles() {
	poll_until 30 module_knows "$1" || module_knows "$1"
}

module_show() {
	mqgate conn list | sed 's/^/  /'
}

# Nobody has an entry but devices: what XDP drops, and what never finishes a handshake, makes none.
module_only_devices() {
	module_clients | while read -r address rest; do
		[ -n "$(module_name_of "$address")" ] || echo "$address $rest"
	done | grep . && return 1
	return 0
}

module_begin() {
	[ "${MODULE:-}" = 1 ] || return 0
	claim "the kernel module is loaded, and observes" module_load
}

# Once the subscribers are connected: 10 by TLS, 2 plain ones.
module_calm() {
	[ "${MODULE:-}" = 1 ] || return 0
	claim "every live client is in the module's table, with its client identifier, level and \
phase" module_settles 12
	echo
	module_show
	echo
	return 0
}

module_after_flood() {
	[ "${MODULE:-}" = 1 ] || return 0
	claim "the flood made no entry in the module's table" module_only_devices
	claim "and every client that lives is still in it" module_settles 12
	claim "the module saw none of them break the protocol" module_no_offence
	return 0
}

module_no_offence() {
	mqgate -j conn list | jq -e 'map(select(.offences > 0)) | . == []'
}
