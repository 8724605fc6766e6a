// SPDX-License-Identifier: BSD-2-Clause
/* Mutated payloads; see mutate.h. Called by the tests of this directory, single-threaded. */
#include "mutate.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <mqgate/mqtt_wire.h>
#include <mqgate/tls_wire.h>

#include "harness.h"

#define COPY	512	/* bytes that XDP parses */

const char *const mutate_connects[] = {
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
	NULL
};

const char *const mutate_hellos[] = {
	HELLO,
	"16 0301 0010 01 000029 0303 AA*10 16 0301 001D AA*22 00 0002 1301 01 00",
	/* SNI, ALPN, versions, padding */
	"16 0301 0084 01 000080 0303 AA*32 20 BB*32 0004 1301 1302 01 00"
	" 0033 0000 000A 0008 00 0005 'a.bcd' 0010 0007 0005 04 'mqtt'"
	" 002B 0005 04 0304 0303 0015 000D 00*13",
	"16 0301 0232 01 00022E 0303 AA*32 00 0002 1301 01 00 0203 0015 01FF 00*511",
	NULL
};

static uint64_t state;

/* SplitMix64 (Steele, Lea, Flood 2014). */
uint32_t chance(uint32_t below)
{
	uint64_t z = state += 0x9E3779B97F4A7C15ULL;

	z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9ULL;
	z = (z ^ z >> 27) * 0x94D049BB133111EBULL;
	return (uint32_t)((z ^ z >> 31) >> 16) % below;
}

static unsigned long from_env(const char *name, unsigned long fallback)
{
	const char *text = getenv(name);

	return text && *text ? strtoul(text, NULL, 0) : fallback;
}

unsigned long mutate_begin(unsigned long runs)
{
	state = from_env("MQGATE_SEED", 20240531);
	runs = from_env("MQGATE_RUNS", runs);
	printf("# MQGATE_SEED=%llu MQGATE_RUNS=%lu\n", (unsigned long long)state, runs);
	return runs;
}

static uint8_t interesting(void)
{
	static const uint8_t bytes[] = {
		0x00, 0x01, 0x02, 0x03, 0x04, 0x06, 0x10, 0x16, 0x1F, 0x20,
		0x21, 0x26, 0x7F, 0x80, 0x81, 0xC0, 0xC2, 0xED, 0xF4, 0xFF,
	};

	return chance(3) ? bytes[chance(ARRAY_SIZE(bytes))] : (uint8_t)chance(256);
}

size_t mutate(uint8_t *data, size_t len, uint32_t most, size_t head)
{
	for (uint32_t n = most && chance(8) ? 1 + chance(most) : 0; n && len; n--) {
		size_t reach = chance(2) && len > head ? head : len, at = chance((uint32_t)reach);

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
			if (len < MUTATE_LONGEST) {
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

size_t mutate_base(int tls, uint8_t *data)
{
	const char *const *texts = tls ? mutate_hellos : mutate_connects;
	uint32_t count = 0;

	while (texts[count])
		count++;
	return pkt_bytes(texts[chance(count)], data, MUTATE_LONGEST);
}

int mutate_parse(int tls, const uint8_t *data, uint32_t len, uint32_t *reason, uint32_t *pos)
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

uint32_t mutate_expected(int tls, const uint8_t *data, uint32_t len)
{
	uint32_t reason, pos;

	if (mutate_parse(tls, data, len, &reason, &pos) != MQW_MALFORMED || pos > COPY ||
	    mqw_reason_answered(reason))
		return 0;
	return reason;
}

void mutate_show(const char *what, const uint8_t *data, size_t len)
{
	printf("# %s: ", what);
	for (size_t i = 0; i < len; i++)
		printf("%02x", data[i]);
	printf("\n");
}
