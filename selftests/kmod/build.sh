#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# What the build of the module promises: BTF or a refusal in words, and one file a kernel's BTF can
# be asked for. Runs here, not in the guest; builds for Linux 6.1 in a directory of its own.
. "$(dirname "$0")/../lib/ktap.sh"
set -u

need_command pahole readelf apt-get
top=${MQGATE_TOP:?}
store=$(scratch)
on_exit rm -rf "$store"
mkdir "$store/vm"
# Kernels and headers are large: what is there is used.
release=$(cat "$(bash "$top/selftests/vm/kernel.sh" 6.1)/release" 2> /dev/null) ||
	skip_all "no Linux 6.1 to build for"
KDIR=$(bash "$top/kmod/headers.sh" "$release") || skip_all "no headers of Linux $release"
export KDIR
vmlinux=$MQGATE_BUILD/vm/6.1/vmlinux
tree=$store/tree
mkdir "$tree"
cp -r "$top/kmod" "$top/include" "$top/Kbuild" "$tree/"
rm -f "$tree/kmod/mqgate.ko"

build() {
	env MQGATE_BUILD="$store/build" "$@" bash "$tree/kmod/build.sh" "$release"
}

plan 5
refuse "without the kernel's BTF there is no module" build BTF=/nowhere/vmlinux
contains "and the words say how to get it" "$(cat "$ktap_said")" "Give BTF=FILE"
check "RELAXED=1 builds it all the same" build RELAXED=1 BTF=/nowhere/vmlinux
rm -f "$store/build/module/$release/kmod/mqgate.ko"
check "with it there is one" build BTF="$vmlinux"
contains "and it has BTF" "$(readelf -SW "$tree/kmod/mqgate.ko")" " .BTF "
finish
