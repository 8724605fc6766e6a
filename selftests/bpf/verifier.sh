#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# What the object of each compiler costs this kernel's verifier, against verifier.txt: more than a
# tenth beyond what is recorded there fails. selftests/vm runs it on Debian's kernels. And the
# objects of other compilers than the one that `make` takes pass the table of packets.
. "$(dirname "$0")/../lib/ktap.sh"
. "$(dirname "$0")/xdp.sh"

need_root
need_command bpftool

record=$xdp_top/selftests/bpf/verifier.txt
kernel=$(uname -r | grep -oE '^[0-9]+\.[0-9]+')
build=${MQGATE_BUILD:-$xdp_top/build}
compilers=$(sed -n 's/^compilers := //p' "$xdp_top/selftests/bpf/Makefile")
pins=/sys/fs/bpf/mqgate-test-$$
on_exit rm -rf "$pins"
mkdir "$pins" || skip_all "no bpffs on /sys/fs/bpf"
dir=$(scratch)
on_exit rm -rf "$dir"

# cost OBJECT: a line "PROGRAM INSTRUCTIONS" each.
cost() {
	rm -rf "$pins/all"
	mkdir "$pins/all"
	bpftool -d prog loadall "$1" "$pins/all" > "$dir/log" 2>&1 || return 1
	sed -n -e "s/^libbpf: prog '\(.*\)': -- BEGIN PROG LOAD LOG --/\1/p" \
		-e 's/^processed \([0-9]*\) insns.*/\1/p' "$dir/log" | paste -d' ' - -
}

# within NUMBER RECORDED: at most a tenth more, or nothing is recorded for this kernel.
within() {
	[ -z "$2" ] && return 0
	[ $((10 * $1)) -le $((11 * $2)) ]
}

judge_program() {
	local compiler=$1 program=$2 number=$3 known
	known=$(awk -v k="$kernel" -v c="$compiler" -v p="$program" \
		'$1 == k && $2 == c && $3 == p { print $4 }' "$record")
	diag "$kernel $compiler $program $number (recorded: ${known:-nothing})"
	if within "$number" "$known" && [ "$number" -lt 100000 ]; then
		ok "$compiler: $program costs the verifier what is recorded"
	else
		diag "over 110 % of what is recorded, or a tenth of the limit; if it"
		diag "has to: $kernel $compiler $program $number in selftests/bpf/verifier.txt"
		not_ok "$compiler: $program costs the verifier what is recorded"
	fi
}

# The object that `make` built has xdp_packets to itself.
table() {
	cmp -s "$1" "$xdp_object" ||
		MQGATE_XDP_OBJECT=$1 "$build/selftests/bpf/xdp_packets"
}

judge_compiler() {
	local compiler=$1 object=$build/bpf/mqgate-$1.bpf.o name
	if [ ! -e "$object" ]; then
		for name in mqgate_xdp mqgate_xdp_frags "passes the table of packets"; do
			skip "$compiler: $name" "$compiler is not installed"
		done
		return
	fi
	if ! cost "$object" > "$dir/cost" || [ "$(wc -l < "$dir/cost")" -ne 2 ]; then
		diag "$(grep -a -B 20 'END PROG LOAD LOG' "$dir/log" | tail -n 21)"
		not_ok "$compiler: two programs load"
		not_ok "$compiler: two programs load"
	else
		while read -r name number; do
			judge_program "$compiler" "$name" "$number"
		done < "$dir/cost"
	fi
	check "$compiler: passes the table of packets" table "$object"
}

plan $((3 * $(wc -w <<< "$compilers")))
for compiler in $compilers; do
	judge_compiler "$compiler"
done
finish
