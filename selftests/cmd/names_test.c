// SPDX-License-Identifier: BSD-2-Clause
/*
 * Addresses, durations and words, both ways. Every refused input names its sentence, so that
 * the person who reads it learns what to write instead. Runs without root.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/names.h"
#include "common/network.h"
#include "common/pindir.h"

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))
#define SECOND		1000000000ULL

static void accepts_sources(void **state)
{
	static const struct {
		const char *text, *shown;
	} rows[] = {
		{ "192.0.2.1", "192.0.2.1" },
		{ "192.0.2.1/32", "192.0.2.1" },
		{ "::ffff:192.0.2.1", "192.0.2.1" },
		{ "2001:db8::1", "2001:db8::1" },
		{ "2001:db8::1/128", "2001:db8::1" },
		{ "2001:DB8:0:0::/64", "2001:db8::/64" },
		{ "2001:db8:1:2::/64", "2001:db8:1:2::/64" },
		{ "::1", "::1" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct mqgate_source_key key;
		char buf[MQG_ADDR_STRLEN];
		const char *why = "untouched";

		assert_int_equal(mqg_source_parse(rows[i].text, &key, &why), 0);
		assert_null(why);
		assert_string_equal(mqg_source_format(&key, buf), rows[i].shown);
	}
}

static void maps_ipv4_into_ipv6(void **state)
{
	static const uint8_t wanted[16] = {
		0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 192, 0, 2, 1
	};
	struct mqgate_source_key key;

	(void)state;
	assert_int_equal(mqg_source_parse("192.0.2.1", &key, NULL), 0);
	assert_memory_equal(key.addr, wanted, 16);
	assert_true(mqg_addr_is_v4(key.addr));
}

static void refuses_sources_in_words(void **state)
{
	static const struct {
		const char *text, *part;
	} rows[] = {
		{ "", "is not an address" },
		{ "eth0", "is not an address" },
		{ "192.0.2", "is not an address" },
		{ "192.0.2.256", "is not an address" },
		{ "192.0.2.1 ", "is not an address" },
		{ "fe80::1%eth0", "is not an address" },
		{ "1:2:3:4:5:6:7:8:9:10:11:12:13:14:15:16:17:18:19:20:21:22:23:24:25:26:27",
		  "is not an address" },
		{ "192.0.2.1/", "no number after the '/'" },
		{ "192.0.2.1/+32", "no number after the '/'" },
		{ "192.0.2.1/0x20", "no number after the '/'" },
		{ "2001:db8::/6400", "no number after the '/'" },
		{ "192.0.2.0/24", "is an IPv4 prefix" },
		{ "192.0.2.1/64", "is an IPv4 prefix" },
		{ "2001:db8::/32", "IPv6 prefix other than /64" },
		{ "2001:db8::1/65", "IPv6 prefix other than /64" },
		{ "2001:db8::/63", "IPv6 prefix other than /64" },
		{ "2001:db8::1/64", "has bits set beyond its /64" },
		{ "2001:db8::", "write it with /64" },
		{ "2001:db8::/128", "write it with /64" },
		{ "::", "write it with /64" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct mqgate_source_key key;
		const char *why = NULL;

		assert_int_equal(mqg_source_parse(rows[i].text, &key, &why), -EINVAL);
		assert_non_null(why);
		if (!strstr(why, rows[i].part))
			fail_msg("\"%s\" was refused with: %s", rows[i].text, why);
		assert_int_equal(mqg_source_parse(rows[i].text, &key, NULL), -EINVAL);
	}
}

static void scores_ipv6_by_64(void **state)
{
	struct mqgate_source_key key, scored;
	char buf[MQG_ADDR_STRLEN];

	(void)state;
	assert_int_equal(mqg_source_parse("2001:db8:1:2:3:4:5:6", &key, NULL), 0);
	mqg_source_scored(key.addr, &scored);
	assert_string_equal(mqg_source_format(&scored, buf), "2001:db8:1:2::/64");

	assert_int_equal(mqg_source_parse("198.51.100.7", &key, NULL), 0);
	mqg_source_scored(key.addr, &scored);
	assert_memory_equal(&key, &scored, sizeof(key));
}

static void splits_sockaddrs(void **state)
{
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons(1883) };
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6, .sin6_port = htons(8883) };
	struct sockaddr other = { .sa_family = AF_UNIX };
	char buf[MQG_ADDR_STRLEN];
	uint8_t addr[16];
	uint16_t port;

	(void)state;
	inet_pton(AF_INET, "192.0.2.9", &in.sin_addr);
	assert_int_equal(mqg_sockaddr_split((struct sockaddr *)&in, addr, &port), 0);
	assert_string_equal(mqg_addr_format(addr, buf), "192.0.2.9");
	assert_int_equal(port, 1883);

	inet_pton(AF_INET6, "2001:db8::9", &in6.sin6_addr);
	assert_int_equal(mqg_sockaddr_split((struct sockaddr *)&in6, addr, &port), 0);
	assert_string_equal(mqg_addr_format(addr, buf), "2001:db8::9");
	assert_int_equal(port, 8883);

	assert_int_equal(mqg_sockaddr_split(&other, addr, &port), -EAFNOSUPPORT);
}

static void reads_durations(void **state)
{
	static const struct {
		const char *text;
		uint64_t ns;
	} rows[] = {
		{ "0", 0 },
		{ "7", 7 * SECOND },
		{ "500ms", SECOND / 2 },
		{ "30s", 30 * SECOND },
		{ "10m", 600 * SECOND },
		{ "1h", 3600 * SECOND },
		{ "7d", 604800 * SECOND },
		{ "3650d", 315360000 * SECOND },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		uint64_t ns = 1;

		assert_int_equal(mqg_duration_parse(rows[i].text, &ns), 0);
		assert_int_equal(ns, rows[i].ns);
	}
}

static void refuses_durations(void **state)
{
	static const char *const wrong[] = { "", "s", "-1s", "+1s", " 1s", "1 s", "1sec", "1.5s",
					     "1w", "0x10s", "1s1" };
	static const char *const much[] = { "3651d", "315360001", "18446744073709551616",
					    "99999999999999999999999ms", "9223372036854775807h" };
	uint64_t ns;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++)
		assert_int_equal(mqg_duration_parse(wrong[i], &ns), -EINVAL);
	for (size_t i = 0; i < ARRAY_SIZE(much); i++)
		assert_int_equal(mqg_duration_parse(much[i], &ns), -ERANGE);
}

static void shows_durations(void **state)
{
	static const struct {
		uint64_t ns;
		const char *text;
	} rows[] = {
		{ 0, "never" },
		{ 1, "1ms" },
		{ 120 * 1000000ULL, "120ms" },
		{ 42 * SECOND + 999, "42s" },
		{ 60 * SECOND, "1m" },
		{ 61 * SECOND, "1m 1s" },
		{ 3600 * SECOND, "1h" },
		{ 3601 * SECOND, "1h" },
		{ 3720 * SECOND, "1h 2m" },
		{ 86400 * SECOND, "1d" },
		{ 90000 * SECOND, "1d 1h" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		char buf[32];

		assert_string_equal(mqg_duration_format(rows[i].ns, buf, sizeof(buf)),
				    rows[i].text);
	}
}

/* The list of the header against itself: every word leads back to its number. */
static void knows_every_reason(void **state)
{
	static const struct {
		uint32_t number;
		const char *word, *text;
	} rows[] = {
#define ROW(number, symbol, name, sentence) { number, name, sentence },
		MQGATE_REASON_LIST(ROW)
#undef ROW
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		assert_string_equal(mqg_reason_word(rows[i].number), rows[i].word);
		assert_string_equal(mqg_reason_text(rows[i].number), rows[i].text);
		assert_int_equal(mqg_reason_parse(rows[i].word), rows[i].number);
	}
	assert_string_equal(mqg_reason_word(15), "?");
	assert_string_equal(mqg_reason_word(MQGATE_REASON_MAX), "?");
	assert_string_equal(mqg_reason_word(UINT32_MAX), "?");
	assert_string_equal(mqg_reason_text(UINT32_MAX), "?");
	assert_int_equal(mqg_reason_parse("no such word"), -ENOENT);
}

static void knows_the_other_words(void **state)
{
	(void)state;
	assert_string_equal(mqg_action_word(MQGATE_ACTION_DROP), "drop");
	assert_int_equal(mqg_action_parse("drop"), MQGATE_ACTION_DROP);
	assert_int_equal(mqg_action_parse("Drop"), -ENOENT);
	assert_string_equal(mqg_action_word(99), "?");
	assert_string_equal(mqg_origin_word(MQGATE_ORIGIN_DAEMON), "daemon");
	assert_int_equal(mqg_origin_parse("operator"), MQGATE_ORIGIN_OPERATOR);
	assert_string_equal(mqg_origin_word(99), "?");
	assert_string_equal(mqg_kind_word(MQGATE_KIND_MQTTS), "mqtts");
	assert_int_equal(mqg_kind_parse("mqtt"), MQGATE_KIND_MQTT);
	assert_int_equal(mqg_kind_parse("mqtt-sn"), MQGATE_KIND_MQTTSN);
	assert_string_equal(mqg_kind_word(MQGATE_KIND_COAPS), "coaps");
	assert_string_equal(mqg_kind_word(15), "?");
	assert_string_equal(mqg_mode_word(MQGATE_MODE_OBSERVE), "observe");
	assert_int_equal(mqg_mode_parse("enforce"), MQGATE_MODE_ENFORCE);
	assert_string_equal(mqg_flow_state_word(MQGATE_FLOW_REFUSED), "refused");
	assert_string_equal(mqg_flow_state_word(4), "?");
}

static void reads_and_shows_networks(void **state)
{
	static const struct {
		const char	*text, *shown;
		unsigned int	bits;		/* of the mask that are set */
	} good[] = {
		{ "192.0.2.1", "192.0.2.1", 128 },
		{ "192.0.2.1/32", "192.0.2.1", 128 },
		{ "192.0.2.0/24", "192.0.2.0/24", 120 },
		{ "128.0.0.0/1", "128.0.0.0/1", 97 },
		{ "0.0.0.0/0", "0.0.0.0/0", 96 },
		{ "2001:db8::1", "2001:db8::1", 128 },
		{ "2001:db8:2::/47", "2001:db8:2::/47", 47 },
		{ "::/0", "::/0", 0 },
	};
	static const char *const bad[] = {
		"", "/", "host", "192.0.2", "192.0.2.0/", "192.0.2.0/33", "192.0.2.0/-1",
		"192.0.2.0/+8", "192.0.2.0/8 ", "192.0.2.0/0x8", "192.0.2.0/24/8", "192.0.2.1/24",
		"0.0.0.1/0", "2001:db8::/129", "2001:db8::1/64", "2001:db8:1::/47", "[::1]",
		"1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa:bbbb:cccc/64",
	};
	struct mqgate_destination network;
	char text[MQG_NETWORK_STRLEN];
	const char *why;

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		unsigned int bits = 0;

		assert_int_equal(mqg_network_parse(good[i].text, &network, &why), 0);
		for (size_t b = 0; b < 16; b++)
			bits += (unsigned int)__builtin_popcount(network.mask[b]);
		assert_int_equal(bits, good[i].bits);
		assert_string_equal(mqg_network_format(&network, text, sizeof(text)),
				    good[i].shown);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		why = NULL;
		if (mqg_network_parse(bad[i], &network, &why) != -EINVAL || !why)
			fail_msg("\"%s\" is taken for a network", bad[i]);
	}
}

/* bpffs takes no dots, interfaces may have them; the name comes back from the pin. */
static void names_links_of_any_interface(void **state)
{
	static const struct {
		const char *ifname, *pin;
	} rows[] = {
		{ "eth0", "link_eth0" },
		{ "eth0.100", "link_eth0%2E100" },
		{ "a%2Eb", "link_a%252Eb" },
		{ "...............", "link_%2E%2E%2E%2E%2E%2E%2E%2E%2E%2E%2E%2E%2E%2E%2E" },
	};
	static const char *const wrong[] = { "link_", "prog", "link_%", "link_%2", "link_%2g",
					     "link_0123456789abcdef", "xlink_eth0" };
	char ifname[IF_NAMESIZE], path[MQG_PATH];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		assert_int_equal(mqg_link_path(rows[i].ifname, path, sizeof(path)), 0);
		assert_string_equal(strrchr(path, '/') + 1, rows[i].pin);
		assert_true(mqg_link_name(rows[i].pin, ifname));
		assert_string_equal(ifname, rows[i].ifname);
	}
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++)
		assert_false(mqg_link_name(wrong[i], ifname));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(accepts_sources),
		cmocka_unit_test(maps_ipv4_into_ipv6),
		cmocka_unit_test(refuses_sources_in_words),
		cmocka_unit_test(scores_ipv6_by_64),
		cmocka_unit_test(splits_sockaddrs),
		cmocka_unit_test(reads_durations),
		cmocka_unit_test(refuses_durations),
		cmocka_unit_test(shows_durations),
		cmocka_unit_test(knows_every_reason),
		cmocka_unit_test(knows_the_other_words),
		cmocka_unit_test(reads_and_shows_networks),
		cmocka_unit_test(names_links_of_any_interface),
	};

	return cmocka_run_group_tests(tests, NULL, NULL) ? 1 : 0;
}
