// SPDX-License-Identifier: BSD-2-Clause
/* Choosing a server; see pool.h. On the worker's thread, mqg_routes_make() on the main one. */
#include "upstream/pool.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/sha.h>

#define NS_PER_MS	1000000ULL
/* What one that just came back gets of its weight. */
#define LEAST_SHARE	0.01

int mqg_routes_make(struct mqg_routes *routes, struct mqg_pool *pool,
		    const struct mqg_broker *broker)
{
	routes->list = calloc(broker->n_servers, sizeof(*routes->list));
	if (!routes->list)
		return -ENOMEM;
	for (routes->n = 0; routes->n < broker->n_servers; routes->n++) {
		struct mqg_route *route = &routes->list[routes->n];

		route->config = &broker->servers[routes->n];
		route->state = mqg_server_get(pool, route->config->address.text);
		if (!route->state)
			return -ENOMEM;
	}
	return 0;
}

void mqg_routes_free(struct mqg_routes *routes)
{
	SSL_CTX_free(routes->tls);
	free(routes->list);
	routes->tls = NULL;
	routes->list = NULL;
	routes->n = 0;
}

uint64_t mqg_pool_key(const void *data, size_t len)
{
	unsigned char digest[SHA256_DIGEST_LENGTH];
	uint64_t key;

	SHA256(data, len, digest);
	memcpy(&key, digest, sizeof(key));
	return key;
}

/* Both are digests already; what is mixed has to be as even as they are (MurmurHash3, fmix64). */
static uint64_t mix(uint64_t a, uint64_t b)
{
	uint64_t x = a ^ (b * 0x9e3779b97f4a7c15ULL);

	x = (x ^ x >> 33) * 0xff51afd7ed558ccdULL;
	x = (x ^ x >> 33) * 0xc4ceb9fe1a85ec53ULL;
	return x ^ x >> 33;
}

/* Of its weight, less than all while it starts slowly. */
static double weight(const struct mqg_route *route, const struct mqg_broker *broker, uint64_t now)
{
	uint64_t since = atomic_load_explicit(&route->state->came_back, memory_order_relaxed);
	uint64_t slow = broker->slow_start_ms * NS_PER_MS;
	double share = 1;

	if (since && now - since < slow && now >= since)
		share = (double)(now - since) / (double)slow;
	return route->config->weight * (share < LEAST_SHARE ? LEAST_SHARE : share);
}

/* @rested: one that refused a moment ago counts as well, where nobody asks how it is. */
static bool is_up(const struct mqg_route *route, const struct mqg_broker *broker, bool rested,
		  uint64_t now)
{
	const struct mqg_server_state *state = route->state;

	if (atomic_load_explicit(&state->draining, memory_order_relaxed))
		return false;
	if (broker->health.kind != MQG_HEALTH_OFF)
		return !atomic_load_explicit(&state->down, memory_order_relaxed);
	return rested ||
	       atomic_load_explicit(&state->rests_until, memory_order_relaxed) <= now;
}

static bool is_full(const struct mqg_route *route)
{
	uint32_t n = atomic_load_explicit(&route->state->connections, memory_order_relaxed);

	return route->config->connections_max && n >= route->config->connections_max;
}

/* The least is chosen. */
static double rank(const struct mqg_route *route, const struct mqg_broker *broker,
		   uint64_t key, uint64_t now)
{
	double w = weight(route, broker, now);

	switch (broker->balance) {
	case MQG_BALANCE_TURNS:
		return route->turn + 1 / w;
	case MQG_BALANCE_CLIENT:
		/* -ln(x)/w of an even x is exponential: the least of all falls by weight. */
		return -log(((double)(mix(route->state->seed, key) >> 11) + 0.5) * 0x1p-53) / w;
	default:
		return (atomic_load_explicit(&route->state->connections, memory_order_relaxed) +
			1.0) / w;
	}
}

static int best(struct mqg_routes *routes, const struct mqg_broker *broker, uint64_t key,
		uint64_t tried, bool rested, uint64_t now, bool *full)
{
	double least = 0;
	int found = -ENOENT;

	for (size_t n = 0; n < routes->n; n++) {
		/* Among equals not always the first. */
		size_t i = broker->balance == MQG_BALANCE_LEAST ? (n + key) % routes->n : n;
		struct mqg_route *route = &routes->list[i];
		bool up = is_up(route, broker, rested, now), has_room = !is_full(route);
		double r;

		/* One that was away has no claim to the turns that it missed. */
		if ((!up || !has_room) && route->turn < routes->turn)
			route->turn = routes->turn;
		if (tried & 1ULL << i || !up)
			continue;
		if (!has_room) {
			*full = true;
			continue;
		}
		r = rank(route, broker, key, now);
		if (found < 0 || r < least) {
			found = (int)i;
			least = r;
		}
	}
	return found;
}

/* Workers choose at the same time: whoever comes too late for the last place gives it back. */
static bool take(struct mqg_route *route)
{
	uint32_t most = route->config->connections_max;
	uint32_t n = atomic_fetch_add_explicit(&route->state->connections, 1, memory_order_relaxed);

	if (!most || n < most)
		return true;
	mqg_server_leave(route->state);
	return false;
}

int mqg_pool_choose(struct mqg_routes *routes, const struct mqg_broker *broker, uint64_t key,
		    uint64_t *tried, uint64_t now, bool *full)
{
	*full = false;
	for (;;) {
		int i = best(routes, broker, key, *tried, false, now, full);
		struct mqg_route *route;

		if (i < 0)
			i = best(routes, broker, key, *tried, true, now, full);
		if (i < 0)
			return i;
		route = &routes->list[i];
		*tried |= 1ULL << i;
		if (!take(route)) {
			*full = true;
			continue;
		}
		if (broker->balance == MQG_BALANCE_TURNS) {
			routes->turn = route->turn;
			route->turn = rank(route, broker, key, now);
		}
		return i;
	}
}

bool mqg_pool_has_room(struct mqg_routes *routes, const struct mqg_broker *broker, uint64_t now)
{
	bool full;

	return best(routes, broker, 0, 0, false, now, &full) >= 0;
}
