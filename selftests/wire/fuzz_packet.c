// SPDX-License-Identifier: BSD-2-Clause
/*
 * Fuzz target: packets behind CONNECT and CONNACK, at each of the three levels and from both sides,
 * against the second opinion. Run by fuzz.sh; see packet_props.h for what is checked.
 */
#include "fuzz.h"
#include "packet_props.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	__u32 len = (__u32)size, sum = 0;

	for (size_t i = 0; i < size; i++)
		sum = sum * 31 + data[i];
	for (__u32 level = 3; level <= 5; level++)
		for (__u32 from = 0; from < 2; from++) {
			fuzz_holds(packet_steps(level, from, data, len));
			fuzz_holds(packet_cut(level, from, data, len, sum % (len + 1)));
			fuzz_holds(packet_second_opinion(level, from, data, len));
		}
	return 0;
}
