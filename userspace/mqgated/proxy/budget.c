// SPDX-License-Identifier: BSD-2-Clause
/*
 * Token buckets by source and for all, and the sources that are known: see budget.h. Two tables of
 * sets of eight entries; a lock guards every 64th set of a table. A bucket is one number, the time
 * at which it will be full again (GCRA: ITU-T I.371, annex A).
 */
#include "proxy/budget.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define WAYS	8
#define LOCKS	64
#define SETS	(MQG_BUDGET_SOURCES / WAYS)
#define NS_PER_S 1000000000ULL

_Static_assert(MQG_BUDGET_SOURCES == MQG_BUDGET_KNOWN, "both tables have as many sets");
_Static_assert((SETS & (SETS - 1)) == 0 && SETS % LOCKS == 0, "sets are found by masks");

/*
 * Of the table of buckets: handshakes under way or waiting, and when the bucket is full. Of the one
 * of known sources: live sessions, and until when it is known without one. An entry that counts
 * something stays; of the others that with the earliest time goes.
 */
struct entry {
	struct mqgate_source_key key;
	uint64_t		time;
	uint32_t		count;
};

struct table {
	pthread_mutex_t		locks[LOCKS];
	struct entry		entries[SETS][WAYS];
};

struct mqg_budget {
	uint64_t		seed[2];
	_Alignas(64) _Atomic uint32_t places;
	_Atomic uint64_t	full;		/* when the bucket of all is */
	_Alignas(64) struct table sources;
	struct table		known;
};

struct mqg_budget *mqg_budget_alloc(void)
{
	size_t size = (sizeof(struct mqg_budget) + 63) & ~(size_t)63;
	struct mqg_budget *budget = aligned_alloc(64, size);

	if (!budget)
		return NULL;
	memset(budget, 0, size);
	for (int i = 0; i < LOCKS; i++) {
		pthread_mutex_init(&budget->sources.locks[i], NULL);
		pthread_mutex_init(&budget->known.locks[i], NULL);
	}
	/* Sources are chosen by strangers: which of them share a set must not be foreseeable. */
	if (getrandom(budget->seed, sizeof(budget->seed), 0) != sizeof(budget->seed)) {
		mqg_budget_free(budget);
		return NULL;
	}
	return budget;
}

void mqg_budget_free(struct mqg_budget *budget)
{
	if (!budget)
		return;
	for (int i = 0; i < LOCKS; i++) {
		pthread_mutex_destroy(&budget->sources.locks[i]);
		pthread_mutex_destroy(&budget->known.locks[i]);
	}
	free(budget);
}

static size_t set_of(const struct mqg_budget *budget, const struct mqgate_source_key *key)
{
	uint64_t word[2], h = budget->seed[0];

	memcpy(word, key->addr, sizeof(word));
	for (int i = 0; i < 2; i++) {
		h = (h ^ word[i]) * 0x9e3779b97f4a7c15ULL;
		h ^= (h >> 29) ^ budget->seed[1];
	}
	h *= 0xbf58476d1ce4e5b9ULL;
	return (h >> 32) & (SETS - 1);
}

static struct entry *find(struct entry *set, const struct mqgate_source_key *key)
{
	for (int i = 0; i < WAYS; i++)
		if (!memcmp(&set[i].key, key, sizeof(*key)))
			return &set[i];
	return NULL;
}

/* NULL where every entry counts something. */
static struct entry *find_or_make(struct entry *set, const struct mqgate_source_key *key)
{
	struct entry *entry = find(set, key);

	if (entry)
		return entry;
	for (int i = 0; i < WAYS; i++)
		if (!set[i].count && (!entry || set[i].time < entry->time))
			entry = &set[i];
	if (entry)
		*entry = (struct entry){ .key = *key };
	return entry;
}

/* Takes a token of a bucket of @burst that fills at @rate a second; @kept of it are left. */
static bool conforms(uint64_t *full, uint64_t now, uint32_t rate, uint32_t burst, uint32_t kept)
{
	uint64_t token = NS_PER_S / rate, at = *full > now ? *full : now;

	if (at - now > (uint64_t)(burst - 1 - kept) * token)
		return false;
	*full = at + token;
	return true;
}

static bool conforms_to_rate(const struct mqg_handshakes *limits, uint64_t *time, uint64_t now)
{
	return !limits->source_rate ||
	       conforms(time, now, limits->source_rate, limits->source_burst, 0);
}

bool mqg_budget_source_spent(struct mqg_budget *budget, const struct mqg_handshakes *limits,
			     const struct mqgate_source_key *source, uint64_t now)
{
	size_t set = set_of(budget, source);
	pthread_mutex_t *lock = &budget->sources.locks[set % LOCKS];
	const struct entry *entry;
	uint64_t time;
	bool spent;

	pthread_mutex_lock(lock);
	entry = find(budget->sources.entries[set], source);
	time = entry ? entry->time : 0;
	spent = entry && !conforms_to_rate(limits, &time, now);
	pthread_mutex_unlock(lock);
	return spent;
}

bool mqg_budget_source_take(struct mqg_budget *budget, const struct mqg_handshakes *limits,
			    const struct mqgate_source_key *source, uint64_t now, bool *counted)
{
	size_t set = set_of(budget, source);
	pthread_mutex_t *lock = &budget->sources.locks[set % LOCKS];
	struct entry *entry;
	bool may = true;

	pthread_mutex_lock(lock);
	entry = find_or_make(budget->sources.entries[set], source);
	if (entry) {
		may = (!limits->source_in_flight || entry->count < limits->source_in_flight) &&
		      conforms_to_rate(limits, &entry->time, now);
		entry->count += may;
	}
	pthread_mutex_unlock(lock);
	*counted = entry && may;
	return may;
}

void mqg_budget_source_give(struct mqg_budget *budget, const struct mqgate_source_key *source)
{
	size_t set = set_of(budget, source);
	pthread_mutex_t *lock = &budget->sources.locks[set % LOCKS];
	struct entry *entry;

	pthread_mutex_lock(lock);
	entry = find(budget->sources.entries[set], source);
	if (entry)
		entry->count--;
	pthread_mutex_unlock(lock);
}

static bool take_token(struct mqg_budget *budget, const struct mqg_handshakes *limits, bool known,
		       uint64_t now)
{
	uint64_t before = atomic_load_explicit(&budget->full, memory_order_relaxed), full;

	do {
		full = before;
		if (!conforms(&full, now, limits->rate, limits->burst,
			      known ? 0 : limits->burst / 4))
			return false;
	} while (!atomic_compare_exchange_weak_explicit(&budget->full, &before, full,
							memory_order_relaxed,
							memory_order_relaxed));
	return true;
}

bool mqg_budget_place_take(struct mqg_budget *budget, const struct mqg_handshakes *limits,
			   bool known, uint64_t now)
{
	uint32_t most = known ? limits->in_flight : limits->in_flight - limits->in_flight / 4;
	uint32_t places = atomic_fetch_add_explicit(&budget->places, 1, memory_order_relaxed);

	if ((!limits->in_flight || places < most) &&
	    (!limits->rate || take_token(budget, limits, known, now)))
		return true;
	mqg_budget_place_give(budget);
	return false;
}

void mqg_budget_place_give(struct mqg_budget *budget)
{
	atomic_fetch_sub_explicit(&budget->places, 1, memory_order_relaxed);
}

uint32_t mqg_budget_places(struct mqg_budget *budget)
{
	return atomic_load_explicit(&budget->places, memory_order_relaxed);
}

/* ---- known sources --------------------------------------------------------------------------- */

bool mqg_budget_known_begin(struct mqg_budget *budget, const struct mqgate_source_key *source,
			    uint64_t now)
{
	size_t set = set_of(budget, source);
	pthread_mutex_t *lock = &budget->known.locks[set % LOCKS];
	struct entry *entry;

	pthread_mutex_lock(lock);
	entry = find_or_make(budget->known.entries[set], source);
	if (entry) {
		entry->count++;
		entry->time = now;
	}
	pthread_mutex_unlock(lock);
	return entry;
}

void mqg_budget_known_end(struct mqg_budget *budget, const struct mqgate_source_key *source,
			  uint64_t now, uint64_t keep)
{
	size_t set = set_of(budget, source);
	pthread_mutex_t *lock = &budget->known.locks[set % LOCKS];
	struct entry *entry;

	pthread_mutex_lock(lock);
	entry = find(budget->known.entries[set], source);
	if (entry) {
		entry->count--;
		entry->time = now + keep;
	}
	pthread_mutex_unlock(lock);
}

bool mqg_budget_known(struct mqg_budget *budget, const struct mqgate_source_key *source,
		      uint64_t now)
{
	size_t set = set_of(budget, source);
	pthread_mutex_t *lock = &budget->known.locks[set % LOCKS];
	const struct entry *entry;
	bool known;

	pthread_mutex_lock(lock);
	entry = find(budget->known.entries[set], source);
	known = entry && (entry->count || entry->time > now);
	pthread_mutex_unlock(lock);
	return known;
}
