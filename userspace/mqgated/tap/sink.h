/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where lines go: a file, a stream socket, or a broker by MQTT 3.1.1 with QoS 0. Lines are kept in
 * one buffer and written with one call; an endpoint that has gone is tried again every second, and
 * what was in the buffer is lost, so that no half of a line follows. The writing thread's; no lock.
 */
#ifndef MQG_TAP_SINK_H
#define MQG_TAP_SINK_H

#include <poll.h>

#include "config/tap.h"

#define MQG_SINK_BUFFER	(256U << 10)

enum mqg_sink_state {
	MQG_SINK_AWAY,		/* until retry_at */
	MQG_SINK_CONNECTING,
	MQG_SINK_GREETING,	/* MQTT: the CONNECT is on its way, or not answered yet */
	MQG_SINK_OPEN,
};

struct mqg_sink {
	const struct mqg_tap_config	*config;
	enum mqg_sink_state	state;
	int			fd;
	uint8_t			*data;		/* MQG_SINK_BUFFER */
	size_t			off, len;	/* data[off..len) is still to be written */
	uint32_t		lines;		/* in that, from data[0] on */
	uint64_t		sent, lost;	/* lines ever */
	uint8_t			answer[4];	/* MQTT: so far */
	size_t			answered;
	uint64_t		retry_at, quiet_since;	/* CLOCK_MONOTONIC ns */
	bool			told;		/* that it is away */
};

/* 0 or -ENOMEM. */
int mqg_sink_init(struct mqg_sink *sink, const struct mqg_tap_config *config);
void mqg_sink_exit(struct mqg_sink *sink);

/* Does what can be done at @now. */
void mqg_sink_run(struct mqg_sink *sink, uint64_t now);
/* What it waits for. */
struct pollfd mqg_sink_wants(const struct mqg_sink *sink);
/* True where @line was taken. It is written by the next mqg_sink_run(). */
bool mqg_sink_put(struct mqg_sink *sink, const char *line);

static inline bool mqg_sink_empty(const struct mqg_sink *sink)
{
	return sink->off == sink->len;
}

#endif
