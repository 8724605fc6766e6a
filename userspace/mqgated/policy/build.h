/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How policies are compiled: rights, then files and groups, then policies with their scopes and
 * rules, then mqg_rights_finish(). Called by the loader of the configuration, in the main thread.
 */
#ifndef MQG_POLICY_BUILD_H
#define MQG_POLICY_BUILD_H

#include "policy/compiled.h"

#define MQG_MATCHES_MAX		65535U
#define MQG_GROUPS_MAX		1024U

struct mqg_rights *mqg_rights_alloc(void);
void mqg_rights_free(struct mqg_rights *rights);

/* A file that rules are written in. Return: its number, or -ENOMEM. */
int mqg_rights_file(struct mqg_rights *rights, const char *path);

/* Return: 0 or -ENOMEM. */
int mqg_rights_group(struct mqg_rights *rights, const char *name, char *const *identities,
		     size_t n);
/* What the members of the latest one may send together. Return: 0 or -ENOMEM. */
int mqg_rights_group_limit(struct mqg_rights *rights, const char *name,
			   const struct mqg_rates *rates);
/* -ENOENT: there is none of that name. */
int64_t mqg_rights_group_find(const struct mqg_rights *rights, const char *name);

/* The same of policies. */
int64_t mqg_rights_match_find(const struct mqg_rights *rights, const char *name);

/* Puts patterns in the place of @to. Return: 0 or -ENOMEM. */
int mqg_patterns_copy(struct mqg_patterns *to, char *const *from, size_t n);

/* Takes over what @match points to, whatever is returned: its number, or -ENOMEM. */
int64_t mqg_rights_match(struct mqg_rights *rights, struct mqg_match *match);
void mqg_match_free(struct mqg_match *match);

/* All clients that @match is true of. Return: the scope, or -ENOMEM. */
int64_t mqg_rights_scope(struct mqg_rights *rights, uint32_t match);
/* Of them the ones with that username; NULL: with none. */
int64_t mqg_rights_scope_user(struct mqg_rights *rights, uint32_t match, const char *user);

/* A rule as it is written; @topic may be NULL where connect is its only right. */
struct mqg_wording {
	uint32_t		line;
	uint16_t		file;
	enum mqg_variables	style;
	uint8_t			rights;		/* bits of enum mqg_right */
	bool			deny;
	uint8_t			qos;
};

/* A rule begins; then its filters. Return: its number, or -ENOMEM. */
int64_t mqg_rights_rule(struct mqg_rights *rights, const struct mqg_wording *said);
/* Return: 0, -EINVAL and in *why what is wrong with @topic, or -ENOMEM. */
int mqg_rights_topic(struct mqg_rights *rights, uint32_t scope, const struct mqg_wording *said,
		     const char *topic, const char **why);

/* Return: 0 or -ENOMEM. */
int mqg_rights_finish(struct mqg_rights *rights);

#endif
