/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Routed and bridged connections before they have an entry: a fixed table, made once for
 * all namespaces, that nothing can make grow. Two rows of buckets: handshakes (SYN, then
 * SYN-ACK, then an ACK that knows the server's number) and flows older than the module
 * (client, server, client again, each with numbers that fit the other's). A newcomer
 * overwrites one of its bucket: the oldest of the namespace that has most places there. So a
 * flood of SYNs or ACKs with forged addresses costs two writes a packet and makes no entry;
 * what it can do is to push out a handshake in progress in its own namespace, whose flow is
 * then picked up as one that is older than its entry. Another namespace keeps its places as long
 * as it has no more than its share of the five in a bucket.
 *
 * Callers: hook.c, main.c, kfunc.c. Lock: one a bucket, BH.
 */
#ifndef MQG_HALF_H
#define MQG_HALF_H

#include <linux/mqgate_ask.h>
#include <linux/types.h>

struct mqg_begin;
struct mqg_net;
struct mqg_packet;

int mqg_half_init(void);
void mqg_half_exit(void);

void mqg_half_syn(struct mqg_net *net, const struct mqg_packet *packet);
void mqg_half_syn_ack(struct mqg_net *net, const struct mqg_packet *packet);
bool mqg_half_client(struct mqg_net *net, const struct mqg_packet *packet,
		     struct mqg_begin *begin);
enum mqgate_known mqg_half_peek(struct mqg_net *net, const struct mqgate_flow_key *key, u32 *next);
void mqg_half_server(struct mqg_net *net, const struct mqg_packet *packet);

#endif /* MQG_HALF_H */
