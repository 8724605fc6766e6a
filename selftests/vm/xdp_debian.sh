#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# The XDP programs on Debian kernels (KERNEL="6.1 6.12", 6.1 unless set): selftests/bpf with the
# verifier's figures, described packets and other people's loaders; and some real traffic instead of
# its veth.sh, which takes too long on an emulated CPU. Called by the runner.
set -u

cd "$(dirname "$0")" || exit 1
# What make was asked for here is not meant for the other directory.
mapfile -t programs < <(env -u MAKEFLAGS -u MFLAGS make --no-print-directory -s -C ../bpf \
	PROGS= UNIT= emit_tests | grep -v '/veth\.sh$')
if [ ${#programs[@]} -eq 0 ]; then
	echo "Bail out! selftests/bpf names no program"
	exit 1
fi
# An emulated CPU is fifty times slower; mutated payloads come by the ten thousand.
export MQGATE_RUNS=${MQGATE_VM_RUNS:-5000}
export MQGATE_VM_LIMIT=${MQGATE_VM_LIMIT:-2000}
worst=0
for kernel in ${KERNEL:-6.1}; do
	KERNEL=$kernel bash run.sh traffic.sh "${programs[@]}"
	rc=$?
	case $rc in
	0)	;;
	# Another kernel's red stays red.
	4)	[ $worst -ne 0 ] || worst=4 ;;
	*)	worst=1 ;;
	esac
done
exit $worst
