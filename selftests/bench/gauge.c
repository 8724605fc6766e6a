// SPDX-License-Identifier: BSD-2-Clause
/* Costs of packets; see gauge.h. */
#include "gauge.h"

#include <dirent.h>
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include <linux/if_link.h>

#include "command.h"

#define LIVE_BATCH	64U
#define TRIES		20

double gauge_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec * 1e9 + (double)ts.tv_nsec;
}

static double thread_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return (double)ts.tv_sec * 1e9 + (double)ts.tv_nsec;
}

void gauge_time(pid_t pid, double *ran, double *waited)
{
	unsigned long long run, wait;
	char path[64];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/schedstat", pid);
	f = fopen(path, "r");
	if (!f || fscanf(f, "%llu %llu", &run, &wait) != 2)
		errx(1, "%s cannot be read", path);
	fclose(f);
	*ran = (double)run;
	*waited = (double)wait;
}

double gauge_alone(struct stage *s, int prog, uint32_t packets, uint32_t verdict)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = s->frame, .data_size_in = s->frame_len,
		    .repeat = (int)packets);
	int fd = bpf_object__find_map_fd_by_name(s->traffic, "target");
	uint32_t zero = 0;
	double begin;

	if (bpf_map_update_elem(fd, &zero, &prog, 0))
		err(1, "target");
	stage_pin(0, s->measured_cpu, true);
	begin = thread_ns();
	if (bpf_prog_test_run_opts(stage_program(s->traffic, "run_target"), &opts))
		err(1, "BPF_PROG_TEST_RUN");
	if (opts.retval != verdict)
		errx(1, "the program answered %u, not %u", opts.retval, verdict);
	begin = (thread_ns() - begin) / packets;
	stage_pin(0, s->measured_cpu, false);
	return begin;
}

static pid_t find_poller(const char *device)
{
	DIR *dir = opendir("/proc");
	struct dirent *entry;
	char want[64];
	pid_t pid = 0;

	snprintf(want, sizeof(want), "napi/%s-", device);
	while (dir && !pid && (entry = readdir(dir))) {
		char path[300], name[64] = "";
		FILE *f;

		if (entry->d_name[0] < '0' || entry->d_name[0] > '9')
			continue;
		snprintf(path, sizeof(path), "/proc/%s/comm", entry->d_name);
		f = fopen(path, "r");
		if (f && fgets(name, sizeof(name), f) && !strncmp(name, want, strlen(want)))
			pid = atoi(entry->d_name);
		if (f)
			fclose(f);
	}
	if (dir)
		closedir(dir);
	if (!pid)
		errx(1, "no kernel thread polls %s", device);
	return pid;
}

/* A device without a program has nothing that could be polled. */
static void poll_threaded(struct stage *s)
{
	command_run("echo 1 > /sys/class/net/%s/threaded", s->in_name);
	s->poller = find_poller(s->in_name);
	stage_pin(s->poller, s->measured_cpu, true);
}

static void set_paced(struct stage *s, bool paced)
{
	int fd = bpf_object__find_map_fd_by_name(s->traffic, "traffic");
	uint32_t zero = 0;
	struct traffic t;

	if (bpf_map_lookup_elem(fd, &zero, &t))
		err(1, "traffic");
	t.paced = paced;
	if (bpf_map_update_elem(fd, &zero, &t, 0))
		err(1, "traffic");
}

void gauge_pace(struct stage *s, double rate)
{
	int fd = bpf_object__find_map_fd_by_name(s->traffic, "traffic");
	uint32_t zero = 0;
	struct traffic t;

	if (bpf_map_lookup_elem(fd, &zero, &t))
		err(1, "traffic");
	t.paced = false;
	t.interval = rate > 0 ? (uint64_t)(1e9 / rate) : 0;
	t.next = 0;
	t.ifindex = s->out;
	if (bpf_map_update_elem(fd, &zero, &t, 0))
		err(1, "traffic");
}

void gauge_attach_alone(struct stage *s, int prog)
{
	if (bpf_xdp_attach((int)s->in, prog, XDP_FLAGS_DRV_MODE, NULL))
		err(1, "attach to veth");
	poll_threaded(s);
}

void gauge_attach(struct stage *s, int prog)
{
	int fd = bpf_object__find_map_fd_by_name(s->traffic, "target");
	uint32_t zero = 0;

	set_paced(s, prog >= 0);
	if (prog >= 0 && (bpf_map_update_elem(fd, &zero, &prog, 0) ||
			  bpf_xdp_attach((int)s->in, stage_program(s->traffic, "count_target"),
					 XDP_FLAGS_DRV_MODE, NULL)))
		err(1, "attach to veth");
	poll_threaded(s);
}

uint64_t gauge_received(struct stage *s)
{
	unsigned long long packets;
	char path[64];
	FILE *f;

	snprintf(path, sizeof(path), "/sys/class/net/%s/statistics/rx_packets", s->in_name);
	f = fopen(path, "r");
	if (!f || fscanf(f, "%llu", &packets) != 1)
		errx(1, "%s cannot be read", path);
	fclose(f);
	return packets;
}

/* Return: how long the sending took, ns; without its begin and end, which take milliseconds. */
static double send_frames(struct stage *s, uint32_t packets)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = s->frame, .data_size_in = s->frame_len,
		    .repeat = (int)packets, .flags = BPF_F_TEST_XDP_LIVE_FRAMES,
		    .batch_size = LIVE_BATCH);

	if (bpf_prog_test_run_opts(stage_program(s->traffic, "send_frame"), &opts))
		err(1, "live frames");
	return (double)opts.duration * packets;
}

struct gauge gauge_wired(struct stage *s, int prog, uint32_t packets)
{
	double wall = 0, ran[2], waited[2];
	struct gauge g = { 0 };
	uint64_t before, arrived;

	gauge_attach(s, prog);
	stage_pin(0, s->send_cpu, true);
	send_frames(s, packets / 8);		/* warm */
	before = gauge_received(s);
	gauge_time(s->poller, &ran[0], &waited[0]);
	/* What finds the ring full is lost: sent until enough has arrived. */
	for (int i = 0; i < TRIES; i++) {
		wall += send_frames(s, packets);
		arrived = gauge_received(s) - before;
		if (arrived >= packets)
			break;
	}
	gauge_time(s->poller, &ran[1], &waited[1]);
	stage_pin(0, s->send_cpu, false);
	if (arrived < packets / 4)
		errx(1, "only %llu frames arrived", (unsigned long long)arrived);
	ran[1] -= ran[0];
	waited[1] -= waited[0];
	g.ns = ran[1] / (double)arrived;
	g.pps = (double)arrived * 1e9 / wall;
	g.busy = (ran[1] + waited[1]) / wall;
	g.disturbed = waited[1] / wall;
	return g;
}
