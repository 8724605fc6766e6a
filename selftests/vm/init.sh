#!/bin/busybox sh
# SPDX-License-Identifier: BSD-2-Clause
#
# /init of the guest's initramfs: loads the few modules that the root needs, puts a tmpfs over the
# host's read-only root, and hands over to the script that the results share names. What goes wrong
# here ends this shell, hence in a panic, hence in a failed run with the reason on the console.
bb=/bin/busybox

die() {
	echo "init: $*"
	exit 1
}

$bb mount -t proc proc /proc && $bb mount -t sysfs sys /sys && $bb mount -t devtmpfs dev /dev ||
	die "no proc, sysfs or devtmpfs"

while read -r module; do
	$bb insmod "/modules/$module" || die "$module does not load"
done < /modules/order

share=trans=virtio,version=9p2000.L,msize=512000
$bb mount -t 9p -o "ro,$share,cache=loose" root /lower || die "no share of the host's root"
$bb mount -t tmpfs tmpfs /upper && $bb mkdir /upper/files /upper/work || die "no tmpfs"
$bb mount -t overlay -o lowerdir=/lower,upperdir=/upper/files,workdir=/upper/work over /guest ||
	die "no overlay"

for dir in proc sys dev; do
	$bb mount --move /$dir /guest/$dir || die "/$dir does not move"
done
$bb mount -t tmpfs -o mode=755 tmpfs /guest/run && $bb mkdir /guest/run/vm || die "no /run"
# Uncached: what was written before a panic is on the host already.
$bb mount -t 9p -o "$share,cache=none" results /guest/run/vm || die "no share for the results"

exec $bb switch_root /guest /bin/bash "$($bb cat /guest/run/vm/start)"
