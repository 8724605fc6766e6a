// SPDX-License-Identifier: BSD-2-Clause
/*
 * What it costs to find the longest prefix of an address: bpf/prefix.h against the kernel's LPM
 * trie, at 1k, 10k, 100k and 1M prefixes of mixed lengths, by BPF_PROG_TEST_RUN. More than
 * 100,000 addresses take turns; that of a program that looks nothing up is subtracted. Five
 * runs, the programs taking turns in each. What is found is counted and has to be the same.
 */
#include <err.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "prefix.h"
#include "rows.h"

#define REPEAT		1000000U
#define BATCH		4096U

static const struct {
	const char	*word;
	uint32_t	count;
} sizes[] = { { "1k", 1000 }, { "10k", 10000 }, { "100k", 100000 }, { "1M", 1000000 } };

#define SIZES	(sizeof(sizes) / sizeof(sizes[0]))

/* How many in a thousand have which length: most blocklists are /24s and their neighbours. */
struct share {
	uint32_t	length, thousandths;
};

static const struct share shares4[] = {
	{ 24, 500 }, { 23, 90 }, { 22, 90 }, { 21, 60 }, { 20, 60 }, { 19, 30 }, { 18, 20 },
	{ 17, 10 }, { 16, 20 }, { 14, 1 }, { 25, 20 }, { 26, 20 }, { 27, 20 }, { 28, 30 },
	{ 29, 14 }, { 30, 10 }, { 31, 5 },
};

static const struct share shares6[] = {
	{ 48, 500 }, { 44, 100 }, { 40, 80 }, { 36, 40 }, { 32, 10 }, { 56, 170 }, { 60, 60 },
	{ 62, 20 }, { 63, 20 },
};

static uint64_t seed;

static uint64_t draw(void)
{
	uint64_t z = (seed += 0x9E3779B97F4A7C15ULL);

	z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ULL;
	z = (z ^ (z >> 27)) * 0x94D049BB133111EBULL;
	return z ^ (z >> 31);
}

struct prefix {
	uint64_t	high;		/* IPv4 in the upper half */
	uint32_t	length;
};

static struct prefix *prefixes;
static uint32_t n_prefixes;

static uint32_t draw_length(const struct share *shares)
{
	uint32_t at = draw() % 1000, i = 0;

	for (; at >= shares[i].thousandths; i++)
		at -= shares[i].thousandths;
	return shares[i].length;
}

static uint64_t network(uint64_t high, uint32_t length)
{
	return length ? high & ~0ULL << (64 - length) : 0;
}

/* Of twenty thousand operators' /32s. */
static uint64_t draw_high(bool v6)
{
	uint64_t site;

	if (!v6)
		return draw() & 0xFFFFFFFF00000000ULL;
	site = draw() % 20000 * 0x9E3779B1U & 0x1FFFFFFF;
	return (0x20000000ULL | site) << 32 | draw() >> 32;
}

static void draw_prefixes(bool v6, uint32_t count)
{
	free(prefixes);
	prefixes = calloc(count, sizeof(*prefixes));
	if (!prefixes)
		err(1, "calloc");
	n_prefixes = count;
	seed = count;
	for (uint32_t i = 0; i < count; i++) {
		prefixes[i].length = draw_length(v6 ? shares6 : shares4);
		prefixes[i].high = network(draw_high(v6), prefixes[i].length);
	}
}

struct bench {
	struct bpf_object	*object;
	int			addresses, state;
	uint32_t		blocks4, slots6;
};

static int map_of(const struct bench *b, const char *name)
{
	int fd = bpf_object__find_map_fd_by_name(b->object, name);

	if (fd < 0)
		errx(1, "no map %s", name);
	return fd;
}

static void size_map(struct bench *b, const char *name, uint32_t entries)
{
	struct bpf_map *map = bpf_object__find_map_by_name(b->object, name);

	if (!map || bpf_map__set_max_entries(map, entries))
		errx(1, "map %s cannot be made larger", name);
}

static void load(struct bench *b, const char *path, bool v6, uint32_t count)
{
	b->object = bpf_object__open_file(path, NULL);
	if (!b->object)
		err(1, "%s", path);
	size_map(b, v6 ? "trie6" : "trie4", count);
	size_map(b, v6 ? MQGATE_MAP_PREFIX6 : MQGATE_MAP_PREFIX4, count);
	size_map(b, MQGATE_MAP_INDEX4, b->blocks4 / 2);
	size_map(b, MQGATE_MAP_INDEX6, b->slots6 / 4);
	if (bpf_object__load(b->object))
		err(1, "%s: load", path);
	b->addresses = map_of(b, "addresses");
	b->state = map_of(b, "state");
}

static void key_of(bool v6, const struct prefix *p, void *key)
{
	struct mqgate_prefix4_key *key4 = key;
	struct mqgate_prefix6_key *key6 = key;

	if (v6)
		memset(key6->addr, 0, sizeof(key6->addr));
	*(uint32_t *)key = p->length;
	for (int i = 0; i < (v6 ? 8 : 4); i++)
		(v6 ? key6->addr : key4->addr)[i] = (uint8_t)(p->high >> (56 - 8 * i));
}

static void fill(struct bench *b, bool v6, struct prefix_state *state)
{
	int trie = map_of(b, v6 ? "trie6" : "trie4");
	int hash = map_of(b, v6 ? MQGATE_MAP_PREFIX6 : MQGATE_MAP_PREFIX4);
	int index = map_of(b, v6 ? MQGATE_MAP_INDEX6 : MQGATE_MAP_INDEX4);
	struct mqgate_verdict verdict = { .action = MQGATE_ACTION_DROP };
	uint64_t *words4 = calloc(b->blocks4 / 2, 8), *words6 = calloc(b->slots6 / 4, 8);
	uint32_t bits = 0;

	if (!words4 || !words6)
		err(1, "calloc");
	while (1U << bits < b->blocks4)
		bits++;
	for (uint32_t i = 0; i < n_prefixes; i++) {
		const struct prefix *p = &prefixes[i];
		struct mqgate_prefix6_key key;
		uint32_t slot;

		key_of(v6, p, &key);
		if (bpf_map_update_elem(trie, &key, &verdict, 0) ||
		    bpf_map_update_elem(hash, &key, &verdict, 0))
			err(1, "prefix %u", i);
		if (!v6) {
			uint32_t first = (uint32_t)(p->high >> (64 - bits));
			uint32_t n = p->length < bits ? 1U << (bits - p->length) : 1;

			for (uint32_t j = 0; j < n; j++)
				words4[MQGATE_INDEX4_WORD(first + j)] |=
					1ULL << (31 - p->length) << MQGATE_INDEX4_SHIFT(first + j);
			continue;
		}
		if (p->length < MQGATE_INDEX6_FIRST) {
			state->control.lengths6 |= 1ULL << (63 - p->length);
			continue;
		}
		slot = MQGATE_INDEX6_SLOT(p->high, MQGATE_INDEX6_LEVEL(p->length), b->slots6);
		words6[MQGATE_INDEX6_WORD(slot)] |= (uint64_t)MQGATE_INDEX6_BIT(p->length)
						    << MQGATE_INDEX6_SHIFT(slot);
	}
	for (uint32_t i = 0; i < (v6 ? b->slots6 / 4 : b->blocks4 / 2); i++)
		if (bpf_map_update_elem(index, &i, v6 ? &words6[i] : &words4[i], 0))
			err(1, "index");
	state->control.bits4 = bits;
	state->control.slots6 = b->slots6;
	free(words4);
	free(words6);
}

/* @banned: every address lies in some prefix; else hardly any does. */
static void aim(struct bench *b, bool v6, bool banned)
{
	for (uint32_t i = 0; i < PREFIX_ADDRESSES; i++) {
		struct prefix_address a = { 0 };
		const struct prefix *p = &prefixes[draw() % n_prefixes];

		a.high = banned ? p->high | (draw() & (~0ULL >> p->length)) : draw_high(v6);
		a.v4 = (uint32_t)(a.high >> 32);
		if (bpf_map_update_elem(b->addresses, &i, &a, 0))
			err(1, "addresses");
	}
}

static double cpu_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return (double)ts.tv_sec * 1e9 + (double)ts.tv_nsec;
}

static double run(struct bench *b, const char *name, const struct prefix_state *state,
		  uint64_t *found)
{
	struct bpf_program *prog = bpf_object__find_program_by_name(b->object, name);
	static const uint8_t frame[64];
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = frame, .data_size_in = sizeof(frame),
		    .repeat = REPEAT);
	struct prefix_state now = *state;
	double begin, ns;

	if (!prog || bpf_map_update_elem(b->state, &(uint32_t){ 0 }, &now, 0))
		errx(1, "no program %s", name);
	begin = cpu_ns();
	if (bpf_prog_test_run_opts(bpf_program__fd(prog), &opts) || opts.retval != 1)
		errx(1, "%s: BPF_PROG_TEST_RUN", name);
	ns = cpu_ns() - begin;
	if (bpf_map_lookup_elem(b->state, &(uint32_t){ 0 }, &now))
		err(1, "state");
	*found = now.found;
	return ns / REPEAT;
}

static void measure(struct bench *b, bool v6, const struct prefix_state *state, struct row *row)
{
	for (int i = 0; i < ROW_RUNS; i++) {
		uint64_t none, trie, ours;
		double base = run(b, v6 ? "nothing6" : "nothing4", state, &none);

		row->limit[i] = run(b, v6 ? "lpm6" : "lpm4", state, &trie) - base;
		row->ours[i] = run(b, v6 ? "index6" : "index4", state, &ours) - base;
		if (trie != ours)
			errx(1, "%s: found %llu, the trie %llu", row->what,
			     (unsigned long long)ours, (unsigned long long)trie);
	}
}

/* Up to 100,000 prefixes the index that the loader makes (layout.h), for more a larger one. */
static void shape(struct bench *b, uint32_t count)
{
	b->blocks4 = count > 100000 ? 1U << 22 : 1U << 20;
	b->slots6 = 1U << 19;
	while (b->slots6 < 2 * count)
		b->slots6 *= 2;
}

static void describe(struct row *row, bool v6, size_t size, bool banned)
{
	static char ids[4 * SIZES][40], whats[4 * SIZES][64];
	size_t at = (v6 ? 2 * SIZES : 0) + 2 * size + !banned;

	snprintf(ids[at], sizeof(ids[0]), "prefix-v%d-%s-%s", v6 ? 6 : 4, sizes[size].word,
		 banned ? "hit" : "any");
	snprintf(whats[at], sizeof(whats[0]), "IPv%d, %s prefixes, %s", v6 ? 6 : 4,
		 sizes[size].word, banned ? "address in one" : "any address");
	row->id = ids[at];
	row->what = whats[at];
	row->unit = "CPU ns";
	row->better = "lower";
	row->against = "LPM trie";
	row->target = banned && sizes[size].count == 1000000 ? 1.0 / 3 : 0;
}

int main(void)
{
	const char *top = getenv("MQGATE_TOP"), *output = getenv("MQGATE_OUTPUT");
	struct row rows[4 * SIZES] = {}, *row = rows;
	struct bench b = { .blocks4 = 0 };
	cpu_set_t set;
	char path[4096];

	if (!top || !output)
		errx(1, "run me by: make bench-xdp");
	if (geteuid() != 0)
		errx(1, "loading BPF needs root: sudo make bench-xdp");
	CPU_ZERO(&set);
	CPU_SET((int)sysconf(_SC_NPROCESSORS_ONLN) - 1, &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		err(1, "affinity");
	snprintf(path, sizeof(path), "%s/prefix.bpf.o", output);
	for (int v6 = 0; v6 < 2; v6++) {
		for (size_t i = 0; i < SIZES; i++) {
			struct prefix_state state = { .count = 0 };

			draw_prefixes(v6, sizes[i].count);
			shape(&b, sizes[i].count);
			load(&b, path, v6, sizes[i].count);
			fill(&b, v6, &state);
			for (int banned = 1; banned >= 0; banned--) {
				aim(&b, v6, banned);
				describe(row, v6, i, banned);
				measure(&b, v6, &state, row++);
			}
			bpf_object__close(b.object);
		}
	}
	free(prefixes);
	printf("longest prefix: %u addresses take turns; limit: the kernel's LPM trie; %d runs, "
	       "medians\n", PREFIX_ADDRESSES, ROW_RUNS);
	rows_print(rows, 4 * SIZES);
	snprintf(path, sizeof(path), "%s/bench-results", top);
	return rows_write(rows, 4 * SIZES, path, "prefix") ? 1 : 0;
}
