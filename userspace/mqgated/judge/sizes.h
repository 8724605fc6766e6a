/* SPDX-License-Identifier: BSD-2-Clause */
/* Limits of the configuration that exceed the maps, in the log. Main thread; no lock. */
#ifndef MQG_JUDGE_SIZES_H
#define MQG_JUDGE_SIZES_H

#include "common/pins.h"
#include "config/config.h"

/* Logs a line for each limit of @config that @pins have no room for. */
void mqg_judge_sizes_tell(const struct mqg_config *config, const struct mqg_pins *pins);

#endif
