// SPDX-License-Identifier: BSD-2-Clause
/*
 * Writes a CONNECT with the identity in it; see inject.h. Offsets come from the shared parser,
 * which has found the packet good: what is walked here lies inside of it.
 */
#include "proxy/inject.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "message/properties.h"

#define LEVEL_5		5
/* Type and a remaining length of four bytes. */
#define FIXED_MAX	5U

struct writer {
	uint8_t	*at;
};

static void put(struct writer *w, const void *data, size_t len)
{
	memcpy(w->at, data, len);
	w->at += len;
}

static void put_length(struct writer *w, size_t len)
{
	const uint8_t bytes[] = { (uint8_t)(len >> 8), (uint8_t)len };

	put(w, bytes, sizeof(bytes));
}

static void put_text(struct writer *w, const void *text, size_t len)
{
	put_length(w, len);
	put(w, text, len);
}

static void put_variable(struct writer *w, size_t value)
{
	w->at = mqg_varint_write(w->at, (uint32_t)value);
}

static void put_properties(struct writer *w, const uint8_t *p, const uint8_t *end,
			   const char *name, const char *identity)
{
	const uint8_t id = MQW_ID_USER, *next;
	struct mqg_property property;
	size_t own = strlen(name);

	for (; p < end; p = next) {
		next = mqg_property_next(p, end, &property);
		if (*p != id || mqg_read_two(p + 1) != own || memcmp(p + 3, name, own))
			put(w, p, (size_t)(next - p));
	}
	put(w, &id, 1);
	put_text(w, name, own);
	put_text(w, identity, strlen(identity));
}

void mqg_injection_of(const struct mqg_listener *listener, const struct mqg_policy *policy,
		      const char *identity, const struct mqw_connect *connect,
		      struct mqg_injection *injection)
{
	bool has = connect->username.off || connect->password.off;

	*injection = (struct mqg_injection){
		.username = listener->broker->username,
		.password = listener->broker->password,
		.identity = identity,
		.strip = has && (listener->password_rule == MQG_PASSWORD_STRIP ||
				 listener->broker->username),
	};
	if (!policy)
		return;
	if (policy->client_id_rule == MQG_CLIENT_ID_INJECT)
		injection->client_id = identity;
	if (policy->username_rule == MQG_USERNAME_INJECT && !injection->username)
		injection->username = identity;
	if (connect->level == LEVEL_5)
		injection->user_property = policy->user_property;
}

bool mqg_inject_wanted(const struct mqg_injection *injection)
{
	return injection->client_id || injection->username || injection->user_property ||
	       injection->strip;
}

/* From the protocol name to the end of keep alive. Returns the place of the flags in the copy. */
static uint8_t *put_head(struct writer *w, const uint8_t *name, const uint8_t **next)
{
	size_t len = 2 + mqg_read_two(name) + 1 + 1 + 2;
	uint8_t *flags = w->at + len - 3;

	put(w, name, len);
	*next = name + len;
	return flags;
}

static void put_section(struct writer *w, const struct mqg_injection *injection, const uint8_t *p)
{
	struct writer section;
	uint8_t *begin;
	uint32_t len;

	p = mqg_varint_read(p, p + FIXED_MAX, &len);
	if (!injection->user_property) {
		put_variable(w, len);
		put(w, p, len);
		return;
	}
	/* Its length is known when it has been written: four bytes ahead, then moved. */
	begin = w->at + 4;
	section.at = begin;
	put_properties(&section, p, p + len, injection->user_property, injection->identity);
	len = (size_t)(section.at - begin);
	put_variable(w, len);
	memmove(w->at, begin, len);
	w->at += len;
}

static size_t length(const char *text)
{
	return text ? 2 + strlen(text) : 0;
}

/* Of the two texts behind the will, the client's unless another is put in its place. */
static bool put_credential(struct writer *w, const char *other, bool strip, const uint8_t *in,
			   const struct mqw_span *own)
{
	if (other)
		put_text(w, other, strlen(other));
	else if (own->off && !strip)
		put_text(w, in + own->off, own->len);
	return other || (own->off && !strip);
}

int mqg_inject(const struct mqg_injection *injection, const struct mqw_connect *c,
	       const uint8_t *in, size_t len, uint8_t **out, size_t *out_len)
{
	const uint8_t *p = in + c->client_id.off + c->client_id.len, *end = in + c->total, *next;
	/* A property has an identifier and a longer length before it. */
	size_t room = len + length(injection->client_id) + length(injection->username) +
		      length(injection->password) + FIXED_MAX + 8 +
		      (injection->user_property ? length(injection->user_property) +
		       length(injection->identity) : 0), body;
	uint32_t ignored;
	uint8_t *packet = malloc(FIXED_MAX + room), *flags;
	struct writer w;

	if (!packet)
		return -ENOMEM;
	w.at = packet + FIXED_MAX;
	flags = put_head(&w, mqg_varint_read(in + 1, end, &ignored), &next);
	if (c->level == LEVEL_5)
		put_section(&w, injection, next);
	if (injection->client_id)
		put_text(&w, injection->client_id, strlen(injection->client_id));
	else
		put_text(&w, in + c->client_id.off, c->client_id.len);
	/* The will, up to the first of the two that follow it, where either does. */
	if (c->username.off)
		end = in + c->username.off - 2;
	else if (c->password.off)
		end = in + c->password.off - 2;
	put(&w, p, (size_t)(end - p));
	/* MQTT 3.1 tolerates flags of fields that are not there. */
	*flags &= 0xffU ^ (MQW_CONNECT_USERNAME | MQW_CONNECT_PASSWORD);
	if (put_credential(&w, injection->username, injection->strip, in, &c->username))
		*flags |= MQW_CONNECT_USERNAME;
	if (put_credential(&w, injection->password, injection->strip, in, &c->password))
		*flags |= MQW_CONNECT_PASSWORD;

	body = (size_t)(w.at - packet) - FIXED_MAX;
	w.at = packet;
	*w.at++ = in[0];
	put_variable(&w, body);
	memmove(w.at, packet + FIXED_MAX, body);
	w.at += body;
	put(&w, in + c->total, len - c->total);
	*out = packet;
	*out_len = (size_t)(w.at - packet);
	return 0;
}
