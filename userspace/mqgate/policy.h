/* SPDX-License-Identifier: BSD-2-Clause */
/* The verbs of `mqgate policy`. One process, one thread; neither daemon nor BPF is asked. */
#ifndef MQG_CMD_POLICY_H
#define MQG_CMD_POLICY_H

#include "mqgate/cmd.h"

MQG_RUN(mqg_policy_check);
MQG_RUN(mqg_policy_import);

#endif
