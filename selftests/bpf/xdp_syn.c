// SPDX-License-Identifier: BSD-2-Clause
/*
 * SYN budgets, the begin and end of a SYN flood, and SYN cookies: the SYN-ACKs that XDP makes of
 * SYNs are taken apart, and the ACKs to them sent back. Cookies are those of this kernel, for
 * real listeners in a network namespace of the test's own. The time is turned back by writing
 * mqgate_syn; rates are of one a second, so that the second packet is beyond them.
 */
#include "harness.h"
#include "peer.h"

#include <err.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/in.h>

#define SVC(...)	{ .what = SERVICE, .number = 1, .svc = { __VA_ARGS__ } }
#define FLOODED(ms)	{ .what = FLOOD, .number = 1, .age_ms = (ms) }
#define SOURCE_IS(address, act)	\
	{ .what = SOURCE, .addr = address, .action = MQGATE_ACTION_##act }
#define BY(port)	{ .flags = SYN, .sport = (port) }
#define FROM(address)	{ .flags = SYN, .src = (address) }

static const struct scene scenes[] = {
	/* ---- a source's budget ---- */
	{ "SYNs of a source beyond its budget are dropped", { SVC(.syn_source = 1) },
	  { { .p = BY(1), PASSES(1, CONTROL) }, { .p = BY(2), DROPS(1, SYN_SOURCE) },
	    { .p = BY(3), DROPS(1, SYN_SOURCE) } } },
	{ "and no other's", { SVC(.syn_source = 1) },
	  { { .p = FROM("198.51.100.1"), PASSES(1, CONTROL) },
	    { .p = FROM("198.51.100.2"), PASSES(1, CONTROL) },
	    { .p = FROM("198.51.100.2"), DROPS(1, SYN_SOURCE) } } },
	{ "an IPv6 /64 has one budget", { SVC(.syn_source = 1) },
	  { { .p = FROM("2001:db8::1"), PASSES(1, CONTROL) },
	    { .p = FROM("2001:db8::2"), DROPS(1, SYN_SOURCE) },
	    { .p = FROM("2001:db8:0:1::1"), PASSES(1, CONTROL) } } },
	{ "the budget can be taken away", { SVC(.syn_source = MQGATE_SYN_UNLIMITED) },
	  { { .p = { .flags = SYN }, PASSES(1, CONTROL), .often = true },
	    { .p = { .flags = SYN }, PASSES(1, CONTROL), .often = true },
	    { .p = { .flags = SYN }, PASSES(1, CONTROL), .often = true } } },
	{ "a PASSed source has no budget, but its service has a rate",
	  { SVC(.syn_source = 1, .syn_rate = 2), SOURCE_IS("198.51.100.1", PASS) },
	  { { .p = BY(1), PASSES(1, CONTROL) }, { .p = BY(2), PASSES(1, CONTROL) },
	    { .p = BY(3), DROPS(1, SYN_RATE) } } },
	{ "ATTACKS 20: an ALLOWed flow is no leave for SYNs",
	  { SVC(.syn_source = 1), { .what = ALLOW, .expires_ms = 60000 } },
	  { { .p = { .flags = SYN }, PASSES(1, CONTROL) },
	    { .p = { .flags = SYN }, DROPS(1, SYN_SOURCE) },
	    { .p = { .flags = ACK }, PASSES(1, ALLOW) } } },
	{ "segments other than SYN cost nothing", { SVC(.syn_source = 1, .syn_rate = 1) },
	  { { .p = { .flags = SYN }, PASSES(1, CONTROL) },
	    { .p = { .flags = ACK }, PASSES(1, CONTROL), .often = true },
	    { .p = { .flags = FIN | ACK }, PASSES(1, CONTROL) },
	    { .p = { .flags = SYN | ACK }, PASSES(1, CONTROL) },
	    { .p = { .flags = RST }, PASSES(1, CONTROL) } } },
	{ "observe counts and passes", { SVC(.mode = MQGATE_MODE_OBSERVE, .syn_source = 1) },
	  { { .p = { .flags = SYN }, PASSES(1, CONTROL) },
	    { .p = { .flags = SYN }, WOULD(1, SYN_SOURCE) } } },

	/* ---- the rate of a service ---- */
	{ "ATTACKS 20: SYNs of all beyond the rate are dropped", { SVC(.syn_rate = 1) },
	  { { .p = FROM("198.51.100.1"), PASSES(1, CONTROL) },
	    { .p = FROM("198.51.100.2"), DROPS(1, SYN_RATE) },
	    { .p = FROM("198.51.100.3"), DROPS(1, SYN_RATE) },
	    { .p = FROM("2001:db8::1"), DROPS(1, SYN_RATE) } } },
	{ "a flood at one service is none at another", { SVC(.syn_rate = 1) },
	  { { .p = BY(1), PASSES(1, CONTROL) }, { .p = BY(2), DROPS(1, SYN_RATE) },
	    { .p = { .flags = SYN, .dport = 8883 }, PASSES(2, CONTROL) } } },
	{ "the rate can be taken away",
	  { SVC(.syn_rate = MQGATE_SYN_UNLIMITED, .syn_source = MQGATE_SYN_UNLIMITED) },
	  { { .p = { .flags = SYN }, PASSES(1, CONTROL), .often = true } } },
	{ "what the budget of its source drops does not count",
	  { SVC(.syn_rate = 2, .syn_source = 1) },
	  { { .p = BY(1), PASSES(1, CONTROL) },
	    { .p = BY(2), DROPS(1, SYN_SOURCE) },
	    { .p = { .flags = SYN, .src = "198.51.100.2" }, PASSES(1, CONTROL) },
	    { .p = { .flags = SYN, .src = "198.51.100.3" }, DROPS(1, SYN_RATE) } } },
	{ "a ban is asked before the budgets: its SYNs take nothing",
	  { SVC(.syn_rate = 1), SOURCE_IS("198.51.100.1", DROP), FLOODED(0) },
	  { { .p = { .flags = SYN }, DROPS(1, SOURCE_BANNED), .often = true },
	    { .p = FROM("198.51.100.2"), PASSES(1, CONTROL) },
	    { .p = FROM("198.51.100.3"), DROPS(1, SYN_RATE) },
	    { .p = { .flags = SYN }, DROPS(1, SOURCE_BANNED) } } },
	{ "the missing daemon is named before the budgets",
	  { { .what = SERVICE, .number = 1, .lease_ms = -1,
	      .svc = { .syn_source = 1, .syn_rate = 1 } } },
	  { { .p = { .flags = SYN }, DROPS(1, DAEMON_AWAY), .often = true } } },
	{ "observe counts what is beyond the rate, and passes",
	  { SVC(.mode = MQGATE_MODE_OBSERVE, .syn_rate = 1) },
	  { { .p = BY(1), PASSES(1, CONTROL) }, { .p = BY(2), WOULD(1, SYN_RATE) } } },
	{ "ATTACKS 30: in a flood impossible SYNs are what they were", { FLOODED(0) },
	  { { .p = { .flags = SYN, .data = CONNECT_311 }, DROPS(1, SYN_DATA) },
	    { .p = { .flags = SYN | FIN }, DROPS(1, TCP_FLAGS) },
	    { .p = { .flags = SYN | RST }, DROPS(1, TCP_FLAGS) } } },
	{ "without cookies ACKs pass in a flood", { FLOODED(0) },
	  { { .p = { .flags = ACK }, PASSES(1, CONTROL) },
	    { .p = { .data = CONNECT_311 }, PASSES(1, FIRST) } } },
	{ "a SYN that is dropped does not begin a flow anew",
	  { SVC(.syn_rate = 1), { .what = FLOW, .flow = { .state = MQGATE_FLOW_REFUSED } } },
	  { { .p = { .flags = SYN, .sport = 1 }, PASSES(1, CONTROL) },
	    { .p = { .flags = SYN }, DROPS(1, SYN_RATE), .flow = MQGATE_FLOW_REFUSED } } },

	/* ---- hysteresis ---- */
	{ "in a flood sources are not accounted", { SVC(.syn_source = 1), FLOODED(0) },
	  { { .p = BY(1), PASSES(1, CONTROL) }, { .p = BY(2), PASSES(1, CONTROL) },
	    { .p = BY(3), PASSES(1, CONTROL) } } },
	{ "9 s of calm do not end a flood", { SVC(.syn_source = 1), FLOODED(9000) },
	  { { .p = BY(1), PASSES(1, CONTROL) }, { .p = BY(2), PASSES(1, CONTROL) } } },
	{ "10 s of calm do: sources are accounted again", { SVC(.syn_source = 1), FLOODED(10001) },
	  { { .p = BY(1), PASSES(1, CONTROL) }, { .p = BY(2), DROPS(1, SYN_SOURCE) } } },
	{ "how long the calm has to last can be set",
	  { SVC(.syn_source = 1, .syn_calm_ms = 500), FLOODED(600) },
	  { { .p = BY(1), PASSES(1, CONTROL) }, { .p = BY(2), DROPS(1, SYN_SOURCE) } } },
	{ "a source that has a bucket is held to it in a flood",
	  { SVC(.syn_source = 1, .syn_rate = 2) },
	  { { .p = FROM("198.51.100.1"), PASSES(1, CONTROL) },
	    { .p = FROM("198.51.100.2"), PASSES(1, CONTROL) },
	    { .p = FROM("198.51.100.3"), DROPS(1, SYN_RATE) },
	    { .p = FROM("198.51.100.1"), DROPS(1, SYN_SOURCE) },
	    { .p = FROM("198.51.100.9"), DROPS(1, SYN_RATE) } } },
};

static struct xdp x;
static int program, listener;

/* ---- the state of a service ------------------------------------------------------------- */

static struct mqgate_syn state(void)
{
	struct mqgate_syn syn;

	if (bpf_map_lookup_elem(x.maps.syn, &(uint32_t){ 1 }, &syn))
		err(1, "mqgate_syn");
	return syn;
}

static void prepare(struct before before)
{
	xdp_prepare(&x, &before);
}

static bool step(struct step s)
{
	return xdp_step(&x, program, &s);
}

#define PREPARE(...)	prepare((struct before)__VA_ARGS__)
#define STEP(...)	step((struct step){ __VA_ARGS__ })

static bool told_begin(void)
{
	uint64_t before = boottime_ns();
	bool good;

	PREPARE(SVC(.syn_rate = 1));
	good = STEP(.p = BY(1), PASSES(1, CONTROL));
	good = good && !state().busy && !state().floods && state().answer == MQGATE_SYN_NONE;
	good = good && STEP(.p = BY(2), DROPS(1, SYN_RATE));
	return good && state().since > before && state().busy == state().since &&
	       state().floods == 1 && state().answer == MQGATE_SYN_OFF;
}

/* Between half of the rate and the rate: enough to go on, not to begin. */
static bool lower_rate(void)
{
	uint64_t busy;
	bool good;

	PREPARE(SVC(.syn_rate = 2));
	good = STEP(.p = BY(1), PASSES(1, CONTROL)) && STEP(.p = BY(2), PASSES(1, CONTROL));
	good = good && !state().busy;

	xdp_reset(&x);
	PREPARE(SVC(.syn_rate = 2));
	PREPARE(FLOODED(5000));
	busy = state().busy;
	good = good && STEP(.p = BY(1), PASSES(1, CONTROL)) && state().busy == busy;
	return good && STEP(.p = BY(2), PASSES(1, CONTROL)) && state().busy > busy &&
	       state().since == busy && !state().floods;
}

static bool map_stays(void)
{
	struct mqgate_budget_key key;
	bool good;

	PREPARE(FLOODED(0));
	good = STEP(.p = FROM("198.51.100.7"), PASSES(1, CONTROL));
	good = good && STEP(.p = FROM("2001:db8:7::1"), PASSES(1, CONTROL));
	return good && bpf_map_get_next_key(x.maps.budgets, NULL, &key) == -ENOENT;
}

/* ---- cookies ------------------------------------------------------------------------------- */

static void sysctl(const char *name, int value)
{
	char path[128];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/sys/net/%s", name);
	f = fopen(path, "w");
	if (!f || fprintf(f, "%d", value) < 0 || fclose(f))
		err(1, "%s", path);
}

/* What a packet was made into. */
static uint8_t out[PKT_MAX];
static size_t out_len;

static uint64_t counted(uint32_t reason)
{
	struct mqgate_stat sum;

	xdp_stat(&x, 1, reason, &sum);
	return sum.packets;
}

static int transmit(const uint8_t *frame, size_t len)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = frame, .data_size_in = (uint32_t)len,
		    .data_out = out, .data_size_out = sizeof(out), .repeat = 1);

	if (bpf_prog_test_run_opts(x.prog[program], &opts))
		err(1, "BPF_PROG_TEST_RUN");
	out_len = opts.data_size_out;
	return (int)opts.retval;
}

static uint32_t sum16(const uint8_t *at, size_t len, uint32_t sum)
{
	for (; len > 1; at += 2, len -= 2)
		sum += (uint32_t)at[0] << 8 | at[1];
	return len ? sum + ((uint32_t)at[0] << 8) : sum;
}

/* RFC 1071: over data and checksum it is all ones. */
static bool sums_up(uint32_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xFFFF) + (sum >> 16);
	return sum == 0xFFFF;
}

static uint32_t get32(const uint8_t *at)
{
	return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

#define WANT(condition)									\
	do {										\
		if (!(condition)) {							\
			printf("# SYN-ACK: not so: %s\n", #condition);			\
			return false;							\
		}									\
	} while (0)

/*
 * The answer to @frame, whose IP header is at @at: addresses and ports turned round, tags where
 * they were, a SYN-ACK that acknowledges the SYN and carries MSS @mss, and sums that are right.
 */
static bool is_answer(const uint8_t *frame, size_t at, bool v6, unsigned int mss, uint32_t *cookie)
{
	const uint8_t *ip = out + at, *was = frame + at;
	size_t head = v6 ? 40 : 20, addr = v6 ? 16 : 4;
	const uint8_t *tcp = ip + head, *syn = was + head;
	size_t src = v6 ? 8 : 12, len = at + head + 24;

	WANT(out_len == len || (out_len == 60 && len < 60));
	WANT(!memcmp(out, frame + 6, 6) && !memcmp(out + 6, frame, 6));
	WANT(!memcmp(out + 12, frame + 12, at - 12));
	WANT(!memcmp(ip + src, was + src + addr, addr));
	WANT(!memcmp(ip + src + addr, was + src, addr));
	if (v6) {
		WANT(ip[0] == 0x60 && !ip[1] && !ip[2] && !ip[3] && ip[6] == IPPROTO_TCP);
		WANT(ip[4] == 0 && ip[5] == 24 && ip[7] == 64);
	} else {
		WANT(ip[0] == 0x45 && ip[2] == 0 && ip[3] == 44 && ip[8] == 64);
		WANT(ip[6] == 0x40 && ip[7] == 0 && ip[9] == IPPROTO_TCP);
		WANT(sums_up(sum16(ip, 20, 0)));
	}
	WANT(!memcmp(tcp, syn + 2, 2) && !memcmp(tcp + 2, syn, 2));
	WANT(get32(tcp + 8) == get32(syn + 4) + 1);
	WANT(tcp[12] == 6 << 4 && tcp[13] == (SYN | ACK));
	WANT(tcp[20] == 2 && tcp[21] == 4 && (unsigned int)(tcp[22] << 8 | tcp[23]) == mss);
	WANT(sums_up(sum16(tcp, 24, sum16(ip + src, 2 * addr, IPPROTO_TCP + 24))));
	for (size_t i = len; i < out_len; i++)
		WANT(!out[i]);
	*cookie = get32(tcp + 4);
	return true;
}

/* A SYN described by @p is answered so. */
static bool answered(const struct pkt *p, size_t at, unsigned int mss, uint32_t *cookie)
{
	uint64_t before = counted(MQGATE_REASON_SYN_COOKIE);
	uint8_t frame[PKT_MAX];
	size_t len = pkt_build(p, frame);
	int action = transmit(frame, len);

	if (action != XDP_TX || counted(MQGATE_REASON_SYN_COOKIE) != before + 1) {
		printf("# XDP answered %d; SYN_COOKIE +%llu; the service says %u\n", action,
		       (unsigned long long)(counted(MQGATE_REASON_SYN_COOKIE) - before),
		       state().answer);
		return false;
	}
	return is_answer(frame, at, strchr(p->dst, ':') != NULL, mss, cookie) &&
	       state().answer == MQGATE_SYN_COOKIES;
}

#define COOKIES(...)	SVC(.flags = MQGATE_SVC_F_COOKIES, .syn_rate = 1, __VA_ARGS__)
#define V4		.dst = "127.0.0.1", .src = "127.0.0.9"
#define V6		.dst = "::1", .src = "2001:db8::7"

static void flood(void)
{
	PREPARE(COOKIES());
	PREPARE(FLOODED(0));
}

static bool answer_of(struct pkt p, size_t at, unsigned int mss)
{
	uint32_t cookie;

	flood();
	p.flags = SYN;
	return answered(&p, at, mss, &cookie);
}

static bool answer_v4(void)
{
	return answer_of((struct pkt){ V4 }, 14, 1460);
}

static bool answer_v6(void)
{
	return answer_of((struct pkt){ V6 }, 14, 1440);
}

static bool answer_padded(void)
{
	return answer_of((struct pkt){ V4, .pad = 6 }, 14, 1460);
}

static bool answer_options(void)
{
	return answer_of((struct pkt){ V4, .doff = 10 }, 14, 1460) &&
	       answer_of((struct pkt){ V6, .doff = 15, .sport = 7 }, 14, 1440);
}

static bool answer_tags(void)
{
	return answer_of((struct pkt){ V4, .tags = { 0x8100 }, .doff = 6 }, 18, 1460) &&
	       answer_of((struct pkt){ V4, .tags = { 0x88A8, 0x8100 } }, 22, 1460) &&
	       answer_of((struct pkt){ V6, .tags = { 0x8100 } }, 18, 1440) &&
	       answer_of((struct pkt){ V6, .tags = { 0x88A8, 0x8100 }, .doff = 10 }, 22, 1440);
}

static bool answer_wrap(void)
{
	return answer_of((struct pkt){ V4, .seq = 0xFFFFFFFF }, 14, 1460);
}

/* 192.0.2.1 is an address of this host; the listener is bound to 0.0.0.0, and to :: for 8883. */
static bool answer_any(void)
{
	return answer_of((struct pkt){ .dst = "127.0.0.3", .src = "198.51.100.5" }, 14, 1460);
}

static bool sum_odd(void)
{
	/* Many flows, so that carries of every kind come along. */
	for (unsigned int i = 1; i <= 300; i++) {
		xdp_reset(&x);
		if (!answer_of((struct pkt){ V4, .sport = (uint16_t)(i * 211),
					     .seq = i * 2654435761U }, 14, 1460) ||
		    !answer_of((struct pkt){ V6, .sport = (uint16_t)(i * 211),
					     .seq = i * 2654435761U }, 14, 1440))
			return false;
	}
	return true;
}

/* The ACK that a client sends to the SYN-ACK, and forged ones. */
static bool acknowledged(struct pkt p, unsigned int mss)
{
	uint32_t cookie;
	bool good;

	flood();
	p.flags = SYN;
	good = answered(&p, 14, mss, &cookie);
	p.flags = ACK;
	p.seq = 1001;
	p.ack = cookie + 1;
	good = good && STEP(.p = p, PASSES(1, COOKIE));
	/* The last bits of a cookie are an index of MSS values: cookie + 1 is one, too. */
	p.ack = cookie + 1001;
	good = good && STEP(.p = p, DROPS(1, ACK_COOKIE));
	p.ack = cookie + 1;
	p.seq = 77;
	good = good && STEP(.p = p, DROPS(1, ACK_COOKIE));
	p.flags = FIN | ACK;
	good = good && STEP(.p = p, DROPS(1, ACK_COOKIE));
	p.flags = SYN | ACK;
	good = good && STEP(.p = p, DROPS(1, ACK_COOKIE));
	p.flags = RST;
	return good && STEP(.p = p, PASSES(1, CONTROL));
}

static bool ack_v4(void)
{
	return acknowledged((struct pkt){ V4 }, 1460);
}

static bool ack_v6(void)
{
	return acknowledged((struct pkt){ V6 }, 1440);
}

static bool ack_calm(void)
{
	PREPARE(COOKIES());
	return STEP(.p = { V4, .flags = ACK }, PASSES(1, CONTROL)) && (xdp_reset(&x), true) &&
	       (prepare((struct before)COOKIES()), true) &&
	       (prepare((struct before)FLOODED(10001)), true) &&
	       STEP(.p = { V4, .flags = ACK }, PASSES(1, CONTROL));
}

static bool ack_established(void)
{
	struct peer p;
	bool good;

	flood();
	peer_connect(&p, listener, "127.0.0.1", 1883);
	p.flow.flags = ACK;
	p.flow.seq = peer_next(&p);
	good = STEP(.p = p.flow, PASSES(1, CONTROL));
	p.flow.flags = FIN | ACK;
	good = good && STEP(.p = p.flow, PASSES(1, CONTROL));
	peer_time_wait(&p);
	good = good && STEP(.p = p.flow, PASSES(1, CONTROL));
	return good;
}

static bool ack_reopens(void)
{
	struct pkt p = { V4 };
	uint32_t cookie;
	bool good;

	flood();
	PREPARE({ .what = FLOW, .p = { V4 }, .flow = { .state = MQGATE_FLOW_REFUSED } });
	p.flags = SYN;
	good = answered(&p, 14, 1460, &cookie);
	p.flags = ACK;
	p.seq = 1001;
	p.ack = 3;
	good = good && STEP(.p = p, DROPS(1, ACK_COOKIE), .flow = MQGATE_FLOW_REFUSED);
	p.ack = cookie + 1;
	return good && STEP(.p = p, PASSES(1, COOKIE), .flow = ABSENT);
}

/* No socket at all: nobody to answer for, and an ACK for this host goes nowhere. */
static bool no_listener(void)
{
	PREPARE({ .what = PORT, .port = 2000, .number = 1 });
	flood();
	return STEP(.p = { V4, .flags = SYN, .dport = 2000 }, PASSES(1, CONTROL)) &&
	       STEP(.p = { V4, .flags = SYN, .dport = 2000 }, DROPS(1, SYN_RATE)) &&
	       state().answer == MQGATE_SYN_ELSEWHERE &&
	       STEP(.p = { V4, .flags = ACK, .dport = 2000 }, DROPS(1, ACK_COOKIE));
}

/* The listener for any address is not that of a host behind this one. */
static bool routed(void)
{
	flood();
	return STEP(.p = { .flags = SYN, .dst = "192.0.2.9" }, PASSES(1, CONTROL)) &&
	       STEP(.p = { .flags = SYN, .dst = "192.0.2.9" }, DROPS(1, SYN_RATE)) &&
	       state().answer == MQGATE_SYN_ELSEWHERE &&
	       STEP(.p = { .flags = ACK, .dst = "192.0.2.9" }, PASSES(1, CONTROL)) &&
	       STEP(.p = { .flags = ACK, .dst = "2001:db8::9", .dport = 8883 },
		    PASSES(2, CONTROL));
}

/* Where nothing is forwarded all that comes is for this host. */
static bool not_forwarding(void)
{
	bool good;

	sysctl("ipv4/conf/all/forwarding", 0);
	sysctl("ipv6/conf/all/forwarding", 0);
	good = answer_any() && answer_v6();
	sysctl("ipv4/conf/all/forwarding", 1);
	sysctl("ipv6/conf/all/forwarding", 1);
	return good;
}

/* With 1 the kernel makes cookies only while its queue is full, with 0 never. */
static bool refused(void)
{
	bool good = true;

	for (int value = 0; value < 2; value++) {
		sysctl("ipv4/tcp_syncookies", value);
		xdp_reset(&x);
		flood();
		good = good && STEP(.p = { V4, .flags = SYN }, PASSES(1, CONTROL)) &&
		       STEP(.p = { V4, .flags = SYN }, DROPS(1, SYN_RATE)) &&
		       STEP(.p = { V6, .flags = SYN }, DROPS(1, SYN_RATE)) &&
		       state().answer == MQGATE_SYN_REFUSED;
	}
	sysctl("ipv4/tcp_syncookies", 2);
	return good;
}

static bool not_plain(void)
{
	flood();
	return STEP(.p = { V4, .flags = SYN, .ihl = 6 }, PASSES(1, CONTROL)) &&
	       STEP(.p = { V6, .flags = SYN, .ext = "d" }, DROPS(1, SYN_RATE)) &&
	       state().answer == MQGATE_SYN_FRAME;
}

/* RFC 1122, 4.2.3.10: whoever sends to a group would be answered from all of it. */
static bool to_many(void)
{
	static const uint8_t groups[2][6] = {
		{ 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF }, { 0x01, 0x00, 0x5E, 0x00, 0x00, 0x01 },
	};
	struct pkt p = { V4, .flags = SYN };
	uint8_t frame[PKT_MAX];
	size_t len = pkt_build(&p, frame);

	flood();
	for (size_t i = 0; i < ARRAY_SIZE(groups); i++) {
		memcpy(frame, groups[i], sizeof(groups[i]));
		if (transmit(frame, len) == XDP_TX || state().answer != MQGATE_SYN_FRAME)
			return false;
	}
	return true;
}

static bool switched_off(void)
{
	PREPARE(SVC(.syn_rate = 1));
	PREPARE(FLOODED(0));
	return STEP(.p = { V4, .flags = SYN }, PASSES(1, CONTROL)) &&
	       STEP(.p = { V4, .flags = SYN }, DROPS(1, SYN_RATE)) &&
	       state().answer == MQGATE_SYN_OFF;
}

static bool observed(void)
{
	struct pkt p = { V4, .flags = SYN };
	uint8_t frame[PKT_MAX];
	size_t len = pkt_build(&p, frame);
	bool good;

	PREPARE(COOKIES(.mode = MQGATE_MODE_OBSERVE));
	PREPARE(FLOODED(0));
	good = transmit(frame, len) == XDP_PASS && out_len == len && !memcmp(out, frame, len);
	good = good && state().answer == MQGATE_SYN_COOKIES;
	good = good && STEP(.p = { V4, .flags = SYN }, WOULD(1, SYN_COOKIE));
	return good && STEP(.p = { V4, .flags = ACK }, WOULD(1, ACK_COOKIE));
}

static bool banned(void)
{
	flood();
	PREPARE({ .what = SOURCE, .addr = "127.0.0.9", .action = MQGATE_ACTION_DROP });
	return STEP(.p = { V4, .flags = SYN }, DROPS(1, SOURCE_BANNED)) &&
	       STEP(.p = { V4, .flags = ACK }, DROPS(1, SOURCE_BANNED)) &&
	       !counted(MQGATE_REASON_SYN_COOKIE);
}

/* The first SYN beyond the rate is answered already. */
static bool begins(void)
{
	uint32_t cookie;
	struct pkt p = { V4, .flags = SYN };

	PREPARE(COOKIES());
	return STEP(.p = p, PASSES(1, CONTROL)) && answered(&p, 14, 1460, &cookie) &&
	       state().floods == 1 && answered(&p, 14, 1460, &cookie) && state().floods == 1;
}

static bool ends(void)
{
	PREPARE(COOKIES());
	PREPARE(FLOODED(10001));
	return STEP(.p = { V4, .flags = SYN }, PASSES(1, CONTROL)) &&
	       !counted(MQGATE_REASON_SYN_COOKIE);
}

static const struct {
	const char	*name;
	bool		(*run)(void);
} tests[] = {
	{ "the begin of a flood is told, with what becomes of its SYNs", told_begin },
	{ "half of the rate keeps a flood going and begins none", lower_rate },
	{ "ATTACKS 20: a flood's sources are not in mqgate_budgets", map_stays },
	{ "a SYN is answered with a cookie", answer_v4 },
	{ "over IPv6", answer_v6 },
	{ "padding behind the SYN does not come back", answer_padded },
	{ "options of the SYN go", answer_options },
	{ "ATTACKS 30: VLAN tags stay", answer_tags },
	{ "ATTACKS 30: the acknowledged number wraps", answer_wrap },
	{ "a listener of any address answers at every address of the host", answer_any },
	{ "300 answers of each family sum up", sum_odd },
	{ "the ACK to a cookie passes, forged ones are dropped", ack_v4 },
	{ "over IPv6 likewise", ack_v6 },
	{ "without a flood ACKs are not asked", ack_calm },
	{ "in a flood ACKs of sockets pass: established, TIME_WAIT", ack_established },
	{ "the ACK to a cookie begins a flow anew, a forged one does not", ack_reopens },
	{ "no listener: the rate decides", no_listener },
	{ "an address behind this host: the rate decides, ACKs pass", routed },
	{ "a host that forwards nothing answers", not_forwarding },
	{ "the kernel makes no cookies: the rate decides", refused },
	{ "IP options and extension headers: the rate decides", not_plain },
	{ "a frame to many: the rate decides", to_many },
	{ "cookies off: the rate decides", switched_off },
	{ "observe answers nothing and changes no byte", observed },
	{ "a banned source gets no answer", banned },
	{ "the first SYN beyond the rate is answered", begins },
	{ "after the flood SYNs pass", ends },
};

int main(void)
{
	xdp_load(&x, NULL);
	ktap_plan(scenes_points(scenes, ARRAY_SIZE(scenes)) + 2 * ARRAY_SIZE(tests));
	scenes_play(&x, scenes, ARRAY_SIZE(scenes));
	if (peer_namespace())
		err(1, "network namespace");
	sysctl("ipv4/tcp_syncookies", 2);
	listener = peer_listen("0.0.0.0", 1883);
	peer_listen("::1", 1883);
	peer_listen("::", 8883);
	for (program = 0; program < 2; program++) {
		for (size_t i = 0; i < ARRAY_SIZE(tests); i++) {
			xdp_reset(&x);
			ktap_point(tests[i].run(), "%s: %s", xdp_program_names[program],
				   tests[i].name);
		}
	}
	bpf_object__close(x.object);
	return ktap_end();
}
