// SPDX-License-Identifier: BSD-2-Clause
/*
 * What packets feel of a change that takes long: the reload of a list of bans, and the teardown of
 * full maps, both done by the command as an operator does them. The measured CPU judges packets in
 * blocks without a pause; a row is its slowest block during the change, against its slowest in as
 * long a time without one.
 */
#include "bench_xdp.h"

#include <err.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include <linux/mqgate.h>

#include "../bpf/packet.h"
#include "command.h"

#define AFTER_NS	1e9	/* in which the kernel frees what a teardown has let go */
#define PINS		"/sys/fs/bpf/mqgate/"

/* ---- the command --------------------------------------------------------------------------- */

static void command(struct stage *s, const char *words)
{
	command_run("%s/build/mqgate %s >/dev/null", s->top, words);
}

/* ---- blocks of packets ----------------------------------------------------------------------- */

struct felt {
	double		worst;		/* us, a block */
	double		took;		/* ns, the change */
	uint64_t	packets;
};

static int blocks_map(struct stage *s)
{
	return bpf_object__find_map_fd_by_name(s->traffic, "blocks");
}

static struct traffic_blocks blocks(struct stage *s)
{
	struct traffic_blocks now;
	uint32_t zero = 0;

	if (bpf_map_lookup_elem(blocks_map(s), &zero, &now))
		err(1, "blocks");
	return now;
}

/* A process that judges packets on the measured CPU until it is killed. */
static pid_t judge(struct stage *s)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = s->frame, .data_size_in = s->frame_len,
		    .repeat = INT_MAX);
	struct traffic_blocks none = { 0 };
	uint32_t zero = 0;
	pid_t pid;

	if (bpf_map_update_elem(blocks_map(s), &zero, &none, 0))
		err(1, "blocks");
	pid = fork();
	if (pid < 0)
		err(1, "fork");
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		stage_pin(0, s->measured_cpu, false);
		/* Not SCHED_FIFO, which the kernel stops for 50 ms where it never rests. */
		setpriority(PRIO_PROCESS, 0, -20);
		for (;;)
			if (bpf_prog_test_run_opts(stage_program(s->traffic, "run_blocks"), &opts))
				err(1, "BPF_PROG_TEST_RUN");
	}
	while (blocks(s).packets < TRAFFIC_BLOCK)
		if (waitpid(pid, NULL, WNOHANG) == pid)
			errx(1, "no packets are judged");
	return pid;
}

/* Packets all the while that the command takes (NULL: none), and @after ns more. */
static struct felt during(struct stage *s, const char *words, double after)
{
	pid_t pid = judge(s);
	struct felt felt = { 0 };
	double begin = gauge_now();

	if (words)
		command(s, words);
	felt.took = gauge_now() - begin;
	usleep((useconds_t)(after / 1e3));
	felt.worst = (double)blocks(s).worst / 1e3;
	felt.packets = blocks(s).packets;
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	return felt;
}

static struct felt quiet(struct stage *s, double ns)
{
	return during(s, NULL, ns);
}

static void aim_at(struct stage *s, const char *name, int prog)
{
	int fd = bpf_object__find_map_fd_by_name(s->traffic, "target");
	uint32_t zero = 0;

	if (prog < 0 || bpf_map_update_elem(fd, &zero, &prog, 0))
		err(1, "%s", name);
}

/* A program that is aimed at cannot go, nor can its maps. */
static void aim_at_nothing(struct stage *s)
{
	uint32_t zero = 0;

	bpf_map_delete_elem(bpf_object__find_map_fd_by_name(s->traffic, "target"), &zero);
}

/* ---- reload ---------------------------------------------------------------------------------- */

/* Bans on those who send, and on others until there are @count. */
static void write_bans(const char *path, uint32_t count)
{
	FILE *f = fopen(path, "w");

	for (uint32_t i = 0; f && i < count; i++) {
		uint32_t addr = i < TRAFFIC_SOURCES ? TRAFFIC_NET | i : 0x0A000000U | i;

		fprintf(f, "%u.%u.%u.%u drop\n", addr >> 24, addr >> 16 & 255, addr >> 8 & 255,
			addr & 255);
	}
	if (!f || fclose(f))
		err(1, "%s", path);
}

static void attach(struct stage *s, uint32_t room)
{
	char words[256];

	snprintf(words, sizeof(words), "attach %s native group root sources %u prefixes 1024 "
		 "allow 1024 flows %u budgets 1024", s->in_name, room, room);
	command(s, words);
}

static uint64_t passed(void)
{
	int fd = bpf_obj_get(PINS MQGATE_MAP_STATS);
	uint64_t sum;

	if (fd < 0)
		err(1, PINS MQGATE_MAP_STATS);
	sum = stage_counted_in(fd, false);
	close(fd);
	return sum;
}

static void reload(struct bench *b, uint32_t entries, const char *size, const char *list)
{
	uint32_t sources = entries < TRAFFIC_SOURCES ? entries : TRAFFIC_SOURCES;
	struct stage *s = &b->stage;
	uint64_t before, let = 0, judged = 0;
	double took = 0;
	char words[256], id[64];
	struct row *row;
	int prog;

	snprintf(id, sizeof(id), "xdp-reload-%s", size);
	row = bench_row(b, "lower", "the same without a reload", id,
			"slowest %d packets, reload of %s bans", TRAFFIC_BLOCK, size);
	row->unit = "us";
	snprintf(words, sizeof(words), "verdict load %s", list);
	write_bans(list, entries);
	attach(s, 2 * entries);
	command(s, words);
	stage_aim(s, &kind_banned, sources, false);
	prog = bpf_obj_get(PINS "prog");
	aim_at(s, PINS "prog", prog);
	before = passed();
	for (int run = 0; run < ROW_RUNS; run++) {
		struct felt felt = during(s, words, 0);

		row->ours[run] = felt.worst;
		row->limit[run] = quiet(s, felt.took).worst;
		took += felt.took / ROW_RUNS;
		judged += felt.packets;
	}
	let = passed() - before;
	/* A ban that lapses for a moment lets somebody in: such a reload has no figure. */
	if (let)
		snprintf(row->invalid, sizeof(row->invalid), "%llu banned packets passed",
			 (unsigned long long)let);
	snprintf(row->note, sizeof(row->note), "%.2f s each; none of %.1f M packets passed",
		 took / 1e9, (double)judged / 1e6);
	aim_at_nothing(s);
	close(prog);
	command(s, "detach all");
}

/* ---- teardown -------------------------------------------------------------------------------- */

/* The packets are those of another program, with small maps of its own, which stays. */
static void teardown(struct bench *b, uint32_t entries, const char *size, const char *list)
{
	struct stage *s = &b->stage;
	double took = 0;
	char words[256], id[64];
	struct row *row;

	snprintf(id, sizeof(id), "xdp-teardown-%s", size);
	row = bench_row(b, "lower", "the same without a teardown", id,
			"slowest %d packets, teardown of %s entries", TRAFFIC_BLOCK, size);
	row->unit = "us";
	snprintf(words, sizeof(words), "verdict load %s", list);
	write_bans(list, entries);
	aim_at(s, "mqgate_xdp", stage_program(s->ours, "mqgate_xdp"));
	for (int run = 0; run < ROW_RUNS; run++) {
		struct felt felt;

		attach(s, entries + 1024);
		command(s, words);
		felt = during(s, "detach all", AFTER_NS);
		row->ours[run] = felt.worst;
		row->limit[run] = quiet(s, felt.took + AFTER_NS).worst;
		took += felt.took / ROW_RUNS;
	}
	snprintf(row->note, sizeof(row->note), "detach took %.2f s; and the second after",
		 took / 1e9);
	aim_at_nothing(s);
}

/* ---- rows ----------------------------------------------------------------------------------- */

static const struct {
	uint32_t	entries;
	const char	*name;
} sizes[] = {
	{ 1000, "1k" }, { 10000, "10k" }, { 100000, "100k" }, { 1000000, "1M" },
};

#define SIZES	(sizeof(sizes) / sizeof(sizes[0]))

void bench_growth(struct bench *b)
{
	char run[] = "/tmp/mqgate-growth-XXXXXX", list[64];

	if (!mkdtemp(run) || setenv("MQGATE_RUN", run, 1) || setenv("MQGATE_STATE", run, 1))
		err(1, "%s", run);
	snprintf(list, sizeof(list), "%s/bans", run);
	/* With all that it starts, but for who judges packets. */
	stage_pin(0, b->stage.send_cpu, false);
	for (size_t i = 0; i < SIZES; i++)
		reload(b, sizes[i].entries, sizes[i].name, list);
	stage_load(&b->stage, 1000, false);
	stage_fill(&b->stage, 1000, 0, false);
	stage_aim(&b->stage, &kind_banned, 1000, false);
	for (size_t i = 0; i < SIZES; i++)
		teardown(b, sizes[i].entries, sizes[i].name, list);
	stage_unload(&b->stage);
	command_run("rm -r %s", run);
}
