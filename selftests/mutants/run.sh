#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# `make test-mutants`: every NAME.patch here removes one guard, and the test that it names must go
# red. A patch says, before its diff,
#
#	Guard: what is removed, in words
#	Test: SUITE/PROGRAM
#	Needs: what the top Makefile has to build for the test: targets, or "nothing"; else all
#
# Works on copies of the tree below build/mutants; first sees that each named test is green
# without a patch. One that does not apply or does not build is a failure: the guard has moved, and
# the patch has to follow it. Arguments: names of patches; none is all.
set -u -o pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
top=$(cd "$here/../.." && pwd)
room=${MQGATE_BUILD:-$top/build}/mutants
# shellcheck source=/dev/null
. "$here/../lib/ktap.sh"

patches=()
if [ $# -gt 0 ]; then
	for name in "$@"; do
		patches+=("$here/${name%.patch}.patch")
	done
else
	patches=("$here"/*.patch)
fi

header() {
	sed -n "/^---/q; s/^$2: //p" "$1"
}

# What the patches that name a test need for it, together.
needs_of() {
	local patch needs
	for patch in "${patches[@]}"; do
		[ "$(header "$patch" Test)" = "$1" ] || continue
		needs=$(header "$patch" Needs)
		echo "${needs:-all}"
	done | sort -u | tr '\n' ' '
}

# fresh NAME: a copy of the tree as it stands, with the objects of user space already there (their
# rules name paths below the top directory, so that they hold in a copy).
fresh() {
	local copy=$room/$1
	rm -rf "$copy"
	mkdir -p "$copy" || return 1
	(cd "$top" && git ls-files -z --cached --others --exclude-standard |
		while IFS= read -rd '' file; do
			[ ! -f "$file" ] || printf '%s\0' "$file"
		done | xargs -0 cp -a --parents -t "$copy") || return 1
	if [ -d "$top/build/obj" ]; then
		mkdir -p "$copy/build" && cp -a "$top/build/obj" "$copy/build/" || return 1
	fi
}

# built NAME SUITE/PROGRAM NEEDS
built() {
	local needs
	read -ra needs <<< "${3:-all}"
	if [ "${needs[*]}" != nothing ]; then
		make --no-print-directory -C "$room/$1" BUILD=build "${needs[@]}" || return 1
	fi
	make --no-print-directory -C "$room/$1/selftests" BUILD=build all TARGETS="${2%%/*}" \
		PROGS="${2#*/}"
}

# colour NAME SUITE/PROGRAM: prints green, red or nothing-ran.
colour() {
	local copy=$room/$1 suite=${2%%/*} program=${2#*/} last
	make --no-print-directory -C "$copy/selftests" BUILD=build run_tests \
		TARGETS="$suite" PROGS="$program" > "$room/$1.log" 2>&1
	last=$(grep -E '^[0-9]+ passed, [0-9]+ failed, [0-9]+ skipped$' "$room/$1.log" |
		tail -n 1)
	grep -q "^# selftests: $suite: $program\$" "$room/$1.log" || { echo nothing-ran; return; }
	case $last in
	"0 passed, 0 failed,"*)	echo nothing-ran ;;
	*" passed, 0 failed,"*)	echo green ;;
	*" failed,"*)		echo red ;;
	*)			echo nothing-ran ;;
	esac
}

applied() {
	patch --directory="$room/$1" --strip=1 --forward --fuzz=0 --input="$2"
}

# The environment of an outer make would reach the copies.
unset MAKEFLAGS MFLAGS MAKELEVEL MQGATE_BUILD MQGATE_TOP MQGATE_RESULTS

on_exit rm -rf "$room"
rm -rf "$room"
mkdir -p "$room"
mapfile -t tests < <(for patch in "${patches[@]}"; do header "$patch" Test; done | sort -u)
plan $((${#tests[@]} + ${#patches[@]}))

green=()
fresh unpatched
for test in "${tests[@]}"; do
	if ktap_run built unpatched "$test" "$(needs_of "$test")"; then
		is "without a patch $test is green" "$(colour unpatched "$test")" green &&
			green+=("$test")
	else
		tail -n 20 "$ktap_said" | sed 's/^/# /'
		not_ok "without a patch $test builds"
	fi
done

for patch in "${patches[@]}"; do
	name=$(basename "$patch" .patch)
	test=$(header "$patch" Test)
	what="$name: without $(header "$patch" Guard), $test goes red"
	case " ${green[*]} " in
	*" $test "*)	;;
	*)
		diag "$test is not green to begin with, or $patch names no test"
		not_ok "$what"
		continue
		;;
	esac
	if ! { fresh "$name" && ktap_run applied "$name" "$patch"; }; then
		tail -n 20 "$ktap_said" | sed 's/^/# /'
		not_ok "$what (the patch does not apply)"
	elif ! ktap_run built "$name" "$test" "$(header "$patch" Needs)"; then
		tail -n 20 "$ktap_said" | sed 's/^/# /'
		not_ok "$what (the mutant does not build)"
	else
		is "$what" "$(colour "$name" "$test")" red
		grep '^# not ok' "$room/$name.log" | head -n 3
	fi
	rm -rf "${room:?}/$name"
done
echo "$((ktap_number - ktap_failed)) passed, $ktap_failed failed, 0 skipped"
finish
