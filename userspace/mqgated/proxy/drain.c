// SPDX-License-Identifier: BSD-2-Clause
/*
 * The orderly end of a worker: it accepts nobody any more, and tells its sessions to go, not all at
 * once, for they come back together elsewhere. On the worker's thread; others read `drained`.
 */
#include "proxy/listener.h"
#include "proxy/session.h"

/* A small fleet has gone at once, whatever time there is. */
#define LEAST_A_SECOND	100U
#define AT_ONCE		4U
#define SECOND		1000000000ULL

/* Who has not been told. A change of trust takes sessions from those that wait, to judge them. */
static uint32_t gather(struct mqg_worker *worker)
{
	struct mqg_list *at, *next;
	uint32_t n = 0;

	for (at = worker->sessions.next; at != &worker->sessions; at = next) {
		struct mqg_session *s = mqg_container_of(at, struct mqg_session, link);

		next = at->next;
		if (s->state == MQG_ANSWER || s->state == MQG_LINGER)
			continue;
		mqg_list_remove(at);
		mqg_list_append(&worker->drain.waiting, at);
		n++;
	}
	return n;
}

static void tell_next(struct mqg_worker *worker)
{
	struct mqg_session *s = mqg_container_of(worker->drain.waiting.next, struct mqg_session,
						 link);

	worker->drain.told++;
	mqg_list_remove(&s->link);
	mqg_list_append(&worker->sessions, &s->link);
	mqg_session_end(s, MQGATE_REASON_STOPPING);
}

static bool is_busy(const struct mqg_worker *worker)
{
	for (size_t i = 0; i < worker->config->n_brokers; i++)
		if (mqg_courier_is_busy(&worker->uplinks[i]->courier))
			return true;
	return false;
}

static void step(struct mqg_timer *timer)
{
	struct mqg_worker *worker = mqg_container_of(timer, struct mqg_worker, drain.timer);
	struct mqg_drain *drain = &worker->drain;
	uint64_t passed = worker->now - drain->begun;
	uint64_t due = AT_ONCE + passed * LEAST_A_SECOND / SECOND;

	if (passed >= drain->time)
		due = UINT64_MAX;
	else if (due < (double)drain->total * (double)passed / (double)drain->time)
		due = (uint64_t)((double)drain->total * (double)passed / (double)drain->time);
	if (mqg_list_empty(&drain->waiting))
		drain->total += gather(worker);
	while (drain->told < due && !mqg_list_empty(&drain->waiting))
		tell_next(worker);
	if (mqg_list_empty(&drain->waiting) && mqg_list_empty(&worker->sessions) &&
	    mqg_list_empty(&worker->older) && (due == UINT64_MAX || !is_busy(worker)))
		atomic_store_explicit(&drain->done, true, memory_order_release);
	else
		mqg_timer_arm(timer, &drain->step, worker->now);
}

void mqg_worker_drain_init(struct mqg_worker *worker)
{
	mqg_list_init(&worker->drain.waiting);
	mqg_timer_class_init(&worker->timers, &worker->drain.step, MQG_DRAIN_STEP_MS);
	mqg_timer_init(&worker->drain.timer, step);
}

void mqg_worker_drain(struct mqg_worker *worker, uint64_t time)
{
	struct mqg_drain *drain = &worker->drain;

	for (size_t i = 0; i < worker->config->n_listeners; i++)
		mqg_port_close(worker->ports[i]);
	for (size_t i = 0; i < worker->config->n_brokers; i++)
		mqg_courier_leave(&worker->uplinks[i]->courier);
	mqg_list_splice(&worker->sessions, &worker->older);
	drain->total = gather(worker);
	drain->begun = worker->now;
	drain->time = time;
	step(&drain->timer);
}
