// SPDX-License-Identifier: BSD-2-Clause
/*
 * Malformed CONNECTs, banned sources and data of ALLOWed flows against the bare programs, at 1k,
 * 10k, 100k and 1M entries, IPv4 and IPv6; see bench_xdp.h.
 */
#include "bench_xdp.h"

#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <linux/bpf.h>

static const struct {
	const char	*word;
	uint32_t	count;
} sizes[] = { { "1k", 1000 }, { "10k", 10000 }, { "100k", 100000 }, { "1M", 1000000 } };

#define IN_FLIGHT	1024

#define SIZES	(sizeof(sizes) / sizeof(sizes[0]))

/* One kind of traffic, and the least that a program does for the same answer. */
struct contest {
	const struct traffic_kind *kind;
	const char	*limit;			/* program of bare.bpf.c */
	const char	*against;
	double		target;			/* 0 = none */
	uint32_t	target_from;		/* entries */
	uint32_t	verdict;
	bool		known;			/* the sources are in a table */
};

static const struct contest contests[] = {
	{ &kind_malformed, "flow_miss", "bare: parse, flow miss", 1.15, 1000, XDP_DROP, false },
	{ &kind_contents, "flow_miss", "bare: parse, flow miss", 0, 0, XDP_DROP, false },
	{ &kind_banned, "flow_miss_source", "bare: parse, flow miss, hash hit", 1.3, 1000000,
	  XDP_DROP, true },
	{ &kind_allowed, "flow_hit", "bare: parse, flow hit", 1.2, 1000, XDP_PASS, true },
};

#define CONTESTS	(sizeof(contests) / sizeof(contests[0]))

/* Every packet has met the fate that the row is about, or the row is worth nothing. */
static void must_have_counted(struct bench *b, const struct contest *c, uint64_t before,
			      uint64_t packets)
{
	uint64_t count = stage_counted(&b->stage, c->verdict == XDP_DROP) - before;

	/* Some may be on their way. */
	if (count + IN_FLIGHT < packets - packets / 1000)
		errx(1, "%s: %llu of %llu packets were counted for it", c->kind->what,
		     (unsigned long long)count, (unsigned long long)packets);
}

static void run_alone(struct bench *b, const struct contest *c, struct row *row, int i)
{
	struct stage *s = &b->stage;
	double empty = gauge_alone(s, stage_program(s->bare, "empty_drop"), b->packets, XDP_DROP);
	uint64_t before;

	row->limit[i] = gauge_alone(s, stage_program(s->bare, c->limit), b->packets, c->verdict) -
			empty;
	before = stage_counted(s, c->verdict == XDP_DROP);
	row->ours[i] = gauge_alone(s, stage_program(s->ours, "mqgate_xdp"), b->packets,
				   c->verdict) - empty;
	must_have_counted(b, c, before, b->packets);
}

/* @share: packets/s of ours to those of an empty drop, or NULL. */
static void run_wired(struct bench *b, const struct contest *c, struct row *row,
		      struct row *share, uint32_t sources, int i)
{
	struct stage *s = &b->stage;
	struct gauge limit, ours, empty;
	uint64_t before, arrived;

	empty = gauge_wired(s, stage_program(s->bare, "empty_drop"), b->packets);
	limit = gauge_wired(s, stage_program(s->bare, c->limit), b->packets);
	before = stage_counted(s, c->verdict == XDP_DROP);
	arrived = gauge_received(s);
	ours = gauge_wired(s, stage_program(s->ours, "mqgate_xdp"), b->packets);
	must_have_counted(b, c, before, gauge_received(s) - arrived);
	row->limit[i] = limit.ns;
	row->ours[i] = ours.ns;
	bench_judge(row, &ours, sources);
	if (share) {
		/* The empty drop may leave its CPU idle: its time a packet is what counts. */
		share->ours[i] = 1e3 / ours.ns;
		share->limit[i] = 1e3 / empty.ns;
		bench_judge(share, &ours, sources);
	}
}

static void contend(struct bench *b, const struct contest *c, size_t size, bool v6)
{
	uint32_t entries = sizes[size].count;
	uint32_t sources = c->known && entries < TRAFFIC_SOURCES ? entries : TRAFFIC_SOURCES;
	double target = c->target > 0 && entries >= c->target_from ? c->target : 0;
	struct row *wired = NULL, *alone, *share = NULL;
	char id[96];

	stage_aim(&b->stage, c->kind, sources, v6);
	snprintf(id, sizeof(id), "xdp-%s-v%d-%s-alone", c->kind->id, v6 ? 6 : 4, sizes[size].word);
	alone = bench_row(b, "lower", c->against, id, "%s, v%d, %s, alone", c->kind->what,
			  v6 ? 6 : 4, sizes[size].word);
	alone->target = target;
	bench_judge(alone, NULL, sources);
	/* What passes would show what the stack costs. */
	if (c->verdict == XDP_DROP) {
		snprintf(id, sizeof(id), "xdp-%s-v%d-%s-wired", c->kind->id, v6 ? 6 : 4,
			 sizes[size].word);
		wired = bench_row(b, "lower", c->against, id, "%s, v%d, %s, wired", c->kind->what,
				  v6 ? 6 : 4, sizes[size].word);
		wired->target = target;
	}
	if (c->kind == &kind_malformed) {
		snprintf(id, sizeof(id), "xdp-share-v%d-%s", v6 ? 6 : 4, sizes[size].word);
		share = bench_row(b, "higher", "empty XDP_DROP", id,
				  "%s, v%d, %s, packets/s", c->kind->what, v6 ? 6 : 4,
				  sizes[size].word);
		share->unit = "Mpkt/s";
		share->target = 0.75;
	}
	for (int i = 0; i < ROW_RUNS; i++) {
		run_alone(b, c, alone, i);
		if (wired)
			run_wired(b, c, wired, share, sources, i);
	}
	fprintf(stderr, "%s: alone %.2f, wired %.2f of the bare program\n", alone->what,
		row_ratio(alone), wired ? row_ratio(wired) : 0);
}

/* What the limits consist of: how much of a drop is to have looked at the packet at all. */
static void look(struct bench *b, bool v6)
{
	struct stage *s = &b->stage;
	struct row *row = bench_row(b, "lower", "empty XDP_DROP",
				    v6 ? "xdp-parse-v6" : "xdp-parse-v4",
				    "bare: parse and drop, v%d, wired", v6 ? 6 : 4);

	stage_aim(s, &kind_malformed, TRAFFIC_SOURCES, v6);
	for (int i = 0; i < ROW_RUNS; i++) {
		row->limit[i] = gauge_wired(s, stage_program(s->bare, "empty_drop"), b->packets).ns;
		row->ours[i] = gauge_wired(s, stage_program(s->bare, "parse_only"), b->packets).ns;
	}
}

/* Is @word among those of MQGATE_BENCH_ONLY that are of its kind? None of them asks for all. */
static bool wanted(const char *word, const char *const *kind, size_t count)
{
	const char *only = getenv("MQGATE_BENCH_ONLY");
	bool asked = false;

	for (size_t i = 0; only && i < count; i++) {
		size_t len = strlen(kind[i]);

		for (const char *at = only; (at = strstr(at, kind[i])); at += len) {
			if ((at > only && at[-1] != ' ') || (at[len] && at[len] != ' '))
				continue;
			asked = true;
			if (!strcmp(word, kind[i]))
				return true;
		}
	}
	return !asked;
}

static bool wanted_size(size_t size)
{
	const char *words[SIZES];

	for (size_t i = 0; i < SIZES; i++)
		words[i] = sizes[i].word;
	return wanted(sizes[size].word, words, SIZES);
}

static bool wanted_contest(const struct contest *c)
{
	const char *words[CONTESTS];

	for (size_t i = 0; i < CONTESTS; i++)
		words[i] = contests[i].kind->id;
	return wanted(c->kind->id, words, CONTESTS);
}

static bool wanted_family(bool v6)
{
	return wanted(v6 ? "v6" : "v4", (const char *const[]){ "v4", "v6" }, 2);
}

void bench_drops(struct bench *b)
{
	for (int v6 = 0; v6 < 2; v6++) {
		bool looked = false;

		if (!wanted_family(v6))
			continue;
		for (size_t size = 0; size < SIZES; size++) {
			uint32_t entries = sizes[size].count;
			uint32_t known = entries < TRAFFIC_SOURCES ? entries : TRAFFIC_SOURCES;

			if (!wanted_size(size))
				continue;
			stage_load(&b->stage, entries, v6);
			if (!looked)
				look(b, v6);
			looked = true;
			for (size_t c = 0; c < CONTESTS; c++) {
				if (!wanted_contest(&contests[c]))
					continue;
				stage_fill(&b->stage, contests[c].verdict == XDP_DROP &&
					   contests[c].known ? known : 0,
					   contests[c].verdict == XDP_PASS ? known : 0, v6);
				contend(b, &contests[c], size, v6);
			}
			stage_unload(&b->stage);
		}
	}
}
