// SPDX-License-Identifier: BSD-2-Clause
/*
 * `mqgate policy import`: an ACL file of mosquitto's as policies of ours, in YAML on stdout.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "mqgate/policy.h"
#include "policy/acl.h"
#include "policy/level.h"
#include "policy/rights.h"

#define READ	(1U << MQG_MAY_RECEIVE)
#define WRITE	(1U << MQG_MAY_PUBLISH)

struct import {
	bool			patterns;	/* they are written by a second reading */
	bool			begun;		/* the policy of this section is there */
	const char		*path;
	char			user[256];
	unsigned int		line;		/* of the section */
};

/* In double quotes. In patterns what fnmatch(3) has a meaning for gets a backslash. */
static void quote(const char *text, bool pattern)
{
	putchar('"');
	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;

		if (pattern && strchr("*?[\\", c))
			printf("\\\\");
		if (c < 0x20 || c == 0x7f)
			printf("\\x%02x", c);
		else
			printf(c == '"' || c == '\\' ? "\\%c" : "%c", c);
	}
	putchar('"');
}

static void print_rule(const struct mqg_acl_line *line, const char *topic)
{
	printf("      - {%s: [%s%s%s], topics: [", line->deny ? "deny" : "allow",
	       line->rights & WRITE ? "publish, will, retain" : "",
	       line->rights & WRITE && line->rights & READ ? ", " : "",
	       line->rights & READ ? "subscribe, receive" : "");
	quote(topic, false);
	printf("]}\n");
}

static void begin_policy(struct import *import)
{
	if (import->begun)
		return;
	import->begun = true;
	if (import->patterns) {
		printf("  - name: \"patterns\"\n");
	} else {
		char name[300];

		snprintf(name, sizeof(name), "%s (line %u)", import->user, import->line);
		printf("  - name: ");
		quote(name, false);
		printf("\n    match: {username: [");
		quote(import->user, true);
		printf("]}\n");
	}
	printf("    rules:\n      - {allow: [connect]}\n");
}

/* %c and %u in the words of ours. Return: false: too long. */
static bool translate(const char *pattern, char *out, size_t size)
{
	size_t len = 0;

	for (; *pattern && len < size; pattern++) {
		const char *variable = pattern[0] != '%' ? NULL :
				       pattern[1] == 'c' ? "${client_id}" :
				       pattern[1] == 'u' ? "${username}" : NULL;

		if (variable)
			pattern++;
		len += (size_t)snprintf(out + len, size - len, variable ? "%s" : "%.1s",
					variable ? variable : pattern);
	}
	return len < size;
}

static int take(const struct mqg_acl_line *line, const char **wrong, void *arg)
{
	struct import *import = arg;
	const char *topic = line->text;
	char text[4096];

	if (line->kind == MQG_ACL_USER) {
		import->begun = import->patterns && import->begun;
		import->line = line->number;
		snprintf(import->user, sizeof(import->user), "%s", line->text);
		return 0;
	}
	if (mqg_filter_check(line->text, wrong))
		return -EINVAL;
	if ((line->kind == MQG_ACL_PATTERN) != import->patterns)
		return 0;
	if (!import->patterns && !import->line) {
		printf("# %s:%u: of clients without a username, whom match cannot name: %s\n",
		       import->path, line->number, line->text);
		return 0;
	}
	if (strstr(topic, "${")) {
		printf("# %s:%u: \"${\" begins a variable here: %s\n", import->path, line->number,
		       topic);
		return 0;
	}
	if (import->patterns && !translate(topic, text, sizeof(text))) {
		printf("# %s:%u: too long\n", import->path, line->number);
		return 0;
	}
	begin_policy(import);
	print_rule(line, import->patterns ? text : topic);
	return 0;
}

int mqg_policy_import(const struct mqg_cmd *cmd, int argc, char **argv)
{
	struct import import = { .patterns = false };
	char why[512];
	int err;

	(void)cmd;
	if (argc != 2 || strcmp(argv[0], "mosquitto"))
		return mqg_misuse("policy import: write mosquitto and its ACL file");
	import.path = argv[1];
	printf("# Of %s. In mosquitto everybody may connect, and subscribe to\n"
	       "# anything: what he may not read is not delivered. Here a subscription has to lie\n"
	       "# within what is allowed. A long list is better left where it is: acl_file of a\n"
	       "# policy reads it.\n"
	       "policies:\n", argv[1]);
	err = mqg_acl_read(argv[1], take, &import, why, sizeof(why));
	if (!err) {
		import = (struct import){ .patterns = true, .path = argv[1] };
		err = mqg_acl_read(argv[1], take, &import, why, sizeof(why));
	}
	return err ? mqg_refuse("%s", err == -ENOMEM ? "out of memory" : why) : MQG_DONE;
}
