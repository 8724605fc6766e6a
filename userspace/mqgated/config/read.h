/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The file of a configuration, up to its meaning. Main thread; no lock.
 */
#ifndef MQG_CONFIG_READ_H
#define MQG_CONFIG_READ_H

#include "config/check.h"

/* Fills check->config. Return: 0, -EINVAL (complained) or -ENOMEM. */
typedef int (*mqg_check_fn)(struct mqg_check *check);

/* Reads @path, and has @fn fill @config from what it says; errors as mqg_config_load() has them. */
int mqg_config_read(const char *path, const struct mqg_config *before, struct mqg_config *config,
		    mqg_check_fn fn, char *why, size_t size);

#endif
