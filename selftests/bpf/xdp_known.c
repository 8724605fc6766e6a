// SPDX-License-Identifier: BSD-2-Clause
/*
 * The filter before mqgate_allow and mqgate_flows, from both sides: the bits that XDP sets and
 * reads in mqgate_known, and user space that makes it anew meanwhile.
 */
#include <string.h>

#include <bpf/bpf.h>

#include "common/known.h"
#include "harness.h"

#define BAD	.data = "1F 0D 0004 'MQTT' 05 02 000A 0001 70"
#define GOOD	.data = CONNECT_311
#define MANY	16384U

static struct xdp x;

static uint64_t bits_set(void)
{
	uint64_t set, bits;

	mqg_known_fill(&x.maps, &set, &bits);
	return set;
}

static bool plays(const struct step *step)
{
	return xdp_step(&x, 0, step);
}

static void key_of(const struct pkt *p, struct mqgate_flow_key *key)
{
	memset(key, 0, sizeof(*key));
	pkt_flow(p, key);
}

static void forget(const struct pkt *p)
{
	struct mqgate_flow_key key;

	key_of(p, &key);
	bpf_map_delete_elem(x.flows, &key);
}

static void whole(struct mqg_refill *refill)
{
	while (mqg_refill_step(refill) == 1)
		;
	mqg_refill_end(refill);
}

/* A malformed CONNECT in the middle of a flow passes only where the flow is found. */
static const struct step good = { .p = { GOOD }, PASSES(1, FIRST), .flow = MQGATE_FLOW_SEEN };
static const struct step middle = { .p = { .seq = 2000, BAD }, PASSES(1, SEEN) };
static const struct step other = { .p = { .sport = 7, GOOD }, PASSES(1, FIRST),
				   .flow = MQGATE_FLOW_SEEN };
static const struct step other_middle = { .p = { .sport = 7, .seq = 2000, BAD }, PASSES(1, SEEN) };

static void learns(void)
{
	bool passed;

	xdp_reset(&x);
	ktap_point(!bits_set(), "in the beginning no bit is set");
	passed = plays(&good);
	ktap_point(passed && bits_set() == 1, "XDP sets one for the flow that it adds");
	ktap_point(plays(&middle), "and finds it");
	forget(&good.p);
	ktap_point(plays(&(struct step){ .p = { .seq = 2000, BAD }, .drop = true, .service = 1,
					 .reason = MQGATE_REASON_MQTT_FLAGS }) && bits_set() == 1,
		   "the bit of a flow that is gone stays, and harms nobody");
}

static void flood_leaves_no_bits(void)
{
	bool dropped = true;

	xdp_reset(&x);
	for (uint16_t port = 1; port < 1000; port++)
		dropped &= plays(&(struct step){ .p = { .sport = port, BAD },
						 DROPS(1, MQTT_FLAGS) });
	ktap_point(dropped && !bits_set(), "a flood that nobody sent in earnest sets no bit");
}

static void anew(void)
{
	const struct step late = { .p = { .sport = 9, GOOD }, PASSES(1, FIRST),
				   .flow = MQGATE_FLOW_SEEN };
	const struct step late_middle = { .p = { .sport = 9, .seq = 2000, BAD }, PASSES(1, SEEN) };
	struct mqgate_flow flow = { .state = MQGATE_FLOW_SEEN };
	struct mqgate_allow allow = {};
	struct mqgate_flow_key key;
	struct mqg_refill refill;

	xdp_reset(&x);
	plays(&good);
	plays(&other);
	forget(&good.p);
	mqg_refill_begin(&refill, &x.maps);
	ktap_point(plays(&other_middle), "while it is made anew the old half is read");
	whole(&refill);
	ktap_point(bits_set() == 1, "what is gone has no bit then");
	ktap_point(plays(&other_middle), "and what is there is found");

	/* Both walks are over but for their last answer: this one is met by none of them. */
	mqg_refill_begin(&refill, &x.maps);
	while (refill.table < 1)
		mqg_refill_step(&refill);
	mqg_refill_step(&refill);
	plays(&late);
	key_of(&late.p, &key);
	whole(&refill);
	ktap_point(plays(&late_middle) && bits_set() == 2, "and what XDP adds meanwhile");

	mqg_refill_begin(&refill, &x.maps);
	while (refill.table < 1)
		mqg_refill_step(&refill);
	key.sport = 10;
	allow.service = 1;
	mqg_known_update(&x.maps, x.allow, &key, &allow, BPF_ANY);
	key.sport = 11;
	mqg_known_update(&x.maps, x.flows, &key, &flow, BPF_ANY);
	whole(&refill);
	ktap_point(plays(&(struct step){ .p = { .sport = 10, .seq = 2000, BAD },
					 PASSES(1, ALLOW) }) &&
		   plays(&(struct step){ .p = { .sport = 11, .seq = 2000, BAD }, PASSES(1, SEEN) }),
		   "and what user space adds meanwhile");

	mqg_refill_begin(&refill, &x.maps);
	mqg_refill_step(&refill);
	mqg_refill_end(&refill);
	ktap_point(!mqg_refill(&x.maps) && bits_set() == 4 && plays(&other_middle),
		   "one that was broken off does not hinder the next");
}

/* As the daemon of a host, or a router, sees them: who shares bits is looked up for nothing. */
static void spreads(const char *what, bool v6, uint32_t addresses)
{
	struct mqgate_flow flow = { .state = MQGATE_FLOW_SEEN };
	struct pkt p = { .v6 = v6 };
	struct mqgate_flow_key key;
	uint64_t set, bits, expected;

	xdp_reset(&x);
	key_of(&p, &key);
	for (uint32_t i = 0; i < MANY; i++) {
		uint32_t n = i % addresses;

		key.saddr[15] = (uint8_t)n;
		key.saddr[14] = (uint8_t)(n >> 8);
		key.sport = (uint16_t)(addresses == MANY ? 40000 : i / addresses + 1);
		mqg_known_update(&x.maps, x.flows, &key, &flow, BPF_ANY);
	}
	mqg_known_fill(&x.maps, &set, &bits);
	expected = MANY - (uint64_t)MANY * MANY / 2 / bits;
	ktap_point(set > expected - MANY / 100,
		   "%s set as many bits as chance would: %llu of %llu", what,
		   (unsigned long long)set, (unsigned long long)expected);
}

int main(void)
{
	xdp_load(&x, NULL);
	ktap_plan(15);
	learns();
	flood_leaves_no_bits();
	anew();
	spreads("the ports of one IPv4 address", false, 1);
	spreads("16,384 IPv4 addresses with one port", false, MANY);
	spreads("256 IPv6 addresses with 64 ports", true, 256);
	spreads("16,384 IPv6 addresses with one port", true, MANY);
	return ktap_end();
}
