// SPDX-License-Identifier: BSD-2-Clause
/*
 * The table of `make bench-module`, made of what module_guest.sh printed: lines that hold
 * `figure NAME VALUE...`, a value a run, on standard input. Called by bench_module.sh.
 */
#include <err.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rows.h"

#define FIGURES	128
#define ROWS	16

struct figure {
	char	name[48];
	double	runs[ROW_RUNS];
};

static struct {
	struct figure	figures[FIGURES];
	size_t		figure_count;
	struct row	rows[ROWS];
	size_t		row_count;
} b;

/* A figure that was taken once stands for every run. */
static void read_figure(const char *line)
{
	struct figure *f = &b.figures[b.figure_count];
	int at = 0, used, n = 0;

	if (b.figure_count == FIGURES)
		errx(1, "more than %d figures", FIGURES);
	if (sscanf(line, "%47s%n", f->name, &at) != 1)
		errx(1, "no figure: %s", line);
	while (n < ROW_RUNS && sscanf(line + at, "%lf%n", &f->runs[n], &used) == 1) {
		at += used;
		n++;
	}
	if (n != 1 && n != ROW_RUNS)
		errx(1, "%s has %d runs, not %d", f->name, n, ROW_RUNS);
	for (; n < ROW_RUNS; n++)
		f->runs[n] = f->runs[0];
	b.figure_count++;
}

static void read_figures(void)
{
	char line[256];
	const char *at;

	while (fgets(line, sizeof(line), stdin)) {
		at = strstr(line, "# figure ");
		if (at)
			read_figure(at + strlen("# figure "));
	}
}

static const double *figure(const char *name)
{
	for (size_t i = 0; i < b.figure_count; i++)
		if (!strcmp(b.figures[i].name, name))
			return b.figures[i].runs;
	errx(1, "the guest gave no figure %s", name);
}

static struct row *row(const char *id, const char *what, const char *unit)
{
	struct row *r = &b.rows[b.row_count++];

	r->id = id;
	r->what = what;
	r->unit = unit;
	r->better = "lower";
	return r;
}

static void set(double to[ROW_RUNS], const char *name)
{
	memcpy(to, figure(name), sizeof(double[ROW_RUNS]));
}

/* Instructions a packet that @who adds to hooks without anybody in them, mean of @kinds. */
static void cost(double to[ROW_RUNS], const char *who, const char *sums, const char *const *kinds)
{
	char name[64];
	int count = 0;

	memset(to, 0, sizeof(double[ROW_RUNS]));
	for (; kinds[count]; count++) {
		snprintf(name, sizeof(name), "%s-%s-%s", who, sums, kinds[count]);
		for (int i = 0; i < ROW_RUNS; i++)
			to[i] += figure(name)[i];
		snprintf(name, sizeof(name), "bare-%s-%s", sums, kinds[count]);
		for (int i = 0; i < ROW_RUNS; i++)
			to[i] -= figure(name)[i];
	}
	for (int i = 0; i < ROW_RUNS; i++)
		to[i] /= count;
}

static void packets(const char *id, const char *what, const char *sums,
		    const char *const *kinds, double target)
{
	struct row *r = row(id, what, "insn/pkt");

	cost(r->ours, "module", sums, kinds);
	cost(r->limit, "conntrack", sums, kinds);
	r->against = r->peer = "nf_conntrack";
	r->target = target;
}

static void memory(const char *id, const char *what, const char *name, double target)
{
	struct row *r = row(id, what, "bytes");

	set(r->ours, name);
	set(r->limit, "memory-conntrack-100000");
	r->against = r->peer = "nf_conntrack, 100,000 connections";
	r->target = target;
	r->absolute = true;
}

static void lookups(const char *many)
{
	char name[64];
	struct row *r;

	snprintf(name, sizeof(name), "lookup-%s-table", many);
	r = row("module-lookup-growth", "look-up among all clients", "insn");
	set(r->ours, name);
	set(r->limit, "lookup-1000-table");
	r->against = "look-up among 1,000";
	r->target = 2;
	r = row("module-lookup-fixed", "look-up among all clients", "insn");
	set(r->ours, name);
	snprintf(name, sizeof(name), "lookup-%s-fixed", many);
	set(r->limit, name);
	r->against = "fixed RCU hash, siphash, same keys";
}

int main(int argc, char **argv)
{
	static const char *const all[] = { "up", "up-ack", "down", "down-ack", NULL };
	static const char *const publish[] = { "up", "down", NULL };
	static const char *const acks[] = { "up-ack", "down-ack", NULL };
	const char *many = argc > 2 ? argv[2] : "1000000";
	char dir[4096];
	struct row *r;

	if (argc < 2)
		errx(2, "usage: bench_module TOP [CLIENTS] < what the guest said");
	read_figures();
	memory("module-memory", "memory a client, all of them", "memory-all", 384);
	memory("module-memory-100k", "memory a client, 100,000 more", "memory-own-100000", 384);
	memory("module-memory-shared", "memory a client, 100,000 behind one address",
	       "memory-shared-100000", 384);
	packets("module-packet", "PUBLISH and ACK, each way", "checked", all, 1);
	packets("module-packet-publish", "PUBLISH of 64 bytes alone", "checked", publish, 0);
	packets("module-packet-ack", "ACK alone", "checked", acks, 0);
	packets("module-packet-sums", "all, checksums verified in software", "plain", all, 0);
	lookups(many);
	r = row("module-dump", "dump of 10 of all: longest section", "insn");
	set(r->ours, "dump-longest");
	for (int i = 0; i < ROW_RUNS; i++)
		r->limit[i] = 1e6;
	r->against = "1 ms at 10^9 instructions a second";
	r->target = 1;

	printf("all clients: %s; instructions counted by QEMU; %d runs, medians\n", many, ROW_RUNS);
	rows_print(b.rows, b.row_count);
	snprintf(dir, sizeof(dir), "%s/bench-results", argv[1]);
	return rows_write(b.rows, b.row_count, dir, "module") ? 1 : 0;
}
