/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The schema of limits, a listener's and a group's. Constant; used while loading, by the main
 * thread.
 */
#include "config/schema_make.h"

#define LIMIT(key, member) NUMBER(key, struct raw_limits, member)

static const cyaml_strval_t over_rate_rules[] = {
	{ "wait", 0 },
	{ "close", 1 },
};

static const cyaml_strval_t refused_rules[] = {
	{ "drop", 0 },
	{ "close", 1 },
};

const cyaml_schema_field_t mqg_limits_fields[] = {
	LIMIT("max_packet_size", packet_size),
	LIMIT("max_topic_length", topic_length),
	LIMIT("max_topic_levels", topic_levels),
	LIMIT("max_topic_alias", topic_alias),
	LIMIT("max_inflight_messages", inflight),
	LIMIT("max_subscriptions", subscriptions),
	LIMIT("max_filters", filters),
	LIMIT("max_user_properties", user_properties),
	LIMIT("max_client_id", client_id),
	LIMIT("max_keepalive", keep_alive),
	LIMIT("messages_rate", messages_rate),
	LIMIT("messages_burst", messages_burst),
	LIMIT("bytes_rate", bytes_rate),
	LIMIT("bytes_burst", bytes_burst),
	LIMIT("all_messages_rate", all_messages_rate),
	LIMIT("all_messages_burst", all_messages_burst),
	LIMIT("all_bytes_rate", all_bytes_rate),
	LIMIT("all_bytes_burst", all_bytes_burst),
	WORD_MAY("over_rate", struct raw_limits, over_rate, over_rate_rules),
	WORD_MAY("on_refused", struct raw_limits, on_refused, refused_rules),
	CYAML_FIELD_END
};

const cyaml_schema_field_t mqg_group_limits_fields[] = {
	LIMIT("messages_rate", messages_rate),
	LIMIT("messages_burst", messages_burst),
	LIMIT("bytes_rate", bytes_rate),
	LIMIT("bytes_burst", bytes_burst),
	CYAML_FIELD_END
};
