/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Choosing a server for a client: what one worker goes by. It belongs to that worker and to a
 * configuration; the states behind it are shared (server.h).
 */
#ifndef MQG_POOL_H
#define MQG_POOL_H

#include <stddef.h>

#include <openssl/ssl.h>

#include "upstream/server.h"

/* One server as one worker sees it. */
struct mqg_route {
	const struct mqg_server	*config;
	struct mqg_server_state	*state;
	double			turn;	/* round-robin: the least is next */
};

struct mqg_routes {
	SSL_CTX			*tls;	/* towards all of them; NULL = clear text */
	struct mqg_route		*list;
	size_t			n;
	double			turn;	/* of the one chosen last, when it was */
};

/* The routes to @broker's servers. Main thread. 0 or -ENOMEM; mqg_routes_free() in either case. */
int mqg_routes_make(struct mqg_routes *routes, struct mqg_pool *pool,
		    const struct mqg_broker *broker);
void mqg_routes_free(struct mqg_routes *routes);

/* What stands for a client identifier: the same on every gateway, after every restart. */
uint64_t mqg_pool_key(const void *data, size_t len);

/**
 * mqg_pool_choose() - a server for one more connection
 * @routes:   to the broker's servers
 * @broker: their configuration
 * @key:    mqg_pool_key() of the client
 * @tried:  in, out: servers not to be chosen, by their place, as a bit mask
 * @now:    CLOCK_MONOTONIC, ns
 * @full:   out: there are servers that are up and have no room
 *
 * The connection is counted: mqg_server_leave() is due. With MQG_BALANCE_CLIENT it is rendezvous
 * hashing with weights (Thaler, Ravishankar 1998): of the clients only those of a server that has
 * gone move, and come back with it.
 * Return: the place in @routes, whose bit is set in *@tried then; -ENOENT where there is none.
 */
int mqg_pool_choose(struct mqg_routes *routes, const struct mqg_broker *broker, uint64_t key,
		    uint64_t *tried, uint64_t now, bool *full);

/* A client might be served: some server is up and has room. */
bool mqg_pool_has_room(struct mqg_routes *routes, const struct mqg_broker *broker, uint64_t now);

#endif
