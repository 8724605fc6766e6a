// SPDX-License-Identifier: BSD-2-Clause
/*
 * A session among servers that die at any moment, at random: a client and a server that keep the
 * rules of MQTT, with the gateway's packets between them, and what has to be true of every message
 * whenever it is acknowledged and when all has come to rest. The seed of a failure is told; it is
 * the first argument of a run of its own.
 */
#include "hold_stage.h"

#include <stdio.h>

#define ROUNDS		4000
#define STEPS		700
#define IDS		64
#define MESSAGES	1024
#define FILTERS		4	/* a to d */
#define WINDOW		6	/* of the client */
#define RECEIVE_MAX	2	/* of the client, MQTT 5: message_stage.c */

static uint32_t state;

static uint32_t chance(uint32_t of)
{
	state ^= state << 13;
	state ^= state >> 17;
	state ^= state << 5;
	return state % of;
}

struct bytes {
	uint8_t	data[65536];
	size_t	len;
};

static void put(struct bytes *b, const void *data, size_t len)
{
	assert_true(len <= sizeof(b->data) - b->len);
	memcpy(b->data + b->len, data, len);
	b->len += len;
}

static void drop(struct bytes *b, size_t len)
{
	b->len -= len;
	memmove(b->data, b->data + len, b->len);
}

static void put_ack(struct bytes *b, uint8_t type, uint16_t id)
{
	const uint8_t packet[] = { type, 2, (uint8_t)(id >> 8), (uint8_t)id };

	put(b, packet, sizeof(packet));
}

static bool five;

/* One whole packet at its begin; the identifier and the number of a message where they are. */
struct packet {
	uint8_t		type, qos, topic;
	bool		dup;
	uint16_t	id, number;
	size_t		len;
	const uint8_t	*body;
};

static bool read_packet(const struct bytes *b, struct packet *p)
{
	const uint8_t *at = b->data;

	if (b->len < 2 || b->len < 2U + at[1])
		return false;
	assert_true(at[1] < 128);
	memset(p, 0, sizeof(*p));
	p->type = at[0] >> 4;
	p->len = 2U + at[1];
	p->body = at + 2;
	if (p->type != 3) {
		p->id = p->len > 3 ? (uint16_t)(at[2] << 8 | at[3]) : 0;
		return true;
	}
	p->qos = at[0] >> 1 & 3;
	p->dup = at[0] & 8;
	p->topic = at[4];
	at += 5;
	if (p->qos)
		p->id = (uint16_t)(at[0] << 8 | at[1]);
	at += p->qos ? 2 : 0;
	at += five;
	p->number = (uint16_t)(at[0] << 8 | at[1]);
	return true;
}

/* ---- what became of each message ------------------------------------------------------------ */

static struct {
	uint8_t	up_qos[MESSAGES], published[MESSAGES];	/* up: times that a server published it */
	bool	arrived[MESSAGES];			/* down: the client has taken it */
} books;

/* ---- the server ----------------------------------------------------------------------------- */

struct delivery {
	uint16_t	number;
	uint8_t		qos, stage;	/* 0: none; 1: published, 2: received */
};

/* What a server keeps of the session. */
struct session {
	bool		received[IDS];		/* QoS 2 */
	uint16_t	numbers[IDS];
	struct delivery	out[IDS];
	uint8_t		options[FILTERS];	/* + 1; 0: none */
	uint16_t	next_id;
};

static struct session at_server;
static struct bytes to_server, from_server;
static bool shared;			/* the next server has what this one had */
static bool connected_now;
static uint16_t next_delivery;
static uint16_t newest;			/* of QoS 1 */

static void put_publish(struct bytes *b, uint8_t first, uint8_t topic, uint16_t id,
			uint16_t number)
{
	uint8_t packet[16], *at = packet + 2;

	*at++ = 0;
	*at++ = 1;
	*at++ = topic;
	if (first & 6) {
		*at++ = (uint8_t)(id >> 8);
		*at++ = (uint8_t)id;
	}
	if (five)
		*at++ = 0;
	*at++ = (uint8_t)(number >> 8);
	*at++ = (uint8_t)number;
	*at++ = '.';
	packet[0] = first;
	packet[1] = (uint8_t)(at - packet - 2);
	put(b, packet, (size_t)(at - packet));
}

static void publish_here(uint16_t number)
{
	books.published[number]++;
}

static void serve_publish(const struct packet *p)
{
	if (p->qos == 1) {
		/* 4.6: in the order in which the client sent them, the first time. */
		if (!books.published[p->number]) {
			assert_true(p->number > newest);
			newest = p->number;
		}
		publish_here(p->number);
		put_ack(&from_server, 0x40, p->id);
	} else if (p->qos == 2) {
		if (!at_server.received[p->id])
			at_server.numbers[p->id] = p->number;
		assert_int_equal(at_server.numbers[p->id], p->number);
		at_server.received[p->id] = true;
		put_ack(&from_server, 0x50, p->id);
	}
}

/* A SUBSCRIBE of several filters of a letter each, or an UNSUBSCRIBE of one. */
static void serve_subscribe(const struct packet *p)
{
	const uint8_t *at = p->body + 2 + five, *end = p->body + p->len - 2;
	uint8_t answer[32] = { p->type == 8 ? 0x90 : 0xb0, 0, (uint8_t)(p->id >> 8),
			       (uint8_t)p->id };
	size_t n = 4U + five;

	for (; at < end; at += 3 + (p->type == 8)) {
		uint8_t qos = p->type == 8 ? at[3] & 3 : 0;

		assert_true(at[2] >= 'a' && at[2] < 'a' + FILTERS);
		at_server.options[at[2] - 'a'] = p->type == 8 ? qos + 1 : 0;
		if (p->type == 8 || five)
			answer[n++] = qos;
	}
	answer[1] = (uint8_t)(n - 2);
	put(&from_server, answer, n);
}

static void serve_answer(const struct packet *p)
{
	struct delivery *d = &at_server.out[p->id % IDS];

	assert_true(p->id < IDS);
	/* Nothing that it has not asked for, where it knows nothing of another server. */
	if (!shared)
		assert_true(d->qos == (p->type == 4 ? 1 : 2));
	if (d->qos && p->type != 7)
		assert_true(books.arrived[d->number]);
	if (p->type == 5) {
		d->stage = 2;
		put_ack(&from_server, 0x62, p->id);
	} else {
		if (!shared && p->type == 7)
			assert_int_equal(2, d->stage);
		memset(d, 0, sizeof(*d));
	}
}

static void serve(const struct packet *p)
{
	switch (p->type) {
	case 3:
		serve_publish(p);
		break;
	case 4:
	case 5:
	case 7:
		serve_answer(p);
		break;
	case 6:
		if (at_server.received[p->id])
			publish_here(at_server.numbers[p->id]);
		at_server.received[p->id] = false;
		put_ack(&from_server, 0x70, p->id);
		break;
	case 8:
	case 10:
		serve_subscribe(p);
		break;
	case 12:
		put(&from_server, "\xd0", 2);
		break;
	default:
		fail_msg("the server gets a packet of type %u", p->type);
	}
}

static void server_works(void)
{
	struct packet p;

	while (chance(4) && read_packet(&to_server, &p)) {
		serve(&p);
		drop(&to_server, p.len);
	}
}

static void server_delivers(void)
{
	uint8_t filter = (uint8_t)chance(FILTERS), qos = (uint8_t)chance(3), options;
	uint16_t id = at_server.next_id % (IDS - 1) + 1;
	unsigned int under_way = 0;

	options = at_server.options[filter];
	if (!connected_now || !options || next_delivery == MESSAGES)
		return;
	if (qos > options - 1)
		qos = (uint8_t)(options - 1);
	for (int i = 0; i < IDS; i++)
		under_way += at_server.out[i].qos > 0;
	if (qos && (at_server.out[id].qos || under_way == RECEIVE_MAX))
		return;
	if (qos) {
		at_server.next_id = id;
		at_server.out[id] = (struct delivery){ next_delivery, qos, 1 };
	}
	put_publish(&from_server, (uint8_t)(0x30 | qos << 1), (uint8_t)('a' + filter), id,
		    next_delivery++);
}

static void server_begins(void)
{
	const uint8_t connack[] = { 0x20, five ? 3 : 2, shared, 0, 0 };

	if (!shared)
		memset(&at_server, 0, sizeof(at_server));
	put(&from_server, connack, five ? 5 : 4);
	keep.moved = chance(2);
	for (uint16_t id = 1; id < IDS; id++) {
		struct delivery *d = &at_server.out[id];

		if (d->stage == 1)
			put_publish(&from_server, (uint8_t)(0x38 | d->qos << 1), 'x', id,
				    d->number);
		else if (d->stage == 2)
			put_ack(&from_server, 0x62, id);
	}
	connected_now = true;
}

/* ---- the client ----------------------------------------------------------------------------- */

static struct {
	struct bytes	says, pending;		/* on its way; what it has not answered yet */
	struct delivery	out[IDS];
	uint16_t	next_number, asked_id;
	uint8_t		asked, asked_options;	/* filter + 1 under way; 0 = none */
	uint8_t		options[FILTERS];	/* + 1; 0: none */
	bool		received[IDS];		/* QoS 2 */
	unsigned int	unanswered, pings;
} client;

static void client_publishes(void)
{
	uint8_t qos = (uint8_t)chance(3);
	unsigned int under_way = 0;
	uint16_t id = 0;

	for (uint16_t i = 1; i < IDS / 2; i++) {
		under_way += client.out[i].qos > 0;
		if (!client.out[i].qos && !id)
			id = i;
	}
	if (under_way == WINDOW || client.next_number == MESSAGES)
		return;
	put_publish(&client.says, (uint8_t)(0x30 | qos << 1), 'u', id, client.next_number);
	books.up_qos[client.next_number] = qos;
	if (qos)
		client.out[id] = (struct delivery){ client.next_number, qos, 1 };
	client.next_number++;
}

static void client_asks(void)
{
	uint8_t filter = (uint8_t)chance(FILTERS), qos = (uint8_t)chance(3);
	bool leaves = !chance(3);
	uint8_t packet[] = { leaves ? 0xa2 : 0x82, (uint8_t)(5 + five + !leaves), 0,
			     (uint8_t)(IDS / 2 + chance(8)), 0, 0, 1, 0, 0 };
	uint8_t *at = packet + 4 + five;

	if (client.asked)
		return;
	at[0] = 0;
	at[1] = 1;
	at[2] = (uint8_t)('a' + filter);
	at[3] = qos;
	put(&client.says, packet, 2U + packet[1]);
	client.asked = (uint8_t)(filter + 1);
	client.asked_id = packet[3];
	client.asked_options = leaves ? 0 : (uint8_t)(qos + 1);
}

static void client_gets_publish(const struct packet *p)
{
	if (p->qos == 1 || !p->qos)
		books.arrived[p->number] = true;
	if (p->qos)
		client.unanswered++;
	if (p->qos == 1)
		put_ack(&client.pending, 0x40, p->id);
	if (p->qos == 2) {
		if (!client.received[p->id])
			books.arrived[p->number] = true;
		else
			client.unanswered--;
		client.received[p->id] = true;
		put_ack(&client.pending, 0x50, p->id);
	}
	if (five && !shared)
		assert_true(client.unanswered <= RECEIVE_MAX);
}

static void client_gets_ack(const struct packet *p)
{
	struct delivery *d = &client.out[p->id % IDS];

	assert_true(p->id && p->id < IDS / 2);
	if (p->type == 5) {
		assert_int_equal(2, d->qos);
		d->stage = 2;
		put_ack(&client.pending, 0x62, p->id);
		return;
	}
	if (p->type == 4) {
		assert_int_equal(1, d->qos);
		assert_true(books.published[d->number] > 0);
	} else {
		assert_int_equal(2, d->qos);
		assert_int_equal(2, d->stage);
		if (shared)
			assert_int_equal(1, books.published[d->number]);
		else
			assert_true(books.published[d->number] <= 1);
	}
	memset(d, 0, sizeof(*d));
}

static void client_gets(const struct packet *p)
{
	switch (p->type) {
	case 3:
		client_gets_publish(p);
		break;
	case 4:
	case 5:
	case 7:
		client_gets_ack(p);
		break;
	case 6:
		client.received[p->id] = false;
		put_ack(&client.pending, 0x70, p->id);
		break;
	case 9:
	case 11:
		assert_true(client.asked);
		assert_int_equal(client.asked_id, p->id);
		client.options[client.asked - 1] = client.asked_options;
		client.asked = 0;
		break;
	case 13:
		assert_true(client.pings--);
		break;
	default:
		fail_msg("the client gets a packet of type %u", p->type);
	}
}

static void client_answers(void)
{
	if (!client.pending.len)
		return;
	if (client.pending.data[0] == 0x40 || client.pending.data[0] == 0x70)
		client.unanswered -= client.unanswered > 0;
	put(&client.says, client.pending.data, 4);
	drop(&client.pending, 4);
}

/* ---- between them --------------------------------------------------------------------------- */

static struct bytes to_client;

static void carry(void)
{
	struct packet p;

	put(&to_server, sent[MQG_UP], sent_len[MQG_UP]);
	put(&to_client, sent[MQG_DOWN], sent_len[MQG_DOWN]);
	sent_len[MQG_UP] = sent_len[MQG_DOWN] = 0;
	while (read_packet(&to_client, &p)) {
		client_gets(&p);
		drop(&to_client, p.len);
	}
}

static void move(enum mqg_way way, struct bytes *b, bool all)
{
	size_t len = all ? b->len : chance(b->len + 1);

	if (!len)
		return;
	if (len > 1000)
		len = 1000;
	assert_int_equal(0, take(way, b->data, len));
	drop(b, len);
	carry();
}

static void die(void)
{
	if (!connected_now || !mqg_message_between(&message, MQG_DOWN))
		return;
	assert_true(mqg_message_lose(&message));
	mqg_message_pong(&message);
	assert_int_equal(0, sent_len[MQG_UP]);
	to_server.len = from_server.len = 0;
	connected_now = false;
	carry();
}

static void step(bool peace)
{
	switch (chance(peace ? 8 : 11)) {
	case 0:
	case 1:
		move(MQG_UP, &client.says, peace);
		break;
	case 2:
	case 3:
		if (connected_now)
			move(MQG_DOWN, &from_server, peace);
		break;
	case 4:
	case 5:
		if (connected_now)
			server_works();
		else if (peace || !chance(4))
			server_begins();
		break;
	case 6:
	case 7:
		client_answers();
		break;
	case 8:
		client_publishes();
		if (!chance(3))
			client_asks();
		break;
	case 9:
		server_delivers();
		if (!chance(8)) {
			put(&client.says, "\xc0", 2);
			client.pings++;
		}
		break;
	case 10:
		if (!chance(6))
			die();
		break;
	}
}

static void is_at_rest(void)
{
	for (int i = 0; i < IDS; i++) {
		assert_int_equal(0, client.out[i].qos);
		assert_int_equal(0, at_server.out[i].qos);
		assert_false(at_server.received[i]);
	}
	for (int i = 0; i < FILTERS; i++)
		assert_int_equal(client.options[i], at_server.options[i]);
	for (int i = 1; i < client.next_number; i++)
		if (books.up_qos[i] == 1)
			assert_true(books.published[i] > 0);
	assert_int_equal(0, client.asked);
	assert_int_equal(0, client.pings);
	assert_int_equal(0, keep.n);
	assert_int_equal(0, counts.bytes);
}

static void walk(uint32_t seed)
{
	state = 0x9e3779b9U * (seed + 1);
	five = chance(2);
	shared = chance(2);
	memset(&books, 0, sizeof(books));
	memset(&client, 0, sizeof(client));
	memset(&at_server, 0, sizeof(at_server));
	to_server.len = from_server.len = to_client.len = 0;
	client.next_number = next_delivery = 1;
	newest = 0;
	held(five ? 5 : 4);
	keep.limits = (struct mqg_keep_limits){ 1000, 1 << 20, 1 << 30 };
	connected_now = true;
	for (int i = 0; i < STEPS; i++)
		step(false);
	for (int i = 0; i < 20 * STEPS; i++)
		step(true);
	is_at_rest();
}

static uint32_t only, under_way;

static int tell(void **unused)
{
	if (under_way != ROUNDS)
		print_message("seed %u\n", under_way);
	return held_end(unused);
}

static void nothing_is_lost_whatever_dies_when(void **unused)
{
	(void)unused;
	for (uint32_t seed = only; seed < (only ? only + 1 : ROUNDS); seed++) {
		under_way = seed;
		walk(seed);
	}
	under_way = ROUNDS;
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(nothing_is_lost_whatever_dies_when, tell),
	};

	if (argc > 1)
		only = (uint32_t)atoi(argv[1]);
	return cmocka_run_group_tests_name("resume_walk", tests, NULL, NULL) ? 1 : 0;
}
