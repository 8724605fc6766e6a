/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The configuration as the module is to have it: the ports that XDP guards, with their numbers. A
 * function without state; called by the tracker.
 */
#ifndef MQG_MODULE_SERVICES_H
#define MQG_MODULE_SERVICES_H

#include <stdbool.h>

#include "common/module.h"
#include "config/config.h"

void mqg_module_services(const struct mqg_config *config, struct mqg_module_settings *settings);

/* Whether XDP guards that flow: its service may be narrowed to some destinations. */
bool mqg_module_guarded(const struct mqg_config *config, const struct mqgate_flow_key *flow);

#endif
