/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reading of a configuration, in three passes over one text: structure and lines (libyaml), schema
 * (libcyaml), meaning (the caller's). Main thread; no lock.
 */
#include "config/read.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include "config/complain.h"
#include "config/lines.h"
#include "config/numbers.h"
#include "config/schema.h"

#define FILE_MAX	(8U << 20)

static int read_text(const char *path, char **text, size_t *size, char *why, size_t wsize)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;
	size_t have = 0;
	ssize_t n = 0;
	char *buf;

	if (fd < 0) {
		int err = -errno;

		snprintf(why, wsize, "%s: %s; name a configuration that can be read", path,
			 strerror(-err));
		return err == -ENOENT || err == -EACCES ? err : -EINVAL;
	}
	if (fstat(fd, &st) || !S_ISREG(st.st_mode) || st.st_size > FILE_MAX) {
		snprintf(why, wsize, "%s: not a regular file of at most %u MiB; name one", path,
			 FILE_MAX >> 20);
		close(fd);
		return -EINVAL;
	}
	buf = malloc((size_t)st.st_size + 1);
	if (!buf) {
		close(fd);
		return -ENOMEM;
	}
	while (have < (size_t)st.st_size &&
	       (n = read(fd, buf + have, (size_t)st.st_size - have)) > 0)
		have += (size_t)n;
	close(fd);
	if (n < 0) {
		snprintf(why, wsize, "%s: cannot be read: %s", path, strerror(errno));
		free(buf);
		return -EINVAL;
	}
	buf[have] = '\0';
	*text = buf;
	*size = have;
	return 0;
}

static int check_text(const char *path, const char *text, size_t size,
		      const struct mqg_config *before, struct mqg_config *config,
		      mqg_check_fn fn, char *why, size_t wsize)
{
	struct mqg_cyaml_log log = { .n_steps = 0 };
	const cyaml_config_t cyaml = {
		.log_fn = mqg_cyaml_log,
		.log_ctx = &log,
		.mem_fn = cyaml_mem,
		.log_level = CYAML_LOG_ERROR,
		.flags = CYAML_CFG_NO_ALIAS,
	};
	struct mqg_check check = {
		.complaint = { .file = path, .why = why, .size = wsize },
		.config = config,
		.before = before,
	};
	struct raw_config *raw = NULL;
	struct mqg_lines *lines = NULL;
	char problem[384];
	unsigned int line = 1;
	cyaml_err_t bad;
	int err;

	err = mqg_lines_read(text, size, &lines, &line, problem, sizeof(problem));
	if (err == -EINVAL)
		snprintf(why, wsize, "%s:%u: %s", path, line, problem);
	if (err)
		return err;
	check.complaint.lines = lines;
	bad = cyaml_load_data((const uint8_t *)text, size, &cyaml, &mqg_config_schema,
			      (cyaml_data_t **)&raw, NULL);
	if (bad == CYAML_ERR_OOM)
		err = -ENOMEM;
	else if (bad != CYAML_OK)
		err = mqg_complain_schema(&check.complaint, &log, &mqg_config_schema, bad);
	else if (!raw)
		err = mqg_complain(&check.complaint, "", "the file is empty; see the example "
							 "configuration");
	if (!err)
		err = mqg_numbers_check(&check.complaint, &mqg_config_schema);
	if (!err) {
		check.raw = raw;
		err = fn(&check);
	}
	for (unsigned int i = 0; raw && i < raw->brokers_count; i++)
		if (raw->brokers[i].password)
			OPENSSL_cleanse(raw->brokers[i].password, strlen(raw->brokers[i].password));
	if (raw)
		cyaml_free(&cyaml, &mqg_config_schema, raw, 0);
	mqg_lines_free(lines);
	return err;
}

int mqg_config_read(const char *path, const struct mqg_config *before, struct mqg_config *config,
		    mqg_check_fn fn, char *why, size_t size)
{
	char *text = NULL;
	size_t len = 0;
	int err;

	if (size)
		why[0] = '\0';
	err = read_text(path, &text, &len, why, size);
	if (!err)
		err = check_text(path, text, len, before, config, fn, why, size);
	if (text)
		OPENSSL_cleanse(text, len);
	free(text);
	if (err == -ENOMEM)
		snprintf(why, size, "%s: out of memory", path);
	return err;
}
