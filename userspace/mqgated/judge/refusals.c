/* SPDX-License-Identifier: BSD-2-Clause */
/* A ring of the latest refusals. Owned by the judge, which calls it with its lock held. */
#include "judge/refusals.h"

#include <stdio.h>
#include <string.h>

void mqg_printable(const char *text, char *out, size_t size)
{
	size_t len = 0;

	if (size < 2) {
		if (size)
			out[0] = '\0';
		return;
	}
	for (; text && *text; text++) {
		unsigned char c = (unsigned char)*text;
		char piece[5] = { (char)c, '\0' };
		size_t n;

		if (c < 0x20 || c > 0x7e || c == '\\')
			snprintf(piece, sizeof(piece), "\\x%02x", c);
		n = strlen(piece);
		if (n >= size - len - 1) {
			out[len++] = '~';
			break;
		}
		memcpy(out + len, piece, n);
		len += n;
	}
	out[len] = '\0';
}

void mqg_refusals_add(struct mqg_refusals *refusals, const struct mqg_refusal *refusal,
		      uint64_t now)
{
	struct mqg_refusal_note *note = &refusals->ring[refusals->n++ % MQG_REFUSALS_KEPT];

	note->time = now;
	memcpy(note->addr, refusal->addr, sizeof(note->addr));
	note->reason = refusal->reason;
	note->service = refusal->service;
	mqg_printable(refusal->client_id, note->client_id, sizeof(note->client_id));
	mqg_printable(refusal->identity, note->identity, sizeof(note->identity));
}

size_t mqg_refusals_count(const struct mqg_refusals *refusals)
{
	return refusals->n < MQG_REFUSALS_KEPT ? refusals->n : MQG_REFUSALS_KEPT;
}

const struct mqg_refusal_note *mqg_refusals_back(const struct mqg_refusals *refusals, size_t back)
{
	if (back >= mqg_refusals_count(refusals))
		return NULL;
	return &refusals->ring[(refusals->n - 1 - back) % MQG_REFUSALS_KEPT];
}
