// SPDX-License-Identifier: BSD-2-Clause
/* Headers of the PROXY protocol, version 2, byte by byte. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "proxy/pp2.h"

#define BEGIN	"\r\n\r\n\0\r\nQUIT\n\x21"
#define V4	"\xC6\x12\0\7\xC0\0\2\1\x30\x39\x22\xB3"	/* .7:12345 to .1:8883 */

static const struct mqg_pp2_facts device = {
	.saddr = { [10] = 0xFF, 0xFF, 198, 18, 0, 7 },
	.daddr = { [10] = 0xFF, 0xFF, 192, 0, 2, 1 },
	.sport = 12345, .dport = 8883,
	.identity = "device-1", .cn = true, .server_name = "a.example",
	.tls_version = "TLSv1.3", .cipher = "TLS_AES_128_GCM_SHA256",
};

static void is(const struct mqg_pp2_facts *facts, uint32_t tlvs, const char *bytes, size_t len)
{
	uint8_t out[MQG_PP2_MAX];
	uint32_t left;

	assert_int_equal(len, mqg_pp2_build(facts, tlvs, MQG_PP2_MAX, &left, out));
	assert_memory_equal(bytes, out, len);
	assert_int_equal(0, left);
}

#define IS(facts, tlvs, bytes) is(facts, tlvs, bytes, sizeof(bytes) - 1)

static void addresses_are_told(void **state)
{
	struct mqg_pp2_facts v6 = device;

	(void)state;
	IS(&device, 0, BEGIN "\x11\0\x0C" V4);
	v6.saddr[0] = 0x20;
	/* One that is IPv4 mapped in company of another is an IPv6 address. */
	IS(&v6, 0, BEGIN "\x21\0\x24" "\x20\0\0\0\0\0\0\0\0\0\xFF\xFF\xC6\x12\0\7"
	   "\0\0\0\0\0\0\0\0\0\0\xFF\xFF\xC0\0\2\1" "\x30\x39\x22\xB3");
}

static void each_tlv_is_written(void **state)
{
	struct mqg_pp2_facts facts = device;

	(void)state;
	IS(&device, MQG_PP2_IDENTITY, BEGIN "\x11\0\x17" V4 "\xE0\0\x08" "device-1");
	IS(&device, MQG_PP2_AUTHORITY, BEGIN "\x11\0\x18" V4 "\2\0\x09" "a.example");
	IS(&device, MQG_PP2_SSL, BEGIN "\x11\0\x1E" V4 "\x20\0\x0F\7\0\0\0\0" "\x21\0\7TLSv1.3");
	IS(&device, MQG_PP2_SSL | MQG_PP2_CN, BEGIN "\x11\0\x29" V4
	   "\x20\0\x1A\7\0\0\0\0" "\x21\0\7TLSv1.3" "\x22\0\x08" "device-1");
	IS(&device, MQG_PP2_SSL | MQG_PP2_CIPHER, BEGIN "\x11\0\x37" V4
	   "\x20\0\x28\7\0\0\0\0" "\x21\0\7TLSv1.3" "\x23\0\x16TLS_AES_128_GCM_SHA256");
	facts.resumed = true;
	IS(&facts, MQG_PP2_SSL, BEGIN "\x11\0\x1E" V4 "\x20\0\x0F\5\0\0\0\0" "\x21\0\7TLSv1.3");
}

static void what_is_not_known_is_not_told(void **state)
{
	struct mqg_pp2_facts facts = device;

	(void)state;
	facts.cn = false;
	IS(&facts, MQG_PP2_SSL | MQG_PP2_CN, BEGIN "\x11\0\x1E" V4
	   "\x20\0\x0F\7\0\0\0\0" "\x21\0\7TLSv1.3");
	facts = (struct mqg_pp2_facts){ .sport = 12345, .dport = 8883 };
	memcpy(facts.saddr, device.saddr, 16);
	memcpy(facts.daddr, device.daddr, 16);
	IS(&facts, ~0U & ~MQG_PP2_CRC32C, BEGIN "\x11\0\x0C" V4);
}

/* RFC 3720, B.4 has no text, so the check value that catalogues of CRCs give for "123456789". */
static uint32_t plain_crc32c(const uint8_t *data, size_t len)
{
	uint64_t rest = 0;

	for (size_t bit = 0; bit < 8 * len + 32; bit++) {
		uint64_t in = bit < 8 * len ? data[bit / 8] >> bit % 8 & 1 : 0;

		if (bit < 32)
			in ^= 1;
		rest = rest << 1 | in;
		if (rest >> 32)
			rest ^= 0x11EDC6F41ULL;
	}
	rest ^= 0xFFFFFFFF;
	/* Bits come in reflected, and go so. */
	for (int i = 0; i < 16; i++) {
		uint64_t low = rest >> i & 1, high = rest >> (31 - i) & 1;

		rest &= ~(1ULL << i | 1ULL << (31 - i));
		rest |= low << (31 - i) | high << i;
	}
	return (uint32_t)rest;
}

static void the_sum_is_of_the_whole_header(void **state)
{
	uint8_t out[MQG_PP2_MAX];
	uint32_t left, told;
	size_t len;

	(void)state;
	assert_int_equal(0xE3069283, plain_crc32c((const uint8_t *)"123456789", 9));
	len = mqg_pp2_build(&device, ~0U, MQG_PP2_MAX, &left, out);
	assert_int_equal(3, out[28]);
	told = (uint32_t)out[31] << 24 | (uint32_t)out[32] << 16 | (uint32_t)out[33] << 8 | out[34];
	memset(out + 31, 0, 4);
	assert_int_equal(plain_crc32c(out, len), told);
}

/* Every limit: nothing goes beyond it, and what is there is whole. */
static void what_has_no_room_is_left_out(void **state)
{
	uint8_t out[MQG_PP2_MAX + 1];
	uint32_t left, before = ~0U;
	size_t full = mqg_pp2_build(&device, ~0U, MQG_PP2_MAX, &left, out);

	(void)state;
	for (size_t max = MQG_PP2_MIN; max <= full; max++) {
		size_t len, at = 28;

		memset(out, 0xAA, sizeof(out));
		len = mqg_pp2_build(&device, ~0U, max, &left, out);
		assert_true(len <= max);
		for (size_t i = len; i < sizeof(out); i++)
			assert_int_equal(0xAA, out[i]);
		while (at < len)
			at += 3 + ((size_t)out[at + 1] << 8 | out[at + 2]);
		assert_int_equal(len, at);
		assert_int_equal(len - 16, (size_t)out[14] << 8 | out[15]);
		before = left;
	}
	assert_int_equal(0, before);
	mqg_pp2_build(&device, ~0U, MQG_PP2_MIN, &left, out);
	assert_true(left & MQG_PP2_AUTHORITY);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses_are_told),
		cmocka_unit_test(each_tlv_is_written),
		cmocka_unit_test(what_is_not_known_is_not_told),
		cmocka_unit_test(the_sum_is_of_the_whole_header),
		cmocka_unit_test(what_has_no_room_is_left_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
