// SPDX-License-Identifier: BSD-2-Clause
/*
 * A PUBLISH for later: what its alias stands for may be another topic then, to another receiver.
 * Called by judge_publish.c and backlog.c.
 */
#include <string.h>

#include "message/properties.h"
#include "message/walk.h"

/* The properties from @at to @end, without an alias. Return: behind them. */
static uint8_t *put_properties(uint8_t *to, const uint8_t *at, const uint8_t *end)
{
	const uint8_t *next;
	struct mqg_property p;

	for (; at && at < end; at = next) {
		next = mqg_property_next(at, end, &p);
		if (!next || p.id == MQP_ID_TOPIC_ALIAS)
			continue;
		memcpy(to, at, (size_t)(next - at));
		to += next - at;
	}
	return to;
}

size_t mqg_publish_plain(const struct mqg_walk *w, const struct mqg_head *head,
			 const struct mqg_publish_head *p, uint8_t *out)
{
	const uint8_t *end = head->begin + head->len, *at;
	uint8_t id = p->qos ? 2 : 0, *to = out;
	uint32_t len, left;

	if (!p->alias) {
		memcpy(out, head->begin, head->len);
		return head->len;
	}
	at = mqg_varint_read(p->behind + id, end, &len);
	/* An identifier and two bytes: 3.3.2.3.4 */
	len -= 3;
	left = 2U + p->len + id + (uint32_t)mqg_varint_size(len) + len +
	       (uint32_t)(w->lane->stream.total - head->len);
	*to++ = head->begin[0];
	to = mqg_write_two(mqg_varint_write(to, left), p->len);
	memcpy(to, p->topic, p->len);
	to += p->len;
	memcpy(to, p->behind, id);
	to = mqg_varint_write(to + id, len);
	return (size_t)(put_properties(to, at, end) - out);
}
