// SPDX-License-Identifier: BSD-2-Clause
/*
 * XDP against a second reading of the same frame (reference.h), for frames whose headers were
 * mutated: what is not to 1883/tcp or 5683/udp passes uncounted, what is impossible is dropped for
 * the same reason, and where a payload is reached it is the same bytes: what XDP drops of it is
 * what the parser in user space calls malformed. The program for frames in several buffers gets
 * them in two, cut anywhere. MQGATE_SEED and MQGATE_RUNS choose others than the default.
 */
#include "harness.h"

#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "mutate.h"
#include "reference.h"

#define VLAN	0x8100
#define SERVICE_TAG	0x88A8
#define HEADERS	150	/* bytes among which most mutations fall, at most */
#define LEAST	14	/* bytes in the first of two buffers */

static const struct pkt frames[] = {
	{ .data = CONNECT_311 },
	{ .data = "1F 0D 0004 'MQTT' 05 02 000A 0001 70" },
	{ .data = CONNECT_5, .pad = 20 },
	{ .data = CONNECT_311, .tags = { VLAN } },
	{ .data = CONNECT_311, .tags = { SERVICE_TAG, VLAN }, .ihl = 8, .doff = 8 },
	{ .data = CONNECT_311, .frag = 0x2000 },
	{ .flags = SYN, .doff = 10 },
	{ .v6 = 1, .data = CONNECT_311 },
	{ .v6 = 1, .data = CONNECT_31, .tags = { VLAN }, .ext = "hrd" },
	{ .v6 = 1, .data = "'GET / HTTP/1.1'", .ext = "hdrfad" },
	{ .v6 = 1, .data = CONNECT_311, .ext = "f", .ip6_fragment = 1 },
	{ .v6 = 1, .data = CONNECT_311, .ext = "fhf" },
	{ .proto = IPPROTO_UDP, .dport = 5683, .data = "40 01 0001 B1 'x'" },
	{ .proto = IPPROTO_UDP, .dport = 5683, .data = "40 01 0001", .tags = { VLAN } },
	{ .v6 = 1, .proto = IPPROTO_UDP, .dport = 5683, .data = "40 01 0001", .ext = "da" },
};

static struct xdp x;

/* What is to be counted of it: service, and reason unless 0. Return: the XDP action. */
static int expected(const uint8_t *frame, size_t len, struct reading *r, uint32_t *service,
		    uint32_t *reason)
{
	reference_read(frame, len, r);
	*service = 0;
	*reason = 0;
	if (!r->ours)
		return XDP_PASS;
	*service = r->flow.proto == IPPROTO_TCP ? 1 : 4;
	*reason = r->reason;
	if (r->reason)
		return XDP_DROP;
	if (r->flow.proto == IPPROTO_UDP) {
		*reason = MQGATE_REASON_PASS_DATAGRAM;
		return XDP_PASS;
	}
	if (!r->length || r->flags & (SYN | RST)) {
		*reason = MQGATE_REASON_PASS_CONTROL;
		return XDP_PASS;
	}
	*reason = mutate_expected(0, frame + r->payload, (uint32_t)r->length);
	return *reason ? XDP_DROP : XDP_PASS;
}

static uint64_t counted(uint32_t service, bool drops)
{
	uint64_t sum = 0;

	for (uint32_t reason = 0; reason < MQGATE_REASON_PACKET_MAX; reason++) {
		struct mqgate_stat stat;

		xdp_stat(&x, service, reason, &stat);
		if (drops == (reason >= MQGATE_REASON_FIRST_DROP))
			sum += stat.packets;
	}
	return sum;
}

struct tally {
	uint64_t	ours[5], drops[5];		/* by service */
	uint64_t	reasons[MQGATE_REASON_PACKET_MAX];
};

static bool agree(unsigned long runs, struct tally *tally)
{
	unsigned int wrong = 0;

	for (unsigned long i = 0; i < runs && wrong < 10; i++) {
		uint8_t frame[PKT_MAX];
		size_t len = pkt_build(&frames[chance(ARRAY_SIZE(frames))], frame);
		int program = (int)(i & 1), action, wanted;
		uint32_t service, reason, linear = 0;
		struct reading r;

		/* the addresses in front say nothing: what is mutated begins behind them */
		len = 12 + mutate(frame + 12, len - 12, 3, HEADERS < len - 12 ? HEADERS : len - 12);
		if (len < LEAST)
			continue;
		if (program && len > LEAST && chance(2))
			linear = LEAST + chance((uint32_t)len - LEAST);
		wanted = expected(frame, len, &r, &service, &reason);
		action = xdp_run(&x, program, frame, len, linear);
		if (action != wanted) {
			printf("# run %lu, %u bytes in the first buffer: XDP answered %d, wanted "
			       "%d for service %u reason %u\n", i, linear, action, wanted, service,
			       reason);
			mutate_show("frame", frame, len);
			wrong++;
		}
		if (service) {
			tally->ours[service]++;
			tally->drops[service] += wanted == XDP_DROP;
			tally->reasons[reason]++;
		}
		/* every packet is to be the first of its flow */
		bpf_map_delete_elem(x.flows, &r.flow);
	}
	return !wrong;
}

static bool counters_agree(const struct tally *tally)
{
	bool good = true;

	/* What was counted for another service is missing here. */
	for (uint32_t service = 1; service <= 4; service += 3) {
		uint64_t drops = counted(service, true), passed = counted(service, false);

		if (drops == tally->drops[service] && drops + passed == tally->ours[service])
			continue;
		printf("# service %u: XDP dropped %llu of %llu, the reference %llu of %llu\n",
		       service, (unsigned long long)drops, (unsigned long long)(drops + passed),
		       (unsigned long long)tally->drops[service],
		       (unsigned long long)tally->ours[service]);
		good = false;
	}
	for (uint32_t reason = MQGATE_REASON_FIRST_DROP; reason < MQGATE_REASON_PACKET_MAX;
	     reason++) {
		struct mqgate_stat tcp, udp;

		xdp_stat(&x, 1, reason, &tcp);
		xdp_stat(&x, 4, reason, &udp);
		if (tcp.packets + udp.packets == tally->reasons[reason])
			continue;
		printf("# reason %u: XDP %llu, the reference %llu\n", reason,
		       (unsigned long long)(tcp.packets + udp.packets),
		       (unsigned long long)tally->reasons[reason]);
		good = false;
	}
	return good;
}

/* Every reason that headers may give was met. */
static bool all_met(const struct tally *tally)
{
	static const uint32_t reasons[] = {
		MQGATE_REASON_IP_HEADER, MQGATE_REASON_TCP_HEADER, MQGATE_REASON_TCP_FLAGS,
		MQGATE_REASON_SYN_DATA, MQGATE_REASON_FRAGMENT, MQGATE_REASON_UDP_HEADER,
		MQGATE_REASON_PASS_CONTROL, MQGATE_REASON_PASS_DATAGRAM,
	};
	bool good = true;

	for (size_t i = 0; i < ARRAY_SIZE(reasons); i++) {
		printf("# reason %u: %llu frames\n", reasons[i],
		       (unsigned long long)tally->reasons[reasons[i]]);
		if (!tally->reasons[reasons[i]])
			good = false;
	}
	return good;
}

int main(void)
{
	struct tally tally = {};
	unsigned long runs;

	xdp_load(&x, NULL);
	ktap_plan(3);
	runs = mutate_begin(50000);
	xdp_prepare(&x, &(struct before){ .what = SERVICE, .number = 1,
					  .svc = { .flags = MQGATE_SVC_F_STRICT,
						   .syn_source = MQGATE_SYN_UNLIMITED,
						   .syn_rate = MQGATE_SYN_UNLIMITED } });
	xdp_prepare(&x, &(struct before){ .what = SERVICE, .number = 4,
					  .svc = { .kind = MQGATE_KIND_COAP } });
	xdp_prepare(&x, &(struct before){ .what = PORT, .udp = true, .port = 5683, .number = 4 });
	ktap_point(agree(runs, &tally), "ATTACKS 30: XDP and a second reading of frames agree");
	ktap_point(counters_agree(&tally), "so do the counters, service by service and reason by "
					   "reason");
	ktap_point(all_met(&tally), "every reason was met");
	bpf_object__close(x.object);
	return ktap_end();
}
