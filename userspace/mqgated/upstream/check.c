// SPDX-License-Identifier: BSD-2-Clause
/* Asking servers how they are; see check.h. On one worker's thread. */
#include "upstream/check.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/rand.h>

#include "upstream/visit.h"

#define KEEP_ALIVE	60

struct mqg_probe {
	struct mqg_visit	visit;
	struct mqg_list		link;		/* of its checks, or dead */
	struct mqg_timer	begin, end;
	struct mqg_checks	*checks;	/* NULL = stopped */
	const struct mqg_server	*server;
	struct mqg_server_state	*state;
	uint8_t			answer[16];
};

void mqg_checker_init(struct mqg_checker *checker, int epfd, const uint64_t *now)
{
	uint32_t own = 0;

	RAND_bytes((unsigned char *)&own, sizeof(own));
	checker->epfd = epfd;
	checker->now = now;
	mqg_list_init(&checker->dead);
	snprintf(checker->client_id, sizeof(checker->client_id), "mqgate-check-%08x", own);
}

void mqg_checker_bury(struct mqg_checker *checker)
{
	while (!mqg_list_empty(&checker->dead)) {
		struct mqg_probe *p = mqg_container_of(checker->dead.next, struct mqg_probe, link);

		mqg_list_remove(&p->link);
		free(p);
	}
}

static void close_probe(struct mqg_probe *p)
{
	mqg_timer_disarm(&p->end);
	mqg_visit_close(&p->visit);
}

static void fail(struct mqg_probe *p, const char *why)
{
	mqg_server_failed(p->state, &p->checks->broker->health, *p->checks->checker->now, true,
			  why);
	close_probe(p);
}

static void pass(struct mqg_probe *p)
{
	mqg_server_passed(p->state, &p->checks->broker->health, *p->checks->checker->now, true);
	close_probe(p);
}

static struct mqg_visit_to whom(const struct mqg_probe *p)
{
	return (struct mqg_visit_to){
		.broker = p->checks->broker, .server = p->server, .state = p->state,
		.tls = p->checks->tls,
	};
}

/* Version 3.1.1: every broker speaks it. */
static void ask(struct mqg_probe *p)
{
	const struct mqg_visit_name name = {
		.client_id = p->checks->checker->client_id, .level = MQW_LEVEL_311,
		.keep_alive = KEEP_ALIVE, .room = p->answer, .size = sizeof(p->answer),
	};
	const struct mqg_visit_to to = whom(p);
	const char *why;

	if (mqg_visit_ask(&p->visit, &to, &name, &why))
		fail(p, why);
}

static void ready(struct mqg_watch *watch, uint32_t events)
{
	static const uint8_t bye[] = { 0xe0, 0 };
	struct mqg_probe *p = mqg_container_of(watch, struct mqg_probe, visit.stream.watch);
	struct mqg_visit_to to;
	const char *why;
	int err;

	if (!p->checks || p->visit.stage == MQG_VISIT_IDLE)
		return;
	to = whom(p);
	mqg_stream_wake(&p->visit.stream, events);
	err = mqg_visit_step(&p->visit, &to, &why);
	if (err == -EAGAIN)
		return;
	if (err) {
		fail(p, why);
	} else if (p->visit.stage == MQG_VISIT_ACCEPTED) {
		(void)!mqg_stream_write(&p->visit.stream, bye, sizeof(bye));
		pass(p);
	} else if (p->checks->broker->health.kind == MQG_HEALTH_TCP) {
		pass(p);
	} else {
		ask(p);
	}
}

static void late(struct mqg_timer *timer)
{
	struct mqg_probe *p = mqg_container_of(timer, struct mqg_probe, end);

	fail(p, p->visit.stage == MQG_VISIT_ASKS ? "does not answer a CONNECT"
						 : strerror(ETIMEDOUT));
}

static void begin(struct mqg_timer *timer)
{
	struct mqg_probe *p = mqg_container_of(timer, struct mqg_probe, begin);
	struct mqg_checks *checks = p->checks;
	uint64_t now = *checks->checker->now;
	struct mqg_visit_to to;
	int err;

	mqg_timer_arm(&p->begin, &checks->every, now);
	if (p->visit.stage != MQG_VISIT_IDLE)
		return;
	atomic_fetch_add_explicit(&p->state->checks, 1, memory_order_relaxed);
	to = whom(p);
	err = mqg_visit_begin(&p->visit, &to, checks->mark, checks->checker->epfd, ready);
	if (err)
		fail(p, strerror(-err));
	else
		mqg_timer_arm(&p->end, &checks->timeout, now);
}

void mqg_checks_init(struct mqg_checks *checks, struct mqg_checker *checker,
		     struct mqg_timers *timers)
{
	checks->checker = checker;
	mqg_timer_class_init(timers, &checks->every, 0);
	mqg_timer_class_init(timers, &checks->timeout, 0);
	mqg_list_init(&checks->probes);
}

static void stop(struct mqg_probe *p)
{
	close_probe(p);
	mqg_timer_disarm(&p->begin);
	mqg_list_remove(&p->link);
	mqg_list_append(&p->checks->checker->dead, &p->link);
	p->checks = NULL;
}

static void add(struct mqg_checks *checks, const struct mqg_route *route)
{
	struct mqg_probe *p = calloc(1, sizeof(*p));

	if (!p)
		return;
	p->checks = checks;
	p->server = route->config;
	p->state = route->state;
	p->visit.stream.fd = -1;
	mqg_timer_init(&p->begin, begin);
	mqg_timer_init(&p->end, late);
	mqg_list_append(&checks->probes, &p->link);
	mqg_timer_arm(&p->begin, &checks->every, *checks->checker->now);
}

/* Asks on where a server has stayed. */
static bool keep(struct mqg_checks *checks, const struct mqg_route *route)
{
	for (struct mqg_list *at = checks->probes.next; at != &checks->probes; at = at->next) {
		struct mqg_probe *p = mqg_container_of(at, struct mqg_probe, link);

		if (p->state != route->state)
			continue;
		p->server = route->config;
		return true;
	}
	return false;
}

static bool is_there(const struct mqg_routes *routes, const struct mqg_server_state *state)
{
	for (size_t i = 0; i < routes->n; i++)
		if (routes->list[i].state == state)
			return true;
	return false;
}

void mqg_checks_start(struct mqg_checks *checks, const struct mqg_broker *broker,
		      const struct mqg_routes *routes, uint32_t mark)
{
	uint64_t now = *checks->checker->now;

	for (struct mqg_list *at = checks->probes.next, *next; at != &checks->probes; at = next) {
		struct mqg_probe *p = mqg_container_of(at, struct mqg_probe, link);

		next = at->next;
		if (broker->health.kind == MQG_HEALTH_OFF || !is_there(routes, p->state))
			stop(p);
	}
	checks->broker = broker;
	checks->tls = routes->tls;
	checks->mark = mark;
	mqg_timer_class_change(&checks->every, broker->health.interval_ms, now);
	mqg_timer_class_change(&checks->timeout, broker->health.timeout_ms, now);
	for (size_t i = 0; broker->health.kind != MQG_HEALTH_OFF && i < routes->n; i++)
		if (!keep(checks, &routes->list[i]))
			add(checks, &routes->list[i]);
}

void mqg_checks_stop(struct mqg_checks *checks)
{
	while (!mqg_list_empty(&checks->probes))
		stop(mqg_container_of(checks->probes.next, struct mqg_probe, link));
}

void mqg_checks_exit(struct mqg_checks *checks)
{
	mqg_checks_stop(checks);
	mqg_timer_class_exit(&checks->every);
	mqg_timer_class_exit(&checks->timeout);
}
