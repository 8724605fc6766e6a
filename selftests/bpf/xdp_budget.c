// SPDX-License-Identifier: BSD-2-Clause
/*
 * Budgets of what is begun: the bytes of a first payload that is incomplete, the first payloads
 * and datagrams of a source and of a service. What is over one is dropped and comes again by TCP;
 * an honest client meets none of them. Nothing waits here for a bucket to fill: a rate of 1 has
 * one token, and the next in a second.
 */
#include <linux/in.h>

#include <err.h>
#include <stdio.h>
#include <string.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "harness.h"

#define BAD		.data = "1F 0D 0004 'MQTT' 05 02 000A 0001 70"
#define GOOD		.data = CONNECT_311
#define BEGIN		.data = "10 0F 0004 'MQTT' 04"
#define IS(word)	.flow = MQGATE_FLOW_##word

#define SVC(...)	{ .what = SERVICE, .number = 1, .svc = { __VA_ARGS__ } }
#define STRICT		.flags = MQGATE_SVC_F_STRICT
#define ALLOWED(...)	{ .what = ALLOW, .expires_ms = 60000, __VA_ARGS__ }
#define SOURCE_IS(address, act)	\
	{ .what = SOURCE, .addr = address, .action = MQGATE_ACTION_##act }
/* A SUSPECT whose CONNECT of so many bytes began at 1000. */
#define WAITING(bytes, ...)								\
	{ .what = FLOW, .flow = { .state = MQGATE_FLOW_SUSPECT, .first_seq = 1000,	\
				  .need = (bytes), .segments = 1, __VA_ARGS__ } }
#define COAP(...)	{ .what = PORT, .udp = true, .port = 5683, .number = 4 },	\
			{ .what = SERVICE, .number = 4,					\
			  .svc = { .kind = MQGATE_KIND_COAP, __VA_ARGS__ } }
#define COAP_FLOW	.proto = IPPROTO_UDP, .dport = 5683
#define FROM(n)		.src = "198.51.100." #n

static const struct scene scenes[] = {
	/* ---- bytes while incomplete ---- */
	{ "ATTACKS 13: bytes sent again and again within a first payload are budgeted",
	  { WAITING(1200) },
	  { { .p = { .seq = 1001, .data = "41*1190" }, PASSES(1, SUSPECT), IS(SUSPECT),
	      .times = 13 },
	    { .p = { .seq = 1001, .data = "41*1190" }, DROPS(1, SUSPECT_BUDGET), IS(REFUSED) },
	    { .p = { .seq = 1001, .data = "41*1190" }, DROPS(1, FLOW_REFUSED) } } },
	{ "ATTACKS 13: and so is what overlaps, in whichever order", { WAITING(60000) },
	  { { .p = { .seq = 1001, .data = "41*3000" }, PASSES(1, SUSPECT), .times = 40 },
	    { .p = { .seq = 2001, .data = "41*3000" }, PASSES(1, SUSPECT), .times = 39 },
	    { .p = { .seq = 1501, .data = "41*3000" }, PASSES(1, SUSPECT), IS(SUSPECT) },
	    { .p = { .seq = 1501, .data = "41*3000" }, DROPS(1, SUSPECT_BUDGET), IS(REFUSED) } } },
	{ "ATTACKS 13: and what lies before it", { WAITING(17) },
	  { { .p = { .seq = 0x80000000, .data = "41*2048" }, PASSES(1, SUSPECT), .times = 8 },
	    { .p = { .seq = 0x80000000, .data = "41" }, DROPS(1, SUSPECT_BUDGET), IS(REFUSED) } } },
	{ "ATTACKS 13: retransmissions of the beginning too", { SVC(STRICT, .suspect_bytes = 27) },
	  { { .p = { BEGIN }, PASSES(1, SUSPECT), IS(SUSPECT), .times = 3 },
	    { .p = { BEGIN }, DROPS(1, SUSPECT_BUDGET), IS(REFUSED) } } },
	{ "every byte of a CONNECT in a segment of its own is within the least budget",
	  { SVC(STRICT, .suspect_bytes = 17) },
	  { { .p = { BEGIN }, PASSES(1, SUSPECT), IS(SUSPECT) },
	    { .p = { .seq = 1009, .data = "02" }, PASSES(1, SUSPECT), IS(SUSPECT) },
	    { .p = { .seq = 1010, .data = "003C" }, PASSES(1, SUSPECT), IS(SUSPECT) },
	    { .p = { .seq = 1012, .data = "0003 'de'" }, PASSES(1, SUSPECT), IS(SUSPECT) },
	    { .p = { .seq = 1016, .data = "'v'" }, PASSES(1, SUSPECT), IS(SEEN) } } },
	{ "a CONNECT of which all was lost once, and sent again, is within the default",
	  { WAITING(60000) },
	  { { .p = { .seq = 1001, .data = "41*3000" }, PASSES(1, SUSPECT), .times = 40 },
	    { .p = { .seq = 58000, .data = "41*3000" }, PASSES(1, SUSPECT), IS(SEEN) } } },
	{ "a short CONNECT lost a hundred times over is within the default", { WAITING(17) },
	  { { .p = { .seq = 1001, .data = "0F 0004 'MQTT'" }, PASSES(1, SUSPECT), IS(SUSPECT),
	      .often = true },
	    { .p = { .seq = 1008, .data = "04 02 003C 0003 'dev'" }, PASSES(1, SUSPECT),
	      IS(SEEN) } } },

	/* ---- first payloads of a source ---- */
	{ "ATTACKS 20: first payloads of a source are budgeted; what is over it is not remembered",
	  { SVC(.source_rate = 1, .source_burst = 2) },
	  { { .p = { .sport = 1, GOOD }, PASSES(1, FIRST), IS(SEEN) },
	    { .p = { .sport = 2, GOOD }, PASSES(1, FIRST), IS(SEEN) },
	    { .p = { .sport = 3, GOOD }, DROPS(1, SOURCE_BUDGET), .flow = ABSENT },
	    { .p = { .sport = 3, GOOD }, DROPS(1, SOURCE_BUDGET), .flow = ABSENT },
	    { .p = { .sport = 2, GOOD }, PASSES(1, SEEN) },
	    { .p = { .sport = 4, .data = "30 02 0000" }, PASSES(1, UNDECIDED) } } },
	{ "a burst of 0 is as many as a second brings", { SVC(.source_rate = 2) },
	  { { .p = { .sport = 1, GOOD }, PASSES(1, FIRST) },
	    { .p = { .sport = 2, GOOD }, PASSES(1, FIRST) },
	    { .p = { .sport = 3, GOOD }, DROPS(1, SOURCE_BUDGET) } } },
	{ "ATTACKS 20: half a CONNECT takes a token as a whole one does, and its rest none",
	  { SVC(STRICT, .source_rate = 1) },
	  { { .p = { .sport = 1, BEGIN }, PASSES(1, SUSPECT), IS(SUSPECT) },
	    { .p = { .sport = 2, BEGIN }, DROPS(1, SOURCE_BUDGET), .flow = ABSENT },
	    { .p = { .sport = 1, BEGIN }, PASSES(1, SUSPECT), IS(SUSPECT) },
	    { .p = { .sport = 1, GOOD }, PASSES(1, FIRST), IS(SEEN) },
	    { .p = { .sport = 1, GOOD }, PASSES(1, SEEN) } } },
	{ "ATTACKS 20: ClientHellos likewise",
	  { { .what = SERVICE, .number = 2, .svc = { STRICT, .source_rate = 1 } } },
	  { { .p = { .dport = 8883, .sport = 1, .data = HELLO }, PASSES(2, FIRST) },
	    { .p = { .dport = 8883, .sport = 2, .data = HELLO }, DROPS(2, SOURCE_BUDGET) } } },
	{ "what is malformed takes no token", { SVC(STRICT, .source_rate = 1) },
	  { { .p = { BAD }, DROPS(1, MQTT_FLAGS), .often = true },
	    { .p = { GOOD }, PASSES(1, FIRST) } } },
	{ "each address has its own bucket", { SVC(.source_rate = 1) },
	  { { .p = { FROM(1), GOOD }, PASSES(1, FIRST) },
	    { .p = { FROM(1), .sport = 2, GOOD }, DROPS(1, SOURCE_BUDGET) },
	    { .p = { FROM(2), GOOD }, PASSES(1, FIRST) } } },
	{ "an IPv6 /64 has one bucket", { SVC(.source_rate = 1) },
	  { { .p = { .src = "2001:db8::1", GOOD }, PASSES(1, FIRST) },
	    { .p = { .src = "2001:db8::2:2", GOOD }, DROPS(1, SOURCE_BUDGET) },
	    { .p = { .src = "2001:db8:0:1::1", GOOD }, PASSES(1, FIRST) } } },
	{ "each service has its own buckets",
	  { SVC(.source_rate = 1), { .what = PORT, .port = 2000, .number = 3 },
	    { .what = SERVICE, .number = 3,
	      .svc = { .kind = MQGATE_KIND_MQTT, .source_rate = 1 } } },
	  { { .p = { GOOD }, PASSES(1, FIRST) },
	    { .p = { .dport = 2000, GOOD }, PASSES(3, FIRST) },
	    { .p = { .sport = 2, GOOD }, DROPS(1, SOURCE_BUDGET) } } },
	{ "devices behind the same address that are ALLOWed go on, whatever is begun there",
	  { SVC(.source_rate = 1), ALLOWED() },
	  { { .p = { .sport = 1, GOOD }, PASSES(1, FIRST) },
	    { .p = { .sport = 2, GOOD }, DROPS(1, SOURCE_BUDGET) },
	    { .p = { .data = "30 02 0000" }, PASSES(1, ALLOW) } } },
	{ "an operator's PASS is of no budget",
	  { SVC(.source_rate = 1), SOURCE_IS("198.51.100.1", PASS) },
	  { { .p = { GOOD }, PASSES(1, VERDICT), .often = true } } },
	{ "observe: over the budget it passes, and is counted",
	  { SVC(.source_rate = 1, .mode = MQGATE_MODE_OBSERVE) },
	  { { .p = { GOOD, .sport = 1 }, PASSES(1, FIRST) },
	    { .p = { GOOD, .sport = 2 }, WOULD(1, SOURCE_BUDGET) } } },
	{ "without a budget a thousand first payloads pass", {},
	  { { .p = { .dport = 1883, GOOD }, PASSES(1, FIRST) },
	    { .p = { GOOD }, PASSES(1, SEEN), .times = 1000 } } },

	/* ---- of a service ---- */
	{ "ATTACKS 20: first payloads from distinct addresses are budgeted together",
	  { SVC(.service_rate = 1, .service_burst = 2) },
	  { { .p = { FROM(1), GOOD }, PASSES(1, FIRST) },
	    { .p = { FROM(2), GOOD }, PASSES(1, FIRST) },
	    { .p = { FROM(3), GOOD }, DROPS(1, SERVICE_BUDGET), .flow = ABSENT },
	    { .p = { FROM(1), GOOD }, PASSES(1, SEEN) } } },
	{ "what one source has too many of costs the others nothing",
	  { SVC(.source_rate = 1, .service_rate = 1, .service_burst = 2) },
	  { { .p = { FROM(1), .sport = 1, GOOD }, PASSES(1, FIRST) },
	    { .p = { FROM(1), .sport = 2, GOOD }, DROPS(1, SOURCE_BUDGET), .times = 5 },
	    { .p = { FROM(2), GOOD }, PASSES(1, FIRST) },
	    { .p = { FROM(3), GOOD }, DROPS(1, SERVICE_BUDGET) },
	    { .p = { FROM(1), .sport = 3, GOOD }, DROPS(1, SERVICE_BUDGET) } } },

	/* ---- datagrams ---- */
	{ "ATTACKS 28: datagrams of a source are budgeted",
	  { COAP(.source_rate = 1, .source_burst = 3) },
	  { { .p = { COAP_FLOW, .data = "40" }, PASSES(4, DATAGRAM), .times = 3 },
	    { .p = { COAP_FLOW, .data = "40" }, DROPS(4, SOURCE_BUDGET) },
	    { .p = { COAP_FLOW, .sport = 2, .data = "40" }, DROPS(4, SOURCE_BUDGET) } } },
	{ "ATTACKS 29: datagrams of all sources are budgeted", { COAP(.service_rate = 2) },
	  { { .p = { COAP_FLOW, FROM(1) }, PASSES(4, DATAGRAM) },
	    { .p = { COAP_FLOW, FROM(2) }, PASSES(4, DATAGRAM) },
	    { .p = { COAP_FLOW, FROM(3) }, DROPS(4, SERVICE_BUDGET) } } },
	{ "ALLOWed datagrams, and those of a PASSed source, are of no budget",
	  { COAP(.source_rate = 1), ALLOWED(.p = { COAP_FLOW }), SOURCE_IS("198.51.100.2", PASS) },
	  { { .p = { COAP_FLOW }, PASSES(4, ALLOW), .often = true },
	    { .p = { COAP_FLOW, FROM(2) }, PASSES(4, VERDICT), .often = true },
	    { .p = { COAP_FLOW, .sport = 2 }, PASSES(4, DATAGRAM) },
	    { .p = { COAP_FLOW, .sport = 2 }, DROPS(4, SOURCE_BUDGET) } } },
};

static size_t buckets(struct xdp *x)
{
	struct mqgate_budget_key key;
	void *from = NULL;
	size_t n = 0;

	for (; !bpf_map_get_next_key(x->maps.budgets, from, &key); from = &key)
		n++;
	return n;
}

static int sends(struct xdp *x, int program, unsigned int source)
{
	struct pkt p = { GOOD };
	uint8_t frame[PKT_MAX];
	size_t len = pkt_build(&p, frame);

	memcpy(frame + 26, &source, 4);
	return xdp_run(x, program, frame, len, 0);
}

/* Distinct addresses over the budget of the service leave nothing in the LRU. */
static bool no_thrash(struct xdp *x, int program)
{
	unsigned int passed = 0;
	size_t n;

	xdp_reset(x);
	xdp_prepare(x, &(struct before)SVC(.source_rate = 1, .service_rate = 1,
					   .service_burst = 5));
	for (unsigned int i = 1; i <= 2000; i++)
		passed += sends(x, program, i) == XDP_PASS;
	n = buckets(x);
	if (passed >= 5 && passed < 100 && n == passed + 1)
		return true;
	printf("# %u passed, %zu buckets\n", passed, n);
	return false;
}

/* The token that a second brings, put back by hand. */
static bool refills(struct xdp *x, int program)
{
	struct mqgate_budget_key key;
	struct mqgate_budget budget;
	bool good;

	xdp_reset(x);
	xdp_prepare(x, &(struct before)SVC(.service_rate = 1));
	good = sends(x, program, 1) == XDP_PASS && sends(x, program, 2) == XDP_DROP;
	if (bpf_map_get_next_key(x->maps.budgets, NULL, &key) ||
	    bpf_map_lookup_elem(x->maps.budgets, &key, &budget))
		return false;
	good &= key.kind == MQGATE_BUDGET_SERVICE && key.service == 1 && key.length == 0 &&
		budget.passed == 1 && budget.dropped == 1;
	budget.tat -= 1000 * MS_NS;
	bpf_map_update_elem(x->maps.budgets, &key, &budget, 0);
	return good && sends(x, program, 2) == XDP_PASS && sends(x, program, 3) == XDP_DROP;
}

int main(void)
{
	struct xdp x = {};

	xdp_load(&x, NULL);
	ktap_plan(scenes_points(scenes, ARRAY_SIZE(scenes)) + 4);
	scenes_play(&x, scenes, ARRAY_SIZE(scenes));
	for (int program = 0; program < 2; program++) {
		ktap_point(no_thrash(&x, program),
			   "%s: ATTACKS 20: over a service's budget no source gets a bucket",
			   xdp_program_names[program]);
		ktap_point(refills(&x, program), "%s: a bucket fills again",
			   xdp_program_names[program]);
	}
	bpf_object__close(x.object);
	return ktap_end();
}
