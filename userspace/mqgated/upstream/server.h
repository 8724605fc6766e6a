/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the workers know together of the servers behind the gateway: which are up, how many
 * connections each has, what was counted. One for each address of each broker, as old as the proxy:
 * a session may hold on to its server through every change. Everything in it is an atomic; there is
 * no lock.
 */
#ifndef MQG_SERVER_H
#define MQG_SERVER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "config/broker.h"
#include "message/keep.h"
#include "upstream/pace.h"

/* One that nobody checks is left alone for so long after it refused a connection. */
#define MQG_SERVER_REST_NS	1000000000ULL

struct mqg_pool;

/* Of sessions that go on with another server. */
struct mqg_hold_counts {
	struct mqg_keep_counts	keep;
	_Atomic uint32_t	held;		/* now, without a server */
	_Atomic uint64_t	lost, resumed;
	_Atomic uint64_t	delivered, refused;	/* by the courier; by servers */
};

struct mqg_server_state {
	struct mqg_server_state	*next;		/* of the pool */
	struct mqg_pool		*pool;
	uint64_t		seed;		/* of its address, for mqg_pool_choose() */
	_Atomic bool		down;		/* nobody is sent there */
	_Atomic bool		draining;	/* likewise; who is there stays */
	_Atomic uint32_t	connections;	/* open, or being made */
	_Atomic uint32_t	refusals, misses, passes;	/* in a row: dials; checks */
	_Atomic uint64_t	came_back;	/* CLOCK_MONOTONIC ns; 0 = was never away */
	_Atomic uint64_t	rests_until;	/* where nobody checks */
	_Atomic uint64_t	made, failed, checks, checks_failed;
	_Atomic uint32_t	served;		/* clients that it has accepted */
	_Atomic uint32_t	lost;		/* of those, whose connections it ended since: */
	_Atomic uint64_t	lost_since;	/* CLOCK_MONOTONIC ns */
	char			address[];	/* as the configuration has it */
};

/* The servers of one broker, by its name. */
struct mqg_pool {
	struct mqg_pool		*next;
	struct mqg_server_state	*servers;	/* main thread */
	_Atomic bool		away;		/* the log has said that nobody is served */
	_Atomic uint32_t	waiting;	/* clients, for a server or for their answer */
	_Atomic uint64_t	answered;	/* of them "server unavailable" */
	struct mqg_pace		answers, reconnects;
	struct mqg_hold_counts	hold;
	char			name[];
};

/*
 * The pool of that name, and in it the server of that address; made where they are not there.
 * NULL: no memory. Main thread.
 */
struct mqg_pool *mqg_pool_get(struct mqg_pool **list, const char *name);
struct mqg_server_state *mqg_server_get(struct mqg_pool *pool, const char *address);
void mqg_pools_free(struct mqg_pool *list);

/* What happened to a connection of a client, or to a check. @why: in words. Any worker. */
void mqg_server_failed(struct mqg_server_state *server, const struct mqg_health *health,
		       uint64_t now, bool check, const char *why);
void mqg_server_passed(struct mqg_server_state *server, const struct mqg_health *health,
		       uint64_t now, bool check);

/* It has ended the connection of a client, which it has served since @since, ns. Any worker. */
void mqg_server_lost(struct mqg_server_state *server, uint64_t since, uint64_t now);
/* It cannot be reached, or has ended several a moment ago, at least as many as it serves. */
bool mqg_server_died(struct mqg_server_state *server, uint64_t now);
/* The one that it has ended was the only one: that says nothing. */
bool mqg_server_alone(struct mqg_server_state *server);

/* A connection to it is over. */
static inline void mqg_server_leave(struct mqg_server_state *server)
{
	atomic_fetch_sub_explicit(&server->connections, 1, memory_order_relaxed);
}

/* The operator takes it out, or back in. Main thread. */
void mqg_server_drain(struct mqg_server_state *server, bool drain, uint64_t now);

#endif
