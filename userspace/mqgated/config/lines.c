/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The map from key paths to lines, made of libyaml's events. Called by mqg_config_load() in the
 * main thread; no lock.
 */
#include "config/lines.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>
#include <yaml.h>

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

#define DEPTH_MAX	16

struct entry {
	char		*path;
	char		*value;		/* NULL: a mapping or a list */
	unsigned int	line;
	UT_hash_handle	hh;
};

struct mqg_lines {
	struct entry	*entries;	/* by path, and in the order of the file */
	struct entry	*last;
};

struct frame {
	bool		sequence;
	bool		have_key;	/* mapping: the key has come, its value has not */
	size_t		index;		/* sequence: of the next entry */
	size_t		parent_len;	/* of the path that leads to this node */
};

struct walk {
	struct mqg_lines	*lines;
	struct frame		frames[DEPTH_MAX];
	size_t			depth;
	char			path[MQG_PATH_MAX];
	size_t			documents;
	unsigned int		*line;
	char			*why;
	size_t			wsize;
};

__attribute__((format(printf, 3, 4))) static int fail(struct walk *walk, size_t mark,
						      const char *format, ...)
{
	va_list args;

	*walk->line = (unsigned int)mark + 1;
	va_start(args, format);
	vsnprintf(walk->why, walk->wsize, format, args);
	va_end(args);
	return -EINVAL;
}

static const struct entry *find(const struct mqg_lines *lines, const char *path)
{
	struct entry *entry;

	HASH_FIND_STR(lines->entries, path, entry);
	return entry;
}

static int add(struct mqg_lines *lines, const char *path, unsigned int line)
{
	struct entry *entry = calloc(1, sizeof(*entry));
	const char *key = entry ? strdup(path) : NULL;

	if (!key) {
		free(entry);
		return -ENOMEM;
	}
	entry->path = (char *)key;
	entry->line = line;
	HASH_ADD_KEYPTR(hh, lines->entries, key, strlen(key), entry);
	if (!entry->hh.tbl) {
		free(entry->path);
		free(entry);
		return -ENOMEM;
	}
	lines->last = entry;
	return 0;
}

/* A value begins: appends its index where it is an entry of a sequence, and notes its line. */
static int begin_value(struct walk *walk, size_t mark)
{
	struct frame *frame;
	size_t len;

	if (!walk->depth)
		return 0;
	frame = &walk->frames[walk->depth - 1];
	if (!frame->sequence)
		return 0;
	len = frame->parent_len;
	if (snprintf(walk->path + len, sizeof(walk->path) - len, "[%zu]", frame->index++) >=
	    (int)(sizeof(walk->path) - len))
		return fail(walk, mark, "keys nest too deep; see the example configuration");
	return add(walk->lines, walk->path, (unsigned int)mark + 1);
}

/* A value is complete: the path is that of its parent again. */
static void end_value(struct walk *walk)
{
	struct frame *frame;

	if (!walk->depth)
		return;
	frame = &walk->frames[walk->depth - 1];
	frame->have_key = false;
	walk->path[frame->parent_len] = '\0';
}

static int take_key(struct walk *walk, const char *key, size_t mark)
{
	size_t len = walk->frames[walk->depth - 1].parent_len;
	const struct entry *other;
	int n;

	n = snprintf(walk->path + len, sizeof(walk->path) - len, "%s%s", len ? "." : "", key);
	if (n >= (int)(sizeof(walk->path) - len))
		return fail(walk, mark, "a key of %zu bytes; no key is that long", strlen(key));
	other = find(walk->lines, walk->path);
	if (other)
		return fail(walk, mark, "%s: given twice, first on line %u; remove one of them",
			    walk->path, other->line);
	walk->frames[walk->depth - 1].have_key = true;
	return add(walk->lines, walk->path, (unsigned int)mark + 1);
}

/* Of the entry that was added last: its key's, or its own in a list. */
static int keep_value(struct mqg_lines *lines, const yaml_event_t *event)
{
	struct entry *entry = lines->last;

	entry->value = strdup((const char *)event->data.scalar.value);
	return entry->value ? 0 : -ENOMEM;
}

static int push(struct walk *walk, bool sequence, size_t mark)
{
	struct frame *frame;

	if (walk->depth == DEPTH_MAX)
		return fail(walk, mark, "keys nest too deep; see the example configuration");
	frame = &walk->frames[walk->depth++];
	memset(frame, 0, sizeof(*frame));
	frame->sequence = sequence;
	frame->parent_len = strlen(walk->path);
	return 0;
}

static bool key_expected(const struct walk *walk)
{
	return walk->depth && !walk->frames[walk->depth - 1].sequence &&
	       !walk->frames[walk->depth - 1].have_key;
}

static int take_event(struct walk *walk, const yaml_event_t *event)
{
	size_t mark = event->start_mark.line;
	int err;

	switch (event->type) {
	case YAML_DOCUMENT_START_EVENT:
		if (walk->documents++)
			return fail(walk, mark, "a second YAML document; one file holds one");
		return 0;
	case YAML_ALIAS_EVENT:
		return fail(walk, mark, "aliases are not accepted; write the value out");
	case YAML_MAPPING_START_EVENT:
	case YAML_SEQUENCE_START_EVENT:
		if (key_expected(walk))
			return fail(walk, mark, "a key must be a word; see the example "
						"configuration");
		err = begin_value(walk, mark);
		return err ? err : push(walk, event->type == YAML_SEQUENCE_START_EVENT, mark);
	case YAML_MAPPING_END_EVENT:
	case YAML_SEQUENCE_END_EVENT:
		walk->depth--;
		end_value(walk);
		return 0;
	case YAML_SCALAR_EVENT:
		if (memchr(event->data.scalar.value, 0, event->data.scalar.length))
			return fail(walk, mark, "a byte of zero in a key or value; remove it");
		if (key_expected(walk))
			return take_key(walk, (const char *)event->data.scalar.value, mark);
		if (!walk->depth)
			return fail(walk, mark, "%s",
				    event->data.scalar.length
					    ? "the file is no mapping; write \"key: value\" lines"
					    : "the file is empty; see the example configuration");
		err = begin_value(walk, mark);
		if (!err)
			err = keep_value(walk->lines, event);
		end_value(walk);
		return err;
	default:
		return 0;
	}
}

int mqg_lines_read(const char *text, size_t size, struct mqg_lines **lines, unsigned int *line,
		   char *why, size_t wsize)
{
	struct walk walk = { .line = line, .why = why, .wsize = wsize };
	yaml_parser_t parser;
	yaml_event_t event;
	bool end = false;
	int err = 0;

	*lines = NULL;
	walk.lines = calloc(1, sizeof(*walk.lines));
	if (!walk.lines)
		return -ENOMEM;
	if (!yaml_parser_initialize(&parser)) {
		free(walk.lines);
		return -ENOMEM;
	}
	yaml_parser_set_input_string(&parser, (const unsigned char *)text, size);
	while (!end && !err) {
		if (!yaml_parser_parse(&parser, &event)) {
			size_t mark = parser.problem_mark.line ? parser.problem_mark.line
							       : parser.context_mark.line;

			err = fail(&walk, mark,
				   "not YAML: %s%s%s; mind indentation, quotes and colons",
				   parser.problem ? parser.problem : "unreadable",
				   parser.context ? " " : "", parser.context ? parser.context : "");
			break;
		}
		end = event.type == YAML_STREAM_END_EVENT;
		err = take_event(&walk, &event);
		yaml_event_delete(&event);
	}
	yaml_parser_delete(&parser);
	if (!err && !walk.documents)
		err = fail(&walk, 0, "the file is empty; see the example configuration");
	if (err) {
		mqg_lines_free(walk.lines);
		return err;
	}
	*lines = walk.lines;
	return 0;
}

void mqg_lines_free(struct mqg_lines *lines)
{
	struct entry *entry, *next;

	if (!lines)
		return;
	HASH_ITER(hh, lines->entries, entry, next) {
		HASH_DEL(lines->entries, entry);
		free(entry->path);
		/* It may be a password. */
		if (entry->value)
			OPENSSL_cleanse(entry->value, strlen(entry->value));
		free(entry->value);
		free(entry);
	}
	free(lines);
}

int mqg_lines_each(const struct mqg_lines *lines, mqg_value_fn fn, void *arg)
{
	const struct entry *entry;
	int answer = 0;

	for (entry = lines->entries; entry && !answer; entry = entry->hh.next)
		if (entry->value)
			answer = fn(entry->path, entry->value, arg);
	return answer;
}

bool mqg_lines_has(const struct mqg_lines *lines, const char *path)
{
	return find(lines, path);
}

unsigned int mqg_lines_lookup(const struct mqg_lines *lines, const char *path)
{
	char parent[MQG_PATH_MAX];
	const struct entry *entry;

	snprintf(parent, sizeof(parent), "%s", path);
	while (parent[0]) {
		char *dot, *bracket;

		entry = find(lines, parent);
		if (entry)
			return entry->line;
		dot = strrchr(parent, '.');
		bracket = strrchr(parent, '[');
		if (bracket && (!dot || bracket > dot))
			*bracket = '\0';
		else if (dot)
			*dot = '\0';
		else
			break;
	}
	return 1;
}
