// SPDX-License-Identifier: BSD-2-Clause
/* Files in the syntax of mosquitto's acl_file; see acl.h. */
#include "policy/acl.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/rights.h"

#define READ	(1U << MQG_MAY_SUBSCRIBE | 1U << MQG_MAY_RECEIVE)
#define WRITE	(1U << MQG_MAY_PUBLISH | 1U << MQG_MAY_WILL | 1U << MQG_MAY_RETAIN)

static const struct {
	const char	*word;
	uint8_t		rights;
	bool		deny;
} accesses[] = {
	{ "read", READ, false },
	{ "write", WRITE, false },
	{ "readwrite", READ | WRITE, false },
	{ "deny", READ | WRITE, true },
};

static char *skip_blanks(char *text)
{
	return text + strspn(text, " \t");
}

/* What follows "topic" or "pattern": a filter, with a word of access in front of it or not. */
static int read_filter(char *text, struct mqg_acl_line *line, const char **wrong)
{
	size_t len = strcspn(text, " \t");
	char *rest = skip_blanks(text + len);

	line->rights = READ | WRITE;
	line->deny = false;
	line->text = text;
	*wrong = *text ? NULL : "there is no topic; write one";
	if (!*text || !*rest)
		return *text ? 0 : -EINVAL;
	text[len] = '\0';
	line->text = rest;
	for (size_t i = 0; i < sizeof(accesses) / sizeof(accesses[0]); i++) {
		if (strcmp(text, accesses[i].word))
			continue;
		line->rights = accesses[i].rights;
		line->deny = accesses[i].deny;
		return 0;
	}
	*wrong = "is no access; write read, write, readwrite or deny";
	line->text = text;
	return -EINVAL;
}

/* Return: 1: it says nothing. */
static int parse(char *text, struct mqg_acl_line *line, const char **wrong)
{
	static const struct {
		const char		*word;
		enum mqg_acl_kind	kind;
	} words[] = {
		{ "user", MQG_ACL_USER },
		{ "topic", MQG_ACL_TOPIC },
		{ "pattern", MQG_ACL_PATTERN },
	};
	size_t len = strlen(text), i;

	while (len && strchr(" \t\r\n", text[len - 1]))
		text[--len] = '\0';
	text = skip_blanks(text);
	if (!*text || *text == '#')
		return 1;
	len = strcspn(text, " \t");
	line->text = skip_blanks(text + len);
	text[len] = '\0';
	for (i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (!strcmp(text, words[i].word))
			break;
	if (i == sizeof(words) / sizeof(words[0])) {
		line->text = text;
		*wrong = "is not known; a line begins with user, topic, pattern or #";
		return -EINVAL;
	}
	line->kind = words[i].kind;
	if (line->kind != MQG_ACL_USER)
		return read_filter(line->text, line, wrong);
	*wrong = "there is no username; write one";
	return *line->text ? 0 : -EINVAL;
}

int mqg_acl_read(const char *path, mqg_acl_fn fn, void *arg, char *why, size_t size)
{
	struct mqg_acl_line line = { .number = 0 };
	FILE *file = fopen(path, "re");
	char *text = NULL;
	size_t room = 0;
	int err = 0;

	if (!file) {
		err = errno == ENOENT || errno == EACCES ? -errno : -EINVAL;
		snprintf(why, size, "%s: %s; name a file that the daemon may read", path,
			 strerror(errno));
		return err;
	}
	while (!err) {
		const char *wrong = NULL;
		ssize_t n = getline(&text, &room, file);

		if (n < 0)
			break;
		line.number++;
		line.text = text;
		if (memchr(text, 0, (size_t)n)) {
			wrong = "a byte of zero; remove it";
			err = -EINVAL;
		} else {
			err = parse(text, &line, &wrong);
		}
		if (err == 1)
			err = 0;
		else if (!err)
			err = fn(&line, &wrong, arg);
		if (err == -EINVAL)
			snprintf(why, size, "%s:%u: %s%s%s%s", path, line.number,
				 *line.text ? "\"" : "", line.text, *line.text ? "\" " : "",
				 wrong ? wrong : "cannot be said");
	}
	if (!err && ferror(file)) {
		snprintf(why, size, "%s: cannot be read: %s", path, strerror(errno));
		err = -EINVAL;
	}
	free(text);
	fclose(file);
	return err;
}
