/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What has to be remembered of a session between its packets. There is one only while there is
 * something in it; a worker keeps a few that nobody needs for whoever is next, so that a message of
 * QoS 1 allocates nothing.
 */
#ifndef MQG_MESSAGE_LEDGER_H
#define MQG_MESSAGE_LEDGER_H

#include "message/aliases.h"
#include "message/backlog.h"
#include "message/flows.h"
#include "message/message.h"
#include "message/subscriptions.h"

/* What hangs on a QoS 2 flow of a client that has a grant. */
struct mqg_noted {
	uint16_t	len;
	bool		retain;
	uint8_t		topic[];
};

struct mqg_own {
	uint8_t		*data;
	uint32_t	len;
};

struct mqg_ledger {
	struct mqg_flows	flows[2];	/* by the way of what was asked */
	struct mqg_aliases	aliases[2];	/* by enum mqg_way */
	struct mqg_subscriptions subscriptions;	/* where they are counted */
	struct mqg_backlog	backlog;	/* deliveries that the client has no room for */
	struct mqg_own		own[2];		/* packets of ours that wait for the end of one */
	struct mqg_ledger	*next;		/* among the spare ones */
};

/* Made when it is not there. NULL: no memory. */
struct mqg_ledger *mqg_ledger_get(struct mqg_message *message);
/* Gives it back if there is nothing in it. */
void mqg_ledger_settle(struct mqg_message *message);
/* Gives it back. */
void mqg_ledger_drop(struct mqg_message *message);

#endif
