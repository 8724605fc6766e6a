/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * When a client is late, and what then. Callers: client.c (a phase begins), session.c (a RST),
 * timer.c (a time has come), settings.c (limits have become shorter). Lock: client->lock.
 */
#ifndef MQG_DEADLINE_H
#define MQG_DEADLINE_H

struct mqg_client;
struct mqg_net;

void mqg_deadline_file(struct mqg_client *client);
void mqg_deadline_check(struct mqg_client *client);
void mqg_deadline_refile(struct mqg_net *net);

#endif /* MQG_DEADLINE_H */
