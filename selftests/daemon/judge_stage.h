/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The stage of the judge's tests: real pinned maps in a directory of this process, never attached
 * to anything, a configuration, and a clock that the test moves. One thread, no lock.
 */
#ifndef MQG_TEST_JUDGE_STAGE_H
#define MQG_TEST_JUDGE_STAGE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/pins.h"
#include "judge/manage.h"

#define IDENTITY 0x1d1d1d1dU		/* number of the identity of flows */
#define S	1000000000ULL		/* a second of the judge's clock */

extern uint64_t now;			/* what the judge's clock says */
extern struct mqg_judge *judge;
extern char dir[128];			/* of the pins */
extern uint32_t sources_entries;	/* of the next make_maps() */
extern uint32_t prefixes_entries, allow_entries;	/* likewise */
extern struct mqg_score_config *scores;	/* of the configuration; limit is 0 before each test */

/* Return: 0, or 4 after saying why nothing here can run, or 1. */
int stage_open(void);
void stage_close(void);

/* Around each test: maps, and a judge that has opened them. */
int setup(void **state);
int teardown(void **state);

void make_maps(void);
void remove_maps(void);
void start(void);
void restart(void);

struct mqgate_source_key key_of(const char *text);
struct mqgate_flow_key flow_of(const char *text, uint16_t port);
const struct mqg_pins *pins(void);
/* The operator's word on a network, or on a source; and taking it back. */
struct mqg_net net_of(const char *text);
int say_net(const char *text, enum mqgate_action action, uint64_t ns,
	    struct mqg_verdict_done *done);
int say(const struct mqgate_source_key *key, enum mqgate_action action, uint64_t ns,
	struct mqg_verdict_done *done);
int unsay(const struct mqgate_source_key *key);
/* Does what the judge does between events, until nothing is left to do. */
void work(void);

bool verdict_on(const char *text, struct mqgate_verdict *verdict);
/* Of mqgate_known here: words of a half as a power of two. */
#define KNOWN_ORDER	4

bool allow_of(struct mqgate_flow_key flow, struct mqgate_allow *entry);
struct mqg_judge_counts counts(void);

/* Refuses a client of the TLS listener @times. */
void refuse(const char *text, enum mqgate_reason reason, int times);

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

#endif
