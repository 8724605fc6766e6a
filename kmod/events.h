/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What happens to clients and sources, told to the listeners of multicast group "events".
 * client.c and source.c call, with the client's lock held and under RCU; nothing here sleeps.
 * netlink.c says from when to when there is a group.
 *
 * Lock. Numbers are given and messages sent under one lock, so that they arrive in order and a
 * gap between two numbers is a loss: for want of memory, or because the listener was too slow,
 * of which its socket tells it as well (ENOBUFS).
 */
#ifndef MQG_EVENTS_H
#define MQG_EVENTS_H

#include <linux/types.h>

struct mqg_client;
struct mqg_net;
struct mqg_source_view;

void mqg_event_begin(const struct mqg_client *client);
void mqg_event_phase(const struct mqg_client *client, u8 before);
void mqg_event_violation(const struct mqg_client *client, u8 dir, u8 reason, bool dropped);
void mqg_event_end(const struct mqg_client *client, u8 reason);
void mqg_event_holders(const struct mqg_client *client);
void mqg_event_source(struct mqg_net *net, const struct mqg_source_view *view);

void mqg_events_start(void);
void mqg_events_stop(void);

#endif /* MQG_EVENTS_H */
