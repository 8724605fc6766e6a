/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The schema of groups and policies; see schema.h. Constant; used while loading, by the main
 * thread.
 */
#include "config/schema_make.h"

static const cyaml_schema_field_t group_fields[] = {
	TEXT("name", MUST, struct raw_group, name),
	TEXTS("identities", struct raw_group, identities),
	CYAML_FIELD_MAPPING_PTR("limits", CYAML_FLAG_POINTER | MAY, struct raw_group, limits,
				mqg_group_limits_fields),
	CYAML_FIELD_END
};

static const cyaml_schema_field_t match_fields[] = {
#define FIELD(symbol, member, word) TEXTS(word, struct raw_match, member),
	MQG_FIELD_LIST(FIELD)
#undef FIELD
	TEXTS("group", struct raw_match, group),
	TEXTS("source", struct raw_match, source),
	CYAML_FIELD_END
};

static const cyaml_schema_field_t valid_fields[] = {
	TEXT("from", MAY, struct raw_valid, from),
	TEXT("until", MAY, struct raw_valid, until),
	TEXTS("weekly", struct raw_valid, weekly),
	CYAML_FIELD_END
};

static const cyaml_schema_field_t rule_fields[] = {
	TEXTS("allow", struct raw_rule, allow),
	TEXTS("deny", struct raw_rule, deny),
	TEXTS("topics", struct raw_rule, topics),
	NUMBER("qos", struct raw_rule, qos),
	CYAML_FIELD_END
};

static const cyaml_schema_value_t rule_value = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct raw_rule, rule_fields),
};

static const cyaml_schema_field_t policy_fields[] = {
	TEXT("name", MUST, struct raw_policy, name),
	CYAML_FIELD_MAPPING_PTR("match", CYAML_FLAG_POINTER | MAY, struct raw_policy, match,
				match_fields),
	CYAML_FIELD_MAPPING_PTR("valid", CYAML_FLAG_POINTER | MAY, struct raw_policy, valid,
				valid_fields),
	CYAML_FIELD_SEQUENCE("rules", CYAML_FLAG_POINTER | MAY, struct raw_policy, rules,
			     &rule_value, 0, CYAML_UNLIMITED),
	TEXT("acl_file", MAY, struct raw_policy, acl_file),
	CYAML_FIELD_END
};

const cyaml_schema_value_t mqg_group_value = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct raw_group, group_fields),
};

const cyaml_schema_value_t mqg_policy_value = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct raw_policy, policy_fields),
};
