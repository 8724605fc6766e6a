// SPDX-License-Identifier: BSD-2-Clause
/* Chunks of packets through message/: whatever the cuts, what is judged good comes out whole. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "message/message.h"
#include "message/publish.h"

static uint8_t room[MQG_HEAD_MAX + 4096], sent[2][8192];
static size_t sent_len[2], accepted_at;
static unsigned int sends, accepts;
static struct mqg_message message;
static struct mqg_publish last;
static unsigned int publishes;

static void send_way(struct mqg_message *m, enum mqg_way way, const uint8_t *data, size_t len)
{
	assert_ptr_equal(m, &message);
	assert_true(sent_len[way] + len <= sizeof(sent[way]));
	memcpy(sent[way] + sent_len[way], data, len);
	sent_len[way] += len;
	sends++;
}

static void accepted(struct mqg_message *m)
{
	assert_ptr_equal(m, &message);
	accepted_at = sent_len[MQG_DOWN];
	accepts++;
}

static void published(struct mqg_message *m, enum mqg_way way, const uint8_t *packet,
		      const uint8_t *end)
{
	(void)way;
	mqg_publish_read(&last, m->level, packet, end);
	publishes++;
}

static const struct mqg_message_ops ops = {
	.send = send_way, .published = published, .accepted = accepted,
};

static void begin(uint8_t level)
{
	mqg_message_end(&message);
	memset(&message, 0, sizeof(message));
	memset(sent_len, 0, sizeof(sent_len));
	sends = accepts = publishes = 0;
	mqg_message_begin(&message, &ops, level);
}

static enum mqgate_reason take(enum mqg_way way, const void *data, size_t len)
{
	memset(room, 0xa5, sizeof(room));
	memcpy(room + MQG_HEAD_MAX, data, len);
	return mqg_message_take(&message, way, room + MQG_HEAD_MAX, len);
}

static int end(void **state)
{
	(void)state;
	mqg_message_end(&message);
	return 0;
}

/* PINGREQ, PUBLISH of QoS 0 and 1, SUBSCRIBE of two, a PUBLISH with a payload. */
static const char up[] = "\xc0\0" "\x30\x04\0\1tX" "\x32\x05\0\1t\0\7" "\x82\x0d\0\1\0\3a/+\1\0\2b#"
			 "\0" "\x30\x0a\0\3end12345";
#define UP (sizeof(up) - 1)
/* b# is no filter: only what stands before the SUBSCRIBE is good. */
#define UP_GOOD 15

static void a_cut_anywhere_changes_nothing(void **state)
{
	(void)state;
	for (size_t first = 0; first <= UP; first++) {
		for (size_t second = first; second <= UP; second++) {
			enum mqgate_reason reason;

			begin(4);
			reason = take(MQG_UP, up, first);
			if (!reason)
				reason = take(MQG_UP, up + first, second - first);
			if (!reason)
				reason = take(MQG_UP, up + second, UP - second);
			assert_int_equal(MQGATE_REASON_MQTT_FILTER, reason);
			assert_int_equal(UP_GOOD, sent_len[MQG_UP]);
			assert_memory_equal(up, sent[MQG_UP], UP_GOOD);
		}
	}
}

static void a_batch_leaves_in_one_piece(void **state)
{
	uint8_t batch[100 * 6];

	(void)state;
	for (size_t i = 0; i < 100; i++)
		memcpy(batch + 6 * i, "\x30\x04\0\1tX", 6);
	begin(4);
	assert_int_equal(0, take(MQG_UP, batch, sizeof(batch)));
	assert_int_equal(1, sends);
	assert_int_equal(sizeof(batch), sent_len[MQG_UP]);
	/* Cut in the middle of a head: what is kept leaves with what follows. */
	begin(4);
	assert_int_equal(0, take(MQG_UP, batch, 303));
	assert_int_equal(0, take(MQG_UP, batch + 303, sizeof(batch) - 303));
	assert_int_equal(2, sends);
	assert_int_equal(sizeof(batch), sent_len[MQG_UP]);
	assert_null(message.lanes[MQG_UP].held);
}

static void between_packets_and_not(void **state)
{
	(void)state;
	begin(4);
	assert_int_equal(0, take(MQG_DOWN, "\x20\2\0\0", 4));
	assert_true(mqg_message_between(&message, MQG_DOWN));
	assert_int_equal(0, take(MQG_DOWN, "\x30\x0a\0\3en", 6));
	assert_true(mqg_message_between(&message, MQG_DOWN));
	assert_int_equal(4, sent_len[MQG_DOWN]);
	assert_int_equal(0, take(MQG_DOWN, "d12", 3));
	assert_false(mqg_message_between(&message, MQG_DOWN));
	assert_int_equal(13, sent_len[MQG_DOWN]);
	assert_int_equal(0, take(MQG_DOWN, "345", 3));
	assert_true(mqg_message_between(&message, MQG_DOWN));
}

/* AUTH with a method, AUTH of length 0, CONNACK, PINGRESP. */
static const char down[] = "\xf0\6\x18\4\x15\0\1m" "\xf0\0" "\x20\3\0\0\0" "\xd0\0";
#define DOWN (sizeof(down) - 1)

static void the_opening_is_cut_anywhere(void **state)
{
	(void)state;
	for (size_t cut = 0; cut <= DOWN; cut++) {
		begin(5);
		assert_int_equal(0, take(MQG_DOWN, down, cut));
		assert_int_equal(cut >= 15, accepts);
		assert_int_equal(0, take(MQG_DOWN, down + cut, DOWN - cut));
		assert_int_equal(1, accepts);
		assert_true(accepted_at <= 10);
		assert_int_equal(DOWN, sent_len[MQG_DOWN]);
		assert_memory_equal(down, sent[MQG_DOWN], DOWN);
	}
}

static void a_refusal_of_the_broker_is_the_last_word(void **state)
{
	(void)state;
	begin(4);
	assert_int_equal(MQGATE_REASON_BROKER_REFUSED, take(MQG_DOWN, "\x20\2\0\5\xd0\0", 6));
	assert_int_equal(4, sent_len[MQG_DOWN]);
	assert_int_equal(0, accepts);
}

static void what_a_broker_may_not_say(void **state)
{
	(void)state;
	begin(4);
	assert_int_equal(MQGATE_REASON_MQTT_CONNACK, take(MQG_DOWN, "\xf0\0", 2));
	assert_int_equal(0, sent_len[MQG_DOWN]);
	begin(4);
	assert_int_equal(MQGATE_REASON_MQTT_BROKER, take(MQG_DOWN, "\x20\2\0\0\xc0\0", 6));
	assert_int_equal(MQGATE_REASON_MQTT_DIRECTION, message.detail);
	assert_int_equal(4, sent_len[MQG_DOWN]);
}

static void a_head_is_kept_up_to_a_limit(void **state)
{
	static uint8_t part[4096];
	enum mqgate_reason reason = MQGATE_REASON_NONE;
	size_t kept = 6;

	(void)state;
	begin(4);
	for (size_t i = 0; i < sizeof(part); i += 4)
		memcpy(part + i, "\0\1a\0", 4);
	assert_int_equal(0, take(MQG_UP, "\x82\xff\xff\x7f\0\1", 6));
	while (!reason && kept < 2 * MQG_HEAD_MAX) {
		reason = take(MQG_UP, part, sizeof(part));
		kept += sizeof(part);
	}
	assert_int_equal(MQGATE_REASON_MQTT_TOO_LONG, reason);
	assert_true(kept <= MQG_HEAD_MAX + sizeof(part));
	assert_true(message.lanes[MQG_UP].held_size <= MQG_HEAD_MAX);
	assert_int_equal(0, sent_len[MQG_UP]);
}

static void a_publish_is_told_of_with_what_has_come(void **state)
{
	static const char v3[] = "\x3b\x0b\0\3a/b\0\1wxyz", v5[] =
		"\x31\x0c\0\3a/b\3\x23\0\1wxy", more[] = "z";

	(void)state;
	begin(4);
	take(MQG_UP, v3, sizeof(v3) - 1);
	assert_int_equal(1, publishes);
	assert_memory_equal("a/b", last.topic, last.topic_len);
	assert_int_equal(3, last.topic_len);
	assert_int_equal(4, last.payload_here);
	assert_int_equal(4, last.payload_len);
	assert_int_equal(1, last.qos);
	assert_true(last.dup && last.retain);
	begin(5);
	take(MQG_UP, v5, sizeof(v5) - 2);
	assert_int_equal(1, publishes);
	assert_int_equal(3, last.topic_len);
	assert_int_equal(2, last.payload_here);
	assert_int_equal(3, last.payload_len);
	assert_false(last.dup || last.qos);
	take(MQG_UP, more, 1);
	assert_int_equal(1, publishes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(a_cut_anywhere_changes_nothing, end),
		cmocka_unit_test_teardown(a_batch_leaves_in_one_piece, end),
		cmocka_unit_test_teardown(between_packets_and_not, end),
		cmocka_unit_test_teardown(the_opening_is_cut_anywhere, end),
		cmocka_unit_test_teardown(a_refusal_of_the_broker_is_the_last_word, end),
		cmocka_unit_test_teardown(what_a_broker_may_not_say, end),
		cmocka_unit_test_teardown(a_head_is_kept_up_to_a_limit, end),
		cmocka_unit_test_teardown(a_publish_is_told_of_with_what_has_come, end),
	};

	return cmocka_run_group_tests_name("walk", tests, NULL, NULL) ? 1 : 0;
}
