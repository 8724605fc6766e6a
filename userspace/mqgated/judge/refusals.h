/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The latest refusals, for `mqgate why` and the refusals verb. Owned by the judge, guarded by its
 * lock.
 */
#ifndef MQG_JUDGE_REFUSALS_H
#define MQG_JUDGE_REFUSALS_H

#include <stddef.h>
#include <stdint.h>

#include "judge/judge.h"

#define MQG_REFUSALS_KEPT	1024

struct mqg_refusal_note {
	uint64_t	time;
	uint8_t		addr[16];
	uint32_t	reason;
	uint32_t	service;
	char		client_id[128];		/* printable; cut with '~' where longer */
	char		identity[128];
};

struct mqg_refusals {
	size_t			n;		/* ever; the ring holds the latest */
	struct mqg_refusal_note	ring[MQG_REFUSALS_KEPT];
};

void mqg_refusals_add(struct mqg_refusals *refusals, const struct mqg_refusal *refusal,
		      uint64_t now);

size_t mqg_refusals_count(const struct mqg_refusals *refusals);
/* @back: 0 is the latest. NULL beyond the oldest that is kept. */
const struct mqg_refusal_note *mqg_refusals_back(const struct mqg_refusals *refusals, size_t back);

/* Copies what a stranger sent, made printable (others as \xNN), cut with '~'. NULL becomes "". */
void mqg_printable(const char *text, char *out, size_t size);

#endif
