/* SPDX-License-Identifier: BSD-2-Clause */
/* What live.c and lists.c have in common. Main thread; no lock. */
#ifndef MQG_LIVE_STATE_H
#define MQG_LIVE_STATE_H

#include "live/live.h"

/* The lists of one TLS policy, as they were looked at last. */
struct mqg_watched {
	uint64_t	tried;		/* stamp of lists that were refused; 0 = none */
	bool		warned, late;	/* said already: they run out soon; they are out of date */
};

struct mqg_live {
	const struct mqg_config		*config;
	struct mqg_revoked		*revoked;
	struct mqg_taps			*taps;		/* of `config`; NULL = none */
	struct mqg_live_users		users;
	struct mqg_live_counts		counts;
	bool				stopping, handed_over;
	struct mqg_watched		*watched;	/* one a policy; NULL = anew */
};

/* Taps of @config, that write already. 0 or -errno, after a sentence. */
int mqg_live_taps_prepare(const struct mqg_config *config, struct mqg_taps **taps, char *why,
			  size_t size);
/* The proxy goes by @fresh: those of before are ended. */
void mqg_live_taps_exchange(struct mqg_live *live, struct mqg_taps *fresh);
void mqg_live_taps_drop(struct mqg_taps *taps);

/* After a reload: another configuration has other lists. */
void mqg_live_watch_lists(struct mqg_live *live);

#endif
