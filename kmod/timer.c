// SPDX-License-Identifier: GPL-2.0-only
/*
 * The wheel of deadlines; see timer.h for what it owns, who calls it and which lock guards
 * it. What a deadline is, and what happens when it has passed, is in deadline.c.
 */
#include "timer.h"

#include <linux/jiffies.h>

#include "client.h"
#include "deadline.h"

#define TICK		max_t(u32, 1, msecs_to_jiffies(MQG_WHEEL_TICK_MS))
#define LEVEL_MASK	(MQG_WHEEL_SLOTS - 1)
#define TICKS_MAX	((1U << (MQG_WHEEL_LEVELS * MQG_WHEEL_BITS)) - 1)

/* Clients handled before the work looks whether somebody else wants the CPU. */
#define BATCH		256

/*
 * A place on an upper level is worked off when its first tick begins: that is before the
 * deadlines in it, which then move to a lower level.
 */
static struct hlist_head *slot_of(struct mqg_wheel *wheel, u32 ahead)
{
	u32 level = 0, tick;

	tick = wheel->tick + ahead;
	while (level < MQG_WHEEL_LEVELS - 1 && ahead >> (MQG_WHEEL_BITS * (level + 1)))
		level++;
	return &wheel->slots[level][(tick >> (MQG_WHEEL_BITS * level)) & LEVEL_MASK];
}

/**
 * mqg_wheel_file - see to it that a client is looked at when its deadline has passed
 * @wheel: of its namespace
 * @client: not dead, its lock held
 * @deadline: (u32)jiffies
 *
 * Context: BH disabled.
 */
void mqg_wheel_file(struct mqg_wheel *wheel, struct mqg_client *client, u32 deadline)
{
	u32 now = jiffies, ahead = 1;

	spin_lock_bh(&wheel->lock);
	if (wheel->dying)
		goto unlock;
	if (!hlist_unhashed(&client->timer)) {
		/* It will be looked at in time; then the rest of the time is worked out. */
		if ((s32)(deadline - client->filed) >= 0)
			goto unlock;
		hlist_del_init(&client->timer);
		wheel->filed--;
	}
	if (!wheel->filed++) {
		wheel->now = now;
		schedule_delayed_work(&wheel->work, TICK);
	}
	if ((s32)(deadline - wheel->now) > 0)
		ahead = clamp_t(u32, DIV_ROUND_UP(deadline - wheel->now, TICK), 1, TICKS_MAX);
	client->filed = wheel->now + ahead * TICK;
	hlist_add_head(&client->timer, slot_of(wheel, ahead));
unlock:
	spin_unlock_bh(&wheel->lock);
}

/**
 * mqg_wheel_unfile - forget a client's deadline
 * @wheel: of its namespace
 * @client: its lock held
 *
 * Context: BH disabled.
 */
void mqg_wheel_unfile(struct mqg_wheel *wheel, struct mqg_client *client)
{
	spin_lock_bh(&wheel->lock);
	if (!hlist_unhashed(&client->timer)) {
		hlist_del_init(&client->timer);
		wheel->filed--;
	}
	spin_unlock_bh(&wheel->lock);
}

static struct mqg_client *pop(struct mqg_wheel *wheel, struct hlist_head *list)
{
	struct mqg_client *client = NULL;

	spin_lock_bh(&wheel->lock);
	if (!hlist_empty(list)) {
		client = hlist_entry(list->first, struct mqg_client, timer);
		hlist_del_init(&client->timer);
		wheel->filed--;
	}
	spin_unlock_bh(&wheel->lock);
	return client;
}

/*
 * Takes the whole list first: what is filed meanwhile goes to later places, and a place
 * that is never empty would keep the work busy for ever. While a client is on @due it can
 * still be unfiled, the list being guarded by the same lock.
 */
static void work_off(struct mqg_wheel *wheel, struct hlist_head *slot)
{
	struct mqg_client *client;
	unsigned int done = 0;
	HLIST_HEAD(due);

	spin_lock_bh(&wheel->lock);
	hlist_move_list(slot, &due);
	spin_unlock_bh(&wheel->lock);
	do {
		rcu_read_lock();
		client = pop(wheel, &due);
		if (client)
			mqg_deadline_check(client);
		rcu_read_unlock();
		if (++done % BATCH == 0)
			cond_resched();
	} while (client);
}

/* One tick: upper levels first, because what comes down from them may be due now. */
static void turn(struct mqg_wheel *wheel)
{
	u32 level, tick;

	spin_lock_bh(&wheel->lock);
	wheel->now += TICK;
	tick = ++wheel->tick;
	spin_unlock_bh(&wheel->lock);
	for (level = MQG_WHEEL_LEVELS; level-- > 0; ) {
		u32 shift = MQG_WHEEL_BITS * level;

		if (tick & ((1U << shift) - 1))
			continue;
		work_off(wheel, &wheel->slots[level][(tick >> shift) & LEVEL_MASK]);
	}
}

static void run(struct work_struct *work)
{
	struct mqg_wheel *wheel = container_of(to_delayed_work(work), struct mqg_wheel, work);
	bool again;

	while ((s32)((u32)jiffies - READ_ONCE(wheel->now)) >= (s32)TICK) {
		turn(wheel);
		if (!READ_ONCE(wheel->filed) || READ_ONCE(wheel->dying))
			break;
		cond_resched();
	}
	spin_lock_bh(&wheel->lock);
	again = wheel->filed && !wheel->dying;
	if (again)
		schedule_delayed_work(&wheel->work, TICK);
	spin_unlock_bh(&wheel->lock);
}

/**
 * mqg_wheel_init - set up a wheel
 * @wheel: zeroed
 */
void mqg_wheel_init(struct mqg_wheel *wheel)
{
	spin_lock_init(&wheel->lock);
	wheel->now = jiffies;
	INIT_DELAYED_WORK(&wheel->work, run);
}

/**
 * mqg_wheel_stop - no deadline is looked at after this
 * @wheel: set up before
 *
 * Clients may still be unfiled. Context: process; waits for the work.
 */
void mqg_wheel_stop(struct mqg_wheel *wheel)
{
	spin_lock_bh(&wheel->lock);
	wheel->dying = true;
	spin_unlock_bh(&wheel->lock);
	cancel_delayed_work_sync(&wheel->work);
}
