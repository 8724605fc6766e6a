#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Finds what a module is built against, and prints its directory. Called by kmod/build.mk.
#
#	headers.sh RELEASE		headers of that kernel (what uname -r says): the installed
#					ones, else Debian's packages, unpacked once into
#					$MQGATE_BUILD/headers/RELEASE
#
# Packages come from the mirror that this machine is configured for, through lists of our own:
# nothing of the machine's apt changes, and no root is needed. Exit 4: they cannot be had here.
set -u
export LC_ALL=C
PATH=$PATH:/usr/sbin:/sbin
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
store=${MQGATE_BUILD:-$here/../build}/headers
keyring=/usr/share/keyrings/debian-archive-keyring.gpg

say() {
	echo "headers.sh: $*" >&2
}

unobtainable() {
	say "$*"
	exit 4
}

archives() {
	apt-get indextargets --format '$(REPO_URI) $(RELEASE) $(COMPONENT)' \
		'Created-By: Packages' | awk '$3 == "main" { print $1, $2 }' | sort -u
}

# sources RELEASE: 6.1 is bookworm's own, with security updates; anything newer a backport.
sources() {
	local main security
	main=$(archives | awk '$2 !~ /-security$/ { print $1; exit }')
	security=$(archives | awk '$2 ~ /-security$/ { print $1; exit }')
	[ -n "$main" ] || return 1
	case $1 in
	6.1.*)
		echo "deb [arch=amd64 signed-by=$keyring] $main bookworm main"
		[ -z "$security" ] ||
			echo "deb [arch=amd64 signed-by=$keyring] $security bookworm-security main"
		;;
	*)	echo "deb [arch=amd64 signed-by=$keyring] $main bookworm-backports main" ;;
	esac
}

apt_alone() {
	local tool=$1
	shift
	"$tool" -q -o Dir::Etc::sourcelist="$work/apt/sources.list" -o Dir::Etc::sourceparts=- \
		-o Dir::State="$work/apt" -o Dir::State::status="$work/apt/status" \
		-o Dir::Cache="$work/apt/cache" -o APT::Architecture=amd64 -o APT::Sandbox::User= \
		-o Acquire::Languages=none -o Acquire::Retries=3 "$@"
}

# The headers, what all flavours share, and kbuild's own programs.
packages() {
	echo "linux-headers-$1"
	apt_alone apt-cache depends "linux-headers-$1" |
		sed -nE 's/^ *\|?Depends: (linux-(headers|kbuild)-.*)$/\1/p'
}

# The packages expect to live in /usr/src.
relocate() {
	local file
	for file in "$work"/tree/usr/src/linux-headers-*/Makefile; do
		sed -i "s|/usr/src/|$store/$1/tree/usr/src/|g" "$file" || return 1
	done
}

download() {
	local release=$1 wanted
	mkdir -p "$work/apt/lists/partial" "$work/apt/cache/archives/partial" || return 1
	: > "$work/apt/status"
	sources "$release" > "$work/apt/sources.list" ||
		unobtainable "apt knows no archive with a component main: no Debian mirror to ask"
	say "getting the headers of Linux $release"
	apt_alone apt-get update > "$work/apt.log" 2>&1 ||
		unobtainable "the mirror has no lists for Linux $release: is the network up?"
	mapfile -t wanted < <(packages "$release")
	(cd "$work" && apt_alone apt-get download "${wanted[@]}") > "$work/apt.log" 2>&1 ||
		return 1
}

unpack() {
	local package
	for package in "$work"/*.deb; do
		dpkg-deb -x "$package" "$work/tree" || return 1
	done
}

installed() {
	local dir
	for dir in "/lib/modules/$1/build" "/usr/src/linux-headers-$1"; do
		if [ -e "$dir/Module.symvers" ]; then
			echo "$dir"
			return 0
		fi
	done
	return 1
}

[ $# -eq 1 ] || { say "which release?"; exit 2; }
release=$1
installed "$release" && exit 0
mkdir -p "$store" || exit 1
store=$(cd "$store" && pwd)
exec 9> "$store/lock"
flock 9
kdir=$store/$release/tree/usr/src/linux-headers-$release
if [ ! -e "$kdir/Module.symvers" ]; then
	for tool in apt-get dpkg-deb; do
		command -v "$tool" > /dev/null ||
			unobtainable "needs $tool, or the headers of $release installed"
	done
	work=$store/$release.$$
	trap 'rm -rf "$work"' EXIT
	rm -rf "$work"
	download "$release" || unobtainable "the packages of $release cannot be downloaded"
	unpack && relocate "$release" || exit 1
	rm -rf "$work/apt" "$work"/*.deb "$work/apt.log" "${store:?}/$release"
	mv "$work" "$store/$release" || exit 1
	trap - EXIT
fi
echo "$kdir"
