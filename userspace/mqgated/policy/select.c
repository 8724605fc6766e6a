// SPDX-License-Identifier: BSD-2-Clause
/*
 * Whose rules are a client's: plain names by the table of keys, everything else by looking at it.
 * Once a client, on its worker's thread; no lock.
 */
#include "policy/compiled.h"

#include <errno.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

struct selection {
	const struct mqg_rights	*rights;
	const struct mqg_fields	*fields;
	const uint8_t		*addr;
	bool			*member;	/* by group */
	uint32_t		*scopes, n, room;
};

static bool matches_text(const struct mqg_patterns *patterns, const char *text)
{
	for (size_t i = 0; i < patterns->n; i++)
		if (!fnmatch(patterns->of[i], text, 0))
			return true;
	return false;
}

static bool matches_field(const struct mqg_patterns *patterns, const struct mqg_value *value)
{
	for (; value; value = value->next)
		if (!value->odd && matches_text(patterns, value->text))
			return true;
	return !patterns->n;
}

static bool within(const struct mqgate_destination *network, const uint8_t addr[16])
{
	for (int i = 0; i < 16; i++)
		if ((addr[i] & network->mask[i]) != network->addr[i])
			return false;
	return true;
}

static bool matches(const struct selection *s, const struct mqg_match *match)
{
	bool found = !match->n_sources;

	for (int i = 0; i < MQG_FIELDS; i++)
		if (!matches_field(&match->fields[i], s->fields->of[i]))
			return false;
	for (size_t i = 0; i < match->n_sources && !found; i++)
		found = within(&match->sources[i], s->addr);
	if (!found)
		return false;
	found = !match->n_groups;
	for (size_t i = 0; i < match->n_groups && !found; i++)
		found = s->member[match->groups[i]];
	return found;
}

static int add(struct selection *s, uint32_t number)
{
	if (s->n == s->room) {
		uint32_t room = s->room ? s->room * 2 : 16;
		uint32_t *more = reallocarray(s->scopes, room, sizeof(*more));

		if (!more)
			return -ENOMEM;
		s->scopes = more;
		s->room = room;
	}
	s->scopes[s->n++] = number;
	return 0;
}

static int try_scope(struct selection *s, uint32_t number)
{
	const struct mqg_scope *scope = &s->rights->scopes[number];

	if (scope->anonymous && s->fields->of[MQG_FIELD_USERNAME])
		return 0;
	return matches(s, &s->rights->matches[scope->match]) ? add(s, number) : 0;
}

static int join_group(struct selection *s, uint32_t group)
{
	s->member[group] = true;
	return 0;
}

/* Calls @fn with what stands under that plain name. */
static int each_key(struct selection *s, uint16_t kind, const struct mqg_value *name,
		    int (*fn)(struct selection *s, uint32_t value))
{
	const struct mqg_table *keys = &s->rights->keys;
	uint32_t hash, at;
	int err = 0;

	if (!name || name->odd)
		return 0;
	hash = mqg_hash(kind, name->text, name->len) | 1;
	for (at = mqg_table_first(keys, hash); !err; at = mqg_table_next(keys, at)) {
		const struct mqg_plain *key = mqg_table_slot(keys, at);

		if (!key->hash)
			break;
		if (key->hash == hash && key->kind == kind && key->len == name->len &&
		    !memcmp(s->rights->trie.texts.bytes + key->text, name->text, key->len))
			err = fn(s, key->value);
	}
	return err;
}

static int join_groups(struct selection *s)
{
	const struct mqg_value *identity = s->fields->of[MQG_FIELD_IDENTITY];

	for (uint32_t i = 0; identity && i < s->rights->n_groups; i++)
		s->member[i] = matches_text(&s->rights->groups[i].patterns, identity->text);
	return each_key(s, MQG_KEY_MEMBER, identity, join_group);
}

int mqg_scopes_select(const struct mqg_rights *rights, const struct mqg_subject *subject,
		      const struct mqg_fields *fields, struct mqg_selected *out)
{
	static const enum mqg_field keyed[] = { MQG_FIELD_IDENTITY, MQG_FIELD_CLIENT_ID,
						MQG_FIELD_USERNAME };
	struct selection s = { .rights = rights, .fields = fields, .addr = subject->addr };
	uint32_t n_scopes;
	int err = 0;

	s.member = calloc(rights->n_groups + 1U, sizeof(*s.member));
	if (!s.member)
		return -ENOMEM;
	err = join_groups(&s);
	for (size_t i = 0; !err && i < sizeof(keyed) / sizeof(keyed[0]); i++)
		err = each_key(&s, (uint16_t)keyed[i], fields->of[keyed[i]], try_scope);
	for (uint32_t i = 0; !err && i < rights->n_scanned; i++)
		err = try_scope(&s, rights->scanned[i]);
	n_scopes = s.n;
	for (uint32_t i = 0; !err && i < rights->n_groups; i++)
		if (s.member[i] && rights->groups[i].limited)
			err = add(&s, i);
	free(s.member);
	if (err) {
		free(s.scopes);
		return err;
	}
	*out = (struct mqg_selected){ s.scopes, n_scopes, s.n - n_scopes };
	return 0;
}
