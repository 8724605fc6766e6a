// SPDX-License-Identifier: BSD-2-Clause
/*
 * Fuzz target: CONNACK, as an answer to each of the three levels. Run by fuzz.sh; see fuzz.h for
 * what is checked.
 */
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	for (int level = 3; level <= 5; level++)
		fuzz_one(&connack_ops, level, data, size);
	return 0;
}
