/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The stage of the tests of message/: one session's packets, and what was sent each way. One
 * thread, no lock.
 */
#ifndef MQG_TEST_MESSAGE_STAGE_H
#define MQG_TEST_MESSAGE_STAGE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "message/message.h"
#include "message/publish.h"

extern uint8_t sent[2][8192];		/* by enum mqg_way */
extern size_t sent_len[2], accepted_at;
extern unsigned int sends, accepts, resumes, refusals, delays, publishes;
extern enum mqgate_reason last_refused;
extern struct mqg_message message;
extern struct mqg_publish last;
extern struct mqg_limits limits;
extern struct mqg_desk desk;

/* A session of MQTT @level behind its CONNECT: its client takes 3 aliases and 2 messages at a time,
 * where it can say so. */
void begin(uint8_t level);
/* What its broker, or the next one, answers. */
enum mqgate_reason connack(bool present, const char *properties);
/* Both. */
void connected(uint8_t level, const char *properties);
/* The bytes lie where those before them may be overwritten. */
enum mqgate_reason take(enum mqg_way way, const void *data, size_t len);
/* Teardown of a test. */
int end(void **state);

/* What is sent that way, one after the other; from the beginning again. */
#define SENT(way, bytes) do {								\
	assert_int_equal(sizeof(bytes) - 1, sent_len[way]);				\
	assert_memory_equal(bytes, sent[way], sizeof(bytes) - 1);			\
	sent_len[way] = 0;								\
} while (0)

#endif
