/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The file of local revocations in the state directory: a line each, "KIND SECONDS VALUE", a tab,
 * and the operator's text. Read at the start, replaced as a whole with every change. Main thread.
 */
#include "revoke/revoked.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/state.h"

#define FILE_NAME	"revoked"
#define LINE_LONGEST	1024

static const char head[] =
	"# mqgate: certificates revoked on this gateway; see mqgate(8), revoke\n";

static const char *file_path(char path[512], const char *suffix)
{
	char dir[448];

	mqg_state_dir(dir, sizeof(dir));
	snprintf(path, 512, "%s/" FILE_NAME "%s", dir, suffix);
	return path;
}

static int append(struct mqg_revoked *list, size_t *room, const struct mqg_revocation *item)
{
	struct mqg_revocation *more;

	if (list->n == *room) {
		*room = *room ? *room * 2 : 64;
		more = reallocarray(list->item, *room, sizeof(*more));
		if (!more)
			return -ENOMEM;
		list->item = more;
	}
	list->item[list->n++] = *item;
	return 0;
}

/* One line into @list. Return: 0, -EINVAL or -ENOMEM. */
static int take_line(char *line, struct mqg_revoked *list, size_t *room)
{
	char *rest, *kind = strtok_r(line, " ", &rest), *since = strtok_r(NULL, " ", &rest);
	char *value = strtok_r(NULL, "\t", &rest), *end;
	int err, number = kind ? mqg_revoked_parse(kind) : -1;
	struct mqg_revocation item;

	if (number < 0 || !since || !value)
		return -EINVAL;
	item.kind = (enum mqg_revoked_kind)number;
	item.since = strtoll(since, &end, 10);
	if (*end)
		return -EINVAL;
	err = mqg_revoked_normal(item.kind, value, &item.value);
	if (err)
		return err;
	item.text = strdup(rest ? rest : "");
	err = item.text ? append(list, room, &item) : -ENOMEM;
	if (err) {
		free(item.value);
		free(item.text);
	}
	return err;
}

static int compare(const void *a, const void *b)
{
	const struct mqg_revocation *one = a, *other = b;

	if (one->kind != other->kind)
		return one->kind < other->kind ? -1 : 1;
	return strcmp(one->value, other->value);
}

static int read_lines(FILE *file, const char *path, struct mqg_revoked *list, char *why,
		      size_t size)
{
	char line[LINE_LONGEST];
	unsigned int number = 0;
	size_t room = 0;
	int err = 0;

	while (!err && fgets(line, sizeof(line), file)) {
		number++;
		line[strcspn(line, "\n")] = '\0';
		if (line[0] && line[0] != '#')
			err = take_line(line, list, &room);
	}
	if (list->n)
		qsort(list->item, list->n, sizeof(*list->item), compare);
	if (err == -EINVAL)
		snprintf(why, size, "%s:%u: no revocation; correct the line, or take it out if it "
				    "is to hold no longer", path, number);
	return err;
}

int mqg_revoked_load(struct mqg_revoked **out, char *why, size_t size)
{
	char path[512];
	FILE *file = fopen(file_path(path, ""), "re");
	int err;

	*out = NULL;
	if (!file && errno == ENOENT)
		return 0;
	if (!file) {
		err = -errno;
		snprintf(why, size, "%s: %s; mqgated must be able to read it", path,
			 strerror(-err));
		return err;
	}
	*out = calloc(1, sizeof(**out));
	err = *out ? read_lines(file, path, *out, why, size) : -ENOMEM;
	fclose(file);
	if (err) {
		mqg_revoked_free(*out);
		*out = NULL;
	}
	return err;
}

static int write_all(const struct mqg_revoked *list, const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640), err = 0;
	FILE *file = fd < 0 ? NULL : fdopen(fd, "w");

	if (!file) {
		err = -errno;
		if (fd >= 0)
			close(fd);
		return err;
	}
	fputs(head, file);
	for (size_t i = 0; list && i < list->n; i++)
		fprintf(file, "%s %lld %s\t%s\n", mqg_revoked_word(list->item[i].kind),
			(long long)list->item[i].since, list->item[i].value, list->item[i].text);
	if (fflush(file) || fsync(fd))
		err = -errno;
	if (fclose(file) && !err)
		err = -errno;
	return err;
}

int mqg_revoked_store(const struct mqg_revoked *list, char *why, size_t size)
{
	char path[512], fresh[512];
	int err = write_all(list, file_path(fresh, ".new"));

	file_path(path, "");
	if (!err && rename(fresh, path))
		err = -errno;
	if (!err)
		return 0;
	unlink(fresh);
	snprintf(why, size, "%s: %s; make its directory writable for mqgated's group, or name "
			    "another one in MQGATE_STATE", path, strerror(-err));
	return err;
}
