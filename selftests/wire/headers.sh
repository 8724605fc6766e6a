#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# The parsers have to compile in every world: each header alone, freestanding as the kernel wants
# them (no declaration after a statement, no silent narrowing), by both compilers, and as BPF;
# and they may call nothing but what every compiler brings itself. Called by the runner.
. "$(dirname "$0")/../lib/ktap.sh"

include=${MQGATE_TOP:?the runner sets it}/include
dir=$(scratch)
on_exit rm -rf "$dir"
flags=(-O2 -std=gnu11 -ffreestanding -Wall -Wextra -Werror -Wshadow -Wconversion -Wundef)
flags+=(-Wdeclaration-after-statement -Wno-unused-function -I"$include" -I"$include/uapi")
flags+=(-idirafter "/usr/include/$(gcc -print-multiarch)")

# whole HEADER: a program around it, so that no function stays uncompiled
whole() {
	cat <<- END
		#include <mqgate/$1>
		#ifdef MQGATE_MQTT_WIRE_H
		int t1(struct mqw_connect *c, const __u8 *d, __u32 n, __u32 *u);
		int t1(struct mqw_connect *c, const __u8 *d, __u32 n, __u32 *u)
		{
			struct mqw_head h;
			struct mqw_connack a;

			mqw_connect_init(c, n);
			mqw_connack_init(&a, d[0], n);
			return mqw_connect_feed(c, d, n, u) + mqw_head_check(d, n, n, &h) +
			       mqw_connack_feed(&a, d, n, u) + (int)h.need + mqw_reason_answered(n);
		}
		#endif
		#ifdef MQGATE_MQTT_PACKET_H
		int t3(struct mqp_stream *s, const __u8 *d, __u32 n, __u32 *u);
		int t3(struct mqp_stream *s, const __u8 *d, __u32 n, __u32 *u)
		{
			mqp_init(s, d[0], d[1], n, n);
			return mqp_feed(s, d, n, u) + mqp_between(s) + (int)mqp_qos(s);
		}
		#endif
		#ifdef MQGATE_TLS_WIRE_H
		int t2(struct tlsw_hello *c, const __u8 *d, __u32 n, __u32 *u);
		int t2(struct tlsw_hello *c, const __u8 *d, __u32 n, __u32 *u)
		{
			struct tlsw_head h;

			tlsw_hello_init(c, n);
			return tlsw_hello_feed(c, d, n, u) +
			       tlsw_head_check(d, n, n, &h) + (int)h.need;
		}
		#endif
	END
}

# compiles HEADER COMPILER [FLAG...]
compiles() {
	local header=$1
	shift
	whole "$header" > "$dir/t.c"
	"$@" "${flags[@]}" -c -o "$dir/t.o" "$dir/t.c"
}

# calls_nothing HEADER: of what the last compilation left open
calls_nothing() {
	! nm -u "$dir/t.o" | grep -vE '^ *U (memcpy|memset)$'
}

headers=(wire.h mqtt_wire.h mqtt_head.h mqtt_connack.h tls_wire.h mqtt_rules.h mqtt_text.h
	mqtt_stream.h mqtt_packet.h)
plan $((${#headers[@]} * 4))
for header in "${headers[@]}"; do
	check "$header alone, freestanding, gcc" compiles "$header" gcc
	check "$header calls no function" calls_nothing "$header"
	check "$header alone, freestanding, clang" compiles "$header" clang
	check "$header alone, as BPF" compiles "$header" clang -target bpf
done
finish
