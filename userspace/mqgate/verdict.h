/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A verdict as JSON, the same in `verdict list` and in `why`.
 */
#ifndef MQG_CMD_VERDICT_H
#define MQG_CMD_VERDICT_H

#include <jansson.h>

#include <linux/mqgate.h>

/* @now: CLOCK_BOOTTIME; the verdict must be live then. Ages and times left are seconds. */
json_t *mqg_verdict_json(const struct mqgate_source_key *key, const struct mqgate_verdict *v,
			 uint64_t now);

#endif
