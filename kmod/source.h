/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Where clients come from: sessions, CONNECT rate, violations and takeovers of every source of
 * a namespace. A source is an IPv4 address, or the /64 of an IPv6 one: a host may use any of its
 * /64's addresses, so that counting each by itself would count nothing and let one host fill the
 * table. (Sessions of one IPv6 address: a dump of clients with a filter.) Nothing is decided
 * here; who listens is told when a source is over a threshold.
 *
 * Callers: client.c, for what happens once or twice in a connection's life, never for a segment
 * that is in order; netlink-source.c and /proc, which read; net.c.
 *
 * Life. A place is taken when the first client of a source begins, so no flood of half-open
 * connections takes any, and given back when it has no client and its rate has faded, by
 * whoever takes a place next. The table grows by pages up to its limit and keeps them until the
 * namespace goes. At the limit the longest silent of those without a client makes room; where
 * there is none the newcomer's source is not counted.
 *
 * Lock. mqg_sources.lock (BH) guards everything, taken inside client->lock. Clients name their
 * source by the number of its place, which stays as long as they do.
 */
#ifndef MQG_SOURCE_H
#define MQG_SOURCE_H

#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/xarray.h>

#include "rate.h"

struct mqg_client;
struct mqg_net;

/* Sources that one mqg_source_walk() looks at, at most. */
#define MQG_SOURCE_WALK_MAX	256

/**
 * struct mqg_sources - of a namespace
 * @lock:    see above
 * @pages:   of places, by number
 * @limit:   places at most
 * @places:  there are; number 0 stands for no source
 * @buckets: of the hash, the heads of which are in the places of these numbers
 * @used:    places taken
 * @free:    the first free one, 0 none
 * @hand:    where to look next for one to be given back
 */
struct mqg_sources {
	spinlock_t	lock;
	struct xarray	pages;
	u32		limit;
	u32		places;
	u32		buckets;
	u32		used;
	u32		free;
	u32		hand;
};

/**
 * struct mqg_source_view - what is said of a source
 * @addr:       as the ABI writes it; IPv6: the lower half is zero
 * @prefix:     bits of @addr that count: 128 or 64
 * @sessions:   its clients now
 * @begun:      since it has its place
 * @rate:       CONNECTs a minute; of a service over TLS, where they are not seen, connections
 * @violations: of its clients, 65535 at most
 * @takeovers:  client identifiers its clients took from live ones elsewhere, 255 at most
 * @over:       MQGATE_SOURCE_OVER_*
 */
struct mqg_source_view {
	u8	addr[16];
	u8	prefix;
	u8	over;
	u8	takeovers;
	u16	violations;
	u32	sessions;
	u32	begun;
	u32	rate;
};

/* Called with the lock held. Return: 0 to go on, anything else to come back to this one. */
typedef int (*mqg_source_visit_t)(const struct mqg_source_view *view, void *arg);

void mqg_sources_init(struct mqg_sources *sources);
void mqg_sources_exit(struct mqg_sources *sources);

void mqg_source_begin(struct mqg_client *client);
void mqg_source_end(struct mqg_client *client);
void mqg_source_connect(struct mqg_client *client);
void mqg_source_violation(struct mqg_client *client);
void mqg_source_takeover(struct mqg_client *client);

bool mqg_source_view(struct mqg_net *net, const u8 addr[16], struct mqg_source_view *view);
int mqg_source_walk(struct mqg_net *net, u32 *next, mqg_source_visit_t visit, void *arg);

#endif /* MQG_SOURCE_H */
