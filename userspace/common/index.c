// SPDX-License-Identifier: BSD-2-Clause
/*
 * The indexes of prefixes, one prefix at a time and many at once. Called by whoever writes
 * prefixes; system calls, and memory that belongs to the caller.
 */
#include "common/index.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/bpf.h>

#define CHUNK	4096U

static atomic_uint announced;

unsigned int mqg_index_announced(void)
{
	return announced;
}

uint64_t mqg_addr_high(const uint8_t addr[16])
{
	uint64_t high = 0;

	for (int i = 0; i < 8; i++)
		high = high << 8 | addr[i];
	return high;
}

uint32_t mqg_addr_v4(const uint8_t addr[16])
{
	return (uint32_t)addr[12] << 24 | (uint32_t)addr[13] << 16 | (uint32_t)addr[14] << 8 |
	       addr[15];
}

static int entries_of(int fd, uint32_t *entries)
{
	struct bpf_map_info info = {};
	__u32 len = sizeof(info);
	int err = bpf_obj_get_info_by_fd(fd, &info, &len);

	*entries = info.max_entries;
	return err;
}

/* Blocks of mqgate_index4 as a power of two, and slots of mqgate_index6 likewise. */
struct shape {
	uint32_t	bits4, slots6;
};

static int read_shape(const struct mqg_pins *pins, struct shape *shape)
{
	uint32_t words4, words6;
	int err = entries_of(pins->index4, &words4);

	if (!err)
		err = entries_of(pins->index6, &words6);
	if (err)
		return err;
	shape->bits4 = 0;
	while (shape->bits4 < 24 && 1ULL << shape->bits4 <= words4)
		shape->bits4++;
	shape->slots6 = 4;
	while (shape->slots6 < 1U << 30 && shape->slots6 / 2 <= words6)
		shape->slots6 *= 2;
	return shape->bits4 ? 0 : -EINVAL;
}

static int read_control(const struct mqg_pins *pins, struct mqgate_control *control)
{
	return bpf_map_lookup_elem(pins->control, &(__u32){ 0 }, control);
}

static int write_control(const struct mqg_pins *pins, const struct mqgate_control *control)
{
	return bpf_map_update_elem(pins->control, &(__u32){ 0 }, control, BPF_ANY);
}

/* The blocks of mqgate_index4 that a prefix touches. */
static uint32_t blocks4(const struct shape *shape, const struct mqg_net *net, uint32_t *first)
{
	uint32_t length = net->bits - 96;

	*first = (uint32_t)((uint64_t)mqg_addr_v4(net->addr) >> (32 - shape->bits4));
	return length < shape->bits4 ? 1U << (shape->bits4 - length) : 1;
}

/* The part of word @at that stands for blocks from @first on, @count of them: @bit of each. */
static uint64_t part4(uint32_t at, uint32_t first, uint32_t count, uint32_t bit)
{
	uint64_t part = 0;

	for (uint32_t block = 2 * at; block < 2 * at + 2; block++)
		if (block >= first && block - first < count)
			part |= (uint64_t)bit << MQGATE_INDEX4_SHIFT(block);
	return part;
}

static int set_blocks4(const struct mqg_pins *pins, const struct shape *shape,
		       const struct mqg_net *net)
{
	uint32_t first, count = blocks4(shape, net, &first), bit = 1U << (31 - (net->bits - 96));
	uint32_t at = MQGATE_INDEX4_WORD(first), last = MQGATE_INDEX4_WORD(first + count - 1);
	uint32_t keys[CHUNK], next;
	uint64_t words[CHUNK];
	int err = 0;

	while (!err && at <= last) {
		uint32_t n = last - at < CHUNK ? last - at + 1 : CHUNK, before = at - 1;
		bool missing = false;

		err = bpf_map_lookup_batch(pins->index4, at ? &before : NULL, &next, keys, words,
					   &n, NULL);
		if (err == -ENOENT)
			err = 0;
		if (!err && !n)
			err = -EINVAL;
		for (uint32_t i = 0; !err && i < n; i++) {
			uint64_t part = part4(at + i, first, count, bit);

			missing |= (words[i] & part) != part;
			words[i] |= part;
		}
		at += n;
		if (!err && missing)
			err = bpf_map_update_batch(pins->index4, keys, words, &n, NULL);
	}
	return err;
}

static int set_slot6(const struct mqg_pins *pins, const struct shape *shape,
		     const struct mqg_net *net)
{
	uint32_t slot = MQGATE_INDEX6_SLOT(mqg_addr_high(net->addr), MQGATE_INDEX6_LEVEL(net->bits),
					   shape->slots6);
	uint64_t bit = (uint64_t)MQGATE_INDEX6_BIT(net->bits) << MQGATE_INDEX6_SHIFT(slot), word;
	uint32_t at = MQGATE_INDEX6_WORD(slot);
	int err = bpf_map_lookup_elem(pins->index6, &at, &word);

	if (err || word & bit)
		return err;
	word |= bit;
	return bpf_map_update_elem(pins->index6, &at, &word, BPF_ANY);
}

static int announce_one(const struct mqg_pins *pins, const struct shape *shape,
			const struct mqg_net *net, struct mqgate_control *control)
{
	if (mqg_net_is_v4(net)) {
		control->bits4 = shape->bits4;
		return set_blocks4(pins, shape, net);
	}
	control->slots6 = shape->slots6;
	if (net->bits >= MQGATE_INDEX6_FIRST)
		return set_slot6(pins, shape, net);
	control->lengths6 |= 1ULL << (63 - net->bits);
	return 0;
}

int mqg_net_announce(const struct mqg_pins *pins, const struct mqg_net *nets, size_t count)
{
	struct mqgate_control control, before;
	struct mqgate_source_key key;
	struct shape shape;
	int err = read_shape(pins, &shape);

	announced++;
	if (!err)
		err = read_control(pins, &control);
	before = control;
	for (size_t i = 0; !err && i < count; i++)
		if (!mqg_net_source(&nets[i], &key))
			err = announce_one(pins, &shape, &nets[i], &control);
	if (!err && memcmp(&control, &before, sizeof(control)))
		err = write_control(pins, &control);
	return err;
}

/* ---- many at once --------------------------------------------------------------------- */

int mqg_index_alloc(const struct mqg_pins *pins, struct mqg_index *index)
{
	struct shape shape;
	int err = read_shape(pins, &shape);

	memset(index, 0, sizeof(*index));
	if (err)
		return err;
	index->bits4 = shape.bits4;
	index->slots6 = shape.slots6;
	index->n4 = MQGATE_INDEX4_WORD(1U << shape.bits4);
	index->n6 = MQGATE_INDEX6_WORD(shape.slots6);
	index->words4 = calloc(index->n4, sizeof(*index->words4));
	index->words6 = calloc(index->n6, sizeof(*index->words6));
	index->announced = announced;
	if (index->words4 && index->words6)
		return 0;
	mqg_index_free(index);
	return -ENOMEM;
}

void mqg_index_free(struct mqg_index *index)
{
	free(index->words4);
	free(index->words6);
	memset(index, 0, sizeof(*index));
}

void mqg_index_add(struct mqg_index *index, const struct mqg_net *net)
{
	const struct shape shape = { index->bits4, index->slots6 };
	uint32_t slot, first, count;

	if (mqg_net_is_v4(net)) {
		uint64_t bit = 1ULL << (31 - (net->bits - 96));

		index->any4 = true;
		count = blocks4(&shape, net, &first);
		for (uint32_t block = first; block < first + count; block++)
			index->words4[MQGATE_INDEX4_WORD(block)] |=
				bit << MQGATE_INDEX4_SHIFT(block);
		return;
	}
	index->any6 = true;
	if (net->bits < MQGATE_INDEX6_FIRST) {
		index->lengths6 |= 1ULL << (63 - net->bits);
		return;
	}
	slot = MQGATE_INDEX6_SLOT(mqg_addr_high(net->addr), MQGATE_INDEX6_LEVEL(net->bits),
				  index->slots6);
	index->words6[MQGATE_INDEX6_WORD(slot)] |= (uint64_t)MQGATE_INDEX6_BIT(net->bits)
						   << MQGATE_INDEX6_SHIFT(slot);
}

/* Some words from @at on: what is there is read, and written where that changes it. */
static int write_words(int fd, uint32_t at, uint32_t n, const uint64_t *words, bool anew)
{
	uint32_t keys[CHUNK], next, before = at - 1, got = n;
	uint64_t there[CHUNK];
	bool other = false;
	int err = bpf_map_lookup_batch(fd, at ? &before : NULL, &next, keys, there, &got, NULL);

	if (err == -ENOENT)
		err = 0;
	if (!err && got != n)
		err = -EINVAL;
	for (uint32_t i = 0; !err && i < n; i++) {
		uint64_t word = anew ? words[i] : there[i] | words[i];

		other |= word != there[i];
		there[i] = word;
	}
	return err || !other ? err : bpf_map_update_batch(fd, keys, there, &n, NULL);
}

/* Which families and lengths there are, before the prefixes or after them. */
static int write_shape(const struct mqg_pins *pins, const struct mqg_index *index, bool anew)
{
	struct mqgate_control control, before;
	int err = read_control(pins, &control);

	before = control;
	if (anew)
		control.bits4 = control.slots6 = 0;
	if (index->any4)
		control.bits4 = index->bits4;
	if (index->any6)
		control.slots6 = index->slots6;
	control.lengths6 = (anew ? 0 : control.lengths6) | index->lengths6;
	if (err || !memcmp(&control, &before, sizeof(control)))
		return err;
	return write_control(pins, &control);
}

int mqg_index_write(const struct mqg_pins *pins, struct mqg_index *index, bool anew)
{
	bool second = index->at >= index->n4;
	uint32_t at = second ? index->at - index->n4 : index->at;
	uint32_t end = second ? index->n6 : index->n4;
	uint32_t n = end - at < CHUNK ? end - at : CHUNK;
	int err;

	if (anew && index->announced != announced)
		return -EAGAIN;
	err = write_words(second ? pins->index6 : pins->index4, at, n,
			  (second ? index->words6 : index->words4) + at, anew);
	index->at += n;
	if (err || index->at < index->n4 + index->n6)
		return err ? err : 1;
	return write_shape(pins, index, anew);
}

static int add_prefix(const struct mqg_net *net, const struct mqgate_verdict *verdict, void *arg)
{
	(void)verdict;
	mqg_index_add(arg, net);
	return 0;
}

int mqg_net_reindex(const struct mqg_pins *pins)
{
	struct mqg_index index;
	int err = mqg_index_alloc(pins, &index);

	if (err)
		return err;
	err = mqg_net_prefix_each(pins, add_prefix, &index);
	while (!err && index.at < index.n4 + index.n6) {
		err = mqg_index_write(pins, &index, true);
		if (err > 0)
			err = 0;
	}
	mqg_index_free(&index);
	return err;
}
