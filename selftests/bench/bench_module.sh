#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# `make bench-module`: builds the module and mqgate_feed.ko for the guest's kernel (KERNEL=6.1
# unless set), lets module_guest.sh take its figures there, and prints the table of them. The guest
# has one CPU that counts instructions: what it says is the same on every machine, however busy.
#
#	MQGATE_BENCH_CLIENTS	in the largest table (1000000)
set -u -o pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
: "${MQGATE_TOP:?run me by make bench-module}" "${MQGATE_BUILD:?}" "${MQGATE_OUTPUT:?}"
kernel=${KERNEL:-6.1}
many=${MQGATE_BENCH_CLIENTS:-1000000}

die() {
	echo "bench-module: $*" >&2
	exit 1
}

bash "$MQGATE_TOP/kmod/build.sh" "$kernel" || exit 1
MQGATE_FEED=$(bash "$here/feed/build.sh" "$kernel") || exit 1
said=$MQGATE_OUTPUT/module_guest.said
export MQGATE_FEED MQGATE_BENCH_CLIENTS=$many
echo "taking figures of $many clients in a guest that counts instructions: some minutes"
KERNEL=$kernel MQGATE_VM_COUNT=1 MQGATE_VM_LIMIT=3000 \
	MQGATE_VM_MEMORY=$((1024 + many / 700))M \
	bash "$MQGATE_TOP/selftests/vm/run.sh" "$here/module_guest.sh" > "$said" ||
	die "the guest failed, see $said: $(grep -m 1 -A 4 'not ok' "$said")"
sed -n 's/^ *# cache: //p' "$said"
"$MQGATE_OUTPUT/bench_module" "$MQGATE_TOP" "$many" < "$said"
