#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# The module's guest tests (selftests/kmod) on the debug kernel: every program in a guest of its
# own, because after a report lockdep is off, as many at a time as there are CPUs. A report, or
# memory that has leaked when a guest ends, is a failure of that guest. Called by the runner.
#
# The kernel is ten times slower than Debian's in the emulator: what only repeats is repeated less.
# MQGATE_DEBUG_PROGS="life.py units.py" runs those, MQGATE_JOBS=1 one at a time.
. "$(dirname "$0")/../lib/ktap.sh"
set -u

here=$(cd "$(dirname "$0")" && pwd)
jobs=${MQGATE_JOBS:-$(nproc)}
mapfile -t programs < <(env -u MAKEFLAGS -u MFLAGS make --no-print-directory -s \
	-C "$here/../kmod" PROGS="${MQGATE_DEBUG_PROGS:-}" guest_programs)

export KERNEL=debug
export MQGATE_VM_LIMIT=${MQGATE_VM_LIMIT:-2400}
export MQGATE_PATIENCE=${MQGATE_PATIENCE:-120}
export MQGATE_RELOADS=${MQGATE_RELOADS:-12}
export MQGATE_FUZZ=${MQGATE_FUZZ:-400}

dir=$(scratch)
on_exit rm -rf "$dir"

# one PROGRAM: its guest's words go to a file, the exit status behind them.
one() {
	bash "$here/../vm/run.sh" "$1" > "$dir/$(basename "$1")" 2>&1
	echo $? > "$dir/$(basename "$1").rc"
}

KDIR='' bash "$here/../../kmod/build.sh" debug > "$dir/build" 2>&1
case $? in
0)	;;
4)	skip_all "$(tail -n 1 "$dir/build" | sed 's/^[a-z]*.sh: //')" ;;
*)	cat "$dir/build"
	printf 'KTAP version 1\n1..1\nnot ok 1 the module builds for the debug kernel\n'
	exit 1 ;;
esac

export -f one
export here dir
worst=0
printf '%s\n' "${programs[@]}" | xargs -P "$jobs" -I{} bash -c 'one "$1"' one {}
for program in "${programs[@]}"; do
	cat "$dir/$(basename "$program")"
	case $(cat "$dir/$(basename "$program").rc" 2> /dev/null) in
	0 | 4)	;;
	*)	worst=1 ;;
	esac
done
exit $worst
