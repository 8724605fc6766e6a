// SPDX-License-Identifier: BSD-2-Clause
/*
 * The checking pass over groups and policies, which compiles them. Called by mqg_config_check() and
 * by the command, in the main thread; no lock.
 */
#include "config/check_rights.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "policy/acl.h"

#define QOS_MOST	2U

#define complain(check, ...) mqg_complain(&(check)->complaint, __VA_ARGS__)

static const struct {
	const char	*word;
	enum mqg_right	right;
} words[] = {
	{ "connect", MQG_MAY_CONNECT }, { "publish", MQG_MAY_PUBLISH },
	{ "subscribe", MQG_MAY_SUBSCRIBE }, { "receive", MQG_MAY_RECEIVE },
	{ "will", MQG_MAY_WILL }, { "retain", MQG_MAY_RETAIN },
};

static int check_group(struct mqg_check *check, unsigned int i)
{
	const struct raw_group *from = &check->raw->groups[i];
	struct mqg_rates rates = { 0 };
	char path[MQG_PATH_MAX];
	int err;

	snprintf(path, sizeof(path), "groups[%u].name", i);
	if (mqg_rights_group_find(check->config->rights, from->name) >= 0)
		return complain(check, path, "\"%s\" is already the name of a group; choose "
				"another", from->name);
	if (i >= MQG_GROUPS_MAX)
		return complain(check, path, "one group too many; there may be %u", MQG_GROUPS_MAX);
	err = mqg_rights_group(check->config->rights, from->name, from->identities,
			       from->identities_count);
	if (err || !from->limits)
		return err;
	/* It is that of metrics, too. */
	err = mqg_check_name(check, path, from->name);
	if (err)
		return err;
	snprintf(path, sizeof(path), "groups[%u].limits", i);
	err = mqg_check_rates(check, path, from->limits, &rates);
	return err ? err : mqg_rights_group_limit(check->config->rights, from->name, &rates);
}

/* Who is in a group is known of those alone who are asked about. */
static int check_idle_groups(const struct mqg_check *check)
{
	char path[MQG_PATH_MAX];

	for (unsigned int i = 0; i < check->raw->groups_count; i++) {
		snprintf(path, sizeof(path), "groups[%u].limits", i);
		if (check->raw->groups[i].limits)
			return complain(check, path, "have no effect without \"policies\"; write "
					"one, if need be one that allows everything");
	}
	return 0;
}

static int check_rights_words(const struct mqg_check *check, const char *path, char **texts,
			      unsigned int count, uint8_t *rights)
{
	for (unsigned int i = 0; i < count; i++) {
		size_t n = 0;

		while (n < sizeof(words) / sizeof(words[0]) && strcmp(texts[i], words[n].word))
			n++;
		if (n == sizeof(words) / sizeof(words[0]))
			return complain(check, path, "\"%s\" is no right; there are connect, "
					"publish, subscribe, receive, will and retain", texts[i]);
		*rights |= (uint8_t)(1U << words[n].right);
	}
	return 0;
}

/* What a rule says besides its topics. */
static int check_said(const struct mqg_check *check, const char *path, const struct raw_rule *from,
		      struct mqg_wording *said)
{
	char key[MQG_PATH_MAX + 16];
	uint32_t qos;
	int err;

	said->deny = from->deny_count;
	if (!from->allow_count == !from->deny_count)
		return complain(check, path, "has to say either what is allowed or what is denied; "
				"write allow: [publish] or deny: [publish]");
	snprintf(key, sizeof(key), "%s.%s", path, said->deny ? "deny" : "allow");
	err = said->deny ? check_rights_words(check, key, from->deny, from->deny_count,
					      &said->rights)
			 : check_rights_words(check, key, from->allow, from->allow_count,
					      &said->rights);
	if (err)
		return err;
	snprintf(key, sizeof(key), "%s.topics", path);
	if (said->rights == 1U << MQG_MAY_CONNECT && from->topics_count)
		return complain(check, key, "have no meaning for connect; leave them out");
	if (said->rights != 1U << MQG_MAY_CONNECT && !from->topics_count)
		return complain(check, key, "missing; write which, for instance "
				"[\"devices/${identity}/#\"]");
	snprintf(key, sizeof(key), "%s.qos", path);
	if (said->deny && from->qos)
		return complain(check, key, "is a limit to what is allowed; leave it out");
	err = mqg_check_number(check, key, from->qos, QOS_MOST, 0, QOS_MOST, &qos);
	said->qos = said->deny ? 0 : (uint8_t)qos;
	return err;
}

static int check_rule(struct mqg_check *check, const char *path, const struct raw_rule *from,
		      uint32_t scope)
{
	struct mqg_rights *rights = check->config->rights;
	struct mqg_wording said = {
		.line = mqg_lines_lookup(check->complaint.lines, path),
		.style = MQG_VARIABLES_NAMED,
	};
	char key[MQG_PATH_MAX + 32];
	const char *why;
	int err = check_said(check, path, from, &said);

	if (!err && mqg_rights_rule(rights, &said) < 0)
		err = -ENOMEM;
	if (!err && said.rights & 1U << MQG_MAY_CONNECT)
		err = mqg_rights_topic(rights, scope, &said, NULL, &why);
	for (unsigned int i = 0; !err && i < from->topics_count; i++) {
		err = mqg_rights_topic(rights, scope, &said, from->topics[i], &why);
		snprintf(key, sizeof(key), "%s.topics[%u]", path, i);
		if (err == -EINVAL)
			return complain(check, key, "\"%s\" %s", from->topics[i], why);
	}
	return err;
}

/* The scopes of an ACL file: of the user whose section it is, and of all. */
struct acl {
	struct mqg_rights	*rights;
	uint32_t		match;
	uint16_t		file;
	int64_t			section, all;	/* -1: not made yet */
};

static int take_line(const struct mqg_acl_line *line, const char **wrong, void *arg)
{
	struct acl *acl = arg;
	int64_t *scope = line->kind == MQG_ACL_PATTERN ? &acl->all : &acl->section;
	struct mqg_wording said = {
		.line = line->number,
		.file = acl->file,
		.style = line->kind == MQG_ACL_PATTERN ? MQG_VARIABLES_PERCENT
						       : MQG_VARIABLES_NONE,
		.rights = line->rights,
		.deny = line->deny,
		.qos = line->deny ? 0 : QOS_MOST,
	};

	if (line->kind == MQG_ACL_USER) {
		acl->section = mqg_rights_scope_user(acl->rights, acl->match, line->text);
		return acl->section < 0 ? -ENOMEM : 0;
	}
	if (*scope < 0)
		*scope = line->kind == MQG_ACL_PATTERN
				 ? mqg_rights_scope(acl->rights, acl->match)
				 : mqg_rights_scope_user(acl->rights, acl->match, NULL);
	if (*scope < 0 || mqg_rights_rule(acl->rights, &said) < 0)
		return -ENOMEM;
	return mqg_rights_topic(acl->rights, (uint32_t)*scope, &said, line->text, wrong);
}

static int check_acl(struct mqg_check *check, const char *owner, const char *file, uint32_t match)
{
	struct acl acl = { check->config->rights, match, 0, -1, -1 };
	int number = mqg_rights_file(acl.rights, file), err;
	char path[MQG_PATH_MAX], why[512] = "";

	if (number < 0)
		return number;
	acl.file = (uint16_t)number;
	err = mqg_acl_read(file, take_line, &acl, why, sizeof(why));
	if (!err || err == -ENOMEM)
		return err;
	snprintf(path, sizeof(path), "%s.acl_file", owner);
	return complain(check, path, "%s", why);
}

static int check_policy(struct mqg_check *check, unsigned int i)
{
	const struct raw_policy *from = &check->raw->policies[i];
	struct mqg_match match = { .hours = { .from = INT64_MIN, .until = INT64_MAX } };
	char owner[32], path[MQG_PATH_MAX];
	int64_t number, scope = 0;
	int err = 0;

	snprintf(owner, sizeof(owner), "policies[%u]", i);
	snprintf(path, sizeof(path), "%s.name", owner);
	number = mqg_rights_match_find(check->config->rights, from->name);
	if (number >= 0)
		return complain(check, path, "\"%s\" is already the name of policies[%u]; choose "
				"another", from->name, (unsigned int)number);
	if (i >= MQG_MATCHES_MAX)
		return complain(check, path, "one policy too many; there may be %u",
				MQG_MATCHES_MAX);
	if (!from->rules_count && !from->acl_file)
		return complain(check, owner, "has neither rules nor an acl_file, so it says "
				"nothing; write one of them");
	err = mqg_check_copy(from->name, &match.name);
	if (!err && from->match)
		err = mqg_check_match(check, owner, from->match, check->config->rights, &match);
	if (!err && from->valid)
		err = mqg_check_valid(check, owner, from->valid, &match.hours);
	if (err) {
		mqg_match_free(&match);
		return err;
	}
	number = mqg_rights_match(check->config->rights, &match);
	if (number >= 0 && from->rules_count)
		scope = mqg_rights_scope(check->config->rights, (uint32_t)number);
	if (number < 0 || scope < 0)
		return -ENOMEM;
	for (unsigned int j = 0; !err && j < from->rules_count; j++) {
		snprintf(path, sizeof(path), "%s.rules[%u]", owner, j);
		err = check_rule(check, path, &from->rules[j], (uint32_t)scope);
	}
	if (!err && from->acl_file)
		err = check_acl(check, owner, from->acl_file, (uint32_t)number);
	return err;
}

int mqg_check_rights(struct mqg_check *check)
{
	const struct raw_config *raw = check->raw;
	struct mqg_rights *rights;
	int err = 0;

	if (!raw->policies_count)
		return mqg_lines_has(check->complaint.lines, "policies")
			       ? complain(check, "policies", "holds none, so that nobody could "
					  "connect; write one, or leave the key out")
			       : check_idle_groups(check);
	rights = check->config->rights = mqg_rights_alloc();
	if (!rights || mqg_rights_file(rights, check->complaint.file) < 0)
		return -ENOMEM;
	for (unsigned int i = 0; !err && i < raw->groups_count; i++)
		err = check_group(check, i);
	for (unsigned int i = 0; !err && i < raw->policies_count; i++)
		err = check_policy(check, i);
	return err ? err : mqg_rights_finish(rights);
}
