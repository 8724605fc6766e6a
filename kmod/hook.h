/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The netfilter hooks of a namespace: where packets come in. Caller: net.c. No lock; the
 * packet path holds RCU.
 */
#ifndef MQG_HOOK_H
#define MQG_HOOK_H

struct net;

int mqg_hook_register(struct net *net);
void mqg_hook_unregister(struct net *net);

#endif /* MQG_HOOK_H */
