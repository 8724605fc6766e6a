// SPDX-License-Identifier: BSD-2-Clause
/*
 * XDP against the parser in user space, which the daemon uses, for mutated first payloads. In one
 * segment to a strict routed service XDP drops what the full parse calls malformed within the
 * bytes that XDP copies, for the same reason, and nothing else; to a lenient one no more than
 * that. In several segments, out of order, retransmitted and overlapping, nothing is dropped that
 * the parser takes. MQGATE_SEED and MQGATE_RUNS choose others than the default.
 */
#include "harness.h"

#include <stdio.h>
#include <string.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include <mqgate/mqtt_wire.h>

#include "mutate.h"

#define HEADERS		54		/* of the frame, before the payload */
#define STRICT_PORT(tls) ((tls) ? 8883 : 1883)
#define LENIENT_PORT	2000
#define PIECES		6

static struct xdp x;
static unsigned long packets;

/* Services 1 and 2 strict, 3 lenient, at its port. */
static void services(int tls)
{
	xdp_reset(&x);
	xdp_prepare(&x, &(struct before){ .what = SERVICE, .number = tls ? 2 : 1,
					  .svc = { .flags = MQGATE_SVC_F_STRICT } });
	xdp_prepare(&x, &(struct before){ .what = SERVICE, .number = 3,
					  .svc = { .kind = tls ? MQGATE_KIND_MQTTS :
								 MQGATE_KIND_MQTT } });
	xdp_prepare(&x, &(struct before){ .what = PORT, .port = LENIENT_PORT, .number = 3 });
}

/* A segment of flow number @flow. */
static int sends(unsigned long flow, uint16_t port, uint32_t seq, const uint8_t *data, size_t len)
{
	struct pkt p = { .dport = port, .seq = seq, .flags = PSH | ACK };
	uint8_t frame[PKT_MAX];

	pkt_build(&p, frame);
	memcpy(frame + HEADERS, data, len);
	frame[16] = (uint8_t)((len + 40) >> 8);
	frame[17] = (uint8_t)(len + 40);
	memcpy(frame + 26, &(uint32_t){ (uint32_t)flow }, 4);
	packets++;
	return xdp_run(&x, (int)(flow & 1), frame, HEADERS + len, 0);
}

static bool counters_agree(int tls, const uint64_t *want)
{
	bool good = true;

	for (uint32_t r = MQGATE_REASON_FIRST_DROP; r < MQGATE_REASON_PACKET_MAX; r++) {
		struct mqgate_stat sum;

		xdp_stat(&x, tls ? 2 : 1, r, &sum);
		if (sum.packets == want[r])
			continue;
		printf("# reason %u: XDP %llu, user space %llu\n", r,
		       (unsigned long long)sum.packets, (unsigned long long)want[r]);
		good = false;
	}
	return good;
}

/* In one segment. */
static bool agree(int tls, unsigned long runs, unsigned long *dropped)
{
	uint64_t want[MQGATE_REASON_PACKET_MAX] = {};
	unsigned int wrong = 0;

	services(tls);
	for (unsigned long i = 0; i < runs && wrong < 10; i++) {
		uint8_t data[MUTATE_LONGEST + 1];
		size_t len = mutate(data, mutate_base(tls, data), 3, 24);
		uint32_t reason;
		int strict, lenient;

		if (!len)
			continue;
		reason = mutate_expected(tls, data, (uint32_t)len);
		strict = sends(i, STRICT_PORT(tls), 1000, data, len);
		lenient = sends(i, LENIENT_PORT, 1000, data, len);
		if (strict != (reason ? XDP_DROP : XDP_PASS) ||
		    (lenient != XDP_PASS && (lenient != XDP_DROP || !reason))) {
			printf("# run %lu: XDP answered %d (strict), %d (lenient), user space "
			       "reason %u\n", i, strict, lenient, reason);
			mutate_show("payload", data, len);
			wrong++;
		}
		want[reason]++;
		*dropped += reason != 0;
	}
	return counters_agree(tls, want) && !wrong;
}

struct piece {
	size_t	from, to;
};

/* Cuts @len bytes: the first piece stays first, the others come in any order, some again, some
 * with bytes of the piece before. */
static unsigned int cut(size_t len, struct piece *pieces)
{
	unsigned int count = 1;
	size_t at = 1 + chance((uint32_t)len);

	pieces[0] = (struct piece){ 0, at };
	while (at < len && count < PIECES) {
		size_t to = count == PIECES - 1 ? len : at + 1 + chance((uint32_t)(len - at));

		pieces[count++] = (struct piece){ at - (chance(4) ? 0 : chance((uint32_t)at)), to };
		at = to;
	}
	for (unsigned int i = count - 1; i > 1; i--) {
		unsigned int other = 1 + chance(i);
		struct piece kept = pieces[i];

		pieces[i] = pieces[other];
		pieces[other] = kept;
	}
	for (unsigned int more = chance(3); more; more--, count++)
		pieces[count] = pieces[chance(count)];
	return count;
}

/* In several. */
static bool survives(int tls, unsigned long runs, unsigned long *whole)
{
	unsigned int wrong = 0;

	services(tls);
	for (unsigned long i = 0; i < runs && wrong < 10; i++) {
		uint16_t port = i & 2 ? LENIENT_PORT : STRICT_PORT(tls);
		uint32_t seq = chance(4) ? 1000 : 0xFFFFFF00U + chance(256), reason, pos;
		uint8_t data[MUTATE_LONGEST + 1];
		size_t len = mutate(data, mutate_base(tls, data), chance(2), 24);
		struct piece pieces[PIECES + 3];
		unsigned int count;
		int status;

		if (!len)
			continue;
		status = mutate_parse(tls, data, (uint32_t)len, &reason, &pos);
		*whole += status == MQW_OK;
		count = cut(len, pieces);
		for (unsigned int n = 0; n < count; n++) {
			const struct piece *p = &pieces[n];
			int action = sends(i, port, seq + (uint32_t)p->from, data + p->from,
					   p->to - p->from);

			if (action == XDP_PASS || (action == XDP_DROP && status == MQW_MALFORMED))
				continue;
			printf("# run %lu, port %u, piece %u of %u, bytes %zu to %zu: XDP "
			       "answered %d, user space %d\n", i, port, n + 1, count, p->from,
			       p->to, action, status);
			mutate_show("payload", data, len);
			wrong++;
			break;
		}
	}
	return !wrong;
}

static bool whole(const char *const *texts, int tls)
{
	bool good = true;

	for (; *texts; texts++) {
		uint8_t data[MUTATE_LONGEST];
		uint32_t len = (uint32_t)pkt_bytes(*texts, data, sizeof(data)), reason, pos;

		if (mutate_parse(tls, data, len, &reason, &pos) != MQW_OK || pos != len) {
			printf("# not complete and well formed: %s\n", *texts);
			good = false;
		}
	}
	return good;
}

int main(void)
{
	unsigned long runs, dropped = 0, taken = 0;

	xdp_load(&x, NULL);
	ktap_plan(7);
	runs = mutate_begin(50000);
	ktap_point(whole(mutate_connects, 0) && whole(mutate_hellos, 1),
		   "what is mutated is well formed");
	ktap_point(agree(0, runs, &dropped), "CONNECT: XDP and user space agree");
	ktap_point(agree(1, runs, &dropped), "ClientHello: XDP and user space agree");
	printf("# %lu of %lu were malformed\n", dropped, 2 * runs);
	ktap_point(dropped > runs / 4 && dropped < 2 * runs - runs / 4,
		   "both malformed and acceptable payloads were met");
	ktap_point(survives(0, runs / 2, &taken),
		   "ATTACKS 13: CONNECT in pieces: nothing is dropped that user space takes");
	ktap_point(survives(1, runs / 2, &taken),
		   "ATTACKS 25: ClientHello in pieces: nothing is dropped that user space takes");
	printf("# %lu of %lu were taken; %lu packets in all\n", taken, runs, packets);
	ktap_point(taken > runs / 4, "enough of what came in pieces was well formed");
	bpf_object__close(x.object);
	return ktap_end();
}
