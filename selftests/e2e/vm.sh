# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
#
# `make run VM=1`: the play with the kernel module, in a guest that runs Debian's kernel (KERNEL=6.1
# or 6.12) on this machine's files. Builds the module for that kernel, boots, shows what the play
# says there as it says it. Sourced by run.sh; the guest's end of it is selftests/vm/play.sh.

in_guest() {
	local kernel=${KERNEL:-6.1} rc word
	for word in IF BROKER CONFIG KEEP MODULE; do
		[ -z "${!word:-}" ] || give_up "VM=1 plays in a guest that is gone afterwards:" \
			"$word=${!word} means nothing there"
	done
	echo "The module for Linux $kernel, then a guest that runs it"
	KDIR='' bash "$top/kmod/build.sh" "$kernel" || give_up "no module for Linux $kernel"
	KERNEL=$kernel MQGATE_VM_SHOW=1 MQGATE_VM_LIMIT=${MQGATE_VM_LIMIT:-1500} \
		bash "$top/selftests/vm/run.sh" "$top/selftests/vm/play.sh"
	rc=$?
	[ $rc -ne 4 ] || give_up "VM=1: no guest can run here, see above"
	return $rc
}
