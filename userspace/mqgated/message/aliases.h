/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Topic aliases of one direction (MQTT 5, 3.3.2.3.4). They are resolved before anything is asked of
 * a topic; the receiver is told them, too, but for those of messages that it did not get. Part of
 * a session's ledger, see ledger.h.
 */
#ifndef MQG_MESSAGE_ALIASES_H
#define MQG_MESSAGE_ALIASES_H

#include <stdbool.h>
#include <stdint.h>

struct mqg_alias {
	uint8_t		*topic;		/* NULL = not set */
	uint16_t	len;
	bool		told;		/* the receiver knows it */
};

struct mqg_aliases {
	struct mqg_alias *table;	/* by number; [0] is not used */
	uint32_t	size;
	uint32_t	bytes;		/* of the topics */
};

void mqg_aliases_exit(struct mqg_aliases *aliases);

/* NULL: it is not set. */
struct mqg_alias *mqg_alias_find(struct mqg_aliases *aliases, uint16_t number);

/* Most bytes of the topics of one direction. */
#define MQG_ALIASES_MAX	(256U << 10)

/*
 * Sets it, unknown to the receiver. NULL: no memory, or MQG_ALIASES_MAX reached. @most: the largest
 * number that may come.
 */
struct mqg_alias *mqg_alias_set(struct mqg_aliases *aliases, uint16_t number, uint16_t most,
				const uint8_t *topic, uint16_t len);

#endif
