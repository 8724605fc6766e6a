// SPDX-License-Identifier: BSD-2-Clause
/*
 * Resets in the place of silence: for which packets of RESET sources and of refused flows there is
 * one, by scenes; and what the frame then looks like, byte for byte: addresses, ports, numbers
 * (RFC 9293, 3.10.7.1), lengths, checksums, VLAN tags. What goes to the receiver needs a socket
 * that expects it, and is in xdp_socket.c; real TCP is in reset.sh.
 */
#include <linux/if_ether.h>
#include <linux/in.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "harness.h"

#define BAD		.data = "1F 0D 0004 'MQTT' 05 02 000A 0001 70"
#define GOOD		.data = CONNECT_311
#define IS(word)	.flow = MQGATE_FLOW_##word

#define RESETTING(...)	\
	{ .what = SERVICE, .number = 1, .svc = { .flags = MQGATE_SVC_F_RESET, __VA_ARGS__ } }
#define REFUSED(...)	\
	{ .what = FLOW, .flow = { .state = MQGATE_FLOW_REFUSED }, .p = { __VA_ARGS__ } }
#define RESET_IS(address)	\
	{ .what = SOURCE, .addr = address, .action = MQGATE_ACTION_RESET, .expires_ms = 60000 }
#define SVC(...)	{ .what = SERVICE, .number = 1, .svc = { __VA_ARGS__ } }
#define COAP	{ .what = PORT, .udp = true, .port = 5683, .number = 4 },	\
		{ .what = SERVICE, .number = 4, .svc = { .kind = MQGATE_KIND_COAP } }

static const struct scene scenes[] = {
	/* ---- refused flows ---- */
	{ "a refused flow that goes on is answered with a reset, where that is the mode",
	  { RESETTING(), REFUSED() },
	  { { .p = { GOOD }, ANSWERED(1, FLOW_RESET), IS(REFUSED) },
	    { .p = { BAD }, ANSWERED(1, FLOW_RESET) } } },
	{ "and dropped in silence, where it is not", { REFUSED() },
	  { { .p = { GOOD }, DROPS(1, FLOW_REFUSED), IS(REFUSED) } } },
	{ "control segments of a refused flow are the stack's, and a RST is never answered",
	  { RESETTING(), REFUSED() },
	  { { .p = { .flags = ACK }, PASSES(1, CONTROL) },
	    { .p = { .flags = FIN | ACK }, PASSES(1, CONTROL) },
	    { .p = { .flags = RST }, PASSES(1, CONTROL) },
	    { .p = { .flags = RST | ACK, GOOD }, PASSES(1, CONTROL) } } },
	{ "resets have a budget; beyond it there is silence",
	  { RESETTING(.reset_rate = 2), REFUSED() },
	  { { .p = { GOOD }, ANSWERED(1, FLOW_RESET) }, { .p = { GOOD }, ANSWERED(1, FLOW_RESET) },
	    { .p = { GOOD }, DROPS(1, RESET_BUDGET) }, { .p = { BAD }, DROPS(1, RESET_BUDGET) } } },
	{ "observe: no frame is made a reset",
	  { RESETTING(.mode = MQGATE_MODE_OBSERVE), REFUSED() },
	  { { .p = { GOOD }, WOULD(1, FLOW_RESET) } } },
	{ "ATTACKS 20: a forged malformed CONNECT is not answered: nobody proved its source",
	  { SVC(.flags = MQGATE_SVC_F_RESET | MQGATE_SVC_F_STRICT) },
	  { { .p = { BAD }, DROPS(1, MQTT_FLAGS), .flow = ABSENT },
	    { .p = { .data = "'GET / HTTP/1.1'" }, DROPS(1, MQTT_NOT_CONNECT), .flow = ABSENT } } },
	{ "ATTACKS 30: what can be no segment is not answered", { RESETTING(), REFUSED() },
	  { { .p = { .flags = SYN | FIN }, DROPS(1, TCP_FLAGS) },
	    { .p = { .flags = SYN, GOOD }, DROPS(1, SYN_DATA) },
	    { .p = { .frag = 0x2000, .src = "198.51.100.1" }, DROPS(1, FRAGMENT) } } },

	/* ---- sources ---- */
	{ "a RESET source is told so, whatever it sends but a RST", { RESET_IS("198.51.100.1") },
	  { { .p = { .flags = SYN }, ANSWERED(1, SOURCE_RESET) },
	    { .p = { .flags = ACK }, ANSWERED(1, SOURCE_RESET) },
	    { .p = { .flags = SYN | ACK }, ANSWERED(1, SOURCE_RESET) },
	    { .p = { .flags = FIN | ACK }, ANSWERED(1, SOURCE_RESET) },
	    { .p = { GOOD }, ANSWERED(1, SOURCE_RESET), .flow = ABSENT },
	    { .p = { .flags = RST }, DROPS(1, SOURCE_RESET) },
	    { .p = { .flags = RST | ACK, GOOD }, DROPS(1, SOURCE_RESET) },
	    { .p = { .src = "198.51.100.2", GOOD }, PASSES(1, FIRST) } } },
	{ "a RESET that has expired is as good as absent",
	  { { .what = SOURCE, .addr = "198.51.100.1", .action = MQGATE_ACTION_RESET,
	      .expires_ms = -1 } },
	  { { .p = { .flags = SYN }, PASSES(1, CONTROL) }, { .p = { GOOD }, PASSES(1, FIRST) } } },
	{ "a RESET of an IPv6 /64", { RESET_IS("2001:db8::") },
	  { { .p = { .v6 = 1, .flags = SYN }, ANSWERED(1, SOURCE_RESET) },
	    { .p = { .src = "2001:db8:0:1::1", GOOD }, PASSES(1, FIRST) } } },
	{ "a RESET of a network",
	  { { .what = NET, .addr = "198.51.100.0/24", .action = MQGATE_ACTION_RESET } },
	  { { .p = { .flags = SYN }, ANSWERED(1, SOURCE_RESET) },
	    { .p = { .src = "198.51.101.1", .flags = SYN }, PASSES(1, CONTROL) } } },
	{ "ATTACKS 20: SYNs in the name of a RESET source are answered within the budget",
	  { RESET_IS("198.51.100.1"), SVC(.reset_rate = 1) },
	  { { .p = { .flags = SYN }, ANSWERED(1, SOURCE_RESET) },
	    { .p = { .flags = SYN }, DROPS(1, RESET_BUDGET), .times = 5 },
	    { .p = { .flags = RST }, DROPS(1, SOURCE_RESET) } } },
	{ "ALLOW comes before RESET, and never covers a SYN",
	  { RESET_IS("198.51.100.1"), { .what = ALLOW, .expires_ms = 60000 } },
	  { { .p = { GOOD }, PASSES(1, ALLOW) },
	    { .p = { .flags = SYN }, ANSWERED(1, SOURCE_RESET) },
	    { .p = { .sport = 40001, GOOD }, ANSWERED(1, SOURCE_RESET) } } },
	{ "observe: a RESET source passes, and is counted",
	  { RESET_IS("198.51.100.1"), SVC(.mode = MQGATE_MODE_OBSERVE) },
	  { { .p = { .flags = SYN }, WOULD(1, SOURCE_RESET) },
	    { .p = { GOOD }, WOULD(1, SOURCE_RESET) } } },
	{ "a datagram of a RESET source is dropped: UDP has no reset",
	  { COAP, RESET_IS("198.51.100.1") },
	  { { .p = { .proto = IPPROTO_UDP, .dport = 5683, .data = "40" },
	      DROPS(4, SOURCE_RESET) } } },
	{ "what the options of IP would have to be copied for is dropped in silence",
	  { RESET_IS("198.51.100.1"), RESET_IS("2001:db8::1") },
	  { { .p = { .ihl = 6, .flags = SYN, .src = "198.51.100.1" }, DROPS(1, SOURCE_RESET) },
	    { .p = { .v6 = 1, .ext = "r", .flags = SYN }, DROPS(1, SOURCE_RESET) } } },
	{ "several buffers: headers that straddle them are not put together",
	  { RESET_IS("198.51.100.1") },
	  { { .p = { GOOD, .src = "198.51.100.1" }, DROPS(1, SOURCE_RESET), .linear = 37 },
	    { .p = { GOOD, .src = "198.51.100.1" }, ANSWERED(1, SOURCE_RESET), .linear = 54 } } },
	{ "several buffers: what is long is trimmed all the same", { RESET_IS("198.51.100.1") },
	  { { .p = { .data = "41*3000", .src = "198.51.100.1" }, ANSWERED(1, SOURCE_RESET),
	      .linear = 128 } } },
};

/* ---- frames -------------------------------------------------------------------------------- */

static const struct {
	const char	*name;
	struct pkt	p;
	uint32_t	seq, ack;	/* of the answer; the packet itself acknowledges 1 */
	unsigned int	flags;
} frames[] = {
	{ "a SYN", { .flags = SYN, .seq = 1000 }, 0, 1001, RST | ACK },
	{ "a SYN with options", { .flags = SYN, .seq = 1000, .doff = 10 }, 0, 1001, RST | ACK },
	{ "a SYN over the wrap", { .flags = SYN, .seq = 0xFFFFFFFF }, 0, 0, RST | ACK },
	{ "an ACK", { .flags = ACK }, 1, 0, RST },
	{ "a payload", { GOOD }, 1, 0, RST },
	{ "a long payload behind options", { .data = "41*1400", .doff = 8 }, 1, 0, RST },
	{ "a FIN with payload", { .flags = FIN | PSH | ACK, GOOD }, 1, 0, RST },
	{ "a SYN+ACK", { .flags = SYN | ACK }, 1, 0, RST },
	{ "an ACK with padding", { .flags = ACK, .pad = 6 }, 1, 0, RST },
	{ "a payload in a VLAN", { .tags = { ETH_P_8021Q }, GOOD }, 1, 0, RST },
	{ "a SYN in QinQ", { .tags = { ETH_P_8021AD, ETH_P_8021Q }, .flags = SYN }, 0, 1001,
	  RST | ACK },
};

static uint32_t get32(const uint8_t *at)
{
	return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static int run_frame(struct xdp *x, int program, const uint8_t *frame, size_t len, uint8_t *out,
		     size_t *out_len)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = frame, .data_size_in = (uint32_t)len,
		    .data_out = out, .data_size_out = PKT_MAX, .repeat = 1);

	if (bpf_prog_test_run_opts(x->prog[program], &opts))
		return -errno;
	*out_len = opts.data_size_out;
	return (int)opts.retval;
}

/* The bare answer to @in: link layer turned, network and transport layer as they must be. */
static const char *wrong(const uint8_t *in, const uint8_t *out, size_t len, int v6, size_t link,
			 size_t i)
{
	size_t ip_len = v6 ? 40 : 20, addr = v6 ? 16 : 4, from = v6 ? 8 : 12;
	const uint8_t *was = in + link, *ip = out + link, *tcp = ip + ip_len;

	if (len != link + ip_len + 20)
		return "length of the frame";
	if (memcmp(out, in + 6, 6) || memcmp(out + 6, in, 6))
		return "Ethernet addresses";
	if (memcmp(out + 12, in + 12, link - 12))
		return "tags and Ethertype";
	if (memcmp(ip + from, was + from + addr, addr) ||
	    memcmp(ip + from + addr, was + from, addr))
		return "IP addresses";
	if (v6 ? ip[4] || ip[5] != 20 || ip[6] != IPPROTO_TCP || ip[7] != 64
	       : ip[0] != 0x45 || ip[2] || ip[3] != 40 || ip[6] != 0x40 || ip[7] ||
		 ip[8] != 64 || ip[9] != IPPROTO_TCP)
		return "IP header";
	if (!v6 && pkt_sum(ip, 20, 0) != 0xFFFF)
		return "checksum of IP";
	if (memcmp(tcp, was + ip_len + 2, 2) || memcmp(tcp + 2, was + ip_len, 2))
		return "ports";
	if (get32(tcp + 4) != frames[i].seq || get32(tcp + 8) != frames[i].ack)
		return "sequence numbers";
	if (tcp[12] != 0x50 || tcp[13] != frames[i].flags || get32(tcp + 14) >> 16 ||
	    tcp[18] || tcp[19])
		return "TCP header";
	if (pkt_sum(tcp, 20, pkt_sum(ip + from, 2 * addr, IPPROTO_TCP + 20)) != 0xFFFF)
		return "checksum of TCP";
	return NULL;
}

static bool answers(struct xdp *x, int program, size_t i, int v6)
{
	uint8_t frame[PKT_MAX], out[PKT_MAX];
	size_t len, out_len = 0, link = 14;
	struct pkt p = frames[i].p;
	const char *what;
	int action;

	p.v6 = v6;
	for (size_t t = 0; t < 3 && p.tags[t]; t++)
		link += 4;
	xdp_reset(x);
	xdp_prepare(x, &(struct before)RESET_IS("198.51.100.1"));
	xdp_prepare(x, &(struct before)RESET_IS("2001:db8::1"));
	len = pkt_build(&p, frame);
	memcpy(frame, "\x02\x00\x00\x00\x00\x0a\x02\x00\x00\x00\x00\x0b", 12);
	action = run_frame(x, program, frame, len, out, &out_len);
	what = action == XDP_TX ? wrong(frame, out, out_len, v6, link, i) : "action";
	if (what)
		printf("# action %d, %zu bytes: %s\n", action, out_len, what);
	return !what;
}

/* A frame to many is not answered: RFC 1122, 4.2.3.10. */
static bool broadcast(struct xdp *x, int program)
{
	uint8_t frame[PKT_MAX], out[PKT_MAX];
	struct pkt p = { .flags = SYN };
	size_t len = pkt_build(&p, frame), out_len;

	xdp_reset(x);
	xdp_prepare(x, &(struct before)RESET_IS("198.51.100.1"));
	memset(frame, 0xFF, 6);
	return run_frame(x, program, frame, len, out, &out_len) == XDP_DROP;
}

int main(void)
{
	struct xdp x = {};

	xdp_load(&x, NULL);
	ktap_plan(scenes_points(scenes, ARRAY_SIZE(scenes)) + 4 * ARRAY_SIZE(frames) + 2);
	scenes_play(&x, scenes, ARRAY_SIZE(scenes));
	for (int program = 0; program < 2; program++) {
		for (size_t i = 0; i < ARRAY_SIZE(frames); i++)
			for (int v6 = 0; v6 < 2; v6++)
				ktap_point(answers(&x, program, i, v6), "%s: the reset for %s%s",
					   xdp_program_names[program], frames[i].name,
					   v6 ? ", over IPv6" : "");
		ktap_point(broadcast(&x, program), "%s: a frame to many is not answered",
			   xdp_program_names[program]);
	}
	bpf_object__close(x.object);
	return ktap_end();
}
