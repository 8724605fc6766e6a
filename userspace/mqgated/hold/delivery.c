// SPDX-License-Identifier: BSD-2-Clause
/* Messages under way; see delivery.h. */
#include "hold/delivery.h"

#include <stdlib.h>

#include "message/properties.h"

/* A packet that the server must not be sent, in the words of MQTT 5. */
#define TOO_LARGE	0x95
#define NO_RETAIN	0x9a
#define QOS_TOO_HIGH	0x9b
#define MALFORMED	0x81

struct mqg_delivery *mqg_delivery_alloc(const struct mqg_delivery_ops *ops, void *owner,
					struct mqg_stream *to, uint8_t level)
{
	struct mqg_delivery *delivery = calloc(1, sizeof(*delivery));

	if (!delivery)
		return NULL;
	delivery->ops = ops;
	delivery->owner = owner;
	delivery->level = level;
	delivery->up.to = to;
	/* Were one message the reason why connections end, the others would go on behind it. */
	delivery->window = 1;
	mqg_terms_begin(&delivery->terms, level);
	mqp_init(&delivery->down, level, MQP_FROM_SERVER, sizeof(delivery->room), 0);
	return delivery;
}

bool mqg_delivery_begin(struct mqg_delivery *delivery, size_t len)
{
	const uint8_t *end = delivery->room + len, *at;
	uint32_t ignored;

	if (delivery->level != MQW_LEVEL_5)
		return true;
	at = mqg_varint_read(delivery->room + 1, end, &ignored);
	return at && mqg_terms_connack(&delivery->terms, at + 2, end);
}

static void finish(struct mqg_delivery *delivery, struct mqg_delivery_item *item, uint8_t code)
{
	delivery->ops->done(delivery->owner, item->parcel.kept, code);
	mqg_parcel_free(&item->parcel);
	delivery->n--;
	delivery->window = delivery->window * 2 < MQG_DELIVERY_MAX ? delivery->window * 2
								   : MQG_DELIVERY_MAX;
	if (delivery->window > delivery->terms.receive_max)
		delivery->window = delivery->terms.receive_max;
}

static void note_gone(struct mqg_delivery *delivery)
{
	for (size_t i = 0; !delivery->up.data && i < MQG_DELIVERY_MAX; i++)
		delivery->items[i].gone |= delivery->items[i].released;
}

static bool put(struct mqg_delivery *delivery, const uint8_t *data, size_t len)
{
	if (mqg_half_send(&delivery->up, data, len) == MQG_PUMP_WRITE_FAILED)
		return false;
	note_gone(delivery);
	return true;
}

bool mqg_delivery_flush(struct mqg_delivery *delivery)
{
	if (delivery->up.data && mqg_half_flush(&delivery->up) == MQG_PUMP_WRITE_FAILED)
		return false;
	note_gone(delivery);
	return true;
}

/* ---- to the server --------------------------------------------------------------------------- */

/* Where the identifier of a good PUBLISH stands. */
static uint8_t *identifier(struct mqg_kept *kept)
{
	const uint8_t *end = kept->packet + kept->filled;
	uint32_t ignored;
	const uint8_t *at = mqg_varint_read(kept->packet + 1, end, &ignored);

	return kept->packet + (at - kept->packet) + 2 + mqg_read_two(at);
}

/* 0, or what is wrong with it for this server. */
static uint8_t judge(const struct mqg_delivery *delivery, const struct mqg_kept *kept)
{
	const struct mqg_terms *terms = &delivery->terms;
	struct mqp_stream stream;
	__u32 used;

	/* It comes from a disk. */
	mqp_init(&stream, delivery->level, MQP_FROM_CLIENT, kept->filled, 0);
	if (mqp_feed(&stream, kept->packet, kept->filled, &used) != MQW_OK ||
	    used != kept->filled || stream.type != MQP_PUBLISH ||
	    mqp_qos(&stream) != (kept->kind == MQG_FLOW_QOS1 ? 1 : 2))
		return MALFORMED;
	if (kept->filled > terms->packet_max)
		return TOO_LARGE;
	if (stream.flags & MQP_FLAG_RETAIN && !terms->retain)
		return NO_RETAIN;
	return mqp_qos(&stream) > terms->qos_max ? QOS_TOO_HIGH : 0;
}

static bool publish(struct mqg_delivery *delivery, struct mqg_parcel parcel)
{
	struct mqg_delivery_item *item = delivery->items;
	struct mqg_kept *kept = parcel.kept;

	while (item->parcel.kept)
		item++;
	*item = (struct mqg_delivery_item){ .parcel = parcel, .number = delivery->number++ };
	delivery->n++;
	/* To this server it is new. */
	kept->packet[0] &= (uint8_t)~MQP_FLAG_DUP;
	mqg_write_two(identifier(kept), (uint32_t)(item - delivery->items) + 1);
	return put(delivery, kept->packet, kept->filled);
}

bool mqg_delivery_send(struct mqg_delivery *delivery)
{
	if (!mqg_delivery_flush(delivery))
		return false;
	while (delivery->n < delivery->window && !delivery->up.data) {
		struct mqg_parcel parcel = delivery->ops->next(delivery->owner);
		uint8_t code;

		if (!parcel.kept)
			break;
		code = judge(delivery, parcel.kept);
		if (code) {
			delivery->ops->done(delivery->owner, parcel.kept, code);
			mqg_parcel_free(&parcel);
		} else if (!publish(delivery, parcel)) {
			return false;
		}
	}
	return true;
}

/* ---- from the server ------------------------------------------------------------------------- */

static struct mqg_delivery_item *find(struct mqg_delivery *delivery, uint16_t id,
				      enum mqg_flow_kind kind, bool released)
{
	struct mqg_delivery_item *item = &delivery->items[id - 1];

	if (!id || id > MQG_DELIVERY_MAX || !item->parcel.kept ||
	    item->parcel.kept->kind != kind || item->released != released)
		return NULL;
	return item;
}

static bool release(struct mqg_delivery *delivery, struct mqg_delivery_item *item, uint16_t id)
{
	const uint8_t pubrel[] = { MQP_PUBREL << 4 | 2, 2, (uint8_t)(id >> 8), (uint8_t)id };

	item->released = true;
	return put(delivery, pubrel, sizeof(pubrel));
}

/* False: nobody has asked for that. */
static bool answer(struct mqg_delivery *delivery)
{
	const struct mqp_stream *down = &delivery->down;
	struct mqg_delivery_item *item;

	switch (down->type) {
	case MQP_PUBACK:
		item = find(delivery, down->packet_id, MQG_FLOW_QOS1, false);
		break;
	case MQP_PUBREC:
		item = find(delivery, down->packet_id, MQG_FLOW_QOS2, false);
		if (item && down->code < 0x80)
			return release(delivery, item, down->packet_id);
		break;
	case MQP_PUBCOMP:
		item = find(delivery, down->packet_id, MQG_FLOW_QOS2, true);
		/* It took the message before: whatever it says of the identifier. */
		if (item)
			finish(delivery, item, 0);
		return item;
	default:
		return false;
	}
	if (item)
		finish(delivery, item, down->code);
	return item;
}

bool mqg_delivery_hear(struct mqg_delivery *delivery, const uint8_t *data, size_t len)
{
	while (len) {
		__u32 used;
		int status = mqp_feed(&delivery->down, data, (__u32)len, &used);

		data += used;
		len -= used;
		if (status == MQW_MALFORMED || (status == MQW_OK && !answer(delivery)))
			return false;
	}
	return true;
}

/* ---- the end --------------------------------------------------------------------------------- */

static struct mqg_delivery_item *last_of(struct mqg_delivery *delivery)
{
	struct mqg_delivery_item *last = NULL;

	for (size_t i = 0; i < MQG_DELIVERY_MAX; i++) {
		struct mqg_delivery_item *item = &delivery->items[i];

		if (item->parcel.kept && (!last || item->number > last->number))
			last = item;
	}
	return last;
}

/* As its client knows it. QoS 2 that the server has begun ended with the session. */
static void restore(struct mqg_kept *kept)
{
	mqg_write_two(identifier(kept), kept->id);
	if (kept->kind == MQG_FLOW_QOS1)
		kept->sent = true;
}

void mqg_delivery_free(struct mqg_delivery *delivery)
{
	struct mqg_delivery_item *item;

	if (!delivery)
		return;
	while ((item = last_of(delivery))) {
		if (item->gone) {
			finish(delivery, item, 0);
			continue;
		}
		restore(item->parcel.kept);
		delivery->ops->back(delivery->owner, &item->parcel);
		delivery->n--;
	}
	mqg_half_drop(&delivery->up);
	free(delivery);
}
