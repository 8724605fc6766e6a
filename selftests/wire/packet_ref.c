// SPDX-License-Identifier: BSD-2-Clause
/*
 * The second opinion of packet_ref.h. Written from the specifications, section by section, with
 * lengths checked before anything is read. No state.
 */
#include "packet_ref.h"

#include <string.h>

struct cursor {
	const uint8_t	*at;
	size_t		left;
	bool		bad;
};

static uint32_t take(struct cursor *c, size_t n)
{
	uint32_t value = 0;

	if (c->bad || n > c->left) {
		c->bad = true;
		return 0;
	}
	for (; n; n--, c->left--)
		value = value << 8 | *c->at++;
	return value;
}

static uint32_t varint(struct cursor *c)
{
	uint32_t value = 0, byte;

	for (int i = 0; i < 4; i++) {
		byte = take(c, 1);
		value |= (byte & 0x7F) << (7 * i);
		if (byte < 0x80) {
			c->bad |= i && !byte;
			return value;
		}
	}
	c->bad = true;
	return 0;
}

static struct cursor slice(struct cursor *c, size_t n)
{
	struct cursor part = { c->at, n, false };

	if (c->bad || n > c->left) {
		c->bad = true;
		part.left = 0;
		part.bad = true;
		return part;
	}
	c->at += n;
	c->left -= n;
	return part;
}

static bool character(uint32_t code)
{
	return code >= 0x20 && (code < 0x7F || code > 0x9F) && (code < 0xD800 || code > 0xDFFF) &&
	       (code < 0xFDD0 || code > 0xFDEF) && (code & 0xFFFF) < 0xFFFE && code <= 0x10FFFF;
}

static bool utf8(struct cursor c)
{
	static const uint32_t least[] = { 0, 0x80, 0x800, 0x10000 };

	while (c.left) {
		uint32_t code = take(&c, 1);
		int more = code < 0x80 ? 0 : code >> 5 == 6 ? 1 : code >> 4 == 14 ? 2 :
			   code >> 3 == 30 ? 3 : -1;

		if (more < 0)
			return false;
		if (more)
			code &= 0x3Fu >> more;
		for (int i = 0; i < more; i++) {
			uint32_t next = take(&c, 1);

			if (c.bad || next >> 6 != 2)
				return false;
			code = code << 6 | (next & 0x3F);
		}
		if (code < least[more] || !character(code))
			return false;
	}
	return true;
}

static struct cursor string(struct cursor *c)
{
	struct cursor s = slice(c, take(c, 2));

	if (!s.bad && !utf8(s))
		c->bad = true;
	return s;
}

static bool deep(struct cursor s, unsigned int max_levels)
{
	unsigned int levels = 1;

	for (size_t i = 0; i < s.left; i++)
		levels += s.at[i] == '/';
	return max_levels && levels > max_levels;
}

static bool topic(struct cursor s, unsigned int max_levels)
{
	return !deep(s, max_levels) && !memchr(s.at, '+', s.left) && !memchr(s.at, '#', s.left);
}

static bool is_shared(struct cursor s)
{
	return s.left >= 7 && !memcmp(s.at, "$share/", 7);
}

static bool filter(struct cursor s, int level, unsigned int max_levels)
{
	if (!s.left || deep(s, max_levels))
		return false;
	for (size_t i = 0; i < s.left; i++) {
		bool first = !i || s.at[i - 1] == '/', last = i + 1 == s.left;

		if (s.at[i] == '#' && (!first || !last))
			return false;
		if (s.at[i] == '+' && (!first || (!last && s.at[i + 1] != '/')))
			return false;
	}
	if (level == 5 && is_shared(s)) {
		const uint8_t *name = s.at + 7, *end = memchr(name, '/', s.left - 7);

		if (!end || end == name || end + 1 == s.at + s.left)
			return false;
		return !memchr(name, '+', (size_t)(end - name)) &&
		       !memchr(name, '#', (size_t)(end - name));
	}
	return true;
}

/* Table 2-4: identifier, type of value, packets of client and server that may carry it. */
#define P(type) (1u << (type))
static const struct property {
	uint8_t		id;
	char		value;		/* 1 2 4 integer, v variable, s string, b binary, t topic */
	uint16_t	client;
	uint16_t	server;
} properties[] = {
	{ 0x01, '1', P(3), P(3) },
	{ 0x02, '4', P(3), P(3) },
	{ 0x03, 's', P(3), P(3) },
	{ 0x08, 't', P(3), P(3) },
	{ 0x09, 'b', P(3), P(3) },
	{ 0x0B, 'v', P(8), P(3) },
	{ 0x11, '4', P(14), 0 },
	{ 0x15, 's', P(15), P(15) },
	{ 0x16, 'b', P(15), P(15) },
	{ 0x1C, 's', 0, P(14) },
	{ 0x1F, 's', P(4) | P(5) | P(6) | P(7) | P(14) | P(15),
	  P(4) | P(5) | P(6) | P(7) | P(9) | P(11) | P(14) | P(15) },
	{ 0x23, '2', P(3), P(3) },
};

static void property(struct cursor *c, int type, int from, uint64_t *seen, unsigned int max_levels)
{
	uint32_t id = take(c, 1), value = 1;

	if (id == 0x26) {
		string(c);
		string(c);
		return;
	}
	for (size_t i = 0; i < sizeof(properties) / sizeof(properties[0]); i++) {
		const struct property *p = &properties[i];

		if (p->id != id || !((from ? p->server : p->client) & P(type)))
			continue;
		if (*seen >> id & 1 && !(id == 0x0B && type == 3))
			break;
		*seen |= 1ull << id;
		if (p->value == 's')
			string(c);
		else if (p->value == 't')
			c->bad |= !topic(string(c), max_levels);
		else if (p->value == 'b')
			slice(c, take(c, 2));
		else
			value = p->value == 'v' ? varint(c) : take(c, (size_t)(p->value - '0'));
		if ((id == 0x0B || id == 0x23) && !value)
			break;
		if (id == 0x01 && value > 1)
			break;
		return;
	}
	c->bad = true;
}

static uint64_t section(struct cursor *c, int type, int from, unsigned int max_levels)
{
	struct cursor part = slice(c, varint(c));
	uint64_t seen = 0;

	while (!part.bad && part.left)
		property(&part, type, from, &seen, max_levels);
	c->bad |= part.bad;
	return seen;
}

/* Section 2.4 and the tables of each packet; "" where none is allowed. */
static bool code_in(const char *list, uint32_t code)
{
	static const char digits[] = "0123456789ABCDEF";

	for (; *list; list += 2)
		if (digits[code >> 4] == list[0] && digits[code & 15] == list[1])
			return true;
	return false;
}

static const char *codes(int type, int level, int from)
{
	switch (type) {
	case 4:
	case 5:
		return "00108083879091" "9799";
	case 6:
	case 7:
		return "0092";
	case 9:
		return level == 5 ? "00010280" "83878F91979EA1A2" : "00010280";
	case 11:
		return "00118083878F91";
	case 14:
		return from ? "00808182838789" "8B8C8D8E8F90939495969798999A9B9C9D9E9FA0A1A2" :
			      "0004808182839093949596979899";
	case 15:
		return from ? "0018" : "1819";
	}
	return "";
}

static bool publish(struct cursor *c, uint32_t flags, int level, int from, unsigned int max_levels)
{
	struct cursor name = string(c);
	uint64_t seen = 0;

	if (c->bad || !topic(name, max_levels))
		return false;
	if (flags >> 1 & 3 && !take(c, 2))
		return false;
	if (level == 5)
		seen = section(c, 3, from, max_levels);
	return !c->bad && (name.left || seen >> 0x23 & 1);
}

static bool filters(struct cursor *c, int type, int level, unsigned int max_levels)
{
	if (!c->left)
		return false;
	while (c->left && !c->bad) {
		struct cursor f = string(c);
		uint32_t options;

		if (c->bad || !filter(f, level, max_levels))
			return false;
		if (type == 10)
			continue;
		options = take(c, 1);
		if ((options & 3) == 3)
			return false;
		if (level == 4 && options > 2)
			return false;
		if (level == 5 && (options >> 6 || (options >> 4 & 3) == 3 ||
				   (options & 4 && is_shared(f))))
			return false;
	}
	return !c->bad;
}

static bool body(struct cursor *c, int type, uint32_t flags, int level, int from,
		 unsigned int max_levels)
{
	bool v5 = level == 5;
	uint32_t code = 0;
	uint64_t seen = 0;

	switch (type) {
	case 3:
		return publish(c, flags, level, from, max_levels);
	case 4: case 5: case 6: case 7:
		if (!take(c, 2))
			return false;
		if (v5 && c->left)
			c->bad |= !code_in(codes(type, level, from), take(c, 1));
		if (v5 && c->left)
			section(c, type, from, max_levels);
		return !c->bad && !c->left;
	case 8: case 10:
		if (!take(c, 2))
			return false;
		if (v5)
			section(c, type, from, max_levels);
		return !c->bad && filters(c, type, level, max_levels);
	case 9: case 11:
		if (!take(c, 2))
			return false;
		if (v5)
			section(c, type, from, max_levels);
		if (type == 11 && !v5)
			return !c->left;
		if (!c->left)
			return false;
		while (c->left && !c->bad)
			c->bad |= !code_in(codes(type, level, from), take(c, 1));
		return !c->bad;
	case 12: case 13:
		return !c->left;
	case 14:
		if (v5 && c->left)
			c->bad |= !code_in(codes(type, level, from), take(c, 1));
		if (v5 && c->left)
			section(c, type, from, max_levels);
		return !c->bad && !c->left;
	case 15:
		if (!c->left)
			return from == 1;
		code = take(c, 1);
		c->bad |= !code_in(codes(type, level, from), code);
		seen = section(c, type, from, max_levels);
		if ((code || seen >> 0x16 & 1) && !(seen >> 0x15 & 1))
			return false;
		return !c->bad && !c->left;
	}
	return false;
}

long ref_length(const uint8_t *data, size_t len)
{
	uint32_t value = 0;

	for (size_t i = 1; i < 5; i++) {
		if (i >= len)
			return 0;
		value |= (uint32_t)(data[i] & 0x7F) << (7 * (i - 1));
		if (data[i] < 0x80)
			return i > 1 && !data[i] ? -1 : (long)(value + i + 1);
	}
	return -1;
}

bool ref_good(const uint8_t *data, size_t len, int level, int from, unsigned int max_levels)
{
	/* who may send what behind CONNECT and CONNACK, one bit a type */
	static const uint16_t senders[2] = { 0xD5F8, 0xEAF8 };
	struct cursor c = { data + 1, len - 1, false };
	int type = data[0] >> 4;
	uint32_t flags = data[0] & 15;

	if (!(senders[from] & P(type)))
		return false;
	if ((type == 15 || (type == 14 && from == 1)) && level != 5)
		return false;
	if (type == 3) {
		if ((flags & 6) == 6 || ((flags & 8) && !(flags & 6)))
			return false;
	} else if (type == 6 || type == 8 || type == 10) {
		if (flags != 2 && !(level == 3 && flags == 10))
			return false;
	} else if (flags) {
		return false;
	}
	return varint(&c) == c.left && !c.bad && body(&c, type, flags, level, from, max_levels);
}
