/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A session that outlives its server. While there is none it is in the stages AWAY, DIAL and REPLY
 * as at its beginning, but its client is listened to, and waits without a word in a queue of its
 * own. Touched by the session's worker only.
 */
#ifndef MQG_HOLD_H
#define MQG_HOLD_H

#include <stdbool.h>
#include <stdint.h>

#include "message/keep.h"
#include "proxy/list.h"

struct mqg_pool;
struct mqg_session;
struct mqg_server_state;

struct mqg_hold {
	struct mqg_keep		keep;		/* the message's */
	struct mqg_session	*session;
	struct mqg_list		awaits;		/* among those that wait for the disk */
	struct mqg_pool		*pool;		/* where it is counted */
	struct mqg_server_state	*lost;		/* that it had; while it is away */
	uint64_t		lost_at;	/* CLOCK_MONOTONIC ns */
	uint64_t		resumed_at;	/* 0 = never */
	uint32_t		connect_len;
	bool			lives;		/* longer than its connection: MQTT 5, 3.1.2.11.2 */
	bool			away;		/* it has no server */
	bool			dead;		/* nor has the one that it had others */
	bool			probes;		/* whether that one is still there */
	uint8_t			connect[];	/* as a server gets it, without a password */
};

#endif
