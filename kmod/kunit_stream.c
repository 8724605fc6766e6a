// SPDX-License-Identifier: GPL-2.0-only
/*
 * Unit tests of the stream follower in the kernel: under KASAN, with memory from its allocator and
 * allocations that fail. See kunit.h; selftests/stream compares it with a receiver in user space.
 */
#include "stream.c"

#include <linux/prandom.h>
#include <linux/slab.h>

#include "kunit.h"

#define BYTES	20000U
#define LIMIT	(64U << 10)

/* Bytes in a block of exactly their length, so that KASAN sees a read beyond. */
struct mqg_payload {
	const u8	*bytes;
	u32		length;
};

static long allocated;
static unsigned int fail_every, allocations;

const void *mqg_payload_at(const struct mqg_payload *payload, __u32 offset, __u32 *length,
			   __u8 buffer[MQG_PAYLOAD_BUFFER])
{
	*length = min_t(u32, *length, MQG_PAYLOAD_BUFFER);
	if (offset & 1)
		return payload->bytes + offset;
	memcpy(buffer, payload->bytes + offset, *length);
	return buffer;
}

void *mqg_stream_alloc(size_t size, __u8 share)
{
	void *memory = NULL;

	if (!fail_every || ++allocations % fail_every)
		memory = kmalloc(size, GFP_KERNEL);
	if (memory)
		allocated += size;
	return memory;
}

void mqg_stream_free(void *memory, size_t size, __u8 share)
{
	kfree(memory);
	allocated -= size;
}

struct world {
	struct mqg_side	side;
	u8		*truth;
	u32		start;
	u32		read;
};

static int begin(struct kunit *test)
{
	struct world *world = kunit_kzalloc(test, sizeof(*world), GFP_KERNEL);
	struct rnd_state rnd;

	if (!world)
		return -ENOMEM;
	world->truth = kunit_kzalloc(test, BYTES, GFP_KERNEL);
	if (!world->truth)
		return -ENOMEM;
	prandom_seed_state(&rnd, 1);
	prandom_bytes_state(&rnd, world->truth, BYTES);
	world->start = U32_MAX - 5000;
	fail_every = 0;
	allocated = 0;
	mqg_stream_begin(&world->side, world->start, 14, MQG_SIDE_COMPARE);
	test->priv = world;
	return 0;
}

static void end(struct kunit *test)
{
	struct world *world = test->priv;

	mqg_stream_end(&world->side);
	KUNIT_EXPECT_EQ(test, allocated, 0L);
}

/* What is read has to be the truth: who reads anything else has been lied to. */
static u8 put(struct kunit *test, u32 at, u32 length, bool lie)
{
	struct world *world = test->priv;
	u8 *bytes = kmemdup(world->truth + at, max(length, 1U), GFP_KERNEL);
	struct mqg_payload payload = { .bytes = bytes, .length = length };
	struct mqg_offer offer = {
		.payload = &payload,
		.limit	= LIMIT,
		.seq	= world->start + at,
		.length	= length,
	};
	u8 buffer[MQG_PAYLOAD_BUFFER];
	struct mqg_taken taken;
	const u8 *data;
	bool good = true;
	u32 n;

	KUNIT_ASSERT_NOT_NULL(test, bytes);
	if (lie && length)
		bytes[length / 2] ^= 1;
	taken = mqg_stream_take(&world->side, &offer);
	if (taken.status == MQG_STREAM_TAKEN) {
		while ((n = mqg_stream_read(&world->side, &offer, &taken, &data, buffer))) {
			good &= n <= BYTES - world->read &&
				!memcmp(data, world->truth + world->read, n);
			world->read += n;
		}
		mqg_stream_done(&world->side);
	}
	kfree(bytes);
	KUNIT_EXPECT_TRUE(test, good);
	return taken.status;
}

static void ack(struct kunit *test, u32 at)
{
	struct world *world = test->priv;

	KUNIT_EXPECT_EQ(test, mqg_stream_ack(&world->side, world->start + at, 60000),
			(u8)MQGATE_REASON_NONE);
}

static u32 has_read(struct kunit *test)
{
	return ((struct world *)test->priv)->read;
}

static void one_byte_a_segment(struct kunit *test)
{
	u32 i;

	for (i = 0; i < 600; i++)
		KUNIT_EXPECT_EQ(test, put(test, i, 1, false), (u8)MQG_STREAM_TAKEN);
	KUNIT_EXPECT_EQ(test, has_read(test), 600U);
	ack(test, 600);
	KUNIT_EXPECT_EQ(test, allocated, 0L);
}

static void reversed(struct kunit *test)
{
	u32 i;

	for (i = 60; i-- > 0; )
		KUNIT_EXPECT_EQ(test, put(test, i * 100, 100, false), (u8)MQG_STREAM_TAKEN);
	KUNIT_EXPECT_EQ(test, has_read(test), 6000U);
}

static void lies(struct kunit *test)
{
	put(test, 0, 100, false);
	KUNIT_EXPECT_EQ(test, put(test, 0, 100, true), (u8)MQG_STREAM_LIE);
	KUNIT_EXPECT_EQ(test, put(test, 50, 100, false), (u8)MQG_STREAM_TAKEN);
	put(test, 300, 100, false);
	KUNIT_EXPECT_EQ(test, put(test, 250, 150, true), (u8)MQG_STREAM_LIE);
	KUNIT_EXPECT_EQ(test, has_read(test), 150U);
	ack(test, 150);
	/* Who has it already does not look at it. */
	KUNIT_EXPECT_EQ(test, put(test, 0, 100, true), (u8)MQG_STREAM_TAKEN);
	KUNIT_EXPECT_EQ(test, put(test, 150, 150, false), (u8)MQG_STREAM_TAKEN);
	KUNIT_EXPECT_EQ(test, has_read(test), 400U);
}

static void without_memory(struct kunit *test)
{
	u32 kept;

	put(test, 0, 500, false);
	kept = allocated;
	for (fail_every = 1; fail_every <= 4; fail_every++) {
		allocations = 0;
		KUNIT_EXPECT_EQ(test, put(test, 500, 16000, false), (u8)MQG_STREAM_LATER);
		KUNIT_EXPECT_EQ(test, allocated, (long)kept);
	}
	fail_every = 0;
	KUNIT_EXPECT_EQ(test, put(test, 500, 16000, false), (u8)MQG_STREAM_TAKEN);
	KUNIT_EXPECT_EQ(test, has_read(test), 16500U);
}

/* Segments in any order, some of them lies, memory that fails: whatever is read is the truth. */
static void at_random(struct kunit *test)
{
	struct world *world = test->priv;
	u32 i, at, lied = 0, told = 0;
	struct rnd_state rnd;
	bool lie;
	u8 status;

	prandom_seed_state(&rnd, 42);
	fail_every = 7;
	for (i = 0; i < 4000 && world->read < BYTES - 4000; i++) {
		at = world->read + prandom_u32_state(&rnd) % 150;
		at -= min(at, prandom_u32_state(&rnd) % 100);
		/* A lie about what nobody has seen yet is believed: it is no lie. */
		lie = i % 3 == 0 && at < world->read &&
		      world->start + at - world->side.una < NEAR;
		status = put(test, at, lie ? min(world->read - at, 90U) :
			     prandom_u32_state(&rnd) % 130, lie);
		lied += lie;
		told += status == MQG_STREAM_LIE;
		if (i % 5 == 0)
			ack(test, world->read);
	}
	KUNIT_EXPECT_EQ(test, told, lied);
	KUNIT_EXPECT_GT(test, told, 20U);
	KUNIT_EXPECT_GE(test, world->read, BYTES - 4000);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(one_byte_a_segment),
	KUNIT_CASE(reversed),
	KUNIT_CASE(lies),
	KUNIT_CASE(without_memory),
	KUNIT_CASE(at_random),
	{}
};

static struct kunit_suite suite = {
	.name		= "mqgate-stream",
	.init		= begin,
	.exit		= end,
	.test_cases	= cases,
};

kunit_test_suites(&suite);
