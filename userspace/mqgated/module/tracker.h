/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The kernel module as the daemon uses it: notices when it comes and goes, gives it the services,
 * follows its events, and turns them into what the judge is told. The module follows clients; who
 * somebody is and what is done about it is said here. Without the module, or with `use: off`, all
 * of this does nothing. Main thread, in the main loop; no lock. Workers reach it through the judge
 * (see bindings.h).
 */
#ifndef MQG_MODULE_TRACKER_H
#define MQG_MODULE_TRACKER_H

#include <stdbool.h>
#include <stdint.h>

#include "common/module.h"
#include "config/config.h"
#include "judge/manage.h"
#include "system/loop.h"

struct mqg_tracker;

/**
 * mqg_tracker_setup() - look for the module, and know its clients before maps are adopted
 * @config:  outlives it
 * @judge:   outlives it; told of every flow that the module vouches for
 * @loop:    what polls the module's sockets
 * @tracker: out
 * @why:     out where memory is out
 * @size:    of @why
 *
 * That there is no module, or that it does not answer, is no error. Return: 0 or -ENOMEM.
 */
int mqg_tracker_setup(const struct mqg_config *config, struct mqg_judge *judge,
		      struct mqg_loop *loop, struct mqg_tracker **tracker, char *why, size_t size);

/*
 * Goes by another configuration, which outlives it or the next call; the module gets its services.
 * Whether the module is used at all, and how much of its events may wait, stays as it was.
 */
void mqg_tracker_configure(struct mqg_tracker *tracker, const struct mqg_config *config);

/*
 * Lets go of the module. Its settings stay as they are, and so do the ALLOW entries of flows that
 * it vouches for: they run out by themselves unless another daemon takes them over.
 */
void mqg_tracker_teardown(struct mqg_tracker *tracker);

/* Periodic work; about once a second. */
void mqg_tracker_tick(struct mqg_tracker *tracker);

/**
 * struct mqg_tracker_state - what it tells of itself
 * @use:      as configured
 * @followed: the module is there and speaks
 * @complete: nothing is missing: the last dump came to its end and no event was lost since
 * @about:    the module's own numbers; all zero where @followed is false
 * @vouched:  routed clients ALLOWed by the module's word, now
 * @bound:    clients of our listeners, now
 * @events:   read, ever
 * @lost:     times that events were lost
 * @rebuilds: dumps that came to their end
 * @error:    why the module is not used as configured; "" = nothing is wrong
 */
struct mqg_tracker_state {
	bool			use, followed, complete;
	struct mqg_module_about	about;
	size_t			vouched, bound;
	uint64_t		events, lost, rebuilds;
	const char		*error;
};

void mqg_tracker_state(struct mqg_tracker *tracker, struct mqg_tracker_state *state);

/* Violations that the module told of since the start, dropped or only observed. */
uint64_t mqg_tracker_violations(const struct mqg_tracker *tracker, uint32_t service,
				uint32_t reason, bool dropped);

/* Calls @fn for the latest violations, the last one first, until it returns other than 0. */
int mqg_tracker_violation_each(const struct mqg_tracker *tracker, mqg_refusal_fn fn, void *arg);

#endif
