// SPDX-License-Identifier: BSD-2-Clause
/* Tables that are built once; see table.h. */
#include "policy/table.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>

#define LEAST		64U
#define HUGE_PAGE	(2UL << 20)

static uint8_t *alloc_slots(size_t bytes)
{
	void *slots;

	if (bytes < 2 * HUGE_PAGE)
		return calloc(1, bytes);
	/* A look-up in a large table misses the TLB, too. */
	bytes = (bytes + HUGE_PAGE - 1) & ~(HUGE_PAGE - 1);
	slots = aligned_alloc(HUGE_PAGE, bytes);
	if (slots) {
		madvise(slots, bytes, MADV_HUGEPAGE);
		memset(slots, 0, bytes);
	}
	return slots;
}

static void *free_slot(struct mqg_table *table, uint32_t hash)
{
	uint32_t at = mqg_table_first(table, hash), word;

	for (;; at = mqg_table_next(table, at)) {
		memcpy(&word, mqg_table_slot(table, at), sizeof(word));
		if (!word)
			return (void *)mqg_table_slot(table, at);
	}
}

static int resize(struct mqg_table *table, uint32_t room, mqg_slot_hash_fn fn, const void *arg)
{
	struct mqg_table old = *table;
	uint32_t word;

	table->slots = alloc_slots((size_t)room * table->width);
	if (!table->slots) {
		table->slots = old.slots;
		return -ENOMEM;
	}
	table->room = room;
	for (uint32_t i = 0; i < old.room; i++) {
		const void *slot = mqg_table_slot(&old, i);

		memcpy(&word, slot, sizeof(word));
		if (word)
			memcpy(free_slot(table, fn(slot, arg)), slot, table->width);
	}
	free(old.slots);
	return 0;
}

void *mqg_table_add(struct mqg_table *table, uint32_t hash, mqg_slot_hash_fn fn, const void *arg)
{
	uint64_t room = table->room ? (uint64_t)table->room * 2 : LEAST;

	if (table->n >= table->room / 2 &&
	    (room > UINT32_MAX || resize(table, (uint32_t)room, fn, arg)))
		return NULL;
	table->n++;
	return free_slot(table, hash);
}

int mqg_table_fit(struct mqg_table *table, mqg_slot_hash_fn fn, const void *arg)
{
	/* One is always free, so that every search ends. */
	return resize(table, table->n + table->n / 2 + 1, fn, arg);
}

void mqg_table_free(struct mqg_table *table)
{
	free(table->slots);
}

int64_t mqg_texts_add(struct mqg_texts *texts, const void *text, size_t len)
{
	int64_t at = (int64_t)texts->len;

	if (len + 1 > texts->room - texts->len) {
		size_t room = texts->room + len + 1 + texts->room / 2;
		char *more = realloc(texts->bytes, room);

		if (!more || room > UINT32_MAX) {
			texts->bytes = more ? more : texts->bytes;
			return -ENOMEM;
		}
		texts->bytes = more;
		texts->room = room;
	}
	memcpy(texts->bytes + texts->len, text, len);
	texts->bytes[texts->len + len] = '\0';
	texts->len += len + 1;
	return at;
}
