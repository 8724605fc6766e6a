/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The policies of a configuration without the rest of it: no key, certificate or address is looked
 * at. Called by the command.
 */
#ifndef MQG_CONFIG_RIGHTS_H
#define MQG_CONFIG_RIGHTS_H

#include <stddef.h>

struct mqg_rights;

/*
 * *rights may be NULL: there are no policies. Errors and @why as mqg_config_load() has them. Give
 * it back with mqg_rights_free() (policy/build.h).
 */
int mqg_config_rights(const char *path, struct mqg_rights **rights, char *why, size_t size);

#endif
