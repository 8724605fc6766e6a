// SPDX-License-Identifier: GPL-2.0-only
/*
 * Unit tests of the wheel of deadlines: nobody is looked at late, lost or looked at once dead,
 * whatever level, wrap or order. See kunit.h. Time is turned by hand, but for one case.
 */
#include "timer.c"

#include <linux/completion.h>

#include "kunit.h"

/* The wheel's clients; what deadline.c would do with one that is looked at, checked() does. */
struct timed {
	struct mqg_client	client;
	struct mqg_wheel	*wheel;
	struct timed		*unfiles;	/* when it is looked at */
	struct completion	*completes;
	u32			deadline;
	u32			seen;		/* wheel->now when its time had come */
	u32			looks;
	bool			done;
};

void mqg_deadline_check(struct mqg_client *client)
{
	struct timed *timed = container_of(client, struct timed, client);

	timed->looks++;
	if (timed->unfiles)
		mqg_wheel_unfile(timed->wheel, &timed->unfiles->client);
	if ((s32)(timed->wheel->now - timed->deadline) < 0) {
		mqg_wheel_file(timed->wheel, client, timed->deadline);
		return;
	}
	timed->seen = timed->wheel->now;
	timed->done = true;
	if (timed->completes)
		complete(timed->completes);
}

static struct mqg_wheel *wheel_new(struct kunit *test)
{
	struct mqg_wheel *wheel = kunit_kzalloc(test, sizeof(*wheel), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, wheel);
	mqg_wheel_init(wheel);
	return wheel;
}

static struct timed *timed_new(struct kunit *test, struct mqg_wheel *wheel)
{
	struct timed *timed = kunit_kzalloc(test, sizeof(*timed), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, timed);
	timed->wheel = wheel;
	return timed;
}

static struct timed *filed(struct kunit *test, struct mqg_wheel *wheel, u32 ticks)
{
	struct timed *timed = timed_new(test, wheel);

	timed->deadline = wheel->now + ticks * TICK;
	mqg_wheel_file(wheel, &timed->client, timed->deadline);
	return timed;
}

/* One more than there are: never empty, it neither sets its clock nor works by itself. */
static void by_hand(struct mqg_wheel *wheel, u32 tick, u32 now)
{
	spin_lock_bh(&wheel->lock);
	wheel->filed = 1;
	wheel->tick = tick;
	wheel->now = now;
	spin_unlock_bh(&wheel->lock);
}

static void on_time(struct kunit *test, u32 tick, u32 now, u32 turns)
{
	static const u32 ahead[] = { 0, 1, 2, 254, 255, 256, 257, 511, 512, 513, 1000, 65279, 65280,
				     65535, 65536, 65537, 66000 };
	struct timed *all[ARRAY_SIZE(ahead)];
	struct mqg_wheel *wheel = wheel_new(test);
	u32 i;

	by_hand(wheel, tick, now);
	for (i = 0; i < ARRAY_SIZE(ahead); i++)
		all[i] = filed(test, wheel, ahead[i]);
	for (i = 0; i < turns; i++) {
		turn(wheel);
		if (i % 1024 == 0)
			cond_resched();
	}
	for (i = 0; i < ARRAY_SIZE(ahead); i++) {
		if (ahead[i] >= turns) {
			KUNIT_EXPECT_FALSE(test, all[i]->done);
			mqg_wheel_unfile(wheel, &all[i]->client);
			continue;
		}
		KUNIT_EXPECT_TRUE(test, all[i]->done);
		/* One whose time has come already is looked at in the next tick. */
		KUNIT_EXPECT_EQ(test, all[i]->seen, all[i]->deadline + (ahead[i] ? 0 : TICK));
		KUNIT_EXPECT_LE(test, all[i]->looks, (u32)MQG_WHEEL_LEVELS);
	}
	KUNIT_EXPECT_EQ(test, wheel->filed, 1U);
	mqg_wheel_stop(wheel);
}

static void all_levels(struct kunit *test)
{
	on_time(test, 0, 1000, 66010);
}

static void from_odd_ticks(struct kunit *test)
{
	on_time(test, 0x12ff, 77, 1100);
	on_time(test, 0xffff, 78, 1100);
}

static void across_the_wraps(struct kunit *test)
{
	on_time(test, U32_MAX - 300, U32_MAX - 300 * TICK, 1100);
}

static void refiled(struct kunit *test)
{
	struct mqg_wheel *wheel = wheel_new(test);
	struct timed *later, *sooner;
	u32 i;

	by_hand(wheel, 5, 500);
	later = filed(test, wheel, 10);
	sooner = filed(test, wheel, 300);
	later->deadline += 400 * TICK;
	mqg_wheel_file(wheel, &later->client, later->deadline);
	sooner->deadline = wheel->now + 3 * TICK;
	mqg_wheel_file(wheel, &sooner->client, sooner->deadline);
	KUNIT_EXPECT_EQ(test, wheel->filed, 3U);
	for (i = 0; i < 3; i++)
		turn(wheel);
	KUNIT_EXPECT_TRUE(test, sooner->done);
	KUNIT_EXPECT_EQ(test, sooner->looks, 1U);
	/* A deadline that moves on costs nothing until its first time comes. */
	KUNIT_EXPECT_EQ(test, later->looks, 0U);
	for (; i < 410; i++)
		turn(wheel);
	KUNIT_EXPECT_TRUE(test, later->done);
	KUNIT_EXPECT_EQ(test, later->seen, later->deadline);
	mqg_wheel_stop(wheel);
}

static void unfiled(struct kunit *test)
{
	struct mqg_wheel *wheel = wheel_new(test);
	struct timed *one, *pair[2];
	u32 i;

	by_hand(wheel, 0, 0);
	one = filed(test, wheel, 2);
	/* In one place: whichever is looked at first takes the other one away. */
	pair[0] = filed(test, wheel, 4);
	pair[1] = filed(test, wheel, 4);
	pair[0]->unfiles = pair[1];
	pair[1]->unfiles = pair[0];
	mqg_wheel_unfile(wheel, &one->client);
	mqg_wheel_unfile(wheel, &one->client);
	for (i = 0; i < 600; i++)
		turn(wheel);
	KUNIT_EXPECT_EQ(test, one->looks, 0U);
	KUNIT_EXPECT_EQ(test, pair[0]->looks + pair[1]->looks, 1U);
	KUNIT_EXPECT_EQ(test, wheel->filed, 1U);
	mqg_wheel_stop(wheel);
}

/* With the work itself, and a clock that has stood still for an hour: all that is due is done. */
static void catches_up(struct kunit *test)
{
	struct mqg_wheel *wheel = wheel_new(test);
	DECLARE_COMPLETION_ONSTACK(completion);
	struct timed *soon = timed_new(test, wheel), *hour = timed_new(test, wheel);

	soon->deadline = jiffies + 2 * TICK;
	mqg_wheel_file(wheel, &soon->client, soon->deadline);
	hour->completes = &completion;
	hour->deadline = (u32)jiffies + 3600 * HZ;
	mqg_wheel_file(wheel, &hour->client, hour->deadline);
	spin_lock_bh(&wheel->lock);
	wheel->now -= 3600 * HZ;
	hour->deadline -= 3600 * HZ;
	soon->deadline -= 3600 * HZ;
	spin_unlock_bh(&wheel->lock);
	KUNIT_EXPECT_NE(test, wait_for_completion_timeout(&completion, 60 * HZ), 0UL);
	KUNIT_EXPECT_TRUE(test, soon->done);
	mqg_wheel_stop(wheel);
	KUNIT_EXPECT_EQ(test, wheel->filed, 0U);
}

static void stopped(struct kunit *test)
{
	struct mqg_wheel *wheel = wheel_new(test);
	struct timed *before = timed_new(test, wheel), *after = timed_new(test, wheel);

	mqg_wheel_file(wheel, &before->client, (u32)jiffies + HZ * 3600);
	mqg_wheel_stop(wheel);
	KUNIT_EXPECT_FALSE(test, delayed_work_pending(&wheel->work));
	mqg_wheel_file(wheel, &after->client, jiffies);
	KUNIT_EXPECT_TRUE(test, hlist_unhashed(&after->client.timer));
	KUNIT_EXPECT_FALSE(test, delayed_work_pending(&wheel->work));
	mqg_wheel_unfile(wheel, &before->client);
	KUNIT_EXPECT_EQ(test, wheel->filed, 0U);
	KUNIT_EXPECT_EQ(test, before->looks + after->looks, 0U);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(all_levels),
	KUNIT_CASE(from_odd_ticks),
	KUNIT_CASE(across_the_wraps),
	KUNIT_CASE(refiled),
	KUNIT_CASE(unfiled),
	KUNIT_CASE(catches_up),
	KUNIT_CASE(stopped),
	{}
};

static struct kunit_suite suite = {
	.name		= "mqgate-timer",
	.test_cases	= cases,
};

kunit_test_suites(&suite);
