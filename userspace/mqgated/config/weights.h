/* SPDX-License-Identifier: BSD-2-Clause */
/* The default weight of each reason in the score of a source. Constant; any thread. */
#ifndef MQG_CONFIG_WEIGHTS_H
#define MQG_CONFIG_WEIGHTS_H

#include <stdint.h>

/* Points that one refusal for @reason adds; 0 = no evidence against the source. */
uint32_t mqg_weight_default(uint32_t reason);

#endif
