/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where in a YAML file a key stands: a map from key paths ("listeners[0].tls.crl") to lines. The
 * schema library tells no line once a value has been accepted, and the checking pass needs one.
 * Owned by one load of a configuration; no lock.
 */
#ifndef MQG_CONFIG_LINES_H
#define MQG_CONFIG_LINES_H

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
 * given twice, aliases, several documents, an empty file, keys that are no words.
 * Return: 0, -EINVAL or -ENOMEM.
 */
int mqg_lines_read(const char *text, size_t size, struct mqg_lines **lines, unsigned int *line,
		   char *why, size_t wsize);
void mqg_lines_free(struct mqg_lines *lines);

/* The line of @path, or of its nearest parent that is in the file. Never 0. */
unsigned int mqg_lines_lookup(const struct mqg_lines *lines, const char *path);

#endif
