#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Builds mqgate_feed.ko for one of Debian's kernels and prints where it is. Called by
# ../bench_module.sh after kmod/build.sh, whose headers it uses.
#
#	build.sh 6.1|6.12
set -u
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
top=$(cd "$here/../../.." && pwd)
export MQGATE_BUILD=${MQGATE_BUILD:-$top/build}

release=$(cat "$(bash "$top/selftests/vm/kernel.sh" "$1")/release") || exit 1
headers=${KDIR:-$(bash "$top/kmod/headers.sh" "$release")} || exit 1
dir=$MQGATE_BUILD/module/$release/feed
mkdir -p "$dir"
find "$dir" -type l -delete
# Links: the objects stay out of the tree.
ln -s "$here"/*.[ch] "$here/Kbuild" "$dir/"
if ! make -C "$headers" M="$dir" modules > "$dir/log" 2>&1; then
	grep -E 'warning|error|Error|\*\*\*|undefined' "$dir/log" >&2
	echo "feed/build.sh: mqgate_feed.ko does not build for Linux $release, see $dir/log" >&2
	exit 1
fi
echo "$dir/mqgate_feed.ko"
