/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Files in the syntax of mosquitto's acl_file (mosquitto.conf(5)): a line after the other, so that
 * their size does not matter. Called by the loader of the configuration and by the command.
 */
#ifndef MQG_POLICY_ACL_H
#define MQG_POLICY_ACL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum mqg_acl_kind {
	MQG_ACL_USER,		/* a section begins */
	MQG_ACL_TOPIC,		/* of the section; of who has no username before the first */
	MQG_ACL_PATTERN,	/* of all, with %c and %u */
};

struct mqg_acl_line {
	unsigned int		number;
	enum mqg_acl_kind	kind;
	char			*text;		/* the username, the topic filter */
	uint8_t			rights;		/* bits of enum mqg_right */
	bool			deny;
};

/* Return: 0 to go on, or -errno; -EINVAL with *wrong is complained about by line. */
typedef int (*mqg_acl_fn)(const struct mqg_acl_line *line, const char **wrong, void *arg);

/**
 * mqg_acl_read() - read a file of mosquitto's
 * @path: the file
 * @fn:   called with every line that says something
 * @arg:  its argument
 * @why:  buffer for "FILE:LINE: what is wrong; remedy"
 * @size: of @why
 *
 * read is to subscribe and to receive; write is to publish, wills and retained messages.
 * Return: 0 or -EINVAL, -ENOENT, -EACCES, -ENOMEM.
 */
int mqg_acl_read(const char *path, mqg_acl_fn fn, void *arg, char *why, size_t size);

#endif
