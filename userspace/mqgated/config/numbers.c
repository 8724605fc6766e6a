/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Whole numbers as they are written. libcyaml reads them with strtoull(): of "5/s" and "18 83" it
 * takes what stands in front, and 010 is eight. Called while loading, by the main thread; no lock.
 */
#include "config/numbers.h"

#include <stdbool.h>
#include <string.h>

static const cyaml_schema_field_t *field_of(const cyaml_schema_value_t *mapping, const char *key,
					    size_t len)
{
	for (const cyaml_schema_field_t *f = mapping->mapping.fields; f->key; f++)
		if (strlen(f->key) == len && !memcmp(f->key, key, len))
			return f;
	return NULL;
}

/* What the schema says of "listeners[0].connect_max"; NULL where it has no such key. */
static const cyaml_schema_value_t *schema_of(const char *path, const cyaml_schema_value_t *value)
{
	while (value && *path) {
		const cyaml_schema_field_t *field = NULL;
		size_t len;

		if (*path == '[') {
			path += strcspn(path, "]") + 1;
			value = value->type == CYAML_SEQUENCE ? value->sequence.entry : NULL;
			continue;
		}
		path += *path == '.';
		len = strcspn(path, ".[");
		if (value->type == CYAML_MAPPING)
			field = field_of(value, path, len);
		value = field ? &field->value : NULL;
		path += len;
	}
	return value;
}

/* Decimal without a zero in front, or 0x and hexadecimal digits. */
static bool is_number(const char *text)
{
	const char *digits = "0123456789";

	if (text[0] == '0' && (text[1] == 'x' || text[1] == 'X')) {
		digits = "0123456789abcdefABCDEF";
		text += 2;
	} else if (text[0] == '0' && text[1]) {
		return false;
	}
	return *text && !text[strspn(text, digits)];
}

struct numbers {
	const struct mqg_complaint	*complaint;
	const cyaml_schema_value_t	*schema;
};

static int check_value(const char *path, const char *value, void *arg)
{
	const struct numbers *n = arg;
	const cyaml_schema_value_t *schema = schema_of(path, n->schema);

	if (!schema || schema->type != CYAML_UINT || is_number(value))
		return 0;
	return mqg_complain(n->complaint, path, "\"%s\" is not a whole number; write digits alone, "
						"as in 1883, or 0x and hexadecimal ones", value);
}

int mqg_numbers_check(const struct mqg_complaint *complaint, const cyaml_schema_value_t *schema)
{
	struct numbers n = { complaint, schema };

	return mqg_lines_each(complaint->lines, check_value, &n);
}
