/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The client's side of the control socket (docs/control-protocol.md). A struct mqg_control
 * belongs to one thread; requests go one after the other.
 */
#ifndef MQG_CONTROL_H
#define MQG_CONTROL_H

#include <stddef.h>

#include <jansson.h>

struct mqg_control {
	int	fd;		/* -1 = closed */
	char	*buf;		/* bytes that were read and not yet taken */
	size_t	len, room;
};

#define MQG_CONTROL_INIT	{ .fd = -1 }

/**
 * mqg_control_open() - connect to the daemon
 * @control: out; safe to pass to mqg_control_close() whatever is returned
 * @why:     buffer for a sentence, filled unless no daemon runs
 * @size:    of @why
 *
 * Return: 0, -ENOENT when no daemon runs (no socket, or nobody listens on it), -EACCES, or
 * another -errno.
 */
int mqg_control_open(struct mqg_control *control, char *why, size_t size);
void mqg_control_close(struct mqg_control *control);

/**
 * mqg_control_ask() - send one request and wait for its answer
 * @control: an open connection
 * @request: a JSON object; its reference is taken whatever is returned
 * @answer:  out, an object with "ok": true; give it back with json_decref()
 * @why:     buffer for what is wrong and the remedy, the daemon's own words if it refused
 * @size:    of @why
 *
 * Return: 0, -EREMOTEIO when the daemon refused, -ETIMEDOUT when it does not answer,
 * -EPROTO when what it says makes no sense, or another -errno.
 */
int mqg_control_ask(struct mqg_control *control, json_t *request, json_t **answer, char *why,
		    size_t size);

/**
 * mqg_control_line() - the next line of a stream of events
 * @control:    a connection that was asked for events
 * @timeout_ms: 0 takes only what is here already
 * @line:       out, a JSON object
 *
 * Return: 1 with a line, 0 when none came in time, -EPIPE when the daemon went away, -EPROTO,
 * or another -errno (-EINTR when a signal came).
 */
int mqg_control_line(struct mqg_control *control, int timeout_ms, json_t **line);

#endif
