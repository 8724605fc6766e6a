// SPDX-License-Identifier: BSD-2-Clause
/*
 * Verdicts on networks in the pinned maps, and the indexes that tell XDP which prefix lengths
 * are worth asking for. A bit of an index is set before its prefix is written, so that XDP
 * never misses one; it stays when the prefix goes, until the index is made anew. Made of
 * system calls; changes by one writer at a time (net.h says who).
 */
#include "common/net.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/bpf.h>

#include "common/batch.h"

#define CHUNK	4096U

/* The map of a network that is no source, and its key there. */
static int map_of(const struct mqg_pins *pins, const struct mqg_net *net, union mqg_net_key *key)
{
	memset(key, 0, sizeof(*key));
	if (mqg_net_is_v4(net)) {
		key->v4.length = net->bits - 96;
		memcpy(key->v4.addr, net->addr + 12, sizeof(key->v4.addr));
		return pins->prefix4;
	}
	key->v6.length = net->bits;
	memcpy(key->v6.addr, net->addr, sizeof(key->v6.addr));
	return pins->prefix6;
}

static void net_of_key4(const struct mqgate_prefix4_key *key, struct mqg_net *net)
{
	*net = (struct mqg_net){ .addr = { [10] = 0xff, [11] = 0xff }, .bits = 96 + key->length };
	memcpy(net->addr + 12, key->addr, sizeof(key->addr));
}

static void net_of_key6(const struct mqgate_prefix6_key *key, struct mqg_net *net)
{
	net->bits = key->length;
	memcpy(net->addr, key->addr, sizeof(net->addr));
}

/* ---- the indexes -------------------------------------------------------------- */

static uint64_t high_of(const uint8_t addr[16])
{
	uint64_t high = 0;

	for (int i = 0; i < 8; i++)
		high = high << 8 | addr[i];
	return high;
}

static uint32_t v4_of(const uint8_t addr[16])
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

	*first = (uint32_t)((uint64_t)v4_of(net->addr) >> (32 - shape->bits4));
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
	uint32_t slot = MQGATE_INDEX6_SLOT(high_of(net->addr), MQGATE_INDEX6_LEVEL(net->bits),
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

struct reindexing {
	struct shape		shape;
	uint64_t		*words4, *words6;
	struct mqgate_control	control;
	bool			any4, any6;
};

static int reindex4(const void *keys, const void *values, uint32_t count, void *arg)
{
	const struct mqgate_prefix4_key *key = keys;
	struct reindexing *r = arg;

	(void)values;
	r->any4 |= count > 0;
	for (uint32_t i = 0; i < count; i++) {
		struct mqg_net net;
		uint32_t first, n;

		net_of_key4(&key[i], &net);
		if (key[i].length > 31)
			continue;
		n = blocks4(&r->shape, &net, &first);
		for (uint32_t j = first; j < first + n; j++)
			r->words4[MQGATE_INDEX4_WORD(j)] |=
				1ULL << (31 - key[i].length) << MQGATE_INDEX4_SHIFT(j);
	}
	return 0;
}

static int reindex6(const void *keys, const void *values, uint32_t count, void *arg)
{
	const struct mqgate_prefix6_key *key = keys;
	struct reindexing *r = arg;

	(void)values;
	r->any6 |= count > 0;
	for (uint32_t i = 0; i < count; i++) {
		uint32_t length = key[i].length, slot;

		if (length > 63)
			continue;
		if (length < MQGATE_INDEX6_FIRST) {
			r->control.lengths6 |= 1ULL << (63 - length);
			continue;
		}
		slot = MQGATE_INDEX6_SLOT(high_of(key[i].addr), MQGATE_INDEX6_LEVEL(length),
					  r->shape.slots6);
		r->words6[MQGATE_INDEX6_WORD(slot)] |=
			(uint64_t)MQGATE_INDEX6_BIT(length) << MQGATE_INDEX6_SHIFT(slot);
	}
	return 0;
}

static int write_index(int fd, const uint64_t *words, uint32_t entries)
{
	uint32_t keys[CHUNK];
	int err = 0;

	for (uint32_t at = 0; !err && at < entries;) {
		uint32_t n = entries - at < CHUNK ? entries - at : CHUNK;

		for (uint32_t i = 0; i < n; i++)
			keys[i] = at + i;
		err = bpf_map_update_batch(fd, keys, words + at, &n, NULL);
		at += n;
	}
	return err;
}

int mqg_net_reindex(const struct mqg_pins *pins)
{
	struct reindexing r = { .any4 = false };
	int err = read_shape(pins, &r.shape);
	uint32_t n4, n6;

	if (!err)
		err = read_control(pins, &r.control);
	if (err)
		return err;
	r.control.lengths6 = 0;
	n4 = MQGATE_INDEX4_WORD(1U << r.shape.bits4);
	n6 = MQGATE_INDEX6_WORD(r.shape.slots6);
	r.words4 = calloc(n4, sizeof(*r.words4));
	r.words6 = calloc(n6, sizeof(*r.words6));
	if (!r.words4 || !r.words6)
		err = -ENOMEM;
	if (!err)
		err = mqg_batch_each(pins->prefix4, reindex4, &r);
	if (!err)
		err = mqg_batch_each(pins->prefix6, reindex6, &r);
	if (!err)
		err = write_index(pins->index4, r.words4, n4);
	if (!err)
		err = write_index(pins->index6, r.words6, n6);
	r.control.bits4 = r.any4 ? r.shape.bits4 : 0;
	r.control.slots6 = r.any6 ? r.shape.slots6 : 0;
	if (!err)
		err = write_control(pins, &r.control);
	free(r.words4);
	free(r.words6);
	return err;
}

/* ---- one network -------------------------------------------------------------------- */

int mqg_net_map(const struct mqg_pins *pins, const struct mqg_net *net, union mqg_net_key *key)
{
	if (!mqg_net_source(net, &key->source))
		return map_of(pins, net, key);
	return pins->sources;
}

int mqg_net_put(const struct mqg_pins *pins, const struct mqg_net *net,
		const struct mqgate_verdict *verdict)
{
	union mqg_net_key key;
	int fd = mqg_net_map(pins, net, &key), err;

	err = fd == pins->sources ? 0 : mqg_net_announce(pins, net, 1);
	return err ? err : mqg_verdict_write(pins, fd, &key, verdict);
}

int mqg_net_get(const struct mqg_pins *pins, const struct mqg_net *net,
		struct mqgate_verdict *verdict)
{
	union mqg_net_key key;
	int err = bpf_map_lookup_elem(mqg_net_map(pins, net, &key), &key, verdict);

	if (!err && verdict->generation)
		mqg_verdict_resolve(verdict, mqg_generation(pins), mqg_boottime_ns());
	return err;
}

int mqg_net_remove(const struct mqg_pins *pins, const struct mqg_net *net)
{
	union mqg_net_key key;
	int fd = mqg_net_map(pins, net, &key);

	return mqg_verdict_erase(pins, fd, &key);
}

/* ---- all of them ---------------------------------------------------------------------- */

struct walk {
	mqg_net_fn	fn;
	void		*arg;
	uint32_t	generation;
	uint64_t	now;
	size_t		key_size;
};

static void net_of(const struct walk *w, const void *key, struct mqg_net *net)
{
	if (w->key_size == sizeof(struct mqgate_prefix4_key))
		net_of_key4(key, net);
	else if (w->key_size == sizeof(struct mqgate_prefix6_key))
		net_of_key6(key, net);
	else
		mqg_net_of_source(key, net);
}

static int each(const void *keys, const void *values, uint32_t count, void *arg)
{
	const struct mqgate_verdict *verdicts = values;
	const struct walk *w = arg;
	int answer = 0;

	for (uint32_t i = 0; !answer && i < count; i++) {
		struct mqgate_verdict verdict = verdicts[i];
		struct mqg_net net;

		net_of(w, (const char *)keys + i * w->key_size, &net);
		mqg_verdict_resolve(&verdict, w->generation, w->now);
		answer = w->fn(&net, &verdict, w->arg);
	}
	return answer;
}

int mqg_net_each(const struct mqg_pins *pins, mqg_net_fn fn, void *arg)
{
	struct walk w = { fn, arg, mqg_generation(pins), mqg_boottime_ns(),
			  sizeof(struct mqgate_source_key) };
	int answer = mqg_batch_each(pins->sources, each, &w);

	w.key_size = sizeof(struct mqgate_prefix4_key);
	if (!answer)
		answer = mqg_batch_each(pins->prefix4, each, &w);
	w.key_size = sizeof(struct mqgate_prefix6_key);
	return answer ? answer : mqg_batch_each(pins->prefix6, each, &w);
}

/* ---- as XDP asks ------------------------------------------------------------------------ */

static int ask(const struct mqg_pins *pins, const uint8_t addr[16], uint32_t bits, uint64_t now,
	       mqg_net_hit_fn fn, void *arg)
{
	struct mqgate_verdict verdict;
	struct mqg_net net = { .bits = bits };

	for (uint32_t i = 0; i < bits; i++)
		net.addr[i / 8] |= addr[i / 8] & (0x80 >> i % 8);
	if (mqg_net_get(pins, &net, &verdict) || !mqg_verdict_live(&verdict, now))
		return 0;
	return fn(&net, &verdict, arg);
}

/* The lengths that the indexes name for @addr, in bits of the 16 bytes; bit n: n bits. */
static int lengths_of(const struct mqg_pins *pins, const uint8_t addr[16],
		      const struct mqgate_control *control, uint64_t *lengths)
{
	uint64_t word = 0;
	int err = 0;

	*lengths = 0;
	if (mqg_addr_is_v4(addr)) {
		uint32_t block, at;

		if (!control->bits4)
			return 0;
		block = (uint32_t)((uint64_t)v4_of(addr) >> (32 - control->bits4));
		at = MQGATE_INDEX4_WORD(block);
		err = bpf_map_lookup_elem(pins->index4, &at, &word);
		word >>= MQGATE_INDEX4_SHIFT(block);
		for (uint32_t n = 0; n < 32; n++)
			*lengths |= (word >> (31 - n) & 1) << n;
		return err;
	}
	if (!control->slots6)
		return 0;
	word = control->lengths6;
	for (uint32_t level = 0; !err && level < MQGATE_INDEX6_LEVELS; level++) {
		uint32_t slot = MQGATE_INDEX6_SLOT(high_of(addr), level, control->slots6);
		uint32_t at = MQGATE_INDEX6_WORD(slot);
		uint64_t found = 0;

		err = bpf_map_lookup_elem(pins->index6, &at, &found);
		word |= (found >> MQGATE_INDEX6_SHIFT(slot) & 0xffff) << (16 - 16 * level);
	}
	for (uint32_t n = 0; n < 64; n++)
		*lengths |= (word >> (63 - n) & 1) << n;
	return err;
}

int mqg_net_match(const struct mqg_pins *pins, const uint8_t addr[16], uint64_t now,
		  mqg_net_hit_fn fn, void *arg)
{
	struct mqgate_source_key key;
	struct mqgate_control control;
	struct mqg_net exact;
	uint64_t lengths;
	bool v4 = mqg_addr_is_v4(addr);
	int answer;

	memcpy(key.addr, addr, sizeof(key.addr));
	mqg_net_of_source(&key, &exact);
	answer = ask(pins, addr, exact.bits, now, fn, arg);
	if (!answer && !v4 && exact.bits != 64)
		answer = ask(pins, addr, 64, now, fn, arg);
	if (!answer)
		answer = read_control(pins, &control);
	if (!answer)
		answer = lengths_of(pins, addr, &control, &lengths);
	for (int n = 63; !answer && n >= 0; n--)
		if (lengths >> n & 1)
			answer = ask(pins, addr, (uint32_t)n + (v4 ? 96 : 0), now, fn, arg);
	return answer;
}
