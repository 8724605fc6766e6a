// SPDX-License-Identifier: BSD-2-Clause
/*
 * The TCP follower against a receiver: by hand the cases of ATTACKS 13 and 30, then thousands of
 * random connections, honest ones over a bad network and lying ones.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <linux/mqgate.h>

#include "model.h"

#define CONNECTIONS	4000U
#define LIMIT		(64U << 10)

#define FAIL(...) do { printf("# " __VA_ARGS__); putchar('\n'); fail(); } while (0)

static uint8_t truth[MODEL_BYTES];
static struct model model;
static uint32_t state;

static uint32_t dice(uint32_t sides)
{
	state = state * 1664525u + 1013904223u;
	return (state >> 8) % sides;
}

static int setup(void **unused)
{
	(void)unused;
	state = 1;
	for (uint32_t i = 0; i < MODEL_BYTES; i++)
		truth[i] = (uint8_t)dice(256);
	model_fail_every = 0;
	model_begin(&model, 0xFFFFFFF0u, LIMIT, 65535, MQG_SIDE_COMPARE, MODEL_FIRST_WINS);
	return 0;
}

static int teardown(void **unused)
{
	(void)unused;
	model_end(&model);
	if (model_allocated)
		printf("# %ld bytes left behind\n", model_allocated);
	return model_allocated != 0;
}

static int put(uint32_t at, uint32_t length, const uint8_t *bytes, bool fin, bool lost)
{
	struct model_segment segment = { at, length, bytes, fin, lost };
	int status = model_send(&model, &segment);
	const char *why = model_agrees(&model);

	if (why)
		FAIL("%s (segment of %u at %u)", why, length, at);
	return status;
}

static void passes(uint32_t at, uint32_t length)
{
	assert_int_equal(put(at, length, truth + at, false, false), MQG_STREAM_TAKEN);
}

static void has_read(uint32_t n)
{
	assert_int_equal(model.read_len, n);
	assert_memory_equal(model.read, truth, n);
}

static void test_one_byte_a_segment(void **unused)
{
	(void)unused;
	for (uint32_t i = 0; i < 500; i++)
		passes(i, 1);
	has_read(500);
	assert_true(model.side.held <= 500 * 2 + 3 * sizeof(struct mqg_chunk));
}

static void test_reversed(void **unused)
{
	(void)unused;
	for (uint32_t i = 50; i-- > 0;)
		passes(i, 1);
	has_read(50);
}

static void test_overlap_same_bytes(void **unused)
{
	(void)unused;
	passes(0, 10);
	passes(5, 10);
	passes(0, 20);
	passes(30, 10);
	passes(25, 20);
	has_read(20);
	passes(15, 12);
	has_read(45);
}

/* The receiver lost the first copy: whatever is accepted as the second one is what it reads. */
static void test_overlap_lie_in_flight(void **unused)
{
	(void)unused;
	assert_int_equal(put(0, 10, truth, false, true), MQG_STREAM_TAKEN);
	assert_int_equal(put(0, 10, truth + 100, false, false), MQG_STREAM_LIE);
	assert_int_equal(put(9, 1, truth + 100, false, false), MQG_STREAM_LIE);
	passes(0, 10);
	has_read(10);
}

static void test_overlap_lie_behind_gap(void **unused)
{
	(void)unused;
	assert_int_equal(put(10, 10, truth + 10, false, true), MQG_STREAM_TAKEN);
	assert_int_equal(put(0, 20, truth + 100, false, false), MQG_STREAM_LIE);
	has_read(0);
	passes(0, 12);
	has_read(20);
}

static void test_lie_below_acknowledged(void **unused)
{
	(void)unused;
	passes(0, 10);
	model_ack(&model);
	assert_int_equal(put(0, 10, truth + 100, false, false), MQG_STREAM_TAKEN);
	assert_int_equal(put(9, 1, truth + 100, false, false), MQG_STREAM_TAKEN);
	has_read(10);
	passes(5, 10);
	has_read(15);
}

static void test_memory_bound(void **unused)
{
	(void)unused;
	model.limit = 2000;
	assert_int_equal(put(4000, 1500, truth + 4000, false, false), MQG_STREAM_LATER);
	assert_int_equal(put(1500, 500, truth + 1500, false, true), MQG_STREAM_TAKEN);
	passes(0, 1000);
	assert_int_equal(put(1000, 500, truth + 1000, false, false), MQG_STREAM_LATER);
	passes(0, 1000);	/* needs none */
	model_ack(&model);
	passes(1000, 500);
	has_read(2000);
}

static void test_allocation_failure(void **unused)
{
	(void)unused;
	passes(0, 10);
	model_fail_every = 1;
	assert_int_equal(put(300, 10, truth + 300, false, false), MQG_STREAM_LATER);
	assert_int_equal(put(10, 4000, truth + 10, false, false), MQG_STREAM_LATER);
	model_fail_every = 0;
	passes(10, 4000);
	has_read(4010);
}

static void test_window(void **unused)
{
	(void)unused;
	model_end(&model);
	model_begin(&model, 7, LIMIT, 100, MQG_SIDE_COMPARE, MODEL_LAST_WINS);
	model.side.edge = 7 + 100;
	assert_int_equal(put(101, 5, truth + 101, false, false), MQG_STREAM_LATER);
	assert_int_equal(put(100, 2, truth + 100, false, false), MQG_STREAM_LATER);
	passes(100, 1);		/* a probe */
	passes(0, 100);
	model_ack(&model);
	passes(101, 5);
}

static void test_fin(void **unused)
{
	(void)unused;
	passes(0, 10);
	assert_int_equal(put(10, 5, truth + 10, true, true), MQG_STREAM_TAKEN);
	assert_int_equal(put(15, 5, truth + 15, false, false), MQG_STREAM_LIE);
	assert_int_equal(put(10, 7, truth + 10, true, false), MQG_STREAM_LIE);
	assert_int_equal(put(10, 3, truth + 10, true, false), MQG_STREAM_LIE);
	assert_int_equal(put(10, 5, truth + 10, true, false), MQG_STREAM_TAKEN);
	has_read(15);
	assert_false(model.side.flags & MQG_SIDE_FIN_ACKED);
	model_ack(&model);
	assert_true(model.side.flags & MQG_SIDE_FIN_ACKED);
}

static void test_fin_before_bytes(void **unused)
{
	(void)unused;
	passes(10, 10);
	assert_int_equal(put(15, 0, truth, true, false), MQG_STREAM_LIE);
	assert_int_equal(put(20, 0, truth, true, false), MQG_STREAM_TAKEN);
	assert_false(mqg_stream_finished(&model.side));
	passes(0, 10);
	assert_true(mqg_stream_finished(&model.side));
}

static void test_ack_unseen(void **unused)
{
	(void)unused;
	passes(0, 10);
	assert_int_equal(mqg_stream_ack(&model.side, model.start + 11, 0),
			 MQGATE_REASON_STREAM_UNSEEN);
	assert_int_equal(mqg_stream_ack(&model.side, model.start + 10, 0), 0);
	assert_int_equal(mqg_stream_ack(&model.side, model.start + 3, 0), 0);
	assert_int_equal(model.side.una, model.start + 10);
}

static void test_reset(void **unused)
{
	(void)unused;
	passes(0, 10);
	assert_int_equal(mqg_stream_reset(&model.side, model.start + 11), MQG_RESET_INVALID);
	assert_int_equal(mqg_stream_reset(&model.side, model.start - 1), MQG_RESET_INVALID);
	assert_int_equal(mqg_stream_reset(&model.side, model.start + 10), MQG_RESET_MAYBE);
	assert_int_equal(mqg_stream_reset(&model.side, model.start), MQG_RESET_MAYBE);
	model_ack(&model);
	assert_int_equal(mqg_stream_reset(&model.side, model.start + 10), MQG_RESET_CERTAIN);
	assert_int_equal(mqg_stream_reset(&model.side, model.start + 9), MQG_RESET_INVALID);
}

static void test_trusted_side_keeps_nothing(void **unused)
{
	(void)unused;
	model_end(&model);
	model_begin(&model, 1, LIMIT, 65535, 0, MODEL_FIRST_WINS);
	passes(0, 1000);
	assert_int_equal(model.side.held, 0);
	passes(1500, 100);
	passes(500, 1000);
	has_read(1600);
	assert_int_equal(model.side.held, 0);
}

/* A window's worth of segments in random order, some lost, until the receiver has all. */
static void honest(uint32_t seed)
{
	uint32_t total, rounds = 0;

	state = seed;
	total = 1 + dice(MODEL_BYTES - 1);
	model_begin(&model, seed * 2654435761u, LIMIT, 1 + dice(20000),
		    dice(2) ? MQG_SIDE_COMPARE : 0, dice(2));
	model_fail_every = dice(3) ? 0 : 2 + dice(20);
	model_ack(&model);
	while (!model.closed && ++rounds < 100000) {
		uint32_t at = model.next + (dice(4) ? 0 : dice(3000)), length = 1 + dice(1500);

		if (dice(8) == 0)
			at -= dice(at + 1);
		if (at > total)
			at = total;
		if (length > total - at)
			length = total - at;
		if (at - model.next < model.window && length > model.window)
			length = model.window;
		put(at, length, truth + at, at + length == total, !dice(5));
		if (dice(2))
			model_ack(&model);
	}
	if (!model.closed || model.lies || model.read_len != total)
		FAIL("seed %u: %u of %u bytes, %u called lies", seed, model.read_len, total,
		     model.lies);
	model_end(&model);
}

static void test_honest_never_breaks(void **unused)
{
	(void)unused;
	model_end(&model);
	for (uint32_t seed = 1; seed <= CONNECTIONS; seed++)
		honest(seed);
}

/* put() compares after each segment what was read here with what the receiver has. */
static void test_liar_never_evades(void **unused)
{
	static uint8_t lie[MODEL_BYTES];
	unsigned int lies = 0;

	(void)unused;
	model_end(&model);
	for (uint32_t seed = 1; seed <= CONNECTIONS; seed++) {
		state = seed;
		model_begin(&model, seed * 2654435761u, 512 + dice(LIMIT), 1 + dice(4000),
			    MQG_SIDE_COMPARE, dice(2));
		model_fail_every = dice(3) ? 0 : 2 + dice(20);
		model_ack(&model);
		for (int i = 0; i < 200; i++) {
			uint32_t at = model.next + dice(60) - (dice(2) ? 0 : dice(20));
			uint32_t length = dice(40);

			if (at > MODEL_BYTES - 64)
				continue;
			for (uint32_t k = 0; k < length; k++)
				lie[k] = truth[at + k] ^ (dice(30) == 0);
			put(at, length, lie, dice(200) == 0, !dice(3));
			if (dice(3) == 0)
				model_ack(&model);
		}
		lies += model.lies;
		model_end(&model);
	}
	assert_true(lies > CONNECTIONS);
}

int main(void)
{
#define TEST(function, name) { name, function, setup, teardown, NULL }
	const struct CMUnitTest tests[] = {
		TEST(test_one_byte_a_segment, "one byte a segment (ATTACKS 13)"),
		TEST(test_reversed, "segments reversed, across the wrap (ATTACKS 13, 30)"),
		TEST(test_overlap_same_bytes, "overlaps of the same bytes pass (ATTACKS 13)"),
		TEST(test_overlap_lie_in_flight, "a byte in flight is not replaced (ATTACKS 13)"),
		TEST(test_overlap_lie_behind_gap, "nor is a byte behind a gap (ATTACKS 13)"),
		TEST(test_lie_below_acknowledged, "what is acknowledged is not looked at"),
		TEST(test_memory_bound, "memory is bounded, repetitions need none"),
		TEST(test_allocation_failure, "without memory nothing changes (ATTACKS 31)"),
		TEST(test_window, "nothing beyond the window but a probe"),
		TEST(test_fin, "nothing beyond a FIN, and it stays"),
		TEST(test_fin_before_bytes, "no FIN before bytes that passed"),
		TEST(test_ack_unseen, "no acknowledgement of what never passed"),
		TEST(test_reset, "resets only where the receiver takes them"),
		TEST(test_trusted_side_keeps_nothing, "a trusted side keeps but gaps"),
		TEST(test_honest_never_breaks, "4000 honest ones with loss complete (ATTACKS 13)"),
		TEST(test_liar_never_evades, "4000 liars deliver nothing unseen (ATTACKS 13)"),
	};

	return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
