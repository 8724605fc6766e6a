// SPDX-License-Identifier: BSD-2-Clause
/*
 * Sets of verdicts: read from text, sorted, searched. Called by the loader, the command and the
 * state files; a set belongs to one thread.
 */
#include "common/set.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define NS_PER_S	1000000000ULL

void mqg_set_free(struct mqg_set *set)
{
	free(set->items);
	free(set->texts);
	memset(set, 0, sizeof(*set));
}

const char *mqg_set_text(const struct mqg_set *set, const struct mqg_item *item)
{
	return item->text ? set->texts + item->text : "";
}

static int keep_text(struct mqg_set *set, const char *text, uint32_t *at)
{
	size_t len = strlen(text) + 1, room;
	char *texts;

	*at = 0;
	if (len == 1)
		return 0;
	if (!set->texts_len)
		set->texts_len = 1;
	if (set->texts_len + len > set->texts_room) {
		room = 2 * (set->texts_room + len) + 4096;
		texts = room > UINT32_MAX ? NULL : realloc(set->texts, room);
		if (!texts)
			return -ENOMEM;
		texts[0] = '\0';
		set->texts = texts;
		set->texts_room = room;
	}
	memcpy(set->texts + set->texts_len, text, len);
	*at = (uint32_t)set->texts_len;
	set->texts_len += len;
	return 0;
}

int mqg_set_add(struct mqg_set *set, const struct mqg_line *line)
{
	uint64_t now = mqg_boottime_ns(), wall = (uint64_t)time(NULL);
	struct mqg_item *item;
	size_t room;
	int err;

	if (line->until && line->until <= wall) {
		set->expired++;
		return 0;
	}
	if (set->count == set->room) {
		if (set->count >= MQG_SET_MAX)
			return -E2BIG;
		room = set->room ? 2 * set->room : 1024;
		item = reallocarray(set->items, room, sizeof(*item));
		if (!item)
			return -ENOMEM;
		set->items = item;
		set->room = room;
	}
	item = &set->items[set->count];
	memset(item, 0, sizeof(*item));
	err = keep_text(set, line->text, &item->text);
	if (err)
		return err;
	item->net = line->net;
	item->action = line->action == MQGATE_ACTION_NONE ? MQGATE_ACTION_DROP : line->action;
	item->rate = line->rate;
	if (line->until)
		item->expires = now + (line->until - wall) * NS_PER_S;
	else if (line->ns)
		item->expires = now + line->ns;
	set->count++;
	return 0;
}

static int read_line(struct mqg_set *set, const char *text, size_t len, const char *name, char *why,
		     size_t size)
{
	char buf[MQG_LINE_MAX + 1], what[512];
	struct mqg_line line;
	int err;

	set->lines++;
	if (len > MQG_LINE_MAX || memchr(text, '\0', len)) {
		snprintf(why, size, "%s:%llu: %s", name, (unsigned long long)set->lines,
			 len > MQG_LINE_MAX ? "a line of more than 1024 bytes" :
					      "a byte of zero: not a text");
		return -EINVAL;
	}
	memcpy(buf, text, len);
	buf[len] = '\0';
	err = mqg_line_parse(buf, &line, what, sizeof(what));
	if (err < 0) {
		snprintf(why, size, "%s:%llu: %s", name, (unsigned long long)set->lines, what);
		return err;
	}
	err = err ? mqg_set_add(set, &line) : 0;
	if (err)
		snprintf(why, size, "%s:%llu: %s", name, (unsigned long long)set->lines,
			 err == -E2BIG ? "more verdicts than a list may have (16 million)" :
					 "no memory for more verdicts");
	return err;
}

int mqg_set_read(struct mqg_set *set, const char *text, size_t len, const char *name, char *why,
		 size_t size)
{
	int err = 0;

	while (!err && len) {
		const char *end = memchr(text, '\n', len);
		size_t line = end ? (size_t)(end - text) : len, used = line + (end != NULL);

		err = read_line(set, text, line, name, why, size);
		text += used;
		len -= used;
	}
	return err;
}

static int compare_nets(const struct mqg_net *a, const struct mqg_net *b)
{
	int order = memcmp(a->addr, b->addr, sizeof(a->addr));

	return order ? order : (a->bits > b->bits) - (a->bits < b->bits);
}

static int compare(const void *a, const void *b)
{
	return compare_nets(&((const struct mqg_item *)a)->net, &((const struct mqg_item *)b)->net);
}

/* Merges two sorted runs of @items into @out: a stable sort, which qsort() does not promise. */
static void merge(const struct mqg_item *items, size_t begin, size_t middle, size_t end,
		  struct mqg_item *out)
{
	size_t left = begin, right = middle;

	for (size_t i = begin; i < end; i++) {
		bool take_left = left < middle &&
				 (right >= end || compare(&items[left], &items[right]) <= 0);

		out[i] = items[take_left ? left++ : right++];
	}
}

static int sort(struct mqg_set *set)
{
	struct mqg_item *from = set->items, *to;

	if (!set->count)
		return 0;
	to = malloc(set->count * sizeof(*to));
	if (!to)
		return -ENOMEM;
	for (size_t run = 1; run < set->count; run *= 2) {
		struct mqg_item *swap = from;

		for (size_t i = 0; i < set->count; i += 2 * run) {
			size_t middle = i + run < set->count ? i + run : set->count;
			size_t end = i + 2 * run < set->count ? i + 2 * run : set->count;

			merge(from, i, middle, end, to);
		}
		from = to;
		to = swap;
	}
	set->items = from;
	set->room = set->count;
	free(to);
	return 0;
}

int mqg_set_unite(struct mqg_set *set, size_t *twice)
{
	size_t kept = 0, count = set->count;
	int err = sort(set);

	*twice = 0;
	if (err)
		return err;
	for (size_t i = 0; i < count; i++)
		if (i + 1 == count || compare(&set->items[i], &set->items[i + 1]))
			set->items[kept++] = set->items[i];
	set->count = kept;
	*twice = count - kept;
	return 0;
}

const struct mqg_item *mqg_set_find(const struct mqg_set *set, const struct mqg_net *net)
{
	const struct mqg_item key = { .net = *net };

	return set->count ? bsearch(&key, set->items, set->count, sizeof(key), compare) : NULL;
}
