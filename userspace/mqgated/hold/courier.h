/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The courier takes to a server what absent clients have left behind (parked.h): one a broker, on
 * the worker that also asks servers how they are. It has a connection for messages of MQTT 5 and
 * one for those of 3, each only while there are some, and identifies itself by names of its own.
 *
 * A message is on disk until the server has done with it. QoS 1 may arrive twice when a connection
 * fails. QoS 2 may not: sessions end with their connections, and a server forgets what was begun
 * in them and not released. What was released counts as taken.
 */
#ifndef MQG_HOLD_COURIER_H
#define MQG_HOLD_COURIER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "hold/delivery.h"
#include "hold/journal.h"
#include "proxy/timer.h"
#include "upstream/visit.h"

struct mqg_storing;

enum { MQG_COURIER_OLDER, MQG_COURIER_FIVE, MQG_COURIER_LINES };

struct mqg_courier_line {
	struct mqg_courier	*courier;
	struct mqg_visit	visit;
	struct mqg_server_state	*server;	/* where it is counted; NULL = nowhere */
	struct mqg_delivery	*delivery;	/* from the CONNECT on */
	uint64_t		begun;		/* the stage that it is in; ns */
	uint64_t		heard;		/* of its server, or nothing was under way; ns */
	uint64_t		rests_until;
	uint8_t			level;
	char			client_id[24];
};

struct mqg_courier {
	const struct mqg_storing *storing;	/* NULL = there is no courier */
	size_t			worker;
	int			epfd;
	const uint64_t		*now;		/* CLOCK_MONOTONIC ns */
	struct mqg_pool		*pool;
	const struct mqg_broker	*broker;
	struct mqg_routes	*routes;
	uint32_t		mark;		/* SO_MARK */
	struct mqg_timer_class	every;
	struct mqg_timer	tick;
	bool			leaving;	/* nothing more is begun */
	uint64_t		said;		/* when the log was told of refusals; ns */
	struct mqg_courier_line	lines[MQG_COURIER_LINES];
};

/* What a courier has of its worker. */
struct mqg_courier_place {
	const struct mqg_storing *storing;	/* journal and what is parked; NULLs are none yet */
	size_t			worker;		/* its number */
	int			epfd;
	const uint64_t		*now;
	struct mqg_timers	*timers;
};

void mqg_courier_init(struct mqg_courier *courier, const struct mqg_courier_place *place,
		      struct mqg_pool *pool);
/*
 * Begins, or goes on with another configuration; @routes are there as long. Whatever `hold` says
 * now: what was stored is to be brought.
 */
void mqg_courier_start(struct mqg_courier *courier, const struct mqg_broker *broker,
		       struct mqg_routes *routes, uint32_t mark);
/* Brings what has begun to its end, and begins nothing more. */
void mqg_courier_leave(struct mqg_courier *courier);
bool mqg_courier_is_busy(const struct mqg_courier *courier);
/* Ends at once; what is under way is as it was. Harmless where nothing has begun. */
void mqg_courier_stop(struct mqg_courier *courier);
/* It is stopped and does not begin again. */
void mqg_courier_exit(struct mqg_courier *courier);

#endif
