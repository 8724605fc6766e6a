/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the judge does with maps that it finds, and what an operator asks of it, against real maps:
 * adoption after a restart, services and ports, reaping, verdicts.
 */
#include "judge_stage.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>

static void put_verdict(const struct mqg_pins *p, const char *text, struct mqgate_verdict v)
{
	struct mqgate_source_key key = key_of(text);

	assert_int_equal(mqg_verdict_put(p, &key, &v), 0);
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
	assert_int_equal(mqg_judge_allowed(judge, &flow, 3, IDENTITY, NULL, &ticket), 0);
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
	assert_int_equal(mqg_judge_allowed(judge, &flow, 3, IDENTITY, NULL, &ticket), 0);
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
	assert_int_equal(svc.flags, MQGATE_SVC_F_LOCAL | MQGATE_SVC_F_COOKIES);
	assert_int_equal(svc.allow_pps, 70);
	assert_int_equal(svc.allow_burst, 90);
	assert_int_equal(svc.lease, 0);
	assert_int_equal(mqg_service_read(pins(), 4, &svc), 0);
	assert_int_equal(svc.first_max, 4096);
	assert_int_equal(mqg_service_read(pins(), 1, &svc), 0);
	assert_string_equal(svc.name, "routed");
	assert_int_equal(svc.mode, MQGATE_MODE_ENFORCE);
	assert_int_equal(svc.flags, MQGATE_SVC_F_STRICT);
	assert_int_equal(svc.destinations, 0);
	assert_int_equal(mqg_port_read(pins(), MQGATE_PORTS_UDP(5683)), 5);
	assert_int_equal(mqg_port_read(pins(), MQGATE_PORTS_TCP(5683)), 0);
	assert_int_equal(mqg_port_read(pins(), MQGATE_PORTS_UDP(1883)), 0);
	assert_int_equal(mqg_service_read(pins(), 5, &svc), 0);
	assert_int_equal(svc.kind, MQGATE_KIND_COAP);
	assert_int_equal(svc.flags, MQGATE_SVC_F_FRAGMENTS);
	assert_int_equal(svc.destinations, 1);
	assert_int_equal(svc.destination[0].addr[0], 0x20);
	assert_int_equal(svc.destination[0].mask[1], 0xff);
}

static void ports_of_an_earlier_configuration_are_reset(void **state)
{
	const struct mqgate_service old = { .name = "old", .kind = MQGATE_KIND_MQTT };
	uint32_t index, value;

	(void)state;
	assert_int_equal(mqg_port_write(pins(), 65535, 9), 0);
	assert_int_equal(mqg_port_write(pins(), 1, 9), 0);
	assert_int_equal(mqg_port_write(pins(), 5000, MQGATE_SVC_UNPROTECTED), 0);
	assert_int_equal(mqg_port_write(pins(), MQGATE_PORTS_UDP(5000), 9), 0);
	assert_int_equal(mqg_service_write(pins(), 9, &old), 0);
	restart();
	for (index = 1; index < MQGATE_PORTS_ENTRIES; index++) {
		assert_int_equal(bpf_map_lookup_elem(pins()->ports, &index, &value), 0);
		if (index != 9883 && index != 9884 && index != 1883 && index != 8883 &&
		    index != MQGATE_PORTS_UDP(5683) && value)
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
	work();
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
	work();
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
	struct mqg_net net;

	(void)state;
	refuse("192.0.2.1", MQGATE_REASON_MQTT_NAME, 4);
	mqg_judge_why(judge, &key, &view, &net, &v);
	assert_int_equal(v.action, MQGATE_ACTION_DROP);
	assert_int_equal(view.strikes, 1);
	assert_int_equal(unsay(&key), 0);
	mqg_judge_why(judge, &key, &view, &net, &v);
	assert_int_equal(v.action, MQGATE_ACTION_NONE);
	assert_int_equal(view.strikes, 0);
	assert_true(view.points < 0.01);
	assert_int_equal(unsay(&key), -ENOENT);
}

static void why_finds_the_verdict_of_the_64(void **state)
{
	struct mqgate_source_key key = key_of("2001:db8:1::7");
	struct mqg_score_view view;
	struct mqgate_verdict v;
	struct mqg_net net;

	(void)state;
	refuse("2001:db8:1::1", MQGATE_REASON_MQTT_NAME, 4);
	mqg_judge_why(judge, &key, &view, &net, &v);
	assert_int_equal(v.action, MQGATE_ACTION_DROP);
	assert_true(view.points > 99);
	now += 31 * S;
	mqg_judge_why(judge, &key, &view, &net, &v);
	assert_int_equal(v.action, MQGATE_ACTION_NONE);
}

static void configured_allow_list_cannot_be_deleted_or_flushed(void **state)
{
	struct mqgate_source_key key = key_of("192.0.2.77"), other = key_of("192.0.2.1");
	struct mqg_verdict_done done;
	struct mqgate_verdict v;

	(void)state;
	assert_int_equal(unsay(&key), -EBUSY);
	assert_int_equal(say(&other, MQGATE_ACTION_DROP, 0, &done), 0);
	assert_int_equal(mqg_judge_verdict_flush(judge, MQG_EVERYBODYS, &done), 1);
	assert_true(verdict_on("192.0.2.77", &v));
	assert_false(verdict_on("192.0.2.1", &v));
	/* A ban over it can be taken back, and what the file says stands again. */
	assert_int_equal(say(&key, MQGATE_ACTION_DROP, 0, &done), 0);
	assert_true(done.replaced);
	assert_int_equal(unsay(&key), 0);
	assert_true(verdict_on("192.0.2.77", &v));
	assert_int_equal(v.action, MQGATE_ACTION_PASS);
}

static void flush_takes_only_its_origin(void **state)
{
	struct mqgate_source_key key = key_of("192.0.2.1");
	struct mqg_verdict_done done;
	struct mqgate_verdict v;

	(void)state;
	assert_int_equal(say(&key, MQGATE_ACTION_DROP, 0, &done), 0);
	refuse("192.0.2.2", MQGATE_REASON_MQTT_NAME, 4);
	assert_int_equal(mqg_judge_verdict_flush(judge, MQG_DAEMONS, &done), 1);
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
	assert_int_equal(say(&key, MQGATE_ACTION_DROP, 0, &done), -ENOENT);
	assert_int_equal(unsay(&key), -ENOENT);
	assert_int_equal(mqg_judge_verdict_flush(judge, MQG_EVERYBODYS, &done), -ENOENT);
}

static const struct CMUnitTest tests[] = {
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
	int failed = stage_open();

	if (failed)
		return failed;
	failed = cmocka_run_group_tests_name("adopt", tests, NULL, NULL);
	stage_close();
	return failed ? 1 : 0;
}
