#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Feeds run.sh guests that pass, fail, fall silent, panic, hang and are killed, and looks at what it
# makes of them. Called by the runner; the programs are made in a directory of their own.
. "$(dirname "$0")/../lib/ktap.sh"
: "${MQGATE_BUILD:?run it by: make -C selftests run_tests TARGETS=vm}"

read -r KERNEL _ <<< "${KERNEL:-6.1}"
export KERNEL
unset MQGATE_DEBUG_KERNEL

# In the build tree: the guest sees the host's files where they are, and run.sh takes no others.
dir=$MQGATE_BUILD/selftests/vm/harness.$$
on_exit rm -rf "$dir"
mkdir -p "$dir" "$dir/tmp"

# program NAME: takes its text from stdin.
program() {
	{
		echo "#!/bin/bash"
		cat
	} > "$dir/$1"
	chmod +x "$dir/$1"
}

# guest NAME...: runs them; what run.sh said is in said, its exit status in rc.
guest() {
	TMPDIR=$dir/tmp bash run.sh "${@/#/$dir/}" > "$dir/said" 2> "$dir/errors"
	rc=$?
}

# point NUMBER: "ok" or "not ok", with a directive.
point() {
	sed -n "s/^\(ok\|not ok\) $1 .*\(# SKIP .*\)/\1 \2/p; s/^\(ok\|not ok\) $1 [^#]*$/\1/p" \
		"$dir/said"
}

said() {
	grep -q -- "$1" "$dir/said"
}

# emulators: the QEMUs that use a directory of ours.
emulators() {
	local at
	for at in /proc/[0-9]*; do
		tr '\0' ' ' < "$at/cmdline" 2> /dev/null | grep -q "^qemu-system.*$dir/tmp" &&
			echo "${at##*/}"
	done
}

none_left() {
	[ -z "$(emulators)" ]
}

# What the guest has to offer; the words of the first column are the points.
program machine <<'END'
echo "1..9"
number=0
want() {
	local name=$1
	shift
	number=$((number + 1))
	"$@" > /dev/null 2>&1 && echo "ok $number $name" || echo "not ok $number $name"
}
want kernel test "$(uname -r)" = "$(ls "$MQGATE_VM_MODULES")"
want directory test "$PWD" = "$MQGATE_TOP/selftests/vm"
want environment test "$MQGATE_HARNESS_WORD-$CMOCKA_MESSAGE_OUTPUT" = "two words-TAP"
want bpffs mkdir "/sys/fs/bpf/mqgate-test-$$"
want tracefs test -e /sys/kernel/tracing/trace
want cgroup2 test -e /sys/fs/cgroup/cgroup.procs
want loopback timeout 20 bash -c ': < /dev/udp/127.0.0.1/9'
want veth ip link add veth1 type veth peer name veth2
want overlay touch "$MQGATE_BUILD/selftests/vm/written.$PPID"
END
program good <<< 'echo "1..2"; echo "ok 1 a"; echo "ok 2 b"'
program bad <<< 'echo "1..2"; echo "ok 1 a"; echo "not ok 2 b"; exit 1'
program crash <<< 'echo "1..1"; echo "ok 1 a"; kill -SEGV $$'
program skipped <<< 'echo "1..0 # SKIP no such thing"; exit 4'
program oops <<< 'echo "1..1"; echo "BUG: told by a test" > /dev/kmsg; echo "ok 1 a"'
program panic <<'END'
echo "1..2"
echo "ok 1 a"
until grep -q "ok 1 a" /run/vm/log.1; do :; done
echo c > /proc/sysrq-trigger
END
program silent <<< 'echo "1..1"; echo "ok 1 a"; exec busybox reboot -f'
program hang <<< 'echo "1..1"; echo "ok 1 a"; exec tail -f /dev/null'

export MQGATE_HARNESS_WORD="two words"
guest machine good bad crash skipped
if [ "$(head -n 3 "$dir/said" | grep -c '^1\.\.0 # SKIP')" -eq 1 ]; then
	skip_all "$(sed -n 's/^1\.\.0 # SKIP //p' "$dir/said")"
fi

plan 32
is "a machine like any other" "$(point 1)" ok
[ "$(point 1)" = ok ] || diag "$(grep -A 12 'Subtest: machine' "$dir/said")"
is "nothing that it wrote is on this one" \
	"$(find "$MQGATE_BUILD/selftests/vm" -name 'written.*')" ""
is "good points pass" "$(point 2)" ok
check "and are subtests" said '^  ok 2 b$'
is "a red point is a failure" "$(point 3)" "not ok"
is "a crash is a failure" "$(point 4)" "not ok"
is "a plan of none is a skip" "$(point 5)" "ok # SKIP no such thing"
is "the guest itself is well" "$(point 6)" ok
is "one red program makes it red" "$rc" 1

guest good oops
is "a program passes in a kernel that complains" "$(point 2)" ok
is "the kernel's complaint is a failure" "$(point 3)" "not ok"
check "and is shown" said 'BUG: told by a test'
is "it alone makes it red" "$rc" 1

guest panic good
is "a program during which the kernel panics fails" "$(point 1)" "not ok"
check "what it said before is there" said '^  ok 1 a$'
is "the program that was to follow fails" "$(point 2)" "not ok"
is "so does the guest" "$(point 3)" "not ok"
check "and the console is shown" said 'sysrq triggered crash'
is "a panic makes it red" "$rc" 1

guest silent
is "a guest that never says success fails" "$(point 2)" "not ok"
is "and makes it red" "$rc" 1

MQGATE_VM_LIMIT=25 guest hang
check "a guest that hangs is ended" said 'it was ended after 25 s'
is "and makes it red" "$rc" 1
check "no file is left by any of them" test -z "$(ls -A "$dir/tmp")"
check "nor is a QEMU" none_left

# killed_by SIGNAL: run.sh dies of it with a guest at work; true when QEMU is gone soon after.
killed_by() {
	local pid at
	TMPDIR=$dir/tmp bash run.sh "$dir/hang" > "$dir/said" 2>&1 &
	pid=$!
	poll_until 30 eval '[ -n "$(emulators)" ]' || { echo "no QEMU came up"; return 1; }
	kill -"$1" $pid
	wait $pid 2> /dev/null
	poll_until 10 none_left && return
	for at in $(emulators); do
		kill -KILL "$at"
	done
	return 1
}
check "QEMU ends with a script that is told to" killed_by TERM
check "and with one that cannot say good-bye" killed_by KILL

# threads VERSION: what run.sh asks of a QEMU that is no more than its number.
threads() {
	mkdir -p "$dir/bin"
	cat > "$dir/bin/qemu-system-x86_64" <<-END
	#!/bin/bash
	[ "\$*" != --version ] || exec echo "QEMU emulator version $1 (Debian 1:$1+dfsg-7)"
	echo "\$*" > "$dir/asked"
	END
	chmod +x "$dir/bin/qemu-system-x86_64"
	PATH=$dir/bin:$PATH TMPDIR=$dir/tmp bash run.sh "$dir/good" > "$dir/said" 2>&1
	grep -o 'thread=[a-z]*' "$dir/asked"
}
is "all CPUs are one thread where QEMU loses code patches" "$(threads 7.2.22)" thread=single
is "and several where it does not" "$(threads 8.1.0) $(threads 10.0.2)" \
	"thread=multi thread=multi"

program patches <<'END'
echo "1..1"
echo "# whatever netfilter patches at its first and last hook, while both CPUs run through it"
ping -qf 127.0.0.1 > /dev/null &
ping -qf 127.0.0.1 > /dev/null &
wrong=$(for n in {1..300}; do
	echo "add table ip t; add chain ip t i { type filter hook input priority 0; }"
	echo "delete table ip t"
done | nft -i 2>&1)
kill %1 %2
[ -z "$wrong" ] && echo "ok 1 patched" || echo "not ok 1 patched # $wrong"
END
MQGATE_VM_LIMIT=200 guest patches
is "static keys that flip under traffic hang no guest" "$(point 1) $(point 2)" "ok ok"

refuse "a kernel that nobody has is refused" env KERNEL=5.10 bash run.sh "$dir/good"

# Without an archive to ask there is nothing to test, and nothing wrong.
mkdir "$dir/apt"
touch "$dir/apt/list"
echo "Dir::Etc::sourcelist \"$dir/apt/list\"; Dir::Etc::sourceparts \"$dir/apt\";" > "$dir/apt.conf"
APT_CONFIG=$dir/apt.conf MQGATE_BUILD=$dir bash kernel.sh 6.1 > "$dir/said" 2>&1
is "without a mirror, kernel.sh says so and skips" "$? $(cat "$dir/said")" \
	"4 kernel.sh: apt knows no archive with a component main: no Debian mirror to ask"
finish
