// SPDX-License-Identifier: BSD-2-Clause
/* Properties by the table of 2.2.2.2; see properties.h. */
#include "message/properties.h"

enum { NONE, BYTE, TWO, FOUR = 4, VARINT, TEXT, PAIR };

static const uint8_t kinds[] = {
	[0x01] = BYTE, [0x02] = FOUR, [0x03] = TEXT, [0x08] = TEXT, [0x09] = TEXT, [0x0B] = VARINT,
	[0x11] = FOUR, [0x12] = TEXT, [0x13] = TWO, [0x15] = TEXT, [0x16] = TEXT, [0x17] = BYTE,
	[0x18] = FOUR, [0x19] = BYTE, [0x1A] = TEXT, [0x1C] = TEXT, [0x1F] = TEXT, [0x21] = TWO,
	[0x22] = TWO, [0x23] = TWO, [0x24] = BYTE, [0x25] = BYTE, [0x26] = PAIR, [0x27] = FOUR,
	[0x28] = BYTE, [0x29] = BYTE, [0x2A] = BYTE,
};

const uint8_t *mqg_varint_read(const uint8_t *at, const uint8_t *end, uint32_t *value)
{
	*value = 0;
	for (unsigned int shift = 0; shift < 28; shift += 7) {
		if (at >= end)
			return NULL;
		*value |= (uint32_t)(*at & 0x7f) << shift;
		if (!(*at++ & 0x80))
			return at;
	}
	return NULL;
}

size_t mqg_varint_size(uint32_t value)
{
	return value < 0x80 ? 1 : value < 0x4000 ? 2 : value < 0x200000 ? 3 : 4;
}

uint8_t *mqg_varint_write(uint8_t *at, uint32_t value)
{
	do {
		*at++ = (uint8_t)((value & 0x7f) | (value > 0x7f ? 0x80 : 0));
		value >>= 7;
	} while (value);
	return at;
}

static const uint8_t *skip_text(const uint8_t *at, const uint8_t *end)
{
	if (!at || end - at < 2 || mqg_read_two(at) > (size_t)(end - at - 2))
		return NULL;
	return at + 2 + mqg_read_two(at);
}

const uint8_t *mqg_property_next(const uint8_t *at, const uint8_t *end,
				 struct mqg_property *property)
{
	uint8_t kind;

	if (at >= end || *at >= sizeof(kinds))
		return NULL;
	property->id = *at++;
	property->number = 0;
	property->text = at;
	kind = kinds[property->id];
	switch (kind) {
	case NONE:
		return NULL;
	case VARINT:
		return mqg_varint_read(at, end, &property->number);
	case TEXT:
		return skip_text(at, end);
	case PAIR:
		return skip_text(skip_text(at, end), end);
	}
	if (end - at < kind)
		return NULL;
	for (uint8_t i = 0; i < kind; i++)
		property->number = property->number << 8 | *at++;
	return at;
}
