// SPDX-License-Identifier: BSD-2-Clause
/* See publish.h. Lengths are those that the parser has checked (MQTT 5, 3.3). */
#include "message/publish.h"

#include <mqgate/mqtt_wire.h>

#include "message/properties.h"

void mqg_publish_read(struct mqg_publish *publish, uint8_t level, const uint8_t *packet,
		      const uint8_t *end)
{
	uint32_t left, properties;
	const uint8_t *p = mqg_varint_read(packet + 1, packet + 5, &left), *body = p;

	publish->qos = packet[0] >> 1 & 3;
	publish->retain = packet[0] & 1;
	publish->dup = packet[0] & 8;
	publish->topic_len = mqg_read_two(p);
	publish->topic = p + 2;
	p += 2 + publish->topic_len + (publish->qos ? 2 : 0);
	if (level == MQW_LEVEL_5) {
		p = mqg_varint_read(p, p + 4, &properties);
		p += properties;
	}
	publish->payload = p;
	publish->payload_len = left - (size_t)(p - body);
	publish->payload_here = (size_t)(end - p);
	if (publish->payload_here > publish->payload_len)
		publish->payload_here = publish->payload_len;
}
