/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the kernel module's word does in the judge, against real maps: flows that it vouches for or
 * refuses, violations as evidence, the clients of the daemon's own listeners, and the services that
 * it is given.
 */
#include "judge_stage.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/bpf.h>

#include "module/bindings.h"
#include "module/offences.h"
#include "module/services.h"

static bool flow_is(struct mqgate_flow_key key, struct mqgate_flow *flow)
{
	return !bpf_map_lookup_elem(pins()->flows, &key, flow);
}

/* ---- the judge ---------------------------------------------------------------------------- */

static void a_vouched_flow_is_allowed_for_nobody(void **state)
{
	struct mqgate_flow_key flow = flow_of("192.0.2.1", 1000);
	struct mqgate_allow entry;
	uint64_t ticket;

	(void)state;
	assert_int_equal(mqg_judge_vouched(judge, &flow, 1, &ticket), 0);
	assert_true(allow_of(flow, &entry));
	assert_int_equal(entry.identity, 0);
	assert_int_equal(entry.service, 1);
	mqg_judge_closed(judge, ticket);
	assert_false(allow_of(flow, &entry));
}

static void a_new_daemon_keeps_the_allow_of_who_is_vouched_for(void **state)
{
	struct mqgate_flow_key lives = flow_of("192.0.2.1", 1000);
	struct mqgate_flow_key dies = flow_of("192.0.2.1", 1001);
	struct mqgate_allow entry, kept;
	uint64_t ticket;

	(void)state;
	mqg_judge_vouched(judge, &lives, 1, &ticket);
	mqg_judge_vouched(judge, &dies, 1, &ticket);
	assert_true(allow_of(lives, &entry));
	entry.packets = 77;
	assert_int_equal(mqg_allow_put(pins(), &lives, &entry), 0);
	mqg_judge_free(judge);
	start();
	assert_int_equal(mqg_judge_vouched(judge, &lives, 1, &ticket), -ENOENT);
	assert_true(mqg_judge_pins_check(judge));
	assert_true(allow_of(lives, &kept));
	/* Never taken away: what XDP counted is still there. */
	assert_int_equal(kept.packets, 77);
	assert_false(allow_of(dies, &entry));
}

static void a_refused_flow_stays_refused(void **state)
{
	struct mqgate_flow_key flow = flow_of("192.0.2.1", 1000);
	struct mqgate_source_key source = key_of("192.0.2.1");
	struct mqg_verdict_done done;
	struct mqgate_allow entry;
	struct mqgate_flow seen;
	uint64_t ticket;

	(void)state;
	assert_int_equal(mqg_judge_allowed(judge, &flow, 3, IDENTITY, NULL, &ticket), 0);
	mqg_judge_flow_refused(judge, &flow, ticket, MQGATE_REASON_OPERATOR);
	assert_false(allow_of(flow, &entry));
	assert_true(flow_is(flow, &seen));
	assert_int_equal(seen.state, MQGATE_FLOW_REFUSED);
	assert_int_equal(seen.reason, MQGATE_REASON_OPERATOR);
	assert_int_equal(seen.since, now);
	/* Neither the refresh nor the end of an operator's ban brings it back. */
	now += 60 * S;
	mqg_judge_tick(judge);
	assert_false(allow_of(flow, &entry));
	assert_int_equal(say(&source, MQGATE_ACTION_DROP, 0, &done), 0);
	assert_int_equal(unsay(&source), 0);
	assert_false(allow_of(flow, &entry));
	mqg_judge_closed(judge, ticket);
	assert_int_equal(counts().flows, 0);
}

static void a_refused_flow_speaks_for_its_source_no_more(void **state)
{
	struct mqgate_flow_key flow = flow_of("192.0.2.1", 1000);
	struct mqgate_flow_key other = flow_of("192.0.2.2", 1000);
	struct mqgate_verdict verdict;
	uint64_t ticket, kept;

	(void)state;
	mqg_judge_vouched(judge, &flow, 1, &ticket);
	mqg_judge_vouched(judge, &other, 1, &kept);
	mqg_judge_flow_refused(judge, &flow, ticket, MQGATE_REASON_MQTT_TYPE);
	mqg_judge_flow_refused(judge, &flow, ticket, MQGATE_REASON_MQTT_TYPE);
	refuse("192.0.2.1", MQGATE_REASON_MQTT_NAME, 4);
	refuse("192.0.2.2", MQGATE_REASON_MQTT_NAME, 4);
	assert_true(verdict_on("192.0.2.1", &verdict));
	assert_int_equal(verdict.action, MQGATE_ACTION_DROP);
	/* This one still has somebody to speak for it. */
	assert_true(verdict_on("192.0.2.2", &verdict));
	assert_int_equal(verdict.action, MQGATE_ACTION_LIMIT);
	mqg_judge_closed(judge, ticket);
	mqg_judge_closed(judge, kept);
	refuse("192.0.2.2", MQGATE_REASON_MQTT_NAME, 4);
	assert_true(verdict_on("192.0.2.2", &verdict));
	assert_int_equal(verdict.action, MQGATE_ACTION_DROP);
}

/* ---- offences ----------------------------------------------------------------------------- */

static struct mqg_broker broker = { .name = (char *)"b" };
static struct mqg_listener listener = { .name = (char *)"own", .kind = MQGATE_KIND_MQTT,
					.service = 4, .broker = &broker };
static struct mqg_service services[] = {
	{ .name = (char *)"mine", .port = 8883, .number = MQGATE_SVC_UNPROTECTED },
	{ .name = (char *)"more", .port = 3883, .kind = MQGATE_KIND_MQTTS, .number = 5,
	  .mode = MQGATE_MODE_OBSERVE },
};
static struct mqg_config config = { .listeners = &listener, .n_listeners = 1,
				    .services = services, .n_services = 2, .mark = 7 };

static void prepare(void)
{
	struct sockaddr_in *sin = (struct sockaddr_in *)&listener.address.addr;

	sin->sin_family = AF_INET;
	sin->sin_port = htons(9883);
	config.module.enforce = -1;
}

static struct mqg_module_event offence(uint16_t port, uint32_t flags)
{
	struct mqg_module_event event = {
		.what = "violation",
		.reason = MQGATE_REASON_MQTT_DIRECTION,
		.direction = MQGATE_FROM_CLIENT,
		.client = { .flow = flow_of("192.0.2.9", port), .flags = flags, .service = 1,
			    .phase = MQGATE_PHASE_CONNECTED, .id_length = 4, .id = "id-9" },
	};

	return event;
}

static int points(void)
{
	struct mqgate_source_key key = key_of("192.0.2.9");
	struct mqgate_verdict verdict;
	struct mqg_score_view seen;
	struct mqg_net net;

	mqg_judge_why(judge, &key, &seen, &net, &verdict);
	/* Stored as a logarithm: not to the last digit. */
	return (int)(seen.points + 0.5);
}

static void violations_weigh_once_and_only_against_who_did_it(void **state)
{
	struct mqg_offences *offences;
	struct mqg_module_event event;
	struct mqgate_flow flow;

	(void)state;
	prepare();
	offences = mqg_offences_alloc(&config, judge);
	assert_non_null(offences);
	event = offence(1, 0);
	mqg_offences_event(offences, &event, 0, now);
	assert_int_equal(points(), 25);
	assert_false(flow_is(event.client.flow, &flow));
	assert_int_equal(mqg_judge_refused_read(judge, 1, MQGATE_REASON_MQTT_DIRECTION), 0);

	event.dropped = true;
	mqg_offences_event(offences, &event, 0, now);
	assert_int_equal(points(), 50);
	assert_true(flow_is(event.client.flow, &flow));
	assert_int_equal(flow.reason, MQGATE_REASON_MQTT_DIRECTION);
	assert_int_equal(mqg_judge_refused_read(judge, 1, MQGATE_REASON_MQTT_DIRECTION), 1);

	/* The broker's fault: the flow ends, the client is not blamed. */
	event = offence(2, 0);
	event.dropped = true;
	event.direction = MQGATE_FROM_SERVER;
	mqg_offences_event(offences, &event, 0, now);
	assert_int_equal(points(), 50);
	assert_true(flow_is(event.client.flow, &flow));

	assert_int_equal(offences->count[1][1][MQGATE_REASON_MQTT_DIRECTION], 2);
	assert_int_equal(offences->count[0][1][MQGATE_REASON_MQTT_DIRECTION], 1);
	assert_string_equal(mqg_refusals_back(&offences->latest, 2)->client_id, "id-9");
	free(offences);
}

static void what_the_proxy_judges_too_is_not_counted_twice(void **state)
{
	struct mqg_offences *offences;
	struct mqg_module_event event;

	(void)state;
	prepare();
	offences = mqg_offences_alloc(&config, judge);
	event = offence(1, MQGATE_CLIENT_F_LOCAL);
	event.client.phase = MQGATE_PHASE_CONNECT;
	mqg_offences_event(offences, &event, 0, now);
	assert_int_equal(points(), 0);
	/* After the CONNACK the proxy looks at nothing any more. */
	event.client.phase = MQGATE_PHASE_CONNECTED;
	mqg_offences_event(offences, &event, 0, now);
	assert_int_equal(points(), 25);
	/* On a port of this host that is not the proxy's, nobody else judges. */
	event.client.phase = MQGATE_PHASE_CONNECT;
	event.client.flow.dport = 1883;
	mqg_offences_event(offences, &event, 0, now);
	assert_int_equal(points(), 50);
	free(offences);
}

static void a_kill_is_no_evidence_and_a_brokers_no_is_its_own_reason(void **state)
{
	struct mqg_offences *offences;
	struct mqg_module_event event;
	struct mqgate_flow flow;

	(void)state;
	prepare();
	offences = mqg_offences_alloc(&config, judge);
	event = offence(1, MQGATE_CLIENT_F_KILLED);
	event.what = "phase";
	event.client.phase = MQGATE_PHASE_REFUSED;
	event.client.reason = MQGATE_REASON_OPERATOR;
	mqg_offences_event(offences, &event, 0, now);
	assert_true(flow_is(event.client.flow, &flow));
	assert_int_equal(flow.reason, MQGATE_REASON_OPERATOR);
	assert_int_equal(points(), 0);

	event = offence(2, 0);
	event.what = "phase";
	event.client.phase = MQGATE_PHASE_REFUSED;
	event.client.reason = MQGATE_REASON_BROKER_REFUSED;
	mqg_offences_event(offences, &event, 0, now);
	assert_false(flow_is(event.client.flow, &flow));
	assert_int_equal(mqg_judge_refused_read(judge, 1, MQGATE_REASON_BROKER_REFUSED), 1);

	/* Refused while nobody listened: a dump tells it. */
	event = offence(3, MQGATE_CLIENT_F_KILLED);
	mqg_offences_client(offences, &event.client, 0);
	assert_false(flow_is(event.client.flow, &flow));
	event.client.phase = MQGATE_PHASE_REFUSED;
	mqg_offences_client(offences, &event.client, 0);
	assert_true(flow_is(event.client.flow, &flow));
	free(offences);
}

static void a_source_over_a_limit_weighs_by_each(void **state)
{
	struct mqg_module_source source = { .prefix = 128 };
	struct mqg_offences *offences;
	struct mqgate_source_key key = key_of("192.0.2.9");

	(void)state;
	prepare();
	offences = mqg_offences_alloc(&config, judge);
	memcpy(source.addr, key.addr, sizeof(source.addr));
	source.over = MQGATE_SOURCE_OVER_SESSIONS;
	mqg_offences_source(offences, &source);
	assert_int_equal(points(), 10);
	source.over = MQGATE_SOURCE_OVER_SESSIONS | MQGATE_SOURCE_OVER_RATE;
	mqg_offences_source(offences, &source);
	assert_int_equal(points(), 30);
	free(offences);
}

static void forged_segments_are_no_evidence(void **state)
{
	static const enum mqgate_reason reasons[] = {
		MQGATE_REASON_TCP_URGENT, MQGATE_REASON_STREAM_OVERLAP,
		MQGATE_REASON_STREAM_WINDOW, MQGATE_REASON_STREAM_MEMORY,
		MQGATE_REASON_STREAM_UNSEEN, MQGATE_REASON_STREAM_FIN,
		MQGATE_REASON_RST_SEQUENCE,
	};
	struct mqg_offences *offences;
	struct mqg_module_event event;

	(void)state;
	prepare();
	offences = mqg_offences_alloc(&config, judge);
	for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++) {
		event = offence(1, 0);
		event.reason = reasons[i];
		event.dropped = true;
		mqg_offences_event(offences, &event, 0, now);
	}
	assert_int_equal(points(), 0);
	free(offences);
}

/* ---- bindings ----------------------------------------------------------------------------- */

static unsigned int n_bound;
static uint32_t last_identity;

static void bound(const struct mqg_bound *one, void *arg)
{
	(void)arg;
	n_bound++;
	last_identity = one->identity;
}

static unsigned int n_over;

static void over(const struct mqg_bound *one, void *arg)
{
	(void)arg;
	n_over++;
	last_identity = one->identity;
}

static void who_was_ended_is_told_once_his_session_is_closed(void **state)
{
	const struct mqg_refusal why = { .reason = MQGATE_REASON_REVOKED, .service = 3 };
	struct mqg_bindings *bindings = mqg_bindings_alloc();
	struct mqgate_flow_key flow = flow_of("192.0.2.1", 1000);
	struct mqgate_flow_key other = flow_of("192.0.2.1", 1001);
	uint64_t first, second;

	(void)state;
	n_over = 0;
	mqg_judge_flows_watch(judge, mqg_bindings_note, bindings);
	mqg_judge_allowed(judge, &flow, 3, IDENTITY, NULL, &first);
	mqg_judge_allowed(judge, &other, 3, IDENTITY + 1, NULL, &second);
	mqg_judge_ended(judge, &why, first);
	mqg_bindings_take(bindings, bound, over, NULL);
	assert_int_equal(n_over, 0);
	mqg_judge_closed(judge, second);
	mqg_bindings_take(bindings, bound, over, NULL);
	assert_int_equal(n_over, 0);
	mqg_judge_closed(judge, first);
	mqg_bindings_take(bindings, bound, over, NULL);
	assert_int_equal(n_over, 1);
	assert_int_equal(last_identity, IDENTITY);
	assert_int_equal(mqg_bindings_count(bindings), 0);
	mqg_judge_flows_watch(judge, NULL, NULL);
	mqg_bindings_free(bindings);
}

static void clients_of_the_listeners_are_known_by_their_flow(void **state)
{
	struct mqg_bindings *bindings = mqg_bindings_alloc();
	struct mqgate_flow_key flow = flow_of("192.0.2.1", 1000);
	struct mqgate_flow_key routed = flow_of("192.0.2.1", 1001);
	struct mqg_said said = { .id = (const uint8_t *)"pump", .id_length = 4, .level = 4 };
	uint64_t first, second, vouched;
	const struct mqg_bound *found;

	(void)state;
	assert_non_null(bindings);
	n_bound = 0;
	mqg_judge_flows_watch(judge, mqg_bindings_note, bindings);
	mqg_judge_allowed(judge, &flow, 3, IDENTITY, &said, &first);
	mqg_judge_vouched(judge, &routed, 1, &vouched);
	assert_null(mqg_bindings_find(bindings, &flow));
	mqg_bindings_take(bindings, bound, over, NULL);
	assert_int_equal(n_bound, 1);
	assert_int_equal(last_identity, IDENTITY);
	found = mqg_bindings_find(bindings, &flow);
	assert_non_null(found);
	assert_true(found->ticket == first && found->identity == IDENTITY);
	assert_memory_equal(found->said.id, "pump", 4);
	assert_true(found->said.id != said.id);
	assert_int_equal(found->said.level, 4);
	assert_null(mqg_bindings_find(bindings, &routed));

	/* The same ports again, before the end of the first session is told. */
	mqg_judge_allowed(judge, &flow, 3, IDENTITY + 1, NULL, &second);
	mqg_judge_closed(judge, first);
	mqg_judge_closed(judge, vouched);
	mqg_bindings_take(bindings, bound, over, NULL);
	found = mqg_bindings_find(bindings, &flow);
	assert_non_null(found);
	assert_true(found->ticket == second && found->identity == IDENTITY + 1);
	assert_null(found->said.id);
	mqg_judge_closed(judge, second);
	mqg_bindings_take(bindings, bound, over, NULL);
	assert_int_equal(mqg_bindings_count(bindings), 0);
	mqg_judge_allowed(judge, &flow, 3, IDENTITY, NULL, &first);
	mqg_judge_flows_watch(judge, NULL, NULL);
	mqg_bindings_free(bindings);
}

/* ---- services ----------------------------------------------------------------------------- */

static bool has(const struct mqg_module_settings *settings, uint16_t port, uint8_t number,
		enum mqgate_kind kind, bool observe)
{
	for (size_t i = 0; i < settings->n_services; i++) {
		const struct mqg_module_service *s = &settings->services[i];

		if (s->port == port)
			return s->number == number && s->kind == kind && s->observe == observe;
	}
	return false;
}

static void the_module_gets_what_xdp_guards(void **state)
{
	struct mqg_module_settings settings;

	(void)state;
	prepare();
	mqg_module_services(&config, &settings);
	assert_int_equal(settings.mark, 7);
	assert_int_equal(settings.enforce, -1);
	assert_int_equal(settings.n_services, 3);
	assert_true(has(&settings, 9883, 4, MQGATE_KIND_MQTT, false));
	assert_true(has(&settings, 3883, 5, MQGATE_KIND_MQTTS, true));
	/* Of the standard ports the one that nobody mentions. */
	assert_true(has(&settings, 1883, 1, MQGATE_KIND_MQTT, false));
	config.module.enforce = 1;
	mqg_module_services(&config, &settings);
	assert_int_equal(settings.enforce, 1);
}

static const struct CMUnitTest tests[] = {
	TEST(a_vouched_flow_is_allowed_for_nobody),
	TEST(a_new_daemon_keeps_the_allow_of_who_is_vouched_for),
	TEST(a_refused_flow_stays_refused),
	TEST(a_refused_flow_speaks_for_its_source_no_more),
	TEST(violations_weigh_once_and_only_against_who_did_it),
	TEST(what_the_proxy_judges_too_is_not_counted_twice),
	TEST(a_kill_is_no_evidence_and_a_brokers_no_is_its_own_reason),
	TEST(a_source_over_a_limit_weighs_by_each),
	TEST(forged_segments_are_no_evidence),
	TEST(clients_of_the_listeners_are_known_by_their_flow),
	TEST(who_was_ended_is_told_once_his_session_is_closed),
	TEST(the_module_gets_what_xdp_guards),
};

int main(void)
{
	int failed = stage_open();

	if (failed)
		return failed;
	failed = cmocka_run_group_tests_name("module", tests, NULL, NULL);
	stage_close();
	return failed ? 1 : 0;
}
