// SPDX-License-Identifier: BSD-2-Clause
/*
 * The module's session in user space: segments of both directions in, judgements, phases and
 * counters out. What the rest of the module would do is recorded here.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "deadline.h"
#include "net.h"
#include "packets.h"
#include "payload.h"
#include "session.h"
#include "stream.h"

#define C	MQGATE_FROM_CLIENT
#define S	MQGATE_FROM_SERVER
#define PIECE	5U

#define BYTES(...)	((const u8[]){ __VA_ARGS__ }), sizeof((const u8[]){ __VA_ARGS__ })

#define CONNECT4	0x10, 0x0D, 0, 4, 'M', 'Q', 'T', 'T', 4, 2, 0, 60, 0, 1, 'c'
#define CONNECT5	0x10, 0x0E, 0, 4, 'M', 'Q', 'T', 'T', 5, 2, 0, 60, 0, 0, 1, 'c'
#define CONNACK4	0x20, 2, 0, 0
#define PUBLISH		0x30, 4, 0, 1, 't', 'x'

unsigned long jiffies;
unsigned int mqg_net_id;

static struct mqg_settings settings;
static struct mqg_net net;
static struct mqg_client client;
static u32 sent[2];		/* next sequence number of each side */
static u8 name[MQGATE_CLIENT_ID_KEPT];
static size_t name_length;
static unsigned int counted[2][16];
static long allocated;
static unsigned int filed;
static bool no_memory;
static bool enforce;

void *kzalloc(size_t size, int flags)
{
	(void)flags;
	if (no_memory)
		return NULL;
	allocated++;
	return calloc(1, size);
}

void kfree(const void *memory)
{
	allocated -= memory != NULL;
	free((void *)memory);
}

void *mqg_stream_alloc(size_t size, __u8 share)
{
	(void)share;
	return kzalloc(size, 0);
}

void mqg_stream_free(void *memory, size_t size, __u8 share)
{
	(void)size;
	(void)share;
	kfree(memory);
}

void *net_generic(const struct net *unused, unsigned int id)
{
	(void)unused;
	(void)id;
	return NULL;
}

const void *mqg_payload_at(const struct mqg_payload *payload, __u32 offset, __u32 *length,
			   __u8 buffer[MQG_PAYLOAD_BUFFER])
{
	*length = min(*length, PIECE);
	memcpy(buffer, payload->skb->data + payload->offset + offset, *length);
	return buffer;
}

void mqg_client_phase(struct mqg_client *c, u8 phase)
{
	c->phase = phase;
}

int mqg_client_name(struct mqg_client *c, const void *id, size_t length)
{
	(void)c;
	memcpy(name, id, length);
	name_length = length;
	return 0;
}

void mqg_deadline_file(struct mqg_client *c)
{
	(void)c;
	filed++;
}

void mqg_client_count_packet(struct mqg_client *c, u8 dir, u8 type)
{
	(void)c;
	counted[dir][type]++;
}

static void start(bool fresh, u32 flags)
{
	struct mqg_begin begin = {
		.next = { 0xFFFFFFF8, 1000 }, .wscale = { 0, 7 }, .fresh = fresh,
	};

	settings = (struct mqg_settings){ .packet_max = 1 << 20 };
	net.settings = &settings;
	memset(&client, 0, sizeof(client));
	memset(counted, 0, sizeof(counted));
	client.net = &net;
	client.flags = flags;
	client.phase = !fresh ? MQGATE_PHASE_CONNECTED : flags & MQGATE_CLIENT_F_TLS ?
		       MQGATE_PHASE_HANDSHAKE : MQGATE_PHASE_CONNECT;
	sent[C] = begin.next[C];
	sent[S] = begin.next[S];
	name_length = 0;
	no_memory = false;
	filed = 0;
	enforce = true;
	mqg_session_begin(&client, &begin);
}

/* What clients hold: nothing is kept for those to come. */
static long held(void)
{
	mqg_packets_exit();
	return allocated;
}

static int setup(void **unused)
{
	(void)unused;
	allocated = 0;
	start(true, 0);
	return 0;
}

static int teardown(void **unused)
{
	(void)unused;
	mqg_session_end(&client);
	if (held())
		printf("# %ld allocations left behind\n", allocated);
	return allocated != 0;
}

/* A segment as it is, without moving on. */
static struct mqg_judgement segment_at(u8 dir, u32 seq, u32 ack, u8 flags, const u8 *data, u32 n)
{
	struct sk_buff skb = { data, n };
	struct mqg_segment segment = {
		.seq = seq, .ack = ack, .window = 60000, .flags = flags, .dir = dir,
		.enforce = enforce, .length = n,
	};

	return mqg_session_segment(&client, &segment, &skb);
}

/* The next segment of @dir, which has seen all of the other side. */
static struct mqg_judgement next_segment(u8 dir, u8 flags, const u8 *data, u32 n)
{
	struct mqg_judgement j = segment_at(dir, sent[dir], sent[!dir], flags | MQG_TCP_ACK,
					    data, n);

	sent[dir] += n + (flags & MQG_TCP_FIN);
	return j;
}

static void passes(u8 dir, const u8 *data, u32 n)
{
	struct mqg_judgement j = next_segment(dir, 0, data, n);

	if (j.verdict != MQG_PASS)
		printf("# reason %u\n", j.reason);
	assert_int_equal(j.verdict, MQG_PASS);
	assert_false(j.ended);
}

static void violates(u8 dir, u8 reason, const u8 *data, u32 n)
{
	struct mqg_judgement j = next_segment(dir, 0, data, n);

	assert_int_equal(j.verdict, MQG_VIOLATION);
	assert_int_equal(j.reason, reason);
}

static void connect4(void)
{
	passes(C, BYTES(CONNECT4));
	assert_int_equal(client.phase, MQGATE_PHASE_CONNACK);
	passes(S, BYTES(CONNACK4));
	assert_int_equal(client.phase, MQGATE_PHASE_CONNECTED);
}

static void test_connect(void **unused)
{
	(void)unused;
	passes(C, BYTES(CONNECT4));
	assert_int_equal(client.level, 4);
	assert_int_equal(client.keep_alive, 60);
	assert_int_equal(client.connect_flags, 2);
	assert_int_equal(name_length, 1);
	assert_int_equal(name[0], 'c');
	passes(S, BYTES(0x20, 2, 1, 0));
	assert_int_equal(client.phase, MQGATE_PHASE_CONNECTED);
	assert_true(client.flags & MQGATE_CLIENT_F_SESSION_PRESENT);
	assert_int_equal(counted[C][1], 1);
	assert_int_equal(counted[S][2], 1);
}

static void test_one_byte_a_segment(void **unused)
{
	static const u8 bytes[] = { CONNECT4, PUBLISH, PUBLISH, 0xC0, 0 };

	(void)unused;
	for (size_t i = 0; i < sizeof(bytes); i++)
		passes(C, bytes + i, 1);
	assert_int_equal(name_length, 1);
	assert_int_equal(counted[C][3], 2);
	assert_int_equal(counted[C][12], 1);
}

/* Cut as one likes, an offence is one; the bytes before it passed. */
static void test_offence_one_byte_a_segment(void **unused)
{
	static const u8 bytes[] = { PUBLISH, 0x30, 4, 0, 1, '#', 'x' };

	(void)unused;
	connect4();
	for (size_t i = 0; i < sizeof(bytes) - 2; i++)
		passes(C, bytes + i, 1);
	violates(C, MQGATE_REASON_MQTT_TOPIC, bytes + sizeof(bytes) - 2, 1);
	assert_int_equal(counted[C][3], 1);
}

static void test_reversed(void **unused)
{
	static const u8 bytes[] = { CONNECT4, PUBLISH };

	(void)unused;
	for (size_t i = sizeof(bytes); i-- > 0;)
		assert_int_equal(segment_at(C, sent[C] + (u32)i, sent[S], MQG_TCP_ACK, bytes + i,
					    1).verdict, MQG_PASS);
	assert_int_equal(counted[C][3], 1);
	assert_int_equal(client.phase, MQGATE_PHASE_CONNACK);
}

static void test_idle_holds_nothing(void **unused)
{
	(void)unused;
	connect4();
	passes(C, BYTES(PUBLISH));
	passes(S, NULL, 0);
	assert_int_equal(held(), 0);
	passes(C, BYTES(0x30, 100, 0, 1));
	passes(S, NULL, 0);
	assert_int_equal(held(), 1);	/* where the packet stands */
}

static void test_lie_in_flight(void **unused)
{
	u32 seq;

	(void)unused;
	connect4();
	seq = sent[C];
	passes(C, BYTES(PUBLISH));
	assert_int_equal(segment_at(C, seq, sent[S], MQG_TCP_ACK, BYTES(0x30, 4, 0, 1, '#', 'x'))
			 .reason, MQGATE_REASON_STREAM_OVERLAP);
	assert_int_equal(segment_at(C, seq, sent[S], MQG_TCP_ACK, BYTES(PUBLISH)).verdict,
			 MQG_PASS);
	assert_int_equal(counted[C][3], 1);
}

static void test_not_connect(void **unused)
{
	(void)unused;
	violates(C, MQGATE_REASON_MQTT_NOT_CONNECT, BYTES(PUBLISH));
}

static void test_connect_again(void **unused)
{
	(void)unused;
	connect4();
	violates(C, MQGATE_REASON_CONNECT_AGAIN, BYTES(CONNECT4));
}

static void test_server_only(void **unused)
{
	(void)unused;
	connect4();
	violates(C, MQGATE_REASON_MQTT_DIRECTION, BYTES(CONNACK4));
}

static void test_second_connack(void **unused)
{
	(void)unused;
	connect4();
	violates(S, MQGATE_REASON_MQTT_ORDER, BYTES(CONNACK4));
}

static void test_server_first(void **unused)
{
	(void)unused;
	violates(S, MQGATE_REASON_MQTT_ORDER, BYTES(CONNACK4));
}

static void test_publish_before_connack_from_server(void **unused)
{
	(void)unused;
	passes(C, BYTES(CONNECT4));
	violates(S, MQGATE_REASON_MQTT_CONNACK, BYTES(PUBLISH));
}

static void test_pipelined(void **unused)
{
	(void)unused;
	passes(C, BYTES(CONNECT4, PUBLISH));
	passes(S, BYTES(CONNACK4, PUBLISH));
	assert_int_equal(client.phase, MQGATE_PHASE_CONNECTED);
	assert_int_equal(counted[C][3], 1);
	assert_int_equal(counted[S][3], 1);
}

static void test_refused(void **unused)
{
	(void)unused;
	passes(C, BYTES(CONNECT4));
	passes(S, BYTES(0x20, 2, 0, 5));
	assert_int_equal(client.phase, MQGATE_PHASE_REFUSED);
	assert_int_equal(client.reason, MQGATE_REASON_BROKER_REFUSED);
}

/* 3.1.1: the broker answers with 02, so CONNECT passes, and nothing behind it. */
static void test_empty_id(void **unused)
{
	(void)unused;
	passes(C, BYTES(0x10, 0x10, 0, 4, 'M', 'Q', 'T', 'T', 4, 0x80, 0, 60, 0, 0, 0, 2));
	passes(C, BYTES('u', 'u'));
	assert_int_equal(client.phase, MQGATE_PHASE_CONNACK);
	violates(C, MQGATE_REASON_MQTT_ORDER, BYTES(PUBLISH));
	passes(S, BYTES(0x20, 2, 0, 2));
	assert_int_equal(client.phase, MQGATE_PHASE_REFUSED);
}

static void test_auth(void **unused)
{
	(void)unused;
	passes(C, BYTES(CONNECT5));
	passes(S, BYTES(0xF0, 6, 0x18, 4, 0x15, 0));
	passes(S, BYTES(1, 'm'));
	passes(C, BYTES(0xF0, 6, 0x18, 4, 0x15, 0, 1, 'm'));
	passes(S, BYTES(0x20, 3, 0, 0, 0));
	assert_int_equal(client.phase, MQGATE_PHASE_CONNECTED);
}

static void test_disconnect(void **unused)
{
	(void)unused;
	connect4();
	passes(C, BYTES(0xE0, 0));
	assert_int_equal(client.phase, MQGATE_PHASE_CLOSING);
	violates(C, MQGATE_REASON_MQTT_ORDER, BYTES(PUBLISH));
}

static void test_in_flight(void **unused)
{
	(void)unused;
	connect4();
	passes(C, BYTES(0x32, 5, 0, 1, 't', 0, 1));
	passes(C, BYTES(0x34, 5, 0, 1, 't', 0, 2));
	passes(S, BYTES(0x32, 5, 0, 1, 't', 0, 1));
	assert_int_equal(client.in_flight[C], 2);
	assert_int_equal(client.in_flight[S], 1);
	passes(S, BYTES(0x40, 2, 0, 1));
	assert_int_equal(client.in_flight[C], 1);
	passes(S, BYTES(0x50, 2, 0, 2));
	passes(C, BYTES(0x62, 2, 0, 2));
	assert_int_equal(client.in_flight[C], 1);
	passes(S, BYTES(0x70, 2, 0, 2));
	assert_int_equal(client.in_flight[C], 0);
	passes(C, BYTES(0x40, 2, 0, 1));
	passes(C, BYTES(0x40, 2, 0, 1));
	assert_int_equal(client.in_flight[S], 0);
}

static void test_close(void **unused)
{
	(void)unused;
	connect4();
	assert_false(next_segment(C, MQG_TCP_FIN, NULL, 0).ended);
	assert_int_equal(client.phase, MQGATE_PHASE_CLOSING);
	assert_false(next_segment(S, MQG_TCP_FIN, NULL, 0).ended);
	assert_true(next_segment(C, 0, NULL, 0).ended);
}

static void test_reset_exact(void **unused)
{
	(void)unused;
	client.flags |= MQGATE_CLIENT_F_LOCAL;
	connect4();
	passes(S, NULL, 0);
	assert_int_equal(segment_at(C, sent[C] + 1, 0, MQG_TCP_RST, NULL, 0).reason,
			 MQGATE_REASON_RST_SEQUENCE);
	assert_int_equal(segment_at(C, sent[C] - 1, 0, MQG_TCP_RST, NULL, 0).verdict, MQG_DROP);
	assert_true(segment_at(C, sent[C], 0, MQG_TCP_RST, NULL, 0).ended);
}

/* The server may not have seen the bytes before it: the entry stays, and no byte may follow. */
static void test_reset_in_flight(void **unused)
{
	(void)unused;
	connect4();
	passes(C, BYTES(PUBLISH));
	assert_false(segment_at(C, sent[C], 0, MQG_TCP_RST, NULL, 0).ended);
	violates(C, MQGATE_REASON_RST_SEQUENCE, BYTES(PUBLISH));
}

/* On its way through it may die behind us: who speaks on is followed on, and as strictly. */
static void test_reset_through(void **unused)
{
	(void)unused;
	connect4();
	passes(S, NULL, 0);
	assert_false(segment_at(C, sent[C], 0, MQG_TCP_RST, NULL, 0).ended);
	assert_int_equal(client.phase, MQGATE_PHASE_CLOSING);
	assert_true(mqg_session_reset_seen(&client, C));
	passes(S, BYTES(0xD0, 0));
	assert_int_equal(client.phase, MQGATE_PHASE_CLOSING);
	passes(C, BYTES(0xC0, 0));
	assert_int_equal(client.phase, MQGATE_PHASE_CONNECTED);
	assert_false(mqg_session_reset_seen(&client, C));
	assert_int_equal(client.flags & MQGATE_CLIENT_F_UNVALIDATED, 0);
	violates(C, MQGATE_REASON_MQTT_DIRECTION, BYTES(CONNACK4));
}

/* A server's, with the client's bytes under way: they revive nothing, its own word does. */
static void test_reset_through_server(void **unused)
{
	(void)unused;
	connect4();
	assert_false(segment_at(S, sent[S], 0, MQG_TCP_RST, NULL, 0).ended);
	passes(C, BYTES(PUBLISH));
	assert_int_equal(client.phase, MQGATE_PHASE_CLOSING);
	passes(S, NULL, 0);
	assert_int_equal(client.phase, MQGATE_PHASE_CONNECTED);
	assert_false(segment_at(S, sent[S], 0, MQG_TCP_RST, NULL, 0).ended);
	passes(C, BYTES(0xE0, 0));
	passes(S, NULL, 0);
	assert_int_equal(client.phase, MQGATE_PHASE_CLOSING);
}

/* Before CONNACK the phase stays, or a RST now and then would move its deadline. */
static void test_reset_through_opening(void **unused)
{
	(void)unused;
	assert_false(segment_at(C, sent[C], 0, MQG_TCP_RST, NULL, 0).ended);
	assert_int_equal(client.phase, MQGATE_PHASE_CONNECT);
	assert_true(mqg_session_reset_seen(&client, C));
	assert_int_equal(filed, 1);
	connect4();
	assert_false(mqg_session_reset_seen(&client, C));
}

/* Neither below nothing nor over what fits: it stays, and is a lower bound. */
static void test_in_flight_bounds(void **unused)
{
	(void)unused;
	connect4();
	for (u32 i = 0; i < 70000; i++) {
		const u8 publish[] = { 0x32, 5, 0, 1, 't', (u8)((i % 65535 + 1) >> 8),
				       (u8)(i % 65535 + 1) };

		passes(C, publish, sizeof(publish));
		passes(S, NULL, 0);
	}
	assert_int_equal(client.in_flight[C], U16_MAX);
	for (u32 i = 0; i < 70000; i++) {
		const u8 puback[] = { 0x40, 2, (u8)((i % 65535 + 1) >> 8), (u8)(i % 65535 + 1) };

		passes(S, puback, sizeof(puback));
		passes(C, NULL, 0);
	}
	assert_int_equal(client.in_flight[C], 0);
	assert_int_equal(client.in_flight[S], 0);
	assert_int_equal(held(), 0);
}

static void test_urgent(void **unused)
{
	(void)unused;
	connect4();
	assert_int_equal(next_segment(C, MQG_TCP_URG, BYTES(PUBLISH)).reason,
			 MQGATE_REASON_TCP_URGENT);
}

static void test_without_ack(void **unused)
{
	(void)unused;
	assert_int_equal(segment_at(C, sent[C], 0, 0, BYTES(CONNECT4)).reason,
			 MQGATE_REASON_TCP_FLAGS);
	connect4();
}

static void test_no_memory(void **unused)
{
	struct mqg_judgement j;

	(void)unused;
	held();
	no_memory = true;
	j = segment_at(C, sent[C], sent[S], MQG_TCP_ACK, BYTES(CONNECT4));
	assert_int_equal(j.verdict, MQG_DROP);
	assert_int_equal(j.reason, MQGATE_REASON_STREAM_MEMORY);
	no_memory = false;
	connect4();
}

static void test_observe_gives_up(void **unused)
{
	(void)unused;
	enforce = false;
	violates(C, MQGATE_REASON_MQTT_NOT_CONNECT, BYTES(PUBLISH));
	assert_true(client.flags & MQGATE_CLIENT_F_UNVALIDATED);
	assert_int_equal(client.phase, MQGATE_PHASE_CONNECTED);
	assert_int_equal(held(), 0);
	passes(C, BYTES(1, 2, 3));
	assert_int_equal(mqg_session_next(&client, C), sent[C]);
}

static void test_pickup(void **unused)
{
	(void)unused;
	mqg_session_end(&client);
	start(false, MQGATE_CLIENT_F_PICKUP | MQGATE_CLIENT_F_UNVALIDATED);
	passes(C, BYTES(1, 2, 3));
	passes(S, BYTES(4, 5));
	next_segment(C, MQG_TCP_FIN, NULL, 0);
	next_segment(S, MQG_TCP_FIN, NULL, 0);
	assert_true(next_segment(C, 0, NULL, 0).ended);
}

static void test_tls(void **unused)
{
	static const u8 record[64] = { 22, 3, 1 };

	(void)unused;
	mqg_session_end(&client);
	start(true, MQGATE_CLIENT_F_TLS);
	passes(C, record, sizeof(record));
	passes(C, record, sizeof(record));
	passes(S, record, sizeof(record));
	passes(S, record, sizeof(record));
	assert_int_equal(client.phase, MQGATE_PHASE_HANDSHAKE);
	passes(C, record, sizeof(record));
	assert_int_equal(client.phase, MQGATE_PHASE_HANDSHAKE);
	passes(S, record, sizeof(record));
	assert_int_equal(client.phase, MQGATE_PHASE_CONNECTED);
	assert_int_equal(held(), 0);
}

static void test_long_id(void **unused)
{
	static u8 packet[314] = { 0x10, 0xB7, 2, 0, 4, 'M', 'Q', 'T', 'T', 4, 2, 0, 60, 1, 43 };

	(void)unused;
	memset(packet + 15, 'i', 299);
	passes(C, packet, sizeof(packet) - 1);
	assert_int_equal(client.phase, MQGATE_PHASE_CONNECT);
	passes(C, packet + sizeof(packet) - 1, 1);
	assert_int_equal(client.phase, MQGATE_PHASE_CONNACK);
	assert_int_equal(name_length, MQGATE_CLIENT_ID_KEPT);
	assert_true(client.flags & MQGATE_CLIENT_F_ID_CUT);
}

int main(void)
{
#define TEST(function, title) { title, function, setup, teardown, NULL }
	const struct CMUnitTest tests[] = {
		TEST(test_connect, "CONNECT and CONNACK make a session"),
		TEST(test_one_byte_a_segment, "one byte a segment (ATTACKS 13)"),
		TEST(test_offence_one_byte_a_segment,
		     "an offence in pieces of one byte (ATTACKS 13, 14)"),
		TEST(test_reversed, "reversed, across the wrap (ATTACKS 13, 30)"),
		TEST(test_idle_holds_nothing, "an idle session holds no memory"),
		TEST(test_lie_in_flight, "a retransmission with other bytes (ATTACKS 13)"),
		TEST(test_not_connect, "a first packet that is no CONNECT (ATTACKS 7)"),
		TEST(test_connect_again, "a second CONNECT (ATTACKS 7)"),
		TEST(test_server_only, "a server-only packet from a client (ATTACKS 14)"),
		TEST(test_second_connack, "a second CONNACK"),
		TEST(test_server_first, "a server that speaks before CONNECT"),
		TEST(test_publish_before_connack_from_server, "a server's PUBLISH before CONNACK"),
		TEST(test_pipelined, "packets behind CONNECT do not wait for CONNACK"),
		TEST(test_refused, "a CONNACK that refuses"),
		TEST(test_empty_id, "an empty client id is the broker's to refuse (ATTACKS 6)"),
		TEST(test_auth, "AUTH before CONNACK, version 5"),
		TEST(test_disconnect, "nothing behind DISCONNECT"),
		TEST(test_in_flight, "QoS 1 and 2 in flight are counted (ATTACKS 18)"),
		TEST(test_close, "both FINs acknowledged end the connection"),
		TEST(test_reset_exact, "a RST counts only where the server takes it (ATTACKS 30)"),
		TEST(test_reset_in_flight, "a RST that may be lost ends nothing (ATTACKS 30)"),
		TEST(test_urgent, "an urgent pointer (ATTACKS 13)"),
		TEST(test_without_ack, "a segment without ACK is not read"),
		TEST(test_no_memory, "without memory a segment comes again (ATTACKS 31)"),
		TEST(test_observe_gives_up, "in observe a violation ends the following"),
		TEST(test_pickup, "an older flow is followed by its numbers"),
		TEST(test_tls, "a TLS handshake by its turns"),
		TEST(test_reset_through, "a RST of a client that goes through, and the client on"),
		TEST(test_reset_through_server, "a RST of a server that goes through"),
		TEST(test_reset_through_opening, "a RST before CONNACK moves no deadline"),
		TEST(test_in_flight_bounds, "in flight stays within its bounds (ATTACKS 18)"),
		TEST(test_long_id, "a client identifier over 256 bytes is cut, and flagged"),
	};

	return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
