/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Health checks: one worker asks all servers how they are, on its own thread, and everybody goes by
 * what it finds. A check is a connection of its own that says as much as the configuration wants:
 * nothing (tcp), or a CONNECT and, when that was accepted, a DISCONNECT (mqtt).
 */
#ifndef MQG_UPSTREAM_CHECK_H
#define MQG_UPSTREAM_CHECK_H

#include "proxy/timer.h"
#include "upstream/pool.h"

struct mqg_probe;

/* What the checks of a worker have in common. */
struct mqg_checker {
	const uint64_t		*now;		/* CLOCK_MONOTONIC ns */
	struct mqg_list		dead;		/* stopped in this turn; epoll may name them */
	char			client_id[24];	/* of this process' own */
	int			epfd;
};

/* Those of one broker: when each begins, and how long it may take. */
struct mqg_checks {
	struct mqg_checker	*checker;
	struct mqg_timer_class	every, timeout;
	struct mqg_list		probes;
	const struct mqg_broker	*broker;
	SSL_CTX			*tls;		/* of the routes */
	uint32_t		mark;		/* SO_MARK */
};

void mqg_checker_init(struct mqg_checker *checker, int epfd, const uint64_t *now);
/* Frees what was stopped. */
void mqg_checker_bury(struct mqg_checker *checker);

void mqg_checks_init(struct mqg_checks *checks, struct mqg_checker *checker,
		     struct mqg_timers *timers);
/*
 * Begins, or goes on with another configuration: what was found out so far stays. Without memory
 * nobody is asked, and servers are taken for what they were.
 */
void mqg_checks_start(struct mqg_checks *checks, const struct mqg_broker *broker,
		      const struct mqg_routes *routes, uint32_t mark);
void mqg_checks_stop(struct mqg_checks *checks);
/* They are stopped and do not begin again. */
void mqg_checks_exit(struct mqg_checks *checks);

#endif
