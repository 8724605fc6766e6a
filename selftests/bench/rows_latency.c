// SPDX-License-Identifier: BSD-2-Clause
/*
 * What an honest client feels of a flood: from connect() to its CONNACK, over a veth pair whose
 * far end drops malformed CONNECTs meanwhile, at shares of what it can drop. The far end is a
 * namespace of its own with a server that answers CONNECTs; its CPU is the one that drops. The
 * flood keeps an even pace, since bursts would show the ring of the veth and nothing else.
 */
#include "bench_xdp.h"

#include <arpa/inet.h>
#include <err.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include <linux/if_link.h>

#include "command.h"

#define CLIENTS		1000		/* of one run at one pace, one after the other, */
#define AT_MOST_NS	4e9		/* or as many as get in in that time */
#define PATIENCE_MS	5000
#define CHUNK		500		/* ms of a flood that one system call makes */
#define BATCH		64

static const char connect_packet[] = "\x10\x0f\0\4MQTT\4\2\0\x3c\0\3dev";
static const char connack[] = "\x20\2\0";

static const struct sockaddr_in door = {
	.sin_family = AF_INET, .sin_port = 0x5B07 /* 1883 */,
	.sin_addr.s_addr = 0x017100CB /* 203.0.113.1 */,
};

/* ---- the far end ------------------------------------------------------------------------ */

static void serve(void)
{
	int on = 1, listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (listener < 0 || setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) ||
	    bind(listener, (const struct sockaddr *)&door, sizeof(door)) || listen(listener, 128))
		err(1, "the server of the far end");
	for (;;) {
		int fd = accept(listener, NULL, NULL);
		char packet[64];

		if (fd < 0)
			continue;
		if (recv(fd, packet, sizeof(packet), 0) > 0 && packet[0] == 0x10 &&
		    send(fd, connack, 4, MSG_NOSIGNAL) == 4)
			recv(fd, packet, sizeof(packet), 0);
		close(fd);
	}
}

static void say(int fd)
{
	if (write(fd, "", 1) != 1)
		err(1, "pipe");
}

static void hear(int fd)
{
	char byte;

	if (read(fd, &byte, 1) != 1)
		errx(1, "the other end of the latency bench has ended");
}

/* In a namespace of its own: sets up its end when that has come, and serves until it is killed. */
static void far_end(struct stage *s, int from_parent, int to_parent)
{
	struct stage far = *s;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (unshare(CLONE_NEWNET | CLONE_NEWNS) ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount("sysfs", "/sys", "sysfs", 0, NULL))
		err(1, "namespaces");
	say(to_parent);
	hear(from_parent);
	command_run("ip addr add 203.0.113.1/24 dev %s && ip link set %s up && ip link set lo up",
		  far.in_name, far.in_name);
	far.in = if_nametoindex(far.in_name);
	gauge_attach_alone(&far, stage_program(s->ours, "mqgate_xdp"));
	stage_pin(0, s->measured_cpu, false);
	say(to_parent);
	serve();
}

static pid_t raise_far_end(struct stage *s)
{
	int down[2], up[2];
	pid_t pid;

	if (pipe(down) || pipe(up))
		err(1, "pipe");
	pid = fork();
	if (pid < 0)
		err(1, "fork");
	if (!pid) {
		close(down[1]);
		close(up[0]);
		far_end(s, down[0], up[1]);
		_exit(1);
	}
	close(down[0]);
	close(up[1]);
	hear(up[0]);
	command_run("ip link add %s type veth peer name %s && ip link set %s netns %d && "
		  "ip addr add 203.0.113.2/24 dev %s && ip link set %s up",
		  s->out_name, s->in_name, s->in_name, pid, s->out_name, s->out_name);
	s->out = if_nametoindex(s->out_name);
	say(down[1]);
	hear(up[0]);
	close(down[1]);
	close(up[0]);
	return pid;
}

/* ---- the flood ---------------------------------------------------------------------------- */

/* A process that sends @rate packets a second until it is killed; 0 = none, returns 0. */
static pid_t flood(struct stage *s, double rate)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = s->frame, .data_size_in = s->frame_len,
		    .flags = BPF_F_TEST_XDP_LIVE_FRAMES, .batch_size = BATCH);
	pid_t pid;

	if (rate < 1)
		return 0;
	gauge_pace(s, rate);
	pid = fork();
	if (pid < 0)
		err(1, "fork");
	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	stage_pin(0, s->send_cpu, false);
	for (;;) {
		opts.repeat = (int)(rate * CHUNK / 1000) + 1;
		if (bpf_prog_test_run_opts(stage_program(s->traffic, "send_frame"), &opts))
			err(1, "live frames");
	}
}

static void stop(pid_t pid)
{
	if (pid) {
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
	}
}

/* ---- the clients ---------------------------------------------------------------------------- */

/* us from connect() to the CONNACK, or negative where there was none in time. */
static double one_client(void)
{
	const struct linger reset = { .l_onoff = 1 };
	const struct timeval patience = { .tv_sec = PATIENCE_MS / 1000 };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	double begin = gauge_now();
	char answer[8];
	bool good;

	/* The socket has no state to leave behind: the next client has another port. */
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	good = fd >= 0 && !connect(fd, (const struct sockaddr *)&door, sizeof(door)) &&
	       send(fd, connect_packet, sizeof(connect_packet) - 1, MSG_NOSIGNAL) > 0 &&
	       recv(fd, answer, sizeof(answer), 0) == 4;
	begin = (gauge_now() - begin) / 1e3;
	close(fd);
	return good ? begin : -1;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

struct felt {
	double		p99;		/* us */
	uint32_t	clients, failed;
	double		dropped;	/* packets/s that XDP dropped meanwhile */
};

static struct felt clients(struct stage *s, double rate)
{
	static double took[CLIENTS];
	struct felt felt = { 0 };
	uint64_t before;
	double begin;
	uint32_t n = 0;
	pid_t pid = flood(s, rate);

	stage_pin(0, s->send_cpu, true);
	before = stage_counted(s, true);
	begin = gauge_now();
	while (felt.clients < CLIENTS && gauge_now() - begin < AT_MOST_NS) {
		double us = one_client();

		felt.clients++;
		if (us < 0)
			felt.failed++;
		else
			took[n++] = us;
		/* The flood has the CPU for as long as the client had it. */
		poll(NULL, 0, 1);
	}
	felt.dropped = (double)(stage_counted(s, true) - before) * 1e9 / (gauge_now() - begin);
	stage_pin(0, s->send_cpu, false);
	stop(pid);
	if (!n)
		errx(1, "no client was answered");
	qsort(took, n, sizeof(took[0]), compare);
	felt.p99 = took[(size_t)n * 99 / 100];
	return felt;
}

/* ---- rows ----------------------------------------------------------------------------------- */

static const struct {
	double		share;		/* of what can be dropped */
	const char	*id;
} paces[] = {
	{ 0.25, "25" }, { 0.5, "50" }, { 0.75, "75" }, { 0.9, "90" }, { 1.1, "110" },
};

#define PACES	(sizeof(paces) / sizeof(paces[0]))

void bench_latency(struct bench *b)
{
	struct stage *s = &b->stage, near;
	uint32_t failed[PACES] = { 0 }, tried[PACES] = { 0 };
	double dropped[PACES] = { 0 };
	struct row *rows[PACES];
	double capacity;
	pid_t pid;

	stage_load(s, 100000, false);
	stage_fill(s, 0, 0, false);
	stage_aim(s, &kind_malformed, TRAFFIC_SOURCES, false);
	capacity = 1e9 / gauge_wired(s, stage_program(s->ours, "mqgate_xdp"), b->packets).ns;
	near = *s;
	snprintf(near.out_name, sizeof(near.out_name), "mqc%d", getpid());
	snprintf(near.in_name, sizeof(near.in_name), "mqs%d", getpid());
	pid = raise_far_end(&near);
	for (size_t i = 0; i < PACES; i++) {
		char id[64];

		snprintf(id, sizeof(id), "xdp-latency-%s", paces[i].id);
		rows[i] = bench_row(b, "lower", "the same without a flood", id,
				    "honest connect, p99, flood at %s %% of capacity", paces[i].id);
		rows[i]->unit = "us";
		if (!strcmp(paces[i].id, "50"))
			rows[i]->target = 3;
	}
	for (int run = 0; run < ROW_RUNS; run++) {
		double quiet = clients(&near, 0).p99;

		for (size_t i = 0; i < PACES; i++) {
			struct felt felt = clients(&near, capacity * paces[i].share);

			rows[i]->limit[run] = quiet;
			rows[i]->ours[run] = felt.p99;
			failed[i] += felt.failed;
			tried[i] += felt.clients;
			dropped[i] += felt.dropped / ROW_RUNS;
			fprintf(stderr, "%s: %.0f us, without %.0f\n", rows[i]->what, felt.p99,
				quiet);
		}
	}
	for (size_t i = 0; i < PACES; i++) {
		snprintf(rows[i]->note, sizeof(rows[i]->note),
			 "%.2f of %.2f Mpkt/s dropped, %u of %u clients failed", dropped[i] / 1e6,
			 capacity / 1e6, failed[i], tried[i]);
		/* One that does not get in has waited for ever. */
		if (failed[i] && rows[i]->target > 0)
			for (int run = 0; run < ROW_RUNS; run++)
				rows[i]->ours[run] += PATIENCE_MS * 1e3;
	}
	stop(pid);
	gauge_pace(s, 0);
	stage_unload(s);
}
