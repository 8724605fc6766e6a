/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The judge against real pinned maps, made here in a directory of this process and never attached
 * to anything. The clock is the test's, so nothing waits. Needs root and a BPF file system.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <cmocka.h>
#include <linux/magic.h>

#include "common/layout.h"
#include "common/names.h"
#include "common/pins.h"
#include "config/weights.h"
#include "judge/manage.h"

#define S	1000000000ULL
#define SMALL	8		/* entries of the sources map in the test that fills it */

static uint64_t now;
static char dir[128], run[128];
static uint32_t sources_entries;

static struct mqg_broker broker = { .name = (char *)"b" };
static struct mqg_listener listeners[] = {
	{ .name = (char *)"tls", .kind = MQGATE_KIND_MQTTS, .mode = MQGATE_MODE_OBSERVE,
	  .service = 3, .broker = &broker, .allow_pps = 70, .allow_burst = 90,
	  .connect_max = 4096 },
	{ .name = (char *)"plain", .kind = MQGATE_KIND_MQTT, .service = 4, .broker = &broker,
	  .connect_max = 4096 },
};
static struct mqg_service services[] = {
	{ .name = (char *)"routed", .port = 1883, .kind = MQGATE_KIND_MQTT, .strict = true,
	  .fail_closed = true, .number = 1 },
	{ .name = (char *)"mine", .port = 8883, .number = MQGATE_SVC_UNPROTECTED },
};
static struct mqgate_source_key allow[3];
static struct mqg_config config;
static struct mqg_judge *judge;

static uint64_t test_clock(void)
{
	return now;
}

static struct mqgate_source_key key_of(const char *text)
{
	struct mqgate_source_key key;
	const char *why;

	assert_int_equal(mqg_source_parse(text, &key, &why), 0);
	return key;
}

/* ---- maps ---------------------------------------------------------------------------- */

static void make_maps(void)
{
	char path[256];

	for (size_t i = 0; i < MQG_MAPS; i++) {
		const struct mqg_map_layout *l = &mqg_map_layouts[i];
		uint32_t entries = l->entries ? l->entries
				   : l->type == BPF_MAP_TYPE_RINGBUF ? 4096 : 1024;
		int fd;

		if (!strcmp(l->name, MQGATE_MAP_SOURCES))
			entries = sources_entries;
		fd = bpf_map_create((enum bpf_map_type)l->type, l->name, l->key_size,
				    l->value_size, entries, NULL);
		assert_true(fd >= 0);
		snprintf(path, sizeof(path), "%s/%s", dir, l->name);
		assert_int_equal(bpf_obj_pin(fd, path), 0);
		close(fd);
	}
}

static void remove_maps(void)
{
	char path[256];

	for (size_t i = 0; i < MQG_MAPS; i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, mqg_map_layouts[i].name);
		unlink(path);
	}
}

static const struct mqg_pins *pins(void)
{
	const struct mqg_pins *p = mqg_judge_pins(judge);

	assert_non_null(p);
	return p;
}

static bool verdict_on(const char *text, struct mqgate_verdict *verdict)
{
	struct mqgate_source_key key = key_of(text);

	return !mqg_verdict_get(pins(), &key, verdict);
}

static void put_verdict(const struct mqg_pins *p, const char *text, struct mqgate_verdict v)
{
	struct mqgate_source_key key = key_of(text);

	assert_int_equal(mqg_verdict_put(p, &key, &v), 0);
}


static struct mqgate_flow_key flow_of(const char *text, uint16_t port)
{
	struct mqgate_flow_key flow = { .sport = port, .dport = 9883, .proto = 6 };
	struct mqgate_source_key key = key_of(text);

	memcpy(flow.saddr, key.addr, 16);
	key = key_of("198.51.100.1");
	memcpy(flow.daddr, key.addr, 16);
	return flow;
}

static bool allow_of(struct mqgate_flow_key flow, struct mqgate_allow *entry)
{
	return !bpf_map_lookup_elem(pins()->allow, &flow, entry);
}

/* ---- set-up ---------------------------------------------------------------------------- */

static void start(void)
{
	judge = mqg_judge_alloc(&config, test_clock);
	assert_non_null(judge);
}

static void restart(void)
{
	mqg_judge_free(judge);
	start();
	assert_true(mqg_judge_pins_check(judge));
}

static int setup(void **state)
{
	struct sockaddr_in *sin;

	(void)state;
	now = 1000000 * S;
	sources_entries = 1024;
	for (int i = 0; i < 2; i++) {
		sin = (struct sockaddr_in *)&listeners[i].address.addr;
		sin->sin_family = AF_INET;
		sin->sin_port = htons(i ? 9884 : 9883);
	}
	allow[0] = key_of("192.0.2.77");
	allow[1] = key_of("2001:db8:a::5");
	allow[2] = key_of("2001:db8:b::/64");
	memset(&config, 0, sizeof(config));
	config.listeners = listeners;
	config.n_listeners = 2;
	config.services = services;
	config.n_services = 2;
	config.allow = allow;
	config.n_allow = 3;
	config.group = (char *)"root";
	config.score.threshold = 100;
	config.score.half_life_ns = 60 * S;
	config.score.ban_ns = 30 * S;
	config.score.ban_max_ns = 3600 * S;
	config.score.sources_max = 1000;
	for (uint32_t i = 0; i < MQGATE_REASON_MAX; i++)
		config.score.weight[i] = mqg_weight_default(i);
	make_maps();
	start();
	assert_true(mqg_judge_pins_check(judge));
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	mqg_judge_free(judge);
	judge = NULL;
	remove_maps();
	return 0;
}

static void refuse(const char *text, enum mqgate_reason reason, int times)
{
	struct mqgate_source_key key = key_of(text);
	struct mqg_refusal refusal = { .reason = reason, .service = 3 };

	memcpy(refusal.addr, key.addr, 16);
	for (int i = 0; i < times; i++)
		mqg_judge_refused(judge, &refusal);
}

static struct mqg_judge_counts counts(void)
{
	struct mqg_judge_counts c;

	mqg_judge_counts_read(judge, &c);
	return c;
}

/* ---- bans --------------------------------------------------------------------------------- */

static void evidence_past_the_threshold_bans(void **state)
{
	struct mqgate_verdict v;

	(void)state;
	refuse("192.0.2.1", MQGATE_REASON_MQTT_NAME, 3);
	assert_false(verdict_on("192.0.2.1", &v));
	refuse("192.0.2.1", MQGATE_REASON_MQTT_NAME, 1);
	assert_true(verdict_on("192.0.2.1", &v));
	assert_int_equal(v.action, MQGATE_ACTION_DROP);
	assert_int_equal(v.origin, MQGATE_ORIGIN_DAEMON);
	assert_int_equal(v.reason, MQGATE_REASON_MQTT_NAME);
	assert_int_equal(v.since, now);
	assert_int_equal(v.expires, now + 30 * S);
	assert_int_equal(v.strikes, 1);
	assert_int_equal(counts().bans, 1);
	assert_int_equal(mqg_judge_refused_read(judge, 3, MQGATE_REASON_MQTT_NAME), 4);
	assert_false(verdict_on("192.0.2.2", &v));
}

static void second_ban_is_twice_as_long(void **state)
{
	struct mqgate_verdict v;

	(void)state;
	refuse("192.0.2.1", MQGATE_REASON_MQTT_NAME, 4);
	now += 31 * S;
	refuse("192.0.2.1", MQGATE_REASON_MQTT_NAME, 4);
	assert_true(verdict_on("192.0.2.1", &v));
	assert_int_equal(v.expires, now + 60 * S);
	assert_int_equal(v.strikes, 2);
}

static void ipv6_is_scored_and_banned_by_64(void **state)
{
	struct mqgate_verdict v;

	(void)state;
	refuse("2001:db8:1::1", MQGATE_REASON_MQTT_NAME, 2);
	refuse("2001:db8:1::ffff:2", MQGATE_REASON_MQTT_NAME, 2);
	assert_true(verdict_on("2001:db8:1::/64", &v));
	assert_int_equal(v.action, MQGATE_ACTION_DROP);
	assert_false(verdict_on("2001:db8:1::1", &v));
}

static void allow_list_is_never_banned(void **state)
{
	struct mqgate_verdict v;

	(void)state;
	refuse("192.0.2.77", MQGATE_REASON_MQTT_NAME, 50);
	assert_true(verdict_on("192.0.2.77", &v));
	assert_int_equal(v.action, MQGATE_ACTION_PASS);
	refuse("2001:db8:b::9", MQGATE_REASON_MQTT_NAME, 50);
	assert_true(verdict_on("2001:db8:b::/64", &v));
	assert_int_equal(v.action, MQGATE_ACTION_PASS);
	assert_int_equal(counts().bans, 0);
	assert_true(counts().spared > 0);
}

static void an_allowed_address_does_not_ban_its_64(void **state)
{
	struct mqgate_verdict v;

	(void)state;
	refuse("2001:db8:a::5", MQGATE_REASON_MQTT_NAME, 50);
	assert_false(verdict_on("2001:db8:a::/64", &v));
	refuse("2001:db8:a::6", MQGATE_REASON_MQTT_NAME, 4);
	assert_true(verdict_on("2001:db8:a::/64", &v));
	assert_int_equal(v.action, MQGATE_ACTION_DROP);
	assert_true(verdict_on("2001:db8:a::5", &v));
	assert_int_equal(v.action, MQGATE_ACTION_PASS);
}

static void a_source_with_a_live_flow_is_spared_until_it_closes(void **state)
{
	struct mqgate_flow_key flow = flow_of("192.0.2.1", 1000);
	struct mqgate_verdict v;
	uint64_t ticket;

	(void)state;
	assert_int_equal(mqg_judge_allowed(judge, &flow, 3, &ticket), 0);
	refuse("192.0.2.1", MQGATE_REASON_MQTT_NAME, 10);
	assert_false(verdict_on("192.0.2.1", &v));
	assert_int_equal(counts().spared, 7);
	mqg_judge_closed(judge, ticket);
	refuse("192.0.2.1", MQGATE_REASON_MQTT_NAME, 1);
	assert_true(verdict_on("192.0.2.1", &v));
}

static void score_does_not_touch_an_operators_verdict(void **state)
{
	struct mqg_verdict_done done;
	struct mqgate_source_key one = key_of("192.0.2.1"), two = key_of("192.0.2.2");
	struct mqgate_verdict v;

	(void)state;
	assert_int_equal(mqg_judge_verdict_add(judge, &one, MQGATE_ACTION_DROP, 0, &done), 0);
	assert_int_equal(mqg_judge_verdict_add(judge, &two, MQGATE_ACTION_PASS, 60 * S, &done), 0);
	refuse("192.0.2.1", MQGATE_REASON_MQTT_NAME, 10);
	refuse("192.0.2.2", MQGATE_REASON_MQTT_NAME, 10);
	assert_true(verdict_on("192.0.2.1", &v));
	assert_int_equal(v.origin, MQGATE_ORIGIN_OPERATOR);
	assert_int_equal(v.expires, 0);
	assert_true(verdict_on("192.0.2.2", &v));
	assert_int_equal(v.action, MQGATE_ACTION_PASS);
	assert_int_equal(counts().bans, 0);
	/* When the operator's word has run out, the score counts again. */
	now += 61 * S;
	refuse("192.0.2.2", MQGATE_REASON_MQTT_NAME, 4);
	assert_true(verdict_on("192.0.2.2", &v));
	assert_int_equal(v.origin, MQGATE_ORIGIN_DAEMON);
}

static void full_map_fails_towards_passing_and_is_counted(void **state)
{
	struct mqgate_verdict v;
	char text[32];
	int banned = 0;

	(void)state;
	mqg_judge_free(judge);
	remove_maps();
	sources_entries = SMALL;
	make_maps();
	start();
	assert_true(mqg_judge_pins_check(judge));
	for (int i = 1; i <= SMALL; i++) {
		snprintf(text, sizeof(text), "192.0.2.%d", i);
		refuse(text, MQGATE_REASON_MQTT_NAME, 4);
		banned += verdict_on(text, &v);
	}
	assert_int_equal(banned, SMALL - 3);	/* three are the allow list's */
	assert_int_equal(counts().bans, SMALL - 3);
	assert_int_equal(counts().verdicts_full, 3);
	/* Room again: the next piece of evidence bans, with the first strike. */
	assert_int_equal(mqg_judge_verdict_flush(judge, MQGATE_ORIGIN_DAEMON), SMALL - 3);
	refuse(text, MQGATE_REASON_MQTT_NAME, 1);
	assert_true(verdict_on(text, &v));
	assert_int_equal(v.strikes, 1);
}

static void bans_without_maps_come_into_force_with_them(void **state)
{
	struct mqgate_verdict v;

	(void)state;
	remove_maps();
	assert_false(mqg_judge_pins_check(judge));
	assert_null(mqg_judge_pins(judge));
	refuse("192.0.2.1", MQGATE_REASON_MQTT_NAME, 4);
	assert_int_equal(counts().bans, 1);
	make_maps();
	now += 10 * S;
	assert_true(mqg_judge_pins_check(judge));
	assert_true(verdict_on("192.0.2.1", &v));
	assert_int_equal(v.expires, now + 20 * S);
}

/* ---- flows ------------------------------------------------------------------------------- */

static void authenticated_flow_is_allowed_until_it_closes(void **state)
{
	struct mqgate_flow_key flow = flow_of("192.0.2.1", 1000);
	struct mqgate_allow entry;
	uint64_t ticket;

	(void)state;
	assert_int_equal(mqg_judge_allowed(judge, &flow, 3, &ticket), 0);
	assert_true(ticket > 0);
	assert_true(allow_of(flow, &entry));
	assert_int_equal(entry.expires, now + 120 * S);
	assert_int_equal(entry.service, 3);
	assert_int_equal(counts().flows, 1);
	mqg_judge_closed(judge, ticket);
	assert_false(allow_of(flow, &entry));
	assert_int_equal(counts().flows, 0);
	mqg_judge_closed(judge, ticket);
}

static void refresh_extends_and_keeps_what_xdp_wrote(void **state)
{
	struct mqgate_flow_key flow = flow_of("192.0.2.1", 1000);
	struct mqgate_allow entry;
	uint64_t ticket;

	(void)state;
	assert_int_equal(mqg_judge_allowed(judge, &flow, 3, &ticket), 0);
	assert_true(allow_of(flow, &entry));
	entry.tat = 4711;
	entry.packets = 17;
	assert_int_equal(bpf_map_update_elem(pins()->allow, &flow, &entry, BPF_EXIST), 0);
	now += 29 * S;
	mqg_judge_tick(judge);
	assert_true(allow_of(flow, &entry));
	assert_int_equal(entry.expires, now + 91 * S);
	now += 2 * S;
	mqg_judge_tick(judge);
	assert_true(allow_of(flow, &entry));
	assert_int_equal(entry.expires, now + 120 * S);
	assert_int_equal(entry.tat, 4711);
	assert_int_equal(entry.packets, 17);
}

static void refresh_reaches_every_flow(void **state)
{
	struct mqgate_allow entry;
	uint64_t ticket;

	(void)state;
	for (uint16_t i = 0; i < 300; i++) {
		struct mqgate_flow_key flow = flow_of("192.0.2.1", i);

		assert_int_equal(mqg_judge_allowed(judge, &flow, 3, &ticket), 0);
	}
	now += 31 * S;
	mqg_judge_tick(judge);
	for (uint16_t i = 0; i < 300; i++) {
		assert_true(allow_of(flow_of("192.0.2.1", i), &entry));
		assert_int_equal(entry.expires, now + 120 * S);
	}
}

static void flow_without_maps_is_allowed_when_they_appear(void **state)
{
	struct mqgate_flow_key flow = flow_of("192.0.2.1", 1000);
	struct mqgate_allow entry;
	uint64_t ticket = 0;

	(void)state;
	remove_maps();
	assert_false(mqg_judge_pins_check(judge));
	assert_int_equal(mqg_judge_allowed(judge, &flow, 3, &ticket), -ENOENT);
	assert_true(ticket > 0);
	make_maps();
	mqg_judge_tick(judge);
	assert_true(allow_of(flow, &entry));
	assert_int_equal(entry.expires, now + 120 * S);
	mqg_judge_closed(judge, ticket);
	assert_false(allow_of(flow, &entry));
}

static void operators_ban_takes_allow_and_keeps_it_away(void **state)
{
	struct mqgate_flow_key flow = flow_of("192.0.2.1", 1000), late = flow_of("192.0.2.1", 1001);
	struct mqgate_flow_key other = flow_of("192.0.2.2", 1000);
	struct mqgate_source_key key = key_of("192.0.2.1");
	struct mqg_verdict_done done;
	struct mqgate_allow entry;
	uint64_t ticket;

	(void)state;
	assert_int_equal(mqg_judge_allowed(judge, &flow, 3, &ticket), 0);
	assert_int_equal(mqg_judge_allowed(judge, &other, 3, &ticket), 0);
	assert_int_equal(mqg_judge_verdict_add(judge, &key, MQGATE_ACTION_DROP, 0, &done), 0);
	assert_false(done.replaced);
	assert_int_equal(done.allow_removed, 1);
	assert_false(allow_of(flow, &entry));
	now += 60 * S;
	mqg_judge_tick(judge);
	assert_false(allow_of(flow, &entry));
	assert_true(allow_of(other, &entry));
	/* Nor does a session that was half way there get one. */
	assert_int_equal(mqg_judge_allowed(judge, &late, 3, &ticket), -EPERM);
	assert_true(ticket > 0);
	assert_false(allow_of(late, &entry));
	assert_int_equal(mqg_judge_verdict_del(judge, &key), 0);
	assert_true(allow_of(flow, &entry));
	assert_true(allow_of(late, &entry));
}

static void operators_ban_of_a_64_covers_its_addresses(void **state)
{
	struct mqgate_flow_key flow = flow_of("2001:db8:1::1", 1000);
	struct mqgate_source_key key = key_of("2001:db8:1::/64");
	struct mqg_verdict_done done;
	struct mqgate_allow entry;
	uint64_t ticket;

	(void)state;
	assert_int_equal(mqg_judge_allowed(judge, &flow, 3, &ticket), 0);
	assert_int_equal(mqg_judge_verdict_add(judge, &key, MQGATE_ACTION_DROP, 0, &done), 0);
	assert_int_equal(done.allow_removed, 1);
	now += 60 * S;
	mqg_judge_tick(judge);
	assert_false(allow_of(flow, &entry));
}

/* ---- adoption ------------------------------------------------------------------------------ */

static void a_restart_keeps_bans_and_their_strikes(void **state)
{
	struct mqgate_verdict v, again;

	(void)state;
	refuse("192.0.2.1", MQGATE_REASON_MQTT_NAME, 4);
	now += 31 * S;
	refuse("192.0.2.1", MQGATE_REASON_MQTT_NAME, 4);
	assert_true(verdict_on("192.0.2.1", &v));
	now += 10 * S;
	restart();
	assert_true(verdict_on("192.0.2.1", &again));
	assert_memory_equal(&v, &again, sizeof(v));
	refuse("192.0.2.1", MQGATE_REASON_MQTT_NAME, 10);
	assert_true(verdict_on("192.0.2.1", &again));
	assert_int_equal(again.expires, v.expires);
	now = v.expires;
	refuse("192.0.2.1", MQGATE_REASON_MQTT_NAME, 4);
	assert_true(verdict_on("192.0.2.1", &again));
	assert_int_equal(again.strikes, 3);
	assert_int_equal(again.expires, now + 120 * S);
}

static void a_restart_removes_flows_that_have_no_socket(void **state)
{
	struct mqgate_flow_key flow = flow_of("192.0.2.1", 1000);
	struct mqgate_allow entry;
	uint64_t ticket;

	(void)state;
	assert_int_equal(mqg_judge_allowed(judge, &flow, 3, &ticket), 0);
	restart();
	assert_false(allow_of(flow, &entry));
}

static void a_restart_keeps_only_what_has_a_right_to_stay(void **state)
{
	const struct mqgate_verdict configured = { .action = MQGATE_ACTION_PASS,
						   .origin = MQGATE_ORIGIN_OPERATOR };
	struct mqgate_verdict spoken = configured, by_hand = configured, drop = configured, v;

	(void)state;
	spoken.reason = MQGATE_REASON_OPERATOR;
	by_hand.origin = MQGATE_ORIGIN_NONE;
	drop.action = MQGATE_ACTION_DROP;
	drop.reason = MQGATE_REASON_OPERATOR;
	put_verdict(pins(), "198.51.100.1", configured);
	put_verdict(pins(), "198.51.100.2", spoken);
	put_verdict(pins(), "198.51.100.3", by_hand);
	put_verdict(pins(), "192.0.2.77", drop);
	restart();
	assert_false(verdict_on("198.51.100.1", &v));
	assert_true(verdict_on("198.51.100.2", &v));
	assert_true(verdict_on("198.51.100.3", &v));
	/* An operator's ban of a configured source is the later word. */
	assert_true(verdict_on("192.0.2.77", &v));
	assert_int_equal(v.action, MQGATE_ACTION_DROP);
	assert_true(verdict_on("2001:db8:b::/64", &v));
	assert_int_equal(v.action, MQGATE_ACTION_PASS);
	assert_int_equal(v.origin, MQGATE_ORIGIN_OPERATOR);
	assert_int_equal(v.reason, MQGATE_REASON_NONE);
	assert_int_equal(v.expires, 0);
}

static void configured_allow_list_replaces_a_daemons_ban(void **state)
{
	const struct mqgate_verdict ban = { .action = MQGATE_ACTION_DROP,
					    .origin = MQGATE_ORIGIN_DAEMON,
					    .since = now, .expires = now + 60 * S, .strikes = 1 };
	struct mqgate_verdict v;

	(void)state;
	put_verdict(pins(), "192.0.2.77", ban);
	restart();
	assert_true(verdict_on("192.0.2.77", &v));
	assert_int_equal(v.action, MQGATE_ACTION_PASS);
}

static void replaced_maps_get_everything(void **state)
{
	struct mqgate_flow_key flow = flow_of("192.0.2.1", 1000);
	struct mqgate_service svc;
	struct mqgate_allow entry;
	struct mqgate_verdict v;
	uint64_t ticket;

	(void)state;
	assert_int_equal(mqg_judge_allowed(judge, &flow, 3, &ticket), 0);
	refuse("192.0.2.9", MQGATE_REASON_MQTT_NAME, 4);
	remove_maps();
	make_maps();
	mqg_judge_tick(judge);
	assert_true(verdict_on("192.0.2.9", &v));
	assert_true(verdict_on("192.0.2.77", &v));
	assert_true(allow_of(flow, &entry));
	assert_int_equal(mqg_service_read(pins(), 3, &svc), 0);
	assert_string_equal(svc.name, "tls");
}

static void maps_of_another_layout_are_refused_in_words(void **state)
{
	const char *error;
	char path[256];
	int fd;

	(void)state;
	remove_maps();
	assert_false(mqg_judge_pins_check(judge));
	error = mqg_judge_pins_error(judge);
	assert_non_null(error);
	assert_non_null(strstr(error, "mqgate attach"));
	make_maps();
	snprintf(path, sizeof(path), "%s/%s", dir, MQGATE_MAP_SOURCES);
	unlink(path);
	fd = bpf_map_create(BPF_MAP_TYPE_HASH, MQGATE_MAP_SOURCES, 16, 44, 16, NULL);
	assert_int_equal(bpf_obj_pin(fd, path), 0);
	close(fd);
	assert_false(mqg_judge_pins_check(judge));
	assert_non_null(strstr(mqg_judge_pins_error(judge), path));
	assert_null(mqg_judge_pins(judge));
}

/* ---- services ------------------------------------------------------------------------------ */

static void services_and_ports_say_what_the_configuration_says(void **state)
{
	struct mqgate_service svc;

	(void)state;
	assert_int_equal(mqg_port_read(pins(), 9883), 3);
	assert_int_equal(mqg_port_read(pins(), 9884), 4);
	assert_int_equal(mqg_port_read(pins(), 8883), MQGATE_SVC_UNPROTECTED);
	assert_int_equal(mqg_service_read(pins(), 3, &svc), 0);
	assert_string_equal(svc.name, "tls");
	assert_int_equal(svc.kind, MQGATE_KIND_MQTTS);
	assert_int_equal(svc.mode, MQGATE_MODE_OBSERVE);
	assert_int_equal(svc.allow_pps, 70);
	assert_int_equal(svc.allow_burst, 90);
	assert_int_equal(svc.lease, 0);
	assert_int_equal(mqg_service_read(pins(), 4, &svc), 0);
	assert_int_equal(svc.first_max, 4096);
	assert_int_equal(mqg_service_read(pins(), 1, &svc), 0);
	assert_string_equal(svc.name, "routed");
	assert_int_equal(svc.mode, MQGATE_MODE_ENFORCE);
	assert_int_equal(svc.flags, MQGATE_SVC_F_STRICT);
}

static void ports_of_an_earlier_configuration_are_reset(void **state)
{
	const struct mqgate_service old = { .name = "old", .kind = MQGATE_KIND_MQTT };
	uint32_t index, value;

	(void)state;
	assert_int_equal(mqg_port_write(pins(), 65535, 9), 0);
	assert_int_equal(mqg_port_write(pins(), 1, 9), 0);
	assert_int_equal(mqg_port_write(pins(), 5000, MQGATE_SVC_UNPROTECTED), 0);
	assert_int_equal(mqg_service_write(pins(), 9, &old), 0);
	restart();
	for (index = 1; index < 65536; index++) {
		assert_int_equal(bpf_map_lookup_elem(pins()->ports, &index, &value), 0);
		if (index != 9883 && index != 9884 && index != 1883 && index != 8883 && value)
			fail_msg("port %u still leads to %u", index, value);
	}
	struct mqgate_service svc;

	index = 9;
	assert_int_equal(bpf_map_lookup_elem(pins()->svc, &index, &svc), 0);
	assert_int_equal(svc.name[0], 0);
}

static void lease_of_a_closed_service_is_renewed(void **state)
{
	struct mqgate_service svc;

	(void)state;
	assert_int_equal(mqg_service_read(pins(), 1, &svc), 0);
	assert_int_equal(svc.lease, now + 5 * S);
	now += 3 * S;
	mqg_judge_tick(judge);
	assert_int_equal(mqg_service_read(pins(), 1, &svc), 0);
	assert_int_equal(svc.lease, now + 5 * S);
	assert_int_equal(svc.flags, MQGATE_SVC_F_STRICT);
}

/* ---- the operator --------------------------------------------------------------------------- */

static void expired_verdicts_are_reaped(void **state)
{
	const struct mqgate_verdict gone = { .action = MQGATE_ACTION_DROP,
					     .origin = MQGATE_ORIGIN_DAEMON, .expires = now + S };
	struct mqgate_verdict v = gone;

	(void)state;
	put_verdict(pins(), "198.51.100.1", gone);
	v.origin = MQGATE_ORIGIN_OPERATOR;
	put_verdict(pins(), "198.51.100.2", v);
	v.origin = MQGATE_ORIGIN_PEER;
	put_verdict(pins(), "198.51.100.3", v);
	v.origin = MQGATE_ORIGIN_DAEMON;
	v.expires = now + 100 * S;
	put_verdict(pins(), "198.51.100.4", v);
	v.expires = 0;
	put_verdict(pins(), "198.51.100.5", v);
	now += 20 * S;
	mqg_judge_tick(judge);
	assert_false(verdict_on("198.51.100.1", &v));
	assert_false(verdict_on("198.51.100.2", &v));
	assert_true(verdict_on("198.51.100.3", &v));
	assert_true(verdict_on("198.51.100.4", &v));
	assert_true(verdict_on("198.51.100.5", &v));
}

static void strikes_outlive_the_reaped_verdict(void **state)
{
	struct mqgate_verdict v;

	(void)state;
	refuse("192.0.2.1", MQGATE_REASON_MQTT_NAME, 4);
	now += 60 * S;
	mqg_judge_tick(judge);
	assert_false(verdict_on("192.0.2.1", &v));
	refuse("192.0.2.1", MQGATE_REASON_MQTT_NAME, 4);
	assert_true(verdict_on("192.0.2.1", &v));
	assert_int_equal(v.strikes, 2);
}

static void deleting_a_verdict_forgets_the_score(void **state)
{
	struct mqgate_source_key key = key_of("192.0.2.1");
	struct mqg_score_view view;
	struct mqgate_verdict v;

	(void)state;
	refuse("192.0.2.1", MQGATE_REASON_MQTT_NAME, 4);
	mqg_judge_why(judge, &key, &view, &v);
	assert_int_equal(v.action, MQGATE_ACTION_DROP);
	assert_int_equal(view.strikes, 1);
	assert_int_equal(mqg_judge_verdict_del(judge, &key), 0);
	mqg_judge_why(judge, &key, &view, &v);
	assert_int_equal(v.action, MQGATE_ACTION_NONE);
	assert_int_equal(view.strikes, 0);
	assert_true(view.points < 0.01);
	assert_int_equal(mqg_judge_verdict_del(judge, &key), -ENOENT);
}

static void why_finds_the_verdict_of_the_64(void **state)
{
	struct mqgate_source_key key = key_of("2001:db8:1::7");
	struct mqg_score_view view;
	struct mqgate_verdict v;

	(void)state;
	refuse("2001:db8:1::1", MQGATE_REASON_MQTT_NAME, 4);
	mqg_judge_why(judge, &key, &view, &v);
	assert_int_equal(v.action, MQGATE_ACTION_DROP);
	assert_true(view.points > 99);
	now += 31 * S;
	mqg_judge_why(judge, &key, &view, &v);
	assert_int_equal(v.action, MQGATE_ACTION_NONE);
}

static void configured_allow_list_cannot_be_deleted_or_flushed(void **state)
{
	struct mqgate_source_key key = key_of("192.0.2.77"), other = key_of("192.0.2.1");
	struct mqg_verdict_done done;
	struct mqgate_verdict v;

	(void)state;
	assert_int_equal(mqg_judge_verdict_del(judge, &key), -EBUSY);
	assert_int_equal(mqg_judge_verdict_add(judge, &other, MQGATE_ACTION_DROP, 0, &done), 0);
	assert_int_equal(mqg_judge_verdict_flush(judge, -1), 1);
	assert_true(verdict_on("192.0.2.77", &v));
	assert_false(verdict_on("192.0.2.1", &v));
	/* A ban over it can be taken back, and what the file says stands again. */
	assert_int_equal(mqg_judge_verdict_add(judge, &key, MQGATE_ACTION_DROP, 0, &done), 0);
	assert_true(done.replaced);
	assert_int_equal(mqg_judge_verdict_del(judge, &key), 0);
	assert_true(verdict_on("192.0.2.77", &v));
	assert_int_equal(v.action, MQGATE_ACTION_PASS);
}

static void flush_takes_only_its_origin(void **state)
{
	struct mqgate_source_key key = key_of("192.0.2.1");
	struct mqg_verdict_done done;
	struct mqgate_verdict v;

	(void)state;
	assert_int_equal(mqg_judge_verdict_add(judge, &key, MQGATE_ACTION_DROP, 0, &done), 0);
	refuse("192.0.2.2", MQGATE_REASON_MQTT_NAME, 4);
	assert_int_equal(mqg_judge_verdict_flush(judge, MQGATE_ORIGIN_DAEMON), 1);
	assert_true(verdict_on("192.0.2.1", &v));
	assert_false(verdict_on("192.0.2.2", &v));
}

static void no_maps_no_verdicts(void **state)
{
	struct mqgate_source_key key = key_of("192.0.2.1");
	struct mqg_verdict_done done;

	(void)state;
	remove_maps();
	assert_false(mqg_judge_pins_check(judge));
	assert_int_equal(mqg_judge_verdict_add(judge, &key, MQGATE_ACTION_DROP, 0, &done), -ENOENT);
	assert_int_equal(mqg_judge_verdict_del(judge, &key), -ENOENT);
	assert_int_equal(mqg_judge_verdict_flush(judge, -1), -ENOENT);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

static const struct CMUnitTest tests[] = {
	TEST(evidence_past_the_threshold_bans),
	TEST(second_ban_is_twice_as_long),
	TEST(ipv6_is_scored_and_banned_by_64),
	TEST(allow_list_is_never_banned),
	TEST(an_allowed_address_does_not_ban_its_64),
	TEST(a_source_with_a_live_flow_is_spared_until_it_closes),
	TEST(score_does_not_touch_an_operators_verdict),
	TEST(full_map_fails_towards_passing_and_is_counted),
	TEST(bans_without_maps_come_into_force_with_them),
	TEST(authenticated_flow_is_allowed_until_it_closes),
	TEST(refresh_extends_and_keeps_what_xdp_wrote),
	TEST(refresh_reaches_every_flow),
	TEST(flow_without_maps_is_allowed_when_they_appear),
	TEST(operators_ban_takes_allow_and_keeps_it_away),
	TEST(operators_ban_of_a_64_covers_its_addresses),
	TEST(a_restart_keeps_bans_and_their_strikes),
	TEST(a_restart_removes_flows_that_have_no_socket),
	TEST(a_restart_keeps_only_what_has_a_right_to_stay),
	TEST(configured_allow_list_replaces_a_daemons_ban),
	TEST(replaced_maps_get_everything),
	TEST(maps_of_another_layout_are_refused_in_words),
	TEST(services_and_ports_say_what_the_configuration_says),
	TEST(ports_of_an_earlier_configuration_are_reset),
	TEST(lease_of_a_closed_service_is_renewed),
	TEST(expired_verdicts_are_reaped),
	TEST(strikes_outlive_the_reaped_verdict),
	TEST(deleting_a_verdict_forgets_the_score),
	TEST(why_finds_the_verdict_of_the_64),
	TEST(configured_allow_list_cannot_be_deleted_or_flushed),
	TEST(flush_takes_only_its_origin),
	TEST(no_maps_no_verdicts),
};

int main(void)
{
	struct statfs fs;
	char path[256];
	int failed;

	if (geteuid() || statfs("/sys/fs/bpf", &fs) || fs.f_type != BPF_FS_MAGIC) {
		printf("1..0 # SKIP needs root and a BPF file system on /sys/fs/bpf\n");
		return 4;
	}
	snprintf(dir, sizeof(dir), "/sys/fs/bpf/mqgate-test-%d", getpid());
	snprintf(run, sizeof(run), "/tmp/mqgate-judge-test.%d", getpid());
	if (mkdir(dir, 0700) || mkdir(run, 0700)) {
		perror("# mkdir");
		return 1;
	}
	setenv("MQGATE_BPFFS", dir, 1);
	setenv("MQGATE_RUN", run, 1);
	failed = cmocka_run_group_tests_name("judge", tests, NULL, NULL);
	remove_maps();
	rmdir(dir);
	snprintf(path, sizeof(path), "%s/events.lock", run);
	unlink(path);
	rmdir(run);
	return failed ? 1 : 0;
}
