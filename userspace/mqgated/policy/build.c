// SPDX-License-Identifier: BSD-2-Clause
/* Compiling of policies; see build.h. Main thread. */
#include "policy/build.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint32_t hash_key(const void *slot, const void *arg)
{
	(void)arg;
	return ((const struct mqg_plain *)slot)->hash;
}

struct mqg_rights *mqg_rights_alloc(void)
{
	struct mqg_rights *rights = calloc(1, sizeof(*rights));

	if (!rights)
		return NULL;
	rights->keys.width = sizeof(struct mqg_plain);
	if (mqg_trie_init(&rights->trie)) {
		mqg_rights_free(rights);
		return NULL;
	}
	return rights;
}

static void free_patterns(struct mqg_patterns *patterns)
{
	for (size_t i = 0; i < patterns->n; i++)
		free(patterns->of[i]);
	free(patterns->of);
}

void mqg_match_free(struct mqg_match *match)
{
	free(match->name);
	for (int i = 0; i < MQG_FIELDS; i++)
		free_patterns(&match->fields[i]);
	free(match->groups);
	free(match->sources);
	free(match->hours.windows);
}

void mqg_rights_free(struct mqg_rights *rights)
{
	if (!rights)
		return;
	mqg_trie_free(&rights->trie);
	mqg_table_free(&rights->keys);
	for (uint32_t i = 0; i < rights->n_matches; i++)
		mqg_match_free(&rights->matches[i]);
	for (uint32_t i = 0; i < rights->n_groups; i++) {
		free_patterns(&rights->groups[i].patterns);
		free(rights->groups[i].limited);
	}
	for (uint16_t i = 0; i < rights->n_files; i++)
		free(rights->files[i]);
	free(rights->matches);
	free(rights->groups);
	free(rights->files);
	free(rights->scopes);
	free(rights->scanned);
	free(rights->origins);
	free(rights);
}

/* Room for one more of @n elements at *@array, doubled when it is full. Return: 0 or -ENOMEM. */
static int grow(void *array, uint32_t n, uint32_t *room, size_t size)
{
	uint32_t more = *room ? *room * 2 : 64;
	void *p;

	if (n < *room)
		return 0;
	p = reallocarray(*(void **)array, more, size);
	if (!p)
		return -ENOMEM;
	*(void **)array = p;
	*room = more;
	return 0;
}

int mqg_rights_file(struct mqg_rights *rights, const char *path)
{
	char **more = reallocarray(rights->files, rights->n_files + 1U, sizeof(*more));

	if (!more)
		return -ENOMEM;
	rights->files = more;
	more[rights->n_files] = strdup(path);
	return more[rights->n_files] ? rights->n_files++ : -ENOMEM;
}

static bool plain(const char *pattern)
{
	return !strpbrk(pattern, "*?[\\");
}

int mqg_patterns_copy(struct mqg_patterns *to, char *const *from, size_t n)
{
	to->of = calloc(n + 1, sizeof(*to->of));
	if (!to->of)
		return -ENOMEM;
	for (to->n = 0; to->n < n; to->n++) {
		to->of[to->n] = strdup(from[to->n]);
		if (!to->of[to->n])
			return -ENOMEM;
	}
	return 0;
}

static int add_key(struct mqg_rights *rights, uint16_t kind, const char *name, uint32_t value)
{
	struct mqg_texts *texts = &rights->trie.texts;
	size_t len = strlen(name);
	uint32_t hash = mqg_hash(kind, name, len) | 1;
	struct mqg_plain *key;
	int64_t text;

	/* Longer than any that MQTT or a certificate may have: nobody is called that. */
	if (len > UINT16_MAX)
		return 0;
	text = mqg_texts_add(texts, name, len);
	key = text < 0 ? NULL : mqg_table_add(&rights->keys, hash, hash_key, NULL);
	if (!key)
		return -ENOMEM;
	*key = (struct mqg_plain){
		.hash = hash,
		.text = (uint32_t)text,
		.value = value,
		.len = (uint16_t)len,
		.kind = kind,
	};
	return 0;
}

int mqg_rights_group(struct mqg_rights *rights, const char *name, char *const *identities,
		     size_t n)
{
	struct mqg_group *more = reallocarray(rights->groups, rights->n_groups + 1U,
					      sizeof(*more)), *group;
	int err = 0;

	if (!more)
		return -ENOMEM;
	rights->groups = more;
	group = &more[rights->n_groups];
	memset(group, 0, sizeof(*group));
	rights->n_groups++;
	rights->wanted |= MQG_FIELD_BIT(MQG_FIELD_IDENTITY);
	group->patterns.of = calloc(n + 1, sizeof(*group->patterns.of));
	if (!group->patterns.of || add_key(rights, MQG_KEY_GROUP, name, rights->n_groups - 1))
		return -ENOMEM;
	for (size_t i = 0; i < n && !err; i++) {
		if (plain(identities[i])) {
			err = add_key(rights, MQG_KEY_MEMBER, identities[i],
				      rights->n_groups - 1);
			continue;
		}
		group->patterns.of[group->patterns.n] = strdup(identities[i]);
		err = group->patterns.of[group->patterns.n++] ? 0 : -ENOMEM;
	}
	return err;
}

int mqg_rights_group_limit(struct mqg_rights *rights, const char *name,
			   const struct mqg_rates *rates)
{
	struct mqg_group *group = &rights->groups[rights->n_groups - 1];

	group->rates = *rates;
	group->limited = strdup(name);
	return group->limited ? 0 : -ENOMEM;
}

static int64_t find_key(const struct mqg_rights *rights, uint16_t kind, const char *name)
{
	const struct mqg_table *keys = &rights->keys;
	size_t len = strlen(name);
	uint32_t hash = mqg_hash(kind, name, len) | 1, at;

	if (!keys->room)
		return -ENOENT;
	for (at = mqg_table_first(keys, hash);; at = mqg_table_next(keys, at)) {
		const struct mqg_plain *key = mqg_table_slot(keys, at);

		if (!key->hash)
			return -ENOENT;
		if (key->hash == hash && key->kind == kind && key->len == len &&
		    !memcmp(rights->trie.texts.bytes + key->text, name, len))
			return key->value;
	}
}

int64_t mqg_rights_group_find(const struct mqg_rights *rights, const char *name)
{
	return find_key(rights, MQG_KEY_GROUP, name);
}

int64_t mqg_rights_match_find(const struct mqg_rights *rights, const char *name)
{
	return find_key(rights, MQG_KEY_MATCH, name);
}

int64_t mqg_rights_match(struct mqg_rights *rights, struct mqg_match *match)
{
	const struct mqg_hours *hours = &match->hours;
	struct mqg_match *more = reallocarray(rights->matches, rights->n_matches + 1U,
					      sizeof(*more));

	if (!more) {
		mqg_match_free(match);
		return -ENOMEM;
	}
	rights->matches = more;
	more[rights->n_matches] = *match;
	for (int i = 0; i < MQG_FIELDS; i++)
		if (match->fields[i].n)
			rights->wanted |= (uint16_t)MQG_FIELD_BIT(i);
	rights->timed |= hours->n_windows || hours->from != INT64_MIN || hours->until != INT64_MAX;
	/* Counted first: it is the rights' own from here on. */
	rights->n_matches++;
	if (add_key(rights, MQG_KEY_MATCH, match->name, rights->n_matches - 1))
		return -ENOMEM;
	return rights->n_matches - 1;
}

static int64_t new_scope(struct mqg_rights *rights, uint32_t match, bool anonymous)
{
	if (grow(&rights->scopes, rights->n_scopes, &rights->scopes_room, sizeof(*rights->scopes)))
		return -ENOMEM;
	rights->scopes[rights->n_scopes] = (struct mqg_scope){
		.match = match & 0x7fffffffU,
		.anonymous = anonymous,
	};
	return rights->n_scopes++;
}

static int add_scanned(struct mqg_rights *rights, uint32_t scope)
{
	if (grow(&rights->scanned, rights->n_scanned, &rights->scanned_room,
		 sizeof(*rights->scanned)))
		return -ENOMEM;
	rights->scanned[rights->n_scanned++] = scope;
	return 0;
}

static bool all_plain(const struct mqg_patterns *patterns)
{
	for (size_t i = 0; i < patterns->n; i++)
		if (!plain(patterns->of[i]))
			return false;
	return patterns->n;
}

int64_t mqg_rights_scope(struct mqg_rights *rights, uint32_t match)
{
	static const enum mqg_field keyed[] = { MQG_FIELD_IDENTITY, MQG_FIELD_CLIENT_ID,
						MQG_FIELD_USERNAME };
	const struct mqg_match *of = &rights->matches[match];
	int64_t scope = new_scope(rights, match, false);

	for (size_t i = 0; scope >= 0 && i < sizeof(keyed) / sizeof(keyed[0]); i++) {
		const struct mqg_patterns *names = &of->fields[keyed[i]];

		if (!all_plain(names))
			continue;
		for (size_t j = 0; j < names->n; j++)
			if (add_key(rights, (uint16_t)keyed[i], names->of[j], (uint32_t)scope))
				return -ENOMEM;
		return scope;
	}
	if (scope >= 0 && add_scanned(rights, (uint32_t)scope))
		return -ENOMEM;
	return scope;
}

int64_t mqg_rights_scope_user(struct mqg_rights *rights, uint32_t match, const char *user)
{
	int64_t scope = new_scope(rights, match, !user);

	if (scope < 0)
		return scope;
	rights->wanted |= MQG_FIELD_BIT(MQG_FIELD_USERNAME);
	if (user ? add_key(rights, MQG_FIELD_USERNAME, user, (uint32_t)scope)
		 : add_scanned(rights, (uint32_t)scope))
		return -ENOMEM;
	return scope;
}

int64_t mqg_rights_rule(struct mqg_rights *rights, const struct mqg_wording *said)
{
	if (grow(&rights->origins, rights->n_rules, &rights->rules_room, sizeof(*rights->origins)))
		return -ENOMEM;
	rights->origins[rights->n_rules] = (struct mqg_origin){
		.line = said->line,
		.file = said->file,
	};
	return rights->n_rules++;
}

int mqg_rights_topic(struct mqg_rights *rights, uint32_t scope, const struct mqg_wording *said,
		     const char *topic, const char **why)
{
	struct mqg_rule rule = {
		.scope = scope,
		.number = rights->n_rules - 1,
		.rights = said->rights,
		.deny = said->deny,
		.qos = said->qos,
	};
	uint16_t fields = 0;
	int err;

	if (topic)
		rule.rights &= (uint8_t)~(1U << MQG_MAY_CONNECT);
	else
		rule.rights &= 1U << MQG_MAY_CONNECT;
	err = mqg_trie_add(&rights->trie, topic, said->style, &rule, &fields, why);
	rights->origins[rule.number].fields |= fields;
	return err;
}

const char *mqg_rights_words(const struct mqg_rights *rights, char *buf, size_t size)
{
	if (!rights)
		snprintf(buf, size, "no policies: every client may publish and subscribe to "
				    "everything");
	else
		snprintf(buf, size, "policies: %u, with %u rules; what none allows is refused",
			 rights->n_matches, rights->n_rules);
	return buf;
}

int mqg_rights_finish(struct mqg_rights *rights)
{
	if (mqg_table_fit(&rights->keys, hash_key, NULL))
		return -ENOMEM;
	return mqg_trie_fit(&rights->trie);
}
