// SPDX-License-Identifier: BSD-2-Clause
/*
 * Who is dropped most, as the program notes it and user space reads it: exact at a low rate, an
 * estimate within its stated error in a flood, and no place lost to forged sources.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "common/offender.h"
#include "harness.h"

#define BAD	"1F 0D 0004 'MQTT' 05 02 0000 00 0001 'p'"
#define FORGED	300000

/* 198.51.100.1 is banned, and so need not say anything. */
static const char banned[] = "198.51.100.1";

static void send_packet(struct xdp *x, int program, const struct pkt *p, unsigned int times)
{
	uint8_t frame[PKT_MAX];
	size_t len = pkt_build(p, frame);

	for (unsigned int i = 0; i < times; i++)
		if (xdp_run(x, program, frame, len, 0) < 0)
			exit(1);
}

static void forget(struct xdp *x)
{
	struct mqgate_top_set *none = calloc((size_t)x->cpus, sizeof(*none));

	for (uint32_t i = 0; i < MQGATE_TOP_SETS; i++)
		bpf_map_update_elem(x->maps.top, &i, none, 0);
	free(none);
	xdp_reset(x);
}

/* What is noted of a source; zero where nothing is. */
static struct mqg_offender noted(struct xdp *x, const char *addr)
{
	const struct mqg_offender *found;
	struct mqg_offenders all;
	struct mqg_offender one = {};
	uint8_t key[16];

	x->maps.cpus = (uint32_t)x->cpus;
	if (mqg_offenders_read(&x->maps, boottime_ns(), &all))
		exit(1);
	pkt_addr(addr, key);
	found = mqg_offenders_find(&all, key);
	if (found)
		one = *found;
	mqg_offenders_free(&all);
	return one;
}

static bool counted(struct xdp *x, const char *addr, uint32_t reason, uint64_t packets)
{
	struct mqg_offender one = noted(x, addr);

	if (one.packets == packets && !one.spread && (!packets || one.reason == reason))
		return true;
	printf("# %s: %llu packets, spread %llu, reason %u; wanted %llu\n", addr,
	       (unsigned long long)one.packets, (unsigned long long)one.spread, one.reason,
	       (unsigned long long)packets);
	return false;
}

static void few(struct xdp *x, int program)
{
	forget(x);
	send_packet(x, program, &(struct pkt){ .data = BAD, .src = "198.51.100.2" }, 1);
	ktap_point(counted(x, "198.51.100.2", MQGATE_REASON_MQTT_FLAGS, 1),
		   "%s: the first drop is noted, with its reason", xdp_program_names[program]);
	send_packet(x, program, &(struct pkt){ .flags = SYN | FIN, .src = "2001:db8::1" }, 1);
	ktap_point(counted(x, "2001:db8::", MQGATE_REASON_TCP_FLAGS, 1) &&
		   counted(x, "2001:db8::1", 0, 0),
		   "%s: of IPv6 the /64 is", xdp_program_names[program]);
	send_packet(x, program, &(struct pkt){ .data = CONNECT_311, .src = "198.51.100.3" }, 9);
	send_packet(x, program, &(struct pkt){ .dport = 22, .src = "198.51.100.3" }, 9);
	ktap_point(counted(x, "198.51.100.3", 0, 0), "%s: what passes is not",
		   xdp_program_names[program]);
}

/* The numbers of the notes add up to all drops where one source has them all. */
static void flood(struct xdp *x, int program)
{
	struct mqg_offender one;
	struct mqgate_stat sum;

	forget(x);
	xdp_prepare(x, &(struct before){ .what = SOURCE, .addr = banned,
					 .action = MQGATE_ACTION_DROP });
	send_packet(x, program, &(struct pkt){ .src = banned }, 200000);
	one = noted(x, banned);
	xdp_stat(x, MQGATE_SVC_MQTT, MQGATE_REASON_SOURCE_BANNED, &sum);
	ktap_point(sum.packets == 200000 && one.packets <= sum.packets &&
		   one.packets + 4096 * (uint64_t)x->cpus > sum.packets,
		   "%s: a flood of one source is counted, but for what follows the last note",
		   xdp_program_names[program]);
	ktap_point(one.spread && one.reason == MQGATE_REASON_SOURCE_BANNED && !one.proven,
		   "%s: not every drop of it is noted, and it says so", xdp_program_names[program]);
}

/* One packet in 50 is from the offender, all others from sources that come once. */
static void forged(struct xdp *x, int program)
{
	uint64_t sent = 0, missing;
	uint8_t frame[PKT_MAX], mine[PKT_MAX];
	struct pkt p = { .data = BAD, .src = "10.0.0.1" };
	struct pkt offender = { .data = BAD, .src = "203.0.113.9" };
	size_t len = pkt_build(&p, frame), mine_len = pkt_build(&offender, mine);
	struct mqg_offenders all;
	struct mqg_offender one;
	size_t ahead = 0;

	forget(x);
	for (uint32_t i = 0; i < FORGED; i++) {
		/* The source, behind the Ethernet header and 12 bytes: no address comes twice. */
		memcpy(frame + 14 + 12, &(uint32_t){ i * 2654435761U }, 4);
		xdp_run(x, program, frame, len, 0);
		if (i % 50 == 0) {
			xdp_run(x, program, mine, mine_len, 0);
			sent++;
		}
	}
	one = noted(x, "203.0.113.9");
	missing = one.packets > sent ? one.packets - sent : sent - one.packets;
	/* Six standard deviations, not the two of the stated error: this has to hold always. */
	ktap_point(one.packets &&
		   (double)missing <= 3 * mqg_offender_error(one.spread) + (double)sent / 10,
		   "%s: a source in a forged flood is found, within the stated error",
		   xdp_program_names[program]);
	printf("# sent %llu, noted %llu, stated error %.0f\n", (unsigned long long)sent,
	       (unsigned long long)one.packets, mqg_offender_error(one.spread));
	if (mqg_offenders_read(&x->maps, boottime_ns(), &all))
		exit(1);
	for (size_t i = 0; i < all.count; i++)
		ahead += all.list[i].packets > one.packets;
	mqg_offenders_free(&all);
	ktap_point(!ahead, "%s: and is the first of them", xdp_program_names[program]);
}

/* Its place is kept while it is silent, though forged sources by the hundred thousand want it. */
static void silent(struct xdp *x, int program)
{
	struct pkt p = { .data = BAD, .src = "10.0.0.1" };
	uint8_t frame[PKT_MAX];
	size_t len = pkt_build(&p, frame);

	forget(x);
	send_packet(x, program, &(struct pkt){ .flags = SYN | FIN, .src = "203.0.113.9" }, 20000);
	for (uint32_t i = 0; i < FORGED; i++) {
		memcpy(frame + 14 + 12, &(uint32_t){ i * 2654435761U }, 4);
		xdp_run(x, program, frame, len, 0);
	}
	ktap_point(noted(x, "203.0.113.9").reason == MQGATE_REASON_TCP_FLAGS,
		   "%s: a heavy offender outlives a forged flood", xdp_program_names[program]);
}

int main(void)
{
	struct xdp x = {};

	xdp_load(&x, NULL);
	ktap_plan(2 * 8);
	for (int program = 0; program < 2; program++) {
		few(&x, program);
		flood(&x, program);
		forged(&x, program);
		silent(&x, program);
	}
	bpf_object__close(x.object);
	return ktap_end();
}
