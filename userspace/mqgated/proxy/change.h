/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A change of the running proxy in two halves: everything that can fail is prepared beside what is
 * in force, and then all workers go over to it, or it is abandoned and nothing has happened. Main
 * thread. The first change of a proxy is its start.
 */
#ifndef MQG_CHANGE_H
#define MQG_CHANGE_H

#include "proxy/worker.h"

/* What the workers share of a listener, by its address, or a group; as old as the proxy. */
struct mqg_common {
	struct mqg_common	*next;
	_Atomic uint32_t	sessions;	/* open; of listeners */
	struct mqg_tempo_all	tempo;
	char			name[];
};

struct mqg_proxy {
	const struct mqg_config	*config;	/* in force; NULL before the first change */
	uint64_t		epoch;
	struct mqg_common	*listeners;
	struct mqg_common	*groups;	/* all that have had a limit, latest first */
	struct mqg_tempo_all	**group_tempo;	/* in force; by those of config->rights */
	struct mqg_pool		*pools;
	struct mqg_door		door;
	struct mqg_tickets	*tickets;
	struct mqg_renewal	*renewal;
	struct mqg_journal	*journal;	/* NULL = none */
	struct mqg_parked	*parked;	/* likewise */
	uint64_t		looked;		/* for more; boot time, ns */
	struct mqg_taps		*taps;		/* of the live side; NULL = none */
	struct mqg_worker	**workers;	/* each allocated by itself: no shared cache line */
	size_t			n_workers;
};

#endif
