/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Filters of rules, level by level: what is allowed in them, and levels that hold variables
 * ("dev-${cn}"). Used by the trie that holds them.
 */
#ifndef MQG_POLICY_LEVEL_H
#define MQG_POLICY_LEVEL_H

#include "policy/trie.h"

/* What one client's fields stand for; offsets into a text. */
struct mqg_values {
	uint16_t	have;		/* fields that may fill a level, as bits */
	uint16_t	bad;		/* fields with a value that may not */
	struct {
		uint32_t	at, len;
	} of[MQG_FIELDS];
	const char	*text;
};

/* MQTT 4.7.1, and within the limits of a rule. Return: 0, or -EINVAL and *why. */
int mqg_filter_check(const char *filter, const char **why);

bool mqg_level_varies(const char *level, size_t len, enum mqg_variables style);

/* The template of a level, which may be known already. Return: 0, -EINVAL (*why) or -ENOMEM. */
int mqg_level_compile(struct mqg_trie *trie, const char *level, size_t len,
		      enum mqg_variables style, uint32_t *template, const char **why);

/* Is @text what the template says, with the client's values? */
bool mqg_level_equal(const struct mqg_trie *trie, const struct mqg_template *template,
		     const struct mqg_values *values, const uint8_t *text, size_t len);

/* Does it begin with a variable? */
static inline bool mqg_level_leads(const struct mqg_trie *trie, const struct mqg_template *template)
{
	return trie->pieces[template->first].field < MQG_FIELDS;
}

#endif
