/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A connection of the gateway's own to a server: it is made, TLS is spoken where the broker wants
 * that, and, where its owner asks, a CONNECT is accepted. For the health checks and the courier,
 * which have it in a structure of theirs; on the thread of their worker.
 */
#ifndef MQG_VISIT_H
#define MQG_VISIT_H

#include <stddef.h>
#include <stdint.h>

#include <mqgate/mqtt_wire.h>

#include "proxy/stream.h"
#include "upstream/pool.h"

enum mqg_visit_stage { MQG_VISIT_IDLE, MQG_VISIT_DIALS, MQG_VISIT_SECURES, MQG_VISIT_MADE,
		       MQG_VISIT_ASKS, MQG_VISIT_ACCEPTED };

struct mqg_visit {
	struct mqg_stream	stream;		/* its watch is the owner's */
	enum mqg_visit_stage	stage;
	struct mqw_connack	connack;
	uint8_t			*room;		/* the owner's, for what the server answers */
	size_t			size, filled;
};

/* Whom it is to; of the configuration in force, for each call anew. */
struct mqg_visit_to {
	const struct mqg_broker		*broker;
	const struct mqg_server		*server;
	struct mqg_server_state		*state;
	SSL_CTX				*tls;	/* NULL = clear text */
};

/* Begins, with a stream that is closed; @ready is called by epoll's word. 0 or -errno. */
int mqg_visit_begin(struct mqg_visit *visit, const struct mqg_visit_to *to, uint32_t mark, int epfd,
		    void (*ready)(struct mqg_watch *watch, uint32_t events));

/**
 * mqg_visit_step() - goes on as far as it can without waiting
 * @visit: that has begun; mqg_stream_wake() was called
 * @to:    as it began
 * @why:   out on error: in words that need no freeing
 *
 * Return: 0 where the connection is made (MQG_VISIT_MADE), or the CONNECT accepted
 * (MQG_VISIT_ACCEPTED: the CONNACK is in the room, and perhaps what came behind it); -EAGAIN; or
 * another -errno: it has failed, -EACCES: because the server says no.
 */
int mqg_visit_step(struct mqg_visit *visit, const struct mqg_visit_to *to, const char **why);

/* What a CONNECT says. */
struct mqg_visit_name {
	const char	*client_id;
	uint8_t		level;		/* of MQTT, 4 or 5 */
	uint16_t	keep_alive;	/* s */
	uint8_t		*room;		/* for the answer; stays until the visit is over */
	size_t		size;
};

/*
 * Sends a CONNECT, for a session that ends with the connection, with the broker's credentials. 0,
 * or -errno and @why.
 */
int mqg_visit_ask(struct mqg_visit *visit, const struct mqg_visit_to *to,
		  const struct mqg_visit_name *name, const char **why);

/* Harmless where there is none. */
void mqg_visit_close(struct mqg_visit *visit);

#endif
