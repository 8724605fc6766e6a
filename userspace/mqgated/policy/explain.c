// SPDX-License-Identifier: BSD-2-Clause
/* Why a decision is as it is; see explain.h. It takes its time: all terms are looked at. */
#include "policy/explain.h"

#include <errno.h>
#include <stdlib.h>

static bool holds(const struct mqg_grant *grant, uint32_t scope)
{
	for (uint32_t i = 0; i < grant->active; i++)
		if (grant->scopes[i] == scope)
			return true;
	return false;
}

int mqg_explain_unfilled(const struct mqg_grant *grant, enum mqg_right right, mqg_unfilled_fn fn,
			 void *arg)
{
	const struct mqg_rights *rights = grant->rights;
	const struct mqg_table *terms = &rights->trie.terms;
	enum { OTHER, ALLOW, DENY } *rules = calloc(rights->n_rules + 1U, sizeof(*rules));

	if (!rules)
		return -ENOMEM;
	for (uint32_t at = 0; at < terms->room; at++) {
		const struct mqg_term *term = mqg_table_slot(terms, at);

		if (term->node && term->rights & 1U << right && holds(grant, term->scope))
			rules[term->rule] = term->flags & MQG_TERM_DENY ? DENY : ALLOW;
	}
	for (uint32_t rule = 0; rule < rights->n_rules; rule++) {
		uint16_t missing = rights->origins[rule].fields & (uint16_t)~grant->values.have;

		for (int field = 0; rules[rule] != OTHER && field < MQG_FIELDS; field++) {
			struct mqg_unfilled unfilled = {
				.rule = rule,
				.field = (enum mqg_field)field,
				.bad = grant->values.bad & MQG_FIELD_BIT(field),
				.deny = rules[rule] == DENY,
			};

			if (missing & MQG_FIELD_BIT(field))
				fn(&unfilled, arg);
		}
	}
	free(rules);
	return 0;
}

const char *mqg_explain_policy(const struct mqg_rights *rights, uint32_t rule)
{
	const struct mqg_table *terms = &rights->trie.terms;

	for (uint32_t at = 0; at < terms->room; at++) {
		const struct mqg_term *term = mqg_table_slot(terms, at);

		if (term->node && term->rule == rule)
			return rights->matches[rights->scopes[term->scope].match].name;
	}
	return "";
}
