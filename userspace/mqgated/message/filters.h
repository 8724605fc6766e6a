/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a client has subscribed to, as it has said it: to say it again to another server. A table by
 * filter that grows with what is in it; part of a session's struct mqg_keep.
 */
#ifndef MQG_MESSAGE_FILTERS_H
#define MQG_MESSAGE_FILTERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct mqg_filter {
	uint16_t	len;
	uint8_t		options;	/* MQTT 5, 3.8.3.1; before: the QoS */
	uint32_t	properties;	/* bytes of them, behind the filter, without their length */
	uint8_t		text[];
};

struct mqg_filters {
	struct mqg_filter	**table;	/* open addressing; NULL = an empty place */
	uint32_t		n, size;	/* size: 0, or a power of two */
	uint32_t		bytes;		/* of what is in it */
};

/* Takes a copy in the place of what was there of that filter. 0 or -ENOMEM. */
int mqg_filter_set(struct mqg_filters *filters, const struct mqg_filter *head,
		   const uint8_t *filter, const uint8_t *properties);
void mqg_filter_remove(struct mqg_filters *filters, const uint8_t *filter, uint16_t len);
void mqg_filters_exit(struct mqg_filters *filters);

#endif
