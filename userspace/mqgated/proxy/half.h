/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Half of a relay, one direction: bytes from one connection to the other. Nothing is read while
 * some are kept for a slow receiver, so that they are at most what one chunk became. While nothing
 * is kept there is no buffer. It belongs to one session and is touched by that session's worker
 * only.
 */
#ifndef MQG_HALF_H
#define MQG_HALF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "proxy/stream.h"

/* Most bytes read at once. */
#define MQG_CHUNK	16384U
/* Reads of one direction before other sessions get their turn. */
#define MQG_ROUNDS	16U

enum mqg_pump {
	MQG_PUMP_WAIT,		/* a connection has to become ready first */
	MQG_PUMP_MORE,		/* there may be more; let others work first */
	MQG_PUMP_END,		/* the end came and everything was written */
	MQG_PUMP_READ_FAILED,
	MQG_PUMP_WRITE_FAILED,
	MQG_PUMP_REFUSED,	/* take() has found something that may not pass */
};

struct mqg_half {
	struct mqg_stream	*from, *to;
	/* Looks at what was read, and sends what may pass; NULL = all of it may */
	enum mqg_pump		(*take)(struct mqg_half *half, uint8_t *data, size_t len);
	uint8_t			*data;		/* kept bytes; NULL = none */
	size_t			off, len;	/* data[off..len) is still to be written */
	bool			secret;		/* wipe @data: it holds a CONNECT */
	bool			ended;		/* @from is at its end and all was written */
	bool			failed;		/* @to takes no more */
};

/* Moves what can be moved. @scratch has MQG_CHUNK bytes. Adds what was read to *@moved. */
enum mqg_pump mqg_half_pump(struct mqg_half *half, uint8_t *scratch, uint64_t *moved);

/* Writes kept bytes. MQG_PUMP_END: none is left. */
enum mqg_pump mqg_half_flush(struct mqg_half *half);

/* Sends @data, or keeps it behind what is kept: MQG_PUMP_END, _WAIT or _WRITE_FAILED. */
enum mqg_pump mqg_half_send(struct mqg_half *half, const void *data, size_t len);

/* Takes the allocated @data as kept bytes; it is wiped when it has been written. */
void mqg_half_adopt(struct mqg_half *half, uint8_t *data, size_t len);

/* Forgets what is kept, wiping it where it is secret. */
void mqg_half_drop(struct mqg_half *half);

#endif
