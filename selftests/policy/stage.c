// SPDX-License-Identifier: BSD-2-Clause
/* What the tests of the policy engine share; see stage.h. */
#include "stage.h"

#include <stdlib.h>

static const struct mqg_hours always = { .from = INT64_MIN, .until = INT64_MAX };

static uint32_t policy(struct mqg_rights *rights, struct mqg_match *match)
{
	int64_t number, scope;

	match->name = strdup("policy");
	match->hours = always;
	number = mqg_rights_match(rights, match);
	assert_true(number >= 0);
	scope = mqg_rights_scope(rights, (uint32_t)number);
	assert_true(scope >= 0);
	return (uint32_t)scope;
}

struct mqg_rights *begin(void)
{
	struct mqg_rights *rights = mqg_rights_alloc();
	struct mqg_match everybody = {};

	assert_non_null(rights);
	assert_int_equal(mqg_rights_file(rights, "test"), 0);
	assert_int_equal(policy(rights, &everybody), 0);
	return rights;
}

uint32_t policy_of(struct mqg_rights *rights, const char *identity)
{
	struct mqg_match match = {};
	char *const names[] = { (char *)identity };

	assert_int_equal(mqg_patterns_copy(&match.fields[MQG_FIELD_IDENTITY], names, 1), 0);
	return policy(rights, &match);
}

void say(struct mqg_rights *rights, uint32_t scope, bool deny, unsigned int bits, uint8_t qos,
	 const char *topic)
{
	struct mqg_wording said = {
		.line = rights->n_rules + 1,
		.style = MQG_VARIABLES_NAMED,
		.rights = (uint8_t)bits,
		.deny = deny,
		.qos = qos,
	};
	const char *why = "";

	assert_true(mqg_rights_rule(rights, &said) >= 0);
	if (mqg_rights_topic(rights, scope, &said, topic, &why))
		fail_msg("%s %s", topic, why);
}

void finish(struct mqg_rights *rights)
{
	assert_int_equal(mqg_rights_finish(rights), 0);
}

struct mqg_grant *take(const struct mqg_rights *rights, const struct mqg_subject *subject)
{
	struct mqg_grant *grant;

	assert_int_equal(mqg_grant_take(rights, subject, &grant), 0);
	return grant;
}

struct mqg_decision ask(struct mqg_grant *grant, enum mqg_right right, const char *topic)
{
	return mqg_grant_topic(grant, right, (const uint8_t *)topic, strlen(topic), NOW);
}

struct mqg_decision ask_filter(struct mqg_grant *grant, const char *filter)
{
	return mqg_grant_filter(grant, (const uint8_t *)filter, strlen(filter), NOW);
}
