// SPDX-License-Identifier: BSD-2-Clause
/* Terms out of properties, and into them; see terms.h. Called by walk.c and opening.c. */
#include "message/terms.h"

#include <string.h>

#include <mqgate/mqtt_packet.h>

#include "message/properties.h"

/* No packet is longer than that: such a limit is none, and nobody is told. */
#define PACKET_MOST	268435460U

void mqg_terms_begin(struct mqg_terms *terms, uint8_t level)
{
	*terms = (struct mqg_terms){
		.packet_max = PACKET_MOST, .receive_max = 0xffff, .qos_max = 2,
		.retain = true, .wildcard = true, .shared = true,
		.ids = level == MQW_LEVEL_5,
	};
}

static void take(struct mqg_terms *terms, const struct mqg_property *p)
{
	switch (p->id) {
	case MQW_ID_RECEIVE_MAX:
		terms->receive_max = (uint16_t)p->number;
		break;
	case MQW_ID_PACKET_MAX:
		terms->packet_max = p->number;
		break;
	case MQG_ID_ALIAS_MAX:
		terms->alias_max = (uint16_t)p->number;
		break;
	case MQG_ID_SERVER_KEEP_ALIVE:
		terms->keep_alive = (uint16_t)p->number;
		break;
	case MQG_ID_QOS_MAX:
		terms->qos_max = (uint8_t)p->number;
		break;
	case MQG_ID_RETAIN_AVAILABLE:
		terms->retain = p->number;
		break;
	case MQG_ID_WILDCARD_AVAILABLE:
		terms->wildcard = p->number;
		break;
	case MQG_ID_IDS_AVAILABLE:
		terms->ids = p->number;
		break;
	case MQG_ID_SHARED_AVAILABLE:
		terms->shared = p->number;
		break;
	}
}

void mqg_terms_connect(struct mqg_terms *terms, const uint8_t *at, const uint8_t *end)
{
	struct mqg_property p;
	uint32_t len;

	at = mqg_varint_read(at, end, &len);
	if (!at || len > (size_t)(end - at))
		return;
	for (end = at + len; at && at < end;) {
		at = mqg_property_next(at, end, &p);
		if (at)
			take(terms, &p);
	}
}

static bool text_good(const uint8_t *at)
{
	uint32_t len = mqg_read_two(at), reason = 0;
	struct mqp_text text;

	mqp_text_init(&text, MQP_T_PLAIN, 0);
	for (uint32_t i = 0; i < len && !reason; i++)
		reason = mqp_text_step(&text, at[2 + i], 0);
	return !reason && !mqp_text_end(&text);
}

/* 3.2.2.3: which there are, which values they may have. */
static bool good(const struct mqg_property *p)
{
	switch (p->id) {
	case MQP_ID_SESSION_EXPIRY:
	case MQG_ID_ALIAS_MAX:
	case MQG_ID_SERVER_KEEP_ALIVE:
	case MQW_ID_AUTH_DATA:
		return true;
	case MQW_ID_RECEIVE_MAX:
	case MQW_ID_PACKET_MAX:
		return p->number;
	case MQG_ID_QOS_MAX:
	case MQG_ID_RETAIN_AVAILABLE:
	case MQG_ID_WILDCARD_AVAILABLE:
	case MQG_ID_IDS_AVAILABLE:
	case MQG_ID_SHARED_AVAILABLE:
		return p->number <= 1;
	case MQW_ID_USER:
		return text_good(p->text) && text_good(p->text + 2 + mqg_read_two(p->text));
	case MQG_ID_ASSIGNED_CLIENT_ID:
	case MQW_ID_AUTH_METHOD:
	case 0x1A: /* response information */
	case MQP_ID_SERVER_REFERENCE:
	case MQP_ID_REASON_STRING:
		return text_good(p->text);
	}
	return false;
}

bool mqg_terms_connack(struct mqg_terms *terms, const uint8_t *at, const uint8_t *end)
{
	struct mqg_property p;
	uint64_t seen = 0;
	uint32_t len;

	/* It may be left out where a server of 3.1.1 refuses. */
	if (at == end)
		return true;
	at = mqg_varint_read(at, end, &len);
	if (!at || len != (size_t)(end - at))
		return false;
	while (at < end) {
		at = mqg_property_next(at, end, &p);
		if (!at || !good(&p) || (p.id != MQW_ID_USER && seen >> p.id & 1))
			return false;
		seen |= 1ULL << p.id;
		take(terms, &p);
	}
	return true;
}

bool mqg_terms_cover(const struct mqg_terms *terms, const struct mqg_terms *told)
{
	return terms->packet_max >= told->packet_max && terms->receive_max >= told->receive_max &&
	       terms->alias_max >= told->alias_max && terms->qos_max >= told->qos_max &&
	       terms->retain >= told->retain && terms->wildcard >= told->wildcard &&
	       terms->shared >= told->shared && terms->ids >= told->ids;
}

static bool rewritten(const struct mqg_terms *own, uint8_t id)
{
	return id == MQW_ID_RECEIVE_MAX || id == MQW_ID_PACKET_MAX || id == MQG_ID_ALIAS_MAX ||
	       (id == MQG_ID_SERVER_KEEP_ALIVE && own->keep_alive);
}

static uint8_t *put_four(uint8_t *at, uint32_t value)
{
	return mqg_write_two(mqg_write_two(at, value >> 16), value);
}

/* What is left out has the meaning of the specification. */
static uint8_t *put_own(uint8_t *at, const struct mqg_terms *own)
{
	if (own->receive_max != 0xffff) {
		*at++ = MQW_ID_RECEIVE_MAX;
		at = mqg_write_two(at, own->receive_max);
	}
	if (own->packet_max < PACKET_MOST) {
		*at++ = MQW_ID_PACKET_MAX;
		at = put_four(at, own->packet_max);
	}
	if (own->alias_max) {
		*at++ = MQG_ID_ALIAS_MAX;
		at = mqg_write_two(at, own->alias_max);
	}
	if (own->keep_alive) {
		*at++ = MQG_ID_SERVER_KEEP_ALIVE;
		at = mqg_write_two(at, own->keep_alive);
	}
	return at;
}

size_t mqg_terms_write(const struct mqg_terms *broker, const struct mqg_terms *own,
		       const uint8_t *packet, size_t len, uint8_t *out)
{
	const uint8_t *end = packet + len, *at, *from, *next;
	/* As far from the beginning as a fixed header, two bytes and a length can take. */
	uint8_t *section = out + 5 + 2 + 4, *to = section, *begin;
	struct mqg_property p;
	uint32_t ignored;

	if (broker->receive_max == own->receive_max && broker->packet_max == own->packet_max &&
	    broker->alias_max == own->alias_max && broker->keep_alive == own->keep_alive) {
		memcpy(out, packet, len);
		return len;
	}
	at = mqg_varint_read(packet + 1, end, &ignored);
	from = at;
	for (at = mqg_varint_read(at + 2, end, &ignored); at && at < end; at = next) {
		next = mqg_property_next(at, end, &p);
		if (!next)
			break;
		if (rewritten(own, p.id))
			continue;
		memcpy(to, at, (size_t)(next - at));
		to += next - at;
	}
	to = put_own(to, own);
	len = (size_t)(to - section);
	begin = out;
	*begin++ = packet[0];
	begin = mqg_varint_write(begin, (uint32_t)(2 + mqg_varint_size((uint32_t)len) + len));
	memcpy(begin, from, 2);
	begin = mqg_varint_write(begin + 2, (uint32_t)len);
	memmove(begin, section, len);
	return (size_t)(begin - out) + len;
}
