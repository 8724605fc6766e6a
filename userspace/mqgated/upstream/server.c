// SPDX-License-Identifier: BSD-2-Clause
/* Servers that come and go; see server.h. */
#include "upstream/server.h"

#include <stdlib.h>
#include <string.h>

#include "system/log.h"
#include "upstream/pool.h"

struct mqg_pool *mqg_pool_get(struct mqg_pool **list, const char *name)
{
	struct mqg_pool *pool;

	for (pool = *list; pool; pool = pool->next)
		if (!strcmp(pool->name, name))
			return pool;
	pool = calloc(1, sizeof(*pool) + strlen(name) + 1);
	if (!pool)
		return NULL;
	strcpy(pool->name, name);
	pool->next = *list;
	*list = pool;
	return pool;
}

struct mqg_server_state *mqg_server_get(struct mqg_pool *pool, const char *address)
{
	struct mqg_server_state *server;

	for (server = pool->servers; server; server = server->next)
		if (!strcmp(server->address, address))
			return server;
	server = calloc(1, sizeof(*server) + strlen(address) + 1);
	if (!server)
		return NULL;
	strcpy(server->address, address);
	server->seed = mqg_pool_key(address, strlen(address));
	server->pool = pool;
	server->next = pool->servers;
	pool->servers = server;
	return server;
}

void mqg_pools_free(struct mqg_pool *list)
{
	while (list) {
		struct mqg_pool *next = list->next;

		while (list->servers) {
			struct mqg_server_state *server = list->servers;

			list->servers = server->next;
			free(server);
		}
		free(list);
		list = next;
	}
}

static void add(_Atomic uint64_t *counter)
{
	atomic_fetch_add_explicit(counter, 1, memory_order_relaxed);
}

static void set(_Atomic uint32_t *number, uint32_t value)
{
	if (atomic_load_explicit(number, memory_order_relaxed) != value)
		atomic_store_explicit(number, value, memory_order_relaxed);
}

void mqg_server_failed(struct mqg_server_state *server, const struct mqg_health *health,
		       uint64_t now, bool check, const char *why)
{
	_Atomic uint32_t *row = check ? &server->misses : &server->refusals;
	bool asked = health->kind != MQG_HEALTH_OFF;

	add(check ? &server->checks_failed : &server->failed);
	set(&server->passes, 0);
	if (!asked)
		atomic_store_explicit(&server->rests_until, now + MQG_SERVER_REST_NS,
				      memory_order_relaxed);
	if (atomic_fetch_add_explicit(row, 1, memory_order_relaxed) + 1 < health->fall && asked)
		return;
	if (!atomic_exchange_explicit(&server->down, true, memory_order_relaxed))
		mqg_log(MQG_LOG_ERR, MQG_LOG_PROXY, "broker %s: %s: down: %s",
			server->pool->name, server->address, why);
}

void mqg_server_passed(struct mqg_server_state *server, const struct mqg_health *health,
		       uint64_t now, bool check)
{
	bool asked = health->kind != MQG_HEALTH_OFF;

	set(&server->refusals, 0);
	if (!asked && atomic_load_explicit(&server->rests_until, memory_order_relaxed))
		atomic_store_explicit(&server->rests_until, 0, memory_order_relaxed);
	if (check)
		set(&server->misses, 0);
	/* Where it is asked, the questions say when it is back. */
	if (!atomic_load_explicit(&server->down, memory_order_relaxed) || (asked && !check))
		return;
	if (asked && atomic_fetch_add_explicit(&server->passes, 1, memory_order_relaxed) + 1 <
	    health->rise)
		return;
	atomic_store_explicit(&server->came_back, now, memory_order_relaxed);
	if (atomic_exchange_explicit(&server->down, false, memory_order_relaxed))
		mqg_log(MQG_LOG_NOTICE, MQG_LOG_PROXY, "broker %s: %s: reached again",
			server->pool->name, server->address);
}

/* Losses that belong together. */
#define TOGETHER_NS	1000000000ULL

void mqg_server_lost(struct mqg_server_state *server, uint64_t since, uint64_t now)
{
	uint64_t first = atomic_load_explicit(&server->lost_since, memory_order_relaxed);

	/*
	 * One that came behind the first of those that were lost is the first of others: the server
	 * has lived on. Two who begin at the same time may lose one: there are more where it
	 * matters.
	 */
	if ((now < first || now - first > TOGETHER_NS || since > first) &&
	    atomic_compare_exchange_strong(&server->lost_since, &first, now))
		atomic_store_explicit(&server->lost, 0, memory_order_relaxed);
	atomic_fetch_add_explicit(&server->lost, 1, memory_order_relaxed);
}

bool mqg_server_died(struct mqg_server_state *server, uint64_t now)
{
	uint32_t lost = atomic_load_explicit(&server->lost, memory_order_relaxed);

	return atomic_load_explicit(&server->down, memory_order_relaxed) ||
	       atomic_load_explicit(&server->refusals, memory_order_relaxed) ||
	       atomic_load_explicit(&server->rests_until, memory_order_relaxed) > now ||
	       (lost > 1 &&
		lost >= atomic_load_explicit(&server->served, memory_order_relaxed));
}

bool mqg_server_alone(struct mqg_server_state *server)
{
	return atomic_load_explicit(&server->lost, memory_order_relaxed) == 1 &&
	       !atomic_load_explicit(&server->served, memory_order_relaxed);
}

void mqg_server_drain(struct mqg_server_state *server, bool drain, uint64_t now)
{
	if (!drain)
		atomic_store_explicit(&server->came_back, now, memory_order_relaxed);
	atomic_store_explicit(&server->draining, drain, memory_order_relaxed);
}
