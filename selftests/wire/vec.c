// SPDX-License-Identifier: BSD-2-Clause
/*
 * The vector files, read line by line: columns cut at '|', the payload assembled by a small
 * recursive reader. Owned by whoever calls vec_load(); no lock.
 */
#include "vec.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <mqgate/wire.h>

#define PAYLOAD_MAX	(1U << 18)
#define COLUMNS		5

struct bytes {
	uint8_t		*data;
	uint32_t	len;
};

static const char *const words[MQGATE_REASON_MAX] = {
#define WORD(number, symbol, word, text) [number] = word,
	MQGATE_REASON_LIST(WORD)
#undef WORD
};

int vec_reason(const char *word)
{
	for (int i = 0; i < MQGATE_REASON_MAX; i++)
		if (words[i] && !strcmp(words[i], word))
			return i;
	return -1;
}

const char *vec_reason_word(uint32_t reason)
{
	return reason < MQGATE_REASON_MAX && words[reason] ? words[reason] : "?";
}

static int put(struct bytes *b, uint32_t value)
{
	if (b->len == PAYLOAD_MAX)
		return -1;
	b->data[b->len++] = (uint8_t)value;
	return 0;
}

/* Opens a gap of @n bytes at @at. */
static int gap(struct bytes *b, uint32_t at, uint32_t n)
{
	if (n > PAYLOAD_MAX - b->len)
		return -1;
	memmove(b->data + at + n, b->data + at, b->len - at);
	b->len += n;
	return 0;
}

/* Puts the length of what follows @at before it: @close tells how it is written. */
static int prefix(struct bytes *b, uint32_t at, char close)
{
	uint32_t n = b->len - at, width = 0, rest = n;

	if (close == '}') {
		do {
			uint32_t low = rest & 0x7F;

			rest >>= 7;
			if (gap(b, at + width, 1))
				return -1;
			b->data[at + width++] = (uint8_t)(low | (rest ? 0x80 : 0));
		} while (rest);
		return 0;
	}
	width = close == ')' ? 1 : close == ']' ? 2 : 3;
	if (n >> (8 * width) || gap(b, at, width))
		return -1;
	for (uint32_t i = 0; i < width; i++)
		b->data[at + i] = (uint8_t)(n >> (8 * (width - 1 - i)));
	return 0;
}

/* The two hex digits at @p, or -1. */
static int byte(const char *p)
{
	char digits[3] = { p[0], p[0] ? p[1] : 0, 0 };

	if (!isxdigit((unsigned char)digits[0]) || !isxdigit((unsigned char)digits[1]))
		return -1;
	return (int)strtol(digits, NULL, 16);
}

/* One group, up to @close; returns what follows it, or NULL. */
static const char *group(const char *p, struct bytes *b, char close)
{
	static const char open[] = "{([<", closing[] = "})]>";
	uint32_t last = b->len;

	for (;;) {
		while (*p == ' ' || *p == '\t')
			p++;
		if (*p == close)
			return *p ? p + 1 : p;
		if (*p == '*') {	/* what stands before it, so many times */
			uint32_t n = b->len - last;
			unsigned long times = strtoul(p + 1, (char **)&p, 10);

			while (times-- > 1)
				for (uint32_t i = 0; i < n; i++)
					if (put(b, b->data[last + i]))
						return NULL;
			continue;
		}
		last = b->len;
		if (*p == '\'') {
			for (p++; *p && *p != '\''; p++)
				if (put(b, (uint8_t)*p))
					return NULL;
			if (*p++ != '\'')
				return NULL;
		} else if (*p && strchr(open, *p)) {
			char mate = closing[strchr(open, *p) - open];

			p = group(p + 1, b, mate);
			if (!p || prefix(b, last, mate))
				return NULL;
		} else if (byte(p) >= 0) {
			for (; byte(p) >= 0; p += 2)
				if (put(b, (uint32_t)byte(p)))
					return NULL;
		} else {
			return NULL;
		}
	}
}

static char *trim(char *s)
{
	char *end = s + strlen(s);

	while (isspace((unsigned char)*s))
		s++;
	while (end > s && isspace((unsigned char)end[-1]))
		*--end = 0;
	return s;
}

/* Cuts a line into its columns and fills @v; a word of complaint, or NULL when it is good. */
static const char *parse(char *line, struct vec *v)
{
	char *column[COLUMNS] = { "", "", "", "", "" };
	struct bytes b = { 0 };
	int n = 0, reason;

	for (char *p = line; p && n < COLUMNS; n++) {
		char *bar = n < COLUMNS - 1 ? strchr(p, '|') : NULL;

		if (bar)
			*bar++ = 0;
		column[n] = trim(p);
		p = bar;
	}
	if (n < 4)
		return "expected: name | answer | number | bytes [| fields]";
	if (!strcmp(column[1], "ok")) {
		v->status = MQW_OK;
	} else if (!strcmp(column[1], "more")) {
		v->status = MQW_NEED_MORE;
	} else {
		reason = vec_reason(column[1]);
		if (reason < MQGATE_REASON_FIRST_DROP)
			return "answer is neither ok nor more nor the word of a reason";
		v->status = MQW_MALFORMED;
		v->reason = (uint32_t)reason;
	}
	b.data = malloc(PAYLOAD_MAX);
	if (!b.data || !group(column[3], &b, 0)) {
		free(b.data);
		return "the bytes are not in the notation that connect.vec explains";
	}
	v->number = atoi(column[2]);
	v->name = strdup(column[0]);
	v->fields = strdup(column[4]);
	/* to size, so that a sanitizer sees a parser that reads on */
	v->bytes = realloc(b.data, b.len ? b.len : 1);
	v->len = b.len;
	return v->name && v->fields && v->bytes ? NULL : "no memory";
}

int vec_load(const char *path, struct vec **out, size_t *n)
{
	FILE *file = fopen(path, "r");
	char *line = NULL;
	size_t size = 0;
	int lineno = 0, rc = 0;

	*out = NULL;
	*n = 0;
	if (!file) {
		perror(path);
		return -1;
	}
	while (!rc && getline(&line, &size, file) > 0) {
		const char *why = "no memory";
		struct vec *more;

		lineno++;
		if (*trim(line) == 0 || *trim(line) == '#')
			continue;
		more = realloc(*out, (*n + 1) * sizeof(**out));
		if (more) {
			*out = more;
			memset(&more[*n], 0, sizeof(*more));
			why = parse(line, &more[*n]);
			(*n)++;
		}
		if (why) {
			fprintf(stderr, "%s:%d: %s\n", path, lineno, why);
			rc = -1;
		}
	}
	free(line);
	fclose(file);
	return rc;
}

void vec_free(struct vec *vecs, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		free(vecs[i].name);
		free(vecs[i].fields);
		free(vecs[i].bytes);
	}
	free(vecs);
}

const char *vec_field(const struct vec *v, const char *key, char *buf, size_t size)
{
	const char *p = v->fields;
	size_t len = strlen(key);

	while (*p) {
		size_t word = strcspn(p, " ");

		if (word > len && p[len] == '=' && !strncmp(p, key, len)) {
			snprintf(buf, size, "%.*s", (int)(word - len - 1), p + len + 1);
			return buf;
		}
		p += word;
		p += strspn(p, " ");
	}
	return NULL;
}
