// SPDX-License-Identifier: BSD-2-Clause
/* A list with bounds; see keep.h. Most often it is the first that a server acknowledges. */
#include "message/keep.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void mqg_keep_init(struct mqg_keep *keep, const struct mqg_keep_limits *limits,
		   struct mqg_keep_counts *counts)
{
	*keep = (struct mqg_keep){ .limits = *limits, .counts = counts };
	keep->end = &keep->first;
}

static void uncount(struct mqg_keep *keep, uint32_t len)
{
	keep->n--;
	keep->bytes -= len;
	atomic_fetch_sub_explicit(&keep->counts->bytes, len, memory_order_relaxed);
}

void mqg_keep_exit(struct mqg_keep *keep)
{
	while (keep->first)
		mqg_keep_remove(keep, keep->first);
	mqg_filters_exit(&keep->filters);
	free(keep->assigned);
}

static bool has_room(const struct mqg_keep *keep, uint32_t len)
{
	const struct mqg_keep_limits *limits = &keep->limits;
	uint64_t total = atomic_load_explicit(&keep->counts->bytes, memory_order_relaxed);

	return keep->n < limits->messages && keep->bytes <= limits->bytes &&
	       len <= limits->bytes - keep->bytes && total <= limits->total &&
	       len <= limits->total - total;
}

bool mqg_keep_full(const struct mqg_keep *keep)
{
	return !mqg_keep_linked(keep) && !has_room(keep, 1);
}

int mqg_keep_add(struct mqg_keep *keep, uint8_t kind, uint16_t id, uint32_t len,
		 struct mqg_kept **out)
{
	struct mqg_kept *kept;

	*out = NULL;
	if (!has_room(keep, len))
		return mqg_keep_linked(keep) ? 0 : -ENOSPC;
	kept = malloc(sizeof(*kept) + len);
	if (!kept)
		return -ENOMEM;
	*kept = (struct mqg_kept){
		.len = len, .id = id, .kind = kind, .sent = mqg_keep_linked(keep),
	};
	*keep->end = kept;
	keep->end = &kept->next;
	keep->n++;
	keep->bytes += len;
	atomic_fetch_add_explicit(&keep->counts->bytes, len, memory_order_relaxed);
	*out = kept;
	return 0;
}

struct mqg_kept *mqg_keep_find(struct mqg_keep *keep, uint8_t kind, uint16_t id)
{
	struct mqg_kept *kept = keep->first;

	while (kept && (kept->id != id || kept->kind != kind))
		kept = kept->next;
	return kept;
}

void mqg_keep_remove(struct mqg_keep *keep, struct mqg_kept *kept)
{
	struct mqg_kept **at = &keep->first;

	if (!kept)
		return;
	while (*at != kept)
		at = &(*at)->next;
	*at = kept->next;
	if (keep->end == &kept->next)
		keep->end = at;
	if (keep->filling == kept)
		keep->filling = NULL;
	uncount(keep, kept->len);
	free(kept);
}

void mqg_keep_fill(struct mqg_keep *keep, const uint8_t *data, size_t len, bool ends)
{
	struct mqg_kept *kept = keep->filling;

	memcpy(kept->packet + kept->filled, data, len);
	kept->filled += (uint32_t)len;
	if (ends)
		keep->filling = NULL;
}
