// SPDX-License-Identifier: BSD-2-Clause
/*
 * Loads the XDP object, runs frames and compares counters; see harness.h. Called by the tests
 * of this directory, single-threaded.
 */
#include "harness.h"

#include <err.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "common/known.h"
#include "common/layout.h"
#include "common/net.h"

#define REPEAT	100

const char *const xdp_program_names[2] = { "mqgate_xdp", "mqgate_xdp_frags" };

/* ---- KTAP ------------------------------------------------------------------------- */

static unsigned int planned, number, failed, skipped;

void ktap_plan(unsigned int points)
{
	planned = points;
	setvbuf(stdout, NULL, _IOLBF, 0);
	printf("KTAP version 1\n1..%u\n", points);
}

static void point(bool passed, const char *suffix, const char *format, va_list args)
{
	char name[256];

	vsnprintf(name, sizeof(name), format, args);
	number++;
	if (!passed)
		failed++;
	printf("%sok %u %s%s\n", passed ? "" : "not ", number, name, suffix);
}

void ktap_point(bool passed, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	point(passed, "", format, args);
	va_end(args);
}

void ktap_skip(const char *why, const char *format, ...)
{
	char suffix[160];
	va_list args;

	snprintf(suffix, sizeof(suffix), " # SKIP %s", why);
	skipped++;
	va_start(args, format);
	point(true, suffix, format, args);
	va_end(args);
}

int ktap_end(void)
{
	if (failed || number != planned)
		return 1;
	return skipped == number ? 4 : 0;
}

/* ---- the object ----------------------------------------------------------------------- */

uint64_t boottime_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_BOOTTIME, &ts);
	return (uint64_t)ts.tv_sec * 1000000000ULL + (uint64_t)ts.tv_nsec;
}

static int map_of(struct xdp *x, const char *name)
{
	int fd = bpf_object__find_map_fd_by_name(x->object, name);

	if (fd < 0)
		errx(1, "bpf/mqgate.bpf.o has no map %s", name);
	return fd;
}

/* The read-only data: of the one section that the object has, struct mqgate_rodata is all. */
static void set_rodata(struct xdp *x, const struct mqgate_rodata *rodata)
{
	struct bpf_map *map;

	bpf_object__for_each_map(map, x->object) {
		const char *suffix = strrchr(bpf_map__name(map), '.');
		size_t size;
		void *value;

		if (!suffix || strcmp(suffix, ".rodata"))
			continue;
		value = (void *)(uintptr_t)bpf_map__initial_value(map, &size);
		if (!value || size != sizeof(*rodata))
			errx(1, "%s has %zu bytes, not struct mqgate_rodata alone",
			     bpf_map__name(map), size);
		memcpy(value, rodata, sizeof(*rodata));
		return;
	}
	errx(1, "bpf/mqgate.bpf.o has no read-only data");
}

void xdp_load(struct xdp *x, const struct mqgate_rodata *rodata)
{
	const char *top = getenv("MQGATE_TOP"), *object = getenv("MQGATE_XDP_OBJECT");
	char path[4096];

	if (geteuid() != 0) {
		printf("KTAP version 1\n1..0 # SKIP loading BPF needs root: sudo make test\n");
		exit(4);
	}
	snprintf(path, sizeof(path), "%s/bpf/mqgate.bpf.o", top ? top : "../..");
	if (object && *object)
		snprintf(path, sizeof(path), "%s", object);
	x->object = bpf_object__open_file(path, NULL);
	if (!x->object)
		err(1, "%s", path);
	if (rodata)
		set_rodata(x, rodata);
	for (size_t i = 0; x->entries && i < (x->all ? 6 : 3); i++) {
		static const char *const maps[] = { MQGATE_MAP_SOURCES, MQGATE_MAP_PREFIX4,
						    MQGATE_MAP_PREFIX6, MQGATE_MAP_ALLOW,
						    MQGATE_MAP_FLOWS, MQGATE_MAP_BUDGETS };

		if (bpf_map__set_max_entries(bpf_object__find_map_by_name(x->object, maps[i]),
					     x->entries))
			err(1, "%s: %s", path, maps[i]);
	}
	if (x->ring && bpf_map__set_max_entries(bpf_object__find_map_by_name(x->object,
									    MQGATE_MAP_EVENTS),
						x->ring))
		err(1, "%s: " MQGATE_MAP_EVENTS, path);
	if (bpf_object__load(x->object))
		err(1, "%s: load", path);
	for (int i = 0; i < 2; i++) {
		struct bpf_program *prog;

		prog = bpf_object__find_program_by_name(x->object, xdp_program_names[i]);
		if (!prog)
			errx(1, "%s has no program %s", path, xdp_program_names[i]);
		x->prog[i] = bpf_program__fd(prog);
	}
	x->ports = map_of(x, MQGATE_MAP_PORTS);
	x->svc = map_of(x, MQGATE_MAP_SVC);
	x->sources = map_of(x, MQGATE_MAP_SOURCES);
	x->allow = map_of(x, MQGATE_MAP_ALLOW);
	x->flows = map_of(x, MQGATE_MAP_FLOWS);
	x->stats = map_of(x, MQGATE_MAP_STATS);
	x->events = map_of(x, MQGATE_MAP_EVENTS);
	for (size_t i = 0; i < MQG_MAPS; i++)
		*(int *)((char *)&x->maps + mqg_map_layouts[i].fd_offset) =
			map_of(x, mqg_map_layouts[i].name);
	if (mqg_known_open(&x->maps))
		errx(1, "%s: mqgate_known cannot be mapped", path);
	x->cpus = libbpf_num_possible_cpus();
	xdp_reset(x);
}

static void empty(int map)
{
	uint8_t key[sizeof(struct mqgate_flow_key)];

	while (!bpf_map_get_next_key(map, NULL, key))
		bpf_map_delete_elem(map, key);
}

/* Every counter of every CPU, in one call; valid until the next. */
static const struct mqgate_stat *stats_all(struct xdp *x)
{
	static struct mqgate_stat *values;
	static uint32_t *keys;
	uint32_t next, count = MQGATE_STATS_ENTRIES;

	if (!values) {
		values = calloc(MQGATE_STATS_ENTRIES * (size_t)x->cpus, sizeof(*values));
		keys = calloc(MQGATE_STATS_ENTRIES, sizeof(*keys));
	}
	if (!values || !keys ||
	    (bpf_map_lookup_batch(x->stats, NULL, &next, keys, values, &count, NULL) &&
	     errno != ENOENT) || count != MQGATE_STATS_ENTRIES)
		err(1, "mqgate_stats");
	return values;
}

static void add_cpus(struct xdp *x, const struct mqgate_stat *cpus, struct mqgate_stat *sum)
{
	memset(sum, 0, sizeof(*sum));
	for (int i = 0; i < x->cpus; i++) {
		sum->packets += cpus[i].packets;
		sum->bytes += cpus[i].bytes;
		sum->observed += cpus[i].observed;
		sum->lost += cpus[i].lost;
		if (cpus[i].sampled > sum->sampled)
			sum->sampled = cpus[i].sampled;
		if (cpus[i].packets || cpus[i].observed) {
			sum->service = cpus[i].service;
			sum->reason = cpus[i].reason;
		}
	}
}

/* Ports that a test may have set: cleared by name, the table is large. */
static const uint16_t used_ports[] = { 22, 1883, 8883, 2000, 2001, 5683 };

void xdp_reset(struct xdp *x)
{
	struct mqgate_stat *zero = calloc((size_t)x->cpus, sizeof(*zero));
	const struct mqgate_stat *all = stats_all(x);
	const struct mqgate_service none = {};
	const struct mqgate_syn calm = {};

	if (!zero)
		err(1, "calloc");
	empty(x->sources);
	empty(x->maps.prefix4);
	empty(x->maps.prefix6);
	empty(x->maps.budgets);
	bpf_map_update_elem(x->maps.control, &(uint32_t){ 0 }, &(struct mqgate_control){}, 0);
	if (mqg_net_reindex(&x->maps))
		errx(1, "the indexes cannot be cleared");
	empty(x->allow);
	empty(x->flows);
	if (mqg_refill(&x->maps))
		errx(1, "the filter of flows cannot be cleared");
	for (size_t i = 0; i < ARRAY_SIZE(used_ports); i++) {
		uint32_t tcp = MQGATE_PORTS_TCP(used_ports[i]);
		uint32_t udp = MQGATE_PORTS_UDP(used_ports[i]);

		bpf_map_update_elem(x->ports, &tcp, &(uint32_t){ 0 }, 0);
		bpf_map_update_elem(x->ports, &udp, &(uint32_t){ 0 }, 0);
	}
	for (uint32_t i = 0; i < MQGATE_SERVICES; i++) {
		bpf_map_update_elem(x->svc, &i, &none, 0);
		bpf_map_update_elem(x->maps.syn, &i, &calm, 0);
	}
	for (uint32_t i = 0; i < MQGATE_STATS_ENTRIES; i++) {
		struct mqgate_stat sum;

		add_cpus(x, all + (size_t)i * (size_t)x->cpus, &sum);
		if (sum.packets || sum.observed || sum.sampled)
			bpf_map_update_elem(x->stats, &i, zero, 0);
	}
	free(zero);
}

void xdp_stat(struct xdp *x, uint32_t service, uint32_t reason, struct mqgate_stat *sum)
{
	uint32_t index = MQGATE_STATS_INDEX(service, reason);

	add_cpus(x, stats_all(x) + (size_t)index * (size_t)x->cpus, sum);
}

static uint64_t at_ms(int ms)
{
	return ms ? boottime_ns() + (uint64_t)((int64_t)ms * (int64_t)MS_NS) : 0;
}

/* "192.0.2.0/24 2001:db8:2::/48 198.51.100.7" into the destinations of a service. */
static void guard_only(struct mqgate_service *svc, const char *text)
{
	char *copy = strdup(text), *rest = copy, *word;

	while ((word = strsep(&rest, " "))) {
		struct mqgate_destination *d = &svc->destination[svc->destinations++];
		char *slash = strchr(word, '/');
		int bits = strchr(word, ':') ? 0 : 96;

		if (slash)
			*slash = '\0';
		bits = slash ? bits + atoi(slash + 1) : 128;
		pkt_addr(word, d->addr);
		for (int i = 0; i < bits; i++)
			d->mask[i / 8] |= (uint8_t)(0x80 >> i % 8);
	}
	free(copy);
}

void xdp_prepare(struct xdp *x, const struct before *b)
{
	uint32_t port = b->udp ? MQGATE_PORTS_UDP(b->port) : MQGATE_PORTS_TCP(b->port);
	struct mqgate_verdict verdict = {
		.expires = at_ms(b->expires_ms), .action = b->action, .rate = b->rate,
		.generation = b->generation, .before = b->prior,
	};
	struct mqgate_allow allow = { .expires = at_ms(b->expires_ms), .service = b->number };
	struct mqgate_service svc = b->svc;
	struct mqgate_flow flow = b->flow;
	struct mqgate_syn syn = {};
	struct mqgate_source_key source;
	struct mqgate_control control;
	struct mqgate_flow_key key;
	struct mqg_net net;
	const char *why;
	int rc = 0;

	switch (b->what) {
	case NOTHING:
		return;
	case SOURCE:
		pkt_addr(b->addr, source.addr);
		rc = bpf_map_update_elem(x->sources, &source, &verdict, 0);
		break;
	case NET:
		rc = mqg_net_parse(b->addr, &net, &why);
		if (rc)
			errx(1, "%s %s", b->addr, why);
		rc = mqg_net_put(&x->maps, &net, &verdict);
		break;
	case GENERATION:
		rc = bpf_map_lookup_elem(x->maps.control, &(uint32_t){ 0 }, &control);
		control.generation = b->generation;
		if (!rc)
			rc = bpf_map_update_elem(x->maps.control, &(uint32_t){ 0 }, &control, 0);
		break;
	case ALLOW:
		pkt_flow(&b->p, &key);
		rc = mqg_known_update(&x->maps, x->allow, &key, &allow, 0);
		break;
	case SERVICE:
		svc.lease = at_ms(b->lease_ms);
		if (b->guards)
			guard_only(&svc, b->guards);
		rc = bpf_map_update_elem(x->svc, &b->number, &svc, 0);
		break;
	case PORT:
		rc = bpf_map_update_elem(x->ports, &port, &b->number, 0);
		break;
	case FLOOD:
		syn.busy = boottime_ns() - (uint64_t)b->age_ms * MS_NS;
		syn.since = syn.busy;
		rc = bpf_map_update_elem(x->maps.syn, &b->number, &syn, 0);
		break;
	case FLOW:
		pkt_flow(&b->p, &key);
		flow.since = boottime_ns() - (uint64_t)b->age_ms * MS_NS;
		rc = mqg_known_update(&x->maps, x->flows, &key, &flow, 0);
		break;
	}
	if (rc)
		err(1, "cannot prepare a map");
}

int xdp_run(struct xdp *x, int program, const uint8_t *frame, size_t len, uint32_t linear)
{
	struct xdp_md ctx = { .data_end = linear };
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = frame, .data_size_in = (uint32_t)len,
		    .repeat = 1);

	if (linear) {
		opts.ctx_in = &ctx;
		opts.ctx_size_in = sizeof(ctx);
	}
	if (bpf_prog_test_run_opts(x->prog[program], &opts))
		return -errno;
	return (int)opts.retval;
}

int xdp_flow_state(struct xdp *x, const struct pkt *p, struct mqgate_flow *flow)
{
	struct mqgate_flow_key key;

	pkt_flow(p, &key);
	if (bpf_map_lookup_elem(x->flows, &key, flow))
		return ABSENT;
	return (int)flow->state;
}

/* ---- one step ------------------------------------------------------------------------------ */

struct counts {
	uint64_t	packets[MQGATE_STATS_ENTRIES];
	uint64_t	bytes[MQGATE_STATS_ENTRIES];
	uint64_t	observed[MQGATE_STATS_ENTRIES];
};

static void count_all(struct xdp *x, struct counts *c)
{
	const struct mqgate_stat *all = stats_all(x);

	for (uint32_t i = 0; i < MQGATE_STATS_ENTRIES; i++) {
		struct mqgate_stat sum;

		add_cpus(x, all + (size_t)i * (size_t)x->cpus, &sum);
		c->packets[i] = sum.packets;
		c->bytes[i] = sum.bytes;
		c->observed[i] = sum.observed;
		if ((sum.packets || sum.observed) &&
		    MQGATE_STATS_INDEX(sum.service, sum.reason) != i)
			printf("# counter %u calls itself service %u reason %u\n", i, sum.service,
			       sum.reason);
	}
}

static const char *reason_name(uint32_t reason)
{
	switch (reason) {
#define NAME(n, symbol, word, text) case n: return #symbol;
	MQGATE_REASON_LIST(NAME)
#undef NAME
	}
	return "?";
}

bool xdp_step(struct xdp *x, int program, const struct step *s)
{
	static struct counts before, after;
	uint32_t want = MQGATE_STATS_INDEX(s->service, s->reason);
	unsigned int times = s->often ? REPEAT : s->times ? s->times : 1;
	uint8_t frame[PKT_MAX];
	size_t len = pkt_build(&s->p, frame);
	struct mqgate_flow flow;
	int action = 0, wanted = s->action ? s->action : s->answered ? XDP_TX :
				 s->drop ? XDP_DROP : XDP_PASS;
	bool good = true;

	if (s->linear && program == 0)
		return true;
	count_all(x, &before);
	for (unsigned int i = 0; i < times; i++) {
		action = xdp_run(x, program, frame, len, s->linear);
		if (action != wanted) {
			printf("# XDP answered %d, wanted %d\n", action, wanted);
			good = false;
		}
	}
	count_all(x, &after);
	for (uint32_t i = 0; i < MQGATE_STATS_ENTRIES; i++) {
		uint64_t expect = s->reason && i == want ? times : 0;
		uint64_t packets = after.packets[i] - before.packets[i];
		uint64_t bytes = after.bytes[i] - before.bytes[i];
		uint64_t observed = after.observed[i] - before.observed[i];

		if (packets == (s->observed ? 0 : expect) &&
		    bytes == (s->observed ? 0 : expect * len) &&
		    observed == (s->observed ? expect : 0))
			continue;
		printf("# service %u %s: packets +%llu bytes +%llu observed +%llu, "
		       "wanted +%llu of %zu%s\n",
		       i / MQGATE_REASON_PACKET_MAX, reason_name(i % MQGATE_REASON_PACKET_MAX),
		       (unsigned long long)packets, (unsigned long long)bytes,
		       (unsigned long long)observed, (unsigned long long)expect, len,
		       s->observed ? " observed" : "");
		good = false;
	}
	if (s->flow) {
		int state = xdp_flow_state(x, &s->p, &flow);

		if (state != s->flow) {
			printf("# flow state %d, wanted %d\n", state, s->flow);
			good = false;
		}
	}
	return good;
}

static bool play(struct xdp *x, int program, const struct scene *scene)
{
	xdp_reset(x);
	for (size_t i = 0; i < ARRAY_SIZE(scene->before); i++)
		xdp_prepare(x, &scene->before[i]);
	for (size_t i = 0; i < ARRAY_SIZE(scene->steps); i++) {
		const struct step *s = &scene->steps[i];

		/* The end: a step that describes nothing at all. */
		if (i && !memcmp(s, &(const struct step){}, sizeof(*s)))
			break;
		if (!xdp_step(x, program, s)) {
			printf("# in packet %zu\n", i + 1);
			return false;
		}
	}
	return true;
}

static bool any_family(const struct scene *scene)
{
	for (size_t i = 0; i < ARRAY_SIZE(scene->before); i++)
		if (scene->before[i].what == SOURCE || scene->before[i].what == NET ||
		    scene->before[i].guards ||
		    !pkt_any_family(&scene->before[i].p))
			return false;
	for (size_t i = 0; i < ARRAY_SIZE(scene->steps); i++)
		if (!pkt_any_family(&scene->steps[i].p) || scene->steps[i].linear)
			return false;
	return true;
}

/* The same over IPv6. */
static struct scene over_ipv6(const struct scene *scene)
{
	struct scene copy = *scene;

	for (size_t i = 0; i < ARRAY_SIZE(copy.before); i++)
		copy.before[i].p.v6 = 1;
	for (size_t i = 0; i < ARRAY_SIZE(copy.steps); i++)
		if (!i || memcmp(&copy.steps[i], &(const struct step){}, sizeof(copy.steps[i])))
			copy.steps[i].p.v6 = 1;
	return copy;
}

unsigned int scenes_points(const struct scene *scenes, size_t count)
{
	unsigned int points = 0;

	for (size_t i = 0; i < count; i++)
		points += any_family(&scenes[i]) ? 4 : 2;
	return points;
}

void scenes_play(struct xdp *x, const struct scene *scenes, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct scene v6 = over_ipv6(&scenes[i]);

		for (int program = 0; program < 2; program++) {
			ktap_point(play(x, program, &scenes[i]), "%s: %s",
				   xdp_program_names[program], scenes[i].name);
			if (any_family(&scenes[i]))
				ktap_point(play(x, program, &v6), "%s: %s, over IPv6",
					   xdp_program_names[program], scenes[i].name);
		}
	}
	printf("# %zu described scenes\n", count);
}

size_t scenes_attack(const struct scene *scenes, size_t count, unsigned int line)
{
	char prefix[32];
	size_t found = 0;

	snprintf(prefix, sizeof(prefix), "ATTACKS %u: ", line);
	for (size_t i = 0; i < count; i++)
		found += !strncmp(scenes[i].name, prefix, strlen(prefix));
	return found;
}

int scenes_main(const struct scene *scenes, size_t count)
{
	struct xdp x = {};

	xdp_load(&x, NULL);
	ktap_plan(scenes_points(scenes, count));
	scenes_play(&x, scenes, count);
	bpf_object__close(x.object);
	return ktap_end();
}
