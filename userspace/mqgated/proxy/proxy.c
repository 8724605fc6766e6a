// SPDX-License-Identifier: BSD-2-Clause
/*
 * The proxy as control sees it: the workers as one thing. Called by the main thread only. What it
 * reads of a running worker are atomics and, under its lock, the registry.
 */
#include "proxy/proxy.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "proxy/change.h"
#include "proxy/storing.h"
#include "proxy/ticket_keys.h"

/* Between two looks at what a process has left that had been drained. */
#define LOOK_NS	5000000000ULL

static int no_memory(char *why, size_t size)
{
	snprintf(why, size, "no memory for the proxy");
	return -ENOMEM;
}

static int add_worker(struct mqg_proxy *proxy, struct mqg_judge *judge, char *why, size_t size)
{
	struct mqg_worker *worker = aligned_alloc(64, (sizeof(*worker) + 63) & ~(size_t)63);

	if (!worker)
		return no_memory(why, size);
	memset(worker, 0, sizeof(*worker));
	worker->tickets = proxy->tickets;
	worker->succession.renewal = proxy->renewal;
	worker->asks = !proxy->n_workers;
	worker->number = proxy->n_workers;
	proxy->workers[proxy->n_workers++] = worker;
	return mqg_worker_setup(worker, judge, &proxy->door, why, size);
}

static int fill(struct mqg_proxy *proxy, const struct mqg_config *config,
		const struct mqg_revoked *revoked, struct mqg_judge *judge, char *why, size_t size)
{
	struct mqg_plan *plan;
	int err = 0;

	proxy->workers = calloc(config->workers, sizeof(*proxy->workers));
	proxy->tickets = mqg_tickets_alloc();
	proxy->renewal = mqg_renewal_alloc(MQG_RENEWAL_MAX);
	if (!proxy->workers || !proxy->tickets || !proxy->renewal ||
	    mqg_door_init(&proxy->door, config->workers))
		return no_memory(why, size);
	for (size_t i = 0; i < config->workers && !err; i++)
		err = add_worker(proxy, judge, why, size);
	if (!err)
		err = mqg_proxy_prepare(proxy, config, NULL, &plan, why, size);
	if (!err)
		mqg_proxy_commit(proxy, plan, revoked);
	return err;
}

int mqg_proxy_setup(const struct mqg_config *config, const struct mqg_revoked *revoked,
		    struct mqg_judge *judge, struct mqg_proxy **out, char *why, size_t size)
{
	struct mqg_proxy *proxy = calloc(1, sizeof(*proxy));
	int err;

	*out = NULL;
	if (!proxy)
		return no_memory(why, size);
	err = fill(proxy, config, revoked, judge, why, size);
	if (err) {
		mqg_proxy_teardown(proxy);
		return err;
	}
	*out = proxy;
	return 0;
}

int mqg_proxy_store(struct mqg_proxy *proxy, const struct mqg_config *config, char *why,
		    size_t size)
{
	return mqg_storing_open(proxy, config, why, size);
}

void mqg_proxy_taps(struct mqg_proxy *proxy, struct mqg_taps *taps)
{
	proxy->taps = taps;
	for (size_t i = 0; i < proxy->n_workers; i++)
		if (!proxy->workers[i]->started)
			proxy->workers[i]->taps = taps;
}

int mqg_proxy_start(struct mqg_proxy *proxy)
{
	size_t i;
	int err = 0;

	for (i = 0; i < proxy->n_workers && !err; i++)
		err = mqg_worker_start(proxy->workers[i], i);
	return err;
}

void mqg_proxy_leave(struct mqg_proxy *proxy, uint32_t ms)
{
	for (size_t i = 0; i < proxy->n_workers; i++)
		mqg_worker_leave(proxy->workers[i], ms * 1000000ULL);
}

bool mqg_proxy_left(const struct mqg_proxy *proxy)
{
	for (size_t i = 0; i < proxy->n_workers; i++)
		if (!atomic_load_explicit(&proxy->workers[i]->drain.done, memory_order_acquire))
			return false;
	return true;
}

size_t mqg_proxy_sockets(struct mqg_proxy *proxy, size_t listener, int fds[MQG_SOCKETS_MAX])
{
	size_t n = 0;

	for (; n < proxy->n_workers && n < MQG_SOCKETS_MAX; n++)
		fds[n] = proxy->workers[n]->ports[listener]->fd;
	return n;
}

static void free_common(struct mqg_common *list)
{
	while (list) {
		struct mqg_common *next = list->next;

		free(list);
		list = next;
	}
}

void mqg_proxy_teardown(struct mqg_proxy *proxy)
{
	size_t i;

	if (!proxy)
		return;
	for (i = 0; i < proxy->n_workers; i++)
		mqg_worker_stop(proxy->workers[i]);
	for (i = 0; i < proxy->n_workers; i++) {
		mqg_worker_teardown(proxy->workers[i]);
		free(proxy->workers[i]);
	}
	free(proxy->workers);
	mqg_storing_close(proxy);
	mqg_door_exit(&proxy->door);
	mqg_tickets_free(proxy->tickets);
	mqg_renewal_free(proxy->renewal);
	free_common(proxy->listeners);
	free_common(proxy->groups);
	free(proxy->group_tempo);
	mqg_pools_free(proxy->pools);
	free(proxy);
}

uint64_t mqg_proxy_epoch(const struct mqg_proxy *proxy)
{
	return proxy->epoch;
}

void mqg_proxy_listener_counts(struct mqg_proxy *proxy, size_t listener,
			       struct mqg_listener_counts *counts)
{
	size_t i;

	memset(counts, 0, sizeof(*counts));
	for (i = 0; i < proxy->n_workers; i++) {
		struct mqg_port *port = proxy->workers[i]->ports[listener];

		counts->sessions = atomic_load_explicit(port->sessions, memory_order_relaxed);
		counts->accepted += mqg_counter_get(&port->accepted);
		counts->refused += mqg_counter_get(&port->refused);
		counts->stripped += mqg_counter_get(&port->stripped);
		counts->bytes_in += mqg_counter_get(&port->bytes_in);
		counts->bytes_out += mqg_counter_get(&port->bytes_out);
		counts->chain_hits += mqg_counter_get(&port->tls_counts.chain_hits);
		counts->chain_misses += mqg_counter_get(&port->tls_counts.chain_misses);
		counts->paused += mqg_counter_get(&port->paused);
		counts->delayed += mqg_counter_get(&port->delayed);
		counts->full += mqg_counter_get(&port->tls_counts.full);
		counts->resumed += mqg_counter_get(&port->tls_counts.resumed);
		for (int n = 0; n < MQG_TICKET_DECLINED; n++)
			counts->declined[n] += mqg_counter_get(&port->tls_counts.declined[n]);
	}
}

const char *mqg_proxy_group(struct mqg_proxy *proxy, size_t i, uint64_t *paused)
{
	struct mqg_common *c = proxy->groups;

	while (c && i--)
		c = c->next;
	*paused = c ? atomic_load_explicit(&c->tempo.paused, memory_order_relaxed) : 0;
	return c ? c->name : NULL;
}

void mqg_proxy_messages_refused(struct mqg_proxy *proxy, size_t listener,
				uint64_t counts[MQGATE_REASON_MAX])
{
	memset(counts, 0, MQGATE_REASON_MAX * sizeof(counts[0]));
	for (size_t i = 0; i < proxy->n_workers; i++) {
		struct mqg_port *port = proxy->workers[i]->ports[listener];

		for (size_t r = 0; r < MQGATE_REASON_MAX; r++)
			counts[r] += mqg_counter_get(&port->messages_refused[r]);
	}
}

void mqg_proxy_tickets(struct mqg_proxy *proxy, struct mqg_tickets_info *info)
{
	mqg_tickets_describe(proxy->tickets, info);
}

void mqg_proxy_renewal(struct mqg_proxy *proxy, struct mqg_renewal_info *info)
{
	mqg_renewal_describe(proxy->renewal, info);
}

void mqg_proxy_tick(struct mqg_proxy *proxy, uint64_t now)
{
	mqg_tickets_tick(proxy->tickets, now);
	if (now - proxy->looked < LOOK_NS)
		return;
	proxy->looked = now;
	mqg_storing_look(proxy);
}

uint64_t mqg_proxy_chains(struct mqg_proxy *proxy)
{
	uint64_t n = 0;

	for (size_t i = 0; i < proxy->n_workers; i++)
		n += mqg_counter_get(&proxy->workers[i]->chains.entries);
	return n;
}

/* Shared by the workers: the same whoever is asked. */
static void count_pool(struct mqg_pool *pool, struct mqg_broker_counts *counts)
{
	struct mqg_hold_counts *hold = &pool->hold;

	counts->waiting = atomic_load_explicit(&pool->waiting, memory_order_relaxed);
	counts->answered = atomic_load_explicit(&pool->answered, memory_order_relaxed);
	counts->held = atomic_load_explicit(&hold->held, memory_order_relaxed);
	counts->lost = atomic_load_explicit(&hold->lost, memory_order_relaxed);
	counts->resumed = atomic_load_explicit(&hold->resumed, memory_order_relaxed);
	counts->kept = atomic_load_explicit(&hold->keep.bytes, memory_order_relaxed);
	counts->again = atomic_load_explicit(&hold->keep.again, memory_order_relaxed);
	counts->replayed = atomic_load_explicit(&hold->keep.replayed, memory_order_relaxed);
	counts->dropped = atomic_load_explicit(&hold->keep.dropped, memory_order_relaxed);
	counts->delivered = atomic_load_explicit(&hold->delivered, memory_order_relaxed);
	counts->refused = atomic_load_explicit(&hold->refused, memory_order_relaxed);
}

void mqg_proxy_broker_counts(struct mqg_proxy *proxy, size_t broker,
			     struct mqg_broker_counts *counts)
{
	size_t i;

	memset(counts, 0, sizeof(*counts));
	for (i = 0; i < proxy->n_workers; i++) {
		struct mqg_uplink *uplink = proxy->workers[i]->uplinks[broker];

		counts->connections += mqg_counter_get(&uplink->connections);
		counts->failures += mqg_counter_get(&uplink->failures);
		count_pool(uplink->pool, counts);
		for (size_t n = 0; n < uplink->routes.n; n++)
			counts->up |= !atomic_load_explicit(&uplink->routes.list[n].state->down,
							    memory_order_relaxed);
	}
	if (proxy->parked)
		counts->parked = mqg_parked_count(proxy->parked,
						  proxy->config->brokers[broker].name);
}

bool mqg_proxy_store_counts(struct mqg_proxy *proxy, struct mqg_journal_counts *counts)
{
	if (proxy->journal)
		mqg_journal_counts(proxy->journal, counts);
	return proxy->journal;
}

void mqg_proxy_server_counts(struct mqg_proxy *proxy, size_t broker, size_t server,
			     struct mqg_server_counts *counts)
{
	struct mqg_server_state *state =
		proxy->workers[0]->uplinks[broker]->routes.list[server].state;

	counts->up = !atomic_load_explicit(&state->down, memory_order_relaxed);
	counts->draining = atomic_load_explicit(&state->draining, memory_order_relaxed);
	counts->open = atomic_load_explicit(&state->connections, memory_order_relaxed);
	counts->made = atomic_load_explicit(&state->made, memory_order_relaxed);
	counts->failed = atomic_load_explicit(&state->failed, memory_order_relaxed);
	counts->checks = atomic_load_explicit(&state->checks, memory_order_relaxed);
	counts->checks_failed = atomic_load_explicit(&state->checks_failed, memory_order_relaxed);
}

size_t mqg_proxy_drain(struct mqg_proxy *proxy, size_t broker, const char *server, bool drain)
{
	struct mqg_uplink *uplink = proxy->workers[0]->uplinks[broker];
	struct timespec now;
	size_t done = 0;

	clock_gettime(CLOCK_MONOTONIC, &now);
	for (size_t i = 0; i < uplink->routes.n; i++) {
		struct mqg_server_state *state = uplink->routes.list[i].state;

		if (server && strcmp(server, state->address))
			continue;
		mqg_server_drain(state, drain,
				 (uint64_t)now.tv_sec * 1000000000ULL + (uint64_t)now.tv_nsec);
		done++;
	}
	return done;
}

void mqg_proxy_handshake_counts(struct mqg_proxy *proxy, struct mqg_handshake_counts *counts)
{
	struct mqg_door *door = &proxy->door;

	counts->in_flight = mqg_budget_places(door->budget);
	counts->waiting = atomic_load_explicit(&door->waiting[0], memory_order_relaxed);
	counts->waiting_known = atomic_load_explicit(&door->waiting[1], memory_order_relaxed);
	counts->begun = atomic_load_explicit(&door->begun, memory_order_relaxed);
	counts->waited = atomic_load_explicit(&door->waited, memory_order_relaxed);
	counts->refused_source = atomic_load_explicit(&door->refused_source, memory_order_relaxed);
	counts->refused_rate = atomic_load_explicit(&door->refused_rate, memory_order_relaxed);
	counts->cut = atomic_load_explicit(&door->cut, memory_order_relaxed);
}

int mqg_proxy_session_each(struct mqg_proxy *proxy, mqg_session_fn fn, void *arg)
{
	size_t i;
	int ret = 0;

	for (i = 0; i < proxy->n_workers && !ret; i++)
		ret = mqg_registry_each(&proxy->workers[i]->registry, fn, arg);
	return ret;
}

_Static_assert(sizeof(((struct mqg_ocsp_counts *)0)->answers) ==
	       MQG_OCSP_WORDS * sizeof(uint64_t), "one a word");

void mqg_proxy_ocsp_counts(struct mqg_proxy *proxy, struct mqg_ocsp_counts *counts)
{
	memset(counts, 0, sizeof(*counts));
	for (size_t i = 0; i < proxy->n_workers; i++) {
		struct mqg_ocsp_client *client = &proxy->workers[i]->ocsp;

		for (size_t n = 0; n < MQG_OCSP_WORDS; n++)
			counts->answers[n] += mqg_counter_get(&client->answers[n]);
		counts->known += mqg_counter_get(&client->known);
		counts->spared += mqg_counter_get(&client->spared);
		counts->entries += atomic_load_explicit(&client->entries, memory_order_relaxed);
	}
}

const char *mqg_ocsp_answer_word(size_t answer)
{
	static const char *const words[MQG_OCSP_WORDS] = {
		[MQG_OCSP_GOOD] = "good", [MQG_OCSP_REVOKED] = "revoked",
		[MQG_OCSP_UNKNOWN] = "unknown", [MQG_OCSP_BAD] = "bad",
		[MQG_OCSP_LATE] = "late", [MQG_OCSP_UNASKED] = "unasked",
	};

	return words[answer];
}
