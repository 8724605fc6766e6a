#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# In a guest that counts instructions: what the module, or nf_conntrack, makes of the packets of
# mqgate_feed.ko. Prints `figure NAME VALUE...`, a value a run, for bench_module. Started by
# bench_module.sh through selftests/vm/run.sh; its points are what the figures rest on.
#
#	MQGATE_FEED		mqgate_feed.ko
#	MQGATE_BENCH_CLIENTS	in the largest table (1000000)
. "$(dirname "$0")/../lib/ktap.sh"
set -u

runs=5
rounds=4000
many=${MQGATE_BENCH_CLIENTS:-1000000}
feed=/proc/mqgate_feed
data="up up-ack down down-ack"

new_ns() {
	ns=mqg-$$-$1
	ip netns add "$ns" && on_exit ip netns del "$ns"
}

in_ns() {
	nsenter --net=/run/netns/"$ns" -- "$@"
}

# feed COMMAND...: in $ns; its answer, NAME VALUE a line, goes to answer[NAME].
declare -A answer figures
feed() {
	local name value
	answer=()
	# shellcheck disable=SC2016
	in_ns sh -c 'echo "$2" > "$1"' - $feed "$*" || return 1
	while read -r name value; do
		answer[$name]=$value
	done < $feed
}

# keep NAME VALUE: of one more run
keep() {
	figures[$1]+=" $2"
}

tell() {
	local name
	diag "$(cat "$scratch/grown")"
	for name in "${!figures[@]}"; do
		diag "figure $name${figures[$name]}"
	done
}

# kilobytes: of slab and vmalloc, when whoever frees later has done so
kilobytes() {
	echo 3 > /proc/sys/vm/drop_caches
	sleep 2
	awk '$1 == "Slab:" || $1 == "VmallocUsed:" { sum += $2 } END { print sum }' /proc/meminfo
}

# caches FILE: NAME BYTES of every slab cache
caches() {
	awk 'NR > 2 { print $1, $15 * $6 * 4096 }' /proc/slabinfo > "$1"
}

# grown FILE CLIENTS: the caches that grew most since, in bytes a client
grown() {
	awk -v n="$2" 'NR == FNR { was[$1] = $2; next }
		FNR > 2 { grew = ($15 * $6 * 4096 - was[$1]) / n }
		FNR > 2 && grew >= 1 { print grew, "bytes a client,", $1 }' \
		"$1" /proc/slabinfo | sort -rn
}

# publish NAME CLIENTS SUMS: what four packets cost through the hooks
publish() {
	local run kind
	for ((run = 0; run < runs; run++)); do
		feed "publish $2 $rounds $3" || return 1
		for kind in $data; do
			keep "$1-$3-$kind" "${answer[$kind]}"
		done
	done
}

# connect FROM TO HOW
connect() {
	feed "clients $1 $(($2 - $1)) $3"
}

# occupy NAME CLIENTS HOW [FROM]: memory of that many clients, per client
occupy() {
	local before after
	caches "$scratch/caches"
	before=$(kilobytes)
	connect "${4:-0}" "$2" "$3" || return 1
	after=$(kilobytes)
	keep "memory-$1" $(((after - before) * 1024 / ($2 - ${4:-0})))
	grown "$scratch/caches" $(($2 - ${4:-0})) | sed "s/^/cache: $1: /" >> "$scratch/grown"
}

counter() {
	in_ns sed -n "s/^# $1=//p" /proc/net/mqgate
}

lookup() {
	local run
	# What is being resized is looked up twice.
	sleep 2
	for ((run = 0; run < runs; run++)); do
		feed "lookup $1 $rounds" || return 1
		keep "lookup-$1-table" "${answer[table]}"
		keep "lookup-$1-fixed" "${answer[fixed]}"
	done
}

# Ten clients of one network among all the others.
dump() {
	local run
	for ((run = 0; run < runs; run++)); do
		feed "dump begin" || return 1
		in_ns "$MQGATE_BUILD/mqgate" -j conn list source 10.30.0.0/16 \
			> "$scratch/dumped" || return 1
		feed "dump end" || return 1
		keep dump-longest "${answer[longest]}"
		[ "${answer[walks]}" -ge $((many / 256)) ] || return 1
	done
}

plan 17
scratch=$(scratch)
on_exit rm -rf "$scratch"
modprobe nf_conntrack hashsize=262144 || skip_all "no nf_conntrack"
sysctl -qw net.netfilter.nf_conntrack_max=4194304
insmod "$MQGATE_FEED" || skip_all "mqgate_feed.ko does not load"

new_ns bare
check "nothing in the hooks" connect 0 1000 own
check "nothing in the hooks: packets" publish bare 1000 checked
check "nothing in the hooks: packets with sums to verify" publish bare 1000 plain

new_ns conntrack
feed conntrack on
sysctl -qw net.netfilter.nf_conntrack_max=4194304
check "nf_conntrack: connections" occupy conntrack-100000 100000 own
check "nf_conntrack: packets" publish conntrack 100000 checked
check "nf_conntrack: packets with sums to verify" publish conntrack 100000 plain
feed conntrack off
ip netns del "$ns"

insmod "$MQGATE_TOP/kmod/mqgate.ko" max_clients=$((many + 200000)) || exit 1
new_ns shared
check "the module: clients behind one address" occupy shared-100000 100000 shared
ip netns del "$ns"

new_ns own
connect 0 1000 own
lookup 1000
check "the module: clients of their own addresses" occupy own-100000 101000 own 1000
check "the module: packets" publish module 100000 checked
check "the module: packets with sums to verify" publish module 100000 plain
check "the module: many clients" occupy all $((many + 101000)) own 101000
check "the module: look-ups" lookup "$many"
connect 1966080 1966090 own
check "the module: dumps" dump
is "a dump finds its ten" "$(jq length "$scratch/dumped")" 10
is "all are followed" "$(counter clients)" $((many + 101010))
is "nothing was against the protocol" "$(counter violations)" 0
is "nobody was forgotten" "$(counter table-full) $(counter no-memory)" "0 0"
tell
finish
