// SPDX-License-Identifier: BSD-2-Clause
/*
 * The checking pass over whom a policy is for (match) and when (valid). Called by
 * mqg_check_rights() in the main thread; no lock.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/network.h"
#include "config/check.h"
#include "config/check_rights.h"

#define complain(check, ...) mqg_complain(&(check)->complaint, __VA_ARGS__)

static int check_groups(const struct mqg_check *check, const char *owner,
			const struct raw_match *from, const struct mqg_rights *rights,
			struct mqg_match *to)
{
	char path[MQG_PATH_MAX];

	to->groups = calloc(from->group_count + 1U, sizeof(*to->groups));
	if (!to->groups)
		return -ENOMEM;
	for (unsigned int i = 0; i < from->group_count; i++) {
		int64_t group = mqg_rights_group_find(rights, from->group[i]);

		snprintf(path, sizeof(path), "%s.match.group[%u]", owner, i);
		if (group < 0)
			return complain(check, path, "there is no group \"%s\"; name one of "
					"\"groups\"", from->group[i]);
		to->groups[to->n_groups++] = (uint32_t)group;
	}
	return 0;
}

static int check_sources(const struct mqg_check *check, const char *owner,
			 const struct raw_match *from, struct mqg_match *to)
{
	char path[MQG_PATH_MAX];
	const char *why;

	to->sources = calloc(from->source_count + 1U, sizeof(*to->sources));
	if (!to->sources)
		return -ENOMEM;
	for (unsigned int i = 0; i < from->source_count; i++) {
		snprintf(path, sizeof(path), "%s.match.source[%u]", owner, i);
		if (mqg_network_parse(from->source[i], &to->sources[i], &why))
			return complain(check, path, "\"%s\" %s", from->source[i], why);
		to->n_sources++;
	}
	return 0;
}

static int check_listeners(const struct mqg_check *check, const char *owner,
			   const struct raw_match *from)
{
	char path[MQG_PATH_MAX];

	for (unsigned int i = 0; i < from->listener_count; i++) {
		bool known = strpbrk(from->listener[i], "*?[\\");

		for (unsigned int j = 0; j < check->raw->listeners_count; j++)
			known |= !strcmp(check->raw->listeners[j].name, from->listener[i]);
		snprintf(path, sizeof(path), "%s.match.listener[%u]", owner, i);
		if (!known)
			return complain(check, path, "there is no listener \"%s\"; name one of "
					"\"listeners\"", from->listener[i]);
	}
	return 0;
}

int mqg_check_match(const struct mqg_check *check, const char *owner,
		    const struct raw_match *from, const struct mqg_rights *rights,
		    struct mqg_match *to)
{
	const struct {
		enum mqg_field	field;
		char		**texts;
		unsigned int	count;
	} lists[] = {
#define LIST(symbol, member, word) { MQG_FIELD_##symbol, from->member, from->member##_count },
		MQG_FIELD_LIST(LIST)
#undef LIST
	};
	int err = check_listeners(check, owner, from);

	for (size_t i = 0; !err && i < sizeof(lists) / sizeof(lists[0]); i++)
		err = mqg_patterns_copy(&to->fields[lists[i].field], lists[i].texts,
					lists[i].count);
	if (!err)
		err = check_groups(check, owner, from, rights, to);
	return err ? err : check_sources(check, owner, from, to);
}

static int check_time(const struct mqg_check *check, const char *owner, const char *key,
		      const char *text, int64_t *out)
{
	char path[MQG_PATH_MAX];

	snprintf(path, sizeof(path), "%s.valid.%s", owner, key);
	if (text && mqg_hours_time(text, out))
		return complain(check, path, "\"%s\" is no time; write for instance 2026-07-01 or "
				"2026-07-01T06:30:00Z (UTC)", text);
	return 0;
}

int mqg_check_valid(const struct mqg_check *check, const char *owner,
		    const struct raw_valid *from, struct mqg_hours *to)
{
	char path[MQG_PATH_MAX];
	int err = check_time(check, owner, "from", from->from, &to->from);

	if (!err)
		err = check_time(check, owner, "until", from->until, &to->until);
	snprintf(path, sizeof(path), "%s.valid.until", owner);
	if (!err && to->until <= to->from)
		return complain(check, path, "is not after valid.from; write a later time");
	for (unsigned int i = 0; !err && i < from->weekly_count; i++) {
		err = mqg_hours_weekly(from->weekly[i], to);
		snprintf(path, sizeof(path), "%s.valid.weekly[%u]", owner, i);
		if (err == -EINVAL)
			return complain(check, path, "\"%s\" is no window; write for instance "
					"\"mon-fri 06:00-20:00\", \"sat,sun 22:00-04:00\" or "
					"\"daily 08:00-24:00\" (UTC)", from->weekly[i]);
	}
	return err;
}
