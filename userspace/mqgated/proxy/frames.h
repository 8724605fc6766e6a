/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where MQTT packets end in a stream of bytes, and nothing else about them: a packet of our own may
 * only be put in between two others. It belongs to one direction of one session.
 */
#ifndef MQG_FRAMES_H
#define MQG_FRAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct mqg_frames {
	uint32_t	left;		/* bytes of the body still to come */
	uint32_t	partial;	/* what is known of a length */
	uint8_t		length;		/* bytes of it */
	bool		header;		/* inside of a fixed header */
	bool		lost;		/* a length that is none: no end is known any more */
};

/* Takes the next bytes. MQTT 5, 2.1.4: a length has at most four bytes. */
void mqg_frames_feed(struct mqg_frames *frames, const uint8_t *data, size_t len);

/* True where a packet has just ended, and at the beginning. */
static inline bool mqg_frames_between(const struct mqg_frames *frames)
{
	return !frames->left && !frames->header && !frames->lost;
}

#endif
