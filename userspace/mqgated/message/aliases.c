// SPDX-License-Identifier: BSD-2-Clause
/* A table that is as large as the largest alias so far asks for; see aliases.h. */
#include "message/aliases.h"

#include <stdlib.h>
#include <string.h>

#define LEAST	8U

void mqg_aliases_exit(struct mqg_aliases *aliases)
{
	for (uint32_t i = 0; i < aliases->size; i++)
		free(aliases->table[i].topic);
	free(aliases->table);
	aliases->table = NULL;
	aliases->size = 0;
	aliases->bytes = 0;
}

struct mqg_alias *mqg_alias_find(struct mqg_aliases *aliases, uint16_t number)
{
	if (number >= aliases->size || !aliases->table[number].topic)
		return NULL;
	return &aliases->table[number];
}

static bool reach(struct mqg_aliases *aliases, uint16_t number, uint16_t most)
{
	uint32_t size = aliases->size ? aliases->size : LEAST;
	struct mqg_alias *table;

	while (size <= number)
		size *= 2;
	if (size > most + 1U)
		size = most + 1U;
	if (size <= aliases->size)
		return number < aliases->size;
	table = realloc(aliases->table, size * sizeof(*table));
	if (!table)
		return false;
	memset(table + aliases->size, 0, (size - aliases->size) * sizeof(*table));
	aliases->table = table;
	aliases->size = size;
	return true;
}

struct mqg_alias *mqg_alias_set(struct mqg_aliases *aliases, uint16_t number, uint16_t most,
				const uint8_t *topic, uint16_t len)
{
	struct mqg_alias *alias;
	uint8_t *copy;

	if (!reach(aliases, number, most))
		return NULL;
	alias = &aliases->table[number];
	/* Most who set one twice set it to the same. */
	if (alias->topic && alias->len == len && !memcmp(alias->topic, topic, len))
		return alias;
	if (aliases->bytes - alias->len + len > MQG_ALIASES_MAX)
		return NULL;
	copy = malloc(len);
	if (!copy)
		return NULL;
	memcpy(copy, topic, len);
	aliases->bytes += (uint32_t)len - alias->len;
	free(alias->topic);
	*alias = (struct mqg_alias){ .topic = copy, .len = len };
	return alias;
}
