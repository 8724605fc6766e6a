/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The clients of the daemon's own listeners, for the module: which identity each has proven, so
 * that the module can be told, and which ticket its flow has, so that it can be taken away when
 * the module refuses the flow. Workers report (through the judge) into a queue that `lock` guards;
 * the main thread takes it over into the table, which is its alone.
 */
#ifndef MQG_MODULE_BINDINGS_H
#define MQG_MODULE_BINDINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "judge/flows.h"

struct mqg_bindings;

/* NULL when memory or descriptors are out. */
struct mqg_bindings *mqg_bindings_alloc(void);
void mqg_bindings_free(struct mqg_bindings *bindings);

/* Readable while something is in the queue. */
int mqg_bindings_fd(const struct mqg_bindings *bindings);

/**
 * struct mqg_bound - a client of ours
 * @key:      its flow
 * @ticket:   the judge's
 * @identity: its number; 0 nobody was proven
 * @said:     in CONNECT; @said.id is the table's own copy
 */
struct mqg_bound {
	struct mqgate_flow_key	key;
	uint64_t		ticket;
	uint32_t		identity;
	struct mqg_said		said;
};

/* A mqg_flow_fn for the judge; any thread. Without memory a client stays unnamed in the module. */
void mqg_bindings_note(const struct mqg_live_flow *flow, const struct mqg_said *said,
		       uint64_t ticket, bool open, void *arg);

typedef void (*mqg_binding_fn)(const struct mqg_bound *bound, void *arg);
/*
 * Takes the queue over; calls @fn for every client that is new in it and @ended for every one that
 * the daemon has ended, which is still in the table then. Main thread.
 */
void mqg_bindings_take(struct mqg_bindings *bindings, mqg_binding_fn fn, mqg_binding_fn ended,
		       void *arg);

/* Return: NULL where the flow is no client of ours; good until the queue is taken. Main thread. */
const struct mqg_bound *mqg_bindings_find(const struct mqg_bindings *bindings,
					  const struct mqgate_flow_key *flow);

size_t mqg_bindings_count(const struct mqg_bindings *bindings);

#endif
