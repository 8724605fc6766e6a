/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Packet identifiers under way in one direction (MQTT 5, 2.2.1 and 4.3): what was asked there with
 * an identifier, PUBLISH, SUBSCRIBE or UNSUBSCRIBE, until it has been answered for good. A table by
 * identifier and kind that grows with what is in it. Part of a session's ledger, see ledger.h.
 */
#ifndef MQG_MESSAGE_FLOWS_H
#define MQG_MESSAGE_FLOWS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Places before any memory is allocated. */
#define MQG_FLOWS_FIRST	4U

enum mqg_flow_kind {
	MQG_FLOW_NONE,		/* an empty place */
	MQG_FLOW_QOS1,
	MQG_FLOW_QOS2,
	MQG_FLOW_SUBSCRIBE,
	MQG_FLOW_UNSUBSCRIBE,
};

enum mqg_flow_stage {
	MQG_FLOW_PUBLISHED,
	MQG_FLOW_RECEIVED,	/* QoS 2: PUBREC came */
	MQG_FLOW_RELEASED,	/* QoS 2: PUBREL came */
	MQG_FLOW_KEPT,		/* in the backlog: the client has not seen it */
};

struct mqg_flow {
	uint16_t	id;
	uint8_t		kind;		/* enum mqg_flow_kind */
	uint8_t		stage;		/* enum mqg_flow_stage */
	uint16_t	count;		/* QoS 1: times that it was published; else filters */
	uint16_t	gone;		/* down: of those, by servers that are gone */
	bool		own;		/* the gateway answers it; the other side has not heard */
	bool		doubted;	/* rights have changed since: ask again before it goes on */
	uint64_t	record;		/* up, QoS 2: of the identifier, in the journal; 0 = none */
	void		*copy;		/* hangs on it and goes with it: free() */
};

struct mqg_flows {
	struct mqg_flow	*table;		/* @first, or allocated */
	uint32_t	n, size;	/* size: a power of two */
	uint32_t	messages;	/* of them, PUBLISH */
	struct mqg_flow	first[MQG_FLOWS_FIRST];
};

void mqg_flows_init(struct mqg_flows *flows);
/* Forgets all. */
void mqg_flows_exit(struct mqg_flows *flows);

/* NULL: there is none. The answer holds until the next change. */
struct mqg_flow *mqg_flow_find(struct mqg_flows *flows, uint16_t id, enum mqg_flow_kind kind);
/* Adds one that is not there. NULL: no memory. */
struct mqg_flow *mqg_flow_add(struct mqg_flows *flows, uint16_t id, enum mqg_flow_kind kind);
void mqg_flow_remove(struct mqg_flows *flows, struct mqg_flow *flow);

#endif
