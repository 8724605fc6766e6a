// SPDX-License-Identifier: BSD-2-Clause
/*
 * The filter of known flows. Called by the judge, by attach and by the command; the words are
 * shared with XDP and other threads, and changed by atomics alone.
 */
#include "common/known.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include <bpf/bpf.h>

#include <mqgate/flow_filter.h>

#define BITS_AN_ENTRY	16ULL
#define ORDER_LEAST	4U
#define ORDER_MOST	22U

uint32_t mqg_known_order(uint32_t entries)
{
	uint32_t order = ORDER_LEAST;

	while (order < ORDER_MOST && 64ULL << order < BITS_AN_ENTRY * entries)
		order++;
	return order;
}

static uint64_t state_of(const struct mqg_pins *pins)
{
	return __atomic_load_n(pins->known_words, __ATOMIC_SEQ_CST);
}

static size_t bytes_of(uint32_t order)
{
	return MQGATE_KNOWN_ENTRIES(order) * sizeof(uint64_t);
}

int mqg_known_open(struct mqg_pins *pins)
{
	struct bpf_map_info info = {};
	__u32 len = sizeof(info);
	uint32_t order = ORDER_LEAST;
	uint64_t none = 0;
	void *words;
	int err = bpf_obj_get_info_by_fd(pins->known, &info, &len);

	if (err)
		return err;
	while (order < ORDER_MOST && MQGATE_KNOWN_ENTRIES(order) < info.max_entries)
		order++;
	if (MQGATE_KNOWN_ENTRIES(order) != info.max_entries)
		return -EPROTO;
	words = mmap(NULL, bytes_of(order), PROT_READ | PROT_WRITE, MAP_SHARED, pins->known, 0);
	if (words == MAP_FAILED)
		return -errno;
	pins->known_words = words;
	pins->known_order = order;
	__atomic_compare_exchange_n(pins->known_words, &none,
				    (uint64_t)order << MQGATE_KNOWN_ORDER_SHIFT, false,
				    __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
	return 0;
}

void mqg_known_close(struct mqg_pins *pins)
{
	if (pins->known_words)
		munmap(pins->known_words, bytes_of(pins->known_order));
	pins->known_words = NULL;
}

static uint64_t hash_of(const struct mqgate_flow_key *key)
{
	__u64 words[sizeof(*key) / sizeof(__u64)];

	memcpy(words, key, sizeof(*key));
	return mqgf_hash(words);
}

static void set_bit(const struct mqg_pins *pins, uint64_t state, uint32_t half, uint64_t hash)
{
	uint64_t *word = pins->known_words + mqgf_word(state, half, hash), bit = mqgf_bit(hash);

	if (!(__atomic_load_n(word, __ATOMIC_RELAXED) & bit))
		__atomic_fetch_or(word, bit, __ATOMIC_SEQ_CST);
}

/* Return: the state that the bits were set by. */
static uint64_t add(const struct mqg_pins *pins, uint64_t hash)
{
	uint64_t state = state_of(pins);

	set_bit(pins, state, state & MQGATE_KNOWN_F_HALF, hash);
	if (state & MQGATE_KNOWN_F_BOTH)
		set_bit(pins, state, !(state & MQGATE_KNOWN_F_HALF), hash);
	return state;
}

int mqg_known_update(const struct mqg_pins *pins, int fd, const struct mqgate_flow_key *key,
		     const void *value, uint64_t flags)
{
	uint64_t hash = hash_of(key), state = add(pins, hash);
	int err = bpf_map_update_elem(fd, key, value, flags);

	if (!err && state_of(pins) != state)
		add(pins, hash);
	return err;
}

void mqg_known_fill(const struct mqg_pins *pins, uint64_t *set, uint64_t *bits)
{
	uint64_t state = state_of(pins), words = 1ULL << pins->known_order;
	const uint64_t *half = pins->known_words + MQGATE_KNOWN_HEADER +
			       (state & MQGATE_KNOWN_F_HALF ? words : 0);

	*set = 0;
	*bits = 64 * words;
	for (uint64_t i = 0; i < words; i++)
		*set += (uint64_t)__builtin_popcountll(__atomic_load_n(&half[i], __ATOMIC_RELAXED));
}

/* ---- anew --------------------------------------------------------------------------- */

static void change(const struct mqg_pins *pins, uint64_t state)
{
	__atomic_store_n(pins->known_words, state + MQGATE_KNOWN_STEP, __ATOMIC_SEQ_CST);
}

void mqg_refill_begin(struct mqg_refill *refill, const struct mqg_pins *pins)
{
	uint64_t state = state_of(pins), words = 1ULL << pins->known_order;
	uint64_t *spare = pins->known_words + MQGATE_KNOWN_HEADER +
			  (state & MQGATE_KNOWN_F_HALF ? 0 : words);

	memset(refill, 0, sizeof(*refill));
	refill->pins = pins;
	/* One that was never ended: nobody is to write what is cleared. */
	if (state & MQGATE_KNOWN_F_BOTH) {
		change(pins, state & ~MQGATE_KNOWN_F_BOTH);
		state = state_of(pins);
	}
	memset(spare, 0, words * sizeof(*spare));
	change(pins, state | MQGATE_KNOWN_F_BOTH);
}

/* Of the half that is not read yet. */
static void take(struct mqg_refill *refill, int count)
{
	const struct mqgate_flow_key *keys = (const void *)refill->walk.keys;
	uint64_t state = state_of(refill->pins);

	for (int i = 0; i < count; i++)
		set_bit(refill->pins, state, !(state & MQGATE_KNOWN_F_HALF), hash_of(&keys[i]));
}

int mqg_refill_step(struct mqg_refill *refill)
{
	const struct mqg_pins *pins = refill->pins;
	int got = 0;

	if (!refill->walking) {
		int err = mqg_walk_begin(&refill->walk, refill->table ? pins->flows : pins->allow);

		refill->walking = true;
		if (err)
			return err;
	}
	got = mqg_walk_next(&refill->walk);
	if (got < 0)
		return got;
	take(refill, got);
	if (got)
		return 1;
	mqg_refill_end(refill);
	if (++refill->table < 2)
		return 1;
	change(pins, (state_of(pins) ^ MQGATE_KNOWN_F_HALF) & ~MQGATE_KNOWN_F_BOTH);
	return 0;
}

void mqg_refill_end(struct mqg_refill *refill)
{
	if (refill->walking)
		mqg_walk_end(&refill->walk);
	refill->walking = false;
}

int mqg_refill(const struct mqg_pins *pins)
{
	struct mqg_refill refill;
	int more;

	mqg_refill_begin(&refill, pins);
	do
		more = mqg_refill_step(&refill);
	while (more == 1);
	mqg_refill_end(&refill);
	return more;
}
