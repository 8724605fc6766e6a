/* SPDX-License-Identifier: BSD-2-Clause */
/* CRC32C (RFC 3309, appendix B.2: Castagnoli, reflected). Any thread; no lock. */
#ifndef MQG_CRC32C_H
#define MQG_CRC32C_H

#include <stddef.h>
#include <stdint.h>

/* Of @data behind what gave @before; 0 where that is nothing. */
uint32_t mqg_crc32c(uint32_t before, const void *data, size_t len);

#endif
