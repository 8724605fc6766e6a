/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Puts the errors of a configuration into words. libcyaml tells the way to an error as a backtrace
 * of log lines; here it becomes a key path, and the path a line number. Called while loading, by
 * the main thread; no lock.
 */
#include "config/complain.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int mqg_complain(const struct mqg_complaint *complaint, const char *path, const char *format, ...)
{
	unsigned int line = complaint->lines ? mqg_lines_lookup(complaint->lines, path) : 1;
	va_list args;
	int n;

	n = snprintf(complaint->why, complaint->size, "%s:%u: %s%s", complaint->file, line, path,
		     path[0] ? ": " : "");
	if (n < 0 || (size_t)n >= complaint->size)
		return -EINVAL;
	va_start(args, format);
	vsnprintf(complaint->why + n, complaint->size - (size_t)n, format, args);
	va_end(args);
	return -EINVAL;
}

/* Copies what stands between the first two quotes of @text. */
static void quoted(const char *text, char *out, size_t size)
{
	const char *from = strchr(text, '\'');
	const char *to = from ? strchr(from + 1, '\'') : NULL;

	snprintf(out, size, "%.*s", to ? (int)(to - from - 1) : 0, to ? from + 1 : "");
}

void mqg_cyaml_log(cyaml_log_t level, void *ctx, const char *format, va_list args)
{
	struct mqg_cyaml_log *log = ctx;
	char line[256], word[60];
	char *step;

	if (level < CYAML_LOG_ERROR)
		return;
	vsnprintf(line, sizeof(line), format, args);
	line[strcspn(line, "\n")] = '\0';
	if (!strncmp(line, "Load: ", 6)) {
		if (!log->message[0] && strcmp(line + 6, "Backtrace:"))
			snprintf(log->message, sizeof(log->message), "%s", line + 6);
		return;
	}
	if (log->n_steps == sizeof(log->steps) / sizeof(log->steps[0]))
		return;
	step = log->steps[log->n_steps];
	quoted(line, word, sizeof(word));
	if (strstr(line, "in mapping field "))
		snprintf(step, sizeof(log->steps[0]), ".%s", word);
	else if (strstr(line, "in sequence entry "))
		snprintf(step, sizeof(log->steps[0]), "[%ld]", strtol(word, NULL, 10) - 1);
	else if (strstr(line, "in mapping "))
		step[0] = '\0';
	else
		return;
	log->n_steps++;
}

/* Joins the steps into a path, leaving out the innermost @skip. */
static void join(const struct mqg_cyaml_log *log, size_t skip, char path[MQG_PATH_MAX])
{
	size_t len = 0;

	path[0] = '\0';
	for (size_t i = log->n_steps; i > skip; i--) {
		const char *step = log->steps[i - 1];

		if (!len && *step == '.')
			step++;
		len += (size_t)snprintf(path + len, MQG_PATH_MAX - len, "%s", step);
		if (len >= MQG_PATH_MAX)
			return;
	}
}

static const cyaml_schema_field_t *field_of(const cyaml_schema_value_t *value, const char *key)
{
	if (!value || value->type != CYAML_MAPPING)
		return NULL;
	for (const cyaml_schema_field_t *f = value->mapping.fields; f->key; f++)
		if (!strcmp(f->key, key))
			return f;
	return NULL;
}

/* The schema of the value that the steps lead to, leaving out the innermost @skip. */
static const cyaml_schema_value_t *descend(const struct mqg_cyaml_log *log, size_t skip,
					   const cyaml_schema_value_t *value)
{
	for (size_t i = log->n_steps; value && i > skip; i--) {
		const char *step = log->steps[i - 1];
		const cyaml_schema_field_t *field;

		if (*step == '[') {
			value = value->type == CYAML_SEQUENCE ? value->sequence.entry : NULL;
		} else if (*step == '.') {
			field = field_of(value, step + 1);
			value = field ? &field->value : NULL;
		}
	}
	return value;
}

static size_t least(size_t a, size_t b, size_t c)
{
	size_t m = a < b ? a : b;

	return m < c ? m : c;
}

/* Edit distance (Levenshtein), for words of fewer than 64 bytes. */
static size_t distance(const char *a, const char *b)
{
	size_t row[64], la = strlen(a), lb = strlen(b);

	if (la >= 64 || lb >= 64)
		return 64;
	for (size_t j = 0; j <= lb; j++)
		row[j] = j;
	for (size_t i = 1; i <= la; i++) {
		size_t before = row[0];

		row[0] = i;
		for (size_t j = 1; j <= lb; j++) {
			size_t above = row[j];

			row[j] = least(row[j] + 1, row[j - 1] + 1,
				       before + (a[i - 1] != b[j - 1]));
			before = above;
		}
	}
	return row[lb];
}

static int unknown_key(const struct mqg_complaint *complaint, const char *path, const char *key,
		       const cyaml_schema_value_t *mapping)
{
	const char *nearest = NULL;
	size_t best = strlen(key) / 2 + 1;
	char list[1024] = "";
	size_t len = 0;

	if (!mapping || mapping->type != CYAML_MAPPING)
		return mqg_complain(complaint, path, "unknown key; remove it");
	for (const cyaml_schema_field_t *f = mapping->mapping.fields; f->key; f++) {
		size_t d = distance(key, f->key);

		if (d < best) {
			best = d;
			nearest = f->key;
		}
		if (len < sizeof(list))
			len += (size_t)snprintf(list + len, sizeof(list) - len, "%s%s",
						len ? ", " : "", f->key);
	}
	if (nearest)
		return mqg_complain(complaint, path, "unknown key; did you mean %s?", nearest);
	return mqg_complain(complaint, path, "unknown key; known here: %s", list);
}

static int unknown_word(const struct mqg_complaint *complaint, const char *path, const char *word,
			const cyaml_schema_value_t *value)
{
	char list[256] = "";
	size_t len = 0;

	if (value && value->type == CYAML_ENUM)
		for (uint32_t i = 0; i < value->enumeration.count && len < sizeof(list); i++)
			len += (size_t)snprintf(list + len, sizeof(list) - len, "%s%s",
						i ? ", " : "", value->enumeration.strings[i].str);
	return mqg_complain(complaint, path, "\"%s\" is not known; write one of: %s", word, list);
}

static const char *shape(const char *word)
{
	if (!strncmp(word, "SEQUENCE", 8))
		return "a list (\"- ...\" lines)";
	if (!strncmp(word, "MAPPING", 7))
		return "a mapping (\"key: value\" lines)";
	return "a single value";
}

/* "Expecting X, got event: Y" */
static int wrong_shape(const struct mqg_complaint *complaint, const char *path,
		       const char *expecting)
{
	const char *got = strstr(expecting, "event: ");

	return mqg_complain(complaint, path, "takes %s, but %s is given", shape(expecting),
			    got ? shape(got + 7) : "something else");
}

int mqg_complain_schema(const struct mqg_complaint *complaint, const struct mqg_cyaml_log *log,
			const cyaml_schema_value_t *schema, cyaml_err_t err)
{
	const char *message = log->message;
	const char *tail = strstr(message, ": ");
	char path[MQG_PATH_MAX], full[MQG_PATH_MAX + 128], word[128];
	size_t skip;

	tail = tail ? tail + 2 : "";
	if (!strncmp(message, "Unexpected key: ", 16)) {
		join(log, 0, path);
		snprintf(full, sizeof(full), "%s%s%s", path, path[0] ? "." : "", tail);
		return unknown_key(complaint, full, tail, descend(log, 0, schema));
	}
	if (!strncmp(message, "Missing required mapping field: ", 32)) {
		/* The innermost step is the last key that the mapping does have. */
		skip = log->n_steps && log->steps[0][0] == '.';
		join(log, skip, path);
		snprintf(full, sizeof(full), "%s%s%s", path, path[0] ? "." : "", tail);
		return mqg_complain(complaint, full, "missing; add a line \"%s: ...\"", tail);
	}
	join(log, 0, path);
	if (!strncmp(message, "Expecting ", 10))
		return wrong_shape(complaint, path, message + 10);
	if (!strncmp(message, "Invalid ENUM value: ", 20))
		return unknown_word(complaint, path, tail, descend(log, 0, schema));
	if (!strncmp(message, "STRING length < ", 16))
		return mqg_complain(complaint, path, "is empty; give a value or leave the key out");
	if (strstr(message, "value: '") || strstr(message, "value out of range")) {
		quoted(message, word, sizeof(word));
		return mqg_complain(complaint, path,
				    "\"%s\" is not a whole number from 0 to 4294967295", word);
	}
	return mqg_complain(complaint, path, "%s; see the example configuration",
			    message[0] ? message : cyaml_strerror(err));
}
