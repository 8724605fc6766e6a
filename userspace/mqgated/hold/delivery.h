/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the courier has under way on one accepted connection: messages of absent clients, until the
 * server has done with each. Made when the CONNECT is asked, and gone with the connection; on the
 * thread of the courier's worker.
 */
#ifndef MQG_HOLD_DELIVERY_H
#define MQG_HOLD_DELIVERY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <mqgate/mqtt_packet.h>

#include "hold/parked.h"
#include "message/terms.h"
#include "proxy/half.h"

/* Messages at once. */
#define MQG_DELIVERY_MAX	20U

/* From and to whoever has the messages. */
struct mqg_delivery_ops {
	/* The next one; ->kept NULL: there is none. */
	struct mqg_parcel	(*next)(void *owner);
	/*
	 * The server has done with @kept, and has taken it where @code is below 0x80. It is freed
	 * afterwards.
	 */
	void			(*done)(void *owner, const struct mqg_kept *kept, uint8_t code);
	/* It has not; of several the last one first. */
	void			(*back)(void *owner, struct mqg_parcel *parcel);
};

struct mqg_delivery_item {
	struct mqg_parcel	parcel;		/* ->kept NULL: the place is free */
	uint64_t		number;		/* rises as they are sent */
	bool			released;	/* QoS 2: the server has got PUBLISH */
	bool			gone;		/* and the socket has got PUBREL */
};

struct mqg_delivery {
	const struct mqg_delivery_ops *ops;
	void			*owner;
	struct mqg_half		up;		/* to the server */
	struct mqp_stream	down;
	struct mqg_terms	terms;		/* of the server */
	uint64_t		number;
	uint32_t		n, window;
	uint8_t			level;
	struct mqg_delivery_item items[MQG_DELIVERY_MAX];	/* identifiers are places, from 1 */
	uint8_t			room[4096];	/* for what is read */
};

/* NULL: no memory. @to: where it writes. */
struct mqg_delivery *mqg_delivery_alloc(const struct mqg_delivery_ops *ops, void *owner,
					struct mqg_stream *to, uint8_t level);

/* The server has accepted: @len bytes of its CONNACK are in the room. False: it is malformed. */
bool mqg_delivery_begin(struct mqg_delivery *delivery, size_t len);

/* Takes what the server has sent. False: it may not do that, or says that it goes. */
bool mqg_delivery_hear(struct mqg_delivery *delivery, const uint8_t *data, size_t len);

/* Sends what there is room for. False: the connection has failed. */
bool mqg_delivery_send(struct mqg_delivery *delivery);
/* Only what has begun. */
bool mqg_delivery_flush(struct mqg_delivery *delivery);

/*
 * Frees it; what is under way goes back. QoS 2 that was released counts as taken: the state of the
 * session is gone with it on either side, and what most servers have done by then is to deliver.
 * NULL is nothing.
 */
void mqg_delivery_free(struct mqg_delivery *delivery);

#endif
