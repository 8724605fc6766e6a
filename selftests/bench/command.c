// SPDX-License-Identifier: BSD-2-Clause
/* See command.h. */
#include "command.h"

#include <err.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

void command_run(const char *format, ...)
{
	char command[16384];
	va_list args;
	int len;

	va_start(args, format);
	len = vsnprintf(command, sizeof(command), format, args);
	va_end(args);
	if (len < 0 || len >= (int)sizeof(command) || system(command))
		errx(1, "failed: %s", command);
}
