/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Listening sockets from one process to the next: through the service manager, which opens them
 * itself (sd_listen_fds(3)) or keeps them over a restart (FDSTORE of sd_notify(3)), or directly
 * from a gateway that runs to the one that takes its place. Main thread.
 */
#ifndef MQG_HANDOVER_H
#define MQG_HANDOVER_H

#include <stddef.h>

struct mqg_config;
struct mqg_proxy;

/* Takes what the service manager has passed. */
void mqg_handover_given(void);

/* Gives the service manager the sockets of @config to keep; @before: whose were kept, or NULL. */
void mqg_handover_keep(struct mqg_proxy *proxy, const struct mqg_config *config,
		       const struct mqg_config *before);

/**
 * mqg_handover_ask() - take the sockets of the gateway that runs
 * @why:  out on error, a sentence with the remedy
 * @size: of @why
 *
 * It goes on to accept until this process has its lock file, which it gives up within seconds.
 * Return: 0 or -errno.
 */
int mqg_handover_ask(char *why, size_t size);

/* Answers that: sends the sockets. 0 or -errno. */
int mqg_handover_give(struct mqg_proxy *proxy, const struct mqg_config *config);

#endif
