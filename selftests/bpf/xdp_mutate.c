// SPDX-License-Identifier: BSD-2-Clause
/*
 * XDP against the parser in user space, for mutated first payloads of a strict routed service:
 * what the full parse calls complete or incomplete must pass, and what it calls malformed
 * within the bytes that XDP copies must be dropped for the same reason. MQGATE_SEED and
 * MQGATE_RUNS choose others than the default.
 */
#include "harness.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include <mqgate/mqtt_wire.h>
#include <mqgate/tls_wire.h>

#define COPY		512		/* bytes that XDP parses */
#define LONGEST		700
#define HEADERS		54		/* of the frame, before the payload */

static const char *const connects[] = {
	CONNECT_31,
	CONNECT_311,
	CONNECT_5,
	"10 1E 0004 'MQTT' 04 F6 003C 0003 'dev' 0003 'w/t' 0001 'x' 0001 'u' 0002 'pw'",
	/* every property of CONNECT and of a will */
	"10 64 0004 'MQTT' 05 C6 003C"
	" 26 11 00000001 21 0001 27 00000100 22 0001 19 01 17 01 26 0001 'k' 0001 'v'"
	" 15 0003 'abc' 16 0002 0102"
	" 0003 'dev'"
	" 20 18 00000001 01 01 02 00000001 03 0001 't' 08 0001 'r' 09 0002 0102"
	" 26 0001 'k' 0001 'v' 0001 't' 0001 'x'"
	" 0001 'u' 0002 'pw'",
	"10 E203 0004 'MQTT' 04 02 003C 01D6 61*470",
	"10 9805 0004 'MQTT' 04 02 003C 028C C3 A4 61*650",
};

static const char *const hellos[] = {
	HELLO,
	"16 0301 0010 01 000029 0303 AA*10 16 0301 001D AA*22 00 0002 1301 01 00",
	/* SNI, ALPN, versions, padding */
	"16 0301 0084 01 000080 0303 AA*32 20 BB*32 0004 1301 1302 01 00"
	" 0033 0000 000A 0008 00 0005 'a.bcd' 0010 0007 0005 04 'mqtt'"
	" 002B 0005 04 0304 0303 0015 000D 00*13",
	"16 0301 0232 01 00022E 0303 AA*32 00 0002 1301 01 00 0203 0015 01FF 00*511",
};

static uint64_t state;

/* SplitMix64 (Steele, Lea, Flood 2014). */
static uint32_t chance(uint32_t below)
{
	uint64_t z = state += 0x9E3779B97F4A7C15ULL;

	z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9ULL;
	z = (z ^ z >> 27) * 0x94D049BB133111EBULL;
	return (uint32_t)((z ^ z >> 31) >> 16) % below;
}

static uint8_t interesting(void)
{
	static const uint8_t bytes[] = {
		0x00, 0x01, 0x02, 0x03, 0x04, 0x06, 0x10, 0x16, 0x1F, 0x20,
		0x21, 0x26, 0x7F, 0x80, 0x81, 0xC0, 0xC2, 0xED, 0xF4, 0xFF,
	};

	return chance(3) ? bytes[chance(ARRAY_SIZE(bytes))] : (uint8_t)chance(256);
}

static size_t mutate(uint8_t *data, size_t len)
{
	/* one in eight stays whole; half of the changes fall on the first bytes */
	for (uint32_t n = chance(8) ? 1 + chance(3) : 0; n && len; n--) {
		uint32_t reach = chance(2) && len > 24 ? 24 : (uint32_t)len, at = chance(reach);

		switch (chance(5)) {
		case 0:
			data[at] ^= (uint8_t)(1U << chance(8));
			break;
		case 1:
			data[at] = interesting();
			break;
		case 2:
			len = at ? at : 1;
			break;
		case 3:
			if (len < LONGEST) {
				memmove(data + at + 1, data + at, len - at);
				data[at] = interesting();
				len++;
			}
			break;
		default:
			memmove(data + at, data + at + 1, len - at - 1);
			len--;
			break;
		}
	}
	return len;
}

/* The full parse: enum mqw_status, its reason, and at which byte it ended. */
static int parse(int tls, const uint8_t *data, uint32_t len, uint32_t *reason, uint32_t *pos)
{
	struct mqw_connect c;
	struct tlsw_hello h;
	int status;

	if (tls) {
		tlsw_hello_init(&h, MQGATE_DEFAULT_HELLO_MAX);
		status = tlsw_hello_feed(&h, data, len, pos);
		*reason = h.reason;
	} else {
		mqw_connect_init(&c, MQGATE_DEFAULT_CONNECT_MAX);
		status = mqw_connect_feed(&c, data, len, pos);
		*reason = c.reason;
	}
	return status;
}

/* The reason for which XDP must drop, or 0. */
static uint32_t expected(int tls, const uint8_t *data, uint32_t len)
{
	uint32_t reason, pos;

	if (parse(tls, data, len, &reason, &pos) != MQW_MALFORMED || pos > COPY ||
	    mqw_reason_answered(reason))
		return 0;
	return reason;
}

static unsigned long from_env(const char *name, unsigned long fallback)
{
	const char *text = getenv(name);

	return text && *text ? strtoul(text, NULL, 0) : fallback;
}

static void show(const char *what, const uint8_t *data, size_t len)
{
	printf("# %s: ", what);
	for (size_t i = 0; i < len; i++)
		printf("%02x", data[i]);
	printf("\n");
}

static bool differ(struct xdp *x, int tls, unsigned long runs, unsigned long *dropped)
{
	uint64_t want[MQGATE_REASON_PACKET_MAX] = {};
	unsigned int wrong = 0;

	xdp_reset(x);
	xdp_prepare(x, &(struct before){ .what = SERVICE, .number = tls ? 2 : 1,
					 .svc = { .flags = MQGATE_SVC_F_STRICT } });
	for (unsigned long i = 0; i < runs && wrong < 10; i++) {
		struct pkt p = { .dport = tls ? 8883 : 1883 };
		const char *base = tls ? hellos[chance(ARRAY_SIZE(hellos))] :
					 connects[chance(ARRAY_SIZE(connects))];
		uint8_t frame[PKT_MAX], data[LONGEST + 64];
		size_t len = mutate(data, pkt_bytes(base, data, LONGEST));
		uint32_t reason;
		int action;

		if (!len)
			continue;
		reason = expected(tls, data, (uint32_t)len);
		pkt_build(&p, frame);
		memcpy(frame + HEADERS, data, len);
		frame[16] = (uint8_t)((len + 40) >> 8);
		frame[17] = (uint8_t)(len + 40);
		/* a flow of its own each time */
		memcpy(frame + 26, &(uint32_t){ (uint32_t)i }, 4);
		action = xdp_run(x, (int)(i & 1), frame, HEADERS + len, 0);
		if (action != (reason ? XDP_DROP : XDP_PASS)) {
			printf("# run %lu: XDP answered %d, user space reason %u\n", i, action,
			       reason);
			show("payload", data, len);
			wrong++;
		}
		want[reason]++;
		*dropped += reason != 0;
	}
	for (uint32_t r = MQGATE_REASON_FIRST_DROP; r < MQGATE_REASON_PACKET_MAX; r++) {
		struct mqgate_stat sum;

		xdp_stat(x, tls ? 2 : 1, r, &sum);
		if (sum.packets != want[r]) {
			printf("# reason %u: XDP %llu, user space %llu\n", r,
			       (unsigned long long)sum.packets, (unsigned long long)want[r]);
			wrong++;
		}
	}
	return !wrong;
}

static bool whole(const char *const *texts, size_t count, int tls)
{
	bool good = true;

	for (size_t i = 0; i < count; i++) {
		uint8_t data[LONGEST];
		uint32_t len = (uint32_t)pkt_bytes(texts[i], data, sizeof(data)), reason, pos;

		if (parse(tls, data, len, &reason, &pos) != MQW_OK || pos != len) {
			printf("# base %zu is not complete and well formed\n", i);
			good = false;
		}
	}
	return good;
}

int main(void)
{
	unsigned long runs = from_env("MQGATE_RUNS", 40000), dropped = 0;
	struct xdp x = {};

	state = from_env("MQGATE_SEED", 20240531);
	xdp_load(&x, NULL);
	ktap_plan(4);
	printf("# MQGATE_SEED=%llu MQGATE_RUNS=%lu\n", (unsigned long long)state, runs);
	ktap_point(whole(connects, ARRAY_SIZE(connects), 0) &&
		   whole(hellos, ARRAY_SIZE(hellos), 1), "what is mutated is well formed");
	ktap_point(differ(&x, 0, runs, &dropped), "CONNECT: XDP and user space agree");
	ktap_point(differ(&x, 1, runs, &dropped), "ClientHello: XDP and user space agree");
	printf("# %lu of %lu were malformed\n", dropped, 2 * runs);
	ktap_point(dropped > runs / 4 && dropped < 2 * runs - runs / 4,
		   "both malformed and acceptable payloads were met");
	bpf_object__close(x.object);
	return ktap_end();
}
