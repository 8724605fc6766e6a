// SPDX-License-Identifier: BSD-2-Clause
/* Decisions of one client; see cache.h. */
#include "policy/cache.h"

#include <stdlib.h>
#include <string.h>

#include "policy/table.h"

#define SETS	4U
#define WAYS	4U

struct entry {
	struct mqg_decision	decision;
	uint8_t			right;
	uint8_t			len;
	uint8_t			topic[MQG_CACHE_TOPIC];
};

struct mqg_cache {
	uint32_t	tags[SETS][WAYS];	/* 0: free */
	uint8_t		next[SETS];
	const struct entry *last;	/* that was found; NULL = none */
	struct entry	entries[SETS][WAYS];
};

_Static_assert(MQG_CACHE_TOPIC <= UINT8_MAX, "the length of a topic that is kept is one byte");

struct mqg_cache *mqg_cache_alloc(void)
{
	return calloc(1, sizeof(struct mqg_cache));
}

void mqg_cache_free(struct mqg_cache *cache)
{
	free(cache);
}

void mqg_cache_clear(struct mqg_cache *cache)
{
	if (!cache)
		return;
	memset(cache->tags, 0, sizeof(cache->tags));
	cache->last = NULL;
}

static bool is_about(const struct entry *entry, enum mqg_right right, const uint8_t *topic,
		     size_t len)
{
	return entry->right == right && entry->len == len && !memcmp(entry->topic, topic, len);
}

static uint32_t tag_of(enum mqg_right right, const uint8_t *topic, size_t len)
{
	return mqg_hash(right, topic, len) | 1U << 31;
}

/* Apart, so that the way that nearly all go saves no registers for it. */
static __attribute__((__noinline__))
const struct mqg_decision *find_elsewhere(struct mqg_cache *cache, enum mqg_right right,
					  const uint8_t *topic, size_t len)
{
	uint32_t tag = tag_of(right, topic, len), set = tag % SETS;

	for (uint32_t way = 0; way < WAYS; way++) {
		const struct entry *entry = &cache->entries[set][way];

		if (cache->tags[set][way] == tag && is_about(entry, right, topic, len)) {
			cache->last = entry;
			return &entry->decision;
		}
	}
	return NULL;
}

const struct mqg_decision *mqg_cache_find(struct mqg_cache *cache, enum mqg_right right,
					  const uint8_t *topic, size_t len)
{
	/* A device speaks of one thing again and again. */
	if (cache->last && is_about(cache->last, right, topic, len))
		return &cache->last->decision;
	return find_elsewhere(cache, right, topic, len);
}

void mqg_cache_keep(struct mqg_cache *cache, enum mqg_right right, const uint8_t *topic,
		    size_t len, struct mqg_decision decision)
{
	uint32_t tag = tag_of(right, topic, len), set = tag % SETS;
	uint32_t way = cache->next[set]++ % WAYS;
	struct entry *entry = &cache->entries[set][way];

	if (len > MQG_CACHE_TOPIC)
		return;
	cache->tags[set][way] = tag;
	entry->decision = decision;
	entry->right = (uint8_t)right;
	entry->len = (uint8_t)len;
	memcpy(entry->topic, topic, len);
}
