/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A worker: one thread, one epoll set, its own listening sockets, TLS contexts, timers and
 * sessions. Nothing in it is shared except what is marked so; those are atomics or have a lock.
 */
#ifndef MQG_WORKER_H
#define MQG_WORKER_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <openssl/ssl.h>

#include "proxy/proxy.h"
#include "proxy/registry.h"
#include "proxy/half.h"
#include "proxy/stream.h"
#include "proxy/timer.h"

/* How long a refused client may take to read the answer and close. */
#define MQG_LINGER_MS		2000
/* How long a connection may stay half closed without a byte moving. */
#define MQG_HALF_CLOSED_MS	60000
/* How long accept rests when descriptors have run out. */
#define MQG_ACCEPT_REST_MS	100

/* Written by one worker, read by anyone: adding needs no locked instruction. */
typedef _Atomic uint64_t mqg_counter;

static inline void mqg_counter_add(mqg_counter *counter, uint64_t n)
{
	atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + n,
			      memory_order_relaxed);
}

static inline uint64_t mqg_counter_get(mqg_counter *counter)
{
	return atomic_load_explicit(counter, memory_order_relaxed);
}

/* A broker as one worker reaches it. */
struct mqg_uplink {
	const struct mqg_broker	*config;
	struct mqg_timer_class	timeout;
	mqg_counter		connections, failures;
	_Atomic bool		*up;		/* shared by the workers */
};

/* A listener as one worker serves it. */
struct mqg_port {
	struct mqg_watch	watch;
	struct mqg_worker	*worker;
	const struct mqg_listener *config;
	size_t			index;
	int			fd;
	SSL_CTX			*tls;		/* NULL = clear text */
	struct mqg_uplink	*uplink;
	struct mqg_timer_class	handshake, connect;
	mqg_counter		accepted, refused, bytes_in, bytes_out;
	_Atomic uint32_t	*sessions;	/* shared by the workers */
};

struct mqg_worker {
	const struct mqg_config	*config;
	struct mqg_judge	*judge;
	struct mqg_port		*ports;		/* config->n_listeners */
	struct mqg_uplink	*uplinks;	/* config->n_brokers */
	int			epfd;
	int			wakefd;		/* eventfd: stop */
	int			spare;		/* a descriptor to give up when they have run out */
	struct mqg_watch	wake;
	pthread_t		thread;
	bool			started;
	bool			stopping;	/* worker's thread only */
	bool			resting;	/* accept rests */
	struct mqg_timer	rest;
	struct mqg_timers	timers;
	struct mqg_timer_class	linger, half_closed, accept_rest;
	uint64_t		now;		/* CLOCK_MONOTONIC ns, of this turn */
	struct mqg_list		sessions;	/* all that are open */
	struct mqg_list		ready;		/* stopped for fairness, not for want of data */
	struct mqg_list		dead;		/* closed in this turn; epoll may still name them */
	struct mqg_registry	registry;	/* shared with the main thread */
	uint8_t			scratch[MQG_CHUNK];
};

/**
 * mqg_worker_setup() - sockets, contexts and epoll set of a worker; no thread yet
 * @worker:   zeroed memory
 * @config:   stays valid as long as the worker
 * @judge:    whom sessions report to
 * @sessions: shared counts of open sessions, one a listener
 * @up:       shared states of the brokers, one a broker
 * @why:      buffer for what is wrong and the remedy
 * @size:     of @why
 *
 * Return: 0 or -errno; mqg_worker_teardown() is due in either case.
 */
int mqg_worker_setup(struct mqg_worker *worker, const struct mqg_config *config,
		     struct mqg_judge *judge, _Atomic uint32_t *sessions, _Atomic bool *up,
		     char *why, size_t size);
int mqg_worker_start(struct mqg_worker *worker, unsigned int number);
/* Tells the thread to close its sessions and end; mqg_worker_teardown() waits for it. */
void mqg_worker_stop(struct mqg_worker *worker);
void mqg_worker_teardown(struct mqg_worker *worker);

#endif
