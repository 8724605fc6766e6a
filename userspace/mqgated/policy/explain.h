/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Why a decision is as it is: what decided, what did not come to it and why. For people; called by
 * the command.
 */
#ifndef MQG_POLICY_EXPLAIN_H
#define MQG_POLICY_EXPLAIN_H

#include "policy/compiled.h"

/* A rule with a variable that this client does not fill. */
struct mqg_unfilled {
	uint32_t	rule;
	enum mqg_field	field;
	bool		bad;		/* it has a value, which may not stand for a level */
	bool		deny;
};

typedef void (*mqg_unfilled_fn)(const struct mqg_unfilled *unfilled, void *arg);

/* Calls @fn with each of that right that is the client's, in the order of writing. 0 or -ENOMEM. */
int mqg_explain_unfilled(const struct mqg_grant *grant, enum mqg_right right, mqg_unfilled_fn fn,
			 void *arg);

/* The name of the policy that the rule is of. */
const char *mqg_explain_policy(const struct mqg_rights *rights, uint32_t rule);

#endif
