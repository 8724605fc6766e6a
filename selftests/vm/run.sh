#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Runs test programs in a QEMU guest with a kernel of its own, on this machine's files: the root is
# shared read-only, what the guest writes to it is lost with it. Prints KTAP, a point a program with
# its own points as subtests, and one for the guest itself; ends 0, 1, or 4 if nothing could run.
# Called by the tests of this directory, or by hand:
#
#	KERNEL=6.1 selftests/vm/run.sh build/selftests/bpf/xdp_packets selftests/bpf/veth.sh
#
#	KERNEL			6.1 (what it is unless set) or 6.12: Debian's, by kernel.sh; debug:
#				the one of debug.sh, which looks for faults and is five times slower
#	MQGATE_VM_LIMIT		seconds until a guest has failed (420)
#	MQGATE_VM_MEMORY	of the guest (1G; 2G with the debug kernel)
#	MQGATE_VM_SHOW		1: for people. What the first program says is shown as it says it,
#				and of the points only those that are red
#	MQGATE_VM_COUNT		1: one CPU, whose clock counts its instructions, a nanosecond each
. "$(dirname "${BASH_SOURCE[0]}")/../lib/ktap.sh"
set -u
PATH=$PATH:/usr/sbin:/sbin

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
top=$(cd "$here/../.." && pwd)
store=${MQGATE_BUILD:-$top/build}
kernel=${KERNEL:-6.1}
limit=${MQGATE_VM_LIMIT:-420}
show=${MQGATE_VM_SHOW:-}
clock=(-smp 2)

usage() {
	echo "run.sh: $*" >&2
	exit 2
}

# Whatever the kernel says that a test may not have caused.
complaints='BUG:|BUG [a-z_0-9-]* \(|WARNING: |Oops|Kernel panic|general protection'
complaints+='|KASAN|UBSAN|INFO: task .* blocked|INFO: rcu|refcount_t:'
complaints+='|possible .* locking'
# The debug kernel's allocations are made to fail, and some tell where: each of its detectors has
# words of its own.
[ "$kernel" = debug ] || complaints+='|Call Trace:'

# unobtainable RC: what the script of the kernel said is shown, and ends this one.
unobtainable() {
	[ "$1" -eq 4 ] || exit "$1"
	skip_all "Linux $kernel: $(tail -n 1 "$dir/kernel.log" | sed 's/^[a-z]*.sh: //')"
}

choose_debug_kernel() {
	local at
	at=$(bash "$here/debug.sh" 2> "$dir/kernel.log") || unobtainable $?
	label=$(cat "$at/release")
	boot=$at/bzImage
	modules=$at/tree/lib/modules
	# Without interrupts by ACPI there is no domain for MSI, and asking for one is a WARNING.
	append="acpi=noirq pci=nomsi kmemleak=on kunit.enable=1"
	# Where failslab may be told to look: 6.1 takes these marks at the start only.
	append+=" slub_debug=a,mqg_client,kmalloc-8,kmalloc-16,kmalloc-32,kmalloc-64,kmalloc-96"
	append+=",kmalloc-128,kmalloc-192,kmalloc-256"
	memory=${MQGATE_VM_MEMORY:-2G}
	bash "$here/initrd.sh" "$dir/initrd" || exit 1
}

choose_debian_kernel() {
	local at rc
	at=$(bash "$here/kernel.sh" "$kernel" 2> "$dir/kernel.log")
	rc=$?
	[ ! -s "$dir/kernel.log" ] || diag "$(cat "$dir/kernel.log")"
	[ $rc -eq 0 ] || unobtainable $rc
	label=$(cat "$at/release")
	boot=$at/vmlinux
	modules=$at/tree/lib/modules
	append=
	memory=${MQGATE_VM_MEMORY:-1G}
	bash "$here/initrd.sh" "$dir/initrd" "$at/tree" "$label" || exit 1
}

# describe PROGRAM...: what the guest is to do. A program belongs to the suite of its directory.
describe() {
	local program suite name
	for program in "$@"; do
		program=$(realpath -e -- "$program" 2> /dev/null) ||
			usage "$1: no such program (is it built? make -C selftests TARGETS=...)"
		case $program in
		"$top"/selftests/*/*)	suite=${program#"$top"/selftests/} ;;
		"$store"/selftests/*/*)	suite=${program#"$store"/selftests/} ;;
		*)	usage "$program: neither under selftests/ nor built from there" ;;
		esac
		name=${suite#*/}
		suite=${suite%%/*}
		[ "${program#"$top"/selftests/}" = "$program" ] || program=$name
		echo "$suite $program"
		shift
	done > "$dir/share/programs"
	declare -p "${!MQGATE_@}" | grep -vE '^declare -x MQGATE_(RESULTS|OUTPUT)=' \
		> "$dir/share/environment"
	echo "$here/guest.sh" > "$dir/share/start"
}

# emulate SECONDS ACCELERATOR ARGUMENT...: dies with this script even if that is killed by KILL.
emulate() {
	local seconds=$1 accel=$2 emulator rc
	shift 2
	setpriv --pdeathsig TERM timeout --kill-after=5 "$seconds" setpriv --pdeathsig KILL \
		qemu-system-x86_64 -accel "$accel" -cpu max "${clock[@]}" -nodefaults \
		-display none -no-reboot -kernel "$boot" "$@" < /dev/null > "$dir/qemu.log" 2>&1 &
	emulator=$!
	on_exit stop $emulator
	[ -z "$show" ] || follow $emulator &
	wait $emulator
	rc=$?
	wait
	return $rc
}

# follow PID: the first program's words until the process is gone.
follow() {
	: > "$dir/share/log.1"
	tail -n +1 -f -s 0.2 --pid="$1" "$dir/share/log.1" 2> /dev/null |
		sed -u -n -e '/^# selftests: /d' -e 's/^# //p'
}

# Virtual machines inside virtual machines may be offered and still hang: a kernel that finds no
# root panics at once, and has then at least run.
kvm_works() {
	grep -qwE 'vmx|svm' /proc/cpuinfo && [ -w /dev/kvm ] || return 1
	emulate 10 kvm -m 512M -serial "file:$dir/probe.log" -append "console=ttyS0 panic=-1"
	grep -q 'Kernel panic' "$dir/probe.log"
}

# Before 8.1, QEMU translates code without the lock that a write to it takes. What one CPU reads
# while another patches it may keep the breakpoint that Linux puts there meanwhile (a static key, a
# tracepoint): memory has the new instruction, the translation traps for ever. One thread for all
# CPUs cannot get between its own reads and writes. (QEMU's commit deba78709ae8.)
tcg_threads() {
	local version
	version=$(qemu-system-x86_64 --version | sed -n 's/^.* version \([0-9.]*\).*/\1/p')
	if sort -VC <<< "8.1"$'\n'"${version:-0}"; then
		echo multi
	else
		echo single
	fi
}

boot_guest() {
	local accel words
	accel=tcg,thread=$(tcg_threads)
	if [ -n "${MQGATE_VM_COUNT:-}" ]; then
		accel=tcg,thread=single
		clock=(-smp 1 -icount "shift=0,sleep=off")
	elif kvm_works; then
		accel=kvm
	fi
	diag "Linux $label in QEMU ($accel), $memory, at most $limit s"
	# Stalls are given time: an emulated CPU on a busy machine is not a hung one.
	words="console=ttyS0 loglevel=5 mitigations=off panic=-1 oops=panic rdinit=/init"
	words+=" watchdog_thresh=60 rcupdate.rcu_cpu_stall_timeout=120 $append"
	emulate "$limit" "$accel" -m "$memory" -initrd "$dir/initrd" -append "$words" \
		-serial "file:$dir/console" -device virtio-rng-pci \
		-fsdev local,id=root,path=/,security_model=none,readonly=on,multidevs=remap \
		-device virtio-9p-pci,fsdev=root,mount_tag=root \
		-fsdev "local,id=results,path=$dir/share,security_model=none" \
		-device virtio-9p-pci,fsdev=results,mount_tag=results
	ended=$?
}

# The program's own KTAP, a level down: runner.sh puts "# " before every line of it.
subtest() {
	echo "  # Subtest: $2 on Linux $label"
	sed -n -e '/^# selftests: /d' -e 's/^# /  /p' "$1" 2> /dev/null
}

judge_program() {
	local number=$1 suite=$2 program=$3 passed failed skipped why name
	name="Linux $label: $suite: $(basename "$program")"
	[ -n "$show" ] || subtest "$dir/share/log.$number" "$(basename "$program")"
	read -r _ _ passed failed skipped why \
		< <(sed -n "${number}p" "$dir/share/results" 2> /dev/null)
	if [ -z "${passed:-}" ]; then
		diag "the guest did not get to the end of it"
		not_ok "$name"
	elif [ "$failed" -ne 0 ]; then
		diag "$passed passed, $failed failed, $skipped skipped${why:+: $why}"
		not_ok "$name"
	elif [ "$passed" -eq 0 ]; then
		skip "$name" "${why:-everything}"
	else
		diag "$passed passed, $failed failed, $skipped skipped"
		ok "$name"
	fi
}

judge_guest() {
	local name="Linux $label: the guest says success, its kernel no complaint" wrong=
	[ "$(cat "$dir/share/said" 2> /dev/null)" = success ] || wrong="it never said success"
	[ "$ended" -ne 124 ] && [ "$ended" -ne 137 ] || wrong="it was ended after $limit s"
	if grep -qE "$complaints" "$dir/console" "$dir/share/dmesg" 2> /dev/null; then
		wrong=${wrong:+$wrong; }"its kernel complained"
	fi
	if [ -s "$dir/share/kmemleak" ]; then
		wrong=${wrong:+$wrong; }"memory has leaked"
		diag "$(head -n 60 "$dir/share/kmemleak")"
	fi
	if [ -z "$wrong" ]; then
		ok "$name"
		return
	fi
	diag "$wrong (QEMU's exit status $ended); its console, all of it in $keep:"
	cp "$dir/console" "$keep" 2> /dev/null
	cat "$dir/qemu.log" >&2
	diag "$(grep -ahE -A 15 "$complaints" "$dir/share/dmesg" "$dir/console" 2> /dev/null |
		head -n 60)"
	diag "$(tail -n 30 "$dir/console" 2> /dev/null | tr -d '\r')"
	not_ok "$name"
}

[ $# -gt 0 ] || usage "which programs?"
need_command qemu-system-x86_64 busybox modprobe setpriv timeout
[ "$(uname -m)" = x86_64 ] || skip_all "the guest is an x86_64 and runs this machine's programs"
dir=$(mktemp -d "${TMPDIR:-/tmp}/mqgate-vm.$$.XXXXXX")
on_exit rm -rf "$dir"
mkdir "$dir/share"
keep=$store/vm/console.log
mkdir -p "$store/vm"

if [ "$kernel" = debug ]; then
	choose_debug_kernel
else
	choose_debian_kernel
fi
export MQGATE_TOP=$top MQGATE_BUILD=$store MQGATE_VM_MODULES=$modules
describe "$@"
boot_guest
if [ -n "$show" ]; then
	ok() {
		ktap_number=$((ktap_number + 1))
	}
	plan $(($# + 1)) > "$dir/plan"
else
	plan $(($# + 1))
fi
number=0
while read -r suite program <&3; do
	number=$((number + 1))
	judge_program $number "$suite" "$program"
done 3< "$dir/share/programs"
judge_guest
finish
