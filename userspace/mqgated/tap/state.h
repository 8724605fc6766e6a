/* SPDX-License-Identifier: BSD-2-Clause */
/* What taps consist of, between tap.c and writer.c. */
#ifndef MQG_TAP_STATE_H
#define MQG_TAP_STATE_H

#include <pthread.h>
#include <stdatomic.h>

#include "proxy/counter.h"
#include "tap/line.h"
#include "tap/ring.h"
#include "tap/sink.h"
#include "tap/tap.h"

/* A worker's end of a tap. */
struct mqg_tap_end {
	struct mqg_ring		ring;
	uint64_t		seen;		/* for the sample */
	uint64_t		since;		/* begin of the second that is counted, ns */
	uint32_t		in_second;
	mqg_counter		full, limited;
};

struct mqg_tap {
	const struct mqg_tap_config	*config;
	struct mqg_tap_end	*ends;		/* one a worker */
	struct mqg_sink		sink;
	struct mqg_tap_counts	before;		/* of the one that it follows */
	mqg_counter		sent, lost;	/* the writing thread's, like `sink` */
	atomic_bool		up;
};

struct mqg_taps {
	pthread_t		thread;
	bool			started;
	int			wakefd;		/* eventfd: stop */
	size_t			workers, n;
	struct mqg_tap		taps[];
};

#endif
