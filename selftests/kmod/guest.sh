#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# The module on Debian's kernels (KERNEL="6.1 6.12", 6.1 unless set): built for each, then its tests
# in a guest that runs it. Called by the runner.
. "$(dirname "$0")/../lib/ktap.sh"
set -u
PATH=$PATH:/usr/sbin:/sbin

cd "$(dirname "$0")" || exit 1
need_command qemu-system-x86_64 busybox pahole
[ "$(uname -m)" = x86_64 ] || skip_all "the guest is an x86_64 and runs this machine's programs"
mapfile -t programs < <(env -u MAKEFLAGS -u MFLAGS make --no-print-directory -s guest_programs)
export MQGATE_VM_LIMIT=${MQGATE_VM_LIMIT:-1500}
worst=0
for kernel in ${KERNEL:-6.1}; do
	# Whoever has a debug kernel lying about has not asked for it yet.
	[ "$kernel" = debug ] || unset MQGATE_DEBUG_KERNEL
	echo "# the module for Linux $kernel"
	KDIR='' bash ../../kmod/build.sh "$kernel" 2>&1 | sed 's/^/# /'
	rc=${PIPESTATUS[0]}
	if [ "$rc" -eq 0 ]; then
		KERNEL=$kernel bash ../vm/run.sh "${programs[@]}"
		rc=$?
	elif [ "$rc" -eq 4 ]; then
		printf 'KTAP version 1\n1..0 # SKIP no headers of Linux %s\n' "$kernel"
	else
		printf 'KTAP version 1\n1..1\nnot ok 1 the module builds for Linux %s\n' "$kernel"
	fi
	case $rc in
	0)	;;
	4)	[ $worst -ne 0 ] || worst=4 ;;
	*)	worst=1 ;;
	esac
done
exit $worst
