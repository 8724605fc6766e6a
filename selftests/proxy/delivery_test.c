// SPDX-License-Identifier: BSD-2-Clause
/* Messages of absent clients on one connection: what is sent, when it is done, what goes back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "hold/delivery.h"

static struct mqg_delivery *delivery;
static char todo[64], taken[64], refused[64], returned[64];
static uint8_t wire[4096];
static size_t on_wire;
static bool full, broken;

/* ---- in the place of half.c ------------------------------------------------------------------ */

enum mqg_pump mqg_half_send(struct mqg_half *half, const void *data, size_t len)
{
	if (broken)
		return MQG_PUMP_WRITE_FAILED;
	memcpy(wire + on_wire, data, len);
	on_wire += len;
	if (full)
		half->data = wire;
	return full ? MQG_PUMP_WAIT : MQG_PUMP_END;
}

enum mqg_pump mqg_half_flush(struct mqg_half *half)
{
	if (!full)
		half->data = NULL;
	return full ? MQG_PUMP_WAIT : MQG_PUMP_END;
}

void mqg_half_drop(struct mqg_half *half)
{
	half->data = NULL;
}

/* ---- whose messages they are ----------------------------------------------------------------- */

static void note(char *list, char what)
{
	list[strlen(list)] = what;
}

/* A letter a message, its identifier and its payload; upper case is QoS 2, "?" is no packet. */
static struct mqg_parcel next(void *owner)
{
	char one = todo[0];
	struct mqg_kept *kept;
	bool two = one < 'a' && one != '?';
	uint8_t *at;

	(void)owner;
	if (!one)
		return (struct mqg_parcel){ 0 };
	memmove(todo, todo + 1, sizeof(todo) - 1);
	kept = calloc(1, sizeof(*kept) + 16);
	kept->id = (uint16_t)one;
	kept->kind = two ? MQG_FLOW_QOS2 : MQG_FLOW_QOS1;
	at = kept->packet;
	*at++ = two ? 0x3c : one == 'r' ? 0x3b : 0x3a;	/* with DUP; r: with RETAIN */
	*at++ = delivery->level == 5 ? 7 : 6;
	memcpy(at, "\0\1t\0", 4);
	at[4] = (uint8_t)one;
	at += 5;
	if (delivery->level == 5)
		*at++ = 0;
	*at++ = one == '?' ? 'x' : (uint8_t)one;
	kept->filled = (uint32_t)(at - kept->packet) - (one == '?');
	return (struct mqg_parcel){ .kept = kept, .client = strdup("c") };
}

static void done(void *owner, const struct mqg_kept *kept, uint8_t code)
{
	(void)owner;
	note(code < 0x80 ? taken : refused, (char)kept->id);
}

static void back(void *owner, struct mqg_parcel *parcel)
{
	const uint8_t *packet = parcel->kept->packet;

	(void)owner;
	/* As it came, but for DUP. */
	assert_int_equal(parcel->kept->id, packet[6]);
	assert_int_equal(parcel->kept->kind == MQG_FLOW_QOS1, parcel->kept->sent);
	note(returned, (char)parcel->kept->id);
	mqg_parcel_free(parcel);
}

static const struct mqg_delivery_ops ops = { .next = next, .done = done, .back = back };

/* @connack: of MQTT 5, or "" for one of 3.1.1. */
static bool begin(const char *messages, const char *connack, size_t len)
{
	memset(taken, 0, sizeof(taken));
	memset(refused, 0, sizeof(refused));
	memset(returned, 0, sizeof(returned));
	memset(todo, 0, sizeof(todo));
	strcpy(todo, messages);
	on_wire = 0;
	full = broken = false;
	delivery = mqg_delivery_alloc(&ops, NULL, NULL, len ? 5 : 4);
	memcpy(delivery->room, connack, len);
	return mqg_delivery_begin(delivery, len);
}

#define BEGIN(messages, connack) begin(messages, connack, sizeof(connack) - 1)

static void end(const char *t, const char *r, const char *b)
{
	mqg_delivery_free(delivery);
	assert_string_equal(t, taken);
	assert_string_equal(r, refused);
	assert_string_equal(b, returned);
}

/* What went over the wire since the last look: of a PUBLISH its payload, of a PUBREL its number. */
static void went(const char *wanted)
{
	char got[64] = "";

	for (size_t i = 0; i < on_wire; i += 2U + wire[i + 1]) {
		if (wire[i] >> 4 == MQP_PUBLISH) {
			assert_int_equal(0, wire[i] & 8);
			note(got, (char)wire[i + 1 + wire[i + 1]]);
		} else {
			assert_int_equal(0x62, wire[i]);
			note(got, (char)('0' + wire[i + 3]));
		}
	}
	on_wire = 0;
	assert_string_equal(wanted, got);
}

static bool says(uint8_t type, uint8_t id, int code)
{
	const uint8_t packet[] = { type, code < 0 ? 2 : 3, 0, id, (uint8_t)code };

	return mqg_delivery_hear(delivery, packet, code < 0 ? 4 : 5) &&
	       mqg_delivery_send(delivery);
}

static void more_go_as_the_server_takes_them(void **state)
{
	(void)state;
	assert_true(BEGIN("abcdefgh", ""));
	assert_true(mqg_delivery_send(delivery));
	went("a");
	assert_true(says(0x40, 1, -1));
	went("bc");
	assert_true(says(0x40, 2, -1));
	went("def");
	assert_true(says(0x40, 1, -1));
	went("gh");
	end("acb", "", "hgfed");
}

static void at_most_twenty_are_under_way(void **state)
{
	const char *many = "abcdefghijklmnopqstuvwxyzabcdefghijklmnopqstuvwxyz";

	(void)state;
	assert_true(BEGIN(many, ""));
	assert_true(mqg_delivery_send(delivery));
	for (int i = 0; i < 5; i++)
		assert_true(says(0x40, 1, -1));
	assert_int_equal(MQG_DELIVERY_MAX, delivery->n);
	mqg_delivery_free(delivery);
	/* Receive Maximum 2, in properties of five bytes with Topic Alias Maximum. */
	assert_true(BEGIN(many, "\x20\x09\0\0\6\x21\0\2\x22\0\1"));
	assert_true(mqg_delivery_send(delivery));
	for (int i = 0; i < 3; i++)
		assert_true(says(0x40, 1, -1));
	assert_int_equal(2, delivery->n);
	mqg_delivery_free(delivery);
}

static void qos2_goes_in_three_steps(void **state)
{
	(void)state;
	assert_true(BEGIN("ABC", ""));
	assert_true(mqg_delivery_send(delivery));
	went("A");
	assert_true(says(0x50, 1, -1));
	went("1");
	assert_string_equal("", taken);
	assert_true(says(0x70, 1, -1));
	went("BC");
	assert_true(says(0x50, 2, -1));
	went("2");
	/* B goes back, nothing of it is known to a server any more; C has been released. */
	end("AC", "", "B");
}

static void what_was_not_released_goes_back(void **state)
{
	(void)state;
	assert_true(BEGIN("A", ""));
	assert_true(mqg_delivery_send(delivery));
	full = true;
	assert_true(says(0x50, 1, -1));
	end("", "", "A");
	assert_true(BEGIN("A", ""));
	assert_true(mqg_delivery_send(delivery));
	full = true;
	assert_true(says(0x50, 1, -1));
	full = false;
	assert_true(mqg_delivery_flush(delivery));
	end("A", "", "");
}

static void a_server_says_no(void **state)
{
	(void)state;
	assert_true(BEGIN("aBc", "\x20\3\0\0\0"));
	assert_true(mqg_delivery_send(delivery));
	assert_true(says(0x40, 1, 0x87));
	assert_true(says(0x50, 1, 0x97));
	assert_true(says(0x40, 2, 0x10));
	end("c", "aB", "");
}

static void what_a_server_does_not_take_is_not_sent(void **state)
{
	(void)state;
	/* Maximum QoS 1, Retain Available 0, Maximum Packet Size 9: one with properties has 9. */
	assert_true(BEGIN("?Ara", "\x20\7\0\0\4\x24\1\x25\0"));
	assert_true(mqg_delivery_send(delivery));
	went("a");
	end("", "?Ar", "a");
	assert_true(BEGIN("a", "\x20\x08\0\0\5\x27\0\0\0\x08"));
	assert_true(mqg_delivery_send(delivery));
	went("");
	end("", "a", "");
	assert_true(BEGIN("a", "\x20\x08\0\0\5\x27\0\0\0\x09"));
	assert_true(mqg_delivery_send(delivery));
	went("a");
	end("", "", "a");
	/* Receive Maximum 0 is malformed. */
	assert_false(BEGIN("a", "\x20\6\0\0\3\x21\0\0"));
	end("", "", "");
}

static void what_nobody_asked_for_ends_the_connection(void **state)
{
	static const struct {
		uint8_t type, id;
	} bad[] = {
		{ 0x40, 2 }, { 0x40, 21 }, { 0x40, 0 }, { 0x50, 1 }, { 0x70, 1 }, { 0x90, 1 },
	};
	const uint8_t publish[] = { 0x30, 3, 0, 1, 't' };

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_true(BEGIN("a", ""));
		assert_true(mqg_delivery_send(delivery));
		assert_false(says(bad[i].type, bad[i].id, -1));
		end("", "", "a");
	}
	assert_true(BEGIN("A", ""));
	assert_true(mqg_delivery_send(delivery));
	assert_false(says(0x70, 1, -1));
	end("", "", "A");
	assert_true(BEGIN("", ""));
	assert_false(mqg_delivery_hear(delivery, publish, sizeof(publish)));
	end("", "", "");
}

static void nothing_is_taken_for_a_socket_that_is_full(void **state)
{
	(void)state;
	assert_true(BEGIN("abc", ""));
	full = true;
	delivery->window = 3;
	assert_true(mqg_delivery_send(delivery));
	went("a");
	assert_true(mqg_delivery_send(delivery));
	went("");
	full = false;
	assert_true(mqg_delivery_send(delivery));
	went("bc");
	broken = true;
	strcpy(todo, "d");
	assert_false(says(0x40, 1, -1));
	end("a", "", "dcb");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(more_go_as_the_server_takes_them),
		cmocka_unit_test(at_most_twenty_are_under_way),
		cmocka_unit_test(qos2_goes_in_three_steps),
		cmocka_unit_test(what_was_not_released_goes_back),
		cmocka_unit_test(a_server_says_no),
		cmocka_unit_test(what_a_server_does_not_take_is_not_sent),
		cmocka_unit_test(what_nobody_asked_for_ends_the_connection),
		cmocka_unit_test(nothing_is_taken_for_a_socket_that_is_full),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
