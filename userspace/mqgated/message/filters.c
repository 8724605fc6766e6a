// SPDX-License-Identifier: BSD-2-Clause
/* Linear probing over hashes (FNV-1a); removal leaves no marks. See filters.h. */
#include "message/filters.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define LEAST	4U

static uint32_t home_of(const uint8_t *filter, uint16_t len, uint32_t size)
{
	uint64_t hash = 0xcbf29ce484222325ULL;

	for (uint16_t i = 0; i < len; i++)
		hash = (hash ^ filter[i]) * 0x100000001b3ULL;
	return (uint32_t)(hash >> 32) & (size - 1);
}

/* Where it is, or the empty place where it would be. */
static uint32_t place(struct mqg_filter *const *table, uint32_t size, const uint8_t *filter,
		      uint16_t len)
{
	uint32_t i = home_of(filter, len, size);

	while (table[i] && (table[i]->len != len || memcmp(table[i]->text, filter, len)))
		i = (i + 1) & (size - 1);
	return i;
}

static int grow(struct mqg_filters *f)
{
	uint32_t size = f->size ? 2 * f->size : LEAST;
	struct mqg_filter **table = calloc(size, sizeof(struct mqg_filter *));

	if (!table)
		return -ENOMEM;
	for (uint32_t i = 0; i < f->size; i++)
		if (f->table[i])
			table[place(table, size, f->table[i]->text, f->table[i]->len)] =
				f->table[i];
	free(f->table);
	f->table = table;
	f->size = size;
	return 0;
}

static uint32_t bytes_of(const struct mqg_filter *filter)
{
	return (uint32_t)sizeof(*filter) + filter->len + filter->properties;
}

static void clear(struct mqg_filters *f, uint32_t i)
{
	if (!f->table[i])
		return;
	f->bytes -= bytes_of(f->table[i]);
	f->n--;
	free(f->table[i]);
	f->table[i] = NULL;
}

int mqg_filter_set(struct mqg_filters *f, const struct mqg_filter *head, const uint8_t *filter,
		   const uint8_t *properties)
{
	struct mqg_filter *copy;
	uint32_t i;

	if (f->n + 1 > f->size - f->size / 4 && grow(f))
		return -ENOMEM;
	copy = malloc(bytes_of(head));
	if (!copy)
		return -ENOMEM;
	*copy = *head;
	memcpy(copy->text, filter, head->len);
	memcpy(copy->text + head->len, properties, head->properties);
	i = place(f->table, f->size, filter, head->len);
	clear(f, i);
	f->table[i] = copy;
	f->n++;
	f->bytes += bytes_of(copy);
	return 0;
}

void mqg_filter_remove(struct mqg_filters *f, const uint8_t *filter, uint16_t len)
{
	uint32_t i;

	if (!f->size)
		return;
	i = place(f->table, f->size, filter, len);
	if (!f->table[i])
		return;
	clear(f, i);
	if (!f->n) {
		mqg_filters_exit(f);
		return;
	}
	/* What stood behind it may have to stand here. */
	while (f->table[i = (i + 1) & (f->size - 1)]) {
		struct mqg_filter *other = f->table[i];

		f->table[i] = NULL;
		f->table[place(f->table, f->size, other->text, other->len)] = other;
	}
}

void mqg_filters_exit(struct mqg_filters *f)
{
	for (uint32_t i = 0; i < f->size; i++)
		free(f->table[i]);
	free(f->table);
	*f = (struct mqg_filters){ 0 };
}
