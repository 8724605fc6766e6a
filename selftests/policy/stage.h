/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the tests of the policy engine share: rules from short texts, questions, and a reference
 * that knows no trie. One thread.
 */
#ifndef MQG_TEST_POLICY_STAGE_H
#define MQG_TEST_POLICY_STAGE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "policy/build.h"

#define NOW	1750000000		/* Sunday, 15 June 2025, 15:06:40 UTC */

#define BIT(right)	(1U << MQG_MAY_##right)

/* One policy for everybody. */
struct mqg_rights *begin(void);
/* Another policy, for who is of that identity (a pattern); its scope. */
uint32_t policy_of(struct mqg_rights *rights, const char *identity);
/* Adds a rule to @scope; its line is the next number from 1. */
void say(struct mqg_rights *rights, uint32_t scope, bool deny, unsigned int bits, uint8_t qos,
	 const char *topic);
void finish(struct mqg_rights *rights);

struct mqg_grant *take(const struct mqg_rights *rights, const struct mqg_subject *subject);

struct mqg_decision ask(struct mqg_grant *grant, enum mqg_right right, const char *topic);
struct mqg_decision ask_filter(struct mqg_grant *grant, const char *filter);

#endif
