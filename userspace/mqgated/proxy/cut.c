// SPDX-License-Identifier: BSD-2-Clause
/*
 * The end of sessions whose server the checks have found dead, where the configuration wants it: a
 * server that went without a word (power, network, a process that hangs) leaves connections that
 * TCP would take minutes to give up. Held sessions go on with another one; the clients of the
 * others come back to it. A bounded number at a time, so that neither the worker nor the survivors
 * are overrun. On the worker's thread.
 */
#include "proxy/session.h"

/* Sessions ended at one time. */
#define ROUND	256U

/* A look at the sessions may be worth it: some worker has connections to a dead server. */
static bool is_needed(const struct mqg_uplink *uplink)
{
	for (size_t i = 0; i < uplink->routes.n; i++) {
		const struct mqg_server_state *state = uplink->routes.list[i].state;

		if (atomic_load_explicit(&state->down, memory_order_relaxed) &&
		    atomic_load_explicit(&state->connections, memory_order_relaxed))
			return true;
	}
	return false;
}

static bool is_cut(const struct mqg_session *s, const struct mqg_uplink *uplink)
{
	const struct mqg_server_state *state = s->dialled.server;

	return s->state == MQG_RELAY && state && state->pool == uplink->pool &&
	       atomic_load_explicit(&state->down, memory_order_relaxed);
}

void mqg_cut_look(struct mqg_timer *timer)
{
	struct mqg_uplink *uplink = mqg_container_of(timer, struct mqg_uplink, cut);
	struct mqg_worker *worker = uplink->worker;
	bool moves = uplink->config->health.down == MQG_DOWN_MOVE;
	unsigned int left = ROUND;

	mqg_timer_arm(&uplink->cut, &worker->cutting, worker->now);
	if (!is_needed(uplink) ||
	    (moves && !mqg_pool_has_room(&uplink->routes, uplink->config, worker->now)))
		return;
	for (struct mqg_list *at = worker->sessions.next, *next;
	     at != &worker->sessions && left; at = next) {
		struct mqg_session *s = mqg_container_of(at, struct mqg_session, link);

		next = at->next;
		if (!is_cut(s, uplink))
			continue;
		left--;
		if (!mqg_hold_lost(s, true) && !moves)
			mqg_session_refuse(s, MQGATE_REASON_BROKER_CLOSED);
		mqg_session_run(s);
	}
}
