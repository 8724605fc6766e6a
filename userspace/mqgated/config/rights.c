// SPDX-License-Identifier: BSD-2-Clause
/* The policies of a configuration; see rights.h. */
#include "config/rights.h"

#include "config/check_rights.h"
#include "config/read.h"

int mqg_config_rights(const char *path, struct mqg_rights **rights, char *why, size_t size)
{
	struct mqg_config config = { .rights = NULL };
	int err = mqg_config_read(path, NULL, &config, mqg_check_rights, why, size);

	if (err)
		mqg_rights_free(config.rights);
	*rights = err ? NULL : config.rights;
	return err;
}
