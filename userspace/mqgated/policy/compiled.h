/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The policies of a configuration, compiled: who they are for, when they hold, and the trie of what
 * they say. Built by the loader (build.h), then constant. A scope is those clients that a set of
 * rules is for: a policy's own, or one user's section of an ACL file that the policy names.
 */
#ifndef MQG_POLICY_COMPILED_H
#define MQG_POLICY_COMPILED_H

#include <linux/mqgate.h>

#include "policy/hours.h"
#include "policy/level.h"
#include "policy/rights.h"
#include "policy/trie.h"

struct mqg_patterns {
	char		**of;		/* as fnmatch(3) has them */
	size_t		n;
};

struct mqg_group {
	struct mqg_patterns	patterns;	/* of its identities; plain names are keys */
	char			*limited;	/* its name; NULL = its members have no limit */
	struct mqg_rates	rates;
};

/* A policy but for its rules: what has to be true for it to hold. */
struct mqg_match {
	char			*name;
	struct mqg_patterns	fields[MQG_FIELDS];	/* one of each has to match */
	uint32_t		*groups;		/* one of them */
	size_t			n_groups;
	struct mqgate_destination *sources;		/* networks, one of them */
	size_t			n_sources;
	struct mqg_hours	hours;
};

/* A plain name, by which scopes and groups are found without looking at each. */
struct mqg_plain {
	uint32_t	hash;		/* 0: free */
	uint32_t	text;
	uint32_t	value;		/* a scope, or a group */
	uint16_t	len;
	uint16_t	kind;		/* the field of a scope, or MQG_KEY_* */
};

#define MQG_KEY_MEMBER	MQG_FIELDS		/* an identity, of a group */
#define MQG_KEY_GROUP	(MQG_FIELDS + 1)	/* names of groups and policies, while loading */
#define MQG_KEY_MATCH	(MQG_FIELDS + 2)

struct mqg_scope {
	uint32_t	match : 31;
	uint32_t	anonymous : 1;	/* who has no username */
};

/* Where a rule was written. */
struct mqg_origin {
	uint32_t	line;
	uint16_t	file;
	uint16_t	fields;		/* that its variables need, as bits */
};

struct mqg_rights {
	struct mqg_trie		trie;
	struct mqg_table	keys;
	struct mqg_scope	*scopes;
	uint32_t		n_scopes, scopes_room;
	uint32_t		*scanned;	/* scopes that no key leads to */
	uint32_t		n_scanned, scanned_room;
	struct mqg_match	*matches;
	uint32_t		n_matches;
	struct mqg_group	*groups;
	uint32_t		n_groups;
	struct mqg_origin	*origins;	/* by the number of the rule */
	uint32_t		n_rules, rules_room;
	char			**files;
	uint16_t		n_files;
	uint16_t		wanted;		/* fields that anything asks for */
	bool			timed;		/* some policy holds at times only */
};

struct mqg_cache;

struct mqg_grant {
	const struct mqg_rights	*rights;
	struct mqg_cache	*cache;		/* NULL until something is worth remembering */
	int64_t			since, until;	/* seconds for which `active` is right */
	uint32_t		n_scopes, active;	/* the first so many hold now */
	uint32_t		n_groups;
	struct mqg_values	values;
	/* And behind them the groups that have limits, and the text of the values. */
	uint32_t		scopes[];
};

struct mqg_selected {
	uint32_t	*scopes;	/* allocated; the groups that have limits lie behind them */
	uint32_t	n_scopes, n_groups;
};

/* What @subject belongs to. Return: 0 or -ENOMEM. */
int mqg_scopes_select(const struct mqg_rights *rights, const struct mqg_subject *subject,
		      const struct mqg_fields *fields, struct mqg_selected *out);

/* What decided: a rule, or none. */
struct mqg_verdict {
	bool		allowed;
	uint8_t		qos;
	int64_t		rule;		/* -1: none, default deny */
};

/* Uncached. @topic: NULL for MQG_MAY_CONNECT, a filter for MQG_MAY_SUBSCRIBE. */
struct mqg_verdict mqg_walk(const struct mqg_grant *grant, enum mqg_right right,
			    const uint8_t *topic, size_t len);

/* Sees to it that the policies that hold now are the active ones. */
void mqg_grant_refresh(struct mqg_grant *grant, int64_t now);

#endif
