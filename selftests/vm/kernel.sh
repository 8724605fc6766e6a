#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Gets one of Debian's kernels for the guest, once, into $MQGATE_BUILD/vm/KERNEL, and prints that
# directory. Called by run.sh; a lock file beside the directories keeps two callers apart.
#
#	kernel.sh 6.1|6.12
#
#	release			what uname -r will say
#	vmlinux			the ELF kernel: boots faster than the bzImage that holds it
#	tree/lib/modules/	its modules, with what modprobe wants to know
#
# The packages come from the mirror that this machine is configured for, through lists of our own:
# nothing of the machine's apt changes, and no root is needed. Exit 4: it cannot be had here.
set -u
# Words of apt are looked at, and bytes that are no text.
export LC_ALL=C
PATH=$PATH:/usr/sbin:/sbin
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
top=${MQGATE_TOP:-$(cd "$here/../.." && pwd)}
store=${MQGATE_BUILD:-$top/build}/vm
keyring=/usr/share/keyrings/debian-archive-keyring.gpg

say() {
	echo "kernel.sh: $*" >&2
}

# unobtainable WORDS: the caller skips its tests and shows the words.
unobtainable() {
	say "$*"
	exit 4
}

# Which suites hold the kernel: the first one and, where there is one, its security updates.
suites_of() {
	case $1 in
	6.1)	echo "bookworm bookworm-security" ;;
	6.12)	echo "bookworm-backports" ;;
	*)	return 1 ;;
	esac
}

# The configured archives, as URI RELEASE, from .list and .sources files alike.
archives() {
	apt-get indextargets --format '$(REPO_URI) $(RELEASE) $(COMPONENT)' \
		'Created-By: Packages' | awk '$3 == "main" { print $1, $2 }' | sort -u
}

# sources KERNEL: a sources.list. Security updates are elsewhere than the rest of the archive.
sources() {
	local suite uri main security
	main=$(archives | awk '$2 !~ /-security$/ { print $1; exit }')
	security=$(archives | awk '$2 ~ /-security$/ { print $1; exit }')
	for suite in $(suites_of "$1"); do
		case $suite in
		*-security)	uri=$security ;;
		*)		uri=$main ;;
		esac
		[ -z "$uri" ] || echo "deb [arch=amd64 signed-by=$keyring] $uri $suite main"
	done
}

# apt COMMAND ARGUMENT...: apt-get or apt-cache with lists, state and cache under $apt only.
apt_alone() {
	local tool=$1
	shift
	"$tool" -q -o Dir::Etc::sourcelist="$apt/sources.list" -o Dir::Etc::sourceparts=- \
		-o Dir::State="$apt" -o Dir::State::status="$apt/status" \
		-o Dir::Cache="$apt/cache" -o APT::Architecture=amd64 -o APT::Sandbox::User= \
		-o Acquire::Languages=none -o Acquire::Retries=3 "$@"
}

# The newest signed image of the series; rt, cloud and debug images have more words in the name.
newest() {
	apt_alone apt-cache pkgnames "linux-image-$1." |
		grep -E "^linux-image-${1//./\\.}\.[0-9]+([+-]([0-9]+|deb|bpo)[.0-9]*)*-amd64$" |
		sort -V | tail -n 1
}

download() {
	local kernel=$1 package
	apt=$work/apt
	mkdir -p "$apt/lists/partial" "$apt/cache/archives/partial" || return 1
	: > "$apt/status"
	sources "$kernel" > "$apt/sources.list"
	[ -s "$apt/sources.list" ] ||
		unobtainable "apt knows no archive with a component main: no Debian mirror to ask"
	say "getting Linux $kernel from $(awk '{ print $4, $5 }' "$apt/sources.list" |
		paste -sd, | sed 's/,/, /g')"
	if ! apt_alone apt-get update > "$work/apt.log" 2>&1; then
		sed -n 's/^[EW]: /kernel.sh: apt: /p' "$work/apt.log" >&2
		unobtainable "the mirror has no lists for Linux $kernel: is the network up?"
	fi
	package=$(newest "$kernel")
	[ -n "$package" ] || unobtainable "there is no linux-image-$kernel*-amd64 on the mirror"
	if ! (cd "$work" && apt_alone apt-get download "$package") > "$work/apt.log" 2>&1; then
		sed -n 's/^[EW]: /kernel.sh: apt: /p' "$work/apt.log" >&2
		unobtainable "$package cannot be downloaded"
	fi
	dpkg-deb -x "$work"/linux-image-*.deb "$work/tree"
}

# unpack VMLINUZ OUT: the ELF kernel inside. A bzImage is a small program followed by the
# compressed kernel; where that begins, only the magic bytes of its compression tell.
unpack() {
	local image=$1 out=$2 magic tool at
	while read -r magic tool; do
		command -v "$tool" > /dev/null || continue
		while IFS=: read -r at _; do
			tail -c +$((at + 1)) "$image" | "$tool" -dc > "$out" 2> /dev/null
			cmp -s -n 4 "$out" <(printf '\177ELF') && return 0
		done < <(LC_ALL=C grep -aobP "$magic" "$image")
	done <<-'END'
	\xFD7zXZ\x00		xz
	\x28\xB5\x2F\xFD	zstd
	\x1F\x8B\x08		gzip
	\x02\x21\x4C\x18	lz4
	END
	rm -f "$out"
	say "no kernel found in $image: compressed by something other than xz, zstd, gzip, lz4?"
	return 1
}

build() {
	local kernel=$1 release
	download "$kernel" || return 1
	release=$(basename "$work"/tree/boot/vmlinuz-*)
	release=${release#vmlinuz-}
	unpack "$work/tree/boot/vmlinuz-$release" "$work/vmlinux" || return 1
	depmod -b "$work/tree" "$release" || return 1
	echo "$release" > "$work/release"
	rm -rf "$work/apt" "$work/apt.log" "$work"/*.deb "$work/tree/boot" "$work/tree/usr"
}

kernel=${1:-}
if ! suites_of "$kernel" > /dev/null; then
	say "KERNEL='$kernel': expected 6.1 or 6.12"
	exit 2
fi
mkdir -p "$store" || exit 1
exec 9> "$store/lock"
flock 9
if [ ! -e "$store/$kernel/release" ]; then
	for tool in apt-get dpkg-deb depmod; do
		command -v "$tool" > /dev/null ||
			unobtainable "needs $tool: Debian's kernels come in Debian's packages"
	done
	work=$store/$kernel.$$
	trap 'rm -rf "$work"' EXIT
	trap 'exit 130' INT
	trap 'exit 143' TERM
	rm -rf "$work" && mkdir "$work" && build "$kernel" || exit
	rm -rf "${store:?}/$kernel" && mv "$work" "$store/$kernel" || exit 1
fi
echo "$store/$kernel"
