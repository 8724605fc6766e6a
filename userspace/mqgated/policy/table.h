/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Open addressing with linear probing, for what is compiled once and then only read: slots of one
 * width that hold no pointers, so that a look-up costs one cache line. A slot is free while its
 * first four bytes are zero. Keys come from the configuration alone; nobody outside can fill a
 * chain. Also the texts that slots name by their offset. Written by whoever builds, no lock.
 */
#ifndef MQG_POLICY_TABLE_H
#define MQG_POLICY_TABLE_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct mqg_table {
	uint8_t		*slots;
	uint32_t	width;		/* bytes of a slot */
	uint32_t	n, room;
};

struct mqg_texts {
	char		*bytes;
	size_t		len, room;
};

/* Of a slot of the table that is to grow; @arg as it was given. */
typedef uint32_t (*mqg_slot_hash_fn)(const void *slot, const void *arg);

/*
 * The free slot for what hashes to @hash, in a table that has grown where it had to. It counts as
 * taken. Return: NULL for want of memory.
 */
void *mqg_table_add(struct mqg_table *table, uint32_t hash, mqg_slot_hash_fn fn, const void *arg);

/* Three slots for two that are taken; after it nothing is added. Return: 0 or -ENOMEM. */
int mqg_table_fit(struct mqg_table *table, mqg_slot_hash_fn fn, const void *arg);
void mqg_table_free(struct mqg_table *table);

/* Appends @len bytes and a NUL. Return: their offset, or -ENOMEM. */
int64_t mqg_texts_add(struct mqg_texts *texts, const void *text, size_t len);

/* The slots that may hold what hashes to @hash: from here on, up to a free one. */
static inline uint32_t mqg_table_first(const struct mqg_table *table, uint32_t hash)
{
	return (uint32_t)(((uint64_t)hash * table->room) >> 32);
}

static inline uint32_t mqg_table_next(const struct mqg_table *table, uint32_t at)
{
	return at + 1 == table->room ? 0 : at + 1;
}

static inline const void *mqg_table_slot(const struct mqg_table *table, uint32_t at)
{
	return table->slots + (size_t)at * table->width;
}

static inline uint64_t mqg_hash_mix(uint64_t a, uint64_t b)
{
	unsigned __int128 product = (unsigned __int128)a * b;

	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static inline uint32_t mqg_hash(uint64_t seed, const void *data, size_t len)
{
	const uint8_t *p = data;
	uint64_t h = seed ^ 0x9e3779b97f4a7c15ULL, word;

	for (; len >= sizeof(word); p += sizeof(word), len -= sizeof(word)) {
		memcpy(&word, p, sizeof(word));
		h = mqg_hash_mix(h ^ word, 0xd6e8feb86659fd93ULL);
	}
	word = 0;
	memcpy(&word, p, len);
	h = mqg_hash_mix(h ^ word ^ (uint64_t)(len + 1) << 56, 0xa0761d6478bd642fULL);
	return (uint32_t)(h >> 32);
}

#endif
