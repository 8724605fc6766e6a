/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What clients have left behind: messages that were acknowledged to them from the journal, and that
 * no server has taken yet; identifiers of QoS 2 that they have not released. By broker and client
 * identifier, until the client comes back or the courier takes the messages. Shared by all workers,
 * behind one lock; touched when a session that stores begins or ends, never for a message.
 */
#ifndef MQG_HOLD_PARKED_H
#define MQG_HOLD_PARKED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "message/flows.h"
#include "message/keep.h"

struct mqg_parked;

/* An identifier that is still in use between a client and the gateway. */
struct mqg_parked_id {
	struct mqg_parked_id	*next;
	uint64_t		record;
	uint16_t		id;
};

/* Of one client. */
struct mqg_estate {
	struct mqg_kept		*first;		/* in their order */
	struct mqg_parked_id	*ids;
};

/* NULL: no memory. */
struct mqg_parked *mqg_parked_alloc(void);
void mqg_parked_free(struct mqg_parked *parked);

/*
 * Leaves @estate, which is empty afterwards, behind what is there. @now: CLOCK_MONOTONIC ns.
 * Without memory it is only on disk, until the next start.
 */
void mqg_parked_leave(struct mqg_parked *parked, const char *broker, const char *client,
		      struct mqg_estate *estate, uint64_t now);
/* Takes everything of a client. False: there is nothing. */
bool mqg_parked_take(struct mqg_parked *parked, const char *broker, const char *client,
		     struct mqg_estate *estate);
void mqg_estate_free(struct mqg_estate *estate);

/* One message for the courier, and of whom it is; @kept NULL: there is none. */
struct mqg_parcel {
	struct mqg_kept	*kept;
	char		*client;
};

/**
 * mqg_parked_next() - a message that another session may send
 * @broker: whose
 * @level:  of MQTT that the courier speaks: messages of 5, or of 3 and 4
 * @before: only of clients that have been away since then, CLOCK_MONOTONIC ns
 *
 * In the order of each client. QoS 2 of which a server may have seen the beginning is its client's
 * own, and what stands behind it waits: in the name of another it would arrive twice. What is
 * returned is the caller's, for mqg_parcel_free() or mqg_parked_return(). As quick with many
 * clients as with few.
 */
struct mqg_parcel mqg_parked_next(struct mqg_parked *parked, const char *broker, uint8_t level,
				  uint64_t before);
/* There is one. */
bool mqg_parked_waits(struct mqg_parked *parked, const char *broker, uint8_t level,
		      uint64_t before);
/*
 * It could not be sent: in front of what its client has left, which is as if left @now. Of several
 * the last comes first.
 */
void mqg_parked_return(struct mqg_parked *parked, const char *broker, struct mqg_parcel *parcel,
		       uint64_t now);
void mqg_parcel_free(struct mqg_parcel *parcel);

/* Messages for @broker that are here. */
uint64_t mqg_parked_count(struct mqg_parked *parked, const char *broker);

#endif
