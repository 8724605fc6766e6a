// SPDX-License-Identifier: BSD-2-Clause
/* What the processor does in hardware; see cpu.h. */
#include "config/cpu.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

static const struct {
	int		word, bit;
	const char	*name;
} features[] = {
#if defined(__x86_64__)
	/* OPENSSL_ia32cap(3): CPUID 1 EDX and ECX, then CPUID 7 EBX and ECX */
	{ 0, 57, "aes" }, { 0, 33, "pclmulqdq" }, { 0, 60, "avx" }, { 1, 5, "avx2" },
	{ 1, 19, "adx" }, { 1, 29, "sha" }, { 1, 41, "vaes" }, { 1, 42, "vpclmulqdq" },
	{ 1, 16, "avx512f" },
#elif defined(__aarch64__)
	/* arm_arch.h of OpenSSL */
	{ 0, 2, "aes" }, { 0, 5, "pmull" }, { 0, 4, "sha256" }, { 0, 0, "neon" },
#endif
	{ 0, -1, NULL }
};

/* True where OpenSSL tells what it found. */
static bool read_words(uint64_t words[2])
{
	const char *info = OPENSSL_info(OPENSSL_INFO_CPU_SETTINGS);
	const char *at = info ? strstr(info, "cap=0x") : NULL;
	char *end;

	if (!at || features[0].bit < 0)
		return false;
	words[0] = strtoull(at + strlen("cap="), &end, 16);
	words[1] = *end == ':' ? strtoull(end + 1, NULL, 16) : 0;
	return true;
}

bool mqg_cpu_has_aes(void)
{
	uint64_t words[2];

	return !read_words(words) || (words[0] >> features[0].bit & 1);
}

void mqg_cpu_features(char *out, size_t size)
{
	uint64_t words[2];
	size_t at = 0;

	snprintf(out, size, "?");
	if (!read_words(words))
		return;
	out[0] = '\0';
	for (size_t i = 0; features[i].name && at < size; i++)
		if (words[features[i].word] >> features[i].bit & 1)
			at += (size_t)snprintf(out + at, size - at, "%s%s", at ? " " : "",
					       features[i].name);
}
