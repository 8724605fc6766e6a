/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Events, wherever they come from: the daemon, which reads the ring buffer while it runs, or
 * else the ring buffer itself under its lock file. Used by events and top; one thread.
 */
#ifndef MQG_FEED_H
#define MQG_FEED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "common/pins.h"

struct mqg_feed;

/*
 * An event as JSON, the same from either place (docs/control-protocol.md), or {"lost": N}.
 * The reference stays with the caller. Non-zero stops.
 */
typedef int (*mqg_feed_fn)(json_t *event, void *arg);

/**
 * mqg_feed_open() - find out who reads the ring buffer, and join
 * @pins: open pins, which must outlive the feed
 * @feed: out
 * @why:  buffer for what is wrong and the remedy
 * @size: of @why
 *
 * Return: 0, -EBUSY when another command reads the ring buffer, or another -errno.
 */
int mqg_feed_open(const struct mqg_pins *pins, struct mqg_feed **feed, char *why, size_t size);

/**
 * mqg_feed_poll() - hand over what comes within a time
 * @feed:       open
 * @timeout_ms: how long to wait for a first event; 0 takes only what is there
 * @fn:         called for each
 * @arg:        for @fn
 *
 * When a daemon starts, or the one that was asked stops, the feed goes over to the other
 * place by itself. Return: events handed over, the negative answer of @fn, or -errno; -EINTR
 * when a signal came.
 */
int mqg_feed_poll(struct mqg_feed *feed, int timeout_ms, mqg_feed_fn fn, void *arg);
void mqg_feed_close(struct mqg_feed *feed);

/* Says in words what the first bytes of a packet are; "" for nothing known. Returns buf. */
const char *mqg_feed_decode(const uint8_t *bytes, size_t len, char *buf, size_t size);

#endif
