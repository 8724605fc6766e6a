/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Local services: what the host's own socket knows of a connection. Caller: hook.c at
 * LOCAL_IN. The socket's fields are read without its lock, as TCP's own early look-ups do.
 */
#ifndef MQG_LOCAL_H
#define MQG_LOCAL_H

#include <linux/types.h>

struct mqg_begin;
struct mqg_net;
struct mqg_packet;
struct sk_buff;

bool mqg_local_established(struct mqg_net *net, const struct mqg_packet *packet,
			   struct sk_buff *skb, u32 mark, struct mqg_begin *begin);

#endif /* MQG_LOCAL_H */
