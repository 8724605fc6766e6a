// SPDX-License-Identifier: BSD-2-Clause
/* CRC32C; see crc32c.h. By the processor's instruction where it has one, else four bits a step. */
#include "common/crc32c.h"

#include <stdbool.h>
#include <string.h>

static const uint32_t table[16] = {
	0x00000000, 0x105EC76F, 0x20BD8EDE, 0x30E349B1,
	0x417B1DBC, 0x5125DAD3, 0x61C69362, 0x7198540D,
	0x82F63B78, 0x92A8FC17, 0xA24BB5A6, 0xB21572C9,
	0xC38D26C4, 0xD3D3E1AB, 0xE330A81A, 0xF36E6F75,
};

static uint32_t by_table(uint32_t crc, const uint8_t *p, size_t len)
{
	while (len--) {
		crc ^= *p++;
		crc = crc >> 4 ^ table[crc & 15];
		crc = crc >> 4 ^ table[crc & 15];
	}
	return crc;
}

/* sparse does not know the built-in functions. */
#if defined(__x86_64__) && !defined(__CHECKER__)
__attribute__((target("sse4.2")))
static uint32_t by_instruction(uint32_t crc, const uint8_t *p, size_t len)
{
	uint64_t wide = crc, eight;

	for (; len >= sizeof(eight); len -= sizeof(eight), p += sizeof(eight)) {
		memcpy(&eight, p, sizeof(eight));
		wide = __builtin_ia32_crc32di(wide, eight);
	}
	return by_table((uint32_t)wide, p, len);
}

static bool has_instruction(void)
{
	return __builtin_cpu_supports("sse4.2");
}
#else
#define by_instruction by_table

static bool has_instruction(void)
{
	return false;
}
#endif

uint32_t mqg_crc32c(uint32_t before, const void *data, size_t len)
{
	return ~(has_instruction() ? by_instruction : by_table)(~before, data, len);
}
