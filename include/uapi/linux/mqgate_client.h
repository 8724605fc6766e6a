/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What the module says of one client: phases of a session and flags. It owns these
 * numbers; the module writes them, netlink, events, kfuncs and /proc show them. Numbers
 * are never reused (see mqgate.h).
 */
#ifndef _UAPI_LINUX_MQGATE_CLIENT_H
#define _UAPI_LINUX_MQGATE_CLIENT_H

/* Where a session stands. Words: MQGATE_PHASE_LIST, X(number, SYMBOL, "word", "meaning"). */
#define MQGATE_PHASE_LIST(X)								\
	X(1, HANDSHAKE,	"handshake",	"TLS service: handshake not finished as far as can be seen") \
	X(2, CONNECT,	"connect",	"no complete CONNECT yet")			\
	X(3, CONNACK,	"connack",	"CONNECT seen, the broker has not answered")	\
	X(4, CONNECTED,	"connected",	"the broker accepted, or the flow is older than the module") \
	X(5, CLOSING,	"closing",	"DISCONNECT or FIN seen")			\
	X(6, REFUSED,	"refused",	"refused by broker, module or daemon; nothing more may pass")

enum mqgate_phase {
	MQGATE_PHASE_NONE = 0,
#define MQGATE_PHASE_ENUM(number, symbol, word, text) MQGATE_PHASE_##symbol = number,
	MQGATE_PHASE_LIST(MQGATE_PHASE_ENUM)
#undef MQGATE_PHASE_ENUM
	MQGATE_PHASE_COUNT,
};

/* Flags of a client. The lower half is shown to user space, the upper is the module's own. */
#define MQGATE_CLIENT_F_LOCAL		(1U << 0)	/* ends in a socket of this host */
#define MQGATE_CLIENT_F_BRIDGED		(1U << 1)	/* seen on a bridge; neither bit: routed */
#define MQGATE_CLIENT_F_PICKUP		(1U << 2)	/* older than its entry */
#define MQGATE_CLIENT_F_UNVALIDATED	(1U << 3)	/* its bytes are not followed */
#define MQGATE_CLIENT_F_BOUND		(1U << 4)	/* the daemon bound an identity */
#define MQGATE_CLIENT_F_TLS		(1U << 5)	/* of a TLS service */
#define MQGATE_CLIENT_F_KILLED		(1U << 6)	/* to be reset at its next segment */
#define MQGATE_CLIENT_F_ID_CUT		(1U << 7)	/* its id is longer than kept */
#define MQGATE_CLIENT_F_ID_SHARED	(1U << 8)	/* took its id from one alive elsewhere */
#define MQGATE_CLIENT_F_BRIDGE		(1U << 9)	/* CONNECT carried the bridge bit */
#define MQGATE_CLIENT_F_SESSION_PRESENT	(1U << 10)	/* CONNACK: session present */
#define MQGATE_CLIENT_F_RECONNECT	(1U << 11)	/* took it from its own old one */
#define MQGATE_CLIENT_F_TWO_HOLDERS	(1U << 12)	/* its id is in use by two at once */

/* Why a source is told of: it has more than the settings say. */
#define MQGATE_SOURCE_OVER_SESSIONS	(1U << 0)
#define MQGATE_SOURCE_OVER_RATE		(1U << 1)

/* Longest part of a client identifier that is kept, bytes. */
#define MQGATE_CLIENT_ID_KEPT		256

/* Directions, as indices of every pair of counters. */
#define MQGATE_FROM_CLIENT		0
#define MQGATE_FROM_SERVER		1

#endif /* _UAPI_LINUX_MQGATE_CLIENT_H */
