/* SPDX-License-Identifier: BSD-2-Clause */
/* A session on the stage of message/ that may lose its server. One thread, no lock. */
#ifndef MQG_TEST_HOLD_STAGE_H
#define MQG_TEST_HOLD_STAGE_H

#include "message/keep.h"
#include "message_stage.h"

extern struct mqg_keep keep;
extern struct mqg_keep_counts counts;

/* Connected, and held: 8 messages, 200 bytes. */
void held(uint8_t level);
/* Before its CONNACK. */
void held_begin(uint8_t level);
/* Of MQTT 3.1.1, and it has subscribed to s with QoS 1. */
#define SUBSCRIBE	"\x82\6\0\1\0\1s\1"
#define SUBACK		"\x90\3\0\1\1"
void subscribed(void);
/* Teardown of a test. */
int held_end(void **state);

/* Its server is gone; the next one has answered. Nothing may be sent to the client by that. */
void lose(void);
void next(bool present);

/* One or several packets that are taken. */
#define UP(bytes) assert_int_equal(0, take(MQG_UP, bytes, sizeof(bytes) - 1))
#define DOWN(bytes) assert_int_equal(0, take(MQG_DOWN, bytes, sizeof(bytes) - 1))
/* What the server got, and what the client. */
#define GOES(bytes) SENT(MQG_UP, bytes)
#define COMES(bytes) SENT(MQG_DOWN, bytes)
/* They go on as they came. */
#define THROUGH_UP(bytes) do { UP(bytes); GOES(bytes); COMES(""); } while (0)
#define THROUGH_DOWN(bytes) do { DOWN(bytes); COMES(bytes); GOES(""); } while (0)

#endif
