/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Between sessions and the journal, for brokers with `hold: store`. What is here of a worker is
 * touched by that worker only; the journal and what is parked are shared by all (hold/).
 */
#ifndef MQG_STORING_H
#define MQG_STORING_H

#include "hold/journal.h"
#include "hold/parked.h"
#include "proxy/list.h"
#include "proxy/stream.h"

struct mqg_config;
struct mqg_proxy;
struct mqg_session;

struct mqg_storing {
	struct mqg_watch	watch;		/* the journal's word */
	struct mqg_journal	*journal;	/* NULL = there is none */
	struct mqg_parked	*parked;
	struct mqg_list		awaiting;	/* holds of sessions that wait for it */
};

/*
 * Opens the journal of @config, if it has one, and takes what processes that are gone have left.
 * Main thread, before the workers start, as the user that the daemon stays. 0 or -errno; @why: in
 * words.
 */
int mqg_storing_open(struct mqg_proxy *proxy, const struct mqg_config *config, char *why,
		     size_t size);
/* Looks for what others have left since. Main thread. */
void mqg_storing_look(struct mqg_proxy *proxy);
/* The workers have ended. */
void mqg_storing_close(struct mqg_proxy *proxy);

/* The session's messages are stored, if its broker wants that and there is a journal. */
void mqg_storing_begin(struct mqg_session *session);
/* A server has accepted it: what its client has left behind is its own again. */
void mqg_storing_adopt(struct mqg_session *session);
/* It ends: what no server has taken is left behind. Harmless where nothing is stored. */
void mqg_storing_park(struct mqg_session *session);

#endif
