/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the daemon gives up once its sockets and files are open. Called by main() before the workers
 * start, so that every thread inherits it.
 */
#ifndef MQG_SYSTEM_PRIVILEGES_H
#define MQG_SYSTEM_PRIVILEGES_H

#include <stddef.h>
#include <stdint.h>

#include "config/config.h"

/* Raises the limit of open files to what the service manager permits. Return: the limit. */
uint64_t mqg_privileges_files(void);

/**
 * mqg_privileges_drop() - become the configured user with the documented capabilities
 * @config: user; and ports, for CAP_NET_BIND_SERVICE
 * @why:    out on error, a sentence with the remedy
 * @size:   of @why
 *
 * Started as root: the user's ids and groups, CAP_NET_ADMIN, and CAP_NET_BIND_SERVICE where a port
 * of the configuration is below 1024; an empty bounding set. Started as somebody else: the same
 * capabilities where they are there, none besides. Always no_new_privs and no core dumps.
 * Return: 0 or -errno.
 */
int mqg_privileges_drop(const struct mqg_config *config, char *why, size_t size);

/*
 * Allows only the system calls that the daemon and its libraries make. What is not on the list
 * answers EPERM, so that a library that tries something new can fall back; what only an intruder
 * would call (execve, ptrace, mount, modules, ...) kills the process. Return: 0 or -errno.
 */
int mqg_seccomp_install(void);

#endif
