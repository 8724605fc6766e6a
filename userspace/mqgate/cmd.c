// SPDX-License-Identifier: BSD-2-Clause
/*
 * What the verbs share: printing, refusing, opening pins and the daemon's socket. Called by
 * every verb; one thread, no lock.
 */
#include "mqgate/cmd.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static void complain(const char *format, va_list args)
{
	fflush(stdout);
	fputs("mqgate: ", stderr);
	vfprintf(stderr, format, args);
	fputc('\n', stderr);
}

int mqg_refuse(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	complain(format, args);
	va_end(args);
	return MQG_REFUSED;
}

int mqg_misuse(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	complain(format, args);
	va_end(args);
	return MQG_USAGE;
}

void mqg_remark(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	complain(format, args);
	va_end(args);
}

/* Fifteen digits say a time of day to the microsecond, and 0.009 as 0.009. */
void mqg_json_write(const struct mqg_cmd *cmd, const json_t *value)
{
	json_dumpf(value, stdout, JSON_ENCODE_ANY | JSON_REAL_PRECISION(15) |
				  (cmd->pretty ? JSON_INDENT(2) : JSON_COMPACT));
	putchar('\n');
}

int mqg_json_print(const struct mqg_cmd *cmd, json_t *value)
{
	if (!value)
		return mqg_refuse("out of memory");
	mqg_json_write(cmd, value);
	json_decref(value);
	return MQG_DONE;
}

bool mqg_word_is(const char *word, const char *name, size_t least)
{
	size_t len = strlen(word);

	return len >= least && !strncmp(word, name, len);
}

int mqg_cmd_pins(struct mqg_pins *pins)
{
	char why[512];

	return mqg_pins_open(pins, why, sizeof(why)) ? mqg_refuse("%s", why) : MQG_DONE;
}

int mqg_cmd_daemon(struct mqg_control *control)
{
	char why[512];
	int err = mqg_control_open(control, why, sizeof(why));

	if (err == -ENOENT)
		return 0;
	if (err)
		mqg_refuse("%s", why);
	return err ? err : 1;
}

json_t *mqg_json_seconds(uint64_t ns)
{
	return json_real((double)(ns / 1000000) / 1000.0);
}

const char *mqg_count_format(double value, char *buf, size_t size)
{
	static const char units[] = { 0, 'k', 'M', 'G', 'T' };
	size_t unit = 0;

	while (value >= 999.5 && unit + 1 < sizeof(units)) {
		value /= 1000;
		unit++;
	}
	if (!unit)
		snprintf(buf, size, "%.0f", value);
	else
		snprintf(buf, size, "%.*f%c", value < 9.95 ? 1 : 0, value, units[unit]);
	return buf;
}

const char *mqg_bytes_format(uint64_t bytes, char *buf, size_t size)
{
	static const char *const units[] = { "B", "kB", "MB", "GB", "TB", "PB" };
	double value = (double)bytes;
	size_t unit = 0;

	while (value >= 999.5 && unit + 1 < sizeof(units) / sizeof(units[0])) {
		value /= 1000;
		unit++;
	}
	snprintf(buf, size, "%.*f %s", unit && value < 99.5 ? 1 : 0, value, units[unit]);
	return buf;
}
