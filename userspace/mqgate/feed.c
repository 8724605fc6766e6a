// SPDX-License-Identifier: BSD-2-Clause
/*
 * Events from the daemon or from the ring buffer. Called by events and top, from one thread.
 * The ring buffer has one reader: whoever holds the lock file for it.
 */
#include "mqgate/feed.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <bpf/libbpf.h>

#include "common/control.h"
#include "common/lock.h"
#include "common/names.h"

/* How often a reader of the ring buffer looks whether a daemon wants it now. */
#define LOOK_NS		500000000ULL
#define LOOK_MS		500
#define LOCK_WAIT_MS	1000

struct mqg_feed {
	const struct mqg_pins	*pins;
	struct mqg_control	control;	/* open: the daemon feeds */
	struct ring_buffer	*ring;		/* else this */
	int			lock;
	uint64_t		looked;
	mqg_feed_fn		fn;
	void			*arg;
	int			answer;		/* of @fn, while polling */
	int			count;
};

static double wall_clock(uint64_t boottime)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9 -
	       ((double)mqg_boottime_ns() - (double)boottime) / 1e9;
}

static json_t *event_json(const struct mqg_pins *pins, const struct mqgate_event *e)
{
	char source[MQG_ADDR_STRLEN], daddr[MQG_ADDR_STRLEN], hex[2 * MQGATE_EVENT_BYTES + 1] = "";
	struct mqgate_service svc;
	uint32_t captured = e->captured < MQGATE_EVENT_BYTES ? e->captured : MQGATE_EVENT_BYTES;

	if (mqg_service_read(pins, e->service, &svc))
		snprintf(svc.name, sizeof(svc.name), "%u", e->service);
	for (uint32_t i = 0; i < captured; i++)
		snprintf(hex + 2 * i, 3, "%02x", e->bytes[i]);
	return json_pack(
		"{s:f, s:s, s:s, s:s, s:i, s:s, s:i, s:I, s:b, s:b, s:I, s:s}", "time",
		wall_clock(e->time), "service", svc.name, "reason", mqg_reason_word(e->reason),
		"source", mqg_addr_format(e->flow.saddr, source), "sport", e->flow.sport, "daddr",
		mqg_addr_format(e->flow.daddr, daddr), "dport", e->flow.dport, "ifindex",
		(json_int_t)e->ifindex, "observed", e->flags & MQGATE_EVENT_F_OBSERVED ? 1 : 0,
		"proven", e->flags & MQGATE_EVENT_F_PROVEN ? 1 : 0, "length", (json_int_t)e->length,
		"bytes", hex);
}

static void hand_over(struct mqg_feed *feed, json_t *event)
{
	if (event && !feed->answer) {
		feed->answer = feed->fn(event, feed->arg);
		feed->count++;
	}
	json_decref(event);
}

static int take(void *arg, void *data, size_t size)
{
	struct mqg_feed *feed = arg;

	if (size >= sizeof(struct mqgate_event))
		hand_over(feed, event_json(feed->pins, data));
	return feed->answer;
}

/* Return: 0 when the daemon feeds from now on, -ENOENT when none runs, or another -errno. */
static int ask_daemon(struct mqg_feed *feed, char *why, size_t size)
{
	json_t *answer = NULL;
	int err = mqg_control_open(&feed->control, why, size);

	if (!err)
		err = mqg_control_ask(&feed->control, json_pack("{s:s}", "do", "events"), &answer,
				      why, size);
	json_decref(answer);
	if (err)
		mqg_control_close(&feed->control);
	return err;
}

static void leave_ring(struct mqg_feed *feed)
{
	ring_buffer__free(feed->ring);
	feed->ring = NULL;
	if (feed->lock >= 0)
		close(feed->lock);
	feed->lock = -1;
}

static int join_ring(struct mqg_feed *feed, char *why, size_t size)
{
	int err;

	feed->lock = mqg_lock_take(MQG_LOCK_EVENTS, LOCK_WAIT_MS, why, size);
	if (feed->lock < 0)
		return feed->lock;
	feed->ring = ring_buffer__new(feed->pins->events, take, feed, NULL);
	if (feed->ring)
		return 0;
	err = -errno;
	snprintf(why, size, "%s/%s: cannot be read: %s", feed->pins->dir, MQGATE_MAP_EVENTS,
		 strerror(-err));
	leave_ring(feed);
	return err;
}

static int join(struct mqg_feed *feed, char *why, size_t size)
{
	int err = ask_daemon(feed, why, size);

	feed->looked = mqg_boottime_ns();
	return err == -ENOENT ? join_ring(feed, why, size) : err;
}

int mqg_feed_open(const struct mqg_pins *pins, struct mqg_feed **feed, char *why, size_t size)
{
	struct mqg_feed *f = calloc(1, sizeof(*f));
	int err;

	*feed = NULL;
	if (!f) {
		snprintf(why, size, "out of memory");
		return -ENOMEM;
	}
	f->pins = pins;
	f->control = (struct mqg_control)MQG_CONTROL_INIT;
	f->lock = -1;
	err = join(f, why, size);
	if (err) {
		mqg_feed_close(f);
		return err;
	}
	*feed = f;
	return 0;
}

/* A daemon that has started needs the ring buffer: it writes the verdicts that follow. */
static int look_for_daemon(struct mqg_feed *feed)
{
	uint64_t now = mqg_boottime_ns();
	struct mqg_control probe;
	char why[512];
	int err;

	if (now - feed->looked < LOOK_NS)
		return 0;
	feed->looked = now;
	err = mqg_control_open(&probe, why, sizeof(why));
	mqg_control_close(&probe);
	if (err)
		return 0;
	leave_ring(feed);
	return ask_daemon(feed, why, sizeof(why));
}

static int poll_daemon(struct mqg_feed *feed, int timeout_ms)
{
	char why[512];
	json_t *event;
	int err;

	while ((err = mqg_control_line(&feed->control, feed->count ? 0 : timeout_ms, &event)) ==
	       1) {
		hand_over(feed, event);
		if (feed->answer)
			return feed->answer;
	}
	if (err != -EPIPE && err != -ECONNRESET)
		return err;
	mqg_control_close(&feed->control);
	return join(feed, why, sizeof(why));
}

static int poll_ring(struct mqg_feed *feed, int timeout_ms)
{
	uint64_t deadline = mqg_boottime_ns() + (uint64_t)timeout_ms * 1000000;
	int err;

	for (;;) {
		uint64_t now = mqg_boottime_ns();
		int left = now < deadline ? (int)((deadline - now) / 1000000) : 0;

		err = ring_buffer__poll(feed->ring, left < LOOK_MS ? left : LOOK_MS);
		if (feed->answer)
			return feed->answer;
		if (err < 0)
			return err;
		err = look_for_daemon(feed);
		if (err || !feed->ring || feed->count || !left)
			return err;
	}
}

int mqg_feed_poll(struct mqg_feed *feed, int timeout_ms, mqg_feed_fn fn, void *arg)
{
	int err;

	feed->fn = fn;
	feed->arg = arg;
	feed->answer = feed->count = 0;
	if (feed->ring)
		err = poll_ring(feed, timeout_ms);
	else if (feed->control.fd >= 0)
		err = poll_daemon(feed, timeout_ms);
	else
		err = -EPIPE;
	return err < 0 ? err : feed->count;
}

void mqg_feed_close(struct mqg_feed *feed)
{
	if (!feed)
		return;
	if (feed->ring || feed->lock >= 0)
		leave_ring(feed);
	mqg_control_close(&feed->control);
	free(feed);
}

/* ---- words for bytes --------------------------------------------------------- */

static const char *decode_mqtt(const uint8_t *p, size_t len, char *buf, size_t size)
{
	static const char *const types[] = {
		"reserved type 0", "CONNECT", "CONNACK", "PUBLISH", "PUBACK", "PUBREC", "PUBREL",
		"PUBCOMP", "SUBSCRIBE", "SUBACK", "UNSUBSCRIBE", "UNSUBACK", "PINGREQ", "PINGRESP",
		"DISCONNECT", "AUTH",
	};
	size_t used, at = 1, name;
	uint32_t remaining = 0;

	used = (size_t)snprintf(buf, size, "MQTT %s", types[p[0] >> 4]);
	for (; at < len && at <= 4; at++) {
		remaining |= (uint32_t)(p[at] & 0x7f) << (7 * (at - 1));
		if (!(p[at] & 0x80))
			break;
	}
	if (at > 4) {
		snprintf(buf + used, size - used, ", remaining length of five bytes");
		return buf;
	}
	if (at++ >= len)
		return buf;
	used += (size_t)snprintf(buf + used, size - used, ", remaining length %u", remaining);
	if (p[0] >> 4 != 1 || len - at < 2)
		return buf;
	name = (size_t)p[at] << 8 | p[at + 1];
	at += 2;
	used += (size_t)snprintf(buf + used, size - used, ", name \"");
	for (size_t i = 0; i < name && at < len && used < size - 40; i++, at++)
		used += (size_t)snprintf(buf + used, size - used,
					 p[at] >= 0x20 && p[at] < 0x7f ? "%c" : "\\x%02x", p[at]);
	used += (size_t)snprintf(buf + used, size - used, "\"");
	if (at < len)
		snprintf(buf + used, size - used, ", level %u", p[at]);
	return buf;
}

const char *mqg_feed_decode(const uint8_t *bytes, size_t len, char *buf, size_t size)
{
	size_t used;

	*buf = '\0';
	if (!len)
		return buf;
	if (len >= 2 && bytes[0] >= 0x14 && bytes[0] <= 0x17 && bytes[1] == 0x03) {
		used = (size_t)snprintf(buf, size, "TLS record type %u", bytes[0]);
		if (len >= 5)
			used += (size_t)snprintf(buf + used, size - used,
						 ", version %u.%u, %u bytes", bytes[1], bytes[2],
						 bytes[3] << 8 | bytes[4]);
		if (len >= 6 && bytes[0] == 0x16)
			snprintf(buf + used, size - used, bytes[5] == 1 ? ", ClientHello" :
								  ", handshake type %u",
				 bytes[5]);
		return buf;
	}
	if (len >= 4 && (!memcmp(bytes, "GET ", 4) || !memcmp(bytes, "POST", 4) ||
			 !memcmp(bytes, "HEAD", 4))) {
		snprintf(buf, size, "HTTP request");
		return buf;
	}
	return decode_mqtt(bytes, len, buf, size);
}
