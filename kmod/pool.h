/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The memory that all connections of this host together may hold in kept bytes, shared out by
 * source, so that none can take what the others need. Half of it belongs to 256 shares, a 512th
 * to each, whatever the others do; the other half is lent to who needs more, a quarter of it (an
 * eighth of all) to one share at most. A source is in one share, by a keyed hash.
 *
 * Called by stream.c through mqg_stream_alloc() and mqg_stream_free(), which stream.h declares.
 * Atomic counters, no lock: the lent sum is what the shares have beyond their own, since every
 * step of a share's counter is added to it or taken off.
 */
#ifndef MQG_POOL_H
#define MQG_POOL_H

#define MQG_POOL_SHARES	256U

#endif /* MQG_POOL_H */
