// SPDX-License-Identifier: BSD-2-Clause
/*
 * What packets cost in bpf/mqgate.bpf.o, as built, against the least that a program can do and
 * against what others do; see stage.h and gauge.h for how. Five runs, those that are compared
 * taking turns in each; a ratio is the median of the runs' ratios.
 *
 *	bench_xdp [GROUP...]	drops peers haproxy latency growth; all of them without
 *
 * MQGATE_BENCH_PACKETS: of one measurement (1,000,000). MQGATE_BENCH_ONLY: of the drops those of
 * these families, sizes and kinds, "v4 100k malformed banned"; a table without them has no others.
 */
#include "bench_xdp.h"

#include <err.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct row *bench_row(struct bench *b, const char *better, const char *against,
		      const char *id, const char *format, ...)
{
	struct row *row = &b->rows[b->n_rows++];
	va_list args;
	char *what;

	if (b->n_rows > BENCH_ROWS)
		errx(1, "more than %d rows", BENCH_ROWS);
	va_start(args, format);
	if (vasprintf(&what, format, args) < 0)
		err(1, "vasprintf");
	va_end(args);
	*row = (struct row){ .id = strdup(id), .what = what, .unit = "CPU ns/pkt", .better = better,
			     .against = against };
	return row;
}

#define BUSY		0.95
#define SOURCES		100000
#define DISTURBED	0.05

void bench_judge(struct row *row, const struct gauge *g, uint32_t sources)
{
	if (sources < SOURCES)
		snprintf(row->invalid, sizeof(row->invalid), "%u sources", sources);
	else if (g && g->busy < BUSY)
		snprintf(row->invalid, sizeof(row->invalid), "the measured CPU was %.0f %% busy",
			 g->busy * 100);
	if (g && g->disturbed > DISTURBED)
		snprintf(row->note, sizeof(row->note), "noisy: others had %.0f %% of the CPU",
			 g->disturbed * 100);
}

static const struct {
	const char	*name;
	void		(*run)(struct bench *b);
} groups[] = {
	{ "drops", bench_drops },
	{ "peers", bench_peers },
	{ "haproxy", bench_haproxy },
	{ "latency", bench_latency },
	{ "growth", bench_growth },
};

int main(int argc, char **argv)
{
	const char *top = getenv("MQGATE_TOP"), *output = getenv("MQGATE_OUTPUT");
	const char *packets = getenv("MQGATE_BENCH_PACKETS");
	static struct bench b;
	char dir[4096];

	if (!top || !output)
		errx(1, "run me by: make bench-xdp");
	if (geteuid() != 0)
		errx(1, "loading BPF needs root: sudo make bench-xdp");
	b.packets = packets ? (uint32_t)strtoul(packets, NULL, 10) : 1000000;
	if (b.packets < 100000)
		errx(2, "MQGATE_BENCH_PACKETS=%s: at least 100000", packets);
	setvbuf(stdout, NULL, _IOLBF, 0);
	stage_init(&b.stage, top, output);
	for (size_t i = 0; i < sizeof(groups) / sizeof(groups[0]); i++) {
		bool wanted = argc < 2;

		for (int k = 1; k < argc; k++)
			wanted |= !strcmp(argv[k], groups[i].name);
		if (wanted)
			groups[i].run(&b);
	}
	printf("%u sources take turns; %d runs of %u packets, medians (min..max)\n",
	       TRAFFIC_SOURCES, ROW_RUNS, b.packets);
	rows_print(b.rows, b.n_rows);
	snprintf(dir, sizeof(dir), "%s/bench-results", top);
	return rows_write(b.rows, b.n_rows, dir, "xdp") ? 1 : 0;
}
