// SPDX-License-Identifier: BSD-2-Clause
/* A set of hashes (FNV-1a, 64 bits); see subscriptions.h. */
#include "message/subscriptions.h"

#include <stdlib.h>

#define LEAST	8U

static uint64_t hash_of(const uint8_t *filter, size_t len)
{
	uint64_t hash = 0xcbf29ce484222325ULL;

	for (size_t i = 0; i < len; i++)
		hash = (hash ^ filter[i]) * 0x100000001b3ULL;
	return hash ? hash : 1;
}

/* Where it is, or the empty place where it would be. */
static uint32_t place(const uint64_t *table, uint32_t size, uint64_t hash)
{
	uint32_t i = (uint32_t)(hash >> 32) & (size - 1);

	while (table[i] && table[i] != hash)
		i = (i + 1) & (size - 1);
	return i;
}

static bool grow(struct mqg_subscriptions *s)
{
	uint32_t size = s->size ? 2 * s->size : LEAST;
	uint64_t *table = calloc(size, sizeof(*table));

	if (!table)
		return false;
	for (uint32_t i = 0; i < s->size; i++)
		if (s->table[i])
			table[place(table, size, s->table[i])] = s->table[i];
	free(s->table);
	s->table = table;
	s->size = size;
	return true;
}

bool mqg_subscriptions_add(struct mqg_subscriptions *s, const uint8_t *filter, size_t len,
			   uint32_t most)
{
	uint64_t hash = hash_of(filter, len);

	if (s->size && s->table[place(s->table, s->size, hash)])
		return true;
	if (s->n >= most || (s->n + 1 > s->size - s->size / 4 && !grow(s)))
		return false;
	s->table[place(s->table, s->size, hash)] = hash;
	s->n++;
	return true;
}

void mqg_subscriptions_remove(struct mqg_subscriptions *s, const uint8_t *filter, size_t len)
{
	uint64_t hash = hash_of(filter, len);
	uint32_t i;

	if (!s->size)
		return;
	i = place(s->table, s->size, hash);
	if (!s->table[i])
		return;
	s->table[i] = 0;
	s->n--;
	if (!s->n)
		mqg_subscriptions_exit(s);
	/* What stood behind it may have to stand here. */
	while (s->size && s->table[i = (i + 1) & (s->size - 1)]) {
		uint64_t other = s->table[i];

		s->table[i] = 0;
		s->table[place(s->table, s->size, other)] = other;
	}
}

void mqg_subscriptions_exit(struct mqg_subscriptions *s)
{
	free(s->table);
	*s = (struct mqg_subscriptions){ 0 };
}
