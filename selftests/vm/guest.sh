#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Process 1 of the guest once init.sh has found the root: makes it a machine like any other, runs
# the programs that /run/vm/programs lists with the runner and the environment that they have on
# the host, says "success" when it got to the end, and restarts, which ends QEMU. Written to by
# nobody else: /run/vm, the results share.
#
#	in:	environment	what to export
#		programs	SUITE PROGRAM, a line each
#	out:	log.N		what runner.sh says of the Nth program
#		results		runner.sh's line a program
#		dmesg		what the kernel says
#		kmemleak	what was allocated and is found nowhere, where the kernel looks
#		kmemleak.all	the same with the leaks that are the kernel's own
#		said		"success"
set -u
export HOME=/root PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
vm=/run/vm

. "$vm/environment"

prepare() {
	mkdir -p /dev/pts /dev/shm
	mount -t devpts devpts /dev/pts
	mount -t tmpfs -o mode=1777 tmpfs /dev/shm
	mount -t bpf bpf /sys/fs/bpf
	mount -t tracefs tracefs /sys/kernel/tracing
	mount -t debugfs debugfs /sys/kernel/debug
	mount -t cgroup2 cgroup2 /sys/fs/cgroup
	ln -sfn /proc/self/fd /dev/fd
	# The host may have a directory of that name, with headers or modules of its own.
	if [ -n "$MQGATE_VM_MODULES" ]; then
		mkdir -p "/lib/modules/$(uname -r)"
		mount --bind "$MQGATE_VM_MODULES/$(uname -r)" "/lib/modules/$(uname -r)"
	fi
	ip link set lo up
	# Built into some kernels; where one is missing altogether, a test that needs it says so.
	modprobe -qa veth tun
}

run() {
	local suite program number=0
	while read -r suite program <&3; do
		number=$((number + 1))
		cd "$MQGATE_TOP/selftests/$suite" || return 1
		MQGATE_RESULTS=$vm/results MQGATE_OUTPUT=$MQGATE_BUILD/selftests/$suite \
			bash ../lib/runner.sh "$suite" "$program" > "$vm/log.$number" 2>&1
	done 3< "$vm/programs"
}

# What was there before the tests is no fault of theirs; only what is older than five seconds is
# told, so the last look waits for that much. An object that no scan has seen yet counts as just
# changed, and is spared: the second one tells.
leaks=/sys/kernel/debug/kmemleak

forgive() {
	[ ! -e $leaks ] || { echo scan=off; echo scan; echo scan; echo clear; } > $leaks
}

accuse() {
	[ -e $leaks ] || return 0
	sleep 6
	# It gives up by itself when it runs out of memory, and has then seen nothing.
	{ echo scan > $leaks && echo scan > $leaks && cat $leaks; } > "$vm/kmemleak.all" ||
		echo "the leak detector is off" >> "$vm/kmemleak.all"
	not_the_kernels_own < "$vm/kmemleak.all" > "$vm/kmemleak"
}

# A cache whose directory in sysfs cannot be made for want of memory loses its name: 6.1's slub.
not_the_kernels_own() {
	awk '
		function tell() { if (record !~ /sysfs_slab_add/) printf "%s", record; record = "" }
		/^[^ ]/	{ tell() }
			{ record = record $0 "\n" }
		END	{ tell() }'
}

prepare
forgive
run && accuse && dmesg > "$vm/dmesg" && echo success > "$vm/said"
sync
busybox reboot -f
