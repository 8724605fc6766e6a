// SPDX-License-Identifier: BSD-2-Clause
/* Reading ticket keys; see ticketfile.h. Main thread; no lock. */
#include "config/ticketfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/crypto.h>

#define LINE_LONGEST	1024
#define REMEDY		"write one with: openssl rand -hex 80"

static int digit(char c)
{
	return OPENSSL_hexchar2int((unsigned char)c);
}

static bool read_key(const char *line, struct mqg_ticket_key *key)
{
	uint8_t *out = (uint8_t *)key;

	if (strlen(line) != 2 * sizeof(*key))
		return false;
	for (size_t i = 0; i < sizeof(*key); i++) {
		int high = digit(line[2 * i]), low = digit(line[2 * i + 1]);

		if (high < 0 || low < 0)
			return false;
		out[i] = (uint8_t)(high << 4 | low);
	}
	return true;
}

static int take_line(const char *line, struct mqg_ticket_file *file, const char **wrong)
{
	struct mqg_ticket_key *key = &file->key[file->n];

	if (file->n == MQG_TICKET_KEYS) {
		*wrong = "more than 16 keys; take the oldest out";
		return -EINVAL;
	}
	if (!read_key(line, key)) {
		*wrong = "no key of 160 hex digits; " REMEDY;
		return -EINVAL;
	}
	for (size_t i = 0; i < file->n; i++) {
		if (!memcmp(file->key[i].name, key->name, sizeof(key->name))) {
			*wrong = "the first 32 digits are those of a key above; " REMEDY;
			return -EINVAL;
		}
	}
	file->n++;
	return 0;
}

static int take_lines(FILE *in, const char *path, struct mqg_ticket_file *file, char *why,
		      size_t size)
{
	const char *wrong = NULL;
	char line[LINE_LONGEST];
	unsigned int number = 0;
	int err = 0;

	while (!err && fgets(line, sizeof(line), in)) {
		number++;
		line[strcspn(line, "\r\n")] = '\0';
		if (line[0] && line[0] != '#')
			err = take_line(line, file, &wrong);
	}
	OPENSSL_cleanse(line, sizeof(line));
	if (err)
		snprintf(why, size, "%s:%u: %s", path, number, wrong);
	else if (!file->n)
		snprintf(why, size, "%s: holds no key; " REMEDY " > %s", path, path);
	return file->n ? err : -EINVAL;
}

static int check_mode(int fd, const char *path, char *why, size_t size)
{
	struct stat st;

	if (fstat(fd, &st) || !S_ISREG(st.st_mode)) {
		snprintf(why, size, "%s: is no regular file; " REMEDY " > FILE", path);
		return -EINVAL;
	}
	if (st.st_mode & (S_IWGRP | S_IRWXO)) {
		snprintf(why, size, "%s: mode %04o lets others read or write it, and who has it "
				    "can be any device; chmod 0640, group mqgate", path,
			 (unsigned int)st.st_mode & 07777);
		return -EINVAL;
	}
	return 0;
}

int mqg_ticket_file_load(const char *path, struct mqg_ticket_file **out, char *why, size_t size)
{
	struct mqg_ticket_file *file = calloc(1, sizeof(*file));
	FILE *in = file ? fopen(path, "re") : NULL;
	int err;

	*out = NULL;
	if (!file)
		return -ENOMEM;
	if (!in) {
		snprintf(why, size, "%s: %s; %s", path, strerror(errno),
			 errno == EACCES ? "mqgated must be able to read it, as root when it "
					   "starts and as its user when it reloads"
					 : REMEDY " > FILE");
		free(file);
		return -EINVAL;
	}
	/* Otherwise a copy of the keys stays in stdio's buffer. */
	setvbuf(in, NULL, _IONBF, 0);
	err = check_mode(fileno(in), path, why, size);
	if (!err)
		err = take_lines(in, path, file, why, size);
	fclose(in);
	if (err)
		mqg_ticket_file_free(file);
	else
		*out = file;
	return err;
}

void mqg_ticket_file_free(struct mqg_ticket_file *file)
{
	if (!file)
		return;
	OPENSSL_cleanse(file, sizeof(*file));
	free(file);
}
