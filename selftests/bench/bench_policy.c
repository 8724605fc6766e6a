// SPDX-License-Identifier: BSD-2-Clause
/*
 * What a decision about a topic costs with 1,000,000 rules, against the same with 100: remembered
 * by the client's cache, and not; where every rule is another user's, and where all are of one
 * policy under one prefix. Part of `make bench-stream`; user space alone, one thread.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "policy/build.h"
#include "rows.h"

#define FEW		100U
#define MANY		1000000U
#define GRANTS		4096U
#define DECISIONS	1000000U
#define TOPICS		4U		/* of a client, when they are to be remembered */

struct fleet {
	struct mqg_rights	*rights;
	struct mqg_grant	*grants[GRANTS];	/* of users; or [0], of everybody */
	uint32_t		users[GRANTS];
	uint32_t		rules;
	bool			by_user;
};

static uint64_t state = 88172645463325252ULL;

static uint32_t pick(uint32_t n)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (uint32_t)((state >> 11) % n);
}

static void need(bool good)
{
	if (good)
		return;
	fprintf(stderr, "bench_policy: out of memory\n");
	exit(1);
}

static void add_rule(struct fleet *fleet, uint32_t scope, const char *topic)
{
	struct mqg_wording wording = {
		.line = 1,
		.style = MQG_VARIABLES_NONE,
		.rights = 1U << MQG_MAY_PUBLISH,
		.qos = 2,
	};
	const char *why;

	need(mqg_rights_rule(fleet->rights, &wording) >= 0 &&
	     !mqg_rights_topic(fleet->rights, scope, &wording, topic, &why));
}

static void take_grants(struct fleet *fleet)
{
	for (uint32_t i = 0; i < (fleet->by_user ? GRANTS : 1); i++) {
		struct mqg_subject subject = { .username = NULL };
		char name[32];

		fleet->users[i] = pick(fleet->rules);
		snprintf(name, sizeof(name), "device-%06u", fleet->users[i]);
		subject.username = name;
		need(!mqg_grant_take(fleet->rights, &subject, &fleet->grants[i]));
	}
}

/* Every user has one rule, for his own topics; or one policy has all of them. */
static struct fleet *build(uint32_t rules, bool by_user)
{
	struct fleet *fleet = calloc(1, sizeof(*fleet));
	struct mqg_match match = { .hours = { .from = INT64_MIN, .until = INT64_MAX } };
	int64_t scope;

	need(fleet && (fleet->rights = mqg_rights_alloc()));
	fleet->rules = rules;
	fleet->by_user = by_user;
	match.name = strdup("all");
	need(mqg_rights_file(fleet->rights, "bench") >= 0 &&
	     mqg_rights_match(fleet->rights, &match) >= 0);
	scope = mqg_rights_scope(fleet->rights, 0);
	for (uint32_t i = 0; i < rules; i++) {
		char name[32], topic[64];

		snprintf(name, sizeof(name), "device-%06u", i);
		snprintf(topic, sizeof(topic), "plant/line/%s/#", name);
		if (by_user)
			scope = mqg_rights_scope_user(fleet->rights, 0, name);
		need(scope >= 0);
		add_rule(fleet, (uint32_t)scope, topic);
	}
	need(!mqg_rights_finish(fleet->rights));
	take_grants(fleet);
	return fleet;
}

static double now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec * 1e9 + (double)ts.tv_nsec;
}

/*
 * Nanoseconds a decision, without the printing of the topics. Remembered: one client, few topics.
 * Not: no topic comes twice, and it is another client's each time.
 */
static double measure(struct fleet *fleet, bool cached)
{
	enum { BATCH = 1024 };
	static char topics[BATCH][64];
	static size_t lengths[BATCH];
	static struct mqg_grant *askers[BATCH];
	uint32_t refused = 0;
	double spent = 0;

	for (uint32_t done = 0; done < DECISIONS; done += BATCH) {
		double began;

		for (uint32_t i = 0; i < BATCH; i++) {
			uint32_t n = cached || !fleet->by_user ? 0 : pick(GRANTS);
			uint32_t user = fleet->by_user ? fleet->users[n] :
					cached ? i % TOPICS : pick(fleet->rules);

			askers[i] = fleet->grants[n];
			lengths[i] = (size_t)snprintf(topics[i], sizeof(topics[i]),
						      "plant/line/device-%06u/s%u", user,
						      cached ? i % TOPICS : done + i);
		}
		began = now_ns();
		for (uint32_t i = 0; i < BATCH; i++)
			refused += !mqg_grant_topic(askers[i], MQG_MAY_PUBLISH,
						    (const uint8_t *)topics[i], lengths[i],
						    0).allowed;
		spent += now_ns() - began;
	}
	if (refused) {
		fprintf(stderr, "bench_policy: %u refused\n", refused);
		exit(1);
	}
	return spent / DECISIONS;
}

static long resident_kb(void)
{
	FILE *file = fopen("/proc/self/statm", "re");
	long pages = 0;

	if (file) {
		if (fscanf(file, "%*d %ld", &pages) != 1)
			pages = 0;
		fclose(file);
	}
	return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

static struct row row_of(const char *id, const char *what, double target)
{
	return (struct row){
		.id = id, .what = what, .unit = "ns", .better = "lower",
		.against = "the same with 100 rules", .target = target,
	};
}

int main(void)
{
	struct row rows[] = {
		row_of("policy-cached-user", "decision, 10^6 rules of as many users, cached", 2),
		row_of("policy-cold-user", "decision, 10^6 rules of as many users, cold", 10),
		row_of("policy-cached-prefix", "decision, 10^6 rules under one prefix, cached", 2),
		row_of("policy-cold-prefix", "decision, 10^6 rules under one prefix, cold", 10),
	};
	const char *top = getenv("MQGATE_TOP");
	struct fleet *few[2], *many[2];
	char dir[4096];

	for (int prefix = 0; prefix < 2; prefix++) {
		long before = resident_kb();
		double began = now_ns();

		few[prefix] = build(FEW, !prefix);
		many[prefix] = build(MANY, !prefix);
		snprintf(rows[2 * prefix + 1].note, sizeof(rows[0].note),
			 "%.0f bytes a rule, compiled in %.1f s",
			 (double)(resident_kb() - before) * 1024 / MANY, (now_ns() - began) / 1e9);
	}
	for (int run = -1; run < ROW_RUNS; run++) {
		for (int i = 0; i < 4; i++) {
			bool cached = !(i % 2);
			double limit = measure(few[i / 2], cached);
			double ours = measure(many[i / 2], cached);

			if (run < 0)
				continue;
			rows[i].limit[run] = limit;
			rows[i].ours[run] = ours;
		}
	}
	rows_print(rows, 4);
	snprintf(dir, sizeof(dir), "%s/bench-results", top ? top : ".");
	return rows_write(rows, 4, dir, "policy") ? 1 : 0;
}
