#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# `make sparse`: sparse over user space and the tests' own C. Any word of it is an error.
set -u

cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 1
flags=(-D_GNU_SOURCE -std=gnu11 -Iinclude -Iinclude/uapi -Iuserspace -Iuserspace/mqgated
	'-DMQG_VERSION="sparse"' -Wno-decl -Wsparse-error
	"-I$(gcc -print-file-name=include)" "-I/usr/include/$(gcc -print-multiarch)")
read -ra pkg <<< "$(pkg-config --cflags libbpf jansson libcyaml yaml-0.1 openssl libmicrohttpd \
	libcap-ng libseccomp libsystemd)"
wrong=0
count=0
while IFS= read -r file; do
	sparse "${flags[@]}" "${pkg[@]}" "$file" || wrong=1
	count=$((count + 1))
done < <(find userspace selftests -name '*.c' ! -name '*.bpf.c' ! -path '*/fuzz*' | sort)
[ $wrong -ne 0 ] || echo "sparse: nothing to say about $count files"
exit $wrong
