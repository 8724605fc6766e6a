/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which routed and bridged clients the kernel module vouches for: those of plain services that it
 * followed from their first byte to the broker's CONNACK. Fed with events, and with dumps where
 * events may be missing; says through its operations which flow is to be ALLOWed and which no
 * longer. Knows neither sockets nor maps. Owned by the tracker, main thread; no lock.
 *
 * A dump and events overlap: a client may be in a message of the dump that was written before its
 * end, and read after it. Events come in order and completely, or the loss is told, so they win:
 * what an event has spoken of since the dump began, the dump has no say in. Loss means another
 * dump, begun when every event that was sent before the loss has been read.
 */
#ifndef MQG_MODULE_VIEW_H
#define MQG_MODULE_VIEW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/module.h"

struct mqg_view;

/**
 * struct mqg_view_ops - what is done about it
 * @allow: the broker accepted that client. Return: a ticket, 0 = it could not be done
 * @close: that ticket is over
 */
struct mqg_view_ops {
	uint64_t	(*allow)(const struct mqg_module_client *client, void *arg);
	void		(*close)(uint64_t ticket, void *arg);
};

/* @ops must outlive the view. NULL when memory is out. */
struct mqg_view *mqg_view_alloc(const struct mqg_view_ops *ops, void *arg);
/* What is vouched for stays so: it is for the next daemon to take over. */
void mqg_view_free(struct mqg_view *view);

/* An event of any client; those that the view is not about are passed over. */
void mqg_view_event(struct mqg_view *view, const struct mqg_module_event *event);

/* A dump of all clients: begin, each client, and either the end or that it did not get there. */
void mqg_view_dump_begin(struct mqg_view *view);
void mqg_view_dump_client(struct mqg_view *view, const struct mqg_module_client *client);
void mqg_view_dump_end(struct mqg_view *view);
void mqg_view_dump_abort(struct mqg_view *view);

/* The module has gone: nobody vouches for anything. */
void mqg_view_clear(struct mqg_view *view);

/* The ticket of a flow, 0 = none. */
uint64_t mqg_view_ticket(const struct mqg_view *view, const struct mqgate_flow_key *flow);

/* Flows vouched for now. */
size_t mqg_view_count(const struct mqg_view *view);

#endif
