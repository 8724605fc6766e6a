// SPDX-License-Identifier: BSD-2-Clause
/*
 * The stage AWAY: no server of the broker takes the client, whose CONNECT is good and kept. It
 * waits in the queue of its uplink, until a server has room or its turn to be answered has come;
 * both have a pace that all workers share. What waits is bounded; who comes beyond that is closed
 * unanswered. Runs on the worker's thread.
 */
#include "proxy/session.h"

#include "system/log.h"

static void say(struct mqg_pool *pool, enum mqgate_reason reason)
{
	if (atomic_load_explicit(&pool->away, memory_order_relaxed) ||
	    atomic_exchange_explicit(&pool->away, true, memory_order_relaxed))
		return;
	mqg_log(MQG_LOG_ERR, MQG_LOG_PROXY, "broker %s: %s; clients wait, and are answered "
		"\"server unavailable\" at a pace", pool->name,
		reason == MQGATE_REASON_BROKER_FULL ?
		"every server that is up has as many connections as it may have" :
		"no server can be reached");
}

void mqg_away_over(struct mqg_pool *pool)
{
	if (atomic_load_explicit(&pool->away, memory_order_relaxed) &&
	    atomic_exchange_explicit(&pool->away, false, memory_order_relaxed))
		mqg_log(MQG_LOG_NOTICE, MQG_LOG_PROXY, "broker %s: clients are served again",
			pool->name);
}

static enum mqg_step answer(struct mqg_session *s)
{
	atomic_fetch_add_explicit(&s->port->uplink->pool->answered, 1, memory_order_relaxed);
	return mqg_session_refuse(s, s->away.reason);
}

enum mqg_step mqg_away_wait(struct mqg_session *s, enum mqgate_reason reason)
{
	struct mqg_uplink *uplink = s->port->uplink;
	struct mqg_pool *pool = uplink->pool;
	const struct mqg_away *away = &uplink->config->away;

	say(pool, reason);
	s->away.reason = reason;
	if (mqg_list_empty(&uplink->waiting) &&
	    mqg_pace_take(&pool->answers, s->worker->now, away->answers))
		return answer(s);
	if (atomic_fetch_add_explicit(&pool->waiting, 1, memory_order_relaxed) >= away->waiting) {
		atomic_fetch_sub_explicit(&pool->waiting, 1, memory_order_relaxed);
		return mqg_session_turn_away(s, MQGATE_REASON_BROKER_QUEUE);
	}
	s->away.pool = pool;
	mqg_list_append(&uplink->waiting, &s->away.link);
	if (mqg_list_empty(&uplink->look.link))
		mqg_timer_arm(&uplink->look, &s->worker->away, s->worker->now);
	mqg_timer_disarm(&s->timer);
	s->state = MQG_AWAY;
	return MQG_STEP_WAIT;
}

void mqg_away_leave(struct mqg_session *s)
{
	if (!s->away.pool)
		return;
	mqg_list_remove(&s->away.link);
	atomic_fetch_sub_explicit(&s->away.pool->waiting, 1, memory_order_relaxed);
	s->away.pool = NULL;
}

/* The first of those who wait. False: its time has not come. */
static bool serve(struct mqg_session *s, uint64_t now)
{
	struct mqg_uplink *uplink = s->port->uplink;
	const struct mqg_broker *broker = uplink->config;

	if (mqg_pool_has_room(&uplink->routes, broker, now)) {
		if (!mqg_pace_take(&uplink->pool->reconnects, now, broker->away.reconnects))
			return false;
		mqg_away_leave(s);
		mqg_broker_dial(s);
	} else {
		if (!mqg_pace_take(&uplink->pool->answers, now, broker->away.answers))
			return false;
		mqg_away_leave(s);
		answer(s);
	}
	mqg_session_run(s);
	return true;
}

void mqg_away_look(struct mqg_timer *timer)
{
	struct mqg_uplink *uplink = mqg_container_of(timer, struct mqg_uplink, look);
	struct mqg_worker *worker = uplink->worker;
	struct mqg_list now;

	/* Who was there before comes first. */
	mqg_hold_look(uplink);
	/* Whose dial fails at once waits again, behind all of these. */
	mqg_list_init(&now);
	mqg_list_splice(&now, &uplink->waiting);
	while (!mqg_list_empty(&now) &&
	       serve(mqg_container_of(now.next, struct mqg_session, away.link), worker->now))
		;
	mqg_list_splice(&now, &uplink->waiting);
	mqg_list_splice(&uplink->waiting, &now);
	if (!mqg_list_empty(&uplink->waiting) || !mqg_list_empty(&uplink->lost))
		mqg_timer_arm(&uplink->look, &worker->away, worker->now);
}
