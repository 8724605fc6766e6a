// SPDX-License-Identifier: BSD-2-Clause
/*
 * What a message costs mqgated, from a device with mutual TLS to the broker in clear text, against
 * a relay that does not parse and others that do the same job or less. 50 devices, QoS 0, each with
 * one record under way: whoever is measured is never short of work, and is sent the same whatever
 * its speed. Five runs; in each everybody is there at the same time, in a namespace of his own, and
 * works in small pieces by turns, so that what else the machine does is felt by all. A ratio is the
 * median of the runs' ratios. CPU time is that of all threads of a server.
 *
 * MQGATE_BENCH_MESSAGES: of one measurement (100,000).
 */
#include "command.h"
#include "rows.h"
#include "stream.h"
#include "tls.h"

#include <err.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define DEVICES		50
#define PIECES		10	/* of a measurement */
#define HALF		0.5	/* of what the slower of two carries: the load of the latencies */
#define ADDED_US	150

enum who { OURS, BARE, NO_ACL, HAPROXY, HAPROXY_VALID, NGINX, MOSQUITTO, EVERYBODY };

static const char *const names[EVERYBODY] = {
	[OURS] = "mqgate", [BARE] = "bare relay", [NO_ACL] = "mqgate, no ACL",
	[HAPROXY] = "haproxy",
	[HAPROXY_VALID] = "haproxy, mqtt_is_valid", [NGINX] = "nginx", [MOSQUITTO] = "mosquitto",
};

enum { SINGLE, BATCHED, LARGE, RUNGS };

static const struct stream_rung rungs[RUNGS] = {
	[SINGLE] = { "single", "64 B, one message a record", 64, 1 },
	[BATCHED] = { "batched", "64 B, 100 messages a record", 64, 100 },
	[LARGE] = { "large", "4 kB, one message a record", 4096, 1 },
};

static struct bench {
	const char	*top, *dir;
	int		server_cpu;
	uint32_t	messages;
	double		cost[EVERYBODY][RUNGS][ROW_RUNS];	/* us of CPU a message */
	double		p99[2][ROW_RUNS];			/* us; ours and the bare relay's */
	const char	*cannot[EVERYBODY];
	struct row	rows[16];
	size_t		n_rows;
} b;

static void start(struct tls_server *s, enum who who)
{
	struct tls_mode mode = { 0 };

	switch (who) {
	case OURS:
		mode.file = "stream/mqgate.yaml";
		/* fall through */
	case NO_ACL:
		tls_start_mqgate(s, b.top, b.dir, mode, b.server_cpu);
		break;
	case BARE:
		tls_start_own(s, names[who], b.server_cpu, TLS_SESSION_PORT, stream_relay_run,
			      b.dir);
		break;
	case HAPROXY_VALID:
		mode.file = "stream/haproxy.cfg";
		/* fall through */
	case HAPROXY:
		tls_start_peer(s, TLS_HAPROXY, b.top, b.dir, mode, b.server_cpu);
		break;
	case NGINX:
		tls_start_peer(s, TLS_NGINX, b.top, b.dir, mode, b.server_cpu);
		break;
	default:
		mode.file = "stream/mosquitto.conf";
		tls_start_peer(s, TLS_MOSQUITTO, b.top, b.dir, mode, b.server_cpu);
	}
}

/* ---- what a message costs ---------------------------------------------------------------- */

/* One server with its devices and its broker: a process, that is told what to do by a pipe. */
struct stall {
	pid_t	pid;
	int	to, from;
};

struct order {
	int		rung;
	uint32_t	messages;
};

/* In the child. First says why it cannot, or NULL; then ns of CPU for each order. */
static void keep_stall(enum who who, int in, int out)
{
	struct stream_load *load;
	struct tls_server s;
	struct order order;

	b.dir = tls_prepare(b.top);
	command_run("cp %s/selftests/bench/peers/stream/acl .", b.top);
	start(&s, who);
	load = s.pid ? stream_load_new(b.dir, &s, DEVICES, who == MOSQUITTO) : NULL;
	/* A string of this program, and so at the same place in its parent. */
	if (write(out, &s.cannot, sizeof(s.cannot)) != sizeof(s.cannot) || !load)
		exit(0);
	while (read(in, &order, sizeof(order)) == sizeof(order)) {
		double used;

		/* What fell asleep while others had their turn. */
		stream_load_run(load, &rungs[order.rung], order.messages / 4);
		used = -tls_cpu(&s);
		stream_load_run(load, &rungs[order.rung], order.messages);
		used += tls_cpu(&s);
		if (write(out, &used, sizeof(used)) != sizeof(used))
			break;
	}
	stream_load_free(load);
	tls_stop(&s);
	exit(0);
}

static void hear(const struct stall *stall, enum who who, void *data, size_t len)
{
	if (read(stall->from, data, len) != (ssize_t)len)
		errx(1, "%s: its measurement ended", names[who]);
}

static void open_stall(struct stall stalls[EVERYBODY], enum who who)
{
	struct stall *stall = &stalls[who];
	int to[2], from[2];

	if (pipe2(to, O_CLOEXEC) || pipe2(from, O_CLOEXEC))
		err(1, "pipe");
	stall->pid = fork();
	if (stall->pid < 0)
		err(1, "fork");
	if (!stall->pid) {
		/* They end when nobody can give them orders any more. */
		for (enum who other = 0; other < who; other++)
			close(stalls[other].to);
		close(to[1]);
		close(from[0]);
		keep_stall(who, to[0], from[1]);
	}
	close(to[0]);
	close(from[1]);
	stall->to = to[1];
	stall->from = from[0];
	hear(stall, who, &b.cannot[who], sizeof(b.cannot[who]));
}

static void close_stall(struct stall *stall)
{
	close(stall->to);
	close(stall->from);
	waitpid(stall->pid, NULL, 0);
}

/* us of CPU that a message of a piece takes */
static double piece(const struct stall *stall, enum who who, int rung)
{
	/* A batched one costs little, a large one much. */
	uint32_t messages = rung == BATCHED ? 5 * b.messages :
			    rung == LARGE ? b.messages / 2 : b.messages;
	struct order order = { rung, messages / PIECES };
	double used;

	if (write(stall->to, &order, sizeof(order)) != sizeof(order))
		errx(1, "%s: its measurement ended", names[who]);
	hear(stall, who, &used, sizeof(used));
	return used / order.messages / 1e3;
}

static void measure_rungs(int run)
{
	struct stall stalls[EVERYBODY];

	for (enum who who = 0; who < EVERYBODY; who++)
		open_stall(stalls, who);
	for (int turn = 0; turn < RUNGS * PIECES * EVERYBODY; turn++) {
		int rung = turn / (PIECES * EVERYBODY);
		/* Who comes behind whom is not always the same. */
		enum who who = (turn + turn / EVERYBODY) % EVERYBODY;

		if (!b.cannot[who])
			b.cost[who][rung][run] += piece(&stalls[who], who, rung) / PIECES;
	}
	for (enum who who = 0; who < EVERYBODY; who++) {
		close_stall(&stalls[who]);
		fprintf(stderr, "%s: %.2f us, batched %.3f us, 4 kB %.2f us\n", names[who],
			b.cost[who][SINGLE][run], b.cost[who][BATCHED][run],
			b.cost[who][LARGE][run]);
	}
}

static void measure_delay(enum who who, int run, double rate)
{
	struct stream_load *load;
	struct tls_server s;

	start(&s, who);
	load = stream_load_new(b.dir, &s, DEVICES, false);
	stream_load_p99(load, &rungs[SINGLE], rate, b.messages / 10);
	b.p99[who][run] = stream_load_p99(load, &rungs[SINGLE], rate, b.messages);
	fprintf(stderr, "%s: p99 %.0f us at %.0f messages/s\n", names[who], b.p99[who][run], rate);
	stream_load_free(load);
	tls_stop(&s);
}

static void measure(void)
{
	for (int run = 0; run < ROW_RUNS; run++) {
		double slower;

		measure_rungs(run);
		slower = b.cost[OURS][SINGLE][run] > b.cost[BARE][SINGLE][run] ?
			 b.cost[OURS][SINGLE][run] : b.cost[BARE][SINGLE][run];
		measure_delay(OURS, run, HALF * 1e6 / slower);
		measure_delay(BARE, run, HALF * 1e6 / slower);
	}
}

/* ---- rows -------------------------------------------------------------------------------- */

static struct row *row(const char *id, const char *what, const char *unit, const char *against,
		       double target)
{
	struct row *r = &b.rows[b.n_rows++];

	*r = (struct row){ .id = id, .what = what, .unit = unit, .better = "lower",
			   .against = against, .target = target };
	return r;
}

/* Ours against @limit's, the others beside it where @all. */
static struct row *cost_row(const char *id, int rung, enum who limit, double target, bool all)
{
	struct row *r = row(id, rungs[rung].what, "CPU us", names[limit], target);

	memcpy(r->ours, b.cost[OURS][rung], sizeof(r->ours));
	memcpy(r->limit, b.cost[limit][rung], sizeof(r->limit));
	if (limit != BARE)
		r->peer = names[limit];
	if (b.cannot[limit])
		snprintf(r->invalid, sizeof(r->invalid), "%s: %s", names[limit], b.cannot[limit]);
	for (enum who who = NO_ACL; all && who < EVERYBODY; who++) {
		struct peer *p = &r->peers[r->n_peers];

		if (who == limit)
			continue;
		p->name = names[who];
		p->cannot = b.cannot[who];
		memcpy(p->cost, b.cost[who][rung], sizeof(p->cost));
		r->n_peers++;
	}
	return r;
}

/* The same in messages that a second of CPU carries: the target is a share of the relay's. */
static void relay_row(const char *id, int rung, double target)
{
	struct row *r = cost_row(id, rung, BARE, target, true);

	r->unit = "1/CPU ms";
	r->better = "higher";
	for (int i = 0; i < ROW_RUNS; i++) {
		r->ours[i] = 1e3 / r->ours[i];
		r->limit[i] = 1e3 / r->limit[i];
		for (size_t k = 0; k < r->n_peers; k++)
			r->peers[k].cost[i] = 1e3 / r->peers[k].cost[i];
	}
}

static void fill_rows(void)
{
	struct row *r;

	cost_row("stream-64-haproxy", SINGLE, HAPROXY, 0.8, true);
	cost_row("stream-64-mosquitto", SINGLE, MOSQUITTO, 0.5, false);
	relay_row("stream-64-relay", SINGLE, 0.95);
	relay_row("stream-batched-relay", BATCHED, 0.6);
	relay_row("stream-4k-relay", LARGE, 0.99);
	r = row("stream-latency", "added latency p99, half load", "us", "bare relay's p99",
		ADDED_US);
	r->absolute = true;
	for (int i = 0; i < ROW_RUNS; i++) {
		r->ours[i] = b.p99[OURS][i] - b.p99[BARE][i];
		r->limit[i] = b.p99[BARE][i];
	}
}

int main(void)
{
	const char *count = getenv("MQGATE_BENCH_MESSAGES");
	char results[4096];

	b.top = getenv("MQGATE_TOP");
	if (!b.top)
		errx(1, "run me by: make bench-stream");
	if (geteuid() != 0)
		errx(1, "namespaces need root: sudo make bench-stream");
	b.server_cpu = (int)sysconf(_SC_NPROCESSORS_ONLN) - 1;
	if (b.server_cpu < 1)
		errx(1, "two CPUs are needed: one asks, the other is measured");
	b.messages = count ? (uint32_t)strtoul(count, NULL, 10) : 100000;
	if (b.messages < 1000)
		errx(2, "MQGATE_BENCH_MESSAGES=%s: at least 1000", count);
	setvbuf(stdout, NULL, _IOLBF, 0);
	signal(SIGPIPE, SIG_IGN);
	b.dir = tls_prepare(b.top);
	command_run("cp %s/selftests/bench/peers/stream/acl .", b.top);
	measure();
	fill_rows();
	printf("%d runs of %u messages, %d devices, medians (min..max)\n", ROW_RUNS, b.messages,
	       DEVICES);
	rows_print(b.rows, b.n_rows);
	snprintf(results, sizeof(results), "%s/bench-results", b.top);
	return rows_write(b.rows, b.n_rows, results, "stream") ? 1 : 0;
}
