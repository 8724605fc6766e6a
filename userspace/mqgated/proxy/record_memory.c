// SPDX-License-Identifier: BSD-2-Clause
/*
 * One buffer a thread, between two records; see record_memory.h. Called by OpenSSL for all of its
 * memory, on any thread; no lock, for a buffer is kept by the thread that gave it back.
 */
#include "proxy/record_memory.h"

#include <malloc.h>
#include <stddef.h>
#include <stdlib.h>

#include <openssl/crypto.h>
#include <openssl/ssl3.h>

/* Beyond a record's text: its header, and what encryption and alignment need, both ways. */
#define BESIDE	1024U
#define ROOM	(SSL3_RT_MAX_PLAIN_LENGTH + BESIDE)

static _Thread_local void *kept;

static void *take(size_t size, const char *file, int line)
{
	void *buffer = kept;

	(void)file;
	(void)line;
	if (size - SSL3_RT_MAX_PLAIN_LENGTH > BESIDE)
		return malloc(size);
	if (!buffer)
		return malloc(ROOM);
	kept = NULL;
	return buffer;
}

static void *change(void *buffer, size_t size, const char *file, int line)
{
	(void)file;
	(void)line;
	return realloc(buffer, size);
}

static void give(void *buffer, const char *file, int line)
{
	(void)file;
	(void)line;
	if (!kept && malloc_usable_size(buffer) - ROOM < BESIDE)
		kept = buffer;
	else
		free(buffer);
}

void mqg_record_memory_setup(void)
{
	CRYPTO_set_mem_functions(take, change, give);
}

void mqg_record_memory_exit(void)
{
	free(kept);
	kept = NULL;
}
