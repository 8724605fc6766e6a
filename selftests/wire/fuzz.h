/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a fuzz target does with an input: all properties of props.h, cut at places that the input
 * itself chooses. A broken property aborts, so that the fuzzer keeps the input.
 */
#ifndef FUZZ_H
#define FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "props.h"

static inline void fuzz_holds(const char *why)
{
	if (why) {
		fprintf(stderr, "property broken: %s\n", why);
		abort();
	}
}

static inline void fuzz_one(const struct ops *ops, int level, const uint8_t *data, size_t size)
{
	__u32 len = (__u32)size, sum = 0;

	for (size_t i = 0; i < size; i++)
		sum = sum * 31 + data[i];
	fuzz_holds(props_steps(ops, level, data, len));
	fuzz_holds(props_again(ops, level, data, len));
	fuzz_holds(props_head(ops, level, data, len));
	fuzz_holds(props_cut(ops, level, data, len, sum % (len + 1)));
	fuzz_holds(props_cut(ops, level, data, len, (sum >> 8) % (len + 1)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif
