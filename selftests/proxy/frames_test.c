// SPDX-License-Identifier: BSD-2-Clause
/* Packet boundaries, however the bytes are cut. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "proxy/frames.h"

/* Three packets: PINGRESP, a PUBLISH of 200 bytes, an empty one whose length has four bytes. */
static uint8_t stream[2 + 3 + 200 + 5];
static const size_t ends[] = { 0, 2, 205, 210 };

static int fill(void **state)
{
	(void)state;
	memset(stream, 0xff, sizeof(stream));
	memcpy(stream, "\xd0\0\x30\xc8\x01", 5);
	memcpy(stream + 205, "\x30\x80\x80\x80\0", 5);
	return 0;
}

static bool is_end(size_t at)
{
	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++)
		if (ends[i] == at)
			return true;
	return false;
}

static void every_cut_is_between_or_inside(void **state)
{
	(void)state;
	for (size_t cut = 0; cut <= sizeof(stream); cut++) {
		struct mqg_frames frames = { 0 };

		mqg_frames_feed(&frames, stream, cut);
		assert_int_equal(mqg_frames_between(&frames), is_end(cut));
		mqg_frames_feed(&frames, stream + cut, sizeof(stream) - cut);
		assert_true(mqg_frames_between(&frames));
	}
}

static void byte_by_byte(void **state)
{
	struct mqg_frames frames = { 0 };

	(void)state;
	for (size_t at = 0; at < sizeof(stream); at++) {
		mqg_frames_feed(&frames, stream + at, 1);
		assert_int_equal(mqg_frames_between(&frames), is_end(at + 1));
	}
}

static void a_fifth_byte_of_length_is_never_between(void **state)
{
	struct mqg_frames frames = { 0 };

	(void)state;
	mqg_frames_feed(&frames, (const uint8_t *)"\x30\x80\x80\x80\x80\0\xd0\0", 8);
	assert_false(mqg_frames_between(&frames));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(every_cut_is_between_or_inside, fill),
		cmocka_unit_test_setup(byte_by_byte, fill),
		cmocka_unit_test(a_fifth_byte_of_length_is_never_between),
	};

	return cmocka_run_group_tests_name("frames", tests, NULL, NULL) ? 1 : 0;
}
