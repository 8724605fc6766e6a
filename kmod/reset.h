/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Ending a connection at both ends: RSTs made here, because a deadline passes without a
 * packet to answer, and because nf_reject is a module of its own that a plain insmod would
 * not find. Callers: hook.c, deadline.c, client.c. Lock: filled in under client->lock, sent
 * without it: what is sent passes our own hooks.
 */
#ifndef MQG_RESET_H
#define MQG_RESET_H

#include <linux/types.h>
#include <linux/mqgate.h>

struct mqg_client;
struct mqg_net;

/**
 * struct mqg_reset - RSTs to be sent
 * @key:  of the client
 * @next: sequence number of the next byte, by direction
 * @ifindex: where the client is, for addresses that say nothing of it (link-local); 0 unknown
 * @skip: nothing is sent (bridged: there may be no route to either end)
 */
struct mqg_reset {
	struct mqgate_flow_key	key;
	u32			next[2];
	int			ifindex;
	bool			skip;
};

void mqg_reset_prepare(struct mqg_reset *reset, const struct mqg_client *client);
void mqg_reset_send(struct mqg_net *net, const struct mqg_reset *reset);

#endif /* MQG_RESET_H */
