/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The proxy: listeners, one epoll worker a core, TLS, the first CONNECT, the relay. It owns every
 * client and broker socket. Control calls the functions below from the main thread.
 */
#ifndef MQG_PROXY_H
#define MQG_PROXY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/config.h"
#include "judge/judge.h"

struct mqg_proxy;

/* Opens sockets and TLS contexts (needs the privileges of start-up); no client is served yet. */
int mqg_proxy_setup(const struct mqg_config *config, struct mqg_judge *judge,
		    struct mqg_proxy **proxy, char *why, size_t size);
/* Starts the workers. */
int mqg_proxy_start(struct mqg_proxy *proxy);
/* Stops accepting, closes every session, joins the workers, frees all. */
void mqg_proxy_teardown(struct mqg_proxy *proxy);

struct mqg_listener_counts {
	uint64_t	accepted, refused, sessions, bytes_in, bytes_out;
};
void mqg_proxy_listener_counts(struct mqg_proxy *proxy, size_t listener,
			       struct mqg_listener_counts *counts);

struct mqg_broker_counts {
	uint64_t	connections, failures;
	bool		up;		/* the last attempt to connect worked, or none was made */
};
void mqg_proxy_broker_counts(struct mqg_proxy *proxy, size_t broker,
			     struct mqg_broker_counts *counts);

struct mqg_session_info {
	char		client_id[128];	/* cut with a "~" where longer; unprintable bytes as \xNN */
	char		identity[256];
	uint8_t		addr[16];
	uint16_t	port;
	uint64_t	since;		/* CLOCK_BOOTTIME ns */
	size_t		listener;
	bool		connected;	/* CONNACK said yes */
	bool		allowed;	/* ALLOW written */
};

typedef int (*mqg_session_fn)(const struct mqg_session_info *info, void *arg);
/* Calls @fn for a snapshot of the sessions; stops at its first non-zero answer and returns it. */
int mqg_proxy_session_each(struct mqg_proxy *proxy, mqg_session_fn fn, void *arg);

#endif
