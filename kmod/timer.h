/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Deadlines of the clients of a namespace: a wheel of three levels and one delayed work.
 * A client is filed under a time not later than its deadline. When that time comes the
 * deadline is worked out again: a client whose deadline has moved on is filed anew, so a
 * packet costs the wheel nothing and a tick costs what expires or moves down a level.
 *
 * Callers: client.c, net.c. Lock. mqg_wheel.lock (BH), taken inside client->lock.
 */
#ifndef MQG_TIMER_H
#define MQG_TIMER_H

#include <linux/list.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/workqueue.h>

struct mqg_client;

#define MQG_WHEEL_LEVELS	3
#define MQG_WHEEL_BITS		8		/* slots a level: 256 */
#define MQG_WHEEL_SLOTS		(1U << MQG_WHEEL_BITS)
#define MQG_WHEEL_TICK_MS	128U		/* levels reach 32 s, 2.3 h, 24 days */

/**
 * struct mqg_wheel - deadlines of a namespace
 * @lock:   guards all but @work
 * @tick:   number of the tick that was worked off last
 * @now:    its time, (u32)jiffies
 * @filed:  clients in the wheel
 * @work:   runs while there are any
 * @dying:  the namespace goes: file nothing, arm nothing
 * @slots:  by level and tick
 */
struct mqg_wheel {
	spinlock_t		lock;
	u32			tick;
	u32			now;
	u32			filed;
	bool			dying;
	struct delayed_work	work;
	struct hlist_head	slots[MQG_WHEEL_LEVELS][MQG_WHEEL_SLOTS];
};

void mqg_wheel_init(struct mqg_wheel *wheel);
void mqg_wheel_stop(struct mqg_wheel *wheel);
void mqg_wheel_file(struct mqg_wheel *wheel, struct mqg_client *client, u32 deadline);
void mqg_wheel_unfile(struct mqg_wheel *wheel, struct mqg_client *client);

#endif /* MQG_TIMER_H */
