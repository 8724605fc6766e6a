// SPDX-License-Identifier: BSD-2-Clause
/* When there is a connection of the courier's, and to whom; see courier.h. */
#include "hold/courier.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/rand.h>

#include "proxy/storing.h"
#include "system/log.h"

#define TICK_MS		100
#define SECOND		1000000000ULL
/* So long is a client waited for that may only have lost its network. */
#define GRACE_NS	(5 * SECOND)
/* Behind a connection that failed, and behind a server that says no. */
#define REST_NS		SECOND
#define REFUSED_REST_NS	(10 * SECOND)
/* A server that says nothing for so long is not waited for. */
#define ANSWER_NS	(10 * SECOND)
/* A connection without work is kept so long. */
#define IDLE_NS		SECOND
#define KEEP_ALIVE	60
#define SAY_NS		(60 * SECOND)
/* Reads in one turn. */
#define ROUNDS		16

static uint64_t now_of(const struct mqg_courier_line *line)
{
	return *line->courier->now;
}

/* Away for so long that somebody else may go. */
static uint64_t before(const struct mqg_courier *courier)
{
	return *courier->now > GRACE_NS ? *courier->now - GRACE_NS : 0;
}

/* NULL: a change has taken its server away. */
static const struct mqg_route *route_of(const struct mqg_courier_line *line)
{
	const struct mqg_routes *routes = line->courier->routes;

	for (size_t i = 0; i < routes->n; i++)
		if (routes->list[i].state == line->server)
			return &routes->list[i];
	return NULL;
}

/* ---- what is under way ----------------------------------------------------------------------- */

static struct mqg_parcel next(void *owner)
{
	const struct mqg_courier_line *line = owner;
	const struct mqg_courier *courier = line->courier;

	if (courier->leaving || !route_of(line) ||
	    atomic_load_explicit(&line->server->draining, memory_order_relaxed))
		return (struct mqg_parcel){ 0 };
	return mqg_parked_next(courier->storing->parked, courier->pool->name, line->level,
			       before(courier));
}

/* Once a minute. */
static bool may_say(struct mqg_courier *courier)
{
	if (courier->said && *courier->now - courier->said < SAY_NS)
		return false;
	courier->said = *courier->now;
	return true;
}

static void done(void *owner, const struct mqg_kept *kept, uint8_t code)
{
	struct mqg_courier_line *line = owner;
	struct mqg_courier *courier = line->courier;
	struct mqg_hold_counts *counts = &courier->pool->hold;

	line->heard = now_of(line);
	mqg_journal_done(courier->storing->journal, courier->worker, kept->record);
	atomic_fetch_add_explicit(code < 0x80 ? &counts->delivered : &counts->refused, 1,
				  memory_order_relaxed);
	if (code >= 0x80 && may_say(courier))
		mqg_log(MQG_LOG_WARNING, MQG_LOG_PROXY, "broker %s: %s does not take what was "
			"stored for absent clients (0x%02x); it is dropped, %llu messages so far. "
			"Let client identifiers that begin with \"mqgate-hold-\" publish there",
			courier->pool->name, line->server->address, code,
			(unsigned long long)atomic_load(&counts->refused));
}

/* Its client's turn comes later again: should it be the reason, others do not suffer. */
static void back(void *owner, struct mqg_parcel *parcel)
{
	const struct mqg_courier_line *line = owner;

	mqg_parked_return(line->courier->storing->parked, line->courier->pool->name, parcel,
			  now_of(line));
}

static const struct mqg_delivery_ops ops = { .next = next, .done = done, .back = back };

/* ---- the end of a connection ----------------------------------------------------------------- */

static void hang_up(struct mqg_courier_line *line, uint64_t rest)
{
	mqg_delivery_free(line->delivery);
	line->delivery = NULL;
	mqg_visit_close(&line->visit);
	if (line->server)
		mqg_server_leave(line->server);
	line->server = NULL;
	line->rests_until = now_of(line) + rest;
}

/* Nothing is under way. */
static void say_goodbye(struct mqg_courier_line *line)
{
	static const uint8_t bye[] = { 0xe0, 0 };

	(void)!mqg_stream_write(&line->visit.stream, bye, sizeof(bye));
	mqg_stream_finish(&line->visit.stream);
	hang_up(line, 0);
}

/* The server could not be reached. */
static void fail(struct mqg_courier_line *line, const char *why)
{
	mqg_server_failed(line->server, &line->courier->broker->health, now_of(line), false, why);
	hang_up(line, REST_NS);
}

static void refused(struct mqg_courier_line *line)
{
	if (may_say(line->courier))
		mqg_log(MQG_LOG_WARNING, MQG_LOG_PROXY, "broker %s: %s refuses the CONNECT for "
			"messages of absent clients (0x%02x); let client identifiers that begin "
			"with \"mqgate-hold-\" in, or give the broker username and password",
			line->courier->pool->name, line->server->address,
			line->visit.connack.code);
	hang_up(line, REFUSED_REST_NS);
}

/* ---- its beginning --------------------------------------------------------------------------- */

/* Its server is one of the broker's as long as it has not been accepted. */
static struct mqg_visit_to whom(const struct mqg_courier_line *line)
{
	return (struct mqg_visit_to){
		.broker = line->courier->broker, .server = route_of(line)->config,
		.state = line->server, .tls = line->courier->routes->tls,
	};
}

static void ready(struct mqg_watch *watch, uint32_t events);

static void dial(struct mqg_courier_line *line)
{
	struct mqg_courier *courier = line->courier;
	const struct mqg_broker *broker = courier->broker;
	uint64_t now = now_of(line), tried = 0;
	struct mqg_visit_to to;
	bool full;
	int i, err;

	if (!mqg_pool_has_room(courier->routes, broker, now) ||
	    !mqg_pace_take(&courier->pool->reconnects, now, broker->away.reconnects))
		return;
	i = mqg_pool_choose(courier->routes, broker,
			    mqg_pool_key(line->client_id, strlen(line->client_id)), &tried, now,
			    &full);
	if (i < 0)
		return;
	line->server = courier->routes->list[i].state;
	line->begun = now;
	to = whom(line);
	err = mqg_visit_begin(&line->visit, &to, courier->mark, courier->epfd, ready);
	if (err)
		fail(line, strerror(-err));
}

static void ask(struct mqg_courier_line *line)
{
	const struct mqg_visit_to to = whom(line);
	const char *why = strerror(ENOMEM);

	line->begun = now_of(line);
	line->delivery = mqg_delivery_alloc(&ops, line, &line->visit.stream, line->level);
	if (!line->delivery ||
	    mqg_visit_ask(&line->visit, &to, &(struct mqg_visit_name){
		    .client_id = line->client_id, .level = line->level, .keep_alive = KEEP_ALIVE,
		    .room = line->delivery->room, .size = sizeof(line->delivery->room),
	    }, &why))
		fail(line, why);
}

/* ---- an accepted connection ------------------------------------------------------------------ */

static void lose(struct mqg_courier_line *line)
{
	mqg_log(MQG_LOG_NOTICE, MQG_LOG_PROXY, "broker %s: %s: the connection for messages of "
		"absent clients failed, with %u under way; they wait for the next one",
		line->courier->pool->name, line->server->address, line->delivery->n);
	hang_up(line, REST_NS);
}

static void work(struct mqg_courier_line *line)
{
	bool idle = !line->delivery->n;

	if (!mqg_delivery_send(line->delivery))
		lose(line);
	else if (idle && line->delivery->n)
		line->heard = now_of(line);
}

static void hear(struct mqg_courier_line *line)
{
	struct mqg_delivery *delivery = line->delivery;

	for (int i = 0; i < ROUNDS; i++) {
		ssize_t n = mqg_stream_read(&line->visit.stream, delivery->room,
					    sizeof(delivery->room));

		if (n == -EAGAIN)
			break;
		line->heard = now_of(line);
		if (n <= 0 || !mqg_delivery_hear(delivery, delivery->room, (size_t)n)) {
			lose(line);
			return;
		}
	}
	work(line);
}

static void accepted(struct mqg_courier_line *line)
{
	struct mqg_delivery *delivery = line->delivery;
	size_t len = line->visit.connack.total;

	line->heard = now_of(line);
	mqg_server_passed(line->server, &line->courier->broker->health, now_of(line), false);
	if (mqg_delivery_begin(delivery, len) &&
	    mqg_delivery_hear(delivery, delivery->room + len, line->visit.filled - len))
		hear(line);
	else
		lose(line);
}

static void ready(struct mqg_watch *watch, uint32_t events)
{
	struct mqg_courier_line *line = mqg_container_of(watch, struct mqg_courier_line,
							 visit.stream.watch);
	struct mqg_visit_to to;
	const char *why;
	int err;

	if (line->visit.stage == MQG_VISIT_IDLE)
		return;
	mqg_stream_wake(&line->visit.stream, events);
	if (line->visit.stage == MQG_VISIT_ACCEPTED) {
		hear(line);
		return;
	}
	to = whom(line);
	err = mqg_visit_step(&line->visit, &to, &why);
	if (err == -EAGAIN)
		return;
	if (err == -EACCES)
		refused(line);
	else if (err)
		fail(line, why);
	else if (line->visit.stage == MQG_VISIT_ACCEPTED)
		accepted(line);
	else
		ask(line);
}

/* ---- every 100 ms ---------------------------------------------------------------------------- */

static bool is_late(const struct mqg_courier_line *line, uint64_t since, uint64_t most)
{
	return now_of(line) - since >= most;
}

static void judge(struct mqg_courier_line *line)
{
	if (line->delivery->n && is_late(line, line->heard, ANSWER_NS))
		lose(line);
	else if (!line->delivery->n && (line->courier->leaving ||
					is_late(line, line->heard, IDLE_NS)))
		say_goodbye(line);
}

static void look(struct mqg_courier_line *line)
{
	struct mqg_courier *courier = line->courier;

	switch (line->visit.stage) {
	case MQG_VISIT_IDLE:
		if (!courier->leaving && now_of(line) >= line->rests_until &&
		    mqg_parked_waits(courier->storing->parked, courier->pool->name, line->level,
				     before(courier)))
			dial(line);
		return;
	case MQG_VISIT_ACCEPTED:
		hear(line);
		if (line->visit.stage == MQG_VISIT_ACCEPTED)
			judge(line);
		return;
	default:
		if (is_late(line, line->begun, courier->broker->connect_timeout_ms * 1000000ULL))
			fail(line, line->visit.stage == MQG_VISIT_ASKS ?
				   "does not answer a CONNECT" : strerror(ETIMEDOUT));
	}
}

static void tick(struct mqg_timer *timer)
{
	struct mqg_courier *courier = mqg_container_of(timer, struct mqg_courier, tick);

	mqg_timer_arm(timer, &courier->every, *courier->now);
	for (size_t i = 0; courier->storing->parked && i < MQG_COURIER_LINES; i++)
		look(&courier->lines[i]);
}

void mqg_courier_init(struct mqg_courier *courier, const struct mqg_courier_place *place,
		      struct mqg_pool *pool)
{
	courier->storing = place->storing;
	courier->worker = place->worker;
	courier->epfd = place->epfd;
	courier->now = place->now;
	courier->pool = pool;
	mqg_timer_class_init(place->timers, &courier->every, TICK_MS);
	mqg_timer_init(&courier->tick, tick);
	for (size_t i = 0; i < MQG_COURIER_LINES; i++) {
		struct mqg_courier_line *line = &courier->lines[i];
		uint32_t own = 0;

		/* Others do so, too: in another process, on another host, at the same server. */
		RAND_bytes((unsigned char *)&own, sizeof(own));
		snprintf(line->client_id, sizeof(line->client_id), "mqgate-hold-%08x", own);
		line->courier = courier;
		line->level = i == MQG_COURIER_FIVE ? MQW_LEVEL_5 : MQW_LEVEL_311;
		line->visit.stream.fd = -1;
	}
}

void mqg_courier_start(struct mqg_courier *courier, const struct mqg_broker *broker,
		       struct mqg_routes *routes, uint32_t mark)
{
	courier->broker = broker;
	courier->routes = routes;
	courier->mark = mark;
	for (size_t i = 0; i < MQG_COURIER_LINES; i++)
		if (courier->lines[i].visit.stage != MQG_VISIT_ACCEPTED)
			hang_up(&courier->lines[i], 0);
	mqg_timer_arm(&courier->tick, &courier->every, *courier->now);
}

void mqg_courier_leave(struct mqg_courier *courier)
{
	courier->leaving = true;
}

bool mqg_courier_is_busy(const struct mqg_courier *courier)
{
	for (size_t i = 0; i < MQG_COURIER_LINES; i++)
		if (courier->lines[i].delivery && courier->lines[i].delivery->n)
			return true;
	return false;
}

void mqg_courier_stop(struct mqg_courier *courier)
{
	uint64_t left;

	if (!courier->broker)
		return;
	mqg_timer_disarm(&courier->tick);
	for (size_t i = 0; i < MQG_COURIER_LINES; i++) {
		struct mqg_courier_line *line = &courier->lines[i];

		if (line->visit.stage == MQG_VISIT_ACCEPTED && !line->delivery->n)
			say_goodbye(line);
		else
			hang_up(line, 0);
	}
	courier->broker = NULL;
	left = courier->storing->parked ? mqg_parked_count(courier->storing->parked,
							   courier->pool->name) : 0;
	if (left)
		mqg_log(MQG_LOG_NOTICE, MQG_LOG_PROXY, "broker %s: %llu messages of absent "
			"clients stay in the store, until there is a broker of that name",
			courier->pool->name, (unsigned long long)left);
}

void mqg_courier_exit(struct mqg_courier *courier)
{
	mqg_courier_stop(courier);
	mqg_timer_class_exit(&courier->every);
}
