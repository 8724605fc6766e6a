#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# `make sparse`: sparse over user space and the tests' own C. Any word of it is an error.
set -u

cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 1
flags=(-D_GNU_SOURCE -std=gnu11 -Iinclude -Iinclude/uapi -Iuserspace -Iuserspace/mqgated
	'-DMQG_VERSION="sparse"' -Wno-decl -Wno-non-pointer-null -Wsparse-error
	"-I$(gcc -print-file-name=include)" "-I/usr/include/$(gcc -print-multiarch)")
read -ra pkg <<< "$(pkg-config --cflags libbpf jansson libcyaml yaml-0.1 openssl libmicrohttpd \
	libcap-ng libseccomp libsystemd)"
# Off: glibc's PTHREAD_MUTEX_INITIALIZER writes 0 for a pointer. Left out below: sparse 0.6.4 does
# not know \u in strings (C99, 6.4.3).
# The module's files in user space: kernel.h stands in for the kernel's headers, which are empty.
empty=$(mktemp -d)
trap 'rm -rf "$empty"' EXIT
make --no-print-directory -s -C selftests/stream OUTPUT="$empty" stands_in || exit 1
wrong=0
count=0
while IFS= read -r file; do
	more=()
	case $file in
	*/session_test.c | */source_test.c | */pool_test.c)
		more=(-Ikmod "-I$empty/empty" -include selftests/stream/kernel.h) ;;
	selftests/stream/*)
		more=(-Ikmod) ;;
	esac
	said=$(sparse "${flags[@]}" "${pkg[@]}" "${more[@]}" "$file" 2>&1 |
		grep -v "unknown escape sequence: '.u'")
	if [ -n "$said" ]; then
		echo "$said"
		wrong=1
	fi
	count=$((count + 1))
done < <(find userspace selftests -name '*.c' ! -name '*.bpf.c' ! -path '*/fuzz*' \
	! -path 'selftests/bench/feed/*' | sort)
[ $wrong -ne 0 ] || echo "sparse: nothing to say about $count files"
exit $wrong
