/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the packets of a session leave behind, so that it can go on with another server when its own
 * fails: messages of the client that no server has acknowledged, in the order in which they came,
 * and what it has subscribed to. Its owner puts it into a struct mqg_message once the client is
 * known to be one whose session can be held; touched on the worker's thread of the session.
 *
 *	LINKED ----> AWAY: mqg_message_lose(); what the client sends is kept
 *	  ^           |
 *	  |           | CONNACK of the next server
 *	  '- RESUMING <  subscribes again, then sends what is kept; see resume.c
 */
#ifndef MQG_MESSAGE_KEEP_H
#define MQG_MESSAGE_KEEP_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "message/filters.h"
#include "message/store.h"

enum mqg_link {
	MQG_LINKED,	/* packets go to the server at once */
	MQG_RESUMING,	/* those that ask something of it wait, the others go */
	MQG_UNLINKED,	/* there is none */
};

/* One packet: PUBLISH, SUBSCRIBE, UNSUBSCRIBE or, behind those that wait, DISCONNECT. */
struct mqg_kept {
	struct mqg_kept	*next;
	uint32_t	len;		/* room for the packet */
	uint32_t	filled;		/* bytes of it that have come */
	uint16_t	id;		/* towards the server; 0: it has none */
	uint16_t	client_id;	/* of the client; 0: of another session */
	uint8_t		kind;		/* enum mqg_flow_kind; NONE without an identifier */
	uint8_t		level;		/* of MQTT */
	uint8_t		stage;		/* enum mqg_flow_stage, as the server knows it */
	uint64_t	record;		/* in the journal; 0 = none */
	bool		sent;		/* to a server, all of it or a part */
	bool		due;		/* this server is to get it */
	bool		acknowledged;	/* stored: the client has heard so */
	uint8_t		packet[];
};

/* Most that may be kept; constant while it is in use. */
struct mqg_keep_limits {
	uint32_t	messages, bytes;	/* of a session */
	uint64_t	total;			/* bytes of all that share @used */
};

/* Shared by the workers. */
struct mqg_keep_counts {
	_Atomic uint64_t	bytes;		/* kept now */
	_Atomic uint64_t	again;		/* messages sent again, with DUP */
	_Atomic uint64_t	replayed;	/* filters subscribed to again */
	_Atomic uint64_t	dropped;	/* messages of QoS 0 for which there was no room */
};

struct mqg_keep {
	struct mqg_keep_limits	limits;
	struct mqg_keep_counts	*counts;
	struct mqg_kept		*first, **end;	/* NULL: none; where the next one goes */
	const struct mqg_store_ops *store;	/* NULL: the server acknowledges */
	struct mqg_kept		*filling;	/* its payload is under way; NULL = none */
	char			*assigned;	/* client identifier, by the broker; NULL: none */
	uint32_t		n, bytes;
	uint32_t		pings;		/* PINGREQs that no server has answered */
	uint32_t		n_due;		/* of them, for this server */
	uint32_t		under_way;	/* messages that this server has not done with */
	uint16_t		last_id;	/* stored: the last one that was given */
	uint32_t		replies;	/* SUBACKs of ours that are still to come */
	struct mqg_filters	filters;
	uint8_t			level;		/* of the client */
	uint8_t			link;		/* enum mqg_link */
	bool			present;	/* RESUMING: the server knows the session */
	bool			replayed;	/* RESUMING: the filters have been sent */
	bool			moved;		/* RESUMING: the one before was another server */
	bool			older;		/* the session was there before its first CONNACK */
	bool			partial;	/* not all filters are known: it cannot go on */
	bool			doubted;	/* rights have changed: ask of what is kept */
	bool			farewell;	/* the server has said that it goes */
};

void mqg_keep_init(struct mqg_keep *keep, const struct mqg_keep_limits *limits,
		   struct mqg_keep_counts *counts, uint8_t level);
void mqg_keep_exit(struct mqg_keep *keep);

/* A server has all of it: messages that cannot be kept are sent all the same. */
static inline bool mqg_keep_linked(const struct mqg_keep *keep)
{
	return keep->link == MQG_LINKED;
}

/* There is no room for more: nothing should be read from the client. */
bool mqg_keep_full(const struct mqg_keep *keep);

/**
 * mqg_keep_add() - a packet behind those that are kept
 * @keep: where
 * @kind: of its flow
 * @id:   its identifier, or 0
 * @len:  its bytes
 * @out:  out: the caller writes and counts them in ->filled. NULL: not to be kept
 *
 * Where it would be too much while the server is there, the session cannot be held until the server
 * has acknowledged it. What waits may be a little more, for what was read before it was full.
 * Return: 0, -ENOMEM, or -ENOSPC: too much, while it has to wait.
 */
int mqg_keep_add(struct mqg_keep *keep, uint8_t kind, uint16_t id, uint32_t len,
		 struct mqg_kept **out);

/* The first of that identifier towards the server; of the client's. NULL: none. */
struct mqg_kept *mqg_keep_find(struct mqg_keep *keep, uint8_t kind, uint16_t id);
struct mqg_kept *mqg_keep_find_client(struct mqg_keep *keep, uint8_t kind, uint16_t id);
/* Behind those that are kept; its room is counted. */
void mqg_keep_append(struct mqg_keep *keep, struct mqg_kept *kept);
/* It is its caller's from now on. */
void mqg_keep_take(struct mqg_keep *keep, struct mqg_kept *kept);
/* It is not needed any more. NULL is nothing. */
void mqg_keep_remove(struct mqg_keep *keep, struct mqg_kept *kept);

/* This server has got it. */
void mqg_keep_sent(struct mqg_keep *keep, struct mqg_kept *kept);
/* Another one is to get all of them. */
void mqg_keep_due(struct mqg_keep *keep);

/* The next bytes of the payload under way; @ends: the last ones. */
void mqg_keep_fill(struct mqg_keep *keep, const uint8_t *data, size_t len, bool ends);

#endif
