// SPDX-License-Identifier: BSD-2-Clause
/*
 * Malformed CONNECTs and banned sources against the filters of others, peers/peer.sh, on the same
 * wire: what each costs above an empty XDP_DROP. Behind the driver there are sk_buffs, so that a
 * program that passes everything is attached for those. See bench_xdp.h.
 */
#include "bench_xdp.h"

#include <err.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include <linux/bpf.h>
#include <linux/if_link.h>

#include "command.h"

#include <bpf/libbpf.h>

struct rival {
	const char	*name;
	bool		netfilter;
	bool		driver;			/* has a program of its own in the driver */
};

static const struct rival payload[] = {
	{ "nft-payload", true, false },
	{ "nft-port", true, false },
	{ "iptables-u32", true, false },
	{ "iptables-port", true, false },
	{ "tc-bpf", false, false },
	{ "xdp-filter-port", false, true },
};

static const struct rival sets[] = {
	{ "nft-set", true, false },
	{ "iptables-ipset", true, false },
	{ "xdp-filter-set", false, true },
};

#define BANS	100000U

/* Segments that reached TCP in this namespace. */
static unsigned long segments(void)
{
	unsigned long in = 0;
	char line[512];
	FILE *f = fopen("/proc/net/snmp", "r");

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "Tcp: %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu", &in) == 1)
			break;
	if (f)
		fclose(f);
	return in;
}

/* Return: peer.sh's exit status; what it says of a peer that cannot do it goes to @why. */
static int peer(struct stage *s, const char *verb, const char *name, uint32_t bans, char *why,
		size_t size)
{
	char command[4400];
	FILE *f;
	int rc;

	snprintf(command, sizeof(command),
		 "bash '%s/selftests/bench/peers/peer.sh' %s %s %s '%s' %u", s->top, verb, name,
		 s->in_name, s->output, bans);
	f = popen(command, "r");
	if (!f)
		err(1, "%s", command);
	if (!fgets(why, (int)size, f))
		why[0] = '\0';
	why[strcspn(why, "\n")] = '\0';
	rc = pclose(f);
	return WIFEXITED(rc) ? WEXITSTATUS(rc) : 1;
}

static int own_program(struct stage *s)
{
	unsigned int id = 0;

	if (bpf_xdp_query_id((int)s->in, 0, &id))
		err(1, "%s: XDP", s->in_name);
	return (int)id;
}

static void detach(struct stage *s)
{
	if (bpf_xdp_detach((int)s->in, XDP_FLAGS_DRV_MODE, NULL))
		err(1, "detach");
}

static void measure(struct bench *b, const struct rival *rival, struct peer *p, uint32_t bans,
		    double empty, int i)
{
	struct stage *s = &b->stage;
	static char why[128];
	unsigned long before;
	int rc, pass;

	if (p->cannot)
		return;
	if (rival->driver)
		detach(s);
	rc = peer(s, "up", rival->name, bans, why, sizeof(why));
	if (rc == 3) {
		p->cannot = strdup(why);
	} else if (rc) {
		errx(1, "peers/peer.sh up %s: exit %d: %s", rival->name, rc, why);
	} else {
		before = segments();
		/* A program of the peer's is there already: -1 leaves it. */
		pass = rival->driver ? -1 : stage_program(s->bare, "empty_pass");
		p->cost[i] = gauge_wired(s, pass, b->packets).ns - empty;
		if (segments() - before > b->packets / 1000)
			errx(1, "%s: %lu packets reached TCP", rival->name, segments() - before);
		peer(s, "down", rival->name, bans, why, sizeof(why));
	}
	if (rival->driver && own_program(s))
		detach(s);
}

/* The peer of netfilter whose median is best is the limit. */
static void best(struct row *row, const struct rival *rivals)
{
	const struct peer *found = NULL;

	for (size_t i = 0; i < row->n_peers; i++) {
		const struct peer *p = &row->peers[i];

		if (rivals[i].netfilter && !p->cannot &&
		    (!found || spread_of(p->cost).median < spread_of(found->cost).median))
			found = p;
	}
	if (!found)
		errx(1, "no rule of netfilter could be measured");
	memcpy(row->limit, found->cost, sizeof(row->limit));
	row->against = found->name;
}

static void compete(struct bench *b, const struct traffic_kind *kind, const struct rival *rivals,
		    size_t count, struct row *row)
{
	struct stage *s = &b->stage;

	stage_aim(s, kind, kind == &kind_banned ? BANS : TRAFFIC_SOURCES, false);
	row->n_peers = count;
	for (size_t k = 0; k < count; k++)
		row->peers[k].name = rivals[k].name;
	for (int i = 0; i < ROW_RUNS; i++) {
		double empty = gauge_wired(s, stage_program(s->bare, "empty_drop"), b->packets).ns;
		struct gauge ours = gauge_wired(s, stage_program(s->ours, "mqgate_xdp"),
						b->packets);

		row->ours[i] = ours.ns - empty;
		bench_judge(row, &ours, kind == &kind_banned ? BANS : TRAFFIC_SOURCES);
		for (size_t k = 0; k < count; k++)
			measure(b, &rivals[k], &row->peers[k], BANS, empty, i);
	}
	best(row, rivals);
}

void bench_peers(struct bench *b)
{
	struct stage *s = &b->stage;
	struct row *row;

	/* Nothing is put together that is dropped anyway. */
	command_run("ethtool -K %s gro off", s->in_name);
	stage_load(s, BANS, false);
	stage_fill(s, BANS, 0, false);
	row = bench_row(b, "lower", NULL, "xdp-netfilter-malformed",
			"malformed CONNECT, above an empty drop");
	row->target = 0.25;
	compete(b, &kind_malformed, payload, sizeof(payload) / sizeof(payload[0]), row);
	row = bench_row(b, "lower", NULL, "xdp-netfilter-banned",
			"banned source, 100k, above an empty drop");
	compete(b, &kind_banned, sets, sizeof(sets) / sizeof(sets[0]), row);
	stage_unload(s);
}
