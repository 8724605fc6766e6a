// SPDX-License-Identifier: BSD-2-Clause
/*
 * Maps that are full, of the least size that there is: what is refused, what is forgotten, what is
 * lost, and that valid traffic passes in each case. docs/architecture.md has it as a table; of
 * mqgate_top xdp_top tells, of full prefixes xdp_verdict.
 */
#include <arpa/inet.h>

#include <err.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "harness.h"

#define SMALL		1024
#define MANY		(20 * SMALL)
#define RING		4096
/* A record of the ring buffer has a header of 8 bytes, and what wraps may not fill it whole. */
#define RECORDS		(RING / (sizeof(struct mqgate_event) + 8))

/* A frame whose source is 10.x.y.z, with x.y.z = @n. */
static int sends(struct xdp *x, int program, const struct pkt *p, uint32_t n)
{
	uint8_t frame[PKT_MAX];
	size_t len = pkt_build(p, frame);
	uint32_t source = htonl(0x0A000000 | n);

	memcpy(frame + 26, &source, sizeof(source));
	return xdp_run(x, program, frame, len, 0);
}

static uint32_t entries(int map)
{
	uint32_t n;

	if (mqg_map_count(map, &n))
		errx(1, "a map cannot be counted");
	return n;
}

static struct mqgate_flow_key flow_from(uint32_t n)
{
	struct mqgate_flow_key key = { .sport = 40000, .dport = MQGATE_PORT_MQTT, .proto = 6 };
	uint32_t source = htonl(0x0A000000 | n);

	pkt_addr("192.0.2.1", key.daddr);
	pkt_addr("10.0.0.0", key.saddr);
	memcpy(key.saddr + 12, &source, sizeof(source));
	return key;
}

static bool knows(struct xdp *x, uint32_t n)
{
	struct mqgate_flow_key key = flow_from(n);
	struct mqgate_flow flow;

	return !bpf_map_lookup_elem(x->flows, &key, &flow);
}

static void strict(struct xdp *x, struct mqgate_service svc)
{
	xdp_reset(x);
	svc.flags |= MQGATE_SVC_F_STRICT;
	xdp_prepare(x, &(struct before){ .what = SERVICE, .number = 1, .svc = svc });
}

/* ---- the ring buffer -------------------------------------------------------------------- */

static int take(void *arg, void *data, size_t size)
{
	(void)data;
	*(unsigned int *)arg += size == sizeof(struct mqgate_event);
	return 0;
}

static unsigned int read_events(struct ring_buffer *ring, unsigned int *taken)
{
	*taken = 0;
	if (ring_buffer__consume(ring) < 0)
		errx(1, "mqgate_events cannot be read");
	return *taken;
}

/* Each drop is an event here: the constants say so. */
static void ring(struct xdp *x, int program)
{
	const char *name = xdp_program_names[program];
	struct pkt p = { .src = "198.51.100.1", .data = CONNECT_311 };
	unsigned int taken, dropped = 0, sent = RECORDS + 100;
	struct ring_buffer *reader;
	struct mqgate_stat sum;
	uint8_t frame[PKT_MAX];
	size_t len = pkt_build(&p, frame);

	reader = ring_buffer__new(x->events, take, &taken, NULL);
	if (!reader)
		err(1, "mqgate_events");
	read_events(reader, &taken);
	xdp_reset(x);
	xdp_prepare(x, &(struct before){ .what = SOURCE, .addr = p.src,
					 .action = MQGATE_ACTION_DROP });
	for (unsigned int i = 0; i < sent; i++)
		dropped += xdp_run(x, program, frame, len, 0) == XDP_DROP;
	xdp_stat(x, 1, MQGATE_REASON_SOURCE_BANNED, &sum);
	ktap_point(dropped == sent && sum.packets == sent,
		   "%s: with a full ring buffer each drop is a drop, and counted", name);
	read_events(reader, &taken);
	printf("# %u of %u events were in the buffer, %llu are counted as lost\n", taken, sent,
	       (unsigned long long)sum.lost);
	ktap_point(taken >= RECORDS - 1 && taken <= RECORDS && sum.lost == sent - taken,
		   "%s: the events that were lost are counted, to the last", name);
	xdp_run(x, program, frame, len, 0);
	xdp_stat(x, 1, MQGATE_REASON_SOURCE_BANNED, &sum);
	ktap_point(read_events(reader, &taken) == 1 && sum.lost + RECORDS >= sent &&
		   sum.packets == sent + 1, "%s: what was read makes room for the next", name);
	ring_buffer__free(reader);
}

/* ---- LRU ------------------------------------------------------------------------------------ */

/* Well-formed CONNECTs from ever other addresses; 10.0.0.1 sends in between. */
static void flows(struct xdp *x, int program)
{
	const char *name = xdp_program_names[program];
	const struct pkt good = { .src = "10.0.0.1", .data = CONNECT_311 };
	const struct pkt later = { .src = "10.0.0.1", .data = "30 05 0001 'a' 'xy'", .seq = 1017 };
	unsigned int refused = 0, lost = 0;

	strict(x, (struct mqgate_service){});
	for (uint32_t i = 1; i <= MANY; i++) {
		refused += sends(x, program, &good, i) != XDP_PASS;
		if (i % 16 == 1)
			lost += sends(x, program, &later, 1) != XDP_PASS;
	}
	printf("# %u entries of %u\n", entries(x->flows), SMALL);
	ktap_point(!refused && entries(x->flows) <= SMALL,
		   "%s: a full mqgate_flows refuses no new flow: the least used is forgotten",
		   name);
	ktap_point(!lost && knows(x, 1), "%s: and a flow in use is not the one", name);
	ktap_point(!knows(x, 2) && sends(x, program, &later, 2) == XDP_DROP,
		   "%s: strict: a flow that was forgotten has to connect anew", name);
	ktap_point(sends(x, program, &good, 2) == XDP_PASS &&
		   sends(x, program, &later, 2) == XDP_PASS, "%s: and can", name);
	xdp_prepare(x, &(struct before){ .what = SERVICE, .number = 1 });
	ktap_point(!knows(x, 3) && sends(x, program, &later, 3) == XDP_PASS,
		   "%s: lenient: it goes on", name);
}

/* How many a source may have begun as its bucket has it; 0 = it has none. */
static uint64_t begun(struct xdp *x, uint32_t n)
{
	struct mqgate_budget_key key = { .length = 128, .service = 1,
					 .kind = MQGATE_BUDGET_FIRST };
	struct mqgate_flow_key flow = flow_from(n);
	struct mqgate_budget budget;

	memcpy(key.addr, flow.saddr, sizeof(key.addr));
	return bpf_map_lookup_elem(x->maps.budgets, &key, &budget) ? 0 : budget.passed;
}

/* The token of a second may be there again in the end: so it is asked for the bucket itself. */
static void budgets(struct xdp *x, int program)
{
	const char *name = xdp_program_names[program];
	const struct pkt good = { .src = "10.0.0.1", .data = CONNECT_311 };
	const struct pkt again = { .src = "10.0.0.1", .sport = 40001, .data = CONNECT_311 };
	unsigned int refused = 0;
	bool had;

	strict(x, (struct mqgate_service){ .source_rate = 100 });
	had = sends(x, program, &good, 1) == XDP_PASS && begun(x, 1) == 1;
	for (uint32_t i = 2; i <= MANY; i++)
		refused += sends(x, program, &good, i) != XDP_PASS;
	printf("# %u entries of %u\n", entries(x->maps.budgets), SMALL);
	ktap_point(!refused && entries(x->maps.budgets) <= SMALL,
		   "%s: a full mqgate_budgets refuses nobody: the least used bucket is forgotten",
		   name);
	ktap_point(had && !begun(x, 1) && sends(x, program, &again, 1) == XDP_PASS &&
		   begun(x, 1) == 1, "%s: and begins full when its source comes again", name);
}

/* ---- what refuses -------------------------------------------------------------------------- */

static void sources(struct xdp *x, int program)
{
	const struct mqgate_verdict drop = { .action = MQGATE_ACTION_DROP };
	const struct pkt good = { .src = "10.0.0.1", .data = CONNECT_311 };
	struct mqgate_source_key key;
	uint32_t n = 0;
	int err = 0;

	xdp_reset(x);
	while (!err && n < MANY) {
		struct mqgate_flow_key flow = flow_from(++n);

		memcpy(key.addr, flow.saddr, sizeof(key.addr));
		err = mqg_verdict_put(&x->maps, &key, &drop);
	}
	ktap_point(err == -E2BIG && n == SMALL + 1 &&
		   sends(x, program, &good, 1) == XDP_DROP &&
		   sends(x, program, &good, SMALL) == XDP_DROP &&
		   sends(x, program, &good, n) == XDP_PASS,
		   "%s: ATTACKS 32: a full mqgate_sources refuses one more, and the others hold",
		   xdp_program_names[program]);
}

static void allowed(struct xdp *x, int program)
{
	const struct mqgate_allow allow = {};
	const struct pkt good = { .src = "10.0.0.1", .data = CONNECT_311 };
	const struct pkt later = { .src = "10.0.0.1", .data = "30 05 0001 'a' 'xy'", .seq = 1017 };
	struct mqgate_stat by_allow, by_seen;
	struct mqgate_flow_key key;
	uint32_t n = 0;
	bool passed;
	int err = 0;

	strict(x, (struct mqgate_service){});
	while (!err && n < MANY) {
		key = flow_from(++n);
		err = mqg_allow_put(&x->maps, &key, &allow);
	}
	passed = sends(x, program, &good, n) == XDP_PASS &&
		 sends(x, program, &later, n) == XDP_PASS &&
		 sends(x, program, &later, 1) == XDP_PASS;
	xdp_stat(x, 1, MQGATE_REASON_PASS_ALLOW, &by_allow);
	xdp_stat(x, 1, MQGATE_REASON_PASS_SEEN, &by_seen);
	ktap_point(err == -E2BIG && n == SMALL + 1 && passed && by_allow.packets == 1 &&
		   by_seen.packets == 1,
		   "%s: ATTACKS 32: a full mqgate_allow refuses one more, who passes as SEEN",
		   xdp_program_names[program]);
}

int main(void)
{
	const struct mqgate_rodata rodata = { .abi_version = MQGATE_ABI_VERSION };
	struct xdp x = { .entries = SMALL, .all = true, .ring = RING };

	xdp_load(&x, &rodata);
	ktap_plan(2 * 12);
	for (int program = 0; program < 2; program++) {
		ring(&x, program);
		flows(&x, program);
		budgets(&x, program);
		sources(&x, program);
		allowed(&x, program);
	}
	bpf_object__close(x.object);
	return ktap_end();
}
