/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * mqgate_feed.ko, a benchmark's own: gives netfilter's hooks the packets of as many MQTT clients
 * as are wanted, and counts what the hooks cost. Nothing is sent; what hooks see is what they
 * would see of a router's traffic. main.c takes the commands, one at a time under its mutex, and
 * calls the others; they have no lock of their own.
 *
 * Costs are differences of the time-stamp counter. In a guest that QEMU runs with -icount
 * shift=0 that counter is the number of instructions.
 */
#ifndef MQG_FEED_H
#define MQG_FEED_H

#include <linux/skbuff.h>
#include <linux/types.h>

#include <linux/mqgate.h>

struct mqg_net;
struct seq_file;

#define FEED_CLIENTS	(2U << 20)	/* numbers of clients are below this */

/* Client n's address is the nth of 10.0.0.0/8, or they share 10.0.0.1 and differ in ports. */
enum feed_sources {
	FEED_OWN,
	FEED_SHARED,
};

/* In the order in which a client's life has them. */
enum feed_kind {
	FEED_SYN,
	FEED_SYN_ACK,
	FEED_HANDSHAKE_ACK,
	FEED_CONNECT,
	FEED_CONNACK,
	FEED_CONNACK_ACK,
	FEED_UP,		/* PUBLISH, QoS 0, 64 bytes with its fixed header */
	FEED_UP_ACK,
	FEED_DOWN,
	FEED_DOWN_ACK,
	FEED_KINDS,
};

#define FEED_FIRST_DATA	FEED_UP

extern const char *const feed_kind_names[FEED_KINDS];

/* frames.c */
int feed_frames_init(void);
void feed_frames_exit(void);
void feed_key(struct mqgate_flow_key *key, u32 client, enum feed_sources sources);
struct sk_buff *feed_frame(u32 client, enum feed_sources sources, enum feed_kind kind,
			   bool checked);

/* cost.c */
int feed_cost_init(void);
void feed_cost_exit(void);
int feed_clients(struct net *net, u32 first, u32 count, enum feed_sources sources);
int feed_publish(struct net *net, u32 clients, u32 rounds, bool checked, struct seq_file *out);

/* table.c */
int feed_table_cost(struct net *net, u32 clients, u32 rounds, struct seq_file *out);
void *feed_symbol(const char *name);

/* dump.c */
int feed_dump_begin(void);
void feed_dump_end(struct seq_file *out);

/* A cost that was measured many times: the median is told. Sorts. */
u32 feed_median(u32 *costs, u32 count);
extern u32 *feed_costs;			/* room for FEED_ROUNDS a kind */

#define FEED_ROUNDS	20000U

/* Numbers that look like any other and are the same in every run. */
static inline u32 feed_mix(u32 n)
{
	n ^= n >> 16;
	n *= 0x7feb352dU;
	n ^= n >> 15;
	n *= 0x846ca68bU;
	return n ^ n >> 16;
}

#endif /* MQG_FEED_H */
