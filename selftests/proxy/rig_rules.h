/* SPDX-License-Identifier: BSD-2-Clause */
/* Policies of the rig: rules for all clients, one an option. Called while the rig is configured. */
#ifndef RIG_RULES_H
#define RIG_RULES_H

#include "config/config.h"

/*
 * "allow|deny,RIGHT+RIGHT,QOS,TOPIC", the rights as the configuration has them, or "all"; or
 * "group,NAME,PATTERN,MESSAGES,BURST,BYTES,BURST".
 */
void rig_rule(struct mqg_config *config, const char *text);
void rig_rules_finish(struct mqg_config *config);

/* "KEY=NUMBER" of a listener's limits. */
void rig_limit(struct mqg_limits *limits, const char *text);
#define RIG_LIMITS {									\
	.packet_size = UINT32_MAX, .topic_length = 65535, .topic_levels = 200,		\
	.topic_alias = 65535, .inflight = 65535, .filters = 65535,			\
	.user_properties = 65535, .client_id = 65535,					\
}

#endif
