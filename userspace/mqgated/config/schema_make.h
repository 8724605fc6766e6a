/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the tables of the schema are written with. Included by the files schema*.c alone.
 */
#ifndef MQG_CONFIG_SCHEMA_MAKE_H
#define MQG_CONFIG_SCHEMA_MAKE_H

#include "config/schema.h"

#define MUST CYAML_FLAG_DEFAULT
#define MAY  CYAML_FLAG_OPTIONAL

#define TEXT(key, flags, type, member) \
	CYAML_FIELD_STRING_PTR(key, CYAML_FLAG_POINTER | (flags), type, member, 1, CYAML_UNLIMITED)
#define NUMBER(key, type, member) CYAML_FIELD_UINT_PTR(key, MAY, type, member)
#define WORD(key, flags, type, member, words) \
	CYAML_FIELD_ENUM(key, CYAML_FLAG_STRICT | (flags), type, member, words, \
			 CYAML_ARRAY_LEN(words))
#define WORD_MAY(key, type, member, words) \
	CYAML_FIELD_ENUM_PTR(key, CYAML_FLAG_STRICT | MAY, type, member, words, \
			     CYAML_ARRAY_LEN(words))

extern const cyaml_schema_value_t mqg_text_value;

/* A list of texts: the members @member and @member_count of @holder. */
#define TEXTS(word, holder, member)								\
	{											\
		.key = word,									\
		.value = {									\
			.type = CYAML_SEQUENCE,							\
			.flags = CYAML_FLAG_POINTER | MAY,					\
			.data_size = sizeof(char *),						\
			.sequence = { .entry = &mqg_text_value, .max = CYAML_UNLIMITED },	\
		},										\
		.data_offset = offsetof(holder, member),					\
		.count_size = sizeof(((holder *)0)->member##_count),				\
		.count_offset = offsetof(holder, member##_count),				\
	}

/* schema_rights.c: the entries of groups and policies. */
extern const cyaml_schema_value_t mqg_group_value;
extern const cyaml_schema_value_t mqg_policy_value;

/* schema_tls.c */
#define MQG_TLS_VERSIONS 2
extern const cyaml_strval_t mqg_tls_versions[MQG_TLS_VERSIONS];
extern const cyaml_schema_field_t mqg_tls_fields[], mqg_identity_fields[];
extern const cyaml_schema_value_t mqg_sni_value;

/* schema_ports.c: the entries of listeners and services. */
#define MQG_MODES 2
extern const cyaml_strval_t mqg_modes[MQG_MODES];
extern const cyaml_schema_value_t mqg_listener_value;
extern const cyaml_schema_value_t mqg_service_value;

/* schema_limits.c */
extern const cyaml_schema_field_t mqg_limits_fields[], mqg_group_limits_fields[];

#endif
