/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * /proc/net/mqgate: the clients of a network namespace for a quick look; programs ask netlink.
 * Called by net.c; reads under RCU, without the locks of clients.
 */
#ifndef MQG_PROC_H
#define MQG_PROC_H

struct mqg_net;

int mqg_proc_net_init(struct mqg_net *net);
void mqg_proc_net_exit(struct mqg_net *net);

#endif /* MQG_PROC_H */
