/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The generic netlink family "mqgate": what user space asks and is told. main.c registers it;
 * events.c uses it to send. The tables are in netlink-gen.c, the handlers run in process
 * context, several at once (parallel_ops), for the namespace of the socket that asked.
 */
#ifndef MQG_NETLINK_H
#define MQG_NETLINK_H

#include <net/genetlink.h>

struct mqg_client;
struct mqg_source_view;

extern struct genl_family mqg_netlink_family;

int mqg_netlink_register(void);
void mqg_netlink_unregister(void);

size_t mqg_netlink_client_size(void);
int mqg_netlink_put_client(struct sk_buff *skb, const struct mqg_client *client);

size_t mqg_netlink_source_size(void);
int mqg_netlink_put_source(struct sk_buff *skb, const struct mqg_source_view *view);

#endif /* MQG_NETLINK_H */
