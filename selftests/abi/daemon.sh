#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# The layout test against what the daemon and the command were really built with: BTF made from
# their DWARF. And the test itself against a header that was tampered with: it must go red.
. "$(dirname "$0")/../lib/ktap.sh"

need_command pahole gcc
top=${MQGATE_TOP:-$(cd "$(dirname "$0")/../.." && pwd)}
build=${MQGATE_BUILD:-$top/build}
test=${MQGATE_OUTPUT:-$build/selftests/abi}/layout_test
dir=$(scratch)
on_exit rm -rf "$dir"

encode() {
	pahole -J --btf_encode_detached="$dir/btf" "$1"
}

# tampered SED-EXPRESSION: a layout test of another header finds the XDP object different.
tampered() {
	mkdir -p "$dir/linux"
	sed "$1" "$top/include/uapi/linux/mqgate.h" > "$dir/linux/mqgate.h"
	! cmp -s "$dir/linux/mqgate.h" "$top/include/uapi/linux/mqgate.h" || return 126
	gcc -I"$dir" -o "$dir/layout_test" "$top/selftests/abi/layout_test.c" -lbpf || return 126
	"$dir/layout_test" "$top/bpf/mqgate.bpf.o"
}

plan 8
for program in mqgated mqgate; do
	check "$program: BTF from its DWARF" encode "$build/$program"
	# Flows and budgets are XDP's own: the programs know the size of their entries and no more.
	# Who is dropped most the command alone asks.
	unused="mqgate_flow mqgate_budget mqgate_budget_key mqgate_budget_kind"
	[ $program = mqgate ] || unused+=" mqgate_offender mqgate_top_set"
	# shellcheck disable=SC2086
	check "$program: every layout is that of the header" "$test" "$dir/btf" $unused
done
refuse "two members exchanged are found" \
	tampered 's/__u32\t\t\tfirst_seq;/__u32 need;/; s/__u32\t\t\tneed;/__u32 first_seq;/'
refuse "a member that is wider is found" \
	tampered 's/__u32\t\t\tstrikes;/__u64 strikes;/; /ASSERT_SIZE(struct mqgate_verdict/d'
refuse "a member more is found" \
	tampered 's/__u32\t\t\tidentity;/& __u64 more;/; /ASSERT_SIZE(struct mqgate_allow/d'
refuse "a reason renumbered is found" tampered 's/X(16,  SOURCE_BANNED/X(29,  SOURCE_BANNED/'
finish
