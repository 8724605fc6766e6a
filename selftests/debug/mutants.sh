#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Every mutants/NAME.patch takes a lock, a wait or a free out of the module; the debug kernel has
# to see it. One guest each: after a report lockdep is off. A patch says, before its diff,
#
#	Guard: what is removed, in words
#	Test: the program of selftests/kmod, and words in the names of the tests of it that are run
#	Seen: what the kernel says of it, an extended regular expression
#
# That the same tests are green without a patch is what module.sh shows. Called by the runner;
# MUTANTS="grace leak" runs those.
. "$(dirname "$0")/../lib/ktap.sh"
set -u

here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../.." && pwd)
store=${MQGATE_BUILD:-$top/build}
jobs=${MQGATE_JOBS:-$(nproc)}

kernel=$(bash "$top/selftests/vm/debug.sh" 2> /dev/null) ||
	skip_all "no debug kernel: make debug-kernel, or MQGATE_DEBUG_KERNEL=DIR"
room=$store/debug-mutants
on_exit rm -rf "$room"
rm -rf "$room"
mkdir -p "$room"

patches=()
for patch in "$here"/mutants/*.patch; do
	name=$(basename "$patch" .patch)
	case " ${MUTANTS:-$name} " in
	*" $name "*)	patches+=("$patch") ;;
	esac
done

header() {
	sed -n "/^---/q; s/^$2: //p" "$1"
}

# fresh NAME PATCH: a copy of what the module and its tests are made of, the patch applied.
fresh() {
	local copy=$room/$1
	mkdir -p "$copy/build/debug-kernel" || return 1
	(cd "$top" && git ls-files -z --cached --others --exclude-standard -- Kbuild kmod include \
		docs/netlink selftests/kmod selftests/lib selftests/vm |
		xargs -0 cp -a --parents -t "$copy") || return 1
	ln -s "$kernel" "$copy/build/debug-kernel/kernel"
	patch --directory="$copy" --strip=1 --forward --fuzz=0 --input="$2"
}

# one PATCH: builds it, runs its guest; what was said goes to NAME.log.
one() {
	local name copy test
	name=$(basename "$1" .patch)
	copy=$room/$name
	test=$(header "$1" Test)
	{
		unset MQGATE_DEBUG_KERNEL MQGATE_TOP
		export MQGATE_BUILD=$copy/build KERNEL=debug MQGATE_TESTS=${test#* }
		fresh "$name" "$1" && KDIR='' bash "$copy/kmod/build.sh" debug &&
			echo "the mutant is built" &&
			bash "$copy/selftests/vm/run.sh" "$copy/selftests/kmod/${test%% *}"
	} > "$room/$name.log" 2>&1
}

export -f one fresh header
export top room kernel
export MQGATE_VM_LIMIT=${MQGATE_VM_LIMIT:-900}
export MQGATE_PATIENCE=${MQGATE_PATIENCE:-120}
export MQGATE_RELOADS=${MQGATE_RELOADS:-2}

plan ${#patches[@]}
printf '%s\n' "${patches[@]}" | xargs -P "$jobs" -I{} bash -c 'one "$1"' one {}
for patch in "${patches[@]}"; do
	name=$(basename "$patch" .patch)
	log=$room/$name.log
	what="$name: without $(header "$patch" Guard), the debug kernel tells"
	if ! grep -q '^the mutant is built$' "$log"; then
		diag "$(tail -n 20 "$log")"
		not_ok "$what (it does not apply or does not build)"
	elif grep -q '^not ok .*the guest says success' "$log" &&
	     grep -qE "$(header "$patch" Seen)" "$log"; then
		diag "$(grep -E "$(header "$patch" Seen)" "$log" | head -n 3)"
		ok "$what"
	else
		diag "$(tail -n 40 "$log")"
		not_ok "$what"
	fi
done
finish
