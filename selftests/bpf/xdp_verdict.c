// SPDX-License-Identifier: BSD-2-Clause
/*
 * Verdicts on networks: which of several prefixes decides, LIMIT and its buckets, loaded sets
 * and their generation; and thousands of addresses against a plain search of the same prefixes.
 * The prefixes are written by the code that the command and the daemon write them with.
 */
#include "harness.h"

#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "common/net.h"

#define GOOD		.data = CONNECT_311
#define BAD		.data = "1F 0D 0004 'MQTT' 05 02 000A 0001 70"
#define V6		.v6 = 1
#define FROM(address)	.src = address

#define NET_IS(text, act, ...)	\
	{ .what = NET, .addr = text, .action = MQGATE_ACTION_##act, __VA_ARGS__ }
#define SOURCE_IS(address, act, ...)	\
	{ .what = SOURCE, .addr = address, .action = MQGATE_ACTION_##act, __VA_ARGS__ }
#define SET(number)	{ .what = GENERATION, .generation = number }
#define BANNED		DROPS(1, SOURCE_BANNED)
#define LIMITED		DROPS(1, SOURCE_LIMITED)

static const struct scene scenes[] = {
	/* ---- which prefix ---- */
	{ "a banned prefix is dropped: SYN, ACK, payload, RST; its neighbours are not",
	  { NET_IS("198.51.100.0/24", DROP) },
	  { { .p = { .flags = SYN }, BANNED }, { .p = { .flags = ACK }, BANNED },
	    { .p = { GOOD }, BANNED, .flow = ABSENT }, { .p = { .flags = RST }, BANNED },
	    { .p = { FROM("198.51.100.255"), GOOD }, BANNED },
	    { .p = { FROM("198.51.101.0"), .flags = SYN }, PASSES(1, CONTROL) },
	    { .p = { FROM("198.51.99.255"), .flags = SYN }, PASSES(1, CONTROL) } } },
	{ "a prefix shorter than a block of the index covers all of it",
	  { NET_IS("198.0.0.0/7", DROP) },
	  { { .p = { FROM("198.0.0.1"), .flags = SYN }, BANNED },
	    { .p = { FROM("199.255.255.255"), .flags = SYN }, BANNED },
	    { .p = { FROM("200.0.0.0"), .flags = SYN }, PASSES(1, CONTROL) },
	    { .p = { FROM("197.255.255.255"), .flags = SYN }, PASSES(1, CONTROL) } } },
	{ "a /31 covers two addresses", { NET_IS("198.51.100.2/31", DROP) },
	  { { .p = { FROM("198.51.100.2"), .flags = SYN }, BANNED },
	    { .p = { FROM("198.51.100.3"), .flags = SYN }, BANNED },
	    { .p = { FROM("198.51.100.1"), .flags = SYN }, PASSES(1, CONTROL) },
	    { .p = { FROM("198.51.100.4"), .flags = SYN }, PASSES(1, CONTROL) } } },
	{ "a /0 covers IPv4 and no IPv6", { NET_IS("0.0.0.0/0", DROP) },
	  { { .p = { .flags = SYN }, BANNED },
	    { .p = { FROM("223.255.255.255"), .flags = SYN }, BANNED },
	    { .p = { V6, .flags = SYN }, PASSES(1, CONTROL) } } },
	{ "a ::/0 covers IPv6 and no IPv4", { NET_IS("::/0", DROP) },
	  { { .p = { V6, .flags = SYN }, BANNED },
	    { .p = { FROM("fe80::1"), .flags = SYN }, BANNED },
	    { .p = { .flags = SYN }, PASSES(1, CONTROL) } } },
	{ "the longest prefix decides: a PASS inside a ban",
	  { NET_IS("198.0.0.0/8", DROP), NET_IS("198.51.0.0/16", PASS) },
	  { { .p = { GOOD }, PASSES(1, VERDICT) },
	    { .p = { FROM("198.52.0.1"), GOOD }, BANNED } } },
	{ "the longest prefix decides: a ban inside a PASS",
	  { NET_IS("198.0.0.0/8", PASS), NET_IS("198.51.100.0/24", DROP),
	    NET_IS("198.51.100.0/30", PASS) },
	  { { .p = { GOOD }, PASSES(1, VERDICT) },
	    { .p = { FROM("198.51.100.4"), GOOD }, BANNED },
	    { .p = { FROM("198.51.0.1"), GOOD }, PASSES(1, VERDICT) } } },
	{ "the longest prefix decides: IPv6, between and within the levels of the index",
	  { NET_IS("2001:d00::/24", DROP), NET_IS("2001:db8::/32", PASS),
	    NET_IS("2001:db8::/33", DROP), NET_IS("2001:db8:0:2::/63", PASS) },
	  { { .p = { V6, GOOD }, BANNED },
	    { .p = { FROM("2001:db8:0:3::1"), GOOD }, PASSES(1, VERDICT) },
	    { .p = { FROM("2001:db8:0:4::1"), GOOD }, BANNED },
	    { .p = { FROM("2001:db8:8000::1"), GOOD }, PASSES(1, VERDICT) },
	    { .p = { FROM("2001:d01::1"), GOOD }, BANNED },
	    { .p = { FROM("2001:e00::1"), GOOD }, PASSES(1, FIRST) } } },
	{ "IPv6 prefixes shorter than the index",
	  { NET_IS("2000::/3", DROP), NET_IS("2001:c00::/23", PASS) },
	  { { .p = { V6, GOOD }, PASSES(1, VERDICT) },
	    { .p = { FROM("2001:e00::1"), GOOD }, BANNED },
	    { .p = { FROM("4000::1"), GOOD }, PASSES(1, FIRST) } } },
	{ "the exact address comes before its prefix",
	  { NET_IS("198.51.100.0/24", DROP), SOURCE_IS("198.51.100.1", PASS) },
	  { { .p = { GOOD }, PASSES(1, VERDICT) },
	    { .p = { FROM("198.51.100.2"), GOOD }, BANNED } } },
	{ "the /64 comes before a longer look",
	  { NET_IS("2001:db8::/63", DROP), SOURCE_IS("2001:db8::", PASS) },
	  { { .p = { V6, GOOD }, PASSES(1, VERDICT) },
	    { .p = { FROM("2001:db8:0:1::1"), GOOD }, BANNED } } },
	{ "an expired prefix uncovers the shorter one",
	  { NET_IS("198.0.0.0/8", DROP), NET_IS("198.51.0.0/16", PASS, .expires_ms = -1) },
	  { { .p = { GOOD }, BANNED } } },
	{ "a banned prefix that has expired is as good as absent",
	  { NET_IS("198.51.0.0/16", DROP, .expires_ms = -1) },
	  { { .p = { GOOD }, PASSES(1, FIRST) } } },
	{ "ALLOW comes before a banned prefix",
	  { { .what = ALLOW, .expires_ms = 60000 }, NET_IS("198.51.100.0/24", DROP) },
	  { { .p = { .data = "'middle'" }, PASSES(1, ALLOW) },
	    { .p = { .sport = 40001, GOOD }, BANNED } } },
	{ "observe passes a banned prefix, and counts it",
	  { { .what = SERVICE, .number = 1, .svc = { .mode = MQGATE_MODE_OBSERVE } },
	    NET_IS("198.51.100.0/24", DROP) },
	  { { .p = { GOOD }, WOULD(1, SOURCE_BANNED) } } },
	{ "a PASSed prefix excuses no CONNECT that is malformed",
	  { NET_IS("198.51.100.0/24", PASS) },
	  { { .p = { BAD }, DROPS(1, MQTT_FLAGS) }, { .p = { GOOD }, PASSES(1, VERDICT) } } },
	{ "ATTACKS 20: datagrams meet the verdict on their prefix",
	  { { .what = PORT, .port = 2000, .udp = true, .number = 5 },
	    { .what = SERVICE, .number = 5, .svc = { .kind = MQGATE_KIND_MQTTSN } },
	    NET_IS("198.51.100.0/24", LIMIT, .rate = 1) },
	  { { .p = { .proto = 17, .dport = 2000, .data = "02 01" }, PASSES(5, DATAGRAM) },
	    { .p = { .proto = 17, .dport = 2000, .data = "02 01" }, DROPS(5, SOURCE_LIMITED) } } },

	/* ---- LIMIT ---- */
	{ "ATTACKS 20: a LIMITed source has so many SYNs and payloads at once",
	  { SOURCE_IS("198.51.100.1", LIMIT, .rate = 3) },
	  { { .p = { .flags = SYN }, PASSES(1, CONTROL) }, { .p = { GOOD }, PASSES(1, FIRST) },
	    { .p = { .seq = 1017, .data = "C0 00" }, PASSES(1, SEEN) },
	    { .p = { .seq = 1019, .data = "C0 00" }, LIMITED },
	    { .p = { .sport = 40001, .flags = SYN }, LIMITED },
	    { .p = { .flags = ACK }, PASSES(1, CONTROL) },
	    { .p = { .flags = FIN | ACK }, PASSES(1, CONTROL) },
	    { .p = { FROM("198.51.100.2"), .flags = SYN }, PASSES(1, CONTROL) } } },
	{ "a LIMIT of no rate is the default one", { SOURCE_IS("198.51.100.1", LIMIT) },
	  { { .p = { .flags = SYN }, PASSES(1, CONTROL) }, { .p = { GOOD }, PASSES(1, FIRST) } } },
	{ "a LIMITed IPv6 /64 shares one bucket", { SOURCE_IS("2001:db8::", LIMIT, .rate = 1) },
	  { { .p = { V6, .flags = SYN }, PASSES(1, CONTROL) },
	    { .p = { FROM("2001:db8::2"), .flags = SYN }, LIMITED },
	    { .p = { FROM("2001:db8:0:1::2"), .flags = SYN }, PASSES(1, CONTROL) } } },
	{ "a LIMITed prefix shares one bucket", { NET_IS("198.51.0.0/16", LIMIT, .rate = 2) },
	  { { .p = { .flags = SYN }, PASSES(1, CONTROL) },
	    { .p = { FROM("198.51.7.7"), .flags = SYN }, PASSES(1, CONTROL) },
	    { .p = { FROM("198.51.8.8"), .flags = SYN }, LIMITED },
	    { .p = { FROM("198.52.0.1"), .flags = SYN }, PASSES(1, CONTROL) } } },
	{ "two LIMITed prefixes have two buckets",
	  { NET_IS("198.51.0.0/16", LIMIT, .rate = 1), NET_IS("198.51.100.0/24", LIMIT, .rate = 1),
	    NET_IS("2001:db8::/32", LIMIT, .rate = 1), NET_IS("2001:db8::/48", LIMIT, .rate = 1) },
	  { { .p = { .flags = SYN }, PASSES(1, CONTROL) }, { .p = { .flags = SYN }, LIMITED },
	    { .p = { FROM("198.51.0.1"), .flags = SYN }, PASSES(1, CONTROL) },
	    { .p = { FROM("198.51.0.1"), .flags = SYN }, LIMITED },
	    { .p = { V6, .flags = SYN }, PASSES(1, CONTROL) },
	    { .p = { V6, .flags = SYN }, LIMITED },
	    { .p = { FROM("2001:db8:1::1"), .flags = SYN }, PASSES(1, CONTROL) },
	    { .p = { FROM("2001:db8:1::1"), .flags = SYN }, LIMITED } } },
	{ "within its LIMIT a source is not asked for shorter prefixes",
	  { NET_IS("198.0.0.0/8", DROP), NET_IS("198.51.0.0/16", LIMIT, .rate = 5) },
	  { { .p = { .flags = SYN }, PASSES(1, CONTROL) },
	    { .p = { .flags = ACK }, PASSES(1, CONTROL) },
	    { .p = { GOOD }, PASSES(1, FIRST) }, { .p = { FROM("198.1.1.1"), GOOD }, BANNED } } },
	{ "a LIMIT never touches an ALLOWed flow",
	  { { .what = ALLOW, .expires_ms = 60000 }, SOURCE_IS("198.51.100.1", LIMIT, .rate = 1) },
	  { { .p = { .data = "'middle'" }, PASSES(1, ALLOW), .often = true },
	    { .p = { .sport = 40001, .flags = SYN }, PASSES(1, CONTROL) },
	    { .p = { .sport = 40001, .flags = SYN }, LIMITED } } },
	{ "observe passes what is over a LIMIT, and counts it",
	  { { .what = SERVICE, .number = 1, .svc = { .mode = MQGATE_MODE_OBSERVE } },
	    SOURCE_IS("198.51.100.1", LIMIT, .rate = 1) },
	  { { .p = { .flags = SYN }, PASSES(1, CONTROL) },
	    { .p = { .flags = SYN }, WOULD(1, SOURCE_LIMITED) } } },

	/* ---- loaded sets ---- */
	{ "a verdict of the set that holds, holds",
	  { SET(7), NET_IS("198.51.0.0/16", DROP, .generation = 7) },
	  { { .p = { GOOD }, BANNED } } },
	{ "a verdict of an earlier set is as good as absent",
	  { SET(7), NET_IS("198.0.0.0/8", DROP), NET_IS("198.51.0.0/16", PASS, .generation = 6),
	    SOURCE_IS("198.51.100.1", PASS, .generation = 6) },
	  { { .p = { GOOD }, BANNED } } },
	{ "a verdict that is being loaded does not hold yet",
	  { SET(7), NET_IS("198.51.0.0/16", DROP, .generation = 8),
	    SOURCE_IS("198.51.100.1", DROP, .generation = 8) },
	  { { .p = { GOOD }, PASSES(1, FIRST) } } },
	{ "until the flip the verdict before holds in its place",
	  { SET(7), NET_IS("198.51.0.0/16", PASS, .generation = 8, .prior = MQGATE_ACTION_DROP) },
	  { { .p = { GOOD }, BANNED } } },
	{ "a single verdict that is over uncovers that of the loaded set",
	  { SET(7), SOURCE_IS("198.51.100.1", PASS, .expires_ms = -1, .prior = MQGATE_ACTION_DROP,
			      .generation = 7 | MQGATE_GENERATION_SINGLE) },
	  { { .p = { GOOD }, BANNED } } },
	{ "while it holds it comes first",
	  { SET(7), SOURCE_IS("198.51.100.1", PASS, .prior = MQGATE_ACTION_DROP,
			      .generation = 7 | MQGATE_GENERATION_SINGLE) },
	  { { .p = { GOOD }, PASSES(1, VERDICT) } } },
	{ "a single verdict outlives the set that it lies on, which does not come back",
	  { SET(8), NET_IS("198.51.100.0/24", DROP, .prior = MQGATE_ACTION_PASS,
			   .generation = 7 | MQGATE_GENERATION_SINGLE),
	    SOURCE_IS("198.51.100.1", PASS, .expires_ms = -1, .prior = MQGATE_ACTION_PASS,
		      .generation = 7 | MQGATE_GENERATION_SINGLE) },
	  { { .p = { GOOD }, BANNED } } },
	{ "without a set that was ever loaded, one that is being loaded does not hold",
	  { NET_IS("198.51.0.0/16", DROP, .generation = 1) },
	  { { .p = { GOOD }, PASSES(1, FIRST) } } },
};

/* ---- what a table cannot say ------------------------------------------------------- */

static bool answers(struct xdp *x, const char *source, int want)
{
	struct pkt p = { .src = source, .flags = SYN };
	uint8_t frame[PKT_MAX];
	int action = xdp_run(x, 0, frame, pkt_build(&p, frame), 0);

	if (action != want)
		printf("# %s: XDP answered %d, wanted %d\n", source, action, want);
	return action == want;
}

static void put(struct xdp *x, const char *text, enum mqgate_action action, uint32_t rate)
{
	const struct mqgate_verdict verdict = { .action = action, .rate = rate };
	struct mqg_net net;

	if (mqg_net_parse(text, &net, NULL) || mqg_net_put(&x->maps, &net, &verdict))
		errx(1, "%s cannot be written", text);
}

/* The bucket of a rate of 1 refills in a second: it is put back by hand, not waited for. */
static bool refills(struct xdp *x)
{
	struct mqgate_budget_key key;
	struct mqgate_budget budget;
	bool good;

	xdp_reset(x);
	put(x, "198.51.100.0/24", MQGATE_ACTION_LIMIT, 1);
	good = answers(x, "198.51.100.1", XDP_PASS) && answers(x, "198.51.100.1", XDP_DROP);
	/* A SYN has one of its own beside it. */
	for (void *from = NULL; !bpf_map_get_next_key(x->maps.budgets, from, &key); from = &key)
		if (key.kind == MQGATE_BUDGET_PREFIX)
			break;
	if (bpf_map_lookup_elem(x->maps.budgets, &key, &budget))
		return false;
	good &= key.length == 120 && key.kind == MQGATE_BUDGET_PREFIX && budget.passed == 1 &&
		budget.dropped == 1;
	budget.tat -= 1000 * MS_NS;
	bpf_map_update_elem(x->maps.budgets, &key, &budget, 0);
	return good && answers(x, "198.51.100.1", XDP_PASS) &&
	       answers(x, "198.51.100.1", XDP_DROP);
}

static bool counts_hits(struct xdp *x)
{
	struct mqgate_verdict verdict;
	struct mqg_net net;

	xdp_reset(x);
	put(x, "198.51.100.0/24", MQGATE_ACTION_DROP, 0);
	for (int i = 0; i < 5; i++)
		answers(x, "198.51.100.9", XDP_DROP);
	mqg_net_parse("198.51.100.0/24", &net, NULL);
	return !mqg_net_get(&x->maps, &net, &verdict) && verdict.hits == 5;
}

/* One at a time in and out, in whatever order; the bits that stay behind do no harm. */
static bool comes_and_goes(struct xdp *x)
{
	struct mqg_net wide, narrow;
	bool good;

	xdp_reset(x);
	mqg_net_parse("198.51.0.0/16", &wide, NULL);
	mqg_net_parse("198.51.100.0/24", &narrow, NULL);
	put(x, "198.51.100.0/24", MQGATE_ACTION_PASS, 0);
	put(x, "198.51.0.0/16", MQGATE_ACTION_DROP, 0);
	good = answers(x, "198.51.100.1", XDP_PASS) && answers(x, "198.51.1.1", XDP_DROP);
	good &= !mqg_net_remove(&x->maps, &narrow) && answers(x, "198.51.100.1", XDP_DROP);
	good &= !mqg_net_reindex(&x->maps) && answers(x, "198.51.100.1", XDP_DROP);
	good &= !mqg_net_remove(&x->maps, &wide) && answers(x, "198.51.100.1", XDP_PASS);
	good &= !mqg_net_reindex(&x->maps) && answers(x, "198.51.100.1", XDP_PASS);
	put(x, "198.51.0.0/16", MQGATE_ACTION_DROP, 0);
	return good && answers(x, "198.51.100.1", XDP_DROP);
}

/* A full map of prefixes: the one more is refused, and what is there holds. */
static bool fills_up(struct xdp *x)
{
	const struct mqgate_verdict verdict = { .action = MQGATE_ACTION_DROP };
	struct mqg_net net = { .addr = { [10] = 0xff, [11] = 0xff, [12] = 198 }, .bits = 120 };
	int err = 0, n = 0;

	xdp_reset(x);
	for (; !err && n < 100000; n++) {
		net.addr[13] = (uint8_t)(n >> 8);
		net.addr[14] = (uint8_t)n;
		err = mqg_net_put(&x->maps, &net, &verdict);
	}
	printf("# %d prefixes fit\n", n - 1);
	return err == -E2BIG && n == 4097 && answers(x, "198.0.7.1", XDP_DROP) &&
	       answers(x, "198.16.0.1", XDP_PASS);
}

/* ---- against a plain search --------------------------------------------------------------- */

#define PREFIXES	1500
#define LOOKUPS		20000

static struct mqg_net nets[PREFIXES];
static enum mqgate_action actions[PREFIXES];

static uint64_t state = 20240531;

static uint32_t draw(void)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (uint32_t)(state >> 16);
}

/* Addresses of few bits, so that prefixes lie in each other and lookups hit them. */
static void draw_addr(bool v6, uint8_t addr[16])
{
	static const uint8_t mapped[16] = { [10] = 0xff, [11] = 0xff };

	memcpy(addr, mapped, 16);
	for (int i = v6 ? 0 : 12; i < (v6 ? 8 : 16); i++)
		addr[i] = (uint8_t)(draw() & 0x11) * (1 + (draw() & 3));
	if (v6) {
		addr[0] = 0x20;
		addr[10] = addr[11] = 0;
		addr[15] = 1;
	} else {
		addr[12] |= 0x40;
	}
}

static void draw_net(bool v6, struct mqg_net *net)
{
	uint32_t length = v6 ? draw() % 64 : draw() % 32;

	draw_addr(v6, net->addr);
	net->bits = length + (v6 ? 0 : 96);
	for (uint32_t i = net->bits; i < 128; i++)
		net->addr[i / 8] &= (uint8_t)~(0x80 >> i % 8);
}

static enum mqgate_action search(const uint8_t addr[16], size_t count)
{
	enum mqgate_action action = MQGATE_ACTION_NONE;
	uint32_t longest = 0;

	for (size_t i = 0; i < count; i++) {
		if (!mqg_net_covers(&nets[i], addr) || nets[i].bits + 1 < longest)
			continue;
		/* The later of two that are equal took the place of the other. */
		longest = nets[i].bits + 1;
		action = actions[i];
	}
	return action;
}

struct first {
	enum mqgate_action	action;
};

static int take_first(const struct mqg_net *net, const struct mqgate_verdict *verdict, void *arg)
{
	struct first *first = arg;

	(void)net;
	first->action = verdict->action;
	return 1;
}

static bool agrees(struct xdp *x, bool v6)
{
	unsigned int dropped = 0, wrong = 0;

	xdp_reset(x);
	for (size_t i = 0; i < PREFIXES; i++) {
		const struct mqgate_verdict verdict = {
			.action = actions[i] = draw() & 1 ? MQGATE_ACTION_DROP : MQGATE_ACTION_PASS,
		};

		draw_net(v6, &nets[i]);
		if (mqg_net_put(&x->maps, &nets[i], &verdict))
			err(1, "mqg_net_put");
	}
	for (unsigned int i = 0; i < LOOKUPS; i++) {
		char text[INET6_ADDRSTRLEN];
		enum mqgate_action want;
		struct first first = { MQGATE_ACTION_NONE };
		uint8_t addr[16];

		if (i == LOOKUPS / 2 && mqg_net_reindex(&x->maps))
			err(1, "mqg_net_reindex");
		draw_addr(v6, addr);
		want = search(addr, PREFIXES);
		inet_ntop(v6 ? AF_INET6 : AF_INET, v6 ? addr : addr + 12, text, sizeof(text));
		mqg_net_match(&x->maps, addr, boottime_ns(), take_first, &first);
		if (first.action != want ||
		    !answers(x, text, want == MQGATE_ACTION_DROP ? XDP_DROP : XDP_PASS)) {
			printf("# %s: search %d, mqg_net_match() %d\n", text, want, first.action);
			if (++wrong > 5)
				return false;
		}
		dropped += want == MQGATE_ACTION_DROP;
	}
	printf("# %u of %u addresses are banned\n", dropped, LOOKUPS);
	return !wrong && dropped > LOOKUPS / 10 && dropped < LOOKUPS - LOOKUPS / 10;
}

static const struct {
	const char	*name;
	bool		(*run)(struct xdp *x);
} more[] = {
	{ "a bucket refills with time, and counts", refills },
	{ "a prefix counts the packets that it decided", counts_hits },
	{ "prefixes come and go one at a time", comes_and_goes },
	{ "ATTACKS 32: a full map of prefixes refuses one more and keeps the others", fills_up },
};

int main(void)
{
	unsigned int points = ARRAY_SIZE(more) + 2;
	struct xdp x = {};

	xdp_load(&x, NULL);
	ktap_plan(points + scenes_points(scenes, ARRAY_SIZE(scenes)));
	scenes_play(&x, scenes, ARRAY_SIZE(scenes));
	for (size_t i = 0; i < ARRAY_SIZE(more); i++)
		ktap_point(more[i].run(&x), "%s", more[i].name);
	ktap_point(agrees(&x, false), "IPv4: XDP and a plain search find the same longest prefix");
	ktap_point(agrees(&x, true), "IPv6: XDP and a plain search find the same longest prefix");
	bpf_object__close(x.object);
	return ktap_end();
}
