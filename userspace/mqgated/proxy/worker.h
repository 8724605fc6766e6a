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

#include "hold/courier.h"
#include "message/message.h"
#include "proxy/admission.h"
#include "proxy/chain_cache.h"
#include "proxy/counter.h"
#include "proxy/proxy.h"
#include "proxy/ocsp.h"
#include "proxy/tempo.h"
#include "proxy/realm.h"
#include "proxy/registry.h"
#include "proxy/renewal.h"
#include "proxy/half.h"
#include "proxy/storing.h"
#include "proxy/stream.h"
#include "proxy/timer.h"
#include "proxy/tls.h"
#include "upstream/check.h"
#include "upstream/pool.h"

/* How long a refused client may take to read the answer and close. */
#define MQG_LINGER_MS		2000
/* How long one may that was let in before, and is not allowed any more. */
#define MQG_PARTING_MS		500
/* Between two looks at who is to be told to go. */
#define MQG_DRAIN_STEP_MS	20
/* How long a connection may stay half closed without a byte moving. */
#define MQG_HALF_CLOSED_MS	60000
/* How long accept rests when descriptors have run out. */
#define MQG_ACCEPT_REST_MS	100
/* How often those are looked after who wait for a broker. */
#define MQG_AWAY_TICK_MS	10
/* How often it is looked for sessions of servers that are dead. */
#define MQG_CUT_MS		100

/*
 * A broker as one worker reaches it. When a change has taken it away it stays until the last
 * attempt to connect is over.
 */
struct mqg_uplink {
	const struct mqg_broker	*config;
	struct mqg_worker	*worker;
	struct mqg_list		gone;		/* in worker->gone_uplinks */
	const struct mqg_config	*held;		/* what @config is part of, once it is gone */
	struct mqg_pool		*pool;		/* shared by the workers */
	struct mqg_routes	routes;		/* to its servers */
	struct mqg_timer_class	timeout;
	struct mqg_checks	checks;		/* of the worker that asks for all */
	struct mqg_courier	courier;	/* likewise */
	struct mqg_list		waiting;	/* sessions, for a server; the first first */
	struct mqg_list		lost;		/* likewise, that had one */
	struct mqg_timer	look;		/* after those */
	struct mqg_timer	cut;		/* after sessions of dead servers */
	mqg_counter		connections, failures;
};

/*
 * A listener as one worker serves it. When a change has taken it away it accepts no more, and stays
 * until its last session is over.
 */
struct mqg_port {
	struct mqg_watch	watch;
	struct mqg_worker	*worker;
	const struct mqg_listener *config;
	struct mqg_list		gone;		/* in worker->gone_ports */
	const struct mqg_config	*held;		/* what @config is part of, once it is gone */
	uint32_t		open;		/* sessions of this worker */
	size_t			index;
	int			fd;
	struct mqg_realms	realms;		/* by config->policies; none = clear text */
	struct mqg_uplink	*uplink;
	struct mqg_timer_class	handshake, connect;
	mqg_counter		accepted, refused, stripped, bytes_in, bytes_out;
	mqg_counter		messages_refused[MQGATE_REASON_MAX];
	struct mqg_tls_counts	tls_counts;
	_Atomic uint32_t	*sessions;	/* shared by the workers */
	struct mqg_tempo_all	*tempo;		/* likewise */
	mqg_counter		paused;		/* reads after which a client had to wait */
	mqg_counter		delayed;	/* deliveries that had to wait for a client */
};

/* The realms of one port, and the contexts that they get; NULL = it keeps its own. */
struct mqg_facing {
	struct mqg_realms	realms;
	SSL_CTX			**tls;
};

/* What a worker is to go on with; made by the main thread (change.c), applied by the worker. */
struct mqg_change {
	const struct mqg_config		*config;
	const struct mqg_revoked	*revoked;
	struct mqg_taps			*taps;
	uint64_t			epoch;
	struct mqg_port			**ports;	/* by config->listeners; some are new */
	struct mqg_facing		*facing;	/* likewise */
	struct mqg_tempo_all		**groups;	/* by those of config->rights */
	struct mqg_uplink		**uplinks;	/* by config->brokers */
	struct mqg_routes		*routes;	/* likewise */
	bool				done;		/* guarded by the mail's lock */
};

/* Between the main thread, which waits, and a worker. */
struct mqg_mail {
	pthread_mutex_t		lock;
	pthread_cond_t		applied;
	struct mqg_change	*change;	/* to be applied; NULL = none */
	bool			stop;
	bool			drain;		/* within `drain_ns` */
	uint64_t		drain_ns;
};

/* The end of a worker, see drain.c. */
struct mqg_drain {
	struct mqg_list		waiting;	/* sessions that have not been told */
	struct mqg_timer_class	step;
	struct mqg_timer	timer;
	uint64_t		begun, time;	/* ns */
	uint32_t		total, told;
	atomic_bool		done;		/* nobody is left */
};

struct mqg_worker {
	const struct mqg_config	*config;
	struct mqg_judge	*judge;
	struct mqg_port		**ports;	/* config->n_listeners */
	struct mqg_tempo_all	**groups;	/* as in its latest change */
	struct mqg_uplink	**uplinks;	/* config->n_brokers */
	const struct mqg_revoked *revoked;	/* NULL = nobody */
	struct mqg_taps		*taps;		/* NULL = none */
	size_t			number;
	uint64_t		epoch;		/* counts the changes of trust */
	struct mqg_mail		mail;
	int			epfd;
	int			wakefd;		/* eventfd: there is mail */
	int			spare;		/* a descriptor to give up when they have run out */
	struct mqg_watch	wake;
	pthread_t		thread;
	bool			started;
	bool			stopping;	/* worker's thread only */
	bool			resting;	/* accept rests */
	struct mqg_timer	rest;
	struct mqg_admission	admission;
	struct mqg_timers	timers;
	struct mqg_timer_class	linger, parting, half_closed, accept_rest, away, cutting;
	struct mqg_drain	drain;
	uint64_t		now;		/* CLOCK_MONOTONIC ns, of this turn */
	struct mqg_list		sessions;	/* open, and judged by this epoch or not yet */
	struct mqg_list		older;		/* open, to be judged again by this epoch */
	uint32_t		ended;		/* by this epoch so far */
	struct mqg_list		gone_ports, gone_uplinks, gone_realms;
	struct mqg_list		ready;		/* stopped for fairness, not for want of data */
	struct mqg_list		dead;		/* closed in this turn; epoll may still name them */
	struct mqg_ocsp_client	ocsp;
	struct mqg_checker	checker;
	bool			asks;		/* this worker checks servers, for all */
	struct mqg_registry	registry;	/* shared with the main thread */
	struct mqg_chain_cache	chains;
	struct mqg_tickets	*tickets;	/* the proxy's */
	struct mqg_succession	succession;
	struct mqg_timer_class	tempo[MQG_TEMPO_STEPS];
	struct mqg_storing	storing;
	struct mqg_desk		desk;		/* of its sessions' packets */
	/* What is read goes behind the room that mqg_message_take() wants before it. */
	uint8_t			room[MQG_HEAD_MAX + MQG_CHUNK];
};

/* MQG_CHUNK bytes that belong to whoever is at work. */
static inline uint8_t *mqg_worker_scratch(struct mqg_worker *worker)
{
	return worker->room + MQG_HEAD_MAX;
}

/**
 * mqg_worker_setup() - epoll set of a worker without listeners; no thread yet
 * @worker:   zeroed memory
 * @judge:    whom sessions report to
 * @door:     to the TLS handshakes, of all workers
 * @why:      buffer for what is wrong and the remedy
 * @size:     of @why
 *
 * Return: 0 or -errno; mqg_worker_teardown() is due in either case.
 */
int mqg_worker_setup(struct mqg_worker *worker, struct mqg_judge *judge, struct mqg_door *door,
		     char *why, size_t size);
int mqg_worker_start(struct mqg_worker *worker, unsigned int number);

/*
 * Gives the worker a change and waits until it goes by it. What the worker does not need any more
 * is in @change afterwards: tables of before, and contexts in `facing`. Its sessions are judged
 * again in the worker's next turns.
 */
void mqg_worker_change(struct mqg_worker *worker, struct mqg_change *change);

/* Makes it read its mail. Any thread. */
void mqg_worker_wake(struct mqg_worker *worker);
/* Reads it; on its own thread. */
void mqg_worker_mail(struct mqg_worker *worker);
/* Frees what has gone and is not in use any more. On its own thread. */
void mqg_worker_bury(struct mqg_worker *worker);

/* Ends sessions that the epoch does not allow, a bounded time. True while some are left. */
bool mqg_worker_sweep(struct mqg_worker *worker);
/* drain.c, on its own thread: closes its doors, and tells everybody to go within @time ns. */
void mqg_worker_drain_init(struct mqg_worker *worker);
void mqg_worker_drain(struct mqg_worker *worker, uint64_t time);
/* Makes it do so; worker->drain.done says when nobody is left. */
void mqg_worker_leave(struct mqg_worker *worker, uint64_t time);
/* Tells the thread to close its sessions and end; mqg_worker_teardown() waits for it. */
void mqg_worker_stop(struct mqg_worker *worker);
void mqg_worker_teardown(struct mqg_worker *worker);

#endif
