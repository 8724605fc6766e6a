/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the configuration says to XDP of a port: destinations, fragments, budgets. Services over TCP
 * and UDP, and listeners, which have it as well.
 */
#include "config_stage.h"

#include <string.h>

static const struct broken cases[] = {
	BROKEN("strict on an unprotected port", 39, 39,
	       "    kind: unprotected\n    unknown_flows: strict",
	       "40: services[1].unknown_flows: has no meaning on an unprotected port"),
	BROKEN("closed on an unprotected port", 39, 39,
	       "    kind: unprotected\n    when_daemon_away: closed",
	       "40: services[1].when_daemon_away: has no meaning on an unprotected port"),
	BROKEN("destinations on an unprotected port", 39, 39,
	       "    kind: unprotected\n    destinations:\n      - 192.0.2.1",
	       "40: services[1].destinations: has no meaning on an unprotected port"),
	BROKEN("fragments on an unprotected port", 39, 39,
	       "    kind: unprotected\n    fragments: pass",
	       "40: services[1].fragments: has no meaning on an unprotected port"),
	BROKEN("strict over UDP", 34, 34, "    kind: coap",
	       "35: services[0].unknown_flows: has no meaning over UDP (kind coap); leave it out"),
	BROKEN("two services on a UDP port", 37, 39,
	       "  - name: sn\n    port: 1884\n    kind: mqtt-sn\n"
	       "  - name: co\n    port: 1884\n    kind: coap",
	       "41: services[2].port: port 1884 is already that of services[1]"),
	BROKEN("a destination that is none", 36, 36, "    destinations:\n      - broker",
	       "37: services[0].destinations[0]: \"broker\" is not a network; write for instance"),
	BROKEN("a destination with bits behind its length", 36, 36,
	       "    destinations:\n      - 192.0.2.0/24\n      - 192.0.2.1/24",
	       "38: services[0].destinations[1]: \"192.0.2.1/24\" has bits set beyond its length"),
	BROKEN("a destination with too long a length", 25, 25,
	       "    destinations:\n      - 192.0.2.0/33",
	       "26: listeners[0].destinations[0]: \"192.0.2.0/33\" has no length from 0 to 32"),
	BROKEN("nine destinations", 25, 25,
	       "    destinations: [10.0.0.1, 10.0.0.2, 10.0.0.3, 10.0.0.4, 10.0.0.5, 10.0.0.6,"
	       " 10.0.0.7, 10.0.0.8, 10.0.0.9]",
	       "25: listeners[0].destinations: 9 networks, and there may be 8; leave the key out"),
	BROKEN("an unknown rule for fragments", 36, 36, "    fragments: reassemble",
	       "36: services[0].fragments: \"reassemble\" is not known; write one of: drop, pass"),
	BROKEN("a SYN budget out of range", 36, 36, "    syn: {per_source: 10000001}",
	       "36: services[0].syn.per_source: 10000001 is out of range; write 0 to 10000000"),
	BROKEN("a SYN rate that is none", 25, 25, "    syn:\n      rate: fast",
	       "26: listeners[0].syn.rate: "),
	BROKEN("a calm that is too short", 25, 25, "    syn:\n      calm: 99ms",
	       "26: listeners[0].syn.calm: 99ms is out of range; write 100ms to 1h"),
	BROKEN("an unknown rule for cookies", 25, 25, "    syn:\n      cookies: always",
	       "26: listeners[0].syn.cookies: \"always\" is not known; write one of: auto, on,"),
	BROKEN("cookies without a rate", 36, 36, "    syn:\n      rate: 0\n      cookies: on",
	       "38: services[0].syn.cookies: on has no meaning with rate: 0"),
	BROKEN("an unknown key of syn", 25, 25, "    syn:\n      cookie: on",
	       "26: listeners[0].syn.cookie: "),
	BROKEN("syn over UDP", 34, 35, "    kind: coap\n    syn: {rate: 5}",
	       "35: services[0].syn: has no meaning over UDP (kind coap); leave it out"),
	BROKEN("a packet size that no device can do with", 25, 25,
	       "    limits:\n      max_packet_size: 10",
	       "26: listeners[0].limits.max_packet_size: 10 is out of range; write 128 to"),
	BROKEN("a burst without its rate", 25, 25, "    limits: {bytes_burst: 5}",
	       "25: listeners[0].limits.bytes_burst: has no meaning without bytes_rate; leave"),
	BROKEN("an unknown limit", 25, 25, "    limits: {max_weight: 5}",
	       "25: listeners[0].limits.max_weight: "),
	BROKEN("an unknown rule for rates", 25, 25, "    limits: {over_rate: drop}",
	       "25: listeners[0].limits.over_rate: \"drop\" is not known; write one of: wait,"),
	/* limits of routed services */
	BROKEN("a CONNECT shorter than any", 36, 36, "    connect_max: 11",
	       "36: services[0].connect_max: 11 is out of range; write 12 to 268435455"),
	BROKEN("connect_max of what is encrypted", 34, 35,
	       "    kind: mqtts\n    connect_max: 1000",
	       "35: services[0].connect_max: has no meaning for kind mqtts, whose CONNECTs XDP "),
	BROKEN("connect_max over UDP", 34, 35, "    kind: mqtt-sn\n    connect_max: 1000",
	       "35: services[0].connect_max: has no meaning for kind mqtt-sn, whose CONNECTs "),
	BROKEN("connect_max on an unprotected port", 39, 39,
	       "    kind: unprotected\n    connect_max: 1000",
	       "40: services[1].connect_max: has no meaning on an unprotected port; leave it out"),
	BROKEN("no packets of an ALLOWed flow", 36, 36, "    allow_pps: 0",
	       "36: services[0].allow_pps: 0 is out of range; write 1 to 100000000"),
	BROKEN("no packets at once", 36, 36, "    allow_burst: 0",
	       "36: services[0].allow_burst: 0 is out of range; write 1 to 100000000"),
	BROKEN("allow_pps over UDP", 34, 35, "    kind: coap\n    allow_pps: 5",
	       "35: services[0].allow_pps: has no meaning over UDP (kind coap); leave it out"),
	BROKEN("allow_burst on an unprotected port", 39, 39,
	       "    kind: unprotected\n    allow_burst: 5",
	       "40: services[1].allow_burst: has no meaning on an unprotected port; leave it out"),
	/* what begins */
	BROKEN("a budget of a source out of range", 36, 36, "    connects: {per_source: 10000001}",
	       "36: services[0].connects.per_source: 10000001 is out of range; write 0 to "
	       "10000000"),
	BROKEN("a budget that is no number", 25, 25, "    connects:\n      rate: 5/s",
	       "26: listeners[0].connects.rate: \"5/s\" is not a whole number"),
	BROKEN("nothing at once", 36, 36, "    connects: {rate: 5, burst: 0}",
	       "36: services[0].connects.burst: 0 is out of range; write 1 to 10000000"),
	BROKEN("a burst of no rate", 36, 36, "    connects:\n      rate: 0\n      burst: 5",
	       "38: services[0].connects.burst: has no meaning without rate; give it a rate, or "),
	BROKEN("a source's burst of no rate", 25, 25, "    connects:\n      per_source_burst: 5",
	       "26: listeners[0].connects.per_source_burst: has no meaning without per_source; "),
	BROKEN("an unknown key of connects", 36, 36, "    connects: {per_sorce: 5}",
	       "36: services[0].connects.per_sorce: unknown key; did you mean per_source?"),
	BROKEN("connects over UDP", 34, 35, "    kind: coap\n    connects: {rate: 5}",
	       "35: services[0].connects: has no meaning over UDP (kind coap); write datagrams"),
	BROKEN("datagrams over TCP", 36, 36, "    datagrams: {rate: 5}",
	       "36: services[0].datagrams: has no meaning over TCP (kind mqtt); write connects"),
	BROKEN("datagrams out of range", 34, 35, "    kind: coap\n    datagrams: {rate: 10000001}",
	       "35: services[0].datagrams.rate: 10000001 is out of range; write 0 to 10000000"),
	BROKEN("datagrams of a listener", 30, 30, "    datagrams: {rate: 5}",
	       "30: listeners[1].datagrams: unknown key; "),
	BROKEN("datagrams on an unprotected port", 39, 39,
	       "    kind: unprotected\n    datagrams: {rate: 5}",
	       "40: services[1].datagrams: has no meaning on an unprotected port; leave it out"),
	/* what is incomplete */
	BROKEN("too few bytes", 36, 36, "    suspect: {bytes: 1023}",
	       "36: services[0].suspect.bytes: 1023 is out of range; write 1024 to 1073741824"),
	BROKEN("too few segments", 25, 25, "    suspect:\n      segments: 1",
	       "26: listeners[0].suspect.segments: 1 is out of range; write 2 to 1000000"),
	BROKEN("too little time", 36, 36, "    suspect: {time: 99ms}",
	       "36: services[0].suspect.time: 99ms is out of range; write 100ms to 10m"),
	BROKEN("a time without sense", 36, 36, "    suspect: {time: later}",
	       "36: services[0].suspect.time: \"later\" is not a duration; write for instance "),
	BROKEN("suspect over UDP", 34, 35, "    kind: coaps\n    suspect: {bytes: 2048}",
	       "35: services[0].suspect: has no meaning over UDP (kind coaps); leave it out"),
	/* what is malformed */
	BROKEN("an unknown answer", 36, 36, "    on_malformed: reject",
	       "36: services[0].on_malformed: \"reject\" is not known; write one of: drop, reset"),
	BROKEN("resets over UDP", 34, 35, "    kind: mqtt-sn\n    on_malformed: reset",
	       "35: services[0].on_malformed: has no meaning over UDP (kind mqtt-sn); leave it"),
	BROKEN("resets on an unprotected port", 39, 39,
	       "    kind: unprotected\n    on_malformed: reset",
	       "40: services[1].on_malformed: has no meaning on an unprotected port; leave it out"),
	BROKEN("no resets", 36, 36, "    reset_rate: 0",
	       "36: services[0].reset_rate: 0 is out of range; write 1 to 10000000"),
	BROKEN("a rate of resets over UDP", 34, 35, "    kind: coap\n    reset_rate: 5",
	       "35: services[0].reset_rate: has no meaning over UDP (kind coap); leave it out"),
};

static void syn_budgets_are_read(void **state)
{
	const struct broken more = { "more", 36, 36,
		"    syn: {per_source: 0, rate: 500, calm: 30s, cookies: on}\n"
		"  - {name: other, port: 2884, kind: mqtt, syn: {per_source: 7, rate: 0}}", "" };
	const struct mqg_guard *guard;
	struct mqg_config *c;

	(void)state;
	write_config(&more);
	c = load();
	guard = &c->services[0].guard;
	assert_true(guard->syn_source == MQGATE_SYN_UNLIMITED);
	assert_int_equal(guard->syn_rate, 500);
	assert_int_equal(guard->syn_calm_ms, 30000);
	assert_int_equal(guard->cookies, MQG_COOKIES_ON);
	guard = &c->services[1].guard;
	assert_int_equal(guard->syn_source, 7);
	assert_true(guard->syn_rate == MQGATE_SYN_UNLIMITED);
	assert_int_equal(guard->syn_calm_ms, MQGATE_DEFAULT_SYN_CALM_MS);
	assert_int_equal(guard->cookies, MQG_COOKIES_AUTO);
	guard = &c->listeners[0].guard;
	assert_int_equal(guard->syn_source, MQGATE_DEFAULT_SYN_SOURCE);
	assert_int_equal(guard->syn_rate, MQGATE_DEFAULT_SYN_RATE);
	mqg_config_put(c);
}

static void budgets_and_resets_are_read(void **state)
{
	const struct broken more = { "more", 36, 36,
		"    connects: {per_source: 5, per_source_burst: 20, rate: 1000, burst: 4000}\n"
		"    suspect: {bytes: 4096, segments: 8, time: 2500ms}\n"
		"    on_malformed: reset\n"
		"    reset_rate: 77\n"
		"  - {name: sn, port: 1884, kind: mqtt-sn, datagrams: {per_source: 50, rate: 0}}",
		"" };
	const struct mqg_guard *guard;
	struct mqg_config *c;

	(void)state;
	write_config(&more);
	c = load();
	guard = &c->services[0].guard;
	assert_int_equal(guard->source_rate, 5);
	assert_int_equal(guard->source_burst, 20);
	assert_int_equal(guard->service_rate, 1000);
	assert_int_equal(guard->service_burst, 4000);
	assert_int_equal(guard->suspect_bytes, 4096);
	assert_int_equal(guard->suspect_segments, 8);
	assert_int_equal(guard->suspect_ms, 2500);
	assert_true(guard->reset);
	assert_int_equal(guard->reset_rate, 77);
	guard = &c->services[1].guard;
	assert_int_equal(guard->source_rate, 50);
	assert_int_equal(guard->source_burst, 0);
	assert_int_equal(guard->service_rate, 0);
	/* A listener that says nothing of it has what XDP has by itself. */
	guard = &c->listeners[0].guard;
	assert_int_equal(guard->source_rate, 0);
	assert_int_equal(guard->service_rate, 0);
	assert_int_equal(guard->suspect_bytes, 0);
	assert_int_equal(guard->suspect_segments, MQGATE_DEFAULT_SUSPECT_SEGMENTS);
	assert_int_equal(guard->suspect_ms, MQGATE_DEFAULT_SUSPECT_MS);
	assert_false(guard->reset);
	assert_int_equal(guard->reset_rate, MQGATE_DEFAULT_RESET_RATE);
	assert_int_equal(c->services[0].connect_max, MQGATE_DEFAULT_CONNECT_MAX);
	assert_int_equal(c->services[0].allow_pps, MQGATE_DEFAULT_ALLOW_PPS);
	assert_int_equal(c->services[0].allow_burst, MQGATE_DEFAULT_ALLOW_BURST);
	mqg_config_put(c);
}

static void udp_services_and_guards_are_read(void **state)
{
	const struct broken more = { "more", 36, 36,
		"    fragments: pass\n"
		"    destinations: [192.0.2.0/24, \"2001:db8::1\"]\n"
		"  - {name: sn, port: 1883, kind: mqtt-sn, when_daemon_away: closed}\n"
		"  - {name: co, port: 5683, kind: coap}\n"
		"  - {name: cos, port: 2883, kind: coaps}", "" };
	const struct mqg_guard *guard;
	uint8_t net[16] = { [10] = 0xff, 0xff, 192, 0, 2 }, mask[16];
	struct mqg_config *c;

	(void)state;
	write_config(&more);
	c = load();
	guard = &c->services[0].guard;
	assert_true(guard->fragments);
	assert_int_equal(guard->destinations, 2);
	memset(mask, 0xff, 15);
	mask[15] = 0;
	assert_memory_equal(guard->destination[0].addr, net, 16);
	assert_memory_equal(guard->destination[0].mask, mask, 16);
	mask[15] = 0xff;
	assert_memory_equal(guard->destination[1].mask, mask, 16);
	assert_false(c->listeners[0].guard.fragments);
	assert_int_equal(c->listeners[0].guard.destinations, 0);
	/* 1883 and 2883 of UDP are no business of those who have them over TCP. */
	assert_int_equal(c->services[1].kind, MQGATE_KIND_MQTTSN);
	assert_int_equal(c->services[1].number, 4);
	assert_true(c->services[1].fail_closed);
	assert_int_equal(c->services[2].kind, MQGATE_KIND_COAP);
	assert_int_equal(c->services[3].kind, MQGATE_KIND_COAPS);
	assert_int_equal(mqg_ports_index(c->services[3].kind, 2883), MQGATE_PORTS_UDP(2883));
	mqg_config_put(c);
}

static void limits_of_listeners_are_read(void **state)
{
	const struct broken more = { "more", 25, 25,
		"    limits: {max_packet_size: 1000, max_topic_levels: 9, "
		"max_inflight_messages: 20, max_subscriptions: 50, max_filters: 8, "
		"max_keepalive: 600, messages_rate: 100, "
		"bytes_rate: 5000, bytes_burst: 70000, all_messages_rate: 9000, "
		"over_rate: close, on_refused: close}", "" };
	const struct mqg_limits *limits;
	struct mqg_config *c;

	(void)state;
	write_config(&more);
	c = load();
	limits = &c->listeners[0].limits;
	assert_int_equal(limits->packet_size, 1000);
	assert_int_equal(limits->topic_levels, 9);
	assert_int_equal(limits->inflight, 20);
	assert_int_equal(limits->subscriptions, 50);
	assert_int_equal(limits->filters, 8);
	assert_int_equal(limits->keep_alive, 600);
	assert_int_equal(limits->own.messages.rate, 100);
	assert_int_equal(limits->own.messages.burst, 100);
	assert_int_equal(limits->own.bytes.burst, 70000);
	assert_int_equal(limits->all.messages.burst, 9000);
	assert_int_equal(limits->all.bytes.rate, 0);
	assert_true(limits->close_over_rate && limits->close_on_refusal);
	/* What is left out. */
	assert_int_equal(limits->topic_length, 65535);
	assert_int_equal(limits->topic_alias, 10);
	assert_int_equal(limits->user_properties, 100);
	mqg_config_put(c);
}

int main(void)
{
	static const struct CMUnitTest fixed[] = {
		cmocka_unit_test(limits_of_listeners_are_read),
		cmocka_unit_test(syn_budgets_are_read),
		cmocka_unit_test(budgets_and_resets_are_read),
		cmocka_unit_test(udp_services_and_guards_are_read),
	};

	return run_config_tests("config of guards", fixed, sizeof(fixed) / sizeof(fixed[0]), cases,
				sizeof(cases) / sizeof(cases[0]));
}
