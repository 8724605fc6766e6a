/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the module's events say against somebody, told to the judge: a violation that was dropped
 * and a kill end the flow in XDP as well, a violation that was only observed is evidence. Counted,
 * and the latest remembered for `mqgate why`. Owned by the tracker, main thread; no lock.
 */
#ifndef MQG_MODULE_OFFENCES_H
#define MQG_MODULE_OFFENCES_H

#include <stdbool.h>
#include <stdint.h>

#include "common/module.h"
#include "config/config.h"
#include "judge/judge.h"
#include "judge/refusals.h"

struct mqg_offences {
	const struct mqg_config	*config;
	struct mqg_judge	*judge;
	struct mqg_refusals	latest;
	uint64_t		count[2][MQGATE_SERVICES][MQGATE_REASON_MAX];	/* [dropped] */
};

/* NULL when memory is out; free() it. */
struct mqg_offences *mqg_offences_alloc(const struct mqg_config *config,
					struct mqg_judge *judge);

/* Takes one event. @ticket: of the flow, 0 = it has none. @now: boot time. */
void mqg_offences_event(struct mqg_offences *offences, const struct mqg_module_event *event,
			uint64_t ticket, uint64_t now);

/* Takes one client of a dump: what was refused while nobody listened. */
void mqg_offences_client(struct mqg_offences *offences, const struct mqg_module_client *client,
			 uint64_t ticket);

/* Takes a source that has more than the configured limits: evidence, each limit for itself. */
void mqg_offences_source(struct mqg_offences *offences, const struct mqg_module_source *source);

#endif
