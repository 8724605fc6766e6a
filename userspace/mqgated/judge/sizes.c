/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Compares the limits of the configuration with the maps, which `mqgate attach` makes and whose
 * sizes are its words: what does not fit is said in the log before it is missed. Main thread; no
 * lock.
 */
#include "judge/sizes.h"

#include <inttypes.h>

#include <bpf/bpf.h>

#include "system/log.h"

#define REMEDY	"sizes are words of mqgate attach, or of MQGATE_ATTACH in "	\
		"/etc/mqgate/attach.conf, for maps that are made anew (mqgate detach all)"

/* 0 where it cannot be told. */
static uint64_t entries_of(int fd)
{
	struct bpf_map_info info = {};
	__u32 len = sizeof(info);

	return bpf_obj_get_info_by_fd(fd, &info, &len) ? 0 : info.max_entries;
}

static void tell_sessions(const struct mqg_config *config, uint64_t room)
{
	uint64_t sessions = 0;

	for (size_t i = 0; i < config->n_listeners; i++)
		sessions += config->listeners[i].sessions_max;
	if (room && sessions > room)
		mqg_log(MQG_LOG_NOTICE, MQG_LOG_PINS,
			"the listeners' sessions_max are %" PRIu64 " together, and "
			MQGATE_MAP_ALLOW " holds %" PRIu64 " flows: beyond that an authenticated "
			"one is judged like any other; make room with allow %" PRIu64 " (" REMEDY
			"), or lower sessions_max", sessions, room, sessions);
}

static void tell_sources(const struct mqg_config *config, uint64_t room)
{
	uint64_t scored = config->score.sources_max;

	if (room && config->n_allow > room)
		mqg_log(MQG_LOG_WARNING, MQG_LOG_PINS,
			"allow has %zu addresses, and " MQGATE_MAP_SOURCES " holds %" PRIu64
			": make room with sources %zu (" REMEDY ")", config->n_allow, room,
			2 * config->n_allow);
	if (room && scored > room)
		mqg_log(MQG_LOG_NOTICE, MQG_LOG_PINS,
			"score.sources_max is %" PRIu64 ", and " MQGATE_MAP_SOURCES " holds %"
			PRIu64 " verdicts: not all of these sources could be banned at once; make "
			"room with sources %" PRIu64 " (" REMEDY "), or lower score.sources_max",
			scored, room, scored);
}

void mqg_judge_sizes_tell(const struct mqg_config *config, const struct mqg_pins *pins)
{
	tell_sessions(config, entries_of(pins->allow));
	tell_sources(config, entries_of(pins->sources));
}
