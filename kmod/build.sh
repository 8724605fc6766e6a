#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Builds mqgate.ko for one kernel and puts it to kmod/mqgate.ko; beside it its unit tests,
# mqgate_kunit.ko, where the kernel has KUnit. Called by kmod/build.mk.
#
#	build.sh KERNEL		running; 6.1 or 6.12 (Debian's, those of selftests/vm); debug
#				(selftests/vm/debug.sh); or a release
#	KDIR=DIR		headers to build against, whatever KERNEL is
#	BTF=FILE		BTF of the kernel that will load it: raw, or its vmlinux
#	RELAXED=1		without BTF rather than not at all (BPF finds nothing in it)
#
# Objects stay in $MQGATE_BUILD/module/RELEASE, so that kernels do not get in each other's way.
# A module without BTF loads and says nothing, and BPF finds nothing in it: so this fails then.
set -u
PATH=$PATH:/usr/sbin:/sbin
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
top=$(cd "$here/.." && pwd)
export MQGATE_BUILD=${MQGATE_BUILD:-$top/build}

die() {
	local line
	for line in "$@"; do
		echo "build.sh: $line" >&2
	done
	exit 1
}

# Which release the module is for, and where its vmlinux is if it is not the running kernel's.
choose() {
	local at
	vmlinux=
	case $1 in
	running)
		release=$(uname -r)
		;;
	6.1 | 6.12)
		at=$(bash "$top/selftests/vm/kernel.sh" "$1") || exit
		release=$(cat "$at/release")
		vmlinux=$at/vmlinux
		;;
	debug)
		at=$(bash "$top/selftests/vm/debug.sh") || exit
		release=$(cat "$at/release")
		vmlinux=$at/vmlinux.btf
		KDIR=$at/headers
		;;
	*)
		release=$1
		;;
	esac
	if [ -z "${KDIR:-}" ]; then
		KDIR=$(bash "$here/headers.sh" "$release") || exit
	fi
	[ -e "$KDIR/Makefile" ] || die "$KDIR: no kernel headers (KDIR=, linux-headers-$release)"
}

# Links, not copies: an edited file is seen, a removed one goes.
mirror() {
	local file
	mkdir -p "$dir/kmod"
	find "$dir/kmod" -type l -delete
	for file in "$here"/*.[ch] "$here/Kbuild"; do
		case ${file##*/} in
		btfids.c | *.mod.c) ;;
		*)	ln -s "$file" "$dir/kmod/" ;;
		esac
	done
	ln -sfn "$top/include" "$dir/include"
	ln -sfn "$top/Kbuild" "$dir/Kbuild"
}

has_btf() {
	readelf -SW "$1" | grep -q ' \.BTF '
}

# Prints a file with the raw BTF of the kernel that the module is for.
base_btf() {
	local from=${BTF:-}
	[ -n "$from" ] || from=$vmlinux
	if [ -z "$from" ] && [ "$release" = "$(uname -r)" ]; then
		from=/sys/kernel/btf/vmlinux
	fi
	[ -n "$from" ] || from=$KDIR/vmlinux
	[ -r "$from" ] || return 1
	if [ "$(head -c 4 "$from" | tr -d '\0')" = $'\x7fELF' ]; then
		objcopy --dump-section ".BTF=$dir/base.btf" "$from" /dev/null || return 1
		from=$dir/base.btf
	fi
	echo "$from"
}

add_btf() {
	local base
	base=$(base_btf) || return 1
	command -v pahole > /dev/null ||
		die "no pahole: apt-get install pahole (it makes the module's BTF)"
	mkdir -p "$MQGATE_BUILD/module/bin"
	"${HOSTCC:-cc}" -O2 -Wall -Wextra -o "$MQGATE_BUILD/module/bin/btfids" "$here/btfids.c" \
		-lbpf -lelf || die "btfids does not build: apt-get install libbpf-dev libelf-dev"
	pahole -J --btf_gen_floats -j --lang_exclude=rust --btf_base "$base" "$module" &&
		"$MQGATE_BUILD/module/bin/btfids" "$base" "$module"
}

choose "${1:-running}"
dir=$MQGATE_BUILD/module/$release
module=$dir/kmod/mqgate.ko
mkdir -p "$dir"
exec 9> "$dir/lock"
flock 9
mirror
make -C "$KDIR" M="$dir" ${C:+C=$C} ${W:+W=$W} modules > "$dir/log" 2>&1
rc=$?
grep -E 'warning|error|Error|\*\*\*|undefined' "$dir/log" >&2
[ $rc -eq 0 ] || die "Linux $release: the module does not build, see $dir/log"
if ! has_btf "$module" && ! add_btf && [ -z "${RELAXED:-}" ]; then
	die "Linux $release: no BTF of that kernel, so BPF would find nothing in the module and" \
		"XDP could not ask it. Give BTF=FILE: /sys/kernel/btf/vmlinux of a machine that" \
		"runs it, or its vmlinux; or RELAXED=1 to do without the XDP extension."
fi
cp "$module" "$top/kmod/mqgate.ko.new" && mv "$top/kmod/mqgate.ko.new" "$top/kmod/mqgate.ko"
# Only for a kernel with KUnit.
rm -f "$top/kmod/mqgate_kunit.ko"
[ ! -e "$dir/kmod/mqgate_kunit.ko" ] || cp "$dir/kmod/mqgate_kunit.ko" "$top/kmod/"
echo "kmod/mqgate.ko for Linux $release"
