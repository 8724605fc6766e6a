/* SPDX-License-Identifier: BSD-2-Clause */
/* What the processor does in hardware, as OpenSSL sees and uses it. Any thread. */
#ifndef MQG_CONFIG_CPU_H
#define MQG_CONFIG_CPU_H

#include <stdbool.h>
#include <stddef.h>

/*
 * True where AES-GCM is made by instructions of its own; also where that cannot be told, which no
 * server of these days is without. OpenSSL's environment (OPENSSL_ia32cap, OPENSSL_armcap) counts.
 */
bool mqg_cpu_has_aes(void);

/* "aes pclmulqdq avx2 ...", of what TLS makes use of. @out: at least 128 bytes. "?": not known. */
void mqg_cpu_features(char *out, size_t size);

#endif
