// SPDX-License-Identifier: BSD-2-Clause
/* Taps: queues between two threads, filters, what of a message leaves, and how many of them. */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <jansson.h>

#include "config/tap.h"
#include "tap/filter.h"
#include "tap/line.h"
#include "tap/ring.h"
#include "tap/tap.h"

/* ---- queues ------------------------------------------------------------------------------ */

static void a_full_queue_takes_nothing_and_loses_nothing(void **state)
{
	struct mqg_ring ring;
	unsigned int put = 0, got = 0;
	size_t len;

	(void)state;
	assert_int_equal(0, mqg_ring_init(&ring, 4096));
	assert_null(mqg_ring_peek(&ring, &len));
	assert_null(mqg_ring_reserve(&ring, 5000));
	for (int round = 0; round < 1000; round++) {
		unsigned int *p;

		while ((p = mqg_ring_reserve(&ring, 4 + put % 300))) {
			*p = put;
			mqg_ring_commit(&ring, 4 + put++ % 300);
			assert_true(put - got <= 4096 / 16);
		}
		assert_true(put > got);
		for (int i = 0; i < 1 + round % 7; i++) {
			const unsigned int *there = mqg_ring_peek(&ring, &len);

			if (!there)
				break;
			assert_int_equal(got, *there);
			assert_int_equal(4 + got++ % 300, len);
			mqg_ring_release(&ring);
		}
	}
	while (mqg_ring_peek(&ring, &len)) {
		got++;
		mqg_ring_release(&ring);
	}
	assert_int_equal(put, got);
	mqg_ring_exit(&ring);
}

#define CROSSING 200000U

static void *put_all(void *arg)
{
	for (unsigned int i = 0; i < CROSSING;) {
		unsigned int *p = mqg_ring_reserve(arg, 8 + i % 100);

		if (!p)
			continue;
		p[0] = p[1] = i;
		mqg_ring_commit(arg, 8 + i++ % 100);
	}
	return NULL;
}

static void two_threads_need_no_lock(void **state)
{
	struct mqg_ring ring;
	pthread_t thread;
	size_t len;

	(void)state;
	assert_int_equal(0, mqg_ring_init(&ring, 4096));
	assert_int_equal(0, pthread_create(&thread, NULL, put_all, &ring));
	for (unsigned int i = 0; i < CROSSING;) {
		const unsigned int *p = mqg_ring_peek(&ring, &len);

		if (!p)
			continue;
		assert_int_equal(i, p[0]);
		assert_int_equal(i, p[1]);
		assert_int_equal(8 + i++ % 100, len);
		mqg_ring_release(&ring);
	}
	pthread_join(thread, NULL);
	mqg_ring_exit(&ring);
}

/* ---- filters ----------------------------------------------------------------------------- */

static bool matches(const char *filter, const char *topic)
{
	return mqg_filter_matches(filter, (const uint8_t *)topic, strlen(topic));
}

static void filters_mean_what_mqtt_says(void **state)
{
	(void)state;
	assert_true(matches("a/b", "a/b"));
	assert_false(matches("a/b", "a/bc"));
	assert_false(matches("a/bc", "a/b"));
	assert_false(matches("a/b", "a/b/c"));
	assert_false(matches("a/b/c", "a/b"));
	assert_true(matches("a/+/c", "a/b/c"));
	assert_true(matches("a/+/c", "a//c"));
	assert_false(matches("a/+/c", "a/b/d"));
	assert_false(matches("a/+", "a/b/c"));
	assert_true(matches("+", "a"));
	assert_false(matches("+", "/a"));
	assert_true(matches("+/+", "/a"));
	assert_true(matches("+/+", "a/"));
	assert_true(matches("#", "a/b/c"));
	assert_true(matches("a/#", "a/b/c"));
	assert_true(matches("a/#", "a"));
	assert_true(matches("a/+/#", "a/b"));
	assert_false(matches("a/#", "ab"));
	assert_false(matches("#", "$SYS/uptime"));
	assert_false(matches("+/uptime", "$SYS/uptime"));
	assert_true(matches("$SYS/#", "$SYS/uptime"));
}

/* ---- lines ------------------------------------------------------------------------------- */

static char hidden_serial[] = "serial", hidden_gps[] = "gps";
static char *hidden[] = { hidden_serial, hidden_gps };

/* Of a message from dev-1 on devices/dev-1/t. */
static json_t *line_of(const struct mqg_tap_config *tap, const char *payload, size_t cut_to)
{
	static const char texts[] = "tls" "dev-1" "dev-1" "devices/dev-1/t";
	struct {
		struct mqg_tap_record	head;
		char			bytes[512];
	} r = { .head = { .time = 1764000000123456789ULL, .listener_len = 3, .identity_len = 5,
			  .client_id_len = 5, .topic_len = 15, .qos = 1, .up = true } };
	json_t *json;
	char *line;

	r.head.payload_len = (uint32_t)strlen(payload);
	r.head.payload_here = cut_to ? (uint32_t)cut_to : r.head.payload_len;
	snprintf(r.bytes, sizeof(r.bytes), "%s%s", texts, payload);
	line = mqg_tap_line(tap, &r.head);
	assert_non_null(line);
	assert_null(strchr(line, '\n'));
	json = json_loads(line, 0, NULL);
	assert_non_null(json);
	free(line);
	return json;
}

static const char *word(const json_t *line, const char *key)
{
	return json_string_value(json_object_get(line, key));
}

static void metadata_says_who_what_and_when(void **state)
{
	char name[] = "t";
	struct mqg_tap_config tap = { .name = name };
	json_t *line = line_of(&tap, "secret", 0);

	(void)state;
	assert_string_equal("2025-11-24T16:00:00.123456Z", word(line, "time"));
	assert_string_equal("t", word(line, "tap"));
	assert_string_equal("tls", word(line, "listener"));
	assert_string_equal("up", word(line, "direction"));
	assert_string_equal("dev-1", word(line, "identity"));
	assert_string_equal("devices/dev-1/t", word(line, "topic"));
	assert_int_equal(1, json_integer_value(json_object_get(line, "qos")));
	assert_int_equal(6, json_integer_value(json_object_get(line, "size")));
	assert_null(json_object_get(line, "text"));
	json_decref(line);
}

static void payloads_leave_as_what_they_are(void **state)
{
	char name[] = "t";
	struct mqg_tap_config tap = { .name = name, .payload = true };
	json_t *line = line_of(&tap, "{\"a\":[1,2]}", 0);

	(void)state;
	assert_int_equal(2, json_array_size(json_object_get(json_object_get(line, "json"), "a")));
	json_decref(line);
	line = line_of(&tap, "21 degrees", 0);
	assert_string_equal("21 degrees", word(line, "text"));
	json_decref(line);
	line = line_of(&tap, "\xff\xfe", 0);
	assert_string_equal("//4=", word(line, "base64"));
	json_decref(line);
	line = line_of(&tap, "21 degrees", 4);
	assert_string_equal("21 d", word(line, "text"));
	assert_true(json_is_true(json_object_get(line, "cut")));
	json_decref(line);
}

static void what_is_redacted_does_not_leave(void **state)
{
	char name[] = "t";
	struct mqg_tap_config tap = { .name = name, .payload = true, .redact = hidden,
				      .n_redact = 2 };
	json_t *line = line_of(&tap, "{\"v\":1,\"serial\":\"S77\",\"a\":[{\"gps\":{\"x\":5}}]}", 0);
	char *text = json_dumps(line, 0);

	(void)state;
	assert_null(strstr(text, "S77"));
	assert_null(strstr(text, "\"x\""));
	assert_int_equal(1, json_integer_value(json_object_get(json_object_get(line, "json"),
							       "v")));
	free(text);
	json_decref(line);
	line = line_of(&tap, "serial=S77", 0);
	assert_string_equal("not JSON", word(line, "left_out"));
	assert_null(json_object_get(line, "text"));
	json_decref(line);
	line = line_of(&tap, "{\"serial\":\"S77\"}", 14);
	assert_string_equal("cut", word(line, "left_out"));
	assert_null(json_object_get(line, "text"));
	json_decref(line);
}

static void identities_are_hidden_wherever_they_stand(void **state)
{
	char name[] = "t";
	struct mqg_tap_config tap = { .name = name, .identities = MQG_TAP_HASH };
	json_t *line = line_of(&tap, "x", 0), *again = line_of(&tap, "y", 0);
	const char *hash = word(line, "identity");
	char topic[64];

	(void)state;
	assert_int_equal(32, strlen(hash));
	assert_string_equal(hash, word(line, "client_id"));
	assert_string_equal(hash, word(again, "identity"));
	snprintf(topic, sizeof(topic), "devices/%s/t", hash);
	assert_string_equal(topic, word(line, "topic"));
	json_decref(line);
	json_decref(again);
	tap.identities = MQG_TAP_OMIT;
	line = line_of(&tap, "x", 0);
	assert_true(json_is_null(json_object_get(line, "identity")));
	assert_true(json_is_null(json_object_get(line, "client_id")));
	assert_string_equal("devices/***/t", word(line, "topic"));
	json_decref(line);
}

/* ---- how many ---------------------------------------------------------------------------- */

static char place[] = "/tmp/mqgate-tap-XXXXXX";
static struct mqg_tap_config one;
static struct mqg_config config = { .taps = &one, .n_taps = 1 };

static struct mqg_tap_counts note(unsigned int messages)
{
	struct mqg_tapped m = { .topic = (const uint8_t *)"a", .topic_len = 1, .up = true };
	struct mqg_tap_counts counts;
	struct mqg_taps *taps;

	assert_int_equal(0, mqg_taps_alloc(&config, 1, &taps));
	for (unsigned int i = 0; i < messages; i++)
		mqg_taps_note(taps, 0, &m);
	assert_int_equal(0, mqg_taps_start(taps));
	mqg_taps_stop(taps);
	mqg_taps_counts(taps, 0, &counts);
	mqg_taps_free(taps);
	return counts;
}

static int fresh(void **state)
{
	static char name[] = "t";

	(void)state;
	one = (struct mqg_tap_config){ .name = name, .place = place, .up = true, .sample = 1,
				       .queue = 65536 };
	return 0;
}

static void every_nth_leaves_of_a_sample(void **state)
{
	(void)state;
	one.sample = 10;
	assert_int_equal(10, note(100).sent);
}

static void no_more_leave_than_the_rate(void **state)
{
	struct mqg_tap_counts counts;

	(void)state;
	one.rate = 7;
	counts = note(100);
	/* A second may begin meanwhile. */
	assert_true(counts.sent >= 7 && counts.sent <= 14);
	assert_int_equal(100, counts.sent + counts.limited);
}

static void the_other_direction_stays(void **state)
{
	(void)state;
	one.up = false;
	one.down = true;
	assert_int_equal(0, note(10).sent);
}

static void what_finds_the_queue_full_is_counted(void **state)
{
	struct mqg_tap_counts counts;

	(void)state;
	counts = note(100000);
	assert_true(counts.sent > 100 && counts.full > 1000);
	assert_int_equal(100000, counts.sent + counts.full);
}

static void an_endpoint_that_is_away_holds_nobody_up(void **state)
{
	static char nowhere[] = "/tmp/mqgate-tap-no-such-directory/file";
	struct mqg_tap_counts counts;

	(void)state;
	one.place = nowhere;
	counts = note(100000);
	assert_int_equal(0, counts.sent);
	assert_false(counts.up);
	assert_true(counts.full > 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_full_queue_takes_nothing_and_loses_nothing),
		cmocka_unit_test(two_threads_need_no_lock),
		cmocka_unit_test(filters_mean_what_mqtt_says),
		cmocka_unit_test(metadata_says_who_what_and_when),
		cmocka_unit_test(payloads_leave_as_what_they_are),
		cmocka_unit_test(what_is_redacted_does_not_leave),
		cmocka_unit_test(identities_are_hidden_wherever_they_stand),
		cmocka_unit_test_setup(every_nth_leaves_of_a_sample, fresh),
		cmocka_unit_test_setup(no_more_leave_than_the_rate, fresh),
		cmocka_unit_test_setup(the_other_direction_stays, fresh),
		cmocka_unit_test_setup(what_finds_the_queue_full_is_counted, fresh),
		cmocka_unit_test_setup(an_endpoint_that_is_away_holds_nobody_up, fresh),
	};
	int fd = mkstemp(place), rc;

	cmocka_set_message_output(CM_OUTPUT_TAP);
	rc = cmocka_run_group_tests_name("tap", tests, NULL, NULL);
	close(fd);
	unlink(place);
	return rc;
}
