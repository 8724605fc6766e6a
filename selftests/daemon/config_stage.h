/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the tests of the configuration share: a good file, and ways to break it. One thread.
 */
#ifndef MQG_TEST_CONFIG_STAGE_H
#define MQG_TEST_CONFIG_STAGE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "config/config.h"

#define LINES	61			/* of the good file, which is in config_stage.c */

/* Lines @first to @last (0: none) become @text; the message is "FILE:" + @want. "@": see good[]. */
struct broken {
	const char	*name;
	size_t		first, last;
	const char	*text;
	const char	*want;
};

#define BROKEN(name, first, last, text, want) { name, first, last, text, want }

extern char dir[64], file[96];		/* of the test's files; of the configuration */

/* Writes the good file, changed as @broken says (NULL: not at all). */
void write_config(const struct broken *broken);
/* Reads it; fails the test where it is refused. */
struct mqg_config *load(void);

/* Runs @fixed, then each of @cases, which must be refused in one line. Return: of main(). */
int run_config_tests(const char *name, const struct CMUnitTest *fixed, size_t n_fixed,
		     const struct broken *cases, size_t n_cases);

#endif
