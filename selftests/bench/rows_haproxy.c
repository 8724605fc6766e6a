// SPDX-License-Identifier: BSD-2-Clause
/*
 * A malformed CONNECT refused by HAProxy's mqtt_is_valid, which needs a TCP connection each: the
 * time of its one thread, over loopback, where the softirq of the client's side costs it nothing.
 * See bench_xdp.h; configuration in peers/haproxy.cfg.
 */
#include "bench_xdp.h"

#include <arpa/inet.h>
#include <err.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define CONNECTIONS	2000

static const struct sockaddr_in door = {
	.sin_family = AF_INET, .sin_port = 0x5B07 /* 1883 */, .sin_addr.s_addr = 0x0100007F,
};

static int knock(void)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd >= 0 && connect(fd, (const struct sockaddr *)&door, sizeof(door))) {
		close(fd);
		return -1;
	}
	return fd;
}

/* Refused: the connection ends, with nothing answered. */
static void refused(void)
{
	static const uint8_t bad[] = {
		0x1F, 0x0D, 0, 4, 'M', 'Q', 'T', 'T', 4, 2, 0, 10, 0, 1, 'p',
	};
	int fd = knock();
	char answer;

	if (fd < 0 || send(fd, bad, sizeof(bad), MSG_NOSIGNAL) != sizeof(bad))
		err(1, "haproxy");
	if (recv(fd, &answer, 1, 0) > 0)
		errx(1, "haproxy answered a malformed CONNECT");
	close(fd);
}

static pid_t start(struct stage *s)
{
	char path[4200];
	pid_t pid;

	snprintf(path, sizeof(path), "%s/selftests/bench/peers/haproxy.cfg", s->top);
	pid = fork();
	if (pid < 0)
		err(1, "fork");
	if (!pid) {
		stage_pin(0, s->measured_cpu, false);
		execlp("haproxy", "haproxy", "-db", "-q", "-f", path, (char *)NULL);
		_exit(127);
	}
	for (int tries = 0; tries < 1000; tries++) {
		struct timespec pause = { .tv_nsec = 10000000 };
		int fd = knock();

		if (fd >= 0) {
			close(fd);
			return pid;
		}
		if (waitpid(pid, NULL, WNOHANG) == pid)
			return 0;
		nanosleep(&pause, NULL);
	}
	kill(pid, SIGKILL);
	errx(1, "haproxy does not listen");
}

void bench_haproxy(struct bench *b)
{
	struct stage *s = &b->stage;
	struct row *row = bench_row(b, "lower", "HAProxy mqtt_is_valid", "xdp-haproxy",
				    "malformed CONNECT, above an empty drop");
	pid_t pid;

	row->target = 0.02;
	row->n_peers = 1;
	row->peers[0].name = "haproxy";
	stage_load(s, 100000, false);
	stage_fill(s, 0, 0, false);
	stage_aim(s, &kind_malformed, TRAFFIC_SOURCES, false);
	pid = start(s);
	if (!pid) {
		row->peers[0].cannot = "haproxy is not installed, or does not start";
		snprintf(row->invalid, sizeof(row->invalid), "nothing to compare with");
	}
	for (int i = 0; i < ROW_RUNS; i++) {
		double empty = gauge_wired(s, stage_program(s->bare, "empty_drop"), b->packets).ns;
		struct gauge ours = gauge_wired(s, stage_program(s->ours, "mqgate_xdp"),
						b->packets);
		double ran[2], waited;

		row->ours[i] = ours.ns - empty;
		bench_judge(row, &ours, TRAFFIC_SOURCES);
		if (!pid)
			continue;
		stage_pin(0, s->send_cpu, false);
		gauge_time(pid, &ran[0], &waited);
		for (int k = 0; k < CONNECTIONS; k++)
			refused();
		gauge_time(pid, &ran[1], &waited);
		row->limit[i] = row->peers[0].cost[i] = (ran[1] - ran[0]) / CONNECTIONS;
	}
	if (pid) {
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
	}
	stage_unload(s);
}
