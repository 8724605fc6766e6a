#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Makes the guest's initramfs: busybox, init.sh, and the modules without which the kernel cannot
# reach the host's files. Called by run.sh.
#
#	initrd.sh OUT [ROOT RELEASE]	modules of ROOT/lib/modules/RELEASE; else none are needed
set -euo pipefail
PATH=$PATH:/usr/sbin:/sbin
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
out=$1
busybox=$(command -v busybox)

if ldd "$busybox" > /dev/null 2>&1; then
	echo "initrd.sh: $busybox needs shared libraries: install busybox-static" >&2
	exit 1
fi

dir=$(mktemp -d "${TMPDIR:-/tmp}/mqgate-initrd.$$.XXXXXX")
trap 'rm -rf "$dir" "$dir.log" "$out.$$"' EXIT
mkdir "$dir"/{bin,proc,sys,dev,lower,upper,guest,modules}
cp "$busybox" "$dir/bin/busybox"
cp "$here/init.sh" "$dir/init"
chmod +x "$dir/init"

# In the order in which they load; a module that others share comes once.
needed() {
	local module
	for module in virtio_pci 9pnet_virtio 9p overlay; do
		modprobe -d "$1" -S "$2" --show-depends "$module"
	done | awk '$1 == "insmod" && !seen[$2]++ { print $2 }'
}

: > "$dir/modules/order"
if [ $# -gt 1 ]; then
	for file in $(needed "$2" "$3"); do
		name=$(basename "$file")
		case $name in
		*.xz)	name=${name%.xz}; xz -dc "$file" > "$dir/modules/$name" ;;
		*.zst)	name=${name%.zst}; zstd -qdc "$file" > "$dir/modules/$name" ;;
		*)	cp "$file" "$dir/modules/$name" ;;
		esac
		echo "$name" >> "$dir/modules/order"
	done
fi

(cd "$dir" && find . | "$busybox" cpio -o -H newc 2> "$dir.log" | gzip -1) > "$out.$$" || {
	cat "$dir.log" >&2
	exit 1
}
mv "$out.$$" "$out"
