/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One tracked client: a TCP connection towards a service. This file owns the layout and
 * the rules of life of struct mqg_client; client.c implements them.
 *
 * Life. A client is made by hook.c (local: the socket is established; routed: the
 * half-open table saw a whole handshake) and put into its namespace's table. From then on
 * it may be found under RCU by anybody. It is ended exactly once, by mqg_client_end(),
 * which marks it dead, takes it from table and timer wheel, ends its session and
 * frees the memory after a grace period. There is no reference count: whoever holds a
 * client is inside rcu_read_lock(), and looks at mqg_client_dead() after taking the lock.
 *
 * Lock. client->lock (BH disabled) guards every field but @node, @slot (table.c), @timer
 * and @filed (the wheel's lock). @id is an RCU pointer, written under the lock. Counters may
 * be read without it: they are shown, never decided upon. Order: client->lock, then the
 * locks of table, wheel and id table; never two clients at once.
 */
#ifndef MQG_CLIENT_H
#define MQG_CLIENT_H

#include <linux/jiffies.h>
#include <linux/mqgate.h>
#include <linux/mqgate_client.h>
#include <linux/rcupdate.h>
#include <linux/rhashtable-types.h>
#include <linux/skbuff.h>
#include <linux/spinlock.h>
#include <linux/types.h>

#include "side.h"

struct mqg_client_id;
struct mqg_net;
struct mqg_service;
struct mqg_session;

/* The module's own flags, beside MQGATE_CLIENT_F_* */
#define MQG_CLIENT_DEAD		(1U << 31)	/* ended; its memory waits for a grace period */
#define MQG_CLIENT_LATE		(1U << 30)	/* its phase's deadline has passed, in observe */
#define MQG_CLIENT_TAKES	(1U << 29)	/* another client held its id at CONNECT */
#define MQG_CLIENT_TAKES_ALIVE	(1U << 28)	/* whose connection was in order */

/* Of the flags, what user space is shown. */
#define MQG_CLIENT_SHOWN	0xffffU

/**
 * struct mqg_client - a client connection
 * @node:      in mqg_net.table, by @key
 * @key:       the direction from client to service, as in mqgate_allow
 * @lock:      see above
 * @slot:      its place in mqg_net.slots: the order of dumps, and its number towards user
 *             space (given again to another client once this one has ended)
 * @timer:     in the wheel
 * @rcu:       once dead
 * @net:       the namespace; outlives the client
 * @id:        client identifier, interned; NULL until CONNECT was read, here or by the daemon
 * @session:   the session's memory while needed (parser, out-of-order bytes); session.c
 * @side:      following the bytes of either direction, by MQGATE_FROM_*; session.c
 * @packets:   TCP segments with or without payload, by direction; stays at what fits
 * @bytes:     TCP payload, by direction, as sent (retransmissions count)
 * @first:     CLOCK_BOOTTIME ns of its begin
 * @last:      CLOCK_BOOTTIME ns of its last segment in either direction
 * @heard:     (u32)jiffies of the last complete packet from the client (session.c), or of
 *             its last payload where packets are not followed
 * @entered:   (u32)jiffies when the phase was entered
 * @filed:     (u32)jiffies of its place in the wheel
 * @flags:     MQGATE_CLIENT_F_* and MQG_CLIENT_*
 * @identity:  the daemon's number of the identity
 * @source:    number of its place among the sources; 0 not counted (source.c)
 * @offences:  violations, enforced or not; stays at U16_MAX
 * @keep_alive: seconds; 0 none
 * @in_flight: QoS 1 and 2 PUBLISHes without their last acknowledgement, by direction
 * @service:   number of the service
 * @phase:     enum mqgate_phase
 * @level:     3, 4, 5; 0 unknown
 * @verdict:   enum mqgate_action as bound by the daemon
 * @reason:    enum mqgate_reason: of the last violation, or why it was refused
 * @connect_flags: as sent in CONNECT
 * @lost_id:   second when another client was accepted with its identifier, modulo 255, plus 1; 0
 *             none. Written with the other's lock held, not with this one's
 */
struct mqg_client {
	struct rhash_head		node;
	struct mqgate_flow_key		key;
	spinlock_t			lock;
	u32				slot;
	union {
		struct hlist_node	timer;
		struct rcu_head		rcu;
	};
	struct mqg_net			*net;
	struct mqg_client_id __rcu	*id;
	struct mqg_session		*session;
	struct mqg_side			side[2];
	u32				packets[2];
	u64				bytes[2];
	u64				first;
	u64				last;
	u32				heard;
	u32				entered;
	u32				filed;
	u32				flags;
	u32				identity;
	u32				source;
	u16				offences;
	u16				keep_alive;
	u16				in_flight[2];
	u8				service;
	u8				phase;
	u8				level;
	u8				verdict;
	u8				reason;
	u8				connect_flags;
	u8				lost_id;
};

/**
 * struct mqg_segment - one TCP segment of a client, as the session is given it
 * @seq:     }
 * @ack:     } host byte order
 * @window:  as in the header, unscaled
 * @flags:   byte 13 of the TCP header: MQG_TCP_*
 * @dir:     MQGATE_FROM_*
 * @urgent:  urgent pointer; 0 without URG
 * @offset:  of the payload, from skb->data (skb_header_pointer, skb_copy_bits)
 * @length:  bytes of payload; @skb may be a GSO/GRO aggregate, so more than an MTU
 * @enforce: violations of this service are dropped; false: counted, and passed
 */
struct mqg_segment {
	u32	seq;
	u32	ack;
	u16	window;
	u8	flags;
	u8	dir;
	u16	urgent;
	bool	enforce;
	u32	offset;
	u32	length;
};

/**
 * struct mqg_binding - what the daemon says of a client
 * @identity:   the daemon's number; 0 takes the binding away, and nothing else is said then
 * @id:         client identifier as in CONNECT; NULL not said
 * @id_length:  of @id, at most MQGATE_CLIENT_ID_KEPT
 * @keep_alive: seconds, where @level is said
 * @level:      3, 4, 5; 0 not said
 * @verdict:    enum mqgate_action
 * @id_cut:     @id is the beginning of a longer one
 */
struct mqg_binding {
	u32		identity;
	const void	*id;
	u16		id_length;
	u16		keep_alive;
	u8		level;
	u8		verdict;
	bool		id_cut;
};

#define MQG_TCP_FIN	0x01
#define MQG_TCP_SYN	0x02
#define MQG_TCP_RST	0x04
#define MQG_TCP_ACK	0x10
#define MQG_TCP_URG	0x20

/**
 * struct mqg_begin - what is known of a connection when its entry is made
 * @next:    sequence number of the next byte to come, by direction
 * @wscale:  window scale of what that side announces, by direction; MQG_WSCALE_UNKNOWN
 * @fresh:   not a byte of payload has passed yet in either direction: validate from the
 *           first one. Otherwise the flow is picked up: phase CONNECTED, PICKUP and UNVALIDATED
 */
struct mqg_begin {
	u32	next[2];
	u8	wscale[2];
	bool	fresh;
};

#define MQG_WSCALE_UNKNOWN	0xff

/*
 * What the session says of a segment.
 *   PASS       nothing against it
 *   DROP       TCP is to bring it again (it does not fit the bounded memory); no offence.
 *              In observe the caller passes it, and the session must have given up following
 *   VIOLATION  against the protocol, with a reason. Dropped when enforced; the session then
 *              is in phase REFUSED. In observe it passes and the session stops following
 */
enum mqg_verdict {
	MQG_PASS,
	MQG_DROP,
	MQG_VIOLATION,
};

/**
 * struct mqg_judgement - answer of mqg_session_segment()
 * @verdict: enum mqg_verdict
 * @reason:  enum mqgate_reason, of DROP and VIOLATION
 * @ended:   the connection is over with this segment (valid RST, or both FINs acknowledged);
 *           the caller ends the client after it has dealt with the segment
 */
struct mqg_judgement {
	u8	verdict;
	u8	reason;
	bool	ended;
};

/* None of what follows sleeps; all of it wants rcu_read_lock(). */

/* A dead client may still be read, until the reader leaves RCU; it must not be changed. */
static inline bool mqg_client_dead(const struct mqg_client *client)
{
	return READ_ONCE(client->flags) & MQG_CLIENT_DEAD;
}

/* An entry that eviction spares: somebody vouched for it. */
static inline bool mqg_client_authenticated(const struct mqg_client *client)
{
	return client->flags & MQGATE_CLIENT_F_BOUND;
}

struct mqg_client *mqg_client_begin(struct mqg_net *net, const struct mqgate_flow_key *key,
				    const struct mqg_service *service,
				    const struct mqg_begin *begin, u32 flags);

/* With client->lock held. */
void mqg_client_end(struct mqg_client *client, u8 reason);
void mqg_client_phase(struct mqg_client *client, u8 phase);
void mqg_client_refuse(struct mqg_client *client, u8 reason);
int mqg_client_name(struct mqg_client *client, const void *id, size_t length);
void mqg_client_count_packet(struct mqg_client *client, u8 dir, u8 type);
void mqg_client_violation(struct mqg_client *client, u8 dir, u8 reason, bool dropped);

/* Without it: they take it. */
int mqg_client_bind(struct mqg_client *client, const struct mqg_binding *binding);
int mqg_client_kill(struct mqg_client *client, u8 reason);

u64 mqg_client_idle_ms(const struct mqg_client *client);

int mqg_client_cache_init(void);
void mqg_client_cache_exit(void);

#endif /* MQG_CLIENT_H */
