/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The authenticated flows that are alive, each under a ticket, and how many every source has. Knows
 * neither maps nor clocks. Owned by the judge, guarded by its lock.
 */
#ifndef MQG_JUDGE_FLOWS_H
#define MQG_JUDGE_FLOWS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <linux/mqgate.h>

struct mqg_flows;

struct mqg_live_flow {
	struct mqgate_flow_key	key;
	uint32_t		service;
	uint32_t		identity;	/* its number */
	bool			withheld;	/* an operator banned its source: no ALLOW */
	bool			refused;	/* the module refused it: never again ALLOW */
	bool			ended;		/* the daemon ended it: likewise */
	bool			vouched;	/* the module follows it; no socket of ours */
};

/**
 * struct mqg_said - what a client said of itself in CONNECT
 * @id:         client identifier; NULL not known
 * @id_length:  of @id, at most MQGATE_CLIENT_ID_KEPT
 * @keep_alive: seconds
 * @level:      3, 4, 5
 * @id_cut:     @id is the beginning of a longer one
 */
struct mqg_said {
	const uint8_t	*id;
	uint16_t	id_length;
	uint16_t	keep_alive;
	uint8_t		level;
	bool		id_cut;
};

struct mqg_flows *mqg_flows_alloc(void);
void mqg_flows_free(struct mqg_flows *flows);

/* Return: 0 and a ticket > 0 that is never given twice, or -ENOMEM. */
int mqg_flows_add(struct mqg_flows *flows, const struct mqg_live_flow *flow, uint64_t *ticket);

/* Return: 0 and what was under the ticket, or -ENOENT. */
int mqg_flows_remove(struct mqg_flows *flows, uint64_t ticket, struct mqg_live_flow *flow);

/* Marks it ended as well as refused. Return: 0 and the flow, or -ENOENT. */
int mqg_flows_end(struct mqg_flows *flows, uint64_t ticket, struct mqg_live_flow *flow);

/* Marks it refused: it stays until removed, but speaks for its source no more. */
void mqg_flows_refuse(struct mqg_flows *flows, uint64_t ticket);

/* Flows alive of one scored source (as of mqg_source_scored()), but for refused ones. */
size_t mqg_flows_of(const struct mqg_flows *flows, const struct mqgate_source_key *scored);
size_t mqg_flows_count(const struct mqg_flows *flows);

/*
 * Slots, some of them free: walk them from 0 to below mqg_flows_slots(), a few at a time where the
 * lock is not to be held for long. NULL for a free slot.
 */
size_t mqg_flows_slots(const struct mqg_flows *flows);
struct mqg_live_flow *mqg_flows_slot(struct mqg_flows *flows, size_t slot);

#endif
