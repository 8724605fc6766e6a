// SPDX-License-Identifier: BSD-2-Clause
/*
 * Admission to the TLS handshake: see admission.h. Called by the stages of a session and by a
 * timer, on the worker's thread.
 *
 * Workers do not wake each other: each looks every 10 ms whether there is a place for those that
 * wait, as long as it has any, or handshakes that may have to give theirs up.
 */
#include "proxy/admission.h"

#include <errno.h>
#include <string.h>

#include "common/names.h"
#include "proxy/session.h"

#define NS_PER_MS 1000000ULL

static const struct mqg_handshakes *limits_of(const struct mqg_worker *worker)
{
	return &worker->config->handshakes;
}

static void count(_Atomic uint64_t *counter)
{
	atomic_fetch_add_explicit(counter, 1, memory_order_relaxed);
}

static uint32_t waiting(struct mqg_door *door, bool known)
{
	return atomic_load_explicit(&door->waiting[known], memory_order_relaxed);
}

static void source_of(const struct mqg_session *s, struct mqgate_source_key *source)
{
	mqg_source_scored(s->entry.addr, source);
}

int mqg_door_init(struct mqg_door *door, uint32_t workers)
{
	door->workers = workers;
	door->budget = mqg_budget_alloc();
	return door->budget ? 0 : -ENOMEM;
}

void mqg_door_exit(struct mqg_door *door)
{
	mqg_budget_free(door->budget);
	door->budget = NULL;
}

/* ---- waiting --------------------------------------------------------------------------------- */

static void arm(struct mqg_worker *worker)
{
	struct mqg_admission *a = &worker->admission;

	if (mqg_list_empty(&a->tick.link))
		mqg_timer_arm(&a->tick, &a->every, worker->now);
}

static void wait_for_place(struct mqg_session *s)
{
	struct mqg_admission *a = &s->worker->admission;
	bool known = s->admitted.known;

	s->admitted.waits = true;
	s->admitted.since = s->worker->now;
	mqg_list_append(&a->waiting[known], &s->admitted.link);
	a->n_waiting[known]++;
	atomic_fetch_add_explicit(&a->door->waiting[known], 1, memory_order_relaxed);
	count(&a->door->waited);
	arm(s->worker);
}

static void stop_waiting(struct mqg_session *s)
{
	struct mqg_admission *a = &s->worker->admission;
	bool known = s->admitted.known;

	s->admitted.waits = false;
	mqg_list_remove(&s->admitted.link);
	a->n_waiting[known]--;
	atomic_fetch_sub_explicit(&a->door->waiting[known], 1, memory_order_relaxed);
}

/* Beyond its share a worker takes no place for which another worker's client waits. */
static bool is_modest(const struct mqg_worker *worker, const struct mqg_handshakes *limits)
{
	const struct mqg_admission *a = &worker->admission;
	uint32_t all = waiting(a->door, false) + waiting(a->door, true);

	return !limits->in_flight || all <= a->n_waiting[0] + a->n_waiting[1] ||
	       a->n_running < limits->in_flight / a->door->workers + 1;
}

static bool take_place(const struct mqg_session *s)
{
	const struct mqg_worker *worker = s->worker;
	const struct mqg_admission *a = &worker->admission;
	bool known = s->admitted.known;

	/* A stranger comes behind every known one, of all workers. */
	if (!known && waiting(a->door, true))
		return false;
	return is_modest(worker, limits_of(worker)) &&
	       mqg_budget_place_take(a->door->budget, limits_of(worker), known, worker->now);
}

static void run(struct mqg_session *s)
{
	struct mqg_worker *worker = s->worker;
	struct mqg_admission *a = &worker->admission;

	s->admitted.runs = true;
	s->admitted.since = worker->now;
	a->n_running++;
	if (!s->admitted.known)
		mqg_list_append(&a->running, &s->admitted.link);
	arm(worker);
}

static enum mqgate_reason refuse(struct mqg_session *s, enum mqgate_reason reason)
{
	struct mqg_door *door = s->worker->admission.door;

	count(reason == MQGATE_REASON_HANDSHAKE_SOURCE ? &door->refused_source
						       : &door->refused_rate);
	return reason;
}

/* The stranger that came last makes room for one who is known. False: there is none. */
static bool make_room(struct mqg_worker *worker)
{
	struct mqg_admission *a = &worker->admission;
	struct mqg_session *last;

	if (mqg_list_empty(&a->waiting[0]))
		return false;
	last = mqg_container_of(a->waiting[0].prev, struct mqg_session, admitted.link);
	mqg_session_turn_away(last, refuse(last, MQGATE_REASON_HANDSHAKE_RATE));
	return true;
}

enum mqgate_reason mqg_admission_ask(struct mqg_session *s)
{
	struct mqg_worker *worker = s->worker;
	struct mqg_admission *a = &worker->admission;
	const struct mqg_handshakes *limits = limits_of(worker);
	struct mqgate_source_key source;

	source_of(s, &source);
	s->admitted.known = mqg_budget_known(a->door->budget, &source, worker->now);
	if (!mqg_budget_source_take(a->door->budget, limits, &source, worker->now,
				    &s->admitted.counted))
		return refuse(s, MQGATE_REASON_HANDSHAKE_SOURCE);
	/* Nobody overtakes those of its kind. */
	if (mqg_list_empty(&a->waiting[s->admitted.known]) && take_place(s)) {
		run(s);
		return MQGATE_REASON_NONE;
	}
	if (waiting(a->door, false) + waiting(a->door, true) >= limits->queue &&
	    !(s->admitted.known && make_room(worker)))
		return refuse(s, MQGATE_REASON_HANDSHAKE_RATE);
	wait_for_place(s);
	return MQGATE_REASON_PASS_SUSPECT;
}

bool mqg_admission_spent(struct mqg_worker *worker, const uint8_t addr[16], bool *known)
{
	struct mqg_door *door = worker->admission.door;
	struct mqgate_source_key source;

	mqg_source_scored(addr, &source);
	if (!mqg_budget_source_spent(door->budget, limits_of(worker), &source, worker->now))
		return false;
	*known = mqg_budget_known(door->budget, &source, worker->now);
	count(&door->refused_source);
	return true;
}

void mqg_admission_leave(struct mqg_session *s)
{
	struct mqg_admission *a = &s->worker->admission;
	struct mqgate_source_key source;

	if (s->admitted.waits)
		stop_waiting(s);
	if (s->admitted.runs) {
		s->admitted.runs = false;
		mqg_list_remove(&s->admitted.link);
		a->n_running--;
		mqg_budget_place_give(a->door->budget);
	}
	if (s->admitted.counted) {
		s->admitted.counted = false;
		source_of(s, &source);
		mqg_budget_source_give(a->door->budget, &source);
	}
}

void mqg_admission_begun(struct mqg_session *s)
{
	count(&s->worker->admission.door->begun);
}

/* ---- every 10 ms ----------------------------------------------------------------------------- */

static struct mqg_session *first(struct mqg_list *list)
{
	return mqg_list_empty(list) ? NULL :
	       mqg_container_of(list->next, struct mqg_session, admitted.link);
}

static bool is_old(const struct mqg_session *s, uint32_t ms)
{
	return s->worker->now - s->admitted.since >= ms * NS_PER_MS;
}

/* Who waits too long. */
static void turn_away(struct mqg_worker *worker, struct mqg_list *list)
{
	struct mqg_session *s;

	while ((s = first(list)) && is_old(s, limits_of(worker)->queue_time_ms))
		mqg_session_turn_away(s, refuse(s, MQGATE_REASON_HANDSHAKE_RATE));
}

/* While somebody waits a stranger's handshake has less time than the listener gives. */
static void cut(struct mqg_worker *worker)
{
	struct mqg_admission *a = &worker->admission;
	struct mqg_session *s;

	while ((s = first(&a->running)) && is_old(s, limits_of(worker)->patience_ms) &&
	       waiting(a->door, false) + waiting(a->door, true)) {
		count(&a->door->cut);
		mqg_session_turn_away(s, MQGATE_REASON_TLS_TIMEOUT);
	}
}

static void let_in(struct mqg_list *list)
{
	struct mqg_session *s;

	while ((s = first(list)) && take_place(s)) {
		stop_waiting(s);
		run(s);
		mqg_hello_admitted(s);
	}
}

static void tick(struct mqg_timer *timer)
{
	struct mqg_admission *a = mqg_container_of(timer, struct mqg_admission, tick);
	struct mqg_worker *worker = mqg_container_of(a, struct mqg_worker, admission);

	turn_away(worker, &a->waiting[true]);
	turn_away(worker, &a->waiting[false]);
	cut(worker);
	let_in(&a->waiting[true]);
	let_in(&a->waiting[false]);
	if (a->n_waiting[0] || a->n_waiting[1] || !mqg_list_empty(&a->running))
		arm(worker);
}

void mqg_admission_init(struct mqg_worker *worker, struct mqg_door *door)
{
	struct mqg_admission *a = &worker->admission;

	a->door = door;
	mqg_list_init(&a->waiting[0]);
	mqg_list_init(&a->waiting[1]);
	mqg_list_init(&a->running);
	mqg_timer_init(&a->tick, tick);
	mqg_timer_class_init(&worker->timers, &a->every, MQG_ADMISSION_TICK_MS);
}

/* ---- who is known -------------------------------------------------------------------------- */

void mqg_admission_vouch(struct mqg_session *s)
{
	struct mqgate_source_key source;

	if (s->admitted.vouches || !s->client.ssl)
		return;
	source_of(s, &source);
	s->admitted.vouches = mqg_budget_known_begin(s->worker->admission.door->budget, &source,
						     s->worker->now);
}

void mqg_admission_over(struct mqg_session *s)
{
	struct mqgate_source_key source;

	if (!s->admitted.vouches)
		return;
	s->admitted.vouches = false;
	source_of(s, &source);
	mqg_budget_known_end(s->worker->admission.door->budget, &source, s->worker->now,
			     limits_of(s->worker)->known_for_ms * NS_PER_MS);
}
