/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Errors of a configuration in one form: "FILE:LINE: KEY: what is wrong; remedy". Turns the schema
 * library's messages into it. Owned by one load of a configuration; no lock.
 */
#ifndef MQG_CONFIG_COMPLAIN_H
#define MQG_CONFIG_COMPLAIN_H

#include <stdarg.h>
#include <stddef.h>

#include <cyaml/cyaml.h>

#include "config/lines.h"

struct mqg_complaint {
	const char		*file;
	const struct mqg_lines	*lines;		/* NULL: nothing is known, line 1 */
	char			*why;
	size_t			size;
};

/* Writes the error of @path ("" = the file as a whole). Always returns -EINVAL. */
__attribute__((format(printf, 3, 4)))
int mqg_complain(const struct mqg_complaint *complaint, const char *path, const char *format, ...);

/* What libcyaml logged about its first error: the message and the way to it, innermost first. */
struct mqg_cyaml_log {
	char	message[256];
	char	steps[16][64];		/* ".key", "[2]" or "" (a mapping, before its first key) */
	size_t	n_steps;
};

/* A cyaml_log_fn_t; @ctx is a struct mqg_cyaml_log. */
void mqg_cyaml_log(cyaml_log_t level, void *ctx, const char *format, va_list args);

/* Writes the error that libcyaml reported. Always returns -EINVAL. */
int mqg_complain_schema(const struct mqg_complaint *complaint, const struct mqg_cyaml_log *log,
			const cyaml_schema_value_t *schema, cyaml_err_t err);

#endif
