// SPDX-License-Identifier: BSD-2-Clause
/*
 * What a dropped packet costs in bpf/mqgate.bpf.o, as built, against an empty XDP_DROP:
 *
 *   alone   BPF_PROG_TEST_RUN of a program that gives every packet another source and calls
 *           the measured one; what that costs with an empty program is subtracted
 *   veth    native frames (BPF_F_TEST_XDP_LIVE_FRAMES) redirected into a veth pair, on whose
 *           other end the measured program drops them; all of the way is counted
 *
 * Costs are CPU time of this thread, in whose context the softirqs run, and of the CPU's
 * ksoftirqd. Five runs, the programs taking turns in each. Every drop is checked against the
 * counters: frames that vanish elsewhere would flatter.
 */
#include <err.h>
#include <errno.h>
#include <net/if.h>
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

#include <linux/if_link.h>
#include <linux/mqgate.h>

#include "../bpf/packet.h"
#include "rows.h"
#include "traffic.h"

#define REPEAT		1000000U
#define LIVE_REPEAT	2000000U

static struct {
	struct bpf_object	*ours, *traffic;
	int			drop, run, send, empty;		/* programs */
	int			stats, sources, targets, state;	/* maps */
	int			cpus, cpu, ksoftirqd;
	uint32_t		out, in;			/* the veth pair */
} b;

static const struct {
	const char	*id, *what, *data;
	uint32_t	reason;
	bool		banned;
} kinds[] = {
	{ "head", "malformed CONNECT, first bytes", "1F 0D 0004 'MQTT' 05 02 000A 0001 70",
	  MQGATE_REASON_MQTT_FLAGS, false },
	{ "contents", "malformed CONNECT, contents", "10 0F 0004 'MQTT' 04 02 003C 0003 'd' 00 'v'",
	  MQGATE_REASON_MQTT_UTF8, false },
	{ "banned", "banned source, one of 131,072", "10 0F 0004 'MQTT' 04 02 003C 0003 'dev'",
	  MQGATE_REASON_SOURCE_BANNED, true },
};

#define KINDS	(sizeof(kinds) / sizeof(kinds[0]))

/* ---- setting up ----------------------------------------------------------------------- */

static struct bpf_object *object_open(const char *path)
{
	struct bpf_object *object = bpf_object__open_file(path, NULL);

	if (!object)
		err(1, "%s", path);
	return object;
}

static int program_of(struct bpf_object *object, const char *name)
{
	struct bpf_program *prog = bpf_object__find_program_by_name(object, name);

	if (!prog)
		errx(1, "no program %s", name);
	return bpf_program__fd(prog);
}

static int map_of(struct bpf_object *object, const char *name)
{
	int fd = bpf_object__find_map_fd_by_name(object, name);

	if (fd < 0)
		errx(1, "no map %s", name);
	return fd;
}

static void load(const char *top, const char *output)
{
	char path[4096];

	snprintf(path, sizeof(path), "%s/bpf/mqgate.bpf.o", top);
	b.ours = object_open(path);
	/* as the loader does */
	bpf_map__set_max_entries(bpf_object__find_map_by_name(b.ours, MQGATE_MAP_SOURCES),
				 2 * TRAFFIC_SOURCES);
	if (bpf_object__load(b.ours))
		err(1, "%s: load", path);
	snprintf(path, sizeof(path), "%s/traffic.bpf.o", output);
	b.traffic = object_open(path);
	if (bpf_object__load(b.traffic))
		err(1, "%s: load", path);
	b.drop = program_of(b.ours, "mqgate_xdp");
	b.stats = map_of(b.ours, MQGATE_MAP_STATS);
	b.sources = map_of(b.ours, MQGATE_MAP_SOURCES);
	b.run = program_of(b.traffic, "run_target");
	b.send = program_of(b.traffic, "send_frame");
	b.empty = program_of(b.traffic, "empty_drop");
	b.targets = map_of(b.traffic, "targets");
	b.state = map_of(b.traffic, "traffic");
	if (bpf_map_update_elem(b.targets, &(uint32_t){ TRAFFIC_EMPTY }, &b.empty, 0) ||
	    bpf_map_update_elem(b.targets, &(uint32_t){ TRAFFIC_OURS }, &b.drop, 0))
		err(1, "targets");
}

/* A veth pair in a network namespace of this process's own. */
static void wire(void)
{
	if (unshare(CLONE_NEWNET))
		err(1, "network namespace");
	if (system("ip link add out type veth peer name in && ip link set out up && "
		   "ip link set in up"))
		errx(1, "ip link failed");
	b.out = if_nametoindex("out");
	b.in = if_nametoindex("in");
}

static void pin_to_last_cpu(void)
{
	char path[64], name[32];
	cpu_set_t set;
	FILE *f;

	b.cpus = libbpf_num_possible_cpus();
	b.cpu = (int)sysconf(_SC_NPROCESSORS_ONLN) - 1;
	CPU_ZERO(&set);
	CPU_SET(b.cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		err(1, "affinity");
	snprintf(name, sizeof(name), "ksoftirqd/%d\n", b.cpu);
	for (int pid = 2; pid < 1000 && !b.ksoftirqd; pid++) {
		char comm[32] = "";

		snprintf(path, sizeof(path), "/proc/%d/comm", pid);
		f = fopen(path, "r");
		if (!f)
			continue;
		if (fgets(comm, sizeof(comm), f) && !strcmp(comm, name))
			b.ksoftirqd = pid;
		fclose(f);
	}
}

static void ban_all(bool banned)
{
	struct mqgate_verdict verdict = { .action = MQGATE_ACTION_DROP };

	for (uint32_t i = 0; i < TRAFFIC_SOURCES; i++) {
		struct mqgate_source_key key = { .addr = { [10] = 0xFF, [11] = 0xFF } };
		uint32_t addr = TRAFFIC_NET | i;

		for (int k = 0; k < 4; k++)
			key.addr[12 + k] = (uint8_t)(addr >> (24 - 8 * k));
		if (banned && bpf_map_update_elem(b.sources, &key, &verdict, 0))
			err(1, "mqgate_sources");
		if (!banned)
			bpf_map_delete_elem(b.sources, &key);
	}
}

static void aim(uint32_t target)
{
	struct traffic *all = calloc((size_t)b.cpus, sizeof(*all));

	if (!all)
		err(1, "calloc");
	for (int i = 0; i < b.cpus; i++)
		all[i] = (struct traffic){ .target = target, .ifindex = b.out };
	if (bpf_map_update_elem(b.state, &(uint32_t){ 0 }, all, 0))
		err(1, "traffic");
	free(all);
}

/* ---- measuring ------------------------------------------------------------------------- */

static double softirqd_ns(void)
{
	unsigned long long ns = 0;
	char path[64];
	FILE *f;

	if (!b.ksoftirqd)
		return 0;
	snprintf(path, sizeof(path), "/proc/%d/schedstat", b.ksoftirqd);
	f = fopen(path, "r");
	if (!f || fscanf(f, "%llu", &ns) != 1)
		errx(1, "%s cannot be read", path);
	fclose(f);
	return (double)ns;
}

static double cpu_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return (double)ts.tv_sec * 1e9 + (double)ts.tv_nsec + softirqd_ns();
}

static uint64_t dropped(uint32_t reason)
{
	struct mqgate_stat *all = calloc((size_t)b.cpus, sizeof(*all));
	uint32_t index = MQGATE_STATS_INDEX(MQGATE_SVC_MQTT, reason);
	uint64_t sum = 0;

	if (!all || bpf_map_lookup_elem(b.stats, &index, all))
		err(1, "mqgate_stats");
	for (int i = 0; i < b.cpus; i++)
		sum += all[i].packets;
	free(all);
	return sum;
}

static double run(int prog, const uint8_t *frame, size_t len, uint32_t repeat, uint32_t flags)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = frame, .data_size_in = (uint32_t)len,
		    .repeat = (int)repeat, .flags = flags);
	double begin = cpu_ns();

	if (bpf_prog_test_run_opts(prog, &opts))
		err(1, "BPF_PROG_TEST_RUN");
	if (!flags && opts.retval != XDP_DROP)
		errx(1, "the program answered %u, not XDP_DROP", opts.retval);
	return (cpu_ns() - begin) / repeat;
}

static uint64_t received(void)
{
	char line[512] = "";
	FILE *f = popen("ip -s -o link show in", "r");
	unsigned long long bytes, packets;
	char *rx;

	if (!f || !fgets(line, sizeof(line), f))
		errx(1, "ip link show failed");
	pclose(f);
	rx = strstr(line, "missed");
	rx = rx ? strchr(rx, '\\') : NULL;
	if (!rx || sscanf(rx + 1, "%llu %llu", &bytes, &packets) != 2)
		errx(1, "ip link show says: %s", line);
	return packets;
}

/* Live frames to the program @drop on the far end. */
static double live(int drop, const uint8_t *frame, size_t len)
{
	uint64_t before;
	double ns;

	if (bpf_xdp_attach((int)b.in, drop, XDP_FLAGS_DRV_MODE, NULL))
		err(1, "attach to veth");
	before = received();
	ns = run(b.send, frame, len, LIVE_REPEAT, BPF_F_TEST_XDP_LIVE_FRAMES);
	if (received() - before < LIVE_REPEAT - LIVE_REPEAT / 1000)
		errx(1, "only %llu of %u frames arrived",
		     (unsigned long long)(received() - before), LIVE_REPEAT);
	if (bpf_xdp_detach((int)b.in, XDP_FLAGS_DRV_MODE, NULL))
		err(1, "detach from veth");
	return ns;
}

static void must_have_dropped(uint64_t before, size_t kind, uint32_t repeat)
{
	uint64_t count = dropped(kinds[kind].reason) - before;

	if (count < repeat - repeat / 1000)
		errx(1, "%s: %llu of %u packets were dropped for it", kinds[kind].what,
		     (unsigned long long)count, repeat);
}

static void measure(size_t kind, struct row *alone, struct row *veth)
{
	struct pkt p = { .data = kinds[kind].data };
	uint8_t frame[PKT_MAX];
	size_t len = pkt_build(&p, frame);

	ban_all(kinds[kind].banned);
	for (int i = 0; i < ROW_RUNS; i++) {
		double direct, empty, ours;
		uint64_t before;

		direct = run(b.empty, frame, len, REPEAT, 0);
		aim(TRAFFIC_EMPTY);
		empty = run(b.run, frame, len, REPEAT, 0);
		aim(TRAFFIC_OURS);
		before = dropped(kinds[kind].reason);
		ours = run(b.run, frame, len, REPEAT, 0);
		must_have_dropped(before, kind, REPEAT);
		alone->limit[i] = direct;
		alone->ours[i] = ours - empty + direct;

		veth->limit[i] = live(b.empty, frame, len);
		before = dropped(kinds[kind].reason);
		veth->ours[i] = live(b.drop, frame, len);
		must_have_dropped(before, kind, LIVE_REPEAT);
	}
}

int main(void)
{
	const char *top = getenv("MQGATE_TOP"), *output = getenv("MQGATE_OUTPUT");
	static char ids[2 * KINDS][64], whats[2 * KINDS][64];
	struct row rows[2 * KINDS] = {};
	char dir[4096];

	if (!top || !output)
		errx(1, "run me by: make bench-xdp");
	if (geteuid() != 0)
		errx(1, "loading BPF needs root: sudo make bench-xdp");
	pin_to_last_cpu();
	load(top, output);
	wire();
	for (size_t k = 0; k < KINDS; k++) {
		for (int v = 0; v < 2; v++) {
			struct row *row = &rows[2 * k + (size_t)v];

			snprintf(ids[2 * k + (size_t)v], sizeof(ids[0]), "xdp-drop-%s-%s",
				 kinds[k].id, v ? "veth" : "alone");
			snprintf(whats[2 * k + (size_t)v], sizeof(whats[0]), "%s, %s",
				 kinds[k].what, v ? "veth" : "alone");
			row->id = ids[2 * k + (size_t)v];
			row->what = whats[2 * k + (size_t)v];
			row->unit = "CPU ns/pkt";
			row->better = "lower";
			row->against = "empty XDP_DROP";
		}
		measure(k, &rows[2 * k], &rows[2 * k + 1]);
	}
	printf("%u sources take turns; limit: empty XDP_DROP; %d runs, medians\n",
	       TRAFFIC_SOURCES, ROW_RUNS);
	rows_print(rows, 2 * KINDS);
	snprintf(dir, sizeof(dir), "%s/bench-results", top);
	return rows_write(rows, 2 * KINDS, dir, "xdp") ? 1 : 0;
}
