// SPDX-License-Identifier: BSD-2-Clause
/*
 * Fuzz target: connect. Run by fuzz.sh; see fuzz.h for what is checked.
 */
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	fuzz_one(&connect_ops, 0, data, size);
	return 0;
}
