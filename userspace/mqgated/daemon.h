/* SPDX-License-Identifier: BSD-2-Clause */
/* The running daemon: start, main loop, stop. Called by main(). */
#ifndef MQG_DAEMON_H
#define MQG_DAEMON_H

#include "config/config.h"

/*
 * Runs until a signal says stop. @config is taken over. @take_over: a gateway runs already, and
 * this one takes its place. Return: 0, or -errno after a message in the log.
 */
int mqg_daemon_run(struct mqg_config *config, bool take_over);

#endif
