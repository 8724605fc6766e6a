/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The module asked by a BPF program: what it knows of a flow. It owns the struct that crosses and
 * its numbers; kmod/kfunc.c fills it in, bpf/mqgate_ext.bpf.c reads it.
 *
 * Stability. As with every kfunc there is no promise to programs of others: call and struct may
 * change with a version of mqgate. The struct's size is checked at each call, so that a program
 * of another version is refused an answer and never given a wrong one.
 */
#ifndef _UAPI_LINUX_MQGATE_ASK_H
#define _UAPI_LINUX_MQGATE_ASK_H

#include <linux/mqgate.h>
#include <linux/mqgate_client.h>

enum mqgate_known {
	/* This is no service of the module, or its table is full: it will not know either. */
	MQGATE_KNOWN_UNFOLLOWED	= 0,
	/* It would know, had it seen the handshake. */
	MQGATE_KNOWN_NOTHING	= 1,
	/* SYN and SYN-ACK went by; `next` is the first payload byte. SYNs can be forged. */
	MQGATE_KNOWN_HANDSHAKE	= 2,
	/* Older than the module; the server has answered this client with fitting numbers. */
	MQGATE_KNOWN_OLDER	= 3,
	/* It has an entry. */
	MQGATE_KNOWN_CLIENT	= 4,
};

/* mqgate_ask.state */
#define MQGATE_ASK_F_BEGUN	(1U << 0)	/* payload of the client went by in order */

/* What is asked, and answered; all zero before the call. Fields a `known` has not are zero. */
struct mqgate_ask {
	enum mqgate_known	known;
	__u32			next;		/* TCP number of the client's next byte in order */
	__u32			flags;		/* MQGATE_CLIENT_F_* of an entry */
	enum mqgate_phase	phase;		/* of an entry */
	enum mqgate_reason	reason;		/* of its last violation, or why it is refused */
	__u32			state;		/* MQGATE_ASK_F_* */
	__u32			reserved[2];	/* zero */
};

MQGATE_ASSERT_SIZE(enum mqgate_known, 4);
MQGATE_ASSERT_SIZE(enum mqgate_phase, 4);
MQGATE_ASSERT_SIZE(struct mqgate_ask, 32);

#endif /* _UAPI_LINUX_MQGATE_ASK_H */
