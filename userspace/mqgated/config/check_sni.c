/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The checking pass over the TLS policies that a server name chooses. Called by check_listener.c in
 * the main thread; no lock.
 */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/check.h"
#include "config/servernames.h"

#define NAME_MAX_BYTES	253	/* RFC 1035, 2.3.4, without the root's label */
#define LABEL_MAX	63

#define complain(check, ...) mqg_complain(&(check)->complaint, __VA_ARGS__)

/* A host name as it is in server_name: no final dot, and no address (RFC 6066, 3). */
static bool is_host_name(const char *name)
{
	const char *last = strrchr(name, '.');
	size_t label = 0;

	if (!*name || strlen(name) > NAME_MAX_BYTES)
		return false;
	for (const char *p = name;; p++) {
		if (*p == '.' || !*p) {
			if (!label || label > LABEL_MAX || p[-1] == '-')
				return false;
			label = 0;
			if (!*p)
				break;
			continue;
		}
		if (!isalnum((unsigned char)*p) && *p != '_' && (*p != '-' || !label))
			return false;
		label++;
	}
	/* No top-level domain is a number; the end of an address is. */
	last = last ? last + 1 : name;
	return last[strspn(last, "0123456789")] != '\0';
}

static int add_name(const struct mqg_check *check, const char *path, const char *text,
		    size_t policy, struct mqg_listener *to)
{
	struct mqg_server_name *entry = &to->server_names[to->n_server_names];
	int err;

	entry->wildcard = !strncmp(text, "*.", 2);
	entry->policy = policy;
	if (!is_host_name(entry->wildcard ? text + 2 : text))
		return complain(check, path, "\"%s\" is no host name; write one like "
					     "mqtt.example.org, or *.example.org for every name "
					     "with one label before it", text);
	err = mqg_check_copy(entry->wildcard ? text + 2 : text, &entry->name);
	if (err)
		return err;
	to->n_server_names++;
	for (char *p = entry->name; *p; p++)
		*p = (char)tolower((unsigned char)*p);
	for (size_t i = 0; i + 1 < to->n_server_names; i++)
		if (!mqg_server_name_order(&to->server_names[i], entry))
			return complain(check, path, "\"%s\" is already a server name of \"%s\"; "
						     "one policy has it", text,
					to->policies[to->server_names[i].policy].name);
	return 0;
}

static int check_names(const struct mqg_check *check, const char *owner,
		       const struct raw_sni *from, size_t policy, struct mqg_listener *to)
{
	char path[MQG_PATH_MAX + 32];
	int err = 0;

	snprintf(path, sizeof(path), "%s.server_names", owner);
	if (!from->server_names_count)
		return complain(check, path, "missing: no client could ask for this policy; list "
					     "its host names");
	for (unsigned int i = 0; !err && i < from->server_names_count; i++) {
		snprintf(path, sizeof(path), "%s.server_names[%u]", owner, i);
		err = add_name(check, path, from->server_names[i], policy, to);
	}
	return err;
}

static int check_one(struct mqg_check *check, const char *owner, const struct raw_sni *from,
		     struct mqg_listener *to)
{
	size_t n = to->n_policies++;
	struct mqg_policy *policy = &to->policies[n];
	char path[MQG_PATH_MAX + 16];
	int err;

	snprintf(path, sizeof(path), "%s.name", owner);
	err = mqg_check_name(check, path, from->name);
	for (size_t i = 1; !err && i < n; i++)
		if (!strcmp(to->policies[i].name, from->name))
			err = complain(check, path, "\"%s\" is already the name of another policy "
						    "of this listener; choose another",
				       from->name);
	if (err)
		return err;
	if (asprintf(&policy->title, "%s/%s", to->name, from->name) < 0) {
		policy->title = NULL;
		return -ENOMEM;
	}
	policy->name = policy->title + strlen(to->name) + 1;
	err = check_names(check, owner, from, n, to);
	return err ? err : mqg_check_policy(check, owner, from->tls, from->identity, policy);
}

int mqg_check_sni(struct mqg_check *check, const char *owner, const struct raw_listener *from,
		  struct mqg_listener *to)
{
	char path[MQG_PATH_MAX];
	size_t names = 0;
	int err = 0;

	snprintf(path, sizeof(path), "%s.sni_unknown", owner);
	if (from->sni_unknown && !from->sni_count)
		return complain(check, path, "has no meaning without sni; leave it out");
	to->refuse_unknown = from->sni_unknown && *from->sni_unknown;
	for (unsigned int i = 0; i < from->sni_count; i++)
		names += from->sni[i].server_names_count;
	to->server_names = calloc(names + 1, sizeof(*to->server_names));
	if (!to->server_names)
		return -ENOMEM;
	for (unsigned int i = 0; !err && i < from->sni_count; i++) {
		snprintf(path, sizeof(path), "%s.sni[%u]", owner, i);
		err = check_one(check, path, &from->sni[i], to);
	}
	qsort(to->server_names, to->n_server_names, sizeof(*to->server_names),
	      mqg_server_name_order);
	return err;
}
