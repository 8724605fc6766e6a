// SPDX-License-Identifier: BSD-2-Clause
/*
 * What the verbs share: printing, refusing, opening pins and the daemon's socket. Called by
 * every verb; one thread, no lock.
 */
#include "mqgate/cmd.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* C0, DEL, and C1 as UTF-8 writes it (C2 80 to C2 9F): all that a terminal acts on. */
static bool tame_text(char *text)
{
	bool changed = false;

	for (unsigned char *p = (unsigned char *)text; *p; p++) {
		if (*p == 0xc2 && p[1] >= 0x80 && p[1] <= 0x9f) {
			p[0] = p[1] = '?';
			changed = true;
			p++;
		} else if (*p < 0x20 || *p == 0x7f) {
			*p = '?';
			changed = true;
		}
	}
	return changed;
}

static void complain(const char *format, va_list args)
{
	char text[2048];

	vsnprintf(text, sizeof(text), format, args);
	tame_text(text);
	fflush(stdout);
	fprintf(stderr, "mqgate: %s\n", text);
}

void mqg_json_tame(json_t *value)
{
	const char *name;
	json_t *item;
	size_t i;

	if (json_is_string(value)) {
		/* A string may hold U+0000; what follows it is never printed. */
		char *copy = strdup(json_string_value(value));

		if (copy && tame_text(copy))
			json_string_set(value, copy);
		free(copy);
	}
	json_array_foreach(value, i, item)
		mqg_json_tame(item);
	json_object_foreach(value, name, item)
		mqg_json_tame(item);
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

int mqg_cmd_ask(const char *what, json_t *request, json_t **answer)
{
	struct mqg_control control = MQG_CONTROL_INIT;
	int running = mqg_cmd_daemon(&control), err;
	char why[1024];

	if (running <= 0) {
		json_decref(request);
		return running ? MQG_REFUSED
			       : mqg_refuse("%s: no daemon runs, and it is the daemon's matter; "
					    "start mqgated", what);
	}
	err = mqg_control_ask(&control, request, answer, why, sizeof(why));
	mqg_control_close(&control);
	if (err)
		return mqg_refuse("%s", why);
	mqg_json_tame(*answer);
	return MQG_DONE;
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
