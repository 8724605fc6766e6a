/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a frame of the live view is made from. Written by top.c, drawn by top_draw.c and
 * top_source.c; one thread.
 */
#ifndef MQG_TOP_H
#define MQG_TOP_H

#include <stdint.h>

#include <jansson.h>

#include "common/offender.h"
#include "common/pins.h"
#include "mqgate/survey.h"

#define MQG_TOP_EVENTS	8

struct mqg_feed;

struct mqg_top {
	struct mqg_pins		pins;
	uint64_t		interval;
	struct mqg_survey	*now, *before;		/* rates are their difference */
	struct mqg_offenders	noted_now, noted_before;
	json_t			*sources;		/* who is dropped most, first */
	json_t			*interfaces;
	json_t			*daemon, *refusals;	/* NULL where no daemon answers */
	json_t			*event[MQG_TOP_EVENTS];	/* the latest first, NULL = none */
	struct mqg_feed		*feed;			/* NULL where it broke */
	char			feed_error[512];	/* why there are no events, or "" */
};

/* Draws one frame. Returns 0, or -EPIPE when nobody reads any more. */
int mqg_top_draw(const struct mqg_top *top);

/* The sources that are dropped most, from the two looks. */
json_t *mqg_top_sources(const struct mqg_top *top);
void mqg_top_draw_sources(const struct mqg_top *top);

/* The frame's rates as JSON. */
json_t *mqg_top_json(const struct mqg_top *top);

#endif
