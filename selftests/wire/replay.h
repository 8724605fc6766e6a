/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The one map entry that replay.bpf.c and bpf_replay.c share: written in turns, the test runs
 * one packet at a time. No lock.
 */
#ifndef REPLAY_H
#define REPLAY_H

#include <mqgate/mqtt_wire.h>
#include <mqgate/tls_wire.h>

#define REPLAY_HEADER	14U	/* an XDP test run refuses less */
#define REPLAY_COPY	512U

struct replay {
	struct mqw_connect	connect;
	struct tlsw_hello	hello;
	struct mqw_connack	connack;
	__u8			copy[REPLAY_COPY];
	__u32			max;		/* in */
	__u32			status;		/* out: enum mqw_status */
	__u32			reason;
	__u8			level;		/* in */
	__u8			reserved[3];
};

#endif
