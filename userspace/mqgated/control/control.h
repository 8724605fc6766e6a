/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The control socket of docs/control-protocol.md. Main thread only, in the main loop; no lock. No
 * client can make it wait: sockets are non-blocking and every buffer is bounded.
 */
#ifndef MQG_CONTROL_H
#define MQG_CONTROL_H

#include <stddef.h>

#include "config/config.h"
#include "judge/judge.h"
#include "live/live.h"
#include "module/tracker.h"
#include "proxy/proxy.h"
#include "system/loop.h"

struct mqg_control;

/**
 * mqg_control_setup() - bind $MQGATE_RUN/control.sock, mode 0660, of the configured group
 * @control: out
 * @why:     out on error, a sentence with the remedy
 * @size:    of @why
 *
 * The caller holds the daemon's lock file, so a socket file that is there is a dead daemon's and is
 * replaced. Called while privileged. Return: 0 or -errno.
 */
int mqg_control_setup(struct mqg_live *live, struct mqg_judge *judge,
		      struct mqg_tracker *tracker, struct mqg_loop *loop,
		      struct mqg_control **control, char *why, size_t size);

/* Another configuration to tell of. */
void mqg_control_config(struct mqg_control *control, const struct mqg_config *config);

/* The proxy that status and sessions tell of; NULL while there is none. */
void mqg_control_proxy(struct mqg_control *control, struct mqg_proxy *proxy);

void mqg_control_teardown(struct mqg_control *control);

/* Lines that slow readers of events lost, in all. */
uint64_t mqg_control_events_lost(const struct mqg_control *control);

#endif
