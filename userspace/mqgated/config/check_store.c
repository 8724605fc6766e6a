// SPDX-License-Identifier: BSD-2-Clause
/*
 * The checking pass over `store`. Called by mqg_config_check() in the main thread; no lock.
 */
#include <errno.h>
#include <limits.h>
#include <string.h>

#include "common/state.h"
#include "config/check.h"
#include "hold/journal.h"

#define DIRECTORY_DEFAULT	MQG_STATE_DIR "/hold"
#define SIZE_DEFAULT		(1ULL << 30)
#define SIZE_MOST		(64ULL << 30)

int mqg_check_store(const struct mqg_check *check)
{
	const struct raw_store *raw = check->raw->store;
	struct mqg_store *store = &check->config->store;
	const char *directory;

	if (!raw)
		return 0;
	directory = raw->directory ? raw->directory : DIRECTORY_DEFAULT;
	if (directory[0] != '/' || strlen(directory) >= PATH_MAX - 64)
		return mqg_complain(&check->complaint, "store.directory",
				    "\"%s\" is no absolute path; write for instance "
				    DIRECTORY_DEFAULT, directory);
	if (mqg_check_copy(directory, &store->directory))
		return -ENOMEM;
	return mqg_check_bytes(check, "store.size", raw->size, SIZE_DEFAULT,
			       MQG_JOURNAL_LIMIT_MIN, SIZE_MOST, &store->size);
}
