/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where in a YAML file a key stands: a map from key paths ("listeners[0].tls.crl") to lines, and
 * to the values as they are written. The schema library tells neither once it has accepted a
 * value, and the checking pass needs them.
 * Owned by one load of a configuration; no lock.
 */
#ifndef MQG_CONFIG_LINES_H
#define MQG_CONFIG_LINES_H

#include <stdbool.h>
#include <stddef.h>

#define MQG_PATH_MAX	256

struct mqg_lines;

/**
 * mqg_lines_read() - read the structure of a YAML text
 * @text:  the text
 * @size:  its bytes
 * @lines: out; NULL unless 0 is returned
 * @line:  out on error, the line that is wrong
 * @why:   out on error, what is wrong and the remedy
 * @wsize: of @why
 *
 * Refuses what the schema library would accept in silence or report badly: syntax errors, a key
 * given twice, aliases, several documents, an empty file, keys that are no words, zero bytes.
 * Return: 0, -EINVAL or -ENOMEM.
 */
int mqg_lines_read(const char *text, size_t size, struct mqg_lines **lines, unsigned int *line,
		   char *why, size_t wsize);
void mqg_lines_free(struct mqg_lines *lines);

typedef int (*mqg_value_fn)(const char *path, const char *value, void *arg);
/*
 * Calls @fn with every value that is no mapping and no list, as it is written, in the order of the
 * file. Return: 0, or the first answer that is not.
 */
int mqg_lines_each(const struct mqg_lines *lines, mqg_value_fn fn, void *arg);

/* Is there such a key, whatever its value? */
bool mqg_lines_has(const struct mqg_lines *lines, const char *path);

/* The line of @path, or of its nearest parent that is in the file. Never 0. */
unsigned int mqg_lines_lookup(const struct mqg_lines *lines, const char *path);

#endif
