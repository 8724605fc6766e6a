/* SPDX-License-Identifier: BSD-2-Clause */
/* Loading of the configuration. Main thread; no lock. */
#include "config/config.h"

#include <errno.h>
#include <stdlib.h>

#include "config/check.h"
#include "config/read.h"

static int load(const char *path, const struct mqg_config *before, struct mqg_config **out,
		char *why, size_t size)
{
	struct mqg_config *config;
	int err;

	*out = NULL;
	config = calloc(1, sizeof(*config));
	if (!config)
		return -ENOMEM;
	err = mqg_check_copy(path, &config->path);
	if (!err)
		err = mqg_config_read(path, before, config, mqg_config_check, why, size);
	if (err)
		mqg_config_put(config);
	else
		*out = config;
	return err;
}

int mqg_config_load(const char *path, struct mqg_config **out, char *why, size_t size)
{
	return load(path, NULL, out, why, size);
}

int mqg_config_reload(const struct mqg_config *before, struct mqg_config **out, char *why,
		      size_t size)
{
	return load(before->path, before, out, why, size);
}
