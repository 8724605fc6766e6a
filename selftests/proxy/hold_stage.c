// SPDX-License-Identifier: BSD-2-Clause
/* See hold_stage.h. */
#include "hold_stage.h"

struct mqg_keep keep;
struct mqg_keep_counts counts;

void held_begin(uint8_t level)
{
	static const struct mqg_keep_limits most = { .messages = 8, .bytes = 200, .total = 10000 };

	mqg_keep_exit(&keep);
	begin(level);
	counts = (struct mqg_keep_counts){ 0 };
	mqg_keep_init(&keep, &most, &counts, level);
	message.keep = &keep;
}

void held(uint8_t level)
{
	held_begin(level);
	assert_int_equal(0, connack(false, ""));
	sent_len[MQG_DOWN] = 0;
}

void subscribed(void)
{
	held(4);
	THROUGH_UP(SUBSCRIBE);
	THROUGH_DOWN(SUBACK);
}

int held_end(void **state)
{
	end(state);
	mqg_keep_exit(&keep);
	assert_int_equal(0, counts.bytes);
	memset(&keep, 0, sizeof(keep));
	return 0;
}

void lose(void)
{
	assert_true(mqg_message_lose(&message));
	mqg_message_pong(&message);
	assert_int_equal(0, sent_len[MQG_UP]);
	assert_int_equal(0, sent_len[MQG_DOWN]);
}

void next(bool present)
{
	unsigned int before = resumes;

	assert_int_equal(0, connack(present, ""));
	assert_int_equal(before + 1, resumes);
	assert_int_equal(1, accepts);
}
