// SPDX-License-Identifier: BSD-2-Clause
/*
 * Rates by the generic cell rate algorithm (ITU-T I.371), and keep alive (MQTT 5, 3.1.2.10): see
 * tempo.h. A timer of a session expires a few times before its time has come, so that its classes
 * are few; what the client does moves none.
 */
#include "proxy/tempo.h"

#include <errno.h>
#include <stdlib.h>

#include "policy/rights.h"
#include "proxy/session.h"

#define NS_PER_S	1000000000ULL
#define NS_PER_MS	1000000ULL

void mqg_tempo_setup(struct mqg_worker *worker)
{
	uint32_t ms = MQG_TEMPO_FIRST_MS;

	for (int i = 0; i < MQG_TEMPO_STEPS; i++, ms *= 4)
		mqg_timer_class_init(&worker->timers, &worker->tempo[i], ms);
}

/* By the longest class that is not too long. */
static void arm_within(struct mqg_session *s, uint64_t ns)
{
	int i = MQG_TEMPO_STEPS - 1;

	while (i && s->worker->tempo[i].length > ns)
		i--;
	mqg_timer_arm(&s->tempo.timer, &s->worker->tempo[i], s->worker->now);
}

/* 1.5 times, ns; 0: it may be silent for ever. */
static uint64_t patience(const struct mqg_session *s)
{
	return s->message.keep_alive * (NS_PER_S + NS_PER_S / 2);
}

/* It had to wait, for its rate or for the broker. */
static bool not_listened_to(const struct mqg_session *s)
{
	return s->tempo.until || s->up.data;
}

static void expired(struct mqg_timer *timer)
{
	struct mqg_session *s = mqg_container_of(timer, struct mqg_session, tempo.timer);
	uint64_t now = s->worker->now, silence;

	if (s->tempo.until > now) {
		arm_within(s, s->tempo.until - now);
		return;
	}
	if (not_listened_to(s))
		s->tempo.heard = now;
	s->tempo.until = 0;
	silence = now - s->tempo.heard;
	if (s->state == MQG_RELAY && patience(s)) {
		if (silence >= patience(s))
			mqg_session_refuse(s, MQGATE_REASON_KEEP_ALIVE);
		else
			arm_within(s, patience(s) - silence);
	}
	mqg_session_run(s);
}

void mqg_tempo_init(struct mqg_session *s)
{
	mqg_timer_init(&s->tempo.timer, expired);
}

void mqg_tempo_begin(struct mqg_session *s)
{
	s->tempo.heard = s->worker->now;
	if (patience(s) && mqg_list_empty(&s->tempo.timer.link))
		arm_within(s, patience(s));
}

void mqg_tempo_end(struct mqg_session *s)
{
	mqg_timer_disarm(&s->tempo.timer);
	s->tempo.until = 0;
}

static uint64_t charged(uint64_t full, const struct mqg_rate *rate, uint64_t n, uint64_t now)
{
	return (full > now ? full : now) + n * NS_PER_S / rate->rate;
}

/* When there is a token again in a bucket that is full at @full; 0: there is one. */
static uint64_t due(uint64_t full, const struct mqg_rate *rate, uint64_t now)
{
	uint64_t room = rate->burst * NS_PER_S / rate->rate;

	return full > now + room ? full - room : 0;
}

static uint64_t take(uint64_t *full, const struct mqg_rate *rate, uint64_t n, uint64_t now)
{
	if (!rate->rate)
		return 0;
	*full = charged(*full, rate, n, now);
	return due(*full, rate, now);
}

static uint64_t packed(const struct mqg_rate *rate)
{
	return (uint64_t)rate->rate << 32 | rate->burst;
}

/* Before the bucket: who sees it empty charges it by this rate. */
static void set(_Atomic uint64_t *rate, _Atomic uint64_t *full, const struct mqg_rate *now)
{
	if (atomic_exchange_explicit(rate, packed(now), memory_order_relaxed) != packed(now))
		atomic_store_explicit(full, 0, memory_order_release);
}

void mqg_tempo_set(struct mqg_tempo_all *all, const struct mqg_rates *rates)
{
	set(&all->messages_rate, &all->messages, &rates->messages);
	set(&all->bytes_rate, &all->bytes, &rates->bytes);
}

static uint64_t take_shared(_Atomic uint64_t *full, _Atomic uint64_t *set_rate, uint64_t n,
			    uint64_t now)
{
	uint64_t before = atomic_load_explicit(full, memory_order_acquire), after, both;
	struct mqg_rate rate;

	do {
		both = atomic_load_explicit(set_rate, memory_order_relaxed);
		rate = (struct mqg_rate){ (uint32_t)(both >> 32), (uint32_t)both };
		if (!rate.rate)
			return 0;
		if (!n)
			return due(before, &rate, now);
		after = charged(before, &rate, n, now);
	} while (!atomic_compare_exchange_weak_explicit(full, &before, after, memory_order_acq_rel,
							memory_order_acquire));
	return due(after, &rate, now);
}

static uint64_t later(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

static uint64_t take_both(struct mqg_tempo_all *all, uint64_t messages, uint64_t bytes,
			  uint64_t now)
{
	return later(take_shared(&all->messages, &all->messages_rate, messages, now),
		     take_shared(&all->bytes, &all->bytes_rate, bytes, now));
}

/* With all clients of its listener, and with the members of each group that it is in. */
static uint64_t take_from_each(struct mqg_session *s, uint64_t messages, uint64_t bytes)
{
	uint64_t now = s->worker->now, until = take_both(s->port->tempo, messages, bytes, now);

	for (struct mqg_tempo_all **group = s->tempo.groups; group && *group; group++) {
		uint64_t at = take_both(*group, messages, bytes, now);

		if (at)
			atomic_fetch_add_explicit(&(*group)->paused, 1, memory_order_relaxed);
		until = later(until, at);
	}
	return until;
}

static bool set_at_all(struct mqg_tempo_all *all)
{
	return (atomic_load_explicit(&all->messages_rate, memory_order_relaxed) |
		atomic_load_explicit(&all->bytes_rate, memory_order_relaxed)) >> 32;
}

/* Mostly there is nothing that it shares. */
static inline uint64_t take_all(struct mqg_session *s, uint64_t messages, uint64_t bytes)
{
	if (!s->tempo.groups && !set_at_all(s->port->tempo))
		return 0;
	return take_from_each(s, messages, bytes);
}

static void pause_until(struct mqg_session *s, uint64_t until)
{
	s->tempo.until = until;
	arm_within(s, until - s->worker->now);
	mqg_counter_add(&s->port->paused, 1);
}

bool mqg_tempo_charge(struct mqg_session *s, uint64_t messages, uint64_t bytes)
{
	const struct mqg_limits *limits = &s->port->config->limits;
	uint64_t now = s->worker->now, until;

	s->tempo.heard = now;
	until = take(&s->tempo.messages, &limits->own.messages, messages, now);
	until = later(until, take(&s->tempo.bytes, &limits->own.bytes, bytes, now));
	/* Who is alone over his rate is to blame; for all together nobody is. */
	if (until && limits->close_over_rate)
		return false;
	until = later(until, take_all(s, messages, bytes));
	if (until)
		pause_until(s, until);
	return true;
}

/* The tokens of all may have gone to others. */
bool mqg_tempo_waits(struct mqg_session *s)
{
	uint64_t until;

	if (s->tempo.until)
		return true;
	until = take_all(s, 0, 0);
	if (until)
		pause_until(s, until);
	return until;
}

void mqg_tempo_leave(struct mqg_session *s)
{
	free(s->tempo.groups);
	s->tempo.groups = NULL;
}

int mqg_tempo_join(struct mqg_session *s)
{
	struct mqg_tempo_all **groups;
	uint32_t n = 0;

	if (s->tempo.until > s->worker->now) {
		s->tempo.until = s->worker->now;
		arm_within(s, 0);
	}
	mqg_tempo_leave(s);
	while (mqg_grant_group(s->message.grant, n) >= 0)
		n++;
	if (!n)
		return 0;
	groups = calloc(n + 1, sizeof(struct mqg_tempo_all *));
	if (!groups)
		return -ENOMEM;
	for (uint32_t i = 0; i < n; i++)
		groups[i] = s->worker->groups[mqg_grant_group(s->message.grant, i)];
	s->tempo.groups = groups;
	return 0;
}
