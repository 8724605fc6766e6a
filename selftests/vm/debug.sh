#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# The kernel that looks for faults in the module: KASAN, lockdep, PROVE_RCU, kmemleak, debug
# objects, failslab, KUnit. Prints the directory that holds it; called by run.sh, kmod/build.sh and
# `make debug-kernel`. A lock file keeps two callers apart.
#
#	debug.sh		what is there: MQGATE_DEBUG_KERNEL's, else the one that was built
#	debug.sh build		the same; where there is none, builds it of debug.config
#				and Debian's linux-source-6.1: 20 minutes, 6 GB
#
#	MQGATE_DEBUG_KERNEL=DIR	take it from there: bzImage*, headers.tar.xz, vmlinux.btf. Only read
#
# In $MQGATE_BUILD/debug-kernel:
#
#	release			what uname -r will say
#	bzImage			everything that the guest needs to start is built in
#	headers/		to build modules against
#	vmlinux.btf		its raw BTF
#	tree/lib/modules/	modprobe's view of it: nothing to load
#
# Exit 4: there is none, and nobody asked to build it.
set -u
export LC_ALL=C
PATH=$PATH:/usr/sbin:/sbin
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
top=${MQGATE_TOP:-$(cd "$here/../.." && pwd)}
store=${MQGATE_BUILD:-$top/build}/debug-kernel
given=${MQGATE_DEBUG_KERNEL:-}

say() {
	echo "debug.sh: $*" >&2
}

die() {
	say "$*"
	exit 1
}

# What the given directory holds, so that another one, or a newer content, is unpacked anew.
stamp_of() {
	stat -L -c '%n %s %Y' "$1"/bzImage* "$1/headers.tar.xz" "$1/vmlinux.btf"
}

# finish WORK: the files that both ways have in common; then it takes the store's place.
finish() {
	local work=$1
	cp "$work/headers/include/config/kernel.release" "$work/release" || return 1
	mkdir -p "$work/tree/lib/modules/$(cat "$work/release")" || return 1
	depmod -b "$work/tree" "$(cat "$work/release")" 2> /dev/null
	rm -rf "${store:?}/kernel" && mv "$work" "$store/kernel"
}

unpack() {
	local work=$1 image
	for image in "$given"/bzImage* "$given/headers.tar.xz" "$given/vmlinux.btf"; do
		[ -r "$image" ] || die "MQGATE_DEBUG_KERNEL=$given: no ${image##*/} there"
	done
	mkdir -p "$work/headers" &&
		cp "$given"/bzImage* "$work/bzImage" && cp "$given/vmlinux.btf" "$work/" &&
		chmod u+w "$work"/* &&
		tar -xJf "$given/headers.tar.xz" -C "$work/headers" &&
		stamp_of "$given" > "$work/stamp"
}

# The package itself, not an installed one: nothing of the machine changes, no root is needed.
source_of() {
	local work=$1
	mkdir -p "$work/source" || return 1
	(cd "$work" && apt-get -q download linux-source-6.1) > "$work/log" 2>&1 ||
		die "linux-source-6.1 cannot be downloaded, see $work/log (apt-get update?)"
	dpkg-deb --fsys-tarfile "$work"/linux-source-6.1_*.deb |
		tar -xO ./usr/src/linux-source-6.1.tar.xz |
		tar -xJ --strip-components=1 -C "$work/source" || return 1
	rm -f "$work"/linux-source-6.1_*.deb
}

# Kconfig drops what it cannot have without a word.
configure() {
	local work=$1 missing
	make -s -C "$work/source" KCONFIG_ALLCONFIG="$here/debug.config" allnoconfig \
		> "$work/log" 2>&1 || return 1
	missing=$(grep '^CONFIG_' "$here/debug.config" | grep -vxFf "$work/source/.config")
	[ -z "$missing" ] || die "this source cannot have:" $missing
}

# What a module's build looks at, and no object of the kernel.
headers() {
	local work=$1
	(cd "$work/source" && {
		echo .config
		echo Makefile
		echo Module.symvers
		find scripts include arch/x86/include tools/objtool/objtool \
			-type f ! -name '*.o' ! -name '*.cmd'
		find arch/x86 -maxdepth 1 -name 'Makefile*'
		find arch/x86/kernel arch/x86/entry/syscalls tools/bpf/resolve_btfids -type f \
			\( -name 'asm-offsets.s' -o -name 'syscall*' -o -name resolve_btfids \)
	} | tar -cf - -T - ) | tar -xf - -C "$work/headers"
}

build() {
	local work=$1
	for tool in apt-get dpkg-deb make gcc flex bison bc pahole; do
		command -v "$tool" > /dev/null || die "needs $tool: make debug-kernel installs it"
	done
	say "building, 20 minutes and more: $work/log says how far it is"
	[ -e "$work/source/Makefile" ] || source_of "$work" || return 1
	configure "$work" || return 1
	nice make -C "$work/source" -j"${JOBS:-$(nproc)}" bzImage modules > "$work/log" 2>&1 ||
		die "it does not build, see $work/log"
	mkdir -p "$work/headers" && headers "$work" &&
		cp "$work/source/arch/x86/boot/bzImage" "$work/bzImage" &&
		objcopy --dump-section .BTF="$work/vmlinux.btf" "$work/source/vmlinux" /dev/null &&
		cp "$here/debug.config" "$work/stamp" && rm -rf "$work/source" "$work/log"
}

up_to_date() {
	[ -e "$store/kernel/release" ] || return 1
	if [ -n "$given" ]; then
		stamp_of "$given" 2> /dev/null | cmp -s - "$store/kernel/stamp"
	elif [ "${1:-}" = build ]; then
		cmp -s "$here/debug.config" "$store/kernel/stamp"
	fi
}

case ${1:-} in
"" | build)	;;
*)		say "build or nothing, not '$1'"; exit 2 ;;
esac
mkdir -p "$store" || exit 1
exec 9> "$store/lock"
flock 9
if ! up_to_date "${1:-}"; then
	if [ -n "$given" ]; then
		work=$store/given.$$
		trap 'rm -rf "$work"' EXIT
		unpack "$work" && finish "$work" || die "$given cannot be unpacked"
	elif [ "${1:-}" = build ]; then
		# Kept when it fails or is interrupted: the next call goes on from there.
		build "$store/building" && finish "$store/building" || exit 1
	else
		say "no debug kernel: make debug-kernel, or MQGATE_DEBUG_KERNEL=DIR"
		exit 4
	fi
fi
echo "$store/kernel"
