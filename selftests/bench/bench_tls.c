// SPDX-License-Identifier: BSD-2-Clause
/*
 * What a handshake and an idle client cost mqgated, against the least that libssl can do and what
 * others need that end mutual TLS. P-256, leaf and intermediate, a CRL of each CA, TLS 1.3,
 * AES-128-GCM. Five runs, those that are compared taking turns in each; a ratio is the median of
 * the runs' ratios. CPU time is that of all threads of a server.
 *
 *	bench_tls [GROUP...]	handshakes refusals memory reload; all of them without
 *
 * MQGATE_BENCH_HANDSHAKES: of one measurement (2,000). MQGATE_BENCH_CLIENTS: that are idle
 * (10,000, and 50,000); fewer where the limit of descriptors is lower, of which one takes two.
 */
#include "command.h"
#include "rows.h"
#include "tls.h"

#include <err.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define WARM		200
#define SPARE		200	/* that a server has besides */
#define STALL_MS	20
#define PINGS		2000	/* before a reload, and at least as many from its beginning on */

static struct bench {
	const char	*top, *dir;
	int		server_cpu;
	uint32_t	handshakes;
	uint32_t	clients_max;
	struct row	rows[16];
	size_t		n_rows;
} b;

static struct row *row(const char *id, const char *what, const char *unit, const char *against,
		       double target)
{
	struct row *r = &b.rows[b.n_rows++];

	*r = (struct row){ .id = id, .what = what, .unit = unit, .better = "lower",
			   .against = against, .target = target };
	return r;
}

static void prepare(void)
{
	struct rlimit files;

	b.dir = tls_prepare(b.top);
	getrlimit(RLIMIT_NOFILE, &files);
	b.clients_max = (uint32_t)(files.rlim_cur - SPARE) / 2 - WARM;
}

/* ---- handshakes ------------------------------------------------------------------------------ */

enum who { OURS, BARE, PEERS, HAPROXY = PEERS + TLS_HAPROXY, NGINX = PEERS + TLS_NGINX,
	   EVERYBODY = PEERS + TLS_PEERS };

static const char *name_of(enum who who)
{
	return who == OURS ? "mqgate" : who == BARE ? "bare libssl" : tls_peer_name(who - PEERS);
}

static void start(struct tls_server *s, enum who who, struct tls_mode mode)
{
	if (who == OURS)
		tls_start_mqgate(s, b.top, b.dir, mode, b.server_cpu);
	else if (who == BARE)
		tls_start_bare(s, b.dir, mode, b.server_cpu);
	else
		tls_start_peer(s, who - PEERS, b.top, b.dir, mode, b.server_cpu);
}

/* us of the server's CPU time. */
static double one(struct tls_clients *c, struct tls_server *s, enum tls_want want)
{
	double before;

	tls_clients_shake(c, WARM, want);
	before = tls_cpu(s);
	tls_clients_shake(c, b.handshakes, want);
	return (tls_cpu(s) - before) / b.handshakes / 1e3;
}

/* What everybody needs for a handshake of a kind, run by run. */
static void measure(double cost[EVERYBODY][ROW_RUNS], const char *cannot[EVERYBODY],
		    const char *certificate, struct tls_mode mode)
{
	for (int i = 0; i < ROW_RUNS; i++) {
		for (enum who who = 0; who < EVERYBODY; who++) {
			struct tls_clients *c = tls_clients_new(b.dir, certificate);
			struct tls_server s;

			start(&s, who, mode);
			cannot[who] = s.cannot;
			if (s.pid)
				cost[who][i] = one(c, &s, mode.tickets ? TLS_RESUMED : TLS_FULL);
			tls_stop(&s);
			tls_clients_free(c);
		}
		fprintf(stderr, "%s, %s: %.0f us, bare %.0f, haproxy %.0f, nginx %.0f\n",
			certificate, mode.tickets ? "resumed" : "full", cost[OURS][i],
			cost[BARE][i], cost[HAPROXY][i], cost[NGINX][i]);
	}
}

/* Ours against @limit, the others beside it. */
static void fill(struct row *r, double cost[EVERYBODY][ROW_RUNS], const char *cannot[EVERYBODY],
		 enum who limit)
{
	memcpy(r->ours, cost[OURS], sizeof(r->ours));
	memcpy(r->limit, cost[limit], sizeof(r->limit));
	if (limit > BARE)
		r->peer = name_of(limit);
	if (cannot[limit])
		snprintf(r->invalid, sizeof(r->invalid), "%s: %s", name_of(limit), cannot[limit]);
	for (enum who who = PEERS; who < EVERYBODY; who++) {
		struct peer *p = &r->peers[r->n_peers];

		if (who == limit)
			continue;
		p->name = name_of(who);
		p->cannot = cannot[who];
		memcpy(p->cost, cost[who], sizeof(p->cost));
		r->n_peers++;
	}
}

static void handshakes(void)
{
	static double cost[EVERYBODY][ROW_RUNS];
	const char *cannot[EVERYBODY];
	struct tls_server broker;

	tls_start_broker(&broker, 0);
	measure(cost, cannot, "device", (struct tls_mode){ .no_cache = true });
	fill(row("tls-full", "full handshake, cache off", "CPU us", "bare libssl", 1.1), cost,
	     cannot, BARE);
	measure(cost, cannot, "device", (struct tls_mode){ 0 });
	fill(row("tls-full-haproxy", "full handshake, chain cached", "CPU us", "haproxy", 1 / 1.3),
	     cost, cannot, HAPROXY);
	fill(row("tls-full-nginx", "the same", "CPU us", "nginx", 1 / 1.3), cost, cannot, NGINX);
	measure(cost, cannot, "leaf", (struct tls_mode){ 0 });
	fill(row("tls-leaf", "the same, leaf alone", "CPU us", "bare libssl", 0), cost,
	     cannot, BARE);
	measure(cost, cannot, "device", (struct tls_mode){ .tickets = true });
	fill(row("tls-resumed", "resumed handshake", "CPU us", "bare libssl", 1.1), cost, cannot,
	     BARE);
	fill(row("tls-resumed-haproxy", "the same", "CPU us", "haproxy", 0.9), cost, cannot,
	     HAPROXY);
	tls_stop(&broker);
}

/* A client that is refused for its source's budget, against one that gets in. */
static void refusals(void)
{
	struct row *r = row("tls-refused", "refused by its source's budget", "CPU us",
			    "a full handshake", 0.02);

	for (int i = 0; i < ROW_RUNS; i++) {
		struct tls_clients *c = tls_clients_new(b.dir, "device");
		struct tls_server s;

		start(&s, OURS, (struct tls_mode){ .no_cache = true });
		r->limit[i] = one(c, &s, TLS_FULL);
		tls_stop(&s);
		start(&s, OURS, (struct tls_mode){ .refuse = true });
		r->ours[i] = one(c, &s, TLS_REFUSED);
		tls_stop(&s);
		tls_clients_free(c);
	}
}

/* ---- idle clients ---------------------------------------------------------------------------- */

static double idle(enum who who, uint32_t clients, const char **cannot)
{
	struct tls_clients *c = tls_clients_new(b.dir, "device");
	struct tls_server s, broker;
	double before, took = 0;

	tls_start_broker(&broker, 0);
	start(&s, who, (struct tls_mode){ 0 });
	*cannot = s.cannot;
	if (s.pid) {
		tls_clients_hold(c, s.session_port, WARM);
		before = tls_memory(&s);
		tls_clients_hold(c, s.session_port, clients);
		took = (tls_memory(&s) - before) / clients / 1e3;
	}
	tls_clients_free(c);
	tls_stop(&s);
	tls_stop(&broker);
	return took;
}

/* Memory is the same in every run: it is measured once, of those that are proxies with a loop. */
static void memory_of(uint32_t clients, const char *const ids[2])
{
	double cost[EVERYBODY][ROW_RUNS];
	const char *cannot[EVERYBODY];
	char *what;

	for (enum who who = 0; who < EVERYBODY; who++) {
		double kb;

		cannot[who] = "not asked";
		if (who > NGINX)
			continue;
		kb = idle(who, clients, &cannot[who]);
		for (int i = 0; i < ROW_RUNS; i++)
			cost[who][i] = kb;
		fprintf(stderr, "%s: %.1f kB a client, of %u\n", name_of(who), kb, clients);
	}
	if (asprintf(&what, "an idle client, of %u", clients) < 0)
		err(1, "asprintf");
	fill(row(ids[0], what, "kB", "bare libssl", 1.1), cost, cannot, BARE);
	fill(row(ids[1], "the same", "kB", "haproxy", 0.8), cost, cannot, HAPROXY);
}

static uint32_t at_most(uint32_t clients)
{
	return clients < b.clients_max ? clients : b.clients_max;
}

static uint32_t wanted_clients(void)
{
	const char *wanted = getenv("MQGATE_BENCH_CLIENTS");

	return at_most(wanted ? (uint32_t)strtoul(wanted, NULL, 10) : 10000);
}

static void memory(void)
{
	static const char *const ids[] = { "tls-memory", "tls-memory-haproxy" };
	static const char *const more[] = { "tls-memory-50k", "tls-memory-50k-haproxy" };

	memory_of(wanted_clients(), ids);
	if (!getenv("MQGATE_BENCH_CLIENTS") && at_most(50000) > 10000)
		memory_of(at_most(50000), more);
}

/* ---- reload ---------------------------------------------------------------------------------- */

static double worst_ping(struct tls_clients *c, const char *until)
{
	double worst = 0;

	for (int i = 0; i < PINGS || (until && access(until, F_OK)); i++) {
		double us = tls_clients_ping(c);

		if (us > worst)
			worst = us;
	}
	return worst / 1e3;
}

/* The answer to one client while 10,000 are judged again by another list of revocations. */
static void reload(void)
{
	uint32_t clients = wanted_clients(), lost;
	struct tls_clients *c = tls_clients_new(b.dir, "device");
	struct row *r = row("tls-reload", "slowest answer during a reload", "ms",
			    "the same without a reload", STALL_MS);
	struct tls_server s, broker;

	r->absolute = true;
	tls_start_broker(&broker, 0);
	start(&s, OURS, (struct tls_mode){ 0 });
	tls_clients_hold(c, s.session_port, clients);
	for (int i = 0; i < ROW_RUNS; i++) {
		r->limit[i] = worst_ping(c, NULL);
		unlink("done");
		command_run("%s/build/mqgate pki crl p >/dev/null && cp p/crl.pem . && "
		    "(%s/build/mqgate reload >/dev/null && touch done) &", b.top, b.top);
		r->ours[i] = worst_ping(c, "done");
	}
	lost = tls_clients_lost(c);
	if (lost)
		snprintf(r->invalid, sizeof(r->invalid), "%u of %u sessions were ended", lost,
			 clients);
	snprintf(r->note, sizeof(r->note), "%u sessions, none ended", clients);
	tls_clients_free(c);
	tls_stop(&s);
	tls_stop(&broker);
}

static const struct {
	const char	*name;
	void		(*run)(void);
} groups[] = {
	{ "handshakes", handshakes },
	{ "refusals", refusals },
	{ "memory", memory },
	{ "reload", reload },
};

int main(int argc, char **argv)
{
	const char *count = getenv("MQGATE_BENCH_HANDSHAKES");
	char results[4096];

	b.top = getenv("MQGATE_TOP");
	if (!b.top)
		errx(1, "run me by: make bench-tls");
	if (geteuid() != 0)
		errx(1, "namespaces need root: sudo make bench-tls");
	b.server_cpu = (int)sysconf(_SC_NPROCESSORS_ONLN) - 1;
	if (b.server_cpu < 1)
		errx(1, "two CPUs are needed: one asks, the other is measured");
	b.handshakes = count ? (uint32_t)strtoul(count, NULL, 10) : 2000;
	if (b.handshakes < 100)
		errx(2, "MQGATE_BENCH_HANDSHAKES=%s: at least 100", count);
	setvbuf(stdout, NULL, _IOLBF, 0);
	signal(SIGPIPE, SIG_IGN);
	prepare();
	for (size_t i = 0; i < sizeof(groups) / sizeof(groups[0]); i++) {
		bool asked = argc < 2;

		for (int k = 1; k < argc; k++)
			asked |= !strcmp(argv[k], groups[i].name);
		if (asked)
			groups[i].run();
	}
	printf("%d runs of %u handshakes, medians (min..max)\n", ROW_RUNS, b.handshakes);
	rows_print(b.rows, b.n_rows);
	snprintf(results, sizeof(results), "%s/bench-results", b.top);
	return rows_write(b.rows, b.n_rows, results, "tls") ? 1 : 0;
}
