// SPDX-License-Identifier: BSD-2-Clause
/*
 * Verdicts on networks in the pinned maps: written, removed, walked, and searched as XDP does.
 * Made of system calls; changes by one writer at a time (net.h says who).
 */
#include "common/net.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/bpf.h>

#include "common/batch.h"
#include "common/index.h"

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

const char *mqg_net_full(const struct mqg_pins *pins, const struct mqg_net *net, char *buf,
			 size_t size)
{
	struct bpf_map_info info = {};
	__u32 len = sizeof(info);
	union mqg_net_key key;
	int fd = mqg_net_map(pins, net, &key);
	bool source = fd == pins->sources;

	bpf_obj_get_info_by_fd(fd, &info, &len);
	snprintf(buf, size, "%s is full with %u verdicts; remove some (mqgate verdict flush), or "
		 "make it larger: mqgate detach all, then mqgate attach IF %s %u", source ?
		 MQGATE_MAP_SOURCES : fd == pins->prefix4 ? MQGATE_MAP_PREFIX4 : MQGATE_MAP_PREFIX6,
		 info.max_entries, source ? "sources" : "prefixes", 2 * info.max_entries);
	return buf;
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

void mqg_net_of_key(size_t key_size, const void *key, struct mqg_net *net)
{
	if (key_size == sizeof(struct mqgate_prefix4_key))
		net_of_key4(key, net);
	else if (key_size == sizeof(struct mqgate_prefix6_key))
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

		mqg_net_of_key(w->key_size, (const char *)keys + i * w->key_size, &net);
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

	return answer ? answer : mqg_net_prefix_each(pins, fn, arg);
}

int mqg_net_prefix_each(const struct mqg_pins *pins, mqg_net_fn fn, void *arg)
{
	struct walk w = { fn, arg, mqg_generation(pins), mqg_boottime_ns(),
			  sizeof(struct mqgate_prefix4_key) };
	int answer = mqg_batch_each(pins->prefix4, each, &w);

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

static int read_control(const struct mqg_pins *pins, struct mqgate_control *control)
{
	return bpf_map_lookup_elem(pins->control, &(__u32){ 0 }, control);
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
		block = (uint32_t)((uint64_t)mqg_addr_v4(addr) >> (32 - control->bits4));
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
		uint32_t slot = MQGATE_INDEX6_SLOT(mqg_addr_high(addr), level, control->slots6);
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
