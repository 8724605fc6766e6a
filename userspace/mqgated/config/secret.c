// SPDX-License-Identifier: BSD-2-Clause
/* Passwords of the configuration; see secret.h. */
#include "config/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/crypto.h>

#define SECRET_MAX	65535U		/* what a CONNECT can carry */

static int check_mode(int fd, const char *path, char *why, size_t size)
{
	struct stat st;

	if (fstat(fd, &st) || !S_ISREG(st.st_mode)) {
		snprintf(why, size, "%s is no regular file; name one", path);
		return -EINVAL;
	}
	if (!(st.st_mode & (S_IWGRP | S_IRWXO)))
		return 0;
	snprintf(why, size, "%s has mode %04o, so that others may read or change it; chmod 0640 it",
		 path, st.st_mode & 07777);
	return -EINVAL;
}

int mqg_secret_check(const char *path, char *why, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), err;

	if (fd < 0) {
		snprintf(why, size, "%s: %s", path, strerror(errno));
		return -EINVAL;
	}
	err = check_mode(fd, path, why, size);
	close(fd);
	return err;
}

int mqg_secret_read(const char *path, char **out, char *why, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), err;
	char *text = NULL;
	size_t len = 0;
	ssize_t n;

	if (fd < 0) {
		snprintf(why, size, "%s: %s; name a file that the daemon may read", path,
			 strerror(errno));
		return -EINVAL;
	}
	err = check_mode(fd, path, why, size);
	if (!err)
		text = calloc(1, SECRET_MAX + 2);
	if (!err && !text)
		err = -ENOMEM;
	while (!err && len <= SECRET_MAX && (n = read(fd, text + len, SECRET_MAX + 1 - len)) > 0)
		len += (size_t)n;
	close(fd);
	if (err) {
		free(text);
		return err;
	}
	len = strcspn(text, "\r\n");
	text[len] = '\0';
	*out = len && len <= SECRET_MAX ? strdup(text) : NULL;
	OPENSSL_cleanse(text, SECRET_MAX + 2);
	free(text);
	if (*out)
		return 0;
	if (len && len <= SECRET_MAX)
		return -ENOMEM;
	snprintf(why, size, "%s: its first line is %s; write the password there", path,
		 len ? "longer than MQTT can carry" : "empty");
	return -EINVAL;
}

void mqg_secret_free(char *secret)
{
	if (secret)
		OPENSSL_cleanse(secret, strlen(secret));
	free(secret);
}
