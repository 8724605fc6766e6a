// SPDX-License-Identifier: BSD-2-Clause
/*
 * Grants; see rights.h. A client's scopes are chosen and its variables filled once, when it comes.
 * Called on the worker of the client; no lock.
 */
#include "policy/rights.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "policy/cache.h"
#include "policy/compiled.h"

#define QOS_MOST	2

static const struct mqg_decision everything = { .allowed = true, .qos = QOS_MOST };

/*
 * May a value stand for a level? One with a separator or a wildcard in it would be more than one
 * (CVE-2017-7650), and of several nobody knows which is meant.
 */
static bool fills_level(const struct mqg_value *value)
{
	return !value->next && !value->odd && !strpbrk(value->text, "/+#");
}

/* Copies what templates use to @text, if it is not NULL. Return: bytes. */
static size_t fill_values(const struct mqg_fields *fields, uint16_t used,
			  struct mqg_values *values, char *text)
{
	size_t len = 0;

	memset(values, 0, sizeof(*values));
	values->text = text;
	for (int i = 0; i < MQG_FIELDS; i++) {
		const struct mqg_value *value = fields->of[i];

		if (!value || !value->len || !(used & MQG_FIELD_BIT(i)))
			continue;
		if (!fills_level(value)) {
			values->bad |= (uint16_t)MQG_FIELD_BIT(i);
			continue;
		}
		values->have |= (uint16_t)MQG_FIELD_BIT(i);
		values->of[i].at = (uint32_t)len;
		values->of[i].len = (uint32_t)value->len;
		if (text)
			memcpy(text + len, value->text, value->len);
		len += value->len;
	}
	return len;
}

static int make(const struct mqg_rights *rights, const struct mqg_fields *fields,
		const struct mqg_selected *selected, struct mqg_grant **out)
{
	uint32_t n = selected->n_scopes + selected->n_groups;
	struct mqg_values values;
	size_t len = fill_values(fields, rights->trie.fields, &values, NULL);
	struct mqg_grant *grant = malloc(sizeof(*grant) + n * sizeof(uint32_t) + len);

	if (!grant)
		return -ENOMEM;
	grant->rights = rights;
	grant->cache = NULL;
	grant->n_scopes = selected->n_scopes;
	grant->active = selected->n_scopes;
	grant->n_groups = selected->n_groups;
	grant->since = rights->timed ? INT64_MAX : INT64_MIN;
	grant->until = rights->timed ? INT64_MIN : INT64_MAX;
	if (n)
		memcpy(grant->scopes, selected->scopes, n * sizeof(uint32_t));
	fill_values(fields, rights->trie.fields, &grant->values, (char *)(grant->scopes + n));
	*out = grant;
	return 0;
}

int mqg_grant_take(const struct mqg_rights *rights, const struct mqg_subject *subject,
		   struct mqg_grant **grant)
{
	struct mqg_selected selected = { 0 };
	struct mqg_fields fields;
	int err;

	*grant = NULL;
	if (!rights)
		return 0;
	err = mqg_fields_read(subject, rights->wanted | rights->trie.fields, &fields);
	if (err)
		return err;
	err = mqg_scopes_select(rights, subject, &fields, &selected);
	if (!err)
		err = make(rights, &fields, &selected, grant);
	free(selected.scopes);
	mqg_fields_free(&fields);
	return err;
}

void mqg_grant_drop(struct mqg_grant *grant)
{
	if (!grant)
		return;
	mqg_cache_free(grant->cache);
	free(grant);
}

int64_t mqg_grant_group(const struct mqg_grant *grant, uint32_t i)
{
	if (!grant || i >= grant->n_groups)
		return -ENOENT;
	return grant->scopes[grant->n_scopes + i];
}

const char *mqg_rights_limited(const struct mqg_rights *rights, uint32_t group,
			       const struct mqg_rates **rates)
{
	*rates = &rights->groups[group].rates;
	return rights->groups[group].limited;
}

uint32_t mqg_rights_groups(const struct mqg_rights *rights)
{
	return rights ? rights->n_groups : 0;
}

static __attribute__((__noinline__)) void choose_anew(struct mqg_grant *grant, int64_t now)
{
	const struct mqg_rights *rights = grant->rights;

	mqg_cache_clear(grant->cache);
	grant->since = INT64_MIN;
	grant->until = INT64_MAX;
	grant->active = 0;
	for (uint32_t i = 0; i < grant->n_scopes; i++) {
		uint32_t scope = grant->scopes[i];
		const struct mqg_match *match = &rights->matches[rights->scopes[scope].match];

		if (!mqg_hours_hold(&match->hours, now, &grant->since, &grant->until))
			continue;
		grant->scopes[i] = grant->scopes[grant->active];
		grant->scopes[grant->active++] = scope;
	}
}

void mqg_grant_refresh(struct mqg_grant *grant, int64_t now)
{
	if (now < grant->since || now >= grant->until)
		choose_anew(grant, now);
}

static struct mqg_decision decide(const struct mqg_grant *grant, enum mqg_right right,
				  const uint8_t *topic, size_t len)
{
	struct mqg_verdict verdict = mqg_walk(grant, right, topic, len);

	return (struct mqg_decision){
		.allowed = verdict.allowed,
		.qos = verdict.qos,
		.line = verdict.rule < 0 ? 0 : grant->rights->origins[verdict.rule].line,
	};
}

/* Apart, for the sake of those that are remembered. */
static __attribute__((__noinline__))
struct mqg_decision decide_anew(struct mqg_grant *grant, enum mqg_right right,
				const uint8_t *topic, size_t len)
{
	struct mqg_decision decision = decide(grant, right, topic, len);

	if (!grant->cache)
		grant->cache = mqg_cache_alloc();
	if (grant->cache)
		mqg_cache_keep(grant->cache, right, topic, len, decision);
	return decision;
}

struct mqg_decision mqg_grant_topic(struct mqg_grant *grant, enum mqg_right right,
				    const uint8_t *topic, size_t len, int64_t now)
{
	const struct mqg_decision *known;

	if (!grant)
		return everything;
	mqg_grant_refresh(grant, now);
	known = grant->cache ? mqg_cache_find(grant->cache, right, topic, len) : NULL;
	return known ? *known : decide_anew(grant, right, topic, len);
}

struct mqg_decision mqg_grant_filter(struct mqg_grant *grant, const uint8_t *filter, size_t len,
				     int64_t now)
{
	if (!grant)
		return everything;
	mqg_grant_refresh(grant, now);
	return decide(grant, MQG_MAY_SUBSCRIBE, filter, len);
}

struct mqg_decision mqg_grant_connect(struct mqg_grant *grant, int64_t now)
{
	if (!grant)
		return everything;
	mqg_grant_refresh(grant, now);
	return decide(grant, MQG_MAY_CONNECT, NULL, 0);
}
