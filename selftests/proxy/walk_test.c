// SPDX-License-Identifier: BSD-2-Clause
/* Chunks of packets through message/: whatever the cuts, what is judged good comes out whole. */
#include "message/ledger.h"
#include "message_stage.h"

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

static void a_connack_says_what_the_gateway_takes(void **state)
{
	(void)state;
	begin(5);
	limits.inflight = 7;
	limits.topic_alias = 2;
	limits.packet_size = 0x10203;
	/* Receive maximum 20, alias maximum 1, a user property */
	assert_int_equal(0, take(MQG_DOWN, "\x20\x10\1\0\x0d\x21\0\x14\x22\0\1\x26\0\1a\0\1b",
				 18));
	SENT(MQG_DOWN, "\x20\x15\1\0\x12\x26\0\1a\0\1b\x21\0\7\x27\0\1\2\3\x22\0\1");
	assert_true(message.resumed);
	assert_int_equal(7, message.terms[MQG_UP].receive_max);
	assert_int_equal(2, message.terms[MQG_DOWN].receive_max);
	assert_int_equal(3, message.terms[MQG_DOWN].alias_max);
}

static void a_malformed_connack_is_the_brokers(void **state)
{
	static const char *const bad[] = {
		"\x20\5\0\0\2\x24\2", "\x20\6\0\0\3\x21\0\0", "\x20\7\0\0\4\x25\1\x25\1",
		"\x20\6\0\0\3\x23\0\1", "\x20\4\0\0\1\x24", "\x20\7\0\0\4\x1f\0\1\1",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		begin(5);
		assert_int_equal(MQGATE_REASON_MQTT_CONNACK,
				 take(MQG_DOWN, bad[i], 2 + (size_t)bad[i][1]));
		assert_int_equal(0, sent_len[MQG_DOWN]);
	}
}

static void a_flow_is_remembered_until_it_ends(void **state)
{
	(void)state;
	connected(4, "");
	assert_null(message.ledger);
	assert_int_equal(0, take(MQG_UP, "\x32\5\0\1t\0\7", 7));
	assert_non_null(message.ledger);
	assert_int_equal(0, take(MQG_DOWN, "\x40\2\0\7", 4));
	assert_null(message.ledger);
	SENT(MQG_DOWN, "\x40\2\0\7");
	assert_int_equal(0, take(MQG_UP, "\x34\5\0\1t\0\7", 7));
	assert_int_equal(0, take(MQG_DOWN, "\x50\2\0\7", 4));
	assert_int_equal(0, take(MQG_UP, "\x62\2\0\7", 4));
	assert_non_null(message.ledger);
	assert_int_equal(0, take(MQG_DOWN, "\x70\2\0\7", 4));
	assert_null(message.ledger);
	assert_int_equal(0, take(MQG_UP, "\x82\6\0\7\0\1t\0", 8));
	assert_int_equal(0, take(MQG_DOWN, "\x90\3\0\7\0", 5));
	assert_null(message.ledger);
	assert_int_equal(1, desk.n_spare);
	assert_int_equal(0, refusals);
}

static void an_answer_of_another_qos(void **state)
{
	static const char *const wrong[] = { "\x40\2\0\7", "\x50\2\0\7", "\x70\2\0\7" };

	(void)state;
	for (int qos = 1; qos < 3; qos++) {
		for (int i = 0; i < 3; i++) {
			const char message_of[] = { (char)(0x30 | qos << 1), 5, 0, 1, 't', 0, 7 };
			/* PUBACK to QoS 1, PUBREC to QoS 2; PUBCOMP comes later. */
			bool good = i == qos - 1;

			connected(4, "");
			assert_int_equal(0, take(MQG_DOWN, message_of, 7));
			assert_int_equal(good ? 0 : MQGATE_REASON_MQTT_FLOW,
					 take(MQG_UP, wrong[i], 4));
			connected(4, "");
			assert_int_equal(0, take(MQG_UP, message_of, 7));
			assert_int_equal(good ? 0 : MQGATE_REASON_MQTT_BROKER,
					 take(MQG_DOWN, wrong[i], 4));
		}
	}
}

static void an_answer_to_nothing_goes_no_further(void **state)
{
	(void)state;
	connected(5, "");
	assert_int_equal(0, take(MQG_UP, "\x40\2\0\7" "\x50\2\0\7" "\x62\2\0\7" "\x70\2\0\7", 16));
	assert_int_equal(0, sent_len[MQG_UP]);
	SENT(MQG_DOWN, "\x62\3\0\7\x92" "\x70\3\0\7\x92");
	assert_int_equal(4, refusals);
	assert_int_equal(MQGATE_REASON_MQTT_FLOW, last_refused);
	assert_int_equal(1, sends);
	/* What was there before the session may go on in it. */
	begin(4);
	assert_int_equal(0, take(MQG_DOWN, "\x20\2\1\0", 4));
	assert_int_equal(0, take(MQG_UP, "\x40\2\0\7" "\x62\2\0\7", 8));
	SENT(MQG_UP, "\x40\2\0\7" "\x62\2\0\7");
}

static void an_answer_waits_for_the_end_of_a_packet(void **state)
{
	(void)state;
	connected(4, "");
	assert_int_equal(0, take(MQG_DOWN, "\x30\x0a\0\3end12", 9));
	assert_int_equal(0, take(MQG_UP, "\x62\2\0\7", 4));
	SENT(MQG_DOWN, "\x30\x0a\0\3end12");
	assert_int_equal(0, take(MQG_DOWN, "345\xd0\0", 5));
	SENT(MQG_DOWN, "345\x70\2\0\7\xd0\0");
	assert_null(message.ledger);
}

static void more_than_the_other_side_takes(void **state)
{
	(void)state;
	connected(5, "");
	message.terms[MQG_UP].receive_max = 2;
	assert_int_equal(0, take(MQG_UP, "\x32\6\0\1t\0\1\0" "\x34\6\0\1t\0\2\0", 16));
	assert_int_equal(MQGATE_REASON_LIMIT_INFLIGHT, take(MQG_UP, "\x32\6\0\1t\0\3\0", 8));
	/* 4.9: a PUBREC with an error makes room, too. */
	connected(5, "");
	message.terms[MQG_UP].receive_max = 2;
	assert_int_equal(0, take(MQG_UP, "\x32\6\0\1t\0\1\0" "\x34\6\0\1t\0\2\0", 16));
	assert_int_equal(0, take(MQG_DOWN, "\x50\3\0\2\x80", 5));
	assert_int_equal(0, take(MQG_UP, "\x32\6\0\1t\0\3\0", 8));
}

/* PUBLISH of QoS 1 and 2 to t, without properties. */
#define ONE(id)	"\x32\6\0\1t\0" id "\0"
#define TWO(id)	"\x34\6\0\1t\0" id "\0"

static void what_the_client_has_no_room_for_waits(void **state)
{
	(void)state;
	connected(5, "");
	assert_int_equal(0, take(MQG_DOWN, ONE("\1") TWO("\2") ONE("\3") "\xd0\0" TWO("\4"), 34));
	SENT(MQG_DOWN, ONE("\1") TWO("\2") "\xd0\0");
	assert_int_equal(2, delays);
	/* One that the client has not seen it cannot acknowledge. */
	assert_int_equal(0, take(MQG_UP, "\x40\2\0\3", 4));
	SENT(MQG_UP, "");
	SENT(MQG_DOWN, "");
	assert_int_equal(MQGATE_REASON_MQTT_FLOW, last_refused);
	assert_int_equal(0, take(MQG_UP, "\x50\2\0\2" "\x40\2\0\1", 8));
	SENT(MQG_UP, "\x50\2\0\2" "\x40\2\0\1");
	SENT(MQG_DOWN, ONE("\3"));
	assert_int_equal(0, take(MQG_DOWN, "\x62\2\0\2", 4));
	assert_int_equal(0, take(MQG_UP, "\x70\2\0\2", 4));
	SENT(MQG_DOWN, "\x62\2\0\2" TWO("\4"));
	/* 4.9: an error ends a message of QoS 2, too. */
	assert_int_equal(0, take(MQG_DOWN, ONE("\5"), 8));
	SENT(MQG_DOWN, "");
	assert_int_equal(0, take(MQG_UP, "\x50\3\0\4\x80", 5));
	SENT(MQG_DOWN, ONE("\5"));
	assert_int_equal(0, take(MQG_UP, "\x40\2\0\3" "\x40\2\0\5", 8));
	assert_null(message.ledger);
	assert_int_equal(3, delays);
	/* An identifier twice, of which the first waits. */
	connected(5, "");
	assert_int_equal(0, take(MQG_DOWN, ONE("\1") ONE("\2") ONE("\3"), 24));
	assert_int_equal(MQGATE_REASON_MQTT_BROKER, take(MQG_DOWN, ONE("\3"), 8));
	/* What was delivered may come again. */
	connected(5, "");
	assert_int_equal(0, take(MQG_DOWN, ONE("\1") ONE("\2") ONE("\3") ONE("\2"), 32));
	SENT(MQG_DOWN, ONE("\1") ONE("\2") ONE("\2"));
}

static void what_waits_is_cut_anywhere(void **state)
{
	/* The third with an alias and a user property; the alias is another topic's afterwards. */
	static const char chunk[] = ONE("\1") ONE("\2")
		"\x32\x13\0\1a\0\3\x0a\x26\0\1k\0\1v\x23\0\1" "end"
		"\x30\7\0\1b\3\x23\0\1" "\x32\x0a\0\0\0\4\3\x23\0\1" "xy"
		"\x30\6\0\0\3\x23\0\1";
	const size_t len = sizeof(chunk) - 1;

	(void)state;
	for (size_t cut = 0; cut <= len; cut++) {
		connected(5, "");
		assert_int_equal(0, take(MQG_DOWN, chunk, cut));
		assert_int_equal(0, take(MQG_DOWN, chunk + cut, len - cut));
		SENT(MQG_DOWN, ONE("\1") ONE("\2") "\x30\7\0\1b\3\x23\0\1"
		     "\x30\6\0\0\3\x23\0\1");
		assert_int_equal(0, take(MQG_UP, "\x40\2\0\1" "\x40\2\0\2", 8));
		SENT(MQG_DOWN, "\x32\x10\0\1a\0\3\7\x26\0\1k\0\1v" "end"
		     "\x32\x08\0\1b\0\4\0" "xy");
		/* There is room as soon as its head is there. */
		if (cut < 16)
			continue;
		connected(5, "");
		assert_int_equal(0, take(MQG_DOWN, chunk, cut));
		assert_int_equal(0, take(MQG_UP, "\x40\2\0\1" "\x40\2\0\2", 8));
		assert_int_equal(0, take(MQG_DOWN, chunk + cut, len - cut));
		assert_null(message.ledger->backlog.first);
	}
}

static void a_backlog_has_an_end(void **state)
{
	uint8_t packet[2048] = "\x32\xfd\x0f\0\1t\0";
	size_t n;

	(void)state;
	connected(5, "");
	assert_int_equal(0, take(MQG_DOWN, TWO("\1") TWO("\2"), 16));
	sent_len[MQG_DOWN] = 0;
	for (n = 0; !mqg_message_backlogged(&message); n++) {
		packet[7] = (uint8_t)(n + 3);
		assert_int_equal(0, take(MQG_DOWN, packet, sizeof(packet)));
		assert_true(n < 40);
	}
	assert_int_equal(MQG_BACKLOG_MAX / sizeof(packet) + 1, n);
	SENT(MQG_DOWN, "");
	/* Nothing waits for the client: what is too much goes on to it, and the broker is heard. */
	assert_int_equal(0, take(MQG_UP, "\x50\2\0\1" "\x50\2\0\2", 8));
	assert_int_equal(sizeof(packet), sent_len[MQG_DOWN]);
	assert_false(mqg_message_backlogged(&message));
}

static void what_the_broker_does_not_have(void **state)
{
	static const struct {
		const char	*properties, *packet;
		size_t		len;
		uint8_t		code;
	} cases[] = {
		{ "\x24\1", "\x34\6\0\1t\0\1\0", 8, 0x9b }, { "\x25\0", "\x31\4\0\1t\0", 6, 0x9a },
		{ "\x28\0", "\x82\7\0\1\0\0\1#\0", 9, 0xa2 },
		{ "\x29\0", "\x82\x09\0\1\2\x0b\1\0\1t\0", 11, 0xa1 },
		{ "\x2a\0", "\x82\x10\0\1\0\0\x0a$share/g/t\0", 18, 0x9e },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint8_t connack[] = { 0x20, 5, 0, 0, 2, (uint8_t)cases[i].properties[0],
				      (uint8_t)cases[i].properties[1] };

		connected(5, "");
		assert_int_equal(0, take(MQG_UP, cases[i].packet, cases[i].len));
		begin(5);
		assert_int_equal(0, take(MQG_DOWN, connack, sizeof(connack)));
		assert_int_equal(MQGATE_REASON_MQTT_UNAVAILABLE,
				 take(MQG_UP, cases[i].packet, cases[i].len));
		assert_int_equal(cases[i].code, message.code);
	}
}

static void aliases_have_a_maximum_each_way(void **state)
{
	(void)state;
	connected(5, "\x22\1\2"); /* 258, of which the limits take 10 */
	assert_int_equal(10, message.terms[MQG_UP].alias_max);
	assert_int_equal(0, take(MQG_UP, "\x30\7\0\1t\3\x23\0\x0a" "\x30\6\0\0\3\x23\0\x0a", 17));
	assert_int_equal(17, sent_len[MQG_UP]);
	assert_int_equal(MQGATE_REASON_MQTT_ALIAS,
			 take(MQG_UP, "\x30\7\0\1t\3\x23\0\x0b", 9));
	connected(5, "\x22\1\1");
	assert_int_equal(MQGATE_REASON_MQTT_ALIAS, take(MQG_UP, "\x30\6\0\0\3\x23\0\1", 8));
	connected(5, "");
	assert_int_equal(MQGATE_REASON_MQTT_ALIAS,
			 take(MQG_UP, "\x30\7\0\1t\3\x23\0\1", 9));
	connected(5, "");
	assert_int_equal(0, take(MQG_DOWN, "\x30\7\0\1t\3\x23\0\3", 9));
	assert_int_equal(MQGATE_REASON_MQTT_BROKER,
			 take(MQG_DOWN, "\x30\7\0\1t\3\x23\0\4", 9));
}

static void limits_of_a_listener(void **state)
{
	(void)state;
	connected(4, "");
	limits.packet_size = 7;
	assert_int_equal(0, take(MQG_UP, "\x30\5\0\1tXY", 7));
	assert_int_equal(MQGATE_REASON_LIMIT_PACKET, take(MQG_UP, "\x30\6\0\1tXYZ", 8));
	connected(4, "");
	limits.topic_length = 2;
	limits.filters = 2;
	limits.topic_levels = 2;
	assert_int_equal(0, take(MQG_UP, "\x30\4\0\2tt", 6));
	assert_int_equal(0, take(MQG_UP, "\x82\x0a\0\1\0\1a\0\0\1b\0", 12));
	assert_int_equal(MQGATE_REASON_LIMIT_FILTERS,
			 take(MQG_UP, "\x82\x0e\0\2\0\1a\0\0\1b\0\0\1c\0", 16));
	connected(4, "");
	limits.topic_length = 2;
	assert_int_equal(MQGATE_REASON_LIMIT_TOPIC, take(MQG_UP, "\x30\5\0\3ttt", 7));
	connected(5, "");
	limits.user_properties = 1;
	assert_int_equal(0, take(MQG_UP, "\x30\x0b\0\1t\7\x26\0\1a\0\1b", 13));
	assert_int_equal(MQGATE_REASON_LIMIT_PROPERTIES,
			 take(MQG_UP, "\x30\x12\0\1t\x0e\x26\0\1a\0\1b\x26\0\1a\0\1b", 20));
}

static void many_flows_at_once(void **state)
{
	uint8_t packet[7] = "\x32\5\0\1t";

	(void)state;
	connected(4, "");
	message.terms[MQG_UP].receive_max = 0xffff;
	for (uint32_t id = 1; id < 3000; id++) {
		packet[5] = (uint8_t)(id >> 8);
		packet[6] = (uint8_t)id;
		sent_len[MQG_UP] = 0;
		assert_int_equal(0, take(MQG_UP, packet, 7));
	}
	for (uint32_t n = 1; n <= 3000; n++) {
		uint32_t id = n * 1999 % 3001; /* in another order */
		uint8_t ack[] = { 0x40, 2, (uint8_t)(id >> 8), (uint8_t)id };

		sent_len[MQG_DOWN] = 0;
		assert_int_equal(0, take(MQG_DOWN, ack, 4));
		assert_int_equal(id == 3000 ? 0 : 4, sent_len[MQG_DOWN]);
	}
	assert_null(message.ledger);
	assert_int_equal(1, refusals);
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
		cmocka_unit_test_teardown(a_connack_says_what_the_gateway_takes, end),
		cmocka_unit_test_teardown(a_malformed_connack_is_the_brokers, end),
		cmocka_unit_test_teardown(a_flow_is_remembered_until_it_ends, end),
		cmocka_unit_test_teardown(an_answer_of_another_qos, end),
		cmocka_unit_test_teardown(an_answer_to_nothing_goes_no_further, end),
		cmocka_unit_test_teardown(an_answer_waits_for_the_end_of_a_packet, end),
		cmocka_unit_test_teardown(more_than_the_other_side_takes, end),
		cmocka_unit_test_teardown(what_the_client_has_no_room_for_waits, end),
		cmocka_unit_test_teardown(what_waits_is_cut_anywhere, end),
		cmocka_unit_test_teardown(a_backlog_has_an_end, end),
		cmocka_unit_test_teardown(what_the_broker_does_not_have, end),
		cmocka_unit_test_teardown(aliases_have_a_maximum_each_way, end),
		cmocka_unit_test_teardown(limits_of_a_listener, end),
		cmocka_unit_test_teardown(many_flows_at_once, end),
	};

	return cmocka_run_group_tests_name("walk", tests, NULL, NULL) ? 1 : 0;
}
