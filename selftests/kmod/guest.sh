#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# The module on Debian's kernels (KERNEL="6.1 6.12", 6.1 unless set): built for each, then its tests
# in a guest that runs it. Called by the runner.
set -u

cd "$(dirname "$0")" || exit 1
mapfile -t programs < <(env -u MAKEFLAGS -u MFLAGS make --no-print-directory -s guest_programs)
export MQGATE_VM_LIMIT=${MQGATE_VM_LIMIT:-1200}
worst=0
for kernel in ${KERNEL:-6.1}; do
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
