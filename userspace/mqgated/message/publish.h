/* SPDX-License-Identifier: BSD-2-Clause */
/* What is in a PUBLISH that the parser has found good. Stateless. */
#ifndef MQG_MESSAGE_PUBLISH_H
#define MQG_MESSAGE_PUBLISH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct mqg_publish {
	const uint8_t	*topic;		/* topic_len 0: an alias stands for it */
	const uint8_t	*payload;
	size_t		topic_len;
	size_t		payload_here;	/* bytes of it that have come, ... */
	size_t		payload_len;	/* ... of so many */
	uint8_t		qos;
	bool		retain, dup;
};

/* @packet: from its first byte to its payload at least, @end: of the bytes that have come. */
void mqg_publish_read(struct mqg_publish *publish, uint8_t level, const uint8_t *packet,
		      const uint8_t *end);

#endif
