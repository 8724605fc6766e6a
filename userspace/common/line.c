// SPDX-License-Identifier: BSD-2-Clause
/*
 * The grammar of a verdict. Called by the command, the loader of lists and the state files; no
 * state, any thread.
 */
#include "common/line.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#define BLANK	" \t\r\n\v\f"

static int __attribute__((format(printf, 3, 4)))
wrong(char *why, size_t size, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(why, size, format, args);
	va_end(args);
	return -EINVAL;
}

/* Cuts the next word off. NULL at the end of the line, or where a comment begins. */
static char *next(char **rest)
{
	char *word = *rest + strspn(*rest, BLANK), *end;

	if (!*word || *word == '#' || *word == ';') {
		*rest = word + strlen(word);
		return NULL;
	}
	end = word + strcspn(word, BLANK);
	*rest = end + (*end != '\0');
	*end = '\0';
	return word;
}

static int read_rate(const char *word, uint32_t *rate, char *why, size_t size)
{
	char *end;
	unsigned long value = strtoul(word, &end, 10);

	if (*word < '0' || *word > '9' || strcmp(end, "/s") || !value || value > MQG_RATE_MAX)
		return wrong(why, size, "%s: not a rate; write 20/s, up to %u/s", word,
			     MQG_RATE_MAX);
	*rate = (uint32_t)value;
	return 0;
}

static enum mqgate_action action_of(const char *word)
{
	if (!strcmp(word, "drop"))
		return MQGATE_ACTION_DROP;
	if (!strcmp(word, "reset"))
		return MQGATE_ACTION_RESET;
	if (!strcmp(word, "pass"))
		return MQGATE_ACTION_PASS;
	return strcmp(word, "limit") ? MQGATE_ACTION_NONE : MQGATE_ACTION_LIMIT;
}

static int read_until(const char *word, uint64_t *until, char *why, size_t size)
{
	char *end;
	unsigned long long value = word ? strtoull(word, &end, 10) : 0;

	if (!word || *word < '0' || *word > '9' || *end || !value)
		return wrong(why, size, "until: say when, in seconds since 1970");
	*until = value;
	return 0;
}

static int read_time(const char *word, char **rest, struct mqg_line *out, char *why, size_t size)
{
	int err;

	if (!strcmp(word, "forever"))
		return 0;
	if (!strcmp(word, "until"))
		return read_until(next(rest), &out->until, why, size);
	err = mqg_duration_parse(word, &out->ns);
	if (err == -ERANGE)
		return wrong(why, size, "%s: longer than 10 years; write forever", word);
	if (err || !out->ns)
		return wrong(why, size, "%s: not a duration; write 500ms, 30s, 10m, 1h, 7d, "
			     "seconds, or forever", word);
	return 0;
}

/* What a terminal, a log and a JSON string can show as it is. */
static bool shows(const char *text, size_t len)
{
	bool ascii = true;
	json_t *string;

	for (size_t i = 0; i < len; i++) {
		if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f)
			return false;
		ascii &= (unsigned char)text[i] < 0x80;
	}
	if (ascii)
		return true;
	string = json_stringn(text, len);
	json_decref(string);
	return string;
}

bool mqg_text_shows(const char *text)
{
	size_t len = strlen(text);

	return len < MQG_TEXT_MAX && shows(text, len);
}

static int read_reason(char *rest, struct mqg_line *out, char *why, size_t size)
{
	char *text = rest + strspn(rest, BLANK);
	size_t len = strlen(text);

	while (len && strchr(BLANK, text[len - 1]))
		len--;
	text[len] = '\0';
	if (!len)
		return wrong(why, size, "reason: say one");
	if (len >= MQG_TEXT_MAX)
		return wrong(why, size, "the reason has more than %d bytes", MQG_TEXT_MAX - 1);
	if (!shows(text, len))
		return wrong(why, size, "the reason has control characters, or is not UTF-8");
	out->text = text;
	return 0;
}

static int read_rest(char *rest, struct mqg_line *out, char *why, size_t size)
{
	char *word = next(&rest);
	int err = 0;

	if (word && action_of(word) != MQGATE_ACTION_NONE) {
		out->action = action_of(word);
		word = next(&rest);
	} else if (word && word[0] >= 'a' && word[0] <= 'z' && strcmp(word, "reason") &&
		   strcmp(word, "forever") && strcmp(word, "until")) {
		return wrong(why, size, "%s: an operator can say drop, reset, limit or pass",
			     word);
	}
	if (word && out->action == MQGATE_ACTION_LIMIT && strstr(word, "/s")) {
		err = read_rate(word, &out->rate, why, size);
		word = next(&rest);
	}
	if (!err && word && strcmp(word, "reason")) {
		err = read_time(word, &rest, out, why, size);
		word = err ? NULL : next(&rest);
	}
	if (err || !word)
		return err;
	if (strcmp(word, "reason"))
		return wrong(why, size, "%s: not understood; mqgate verdict help", word);
	return read_reason(rest, out, why, size);
}

int mqg_line_parse(char *line, struct mqg_line *out, char *why, size_t size)
{
	char *rest = line, *word = next(&rest);
	const char *what;
	int err;

	memset(out, 0, sizeof(*out));
	out->text = "";
	if (!word)
		return 0;
	if (mqg_net_parse(word, &out->net, &what))
		return wrong(why, size, "%s: %s", word, what);
	err = read_rest(rest, out, why, size);
	return err ? err : 1;
}

size_t mqg_line_format(char *buf, size_t size, const struct mqg_net *net,
		       const struct mqgate_verdict *verdict, uint64_t until, const char *text)
{
	char source[MQG_ADDR_STRLEN], rate[24] = "", time[32] = " forever";
	int n;

	if (verdict->action == MQGATE_ACTION_LIMIT && verdict->rate)
		snprintf(rate, sizeof(rate), " %u/s", verdict->rate);
	if (until)
		snprintf(time, sizeof(time), " until %llu", (unsigned long long)until);
	n = snprintf(buf, size, "%s %s%s%s%s%s\n", mqg_net_format(net, source),
		     mqg_action_word(verdict->action), rate, time, text && *text ? " reason " : "",
		     text ? text : "");
	return n < 0 || (size_t)n >= size ? 0 : (size_t)n;
}
